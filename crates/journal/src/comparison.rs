//! Comparisons of our books with the venue's: what each found, what was done about it, what it left.
//!
//! Read off the journal like everything else, so `plimsoll status` says it whether a gateway runs or not,
//! and a gateway that is asked answers with the same words.

use std::collections::BTreeMap;

use model::{Discrepancy, Entry, Record, Timestamp};
use serde::{Deserialize, Serialize};

/// Differences of one comparison that are told one by one; all are counted by kind.
const TOLD_MAX: usize = 32;

/// One complete comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// When it was complete.
    pub at: Timestamp,
    /// Differences found since the one before.
    pub found: u64,
    /// The same by kind.
    pub kinds: BTreeMap<String, u64>,
    /// The first of them, with what was done about each.
    pub differences: Vec<Corrected>,
    /// What nothing has corrected, or what a person has to look at.
    pub left: Vec<Corrected>,
}

/// A difference and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// What.
    #[serde(flatten)]
    pub what: Discrepancy,
    /// What is done, for people.
    pub correction: String,
}

impl From<&Discrepancy> for Corrected {
    fn from(what: &Discrepancy) -> Corrected {
        Corrected { what: what.clone(), correction: what.correction().to_owned() }
    }
}

/// A fold over entries that keeps the last comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparisons {
    total: u64,
    kinds: BTreeMap<String, u64>,
    differences: Vec<Corrected>,
    last: Option<Comparison>,
}

impl Comparisons {
    /// Takes one entry into account.
    pub fn add(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Started { .. } => *self = Comparisons::default(),
            Record::Discrepancy { found } => {
                *self.kinds.entry(found.kind().to_owned()).or_insert(0) += 1;
                if self.differences.len() < TOLD_MAX {
                    self.differences.push(found.into());
                }
            }
            Record::Reconciled { remaining, .. } => {
                let kinds = std::mem::take(&mut self.kinds);
                let comparison = Comparison {
                    at: entry.at,
                    found: kinds.values().sum(),
                    kinds,
                    differences: std::mem::take(&mut self.differences),
                    left: remaining.iter().map(Corrected::from).collect(),
                };
                self.last = Some(comparison);
                self.total += 1;
            }
            // What was done is in the comparison itself.
            _ => {}
        }
    }

    /// How many were complete since the start.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The last one since the start.
    pub const fn last(&self) -> Option<&Comparison> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use model::{Asset, VenueOrderId};

    use super::*;
    use crate::samples::at;

    fn compared(comparisons: &mut Comparisons, seconds: i64, remaining: Vec<Discrepancy>) {
        let left = u32::try_from(remaining.len()).unwrap();
        let (fills_to, fills_until) = (BTreeMap::new(), BTreeMap::new());
        let record = Record::Reconciled { found: 0, left, fills_to, fills_until, remaining };
        comparisons.add(&Entry { at: at(seconds), record });
    }

    #[test]
    fn a_comparison_has_what_was_found_since_the_one_before() {
        let mut comparisons = Comparisons::default();
        let foreign = |number| {
            let venue_order_id = VenueOrderId::from_number(number);
            let found = Discrepancy::Foreign { instrument: None, venue_order_id };
            Entry { at: at(1), record: Record::Discrepancy { found } }
        };
        (0..40).for_each(|number| comparisons.add(&foreign(number)));
        assert_eq!(comparisons.last(), None);
        compared(&mut comparisons, 2, Vec::new());
        let last = comparisons.last().unwrap();
        assert_eq!((last.at, last.found, last.kinds["foreign"]), (at(2), 40, 40));
        assert_eq!((last.differences.len(), last.left.len()), (TOLD_MAX, 0));

        let (ours, theirs) = ("2".parse().unwrap(), "1".parse().unwrap());
        let drift = Discrepancy::Balance { asset: Asset::new("BTC").unwrap(), ours, theirs };
        compared(&mut comparisons, 3, vec![drift.clone()]);
        let last = comparisons.last().unwrap();
        assert_eq!((last.found, comparisons.total()), (0, 2));
        let text = serde_json::to_string(last).unwrap();
        assert!(
            text.contains(r#""left":[{"discrepancy":"balance","asset":"BTC","ours":"2""#),
            "{text}"
        );
        assert!(text.contains(r#""correction":"none: "#), "{text}");
        assert_eq!(&serde_json::from_str::<Comparison>(&text).unwrap(), last);
    }

    #[test]
    fn a_start_forgets_it() {
        let mut comparisons = Comparisons::default();
        compared(&mut comparisons, 2, Vec::new());
        let started = Record::Started {
            session: 2,
            version: String::new(),
            config: String::new(),
            paper: false,
        };
        comparisons.add(&Entry { at: at(3), record: started });
        assert_eq!(comparisons, Comparisons::default());
    }
}

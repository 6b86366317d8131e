//! How long trading has been active and clean, as the books know it: what the ramp rises by.
//!
//! Time counts when a comparison of the books confirms it: what was active since the last one is added when the next
//! leaves no difference, and is lost when the process dies before it. Back to nothing goes a halt, a difference that
//! waits for a person, and code or parameters of an agent that this account did not have last. A start or an end
//! that was asked for is none of these.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AgentId, AgentVersion, Discrepancy, Entry, Record, Timestamp, TradingState};
use serde::{Deserialize, Serialize};

/// The time, and what part of the limits was last written down to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramped {
    /// Active and confirmed.
    clean: Duration,
    /// Active and not confirmed yet.
    unconfirmed: Duration,
    /// Active since; `None` while it is not.
    since: Option<Timestamp>,
    /// The part that was last written down, percent.
    percent: Option<u32>,
    /// What last took all of it back, and when.
    fell: Option<(Timestamp, String)>,
    /// Which code and parameters each agent last came up with.
    versions: BTreeMap<AgentId, AgentVersion>,
}

impl Ramped {
    /// Time for which trading was active and confirmed clean since the ramp last began.
    pub const fn clean(&self) -> Duration {
        self.clean
    }

    /// The part of the limits that was last written down, percent; `None` where no ramp was ever on.
    pub const fn percent(&self) -> Option<u32> {
        self.percent
    }

    /// What last took it back to its start, and when.
    pub fn fell(&self) -> Option<(Timestamp, &str)> {
        self.fell.as_ref().map(|(at, why)| (*at, why.as_str()))
    }

    /// Which code and parameters each agent last came up with.
    pub const fn versions(&self) -> &BTreeMap<AgentId, AgentVersion> {
        &self.versions
    }

    /// Takes a record into account.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.record {
            // What the life before had not confirmed nobody knows.
            Record::Started { .. } => (self.since, self.unconfirmed) = (None, Duration::ZERO),
            Record::Trading { state, cause, .. } => {
                if let Some(since) = self.since.take() {
                    self.unconfirmed = self.unconfirmed.saturating_add(entry.at.since(since));
                }
                if state.is_latched() {
                    self.falls(entry.at, format!("{}: {cause}", state.name()));
                } else if *state == TradingState::Active {
                    self.since = Some(entry.at);
                }
            }
            Record::Reconciled { left: 0, .. } => {
                let running = self.since.map_or(Duration::ZERO, |since| entry.at.since(since));
                let more = self.unconfirmed.saturating_add(running);
                self.clean = self.clean.saturating_add(more);
                self.unconfirmed = Duration::ZERO;
                self.since = self.since.map(|_| entry.at);
            }
            Record::Reconciled { left, .. } => {
                self.falls(entry.at, format!("a comparison of the books left {left} differences"));
            }
            Record::Discrepancy { found } if is_unexplained(found) => {
                self.falls(entry.at, format!("a difference that nothing explains: {found}"));
            }
            Record::Agent { agent, version: Some(version), .. } => {
                let before = self.versions.insert(*agent, *version);
                if before != Some(*version) {
                    let as_what = if before.is_some() { "as another version" } else { "first" };
                    let now = version.short();
                    self.falls(entry.at, format!("agent {agent} came up {as_what}, {now}"));
                }
            }
            Record::Ramp { percent, .. } => self.percent = Some(*percent),
            _ => {}
        }
    }

    fn falls(&mut self, at: Timestamp, why: String) {
        (self.clean, self.unconfirmed) = (Duration::ZERO, Duration::ZERO);
        self.since = self.since.map(|_| at);
        self.fell = Some((at, why));
    }
}

/// What a person has to look at, or a balance that nothing told of.
fn is_unexplained(found: &Discrepancy) -> bool {
    found.must_be_accepted() || matches!(found, Discrepancy::Balance { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000).unwrap()
    }

    fn trading(state: TradingState) -> Record {
        Record::Trading { state, cause: "x".to_owned(), by: None }
    }

    fn compared(left: u32) -> Record {
        let (fills_to, fills_until) = (BTreeMap::new(), BTreeMap::new());
        Record::Reconciled { found: 9, left, fills_to, fills_until, remaining: Vec::new() }
    }

    fn started() -> Record {
        let (version, config) = (String::new(), String::new());
        Record::Started { session: 1, version, config, paper: false }
    }

    fn up(digit: u8) -> Record {
        let version = Some(AgentVersion::new([digit; 32]));
        Record::Agent { agent: number("trend"), event: "up".to_owned(), version }
    }

    fn clean_after(story: &[(i64, Record)]) -> u64 {
        let mut ramped = Ramped::default();
        for (second, record) in story {
            ramped.apply(&Entry { at: at(*second), record: record.clone() });
        }
        ramped.clean().as_secs()
    }

    #[test]
    fn what_is_active_counts_when_a_comparison_confirms_it() {
        use TradingState::*;
        let active = || trading(Active);
        let busted =
            Discrepancy::Balance { asset: number("USDT"), ours: number("5"), theirs: number("4") };
        let lost = Record::Discrepancy { found: busted };
        let dust = Record::Discrepancy {
            found: Discrepancy::Dust {
                asset: number("USDT"),
                ours: number("1"),
                theirs: number("2"),
            },
        };
        for (seconds, story) in [
            (0, vec![(0, active())]),
            (30, vec![(0, active()), (30, compared(0))]),
            (30, vec![(0, active()), (30, compared(0)), (99, trading(Reducing))]),
            // Active again and again, and confirmed at last.
            (
                15,
                vec![
                    (0, active()),
                    (10, trading(Throttled)),
                    (20, active()),
                    (25, compared(0)),
                    (26, trading(Starting)),
                ],
            ),
            // It died, and what was not confirmed is lost; it was asked to end, and what was is not.
            (30, vec![(0, active()), (30, compared(0)), (50, started()), (90, compared(0))]),
            (30, vec![(0, active()), (30, compared(0)), (31, Record::Stopped), (90, started())]),
            // Explained differences take nothing.
            (30, vec![(0, active()), (9, dust), (30, compared(0))]),
            // Each of these takes all.
            (0, vec![(0, active()), (30, compared(0)), (40, trading(Halted))]),
            (0, vec![(0, active()), (30, compared(0)), (40, trading(Dark)), (50, compared(0))]),
            (0, vec![(0, active()), (30, compared(0)), (40, compared(1))]),
            (5, vec![(0, active()), (30, compared(0)), (40, lost), (45, compared(0))]),
            // Other code.
            (20, vec![(0, up(1)), (0, active()), (20, compared(0)), (25, up(1))]),
            (0, vec![(0, up(1)), (0, active()), (20, compared(0)), (25, up(2))]),
            // The clock went back: no time passed.
            (0, vec![(50, active()), (20, compared(0))]),
        ] {
            assert_eq!(clean_after(&story), seconds, "{story:?}");
        }
    }
}

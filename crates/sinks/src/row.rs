//! One record as a row: the entry as it stands in the journal, with what was held before it.

use journal::Facets;
use model::{Entry, StoreTag, Timestamp};

use crate::fold::{Before, Fold};
use crate::journey::Journey;

/// One row of every sink.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) journal: String,
    /// Of all journals and for ever: `TAG-NUMBER`.
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
    /// The text that the journal has.
    pub(crate) json: String,
    pub(crate) before: Before,
    /// The order that it is about, for a sink that follows orders.
    pub(crate) journey: Option<Journey>,
    /// The short word for why, where the record has one.
    pub(crate) code: String,
}

/// What a row tells of.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A record.
    Entry(Entry),
    /// Records that were removed before this sink had them.
    Missing(Missing),
}

/// Numbers of records that a sink will never have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

/// The kind of a row that tells of missing records.
pub(crate) const MISSING: &str = "missing";

impl Row {
    pub(crate) fn of(tag: StoreTag, seq: u64, text: &str, entry: Entry, fold: &Fold) -> Row {
        let before = fold.before(&entry.record);
        let journey = fold.journey(&entry);
        let code = crate::typed::code(&entry.record);
        Row {
            journal: tag.to_string(),
            id: format!("{tag}-{seq}"),
            seq,
            at: entry.at,
            what: What::Entry(entry),
            json: text.to_owned(),
            before,
            journey,
            code,
        }
    }

    /// In the place of records that are not there any more, at the time of the first one that is.
    pub(crate) fn missing(tag: StoreTag, missing: Missing, at: Timestamp) -> Row {
        let Missing { first, last } = missing;
        Row {
            journal: tag.to_string(),
            id: format!("{tag}-{first}"),
            seq: first,
            at,
            json: format!(r#"{{"kind":"{MISSING}","first":{first},"last":{last}}}"#),
            what: What::Missing(missing),
            before: Before::default(),
            journey: None,
            code: String::new(),
        }
    }

    pub(crate) fn facets(&self) -> Facets<'_> {
        match &self.what {
            What::Entry(entry) => journal::facets(&entry.record),
            What::Missing(_) => Facets { kind: MISSING, ..Facets::default() },
        }
    }

    /// The records whose place it takes, if it does.
    pub(crate) const fn missed(&self) -> Option<Missing> {
        match self.what {
            What::Entry(_) => None,
            What::Missing(missing) => Some(missing),
        }
    }
}

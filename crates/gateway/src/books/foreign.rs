//! Orders on the account that are not ours, as the books know them: which have been reported, and which
//! are open and count in every worst case.

use std::collections::BTreeMap;

use model::venue::VenueOrder;
use model::{InstrumentId, VenueOrderId};
use serde::{Deserialize, Serialize};

use super::pairs;
use super::remembered::Remembered;

/// An order by the venue's name for it, which is one only together with its instrument: a venue may number
/// the orders of each by itself.
pub type VenueKey = (InstrumentId, VenueOrderId);

/// Orders of others that are remembered. One that is forgotten and executes after all is asked for and
/// said again.
pub(super) const KEPT: usize = 16_384;

/// Orders of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Foreign {
    known: Remembered<VenueKey>,
    /// As many as the venue lets an account have.
    #[serde(with = "pairs")]
    open: BTreeMap<VenueKey, VenueOrder>,
}

impl Foreign {
    pub(super) fn knows(&self, key: &VenueKey) -> bool {
        self.known.knows(key)
    }

    pub(super) fn get_open(&self, key: &VenueKey) -> Option<&VenueOrder> {
        self.open.get(key)
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &VenueOrder> {
        self.open.values()
    }

    /// It is so now. Returns how it was while it was open.
    pub(super) fn is_so(&mut self, order: &VenueOrder) -> Option<VenueOrder> {
        let key = (order.instrument, order.id);
        self.known.remember(key, KEPT);
        if order.status.is_open() {
            self.open.insert(key, order.clone())
        } else {
            self.open.remove(&key)
        }
    }

    /// The venue does not know it. It is forgotten: should it be shown again after all, it is news.
    pub(super) fn gone(&mut self, key: &VenueKey) -> Option<VenueOrder> {
        self.known.forget(key);
        self.open.remove(key)
    }

    /// Those that a record of an older version means, which has the venue's name alone.
    pub(super) fn named(&self, id: VenueOrderId) -> Vec<VenueKey> {
        self.known.iter().filter(|(_, known)| *known == id).copied().collect()
    }
}

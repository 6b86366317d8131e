//! Orders on the account that are not ours, as the books know them: which have been reported, and which
//! are open and count in every worst case.

use std::collections::BTreeMap;

use model::venue::VenueOrder;
use model::{InstrumentId, VenueOrderId};
use serde::{Deserialize, Serialize};

use super::remembered::Remembered;
use super::{Books, pairs};

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

    fn named(&self, id: VenueOrderId) -> Vec<VenueKey> {
        self.known.iter().filter(|(_, known)| *known == id).copied().collect()
    }
}

impl Books {
    /// Has this order of somebody else been reported?
    pub fn knows_foreign(&self, key: VenueKey) -> bool {
        self.foreign.knows(&key)
    }

    /// An open order of somebody else, as it was last told.
    pub fn foreign_order(&self, key: VenueKey) -> Option<&VenueOrder> {
        self.foreign.get_open(&key)
    }

    /// Orders of others that may still execute.
    pub fn foreign_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.foreign.open()
    }

    pub(super) fn foreign_is_so(&mut self, order: &VenueOrder) {
        let before = self.foreign.is_so(order);
        self.count_foreign(before.as_ref(), false);
        self.count_foreign(Some(order), true);
    }

    /// Without an instrument, as in records of older versions, whatever has the name.
    pub(super) fn foreign_is_gone(&mut self, instrument: Option<InstrumentId>, id: VenueOrderId) {
        let gone = match instrument {
            Some(instrument) => vec![(instrument, id)],
            None => self.foreign.named(id),
        };
        for key in gone {
            let before = self.foreign.gone(&key);
            self.count_foreign(before.as_ref(), false);
        }
    }

    /// Adds what is open of an order to the exposure of its instrument, or takes it out.
    fn count_foreign(&mut self, order: Option<&VenueOrder>, add: bool) {
        let Some(order) = order.filter(|order| !order.leaves().is_zero()) else { return };
        let exposure = self.exposures.entry(order.instrument).or_default();
        exposure.count(order.side, order.leaves(), add);
    }
}

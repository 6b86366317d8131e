//! Orders on the account that are not ours, as the books know them: which have been reported, and which
//! are open and count in every worst case.

use std::collections::BTreeMap;

use model::VenueOrderId;
use model::venue::VenueOrder;
use serde::{Deserialize, Serialize};

use super::remembered::Remembered;

/// Orders of others that are remembered. One that is forgotten and executes after all is asked for and
/// said again.
pub(super) const KEPT: usize = 16_384;

/// Orders of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Foreign {
    known: Remembered<VenueOrderId>,
    /// As many as the venue lets an account have.
    open: BTreeMap<VenueOrderId, VenueOrder>,
}

impl Foreign {
    pub(super) fn knows(&self, id: &VenueOrderId) -> bool {
        self.known.knows(id)
    }

    pub(super) fn get_open(&self, id: &VenueOrderId) -> Option<&VenueOrder> {
        self.open.get(id)
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &VenueOrder> {
        self.open.values()
    }

    pub(super) fn remember(&mut self, id: VenueOrderId) {
        self.known.remember(id, KEPT);
    }

    /// It is so now. Returns how it was while it was open.
    pub(super) fn is_so(&mut self, order: &VenueOrder) -> Option<VenueOrder> {
        self.remember(order.id);
        if order.status.is_open() {
            self.open.insert(order.id, order.clone())
        } else {
            self.open.remove(&order.id)
        }
    }

    /// The venue does not know it. It is forgotten: should it be shown again after all, it is news.
    pub(super) fn gone(&mut self, id: &VenueOrderId) -> Option<VenueOrder> {
        self.known.forget(id);
        self.open.remove(id)
    }
}

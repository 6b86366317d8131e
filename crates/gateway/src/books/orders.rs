//! Our orders by our name for them.
//!
//! Those that are over lie apart: sixteen thousand of them are remembered, nearly every question is about one of the few
//! that stand, and one of those is found in a moment.

use std::collections::BTreeMap;

use model::ClientOrderId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::order::TrackedOrder;

/// All that are remembered. Each is among those that stand as long as its state says that it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    standing: BTreeMap<ClientOrderId, TrackedOrder>,
    over: BTreeMap<ClientOrderId, TrackedOrder>,
}

impl Orders {
    pub(super) fn get(&self, id: &ClientOrderId) -> Option<&TrackedOrder> {
        self.standing.get(id).or_else(|| self.over.get(id))
    }

    /// To be changed in everything but whether it stands; that is [`Orders::change`].
    pub(super) fn get_mut(&mut self, id: &ClientOrderId) -> Option<&mut TrackedOrder> {
        self.standing.get_mut(id).or_else(|| self.over.get_mut(id))
    }

    /// Changes one that is known. Says whether it stood and whether it stands.
    pub(super) fn change(
        &mut self,
        id: &ClientOrderId,
        change: impl FnOnce(&mut TrackedOrder),
    ) -> Option<(bool, bool)> {
        let order = self.get_mut(id)?;
        let stood = order.state.is_open();
        change(order);
        let stands = order.state.is_open();
        if stood != stands {
            let from = if stood { &mut self.standing } else { &mut self.over };
            let order = from.remove(id)?;
            self.insert(*id, order);
        }
        Some((stood, stands))
    }

    pub(super) fn insert(&mut self, id: ClientOrderId, order: TrackedOrder) {
        let to = if order.state.is_open() { &mut self.standing } else { &mut self.over };
        to.insert(id, order);
    }

    /// Forgets one that is over.
    pub(super) fn forget(&mut self, id: &ClientOrderId) -> Option<TrackedOrder> {
        self.over.remove(id)
    }

    /// All of them, those that stand first.
    pub(super) fn all(&self) -> impl Iterator<Item = &TrackedOrder> {
        self.standing.values().chain(self.over.values())
    }
}

/// As one list by name, whichever of them stand.
impl Serialize for Orders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all: BTreeMap<_, _> = self.standing.iter().chain(&self.over).collect();
        all.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Orders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Orders, D::Error> {
        let all = BTreeMap::<ClientOrderId, TrackedOrder>::deserialize(deserializer)?;
        let (standing, over) = all.into_iter().partition(|(_, order)| order.state.is_open());
        Ok(Orders { standing, over })
    }
}

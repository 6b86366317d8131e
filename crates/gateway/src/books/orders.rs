//! Our orders by our name for them.
//!
//! Those that are over lie apart: sixteen thousand of them are remembered, nearly every question is about one of the few
//! that stand, and one of those is found in a moment.

use std::collections::{BTreeMap, VecDeque};

use model::ClientOrderId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::order::TrackedOrder;

/// Of those that are over the last ones lie on top: what is still told of an order comes soon after its end.
const LATELY: usize = 16;

/// All that are remembered. Each is among those that stand as long as its state says that it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    standing: BTreeMap<ClientOrderId, TrackedOrder>,
    /// The last that ended, the newest at the end.
    lately: VecDeque<(ClientOrderId, TrackedOrder)>,
    over: BTreeMap<ClientOrderId, TrackedOrder>,
}

/// Where an order that is over lies is nobody's business.
impl PartialEq for Orders {
    fn eq(&self, other: &Orders) -> bool {
        self.by_name() == other.by_name()
    }
}

impl Eq for Orders {}

impl Orders {
    pub(super) fn get(&self, id: &ClientOrderId) -> Option<&TrackedOrder> {
        if let Some(order) = self.standing.get(id) {
            return Some(order);
        }
        match self.place_of_late(id) {
            Some(at) => self.lately.get(at).map(|(_, order)| order),
            None => self.over.get(id),
        }
    }

    /// To be changed in everything but whether it stands; that is [`Orders::change`].
    pub(super) fn get_mut(&mut self, id: &ClientOrderId) -> Option<&mut TrackedOrder> {
        let late = self.place_of_late(id);
        if let Some(order) = self.standing.get_mut(id) {
            return Some(order);
        }
        match late {
            Some(at) => self.lately.get_mut(at).map(|(_, order)| order),
            None => self.over.get_mut(id),
        }
    }

    fn place_of_late(&self, id: &ClientOrderId) -> Option<usize> {
        self.lately.iter().rposition(|(known, _)| known == id)
    }

    fn by_name(&self) -> BTreeMap<&ClientOrderId, &TrackedOrder> {
        let lately = self.lately.iter().map(|(id, order)| (id, order));
        self.standing.iter().chain(lately).chain(&self.over).collect()
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
            let order = if stood { self.standing.remove(id) } else { self.forget(id) };
            self.insert(*id, order?);
        }
        Some((stood, stands))
    }

    pub(super) fn insert(&mut self, id: ClientOrderId, order: TrackedOrder) {
        if order.state.is_open() {
            self.standing.insert(id, order);
            return;
        }
        if self.lately.len() >= LATELY
            && let Some((id, order)) = self.lately.pop_front()
        {
            self.over.insert(id, order);
        }
        self.lately.push_back((id, order));
    }

    /// Forgets one that is over.
    pub(super) fn forget(&mut self, id: &ClientOrderId) -> Option<TrackedOrder> {
        match self.place_of_late(id) {
            Some(at) => self.lately.remove(at).map(|(_, order)| order),
            None => self.over.remove(id),
        }
    }

    /// All of them, those that stand first.
    pub(super) fn all(&self) -> impl Iterator<Item = &TrackedOrder> {
        let lately = self.lately.iter().map(|(_, order)| order);
        self.standing.values().chain(lately).chain(self.over.values())
    }
}

/// As one list by name, whichever of them stand.
impl Serialize for Orders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_name().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Orders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Orders, D::Error> {
        let all = BTreeMap::<ClientOrderId, TrackedOrder>::deserialize(deserializer)?;
        let (standing, over) = all.into_iter().partition(|(_, order)| order.state.is_open());
        Ok(Orders { standing, lately: VecDeque::new(), over })
    }
}

#[cfg(test)]
mod tests {
    use model::{Ending, OrderState};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{World, spec};

    /// An order as the books make one.
    fn order() -> TrackedOrder {
        let mut world = World::new();
        let id = world.place(spec(model::Side::Buy, "1", "100")).unwrap();
        world.gateway.books().order(&id).unwrap().clone()
    }

    proptest! {
        /// The twin: one tree of all. Many more end than lie on top, and some are alive after all.
        #[test]
        fn where_an_order_lies_cannot_be_told(steps in prop::collection::vec((0u8..60, 0u8..5), 0..300)) {
            let (mut orders, mut tree) = (Orders::default(), BTreeMap::new());
            let order = order();
            for (name, what) in steps {
                let id = ClientOrderId::new(&format!("agent-00001-1-{name}")).unwrap();
                let state = if what == 1 { OrderState::Working } else { OrderState::Done(Ending::Canceled) };
                let known = tree.get_mut(&id);
                match (what, known) {
                    (0, None) => {
                        orders.insert(id, order.clone());
                        tree.insert(id, order.clone());
                    }
                    (1 | 2, Some(known)) => {
                        let known: &mut TrackedOrder = known;
                        let stands = (known.state.is_open(), state.is_open());
                        known.state = state;
                        prop_assert_eq!(orders.change(&id, |order| order.state = state), Some(stands));
                    }
                    (3, Some(known)) => {
                        known.absent = !known.absent;
                        orders.get_mut(&id).unwrap().absent = known.absent;
                    }
                    (4, Some(known)) if !known.state.is_open() => {
                        prop_assert_eq!(orders.forget(&id), tree.remove(&id));
                    }
                    (_, None) => prop_assert!(orders.get(&id).is_none() && orders.get_mut(&id).is_none()),
                    _ => {}
                }
                prop_assert_eq!(orders.get(&id), tree.get(&id));
            }
            let (read, written) = (serde_json::to_string(&orders).unwrap(), serde_json::to_string(&tree).unwrap());
            prop_assert_eq!(&read, &written);
            prop_assert_eq!(orders.all().count(), tree.len());
            let again: Orders = serde_json::from_str(&written).unwrap();
            prop_assert!(again == orders);
        }
    }
}

//! What orders of others do to the books.

use model::venue::VenueOrder;
use model::{InstrumentId, VenueOrderId};

use super::costs::worst_price;
use super::standing::Stands;
use super::{Books, VenueKey};

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
        if let Some(price) = worst_price(order) {
            let costs = self.costs.entry(order.instrument).or_default();
            costs.count(order.side, (price, order.leaves()), add);
        }
        self.standing.entry(order.instrument).or_default().count(Stands::of_foreign(order), add);
    }
}

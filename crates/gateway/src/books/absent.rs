//! What the proof of an order's absence does to the books.

use model::{AgentId, ClientOrderId, InstrumentId, OrderState, Qty, Side, Timestamp};

use super::Books;

impl Books {
    /// What counts on one side of an instrument besides its exposure, in the position limit alone: orders
    /// whose absence was proven not longer than ten minutes ago. Base units.
    pub fn shadow(&self, now: Timestamp, instrument: InstrumentId, side: Side) -> Qty {
        self.shadow_of(now, None, instrument, side)
    }

    /// The same, of one agent or of all.
    pub(crate) fn shadow_of(
        &self,
        now: Timestamp,
        agent: Option<AgentId>,
        instrument: InstrumentId,
        side: Side,
    ) -> Qty {
        self.shadows.of(now, agent, instrument, side)
    }

    /// An open order is over by proof of its absence. What had never left casts no shadow: that was proven
    /// here.
    pub(super) fn absent(&mut self, id: &ClientOrderId, at: Timestamp) {
        let Some(order) = self.orders.get_mut(id).filter(|o| o.state.is_open()) else { return };
        order.absent = true;
        if order.state != OrderState::PendingNew {
            let could = (order.order.instrument, order.order.side, order.leaves());
            let agent = order.agent;
            self.shadows.add(at, (*id, agent), could);
        }
    }
}

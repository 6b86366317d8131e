//! What is to be sold instead of protective stops that were late, and is not sold yet. It outlives a restart: the stops
//! are gone by then.

use model::{ClientOrderId, Closing, InstrumentId, Qty, Side, TradingState};

use super::Books;

impl Books {
    /// Base units that are to be sold of each instrument.
    pub(crate) fn covering(&self) -> impl Iterator<Item = (InstrumentId, Qty)> {
        self.covering.iter().map(|(instrument, left)| (*instrument, *left))
    }

    /// Of this one; `None` when there is nothing of it.
    pub(crate) fn left_to_cover(&self, instrument: InstrumentId) -> Option<Qty> {
        self.covering.get(&instrument).copied()
    }

    /// A stop is taken back, and so much is to be sold instead of it; once, however often it is taken back.
    pub(super) fn is_covered(&mut self, stop: &ClientOrderId, qty: Qty) {
        let Some(order) = self.orders.get(stop).filter(|order| !order.cancel_wanted) else {
            return;
        };
        let left = self.covering.entry(order.order.instrument).or_insert(Qty::ZERO);
        *left = left.checked_add(qty).unwrap_or(*left);
    }

    /// Is a stop of this instrument on its way back, whoever wants it? It may still execute, and what it would sell
    /// is not free before it is over.
    pub(crate) fn takes_a_stop_back(&self, instrument: InstrumentId) -> bool {
        self.open_orders().any(|order| {
            let is_stop = order.order.side == Side::Sell && order.order.kind.trigger().is_some();
            is_stop && order.cancel_wanted && order.order.instrument == instrument
        })
    }

    /// How far a closing is. Where everything is closed, by a person's word, it is no stop's.
    pub(super) fn closing_is(&mut self, instrument: InstrumentId, closing: &Closing) {
        if self.halted.as_ref().is_some_and(|latch| latch.state == TradingState::Flattening) {
            return;
        }
        match closing {
            Closing::Flat | Closing::Dust(_) | Closing::Dropped(_) => {
                self.covering.remove(&instrument);
            }
            // What is left is counted, stop by stop and sale by sale.
            Closing::Slices | Closing::Held(_) => {}
        }
    }

    /// So much was sold of it, by whomever.
    pub(super) fn sold(&mut self, instrument: InstrumentId, qty: Qty) {
        if let Some(left) = self.covering.get_mut(&instrument) {
            *left = left.saturating_sub(qty);
        }
    }
}

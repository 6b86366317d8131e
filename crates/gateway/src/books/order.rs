//! One order of ours, from the moment it was written down.

use model::venue::{VenueOrder, VenueOrderStatus};
use model::{
    AgentId, Amount, Asset, Ending, Fill, IntentId, NewOrder, OrderEvent, OrderQty, OrderState,
    Price, Qty, Rounding, Side, Timestamp, VenueOrderId,
};
use serde::{Deserialize, Serialize};

/// An order with all that is proven about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackedOrder {
    /// Whose.
    pub agent: AgentId,
    /// From which intent.
    pub intent: IntentId,
    /// As it was sent.
    pub order: NewOrder,
    /// The worst price it can trade at.
    pub worst_price: Price,
    /// Where it is in its life.
    pub state: OrderState,
    /// The venue's name for it, once known.
    pub venue_order_id: Option<VenueOrderId>,
    /// When the venue took it, by the venue's clock.
    pub accepted_at: Option<Timestamp>,
    /// Sum of its counted executions.
    pub filled: Qty,
    /// Written down at.
    pub prepared_at: Timestamp,
    /// By the venue's clock it was not made before this: the time of the newest balances that were known
    /// when it was written down. No clock of ours is in it. The epoch when none were known.
    pub not_before: Timestamp,
    /// In doubt since; `None` when it is not.
    pub doubt_since: Option<Timestamp>,
    /// It is to be taken back until it is over: a cancel of it has been sent, or its absence had been
    /// proven.
    pub cancel_wanted: bool,
    /// It is over by proof of its absence: it was not placed, or the venue has lost it.
    pub absent: bool,
    /// Its trigger was reached.
    pub triggered: bool,
    /// Of `filled`, what the venue has taken back.
    pub busted: Qty,
}

impl TrackedOrder {
    pub(super) fn new(
        agent: AgentId,
        intent: IntentId,
        order: NewOrder,
        worst_price: Price,
        at: Timestamp,
        not_before: Timestamp,
    ) -> TrackedOrder {
        TrackedOrder {
            agent,
            intent,
            order,
            worst_price,
            state: OrderState::PendingNew,
            venue_order_id: None,
            accepted_at: None,
            filled: Qty::ZERO,
            prepared_at: at,
            not_before,
            doubt_since: None,
            cancel_wanted: false,
            absent: false,
            triggered: false,
            busted: Qty::ZERO,
        }
    }

    /// Is what the venue shows under our name the order that we sent by it? The venue's own name for it
    /// decides where that is known; else it has to be what was ordered. Of an order that is over some
    /// venues tell only what of it has filled.
    pub fn is(&self, theirs: &VenueOrder) -> bool {
        let sent = &self.order;
        if let Some(known) = self.venue_order_id {
            return (sent.instrument, known) == (theirs.instrument, theirs.id);
        }
        let may_be_over = !theirs.status.is_open() || theirs.status == VenueOrderStatus::Unknown;
        let qty_agrees = theirs.qty == self.qty() || (may_be_over && theirs.qty < self.qty());
        // Not the kinds themselves: not every venue says of a trigger which of two it is.
        qty_agrees
            && (sent.client_order_id, sent.instrument, sent.side)
                == (theirs.client_order_id, theirs.instrument, theirs.side)
            && (sent.kind.price(), sent.kind.trigger())
                == (theirs.kind.price(), theirs.kind.trigger())
    }

    /// Does the venue show it after its absence was proven? What was thought never to be placed may not even
    /// be over there; one that was lost and is told to have ended, with nothing executed that is not
    /// counted, has ended. A rejection that is told again is one.
    pub fn is_ghost(&self, theirs: &VenueOrder) -> bool {
        let is_alive = theirs.status.is_open() || theirs.filled > self.filled;
        let was_taken = theirs.status != VenueOrderStatus::Rejected;
        self.absent && (is_alive || (was_taken && self.accepted_at.is_none()))
    }

    /// Does the venue call it filled with less than was ordered? The rest was taken off, as some engines do
    /// to prevent a trade of the account with itself.
    pub fn is_cut_short(&self, theirs: &VenueOrder) -> bool {
        let is_less = matches!(self.order.qty, OrderQty::Base(qty) if theirs.filled < qty);
        theirs.status == VenueOrderStatus::Filled && is_less
    }

    /// Is this what we have counted of it? A venue that has taken an execution back may or may not have
    /// taken it off the order.
    pub fn is_filled_as(&self, filled: Qty) -> bool {
        (self.filled.saturating_sub(self.busted)..=self.filled).contains(&filled)
    }

    /// Does the venue show that its trigger was reached, and we do not know?
    pub fn is_triggered_by(&self, theirs: &VenueOrder) -> bool {
        let waits = self.order.kind.trigger().is_some() && !self.triggered;
        waits && theirs.kind.trigger().is_some() && theirs.working_since.is_some()
    }

    /// Quantity ordered, base units.
    pub fn qty(&self) -> Qty {
        match self.order.qty {
            OrderQty::Base(qty) => qty,
            // The gateway only sends base quantities; see `desk.rs`.
            OrderQty::Quote(_) => Qty::ZERO,
        }
    }

    /// What may still execute; zero once it is over.
    pub fn leaves(&self) -> Qty {
        if self.state.is_open() { self.qty().saturating_sub(self.filled) } else { Qty::ZERO }
    }

    pub(super) fn happened(&mut self, event: OrderEvent, at: Timestamp) {
        let was = self.state;
        self.cancel_wanted |= matches!(event, OrderEvent::CancelSent | OrderEvent::Returned);
        self.absent &= !event.is_alive();
        self.state = self.state.next(event);
        self.doubt_since = match (was, self.state) {
            (_, OrderState::InDoubt) => Some(self.doubt_since.unwrap_or(at)),
            _ => None,
        };
    }

    /// Adds an execution and says which event that is.
    pub(super) fn filled_by(&mut self, fill: &Fill) -> OrderEvent {
        self.venue_order_id.get_or_insert(fill.venue_order_id);
        self.filled = self.filled.checked_add(fill.qty).unwrap_or(self.filled);
        if self.filled >= self.qty() { OrderEvent::Filled } else { OrderEvent::PartlyFilled }
    }

    /// Does a balance of this age not show its funds yet? The venue sets them aside when it takes
    /// the order, so a balance as new as that has it.
    pub(super) fn is_promise(&self, balances_at: Timestamp) -> bool {
        self.state.is_open() && self.accepted_at.is_none_or(|accepted| balances_at < accepted)
    }

    /// What it can take from the free balance. `None` when that cannot be represented.
    pub(super) fn promise(&self) -> Option<(Asset, Amount)> {
        let (base, quote) = self.order.instrument.assets()?;
        match self.order.side {
            Side::Sell => Some((base, Amount::from(self.leaves()))),
            Side::Buy => {
                let cost = self.worst_price.notional(self.leaves(), Rounding::Up)?;
                Some((quote, Amount::from(cost)))
            }
        }
    }

    /// How it ended; `None` while it may still execute.
    pub fn ending(&self) -> Option<Ending> {
        match self.state {
            OrderState::Done(ending) => Some(ending),
            OrderState::PendingNew
            | OrderState::Working
            | OrderState::PendingCancel
            | OrderState::InDoubt => None,
        }
    }
}

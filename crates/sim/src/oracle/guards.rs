//! What the guardrails must have known: links, the book and its age, the latch. Kept from what was given to
//! the gateway, to judge each order that it lets through.

use std::time::Duration;

use model::{Input, Link, NewOrder, OrderKind, OrderQty, OrderSpec, Side, Timestamp};

use super::Oracle;
use super::sides::at;
use crate::setup::{limit, lots, ticks};

/// How far the gateway's idea of the venue's clock may be off.
const CLOCK_ERROR: Duration = Duration::from_millis(100);

impl Oracle {
    /// The gateway is about to be told something; market news with the world's time of it.
    pub(crate) fn is_told(&mut self, input: &Input, as_of: Timestamp) {
        match input {
            Input::Market(event) => self.guards.market(event, as_of),
            Input::Link { link: Link::Account, up, .. } => {
                self.guards.account_up = *up;
                self.guards.clean = false;
            }
            Input::Link { link: Link::Market, up, .. } => self.guards.market_up = *up,
            Input::Account(_)
            | Input::Reply(_)
            | Input::Intent(_)
            | Input::Feed(_)
            | Input::Clock { .. }
            | Input::Key(_)
            | Input::Instruments { .. }
            | Input::Watchdog(_)
            | Input::Operator(_)
            | Input::Wake => {}
        }
    }

    /// I26: what must have been true for an order to be let through.
    pub(super) fn check_guards(&mut self, order: &NewOrder) {
        let id = order.client_order_id;
        let age = self.guards.reference().map(|(_, as_of)| self.now.since(as_of));
        let fresh = age.is_some_and(|age| age <= limit::AGE + CLOCK_ERROR);
        let guards = &self.guards;
        let missing = if !guards.account_up {
            "the account's stream is down"
        } else if !guards.market_up {
            "the market's stream is down"
        } else if !guards.clean {
            "the books have not been compared"
        } else if guards.held && !order.reduce_only {
            "differences wait for a person"
        } else if !guards.book_live || guards.is_crossed() {
            "the book is not whole"
        } else if !fresh {
            "the reference price is old"
        } else {
            ""
        };
        if !missing.is_empty() {
            self.break_rule("I26", || format!("{id} was let through, and {missing} ({age:?})"));
        }
        if self.guards.halted_in_life {
            self.break_rule("I18", || format!("{id} was let through after the halt"));
        }
    }

    /// I1 and I8: within each limit, on the grid, and what was decided.
    pub(super) fn check_order(&mut self, order: &NewOrder, said: &OrderSpec) {
        let id = order.client_order_id;
        let OrderQty::Base(qty) = order.qty else {
            return self.break_rule("I8", || format!("{id} has a quantity in quote"));
        };
        let price = order.kind.price().and_then(ticks);
        let (Some(lots), Some(price)) = (lots(qty), price) else {
            return self.break_rule("I8", || format!("{id} is off the grid: {order:?}"));
        };
        let same = qty == said.qty && order.side == said.side && is_decided(order.kind, said.kind);
        if !same || order.instrument != self.instrument {
            return self.break_rule("I8", || format!("{id} is not what was decided: {said:?}"));
        }
        // What only shrinks a position is held to all of the limits.
        let part = self.fold.ramp.filter(|_| !order.reduce_only).unwrap_or(100);
        let (qty_max, notional_max) = (limit::QTY * part / 100, limit::NOTIONAL * part / 100);
        if lots <= 0 || lots > qty_max || lots * price > notional_max {
            return self.break_rule("I1", || format!("{id} is {lots} lots at {price} ticks"));
        }
        if lots * price < limit::NOTIONAL_MIN {
            self.break_rule("I8", || format!("{id} is less than the venue takes"));
        }
        let trigger = order.kind.trigger().and_then(ticks);
        let Some((reference, _)) = self.guards.reference() else {
            return self.break_rule("I26", || format!("{id} was measured by no price"));
        };
        // A stop's limit may lie a collar beyond its trigger, where the gateway has chosen it.
        let chosen = said.kind.price().is_none() && trigger.is_some();
        let measured = if chosen { trigger } else { Some(price) };
        for price in [measured, trigger].into_iter().flatten() {
            if (price - reference).abs() * 10_000 > reference * limit::COLLAR_BPS {
                self.break_rule("I1", || {
                    format!("{id} at {price} is outside the collar around {reference}")
                });
            }
        }
    }

    /// I2: what everything together could become is worth no more than the limit, unless the order leaves
    /// it as it was.
    pub(super) fn check_exposure(&mut self, order: &NewOrder, position: i64, working: [i64; 2]) {
        let Some((reference, _)) = self.guards.reference() else { return };
        let OrderQty::Base(qty) = order.qty else { return };
        let worst = |[buys, sells]: [i64; 2]| (position + buys).abs().max((position - sells).abs());
        let mut with = working;
        with[at(order.side)] += lots(qty).unwrap_or(0);
        let (before, after) = (worst(working), worst(with));
        let part = self.fold.ramp.filter(|_| !order.reduce_only).unwrap_or(100);
        if after > before && after * reference > limit::EXPOSURE * part / 100 {
            let id = order.client_order_id;
            self.break_rule("I2", || {
                format!("with {id} {after} lots could be held at {reference}")
            });
        }
    }

    /// I6: what is to reduce only does, with everything else that works to close.
    pub(super) fn check_reducing(&mut self, order: &NewOrder, position: i64, working: [i64; 2]) {
        let OrderQty::Base(qty) = order.qty else { return };
        let lots = lots(qty).unwrap_or(i64::MAX);
        let held = if order.side == Side::Sell { position } else { -position };
        if lots + working[at(order.side)] > held {
            let id = order.client_order_id;
            self.break_rule("I6", || format!("{id} reduces {held} by {lots}"));
        }
    }
}

/// Is this the kind that was decided, or what the gateway makes of it?
fn is_decided(sent: OrderKind, said: OrderKind) -> bool {
    match said {
        OrderKind::Market => matches!(sent, OrderKind::Limit { .. }),
        OrderKind::StopLoss { trigger } => {
            matches!(sent, OrderKind::StopLimit { trigger: at, .. } if at == trigger)
        }
        OrderKind::TakeProfit { trigger } => {
            matches!(sent, OrderKind::TakeProfitLimit { trigger: at, .. } if at == trigger)
        }
        OrderKind::Limit { .. }
        | OrderKind::StopLimit { .. }
        | OrderKind::TakeProfitLimit { .. } => sent == said,
    }
}

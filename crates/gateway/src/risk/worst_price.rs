//! Guardrail: no order leaves without a price that it may not trade beyond.
//!
//! A market order takes what the book offers, and a thin book offers anything: the limits on price and
//! notional would hold for the estimate and not for the execution. So a market order is sent as a limit
//! order at the collar's edge that expires at once, and a stop or take-profit order with a limit at
//! the edge around its trigger. What the agent asked for is in its decision; what is sent is here.

use model::{OrderKind, OrderSpec, Price, Refusal, Side, Step, TimeInForce};

/// The price that a slip is measured from: the order's own, else the reference price.
pub(super) fn start(order: &OrderSpec, reference: Price) -> Price {
    match order.kind {
        OrderKind::Market => reference,
        OrderKind::StopLoss { trigger } | OrderKind::TakeProfit { trigger } => trigger,
        OrderKind::Limit { price }
        | OrderKind::StopLimit { price, .. }
        | OrderKind::TakeProfitLimit { price, .. } => price,
    }
}

/// The order as it is sent, and the worst price it can trade at: its own limit where it has one, else
/// `collar_bps` beyond `from`, rounded inwards to the grid.
pub(super) fn bound(
    order: OrderSpec,
    from: Price,
    tick: Step,
    collar_bps: u32,
) -> Result<(OrderSpec, Price), Refusal> {
    let edge = || edge(order.side, from, tick, collar_bps).ok_or(Refusal::Unrepresentable);
    let (kind, price) = match order.kind {
        kind @ (OrderKind::Limit { price }
        | OrderKind::StopLimit { price, .. }
        | OrderKind::TakeProfitLimit { price, .. }) => (kind, price),
        OrderKind::Market => {
            let price = edge()?;
            (OrderKind::Limit { price }, price)
        }
        OrderKind::StopLoss { trigger } => {
            let price = edge()?;
            (OrderKind::StopLimit { trigger, price }, price)
        }
        OrderKind::TakeProfit { trigger } => {
            let price = edge()?;
            (OrderKind::TakeProfitLimit { trigger, price }, price)
        }
    };
    let time_in_force = match (order.kind, order.time_in_force) {
        (OrderKind::Market, TimeInForce::Fok) => TimeInForce::Fok,
        // A market order does not rest.
        (OrderKind::Market, _) => TimeInForce::Ioc,
        // What a gap leaves of a stop order rests at the edge: protection that waits for the price
        // to come back is better than none.
        (_, time_in_force) => time_in_force,
    };
    Ok((OrderSpec { kind, time_in_force, ..order }, price))
}

/// As far as a slip may go. `None` when that cannot be represented.
fn edge(side: Side, from: Price, tick: Step, collar_bps: u32) -> Option<Price> {
    let bps = i64::from(collar_bps);
    match side {
        Side::Buy => from.shifted_bps(bps)?.on_grid(tick, side),
        // A collar of 100 % and more has no lower edge; the lowest price there is stands for it.
        Side::Sell => match from.shifted_bps(-bps) {
            Some(low) => low.on_grid(tick, side),
            None => Price::try_from(tick.get()).ok(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{number, spec};

    fn sent(side: Side, kind: OrderKind, tick: &str, collar_bps: u32) -> (OrderSpec, Price) {
        let order = OrderSpec { kind, ..spec(side, "1", "99") };
        let from = start(&order, number("100.07"));
        bound(order, from, number(tick), collar_bps).unwrap()
    }

    /// Half a percent of 100.07 is 0.50035: 100.57035 and 99.56965, rounded towards the middle.
    #[test]
    fn a_market_order_gets_the_edge_of_the_collar() {
        for (side, tick, price) in [
            (Side::Buy, "0.01", "100.57"),
            (Side::Sell, "0.01", "99.57"),
            (Side::Buy, "0.5", "100.5"),
            (Side::Sell, "0.5", "100"),
        ] {
            let (order, worst) = sent(side, OrderKind::Market, tick, 50);
            let price: Price = number(price);
            assert_eq!(order.kind, OrderKind::Limit { price }, "{side:?} {tick}");
            assert_eq!((order.time_in_force, worst), (TimeInForce::Ioc, price));
        }
    }

    #[test]
    fn triggered_orders_get_the_edge_around_their_trigger() {
        let trigger: Price = number("200");
        let (order, worst) = sent(Side::Sell, OrderKind::StopLoss { trigger }, "0.01", 50);
        assert_eq!(order.kind, OrderKind::StopLimit { trigger, price: number("199") });
        assert_eq!((order.time_in_force, worst), (TimeInForce::Gtc, number("199")));
        let (order, _) = sent(Side::Buy, OrderKind::TakeProfit { trigger }, "0.01", 50);
        assert_eq!(order.kind, OrderKind::TakeProfitLimit { trigger, price: number("201") });
    }

    #[test]
    fn an_order_with_a_limit_is_sent_as_it_is() {
        let kind = OrderKind::StopLimit { trigger: number("98"), price: number("97") };
        let order = OrderSpec { kind, ..spec(Side::Sell, "1", "99") };
        let from = start(&order, number("100"));
        let sent = bound(order.clone(), from, number("0.01"), 50);
        assert_eq!(sent, Ok((order, number("97"))));
    }

    #[test]
    fn a_collar_without_a_lower_edge_sells_at_any_price() {
        let (order, _) = sent(Side::Sell, OrderKind::Market, "0.01", 10_000);
        assert_eq!(order.kind, OrderKind::Limit { price: number("0.01") });
    }
}

//! Which open orders have to go.
//!
//! All but protection. On a spot account protection is an order that *sells*, waits for a trigger, and
//! sells no more than is held: a stop loss, a take profit, a bracket, or the limit leg of a list that holds
//! one of them (canceling a leg cancels its list). Stops are counted before targets, and what is beyond
//! the amount held is no protection. A buy that waits for a trigger opens something, and goes.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::Cancel;
use super::words::{Balance, Family, Instrument, Order, Side};
use crate::amount::Amount;

/// The open orders that have to go.
pub fn entries<'a>(
    orders: &'a [Order],
    balances: Option<&[Balance]>,
    instruments: &[Instrument],
) -> Vec<&'a Order> {
    let kept = kept(orders, balances, instruments);
    orders.iter().filter(|order| !kept.contains(order.id.as_str())).collect()
}

fn kept<'a>(
    orders: &'a [Order],
    balances: Option<&[Balance]>,
    instruments: &[Instrument],
) -> BTreeSet<&'a str> {
    let held = |symbol: &str| {
        let base = instruments.iter().find(|i| i.symbol == symbol).map(|i| i.base.as_str());
        // Balances that are not known do not take protection away: the exchange holds what a sell order on a
        // spot account sells. Neither does an instrument that is not followed.
        let balances = base.zip(balances);
        balances.map(|(base, all)| {
            all.iter().find(|b| b.asset == base).map_or(Amount::ZERO, |b| b.total)
        })
    };
    let rank = |order: &Order| match order.family {
        Family::Stop | Family::Bracket => Some(0),
        Family::Target => Some(1),
        Family::Plain => None,
    };
    let mut waiting: Vec<(u8, &Order)> = orders
        .iter()
        .filter(|order| order.side == Side::Sell)
        .filter_map(|order| Some((rank(order)?, order)))
        .collect();
    waiting.sort_by_key(|(rank, order)| (*rank, order.id.as_str()));
    let mut left: BTreeMap<&str, Option<Amount>> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    let mut lists = BTreeSet::new();
    for (_, order) in waiting {
        let left = left.entry(&order.symbol).or_insert_with(|| held(&order.symbol));
        if let Some(amount) = left {
            // What it would sell is not told: it may stay only as the first.
            let leaves = order.leaves.unwrap_or(*amount);
            match amount.checked_sub(leaves) {
                Some(rest) if rest >= Amount::ZERO && amount.is_positive() => *amount = rest,
                _ => continue,
            }
        }
        kept.insert(order.id.as_str());
        lists.extend(order.list.as_deref());
    }
    let legs = orders.iter().filter(|order| order.side == Side::Sell);
    let legs = legs.filter(|order| order.list.as_deref().is_some_and(|list| lists.contains(list)));
    kept.extend(legs.map(|order| order.id.as_str()));
    kept
}

/// What is to be canceled, by symbol; in one request where nothing else is open there, unless that was
/// tried and did not do it.
pub fn plan(orders: &[Order], entries: &[&Order], at_once: bool) -> Vec<Cancel> {
    let mut batches: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for order in entries {
        batches.entry(&order.symbol).or_default().push(order.id.clone());
    }
    let open = |symbol: &str| orders.iter().filter(|order| order.symbol == symbol).count();
    let cancel = |(symbol, ids): (&str, Vec<String>)| {
        let whole = at_once && ids.len() == open(symbol);
        Cancel { symbol: symbol.to_owned(), ids, whole }
    };
    batches.into_iter().map(cancel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::{instruments, order};

    fn balances(btc: i64) -> Vec<Balance> {
        let total = Amount::whole(btc);
        vec![Balance { asset: "BTC".into(), free: Amount::ZERO, total }]
    }

    /// Side, family, quantity, list; what stays is marked.
    fn check(held: Option<i64>, orders: &[(Side, Family, i64, Option<&str>, bool)]) {
        let orders: Vec<(Order, bool)> = orders
            .iter()
            .enumerate()
            .map(|(index, (side, family, qty, list, stays))| {
                let list = list.map(str::to_owned);
                let leaves = Some(Amount::whole(*qty));
                let (side, family) = (*side, *family);
                (Order { side, family, leaves, list, ..order(&index.to_string()) }, *stays)
            })
            .collect();
        let expected: Vec<&str> =
            orders.iter().filter(|(_, stays)| !stays).map(|(o, _)| o.id.as_str()).collect();
        let all: Vec<Order> = orders.iter().map(|(order, _)| order.clone()).collect();
        let balances = held.map(balances);
        let found = entries(&all, balances.as_deref(), &instruments());
        let found: Vec<&str> = found.iter().map(|order| order.id.as_str()).collect();
        assert_eq!(found, expected, "held {held:?}: {all:#?}");
    }

    #[test]
    fn protection_stays_and_everything_else_goes() {
        use Family::{Bracket, Plain, Stop, Target};
        use Side::{Buy, Sell};
        check(Some(2), &[(Buy, Plain, 1, None, false), (Sell, Plain, 1, None, false)]);
        check(Some(2), &[(Sell, Stop, 2, None, true), (Buy, Stop, 1, None, false)]);
        // A stop that buys opens something, with whatever is held.
        check(Some(2), &[(Buy, Stop, 1, None, false), (Buy, Bracket, 1, None, false)]);
        check(None, &[(Buy, Stop, 1, None, false)]);
        check(Some(2), &[(Sell, Target, 1, None, true), (Sell, Bracket, 1, None, true)]);
        // Stops count before targets, and what is beyond the amount held is no protection.
        check(Some(2), &[(Sell, Target, 1, None, false), (Sell, Stop, 2, None, true)]);
        check(Some(2), &[(Sell, Stop, 2, None, true), (Sell, Stop, 1, None, false)]);
        check(Some(0), &[(Sell, Stop, 1, None, false)]);
        // Balances that are not known take no protection away.
        check(None, &[(Sell, Stop, 9, None, true), (Sell, Plain, 9, None, false)]);
    }

    #[test]
    fn the_legs_of_a_list_that_protects_stay_together() {
        use Family::{Plain, Stop};
        use Side::{Buy, Sell};
        check(
            Some(2),
            &[
                (Sell, Plain, 2, Some("7"), true),
                (Sell, Stop, 2, Some("7"), true),
                (Sell, Plain, 1, Some("8"), false),
                (Buy, Plain, 1, Some("7"), false),
            ],
        );
    }

    #[test]
    fn one_request_where_nothing_else_is_open() {
        let mut orders: Vec<Order> = ["1", "2", "3"].map(order).into();
        orders[2].symbol = "ETHUSDT".into();
        let all: Vec<&Order> = orders.iter().collect();
        let says = |plan: Vec<Cancel>| -> Vec<(String, usize, bool)> {
            plan.into_iter().map(|c| (c.symbol, c.ids.len(), c.whole)).collect()
        };
        let expected =
            |btc, eth| vec![("BTCUSDT".to_owned(), 2, btc), ("ETHUSDT".to_owned(), 1, eth)];
        assert_eq!(says(plan(&orders, &all, true)), expected(true, true));
        assert_eq!(says(plan(&orders, &all, false)), expected(false, false));
        let one = vec![("BTCUSDT".to_owned(), 1, false)];
        assert_eq!(says(plan(&orders, &all[..1], true)), one);
    }
}

//! Guardrail: the largest exposure in money, of an instrument, of an agent, and of the account.
//!
//! A limit for each order is none when many orders, several agents or several instruments go around it. So
//! what counts is the worst that everything together could become: every position with all that is open on
//! one side of it filled and nothing on the other, what is in doubt and what was lately proven absent
//! included, stops as if they had triggered, orders of others on the account too. It is valued at the
//! gateway's reference price, in the asset that pays; nothing is converted.
//!
//! An order that leaves the worst case as it was passes: the market alone may have carried it over the limit,
//! and then what shrinks it must not be refused.

use model::{Asset, InstrumentId, NetQty, Notional, Price, Qty, Refusal, Rounding, Scope, Side};

use crate::books::Exposure;

/// What is held and open of one instrument, with what may turn up on either side.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Position and open orders.
    pub exposure: Exposure,
    /// Buys that were lately proven absent, base units.
    pub shadow_buys: Qty,
    /// The same of sells.
    pub shadow_sells: Qty,
}

/// Everything that counts besides the order.
#[derive(Clone, Copy, Debug)]
pub struct Worst {
    /// The order's instrument, with what everybody holds and has open.
    pub account: Held,
    /// The same, of the agent alone.
    pub agent: Held,
    /// Worst cases of all other instruments that are paid in the same asset, quote units. Without a price
    /// for one of them there is no sum.
    pub elsewhere: Result<Notional, InstrumentId>,
    /// The same, of the agent alone.
    pub agent_elsewhere: Result<Notional, InstrumentId>,
}

impl Default for Held {
    fn default() -> Held {
        Held { exposure: Exposure::default(), shadow_buys: Qty::ZERO, shadow_sells: Qty::ZERO }
    }
}

impl Held {
    /// The largest position either way, base units, with so much more on one side. `None` when it cannot be
    /// counted.
    pub fn worst(&self, more: Option<(Side, Qty)>) -> Option<Qty> {
        let extra = |side, shadow: Qty| match more {
            Some((on, qty)) if on == side => shadow.checked_add(qty),
            _ => Some(shadow),
        };
        let long = self.exposure.worst(Side::Buy, extra(Side::Buy, self.shadow_buys)?)?;
        let short = self.exposure.worst(Side::Sell, extra(Side::Sell, self.shadow_sells)?)?;
        Some(NetQty::size(long).max(NetQty::size(short)))
    }

    /// The same in quote units.
    pub(crate) fn value(&self, at: Price) -> Option<Notional> {
        at.notional(self.worst(None)?, Rounding::Up)
    }

    /// The worst case with this order; `None` when it is no worse than without.
    fn raised(&self, side: Side, qty: Qty) -> Result<Option<Qty>, Refusal> {
        let before = self.worst(None).ok_or(Refusal::Unrepresentable)?;
        let after = self.worst(Some((side, qty))).ok_or(Refusal::Unrepresentable)?;
        Ok(Some(after).filter(|after| *after > before))
    }
}

/// Of one instrument and of the account: every worst case that the order makes worse stays within its
/// limit. `account_max` is the limit for the asset that pays.
pub(super) fn check(
    (side, qty): (Side, Qty),
    worst: &Worst,
    reference: Price,
    instrument_max: Notional,
    (quote, account_max): (Asset, Option<&Notional>),
) -> Result<(), Refusal> {
    let Some(size) = worst.account.raised(side, qty)? else { return Ok(()) };
    let value = reference.notional(size, Rounding::Up).ok_or(Refusal::Unrepresentable)?;
    within(Scope::Instrument, value, instrument_max)?;
    let limit = account_max.ok_or_else(|| none(Scope::Account, quote))?;
    within(Scope::Account, sum(value, worst.elsewhere)?, *limit)
}

/// The same of an agent that has limits of its own.
pub(super) fn check_agent(
    (side, qty): (Side, Qty),
    worst: &Worst,
    reference: Price,
    (quote, max): (Asset, Option<&Notional>),
) -> Result<(), Refusal> {
    let Some(size) = worst.agent.raised(side, qty)? else { return Ok(()) };
    let value = reference.notional(size, Rounding::Up).ok_or(Refusal::Unrepresentable)?;
    let limit = max.ok_or_else(|| none(Scope::Agent, quote))?;
    within(Scope::Agent, sum(value, worst.agent_elsewhere)?, *limit)
}

fn none(scope: Scope, asset: Asset) -> Refusal {
    Refusal::NoLimit { scope, key: "exposure_max".to_owned(), asset }
}

fn sum(value: Notional, elsewhere: Result<Notional, InstrumentId>) -> Result<Notional, Refusal> {
    let elsewhere = elsewhere.map_err(|instrument| Refusal::NoValue { instrument })?;
    value.checked_add(elsewhere).ok_or(Refusal::Unrepresentable)
}

fn within(scope: Scope, worst: Notional, limit: Notional) -> Result<(), Refusal> {
    if worst <= limit { Ok(()) } else { Err(Refusal::ExposureLimit { scope, limit, worst }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    fn held(position: &str, buys: &str, sells: &str) -> Held {
        let exposure = Exposure {
            position: number(position),
            working_buys: number(buys),
            working_sells: number(sells),
        };
        Held { exposure, ..Held::default() }
    }

    /// Position, open buys, open sells, side, qty, elsewhere, passes. The price is 10, the limit 100.
    const CASES: &[(&str, &str, &str, Side, &str, &str, bool)] = &[
        ("0", "0", "0", Side::Buy, "10", "0", true),
        ("0", "0", "0", Side::Buy, "10.001", "0", false),
        ("0", "8", "0", Side::Buy, "3", "0", false), // passes alone, not with what is working
        ("0", "0", "8", Side::Buy, "10", "0", true), // the other side does not add to it
        ("4", "3", "0", Side::Buy, "3", "0", true),
        ("4", "3", "0", Side::Buy, "3", "0.01", false), // passes alone, not with the others
        ("-12", "0", "0", Side::Buy, "5", "0", true),   // over the limit: shrinking is allowed
        ("-12", "0", "0", Side::Buy, "24", "0", true),  // as large as before on the other side
        ("-12", "0", "0", Side::Buy, "24.001", "0", false),
        ("-12", "0", "0", Side::Sell, "0.001", "0", false),
        ("0", "0", "0", Side::Sell, "10", "0", true),
        ("0", "0", "0", Side::Sell, "10.001", "0", false),
    ];

    #[test]
    fn both_sides_of_the_limit() {
        let quote = number("USDT");
        let limit: Notional = number("100");
        for (position, buys, sells, side, qty, elsewhere, passes) in CASES {
            let here = held(position, buys, sells);
            let elsewhere = Ok(number(elsewhere));
            let worst = Worst { account: here, agent: here, elsewhere, agent_elsewhere: elsewhere };
            let (order, price) = ((*side, number(qty)), number("10"));
            let wide = number("1000000");
            let of_all = check(order, &worst, price, wide, (quote, Some(&limit)));
            let of_agent = check_agent(order, &worst, price, (quote, Some(&limit)));
            let case = format!("{position} {buys} {sells} {side:?} {qty}");
            assert_eq!(of_all.is_ok(), *passes, "{case}: {of_all:?}");
            assert_eq!(of_agent.is_ok(), *passes, "{case}: {of_agent:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused_where_it_counts() {
        let quote = number("USDT");
        let (limit, price): (Notional, Price) = (number("100"), number("10"));
        let missing = Err(number("ETH-USDT"));
        let worst = |position| {
            let account = held(position, "0", "0");
            Worst { account, agent: account, elsewhere: missing, agent_elsewhere: missing }
        };
        let buy = (Side::Buy, number("1"));
        let refused = check(buy, &worst("0"), price, limit, (quote, Some(&limit)));
        assert!(matches!(refused, Err(Refusal::NoValue { .. })), "{refused:?}");
        assert_eq!(check(buy, &worst("-5"), price, limit, (quote, Some(&limit))), Ok(()));
        let refused = check(buy, &worst("0"), price, limit, (quote, None));
        assert!(matches!(refused, Err(Refusal::NoLimit { .. })), "{refused:?}");
        assert_eq!(check(buy, &worst("-5"), price, limit, (quote, None)), Ok(()));
    }

    #[test]
    fn a_shadow_counts_on_its_side() {
        let here = Held { shadow_buys: number("2"), ..held("1", "1", "0") };
        assert_eq!(here.worst(None), Some(number("4")));
        assert_eq!(here.worst(Some((Side::Sell, number("6")))), Some(number("5")));
    }
}

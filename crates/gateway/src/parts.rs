//! A part of the limits: of the state throttled, and of the ramp.
//!
//! Size and exposure are cut by both. How far a price may be off and how old a reference may be are not, for a
//! quarter of those would refuse what is sound. How many orders there may be is cut by throttling, which is a
//! measure against a program or a market gone wild, and not by the ramp, which bounds what can be lost: one order of
//! ten cannot quote both sides. A position that is larger than what is left of its limit is not closed because of
//! that: it may only shrink, as with any limit.
//!
//! A part is rounded down where it cannot be told exactly, and what is ordered is whole lots and ticks, so what is let
//! through is the part rounded down to them.

use std::collections::BTreeMap;

use model::{Asset, Decimal, Notional, Qty, Rounding, THROTTLED_PERCENT};

use crate::limits::{AccountLimits, AgentLimits, InstrumentLimits, Limits, OrderFlowLimits};

/// All of the limits, percent.
pub(crate) const WHOLE: u32 = 100;

/// The limits in force, and what is held to all of them.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The part that the ramp leaves, percent.
    pub(crate) percent: u32,
    /// What of the limits holds by the ramp.
    pub(crate) ramped: Limits,
    /// What of that holds while throttled.
    pub(crate) throttled: Limits,
    /// What holds while throttled for what only shrinks a position.
    pub(crate) throttled_whole: Limits,
}

impl Parts {
    pub(crate) fn of(limits: &Limits, percent: u32) -> Parts {
        let ramped = limits.ramped(percent);
        let (throttled, throttled_whole) = (ramped.throttled(), limits.throttled());
        Parts { percent, ramped, throttled, throttled_whole }
    }
}

impl Limits {
    /// What of these limits holds while throttled.
    pub(crate) fn throttled(&self) -> Limits {
        let Limits { account, orders, .. } = self;
        let count = |limit| count(limit, THROTTLED_PERCENT);
        let money = self.ramped(THROTTLED_PERCENT);
        Limits {
            account: AccountLimits { messages_max: count(account.messages_max), ..money.account },
            orders: OrderFlowLimits {
                open_max: count(orders.open_max),
                stops_max: count(orders.stops_max),
                rate_max: count(orders.rate_max),
                messages_max: count(orders.messages_max),
                ..*orders
            },
            ..money
        }
    }

    /// This part of everything that is measured in quantity or money.
    pub(crate) fn ramped(&self, percent: u32) -> Limits {
        let Limits { reference_age_max_ms, account, orders, breakers, instrument, agent } = self;
        let AccountLimits { exposure_max, messages_max } = account;
        let account = AccountLimits {
            exposure_max: notionals(exposure_max, percent),
            messages_max: *messages_max,
        };
        let instrument =
            instrument.iter().map(|(id, limits)| (*id, of_instrument(limits, percent)));
        let agent = agent.iter().map(|(id, limits)| (*id, of_agent(limits, percent)));
        Limits {
            reference_age_max_ms: *reference_age_max_ms,
            account,
            orders: *orders,
            breakers: breakers.clone(),
            instrument: instrument.collect(),
            agent: agent.collect(),
        }
    }
}

fn of_instrument(limits: &InstrumentLimits, percent: u32) -> InstrumentLimits {
    InstrumentLimits {
        qty_max: qty(limits.qty_max, percent),
        notional_max: notional(limits.notional_max, percent),
        position_max: qty(limits.position_max, percent),
        exposure_max: notional(limits.exposure_max, percent),
        turnover_max: notional(limits.turnover_max, percent),
        ..*limits
    }
}

fn of_agent(limits: &AgentLimits, percent: u32) -> AgentLimits {
    AgentLimits {
        exposure_max: notionals(&limits.exposure_max, percent),
        turnover_max: notionals(&limits.turnover_max, percent),
        turnover_window_ms: limits.turnover_window_ms,
    }
}

fn notionals(limits: &BTreeMap<Asset, Notional>, percent: u32) -> BTreeMap<Asset, Notional> {
    limits.iter().map(|(asset, limit)| (*asset, notional(*limit, percent))).collect()
}

/// At least one: a limit of none would not be throttled but stopped.
fn count(limit: u32, percent: u32) -> u32 {
    let part = u64::from(limit) * u64::from(percent) / u64::from(WHOLE);
    u32::try_from(part).unwrap_or(limit).max(1)
}

/// Rounded down: what cannot be counted is nothing.
fn qty(limit: Qty, percent: u32) -> Qty {
    part(limit.get(), percent).and_then(|part| Qty::try_from(part).ok()).unwrap_or(Qty::ZERO)
}

fn notional(limit: Notional, percent: u32) -> Notional {
    let part = part(limit.get(), percent);
    part.and_then(|part| Notional::try_from(part).ok()).unwrap_or(Notional::ZERO)
}

/// Never more than the whole, whatever the percent.
fn part(limit: Decimal, percent: u32) -> Option<Decimal> {
    if percent >= WHOLE {
        return Some(limit);
    }
    limit.checked_mul(Decimal::new(i64::from(percent), 2), Rounding::Down)
}

#[cfg(test)]
mod tests {
    use crate::testing::{id, limits, number};

    #[test]
    fn a_quarter_of_size_exposure_and_rate_holds() {
        let mut all = limits();
        all.orders.rate_max = 3;
        let limit = all.instrument.get_mut(&id()).unwrap();
        limit.qty_max = number("10");
        limit.notional_max = number("1000.1");
        limit.position_max = number("0.00000001");
        let throttled = all.throttled();
        let part = &throttled.instrument[&id()];
        assert_eq!(part.qty_max, number("2.5"));
        assert_eq!(part.notional_max, number("250.025"));
        assert_eq!(part.position_max, number("0.0000000025"));
        assert_eq!(throttled.orders.open_max, all.orders.open_max / 4);
        assert_eq!(throttled.orders.rate_max, 1, "not none");
        assert_eq!(part.collar_bps, all.instrument[&id()].collar_bps);
        assert_eq!(throttled.reference_age_max_ms, all.reference_age_max_ms);
    }

    #[test]
    fn the_ramp_cuts_money_and_no_count_and_never_more_than_all() {
        let mut all = limits();
        let limit = all.instrument.get_mut(&id()).unwrap();
        limit.qty_max = number("0.123456789012345678");
        limit.exposure_max = number("1000.1");
        let part = all.ramped(10);
        assert_eq!(part.instrument[&id()].qty_max, number("0.012345678901234567"), "down");
        assert_eq!(part.instrument[&id()].exposure_max, number("100.01"));
        assert_eq!(part.orders, all.orders);
        assert_eq!(part.account.messages_max, all.account.messages_max);
        assert_eq!((all.ramped(100), all.ramped(101)), (all.clone(), all.clone()));
    }
}

//! The limits of the state throttled: a part of those that are configured.
//!
//! Size, exposure and rate are cut; how far a price may be off and how old a reference may be are not, for a
//! quarter of those would refuse what is sound. A position that is larger than what is left of its limit is
//! not closed because of that: it may only shrink, as with any limit.

use std::collections::BTreeMap;

use model::{Asset, Decimal, Notional, Qty, Rounding, THROTTLED_PERCENT};

use crate::limits::{AccountLimits, AgentLimits, InstrumentLimits, Limits, OrderFlowLimits};

impl Limits {
    /// What of these limits holds while throttled.
    pub(crate) fn throttled(&self) -> Limits {
        let Limits { reference_age_max_ms, account, orders, breakers, instrument, agent } = self;
        let AccountLimits { exposure_max, messages_max } = account;
        let account = AccountLimits {
            exposure_max: notionals(exposure_max),
            messages_max: count(*messages_max),
        };
        let orders = OrderFlowLimits {
            open_max: count(orders.open_max),
            stops_max: count(orders.stops_max),
            rate_max: count(orders.rate_max),
            messages_max: count(orders.messages_max),
            ..*orders
        };
        Limits {
            reference_age_max_ms: *reference_age_max_ms,
            account,
            orders,
            breakers: breakers.clone(),
            instrument: instrument
                .iter()
                .map(|(id, limits)| (*id, of_instrument(limits)))
                .collect(),
            agent: agent.iter().map(|(id, limits)| (*id, of_agent(limits))).collect(),
        }
    }
}

fn of_instrument(limits: &InstrumentLimits) -> InstrumentLimits {
    InstrumentLimits {
        qty_max: qty(limits.qty_max),
        notional_max: notional(limits.notional_max),
        position_max: qty(limits.position_max),
        exposure_max: notional(limits.exposure_max),
        turnover_max: notional(limits.turnover_max),
        ..*limits
    }
}

fn of_agent(limits: &AgentLimits) -> AgentLimits {
    AgentLimits {
        exposure_max: notionals(&limits.exposure_max),
        turnover_max: notionals(&limits.turnover_max),
        turnover_window_ms: limits.turnover_window_ms,
    }
}

fn notionals(limits: &BTreeMap<Asset, Notional>) -> BTreeMap<Asset, Notional> {
    limits.iter().map(|(asset, limit)| (*asset, notional(*limit))).collect()
}

/// At least one: a limit of none would not be throttled but stopped.
fn count(limit: u32) -> u32 {
    let part = u64::from(limit) * u64::from(THROTTLED_PERCENT) / 100;
    u32::try_from(part).unwrap_or(limit).max(1)
}

/// Rounded down: what cannot be counted is nothing.
fn qty(limit: Qty) -> Qty {
    part(limit.get()).and_then(|part| Qty::try_from(part).ok()).unwrap_or(Qty::ZERO)
}

fn notional(limit: Notional) -> Notional {
    part(limit.get()).and_then(|part| Notional::try_from(part).ok()).unwrap_or(Notional::ZERO)
}

fn part(limit: Decimal) -> Option<Decimal> {
    limit.checked_mul(Decimal::new(i64::from(THROTTLED_PERCENT), 2), Rounding::Down)
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
}

//! What each assumption is worth: the same run three times more, under assumptions that flatter, that are as a
//! market is, and that strain.

use std::time::Duration;

use ::backtest::{Assumptions, Delay, Intrabar, Latency, RestingFills, Setup, Trouble};

use super::args::Args;
use super::once::{Run, once};
use crate::failure::Failure;

/// What a market is like: slippage of takers, hundredths of a percent, and one way to the exchange.
const REAL: (u32, Duration) = (2, Duration::from_millis(50));
/// The same on a bad day.
const STRESSED: (u32, Duration) = (10, Duration::from_millis(500));

/// The other runs, by name.
pub(super) fn others(args: &Args, setup: &Setup) -> Result<Vec<(&'static str, Run)>, Failure> {
    let named = [
        ("optimistic", optimistic(setup)),
        ("realistic", at_least(setup, RestingFills::Queue, REAL, setup.assumptions.share_percent)),
        ("stressed", stressed(setup)),
    ];
    named.into_iter().map(|(name, setup)| Ok((name, once(args, &setup, None)?))).collect()
}

/// Nothing takes time, slips or fails, and what is touched is filled.
fn optimistic(setup: &Setup) -> Setup {
    Setup {
        assumptions: Assumptions {
            resting: RestingFills::Touch,
            slippage_bps: 0,
            share_percent: None,
        },
        latency: Latency::default(),
        intrabar: Intrabar::Optimistic,
        trouble: Trouble::default(),
        ..setup.clone()
    }
}

/// Fees half as high again, a tenth of what is traded, and only prices beyond an order fill it.
fn stressed(setup: &Setup) -> Setup {
    let share = setup.assumptions.share_percent.unwrap_or(100).min(10);
    let stressed = at_least(setup, RestingFills::Through, STRESSED, Some(share));
    let half_more = |rate: model::Decimal| {
        let more = rate.checked_mul(model::Decimal::new(15, 1), model::Rounding::Up);
        // A rebate stays what it is.
        more.unwrap_or(rate).max(rate)
    };
    let fees = setup.fees.clone().with_rates(|rates| model::venue::FeeRates {
        maker: half_more(rates.maker),
        taker: half_more(rates.taker),
    });
    Setup { fees, ..stressed }
}

/// What was asked for, but no kinder than this.
fn at_least(
    setup: &Setup,
    resting: RestingFills,
    (slippage_bps, way): (u32, Duration),
    share_percent: Option<u32>,
) -> Setup {
    let no_shorter = |delay: Delay| match delay {
        Delay::Constant(time) => Delay::Constant(time.max(way)),
        Delay::Between(least, most) => Delay::Between(least.max(way), most.max(way)),
        Delay::Recorded { otherwise, least } => {
            Delay::Recorded { otherwise: otherwise.max(way), least: least.max(way) }
        }
    };
    let Latency { feed, entry, response } = setup.latency;
    Setup {
        assumptions: Assumptions {
            resting,
            slippage_bps: setup.assumptions.slippage_bps.max(slippage_bps),
            share_percent,
        },
        latency: Latency {
            feed: no_shorter(feed),
            entry: no_shorter(entry),
            response: no_shorter(response),
        },
        intrabar: Intrabar::Pessimistic,
        ..setup.clone()
    }
}

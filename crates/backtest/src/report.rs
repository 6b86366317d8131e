//! What came of a backtest.

use std::collections::BTreeMap;

use model::{Decimal, Instrument};
use serde::Serialize;
use sim_venue::FeeTier;

use crate::equity::Equity;
use crate::failing::Troubles;
use crate::metrics::Moments;
use crate::points::{Point, Trade};
use crate::tally::Tally;

/// What came of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Rows of the files.
    pub events: u64,
    /// Of them bars.
    pub bars: u64,
    /// Orders sent.
    pub orders: u64,
    /// Executions.
    pub fills: u64,
    /// Orders that a guardrail refused.
    pub refused: u64,
    /// Orders that the exchange rejected.
    pub rejected: u64,
    /// What the account was worth at the end, quote units.
    pub final_equity: f64,
    /// The same at the first price.
    pub first_equity: f64,
    /// By how much of the first it grew.
    pub total_return: f64,
    /// The deepest fall from a peak, of the peak.
    pub max_drawdown: f64,
    /// Mean over deviation of returns, for a year of 365 days.
    pub sharpe: f64,
    /// The same with the deviation of losses.
    pub sortino: f64,
    /// Deviation of returns, for a year.
    pub volatility: f64,
    /// What the returns of the periods are like.
    #[serde(skip)]
    pub moments: Moments,
    /// The period that these are reckoned by.
    pub period: &'static str,
    /// All fees in quote units.
    pub fees_paid: f64,
    /// The same by asset, exact.
    pub fees: BTreeMap<String, String>,
    /// The tier of fees that the account had at the end; none where they do not depend on what was traded.
    pub fee_tier: Option<FeeTierReached>,
    /// What of the exchange failed, counted; none where nothing was to fail.
    pub trouble: Option<Troubles>,
    /// Price times quantity of all executions, quote units.
    pub turnover: f64,
    /// Share of executions that were a maker's.
    pub maker_share: f64,
    /// Share of the time in which something was held.
    pub exposure: f64,
    /// Refusals by kind.
    pub refusals: BTreeMap<String, u64>,
    /// In which asset sums are.
    pub quote: String,
    /// What was traded.
    pub instruments: Vec<String>,
    /// First and last time, nanoseconds since the epoch.
    pub span: (i64, i64),
    /// The curve.
    #[serde(skip)]
    pub points: Vec<Point>,
    /// Executions: the first and the last ones where there are very many.
    #[serde(skip)]
    pub trades: Vec<Trade>,
    /// Number of the first day since the epoch, equity before it and at each day's end.
    #[serde(skip)]
    pub days: (i64, f64, Vec<f64>),
}

/// A tier of fees, and what it was reached with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FeeTierReached {
    /// From this much traded in thirty days on, quote units.
    pub from: f64,
    /// What was traded in the last thirty days.
    pub volume_30d: f64,
    /// What a maker pays, hundredths of a percent; below zero for a rebate.
    pub maker_bps: f64,
    /// What a taker pays.
    pub taker_bps: f64,
}

impl FeeTierReached {
    pub(crate) fn of((tier, volume): (FeeTier, Decimal)) -> FeeTierReached {
        let bps = |rate: Decimal| rate.checked_times(10_000).unwrap_or(Decimal::MAX).to_f64();
        FeeTierReached {
            from: tier.from.get().to_f64(),
            volume_30d: volume.to_f64(),
            maker_bps: bps(tier.rates.maker),
            taker_bps: bps(tier.rates.taker),
        }
    }
}

impl Report {
    /// The figures alone, for who keeps very many of them.
    pub fn without_lists(self) -> Report {
        Report { points: Vec::new(), trades: Vec::new(), days: (0, 0.0, Vec::new()), ..self }
    }

    pub(crate) fn of(
        tally: &Tally,
        equity: &Equity,
        instruments: &[Instrument],
        events: u64,
        bars: u64,
    ) -> Report {
        let returns = &equity.returns;
        let (final_equity, first_equity) = (equity.worth(), equity.first);
        let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
        let (first_day, days) = returns.days();
        Report {
            events,
            bars,
            orders: tally.orders,
            fills: tally.fills,
            refused: tally.refused,
            rejected: tally.rejected,
            final_equity,
            first_equity,
            total_return: share(final_equity - first_equity, first_equity),
            max_drawdown: equity.drawdown,
            sharpe: returns.sharpe(),
            sortino: returns.sortino(),
            volatility: returns.volatility(),
            moments: returns.moments(),
            period: returns.period(),
            fees_paid: tally.fees_paid.to_f64(),
            fees: tally
                .fees
                .iter()
                .map(|(asset, fee)| (asset.to_string(), fee.to_string()))
                .collect(),
            fee_tier: None,
            trouble: None,
            turnover: tally.turnover.to_f64(),
            maker_share: share(tally.maker_fills as f64, tally.fills as f64),
            exposure: share(equity.exposed as f64, (equity.ended - equity.begun) as f64),
            refusals: tally.refusals.clone(),
            quote: instruments.first().map(|i| i.quote.to_string()).unwrap_or_default(),
            instruments: instruments.iter().map(|i| i.id.to_string()).collect(),
            span: (equity.begun, equity.ended),
            points: equity.points.clone(),
            trades: tally.trades(),
            days: (first_day, returns.first(), days.to_vec()),
        }
    }
}

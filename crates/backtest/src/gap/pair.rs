//! Orders side by side, and what the differences come to.

use std::collections::BTreeMap;

use model::{AgentId, Asset, ClientOrderId, Decimal, InstrumentId, Side};
use serde::Serialize;

use super::cause::{Cause, bps_worse};
use super::leg::{Leg, Marks, Uncountable, minus, plus, worth};

/// An order in the run and in the replay.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// Its name in the run, or in the replay where the run has none.
    pub order: ClientOrderId,
    /// Whose it is.
    pub agent: AgentId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// When it was decided, nanoseconds by the gateway's clock.
    pub decided: i64,
    /// What it came to in the run.
    pub run: Leg,
    /// And in the replay.
    pub replay: Leg,
    /// `missed` where only the replay filled it, `extra` where only the run did, `different`, or `same`.
    pub is: &'static str,
    /// How much worse the run traded, hundredths of a percent.
    pub price_bps: Option<Decimal>,
    /// How much later it was filled in the run, microseconds.
    pub later_us: Option<i64>,
    /// What the run is worth more because of it, quote units at the last price; below zero for less.
    pub value: Decimal,
    /// Of what has no price in the quote asset the run has so much more.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unvalued: BTreeMap<Asset, Decimal>,
    /// Why it differs.
    #[serde(flatten)]
    pub cause: Option<Cause>,
}

/// What is known of an order besides what it came to.
pub(crate) struct Named {
    pub(crate) order: ClientOrderId,
    pub(crate) agent: AgentId,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) decided: i64,
}

impl Pair {
    /// Of these sides. `tolerance` is how far apart two times may be that are one, nanoseconds; `why` is asked where
    /// they differ.
    pub(crate) fn of(
        named: Named,
        (run, replay): (Leg, Leg),
        marks: &Marks,
        tolerance: u64,
        why: impl FnOnce(&Leg, &Leg) -> Cause,
    ) -> Result<Pair, Uncountable> {
        let Named { order, agent, instrument, side, decided } = named;
        let time = run.times.zip(replay.times);
        let apart =
            time.map_or(0, |(run, replay)| run.0.abs_diff(replay.0).max(run.1.abs_diff(replay.1)));
        let is_same = run.trades_as(&replay) && run.fees == replay.fees && apart <= tolerance;
        let is = match (is_same, run.fills, replay.fills) {
            (true, ..) => "same",
            (false, 0, 1..) => "missed",
            (false, 1.., 0) => "extra",
            (false, ..) => "different",
        };
        let (value, unvalued) = match instrument.assets() {
            Some((base, quote)) => {
                let mut flows = run.flows(side, (base, quote))?;
                for (asset, flow) in replay.flows(side, (base, quote))? {
                    let sum = flows.entry(asset).or_default();
                    *sum = minus(*sum, flow)?;
                }
                worth(&flows, quote, marks)?
            }
            None => (Decimal::ZERO, BTreeMap::new()),
        };
        let cause = (!is_same).then(|| why(&run, &replay));
        Ok(Pair {
            order,
            agent,
            instrument,
            side,
            decided,
            is,
            price_bps: bps_worse(side, &run, &replay).filter(|bps| !bps.is_zero()),
            later_us: time.map(|(run, replay)| (run.1 - replay.1) / 1_000).filter(|us| *us != 0),
            run,
            replay,
            value,
            unvalued,
            cause,
        })
    }

    fn quote(&self) -> Option<Asset> {
        self.instrument.assets().map(|(_, quote)| quote)
    }
}

/// What differences of one cause come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Orders.
    pub orders: u64,
    /// What only the replay filled.
    pub missed: u64,
    /// What only the run filled.
    pub extra: u64,
    /// What the run is worth more because of them, per quote asset.
    pub value: BTreeMap<Asset, Decimal>,
}

/// All orders of a run beside those of a replay.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// Orders that are compared.
    pub orders: u64,
    /// Executions in the run, and in the replay.
    pub fills_run: u64,
    /// And in the replay.
    pub fills_replay: u64,
    /// Orders that differ.
    pub different: u64,
    /// Price times quantity of what the run traded, per quote asset.
    pub traded: BTreeMap<Asset, Decimal>,
    /// Sums of all that differs, by cause.
    pub causes: BTreeMap<&'static str, Total>,
    /// The sum of them: what the run is worth more than the replay, per quote asset.
    pub difference: BTreeMap<Asset, Decimal>,
    /// The sum without its signs: how much differs.
    pub apart: BTreeMap<Asset, Decimal>,
    /// What is not in the sum, for it has no price.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unvalued: BTreeMap<Asset, Decimal>,
    /// What differs, in the order of decision.
    pub differences: Vec<Pair>,
}

impl Comparison {
    pub(crate) fn of(pairs: Vec<Pair>) -> Result<Comparison, Uncountable> {
        let mut all = Comparison::default();
        for pair in pairs {
            all.orders += 1;
            all.fills_run += u64::from(pair.run.fills);
            all.fills_replay += u64::from(pair.replay.fills);
            if let Some(quote) = pair.quote() {
                let sum = all.traded.entry(quote).or_default();
                *sum = plus(*sum, pair.run.notional)?;
            }
            let Some(cause) = &pair.cause else { continue };
            all.different += 1;
            let total = all.causes.entry(cause.name()).or_default();
            total.orders += 1;
            total.missed += u64::from(pair.is == "missed");
            total.extra += u64::from(pair.is == "extra");
            if let Some(quote) = pair.quote() {
                let sums = [
                    (&mut total.value, pair.value),
                    (&mut all.difference, pair.value),
                    (&mut all.apart, pair.value.abs()),
                ];
                for (sums, value) in sums {
                    let sum = sums.entry(quote).or_default();
                    *sum = plus(*sum, value)?;
                }
            }
            for (asset, flow) in &pair.unvalued {
                let sum = all.unvalued.entry(*asset).or_default();
                *sum = plus(*sum, *flow)?;
            }
            all.differences.push(pair);
        }
        Ok(all)
    }

    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.different == 0
    }
}

//! The run's own orders, replayed at the times at which they were decided: what the models would have done with exactly
//! these orders. So what differs is the exchange, and not what the agent made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Asset, Decimal, Rounding, Timestamp};
use serde::Serialize;
use sim_venue::{Assumptions, RestingFills};

use super::again::{Again, Models};
use super::cause::{Evidence, cause};
use super::error::GapError;
use super::leg::{Leg, Uncountable, change, minus, plus, times, worth};
use super::material::{Material, When};
use super::pair::{Comparison, Named, Pair};

/// In a live run two times are one that are no farther apart: clocks and streams are no better. A paper run's are exact.
const TOLERANCE_LIVE: u64 = 1_000_000_000;

/// The run's orders beside the models'.
#[derive(Clone, Debug, Serialize)]
pub struct Orders {
    /// Order by order.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What the run's account is worth more than the replay's at the end, by what each holds: the same as the sum of all
    /// differences. `None` where more moved it than these orders: funds that came or went, orders that it does not know, or a part
    /// of the session.
    pub accounts: Option<BTreeMap<Asset, Decimal>>,
    /// Orders that reached the exchange after the end of the recording, and are not compared.
    pub beyond: u64,
    /// Executions in the run after the end of the recording, of orders that are compared: without them.
    pub fills_beyond: u64,
    /// First and last time of the recording, nanoseconds.
    pub span: Option<(i64, i64)>,
    /// Rows of it.
    pub rows: u64,
}

/// The run's orders beside what these models make of them.
pub fn orders(
    material: &Material<'_>,
    models: &Models,
    since: Timestamp,
) -> Result<Orders, GapError> {
    let again = material.again(models, When::After(models.latency))?;
    let measured = material.again(models, When::AsMeasured(models.latency))?;
    compare(material, models, since, (&again, Some(&measured)))
}

fn compare(
    material: &Material<'_>,
    models: &Models,
    since: Timestamp,
    (again, measured): (&Again, Option<&Again>),
) -> Result<Orders, GapError> {
    let session = material.session;
    let (mut pairs, mut beyond, mut fills_beyond) = (Vec::new(), 0, 0);
    let mut is_whole =
        since <= Timestamp::EPOCH && session.others.is_empty() && !session.has_transfers();
    is_whole &= !again.is_untold;
    let ends = again.span.map_or(Timestamp::EPOCH, |(_, last)| last);
    let tolerance = if material.paper { 0 } else { TOLERANCE_LIVE };
    for (number, sent) in session.sent.iter().enumerate() {
        if sent.decided < since {
            continue;
        }
        if sent.decided.after(models.latency) > ends {
            beyond += 1;
            is_whole &= sent.fills.is_empty();
            continue;
        }
        let id = sent.order.client_order_id;
        let of = |again: &Again| Leg::of(again.fills.get(&id).into_iter().flatten(), 0);
        let recorded = sent.fills.iter().filter(|fill| !material.is_behind(ends, fill));
        let (run, replay) = (Leg::of(recorded, material.ahead)?, of(again)?);
        fills_beyond += sent.fills.len() as u64 - u64::from(run.fills);
        let in_time = measured.map(of).transpose()?;
        let way = material.arrived(number).map(|at| micros(at.since(sent.decided)));
        let named = Named {
            order: id,
            agent: sent.agent,
            instrument: sent.order.instrument,
            side: sent.order.side,
            decided: sent.decided.nanos(),
        };
        let why = |run: &Leg, replay: &Leg| {
            cause(&Evidence {
                session,
                sent,
                run,
                replay,
                measured: in_time.as_ref().zip(way),
                refused_again: again
                    .rejected
                    .get(&id)
                    .map(|refusal| ("exchange", format!("{refusal:?}"))),
                model: models.latency,
                slippage_bps: models.assumptions.slippage_bps,
            })
        };
        pairs.push(Pair::of(named, (run, replay), &again.marks, tolerance, why)?);
    }
    is_whole &= fills_beyond == 0;
    let accounts = is_whole.then(|| accounts(material, again)).transpose()?;
    Ok(Orders {
        comparison: Comparison::of(pairs)?,
        accounts,
        beyond,
        fills_beyond,
        span: again.span.map(|(first, last)| (first.nanos(), last.nanos())),
        rows: again.rows,
    })
}

/// What the run's account has become more worth than the replay's, by what they hold.
fn accounts(
    material: &Material<'_>,
    again: &Again,
) -> Result<BTreeMap<Asset, Decimal>, Uncountable> {
    let mut run = change(&material.opening, material.session.counted_or(&material.opening))?;
    for (asset, replay) in change(&material.opening, &again.account)? {
        let sum = run.entry(asset).or_default();
        *sum = minus(*sum, replay)?;
    }
    // Each asset that something is traded for, with what is traded for it.
    let mut all = BTreeMap::new();
    for instrument in &material.instruments {
        let flows: &mut BTreeMap<Asset, Decimal> = all.entry(instrument.quote).or_default();
        for asset in [instrument.base, instrument.quote] {
            flows.insert(asset, run.get(&asset).copied().unwrap_or_default());
        }
    }
    all.into_iter()
        .map(|(quote, flows)| Ok((quote, worth(&flows, quote, &again.marks)?.0)))
        .collect()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// What is left of the gap under other models.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// `queue`, `conservative` or `optimistic`.
    pub fill: &'static str,
    /// One way, microseconds.
    pub latency_us: i64,
    /// Hundredths of a percent.
    pub slippage_bps: u32,
    /// Orders that still differ.
    pub different: u64,
    /// How much still differs, without signs, per quote asset.
    pub apart: BTreeMap<Asset, Decimal>,
    /// And with them.
    pub difference: BTreeMap<Asset, Decimal>,
}

/// The models that would have told the truth.
#[derive(Clone, Debug, Serialize)]
pub struct Suggested {
    /// Half of the orders reached the exchange within this, microseconds; nine tenths within the other.
    pub latency_p50_us: Option<i64>,
    /// See there.
    pub latency_p90_us: Option<i64>,
    /// What takers traded worse than the recorded book showed when they were there, hundredths of a percent.
    pub slippage_bps: u32,
    /// The model that explains most of the orders that rest.
    pub fill: &'static str,
    /// One of these is what the run is compared with: nothing would be nearer.
    pub is_best: bool,
    /// All that were tried, with what is left of the gap under each; the first is what was asked for, the last what
    /// is suggested.
    pub tried: Vec<Tried>,
}

/// Which models would have made the replay honest: tried one by one.
pub fn suggest(
    material: &Material<'_>,
    models: &Models,
    since: Timestamp,
    asked: &Orders,
) -> Result<Suggested, GapError> {
    let ways = material.ways();
    let part = |percent: usize| {
        let last = ways.len().checked_sub(1)?;
        ways.get((ways.len() * percent / 100).min(last)).copied()
    };
    let latency = part(50).unwrap_or(models.latency);
    let with = |fill, latency, slippage_bps| Models {
        latency,
        assumptions: Assumptions { resting: fill, slippage_bps, ..models.assumptions },
        ..*models
    };
    let plain = with(models.assumptions.resting, latency, 0);
    let again = material.again(&plain, When::AsMeasured(latency))?;
    // Without a taker nothing is known of it.
    let slippage_bps = slippage(material, &again)?.unwrap_or(models.assumptions.slippage_bps);
    let mut tried = vec![tried(models, &asked.comparison)];
    let mut best: Option<(u64, Decimal, &'static str, Tried)> = None;
    // The model at hand first: another one has to be better.
    let first = models.assumptions.resting;
    let others = FILLS.iter().map(|(fill, _)| *fill).filter(|fill| *fill != first);
    for fill in [first].into_iter().chain(others) {
        let models = with(fill, latency, slippage_bps);
        let again = material.again(&models, When::After(latency))?;
        let found = compare(material, &models, since, (&again, None))?.comparison;
        let apart = found.apart.values().try_fold(Decimal::ZERO, |sum, one| plus(sum, *one))?;
        let this = self::tried(&models, &found);
        if best
            .as_ref()
            .is_none_or(|(different, least, ..)| (apart, found.different) < (*least, *different))
        {
            best = Some((found.different, apart, this.fill, this.clone()));
        }
        tried.push(this);
    }
    let fill = best.as_ref().map_or("queue", |(.., fill, _)| fill);
    let is_best = best.as_ref().is_none_or(|(different, apart, ..)| {
        let now =
            asked.comparison.apart.values().try_fold(Decimal::ZERO, |sum, one| plus(sum, *one));
        now.is_ok_and(|now| (now, asked.comparison.different) <= (*apart, *different))
    });
    tried.extend(best.map(|(.., best)| best));
    Ok(Suggested {
        latency_p50_us: part(50).map(micros),
        latency_p90_us: part(90).map(micros),
        slippage_bps,
        fill,
        is_best,
        tried,
    })
}

/// The names of the models.
pub const FILLS: [(RestingFills, &str); 3] = [
    (RestingFills::Queue, "queue"),
    (RestingFills::Through, "conservative"),
    (RestingFills::Touch, "optimistic"),
];

fn tried(models: &Models, found: &Comparison) -> Tried {
    let fill = FILLS.iter().find(|(fill, _)| *fill == models.assumptions.resting);
    Tried {
        fill: fill.map_or("queue", |(_, name)| name),
        latency_us: micros(models.latency),
        slippage_bps: models.assumptions.slippage_bps,
        different: found.different,
        apart: found.apart.clone(),
        difference: found.difference.clone(),
    }
}

/// By how much takers traded worse than the book showed when they were there, on average of what they traded, in whole
/// hundredths of a percent and none below zero; `None` where nothing was taken.
fn slippage(material: &Material<'_>, again: &Again) -> Result<Option<u32>, Uncountable> {
    let (mut worse, mut all) = (Decimal::ZERO, Decimal::ZERO);
    for sent in &material.session.sent {
        let id = sent.order.client_order_id;
        let run = Leg::of(&sent.fills, material.ahead)?;
        let replay = Leg::of(again.fills.get(&id).into_iter().flatten(), 0)?;
        if !run.took || !replay.took || run.filled != replay.filled {
            continue;
        }
        let more = match sent.order.side {
            model::Side::Buy => minus(run.notional, replay.notional)?,
            model::Side::Sell => minus(replay.notional, run.notional)?,
        };
        worse = plus(worse, more)?;
        all = plus(all, replay.notional)?;
    }
    if all.is_zero() {
        return Ok(None);
    }
    let bps = times(worse, Decimal::new(10_000, 0))?.checked_div(all, Rounding::Down);
    let half = Decimal::new(5, 1);
    let rounded =
        bps.and_then(|bps| bps.checked_add(half)).and_then(|bps| bps.round_to(0, Rounding::Down));
    let whole = rounded.and_then(|bps| bps.mantissa_at(0)).unwrap_or(0);
    Ok(Some(u32::try_from(whole.max(0)).unwrap_or(u32::MAX).min(SLIPPAGE_MAX)))
}

/// The most that a model takes.
const SLIPPAGE_MAX: u32 = 10_000;

//! Why an order came to something else. One cause for each difference, by the first rule that holds; the rules are the
//! table of `docs/gap.md`, in this order.

use std::time::Duration;

use model::{Ending, InstrumentId, Qty, Timestamp};
use serde::Serialize;

use super::leg::Leg;
use super::session::{Sent, Session};

/// Why an order came to something else in the run than in the replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Cause {
    /// A guardrail, the gateway's last look or the exchange refused it on one side.
    Refused {
        /// Who: `guardrail`, `gateway` or `exchange`.
        by: &'static str,
        /// In the run, or else in the replay.
        in_run: bool,
        /// In its words.
        because: String,
    },
    /// The rate budget, or the exchange's limit, held it up or back.
    RateLimit {
        /// Which limit.
        limiter: String,
        /// The longest wait, milliseconds.
        wait_ms: u64,
    },
    /// The market could not be relied on while it was open.
    StaleFeed {
        /// What was wrong.
        what: &'static str,
        /// From when on, nanoseconds.
        from: i64,
        /// Until when; `None` where that was the end of it all.
        until: Option<i64>,
    },
    /// The agent wanted it on one side only.
    DecidedOtherwise {
        /// In the run, or else in the replay.
        in_run: bool,
    },
    /// It was there at another time than the model says, and with that time the difference is gone or halved.
    Latency {
        /// One way as measured, microseconds.
        measured_us: i64,
        /// One way by the model, microseconds.
        model_us: i64,
    },
    /// Both filled it, to another extent.
    PartialFill {
        /// Base units in the run.
        run: Qty,
        /// Base units in the replay.
        replay: Qty,
    },
    /// It took as much at another price.
    Slippage {
        /// How much worse the run traded, hundredths of a percent.
        bps: String,
        /// What the model has of it already.
        model_bps: u32,
    },
    /// The same trading cost something else.
    Fees,
    /// It was filled on one side only, or rested and was filled at another price or time.
    FillModel {
        /// Base units in the run.
        run: Qty,
        /// Base units in the replay.
        replay: Qty,
    },
}

impl Cause {
    /// All names, in the order of the rules.
    pub const NAMES: [&'static str; 9] = [
        "refused",
        "rate_limit",
        "stale_feed",
        "decided_otherwise",
        "latency",
        "partial_fill",
        "slippage",
        "fees",
        "fill_model",
    ];

    /// Its name in the JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Cause::Refused { .. } => "refused",
            Cause::RateLimit { .. } => "rate_limit",
            Cause::StaleFeed { .. } => "stale_feed",
            Cause::DecidedOtherwise { .. } => "decided_otherwise",
            Cause::Latency { .. } => "latency",
            Cause::PartialFill { .. } => "partial_fill",
            Cause::Slippage { .. } => "slippage",
            Cause::Fees => "fees",
            Cause::FillModel { .. } => "fill_model",
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        let side = |in_run: bool| if in_run { "in the run" } else { "in the replay" };
        match self {
            Cause::Refused { by, in_run, because } => {
                format!("refused by the {by} {}: {because}", side(*in_run))
            }
            Cause::RateLimit { limiter, wait_ms } => format!("rate limit {limiter}, {wait_ms} ms"),
            Cause::StaleFeed { what, .. } => (*what).to_owned(),
            Cause::DecidedOtherwise { in_run } => format!("wanted only {}", side(*in_run)),
            Cause::Latency { measured_us, model_us } => {
                format!("{} ms instead of {} ms one way", ms(*measured_us), ms(*model_us))
            }
            Cause::PartialFill { run, replay } => format!("{run} filled instead of {replay}"),
            Cause::Slippage { bps, model_bps } => {
                format!("{bps} bps worse than a model with {model_bps} bps")
            }
            Cause::Fees => "another fee".to_owned(),
            Cause::FillModel { run, replay } => format!("{run} filled, by the model {replay}"),
        }
    }
}

fn ms(us: i64) -> String {
    format!("{}.{:03}", us / 1_000, (us % 1_000).abs())
}

/// All that a cause is found by.
pub(crate) struct Evidence<'a> {
    pub(crate) session: &'a Session,
    pub(crate) sent: &'a Sent,
    pub(crate) run: &'a Leg,
    pub(crate) replay: &'a Leg,
    /// What it comes to when it is there at the time that was measured, and that time one way.
    pub(crate) measured: Option<(&'a Leg, i64)>,
    pub(crate) refused_again: Option<(&'static str, String)>,
    pub(crate) model: Duration,
    pub(crate) slippage_bps: u32,
}

/// A refusal, a wait or a bad market counts for what was decided so shortly before it or behind it.
const NEAR: Duration = Duration::from_secs(1);

pub(crate) fn cause(evidence: &Evidence<'_>) -> Cause {
    let Evidence { session, sent, run, replay, .. } = evidence;
    if let Some(because) = &sent.rejected {
        let because = format!("{because:?}");
        return Cause::Refused { by: "exchange", in_run: true, because };
    }
    if let Some((_, Ending::NotPlaced, Some(because))) = &sent.ended
        && !because.contains("budget")
    {
        // It never left: trading had stopped, or it had taken too long.
        return Cause::Refused { by: "gateway", in_run: true, because: because.clone() };
    }
    if let Some((by, because)) = evidence.refused_again.clone() {
        return Cause::Refused { by, in_run: false, because };
    }
    if let Some(limit) = rate_limit(session, sent) {
        return limit;
    }
    let ends = [run.last(), replay.last(), sent.ended.as_ref().map(|(at, ..)| *at)];
    let until = ends.into_iter().flatten().max().unwrap_or(sent.decided);
    if let Some(stale) = stale(session, sent.order.instrument, (sent.decided, until)) {
        return stale;
    }
    let model_us = i64::try_from(evidence.model.as_micros()).unwrap_or(i64::MAX);
    if let Some((leg, measured_us)) = evidence.measured
        && is_nearer(run, leg, replay)
    {
        return Cause::Latency { measured_us, model_us };
    }
    if !run.filled.is_zero() && !replay.filled.is_zero() && run.filled != replay.filled {
        return Cause::PartialFill { run: run.filled, replay: replay.filled };
    }
    if run.took && replay.took && run.filled == replay.filled && !run.trades_as(replay) {
        let bps = bps_worse(sent.order.side, run, replay).unwrap_or_default().to_string();
        return Cause::Slippage { bps, model_bps: evidence.slippage_bps };
    }
    if run.trades_as(replay) && run.fees != replay.fees {
        return Cause::Fees;
    }
    Cause::FillModel { run: run.filled, replay: replay.filled }
}

/// What was wrong with a market between two times.
pub(crate) fn stale(
    session: &Session,
    id: InstrumentId,
    times: (Timestamp, Timestamp),
) -> Option<Cause> {
    let trouble = session.trouble(id, times)?;
    let (from, until) = (trouble.from.nanos(), trouble.until.map(Timestamp::nanos));
    Some(Cause::StaleFeed { what: trouble.what, from, until })
}

fn rate_limit(session: &Session, sent: &Sent) -> Option<Cause> {
    let until = sent.accepted.map(|(at, _)| at).or(sent.ended.as_ref().map(|(at, ..)| *at));
    let until = until.unwrap_or(sent.decided).after(NEAR);
    let within = |at: Timestamp| at >= sent.decided && at <= until;
    let wait = session.waits.iter().filter(|(at, ..)| within(*at)).max_by_key(|(.., wait)| *wait);
    let never_left = sent.ended.as_ref().is_some_and(|(_, ending, cause)| {
        *ending == Ending::NotPlaced && cause.as_ref().is_some_and(|why| why.contains("budget"))
    });
    match (wait, never_left) {
        (Some((_, limiter, wait)), _) => {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            Some(Cause::RateLimit { limiter: limiter.clone(), wait_ms })
        }
        (None, true) => Some(Cause::RateLimit { limiter: "budget".to_owned(), wait_ms: 0 }),
        (None, false) => None,
    }
}

/// Is what was filled with the measured time nearer to the run than what was filled without it?
fn is_nearer(run: &Leg, measured: &Leg, replay: &Leg) -> bool {
    let off = |leg: &Leg| {
        let qty = run.filled.get().checked_sub(leg.filled.get()).map(model::Decimal::abs);
        let sum = run.notional.checked_sub(leg.notional).map(model::Decimal::abs);
        let time = match (run.times, leg.times) {
            (Some((one, _)), Some((other, _))) => one.abs_diff(other),
            (None, None) => 0,
            (Some(_), None) | (None, Some(_)) => u64::MAX,
        };
        (qty, sum, time)
    };
    let (with, without) = (off(measured), off(replay));
    let halved = |one: Option<model::Decimal>, other: Option<model::Decimal>| {
        one.and_then(|one| one.checked_times(2)).is_some_and(|twice| Some(twice) <= other)
    };
    let is_better = with < without;
    is_better
        && halved(with.0, without.0)
        && halved(with.1, without.1)
        && (with.1 != without.1 || with.0 != without.0 || with.2 <= without.2 / 2)
}

/// How much worse the run traded on average, hundredths of a percent; below zero for better.
pub(crate) fn bps_worse(side: model::Side, run: &Leg, replay: &Leg) -> Option<model::Decimal> {
    let (run, replay) = run.price.zip(replay.price)?;
    let worse = match side {
        model::Side::Buy => run.checked_sub(replay)?,
        model::Side::Sell => replay.checked_sub(run)?,
    };
    let part = worse.checked_times(10_000)?;
    part.checked_div(replay, model::Rounding::Down)?.round_to(4, model::Rounding::Down)
}

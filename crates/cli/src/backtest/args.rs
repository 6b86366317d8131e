//! What can be said of a backtest on the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use ::backtest::{
    Assumptions, Delay, FeeSchedule, FeeTier, FeesIn, Intrabar, Latency, Outage, RateLimit,
    RestingFills, Setup, Trouble,
};
use anyhow::anyhow;
use model::venue::FeeRates;
use model::{AgentId, Amount, Asset, Decimal, Notional};
use runtime::config::LimitsFile;
use serde_json::json;

use super::fees::{bps, fee_tier, rate, volume};
use super::trouble::{outage, rate_limit};
use crate::data::Reading;
use crate::failure::Failure;
use crate::venue::account::parse_balances;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Market data: ours, CSV (plain, gz or zip) or Parquet; several files are merged by time.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The strategy: ema-cross, mean-reversion or market-maker.
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: String,
    /// A parameter of the strategy, as often as needed.
    #[arg(long = "param", value_name = "K=V", value_parser = parameter)]
    pub(crate) params: Vec<(String, String)>,
    /// When the recorded market fills an order that rests: optimistic (touched), conservative (traded through)
    /// or queue (its turn in the level's queue).
    #[arg(long, value_name = "MODEL", default_value = "queue", value_parser = fill)]
    fill: RestingFills,
    /// How much worse than seen takers trade, hundredths of a percent.
    #[arg(long, value_name = "X", default_value_t = 0)]
    slippage_bps: u32,
    /// How long a message takes each way, milliseconds: N, N..M (drawn for each) or recorded[:N].
    #[arg(long, value_name = "N", default_value = "0", value_parser = latency)]
    latency_ms: Latency,
    /// What a maker pays, hundredths of a percent; below zero for a rebate.
    #[arg(long, value_name = "X", default_value = "0", allow_hyphen_values = true, value_parser = bps)]
    maker_bps: Decimal,
    /// What a taker pays, hundredths of a percent.
    #[arg(long, value_name = "X", default_value = "0", value_parser = bps)]
    taker_bps: Decimal,
    /// From so much traded in the last 30 days on a maker and a taker pay this instead, as often as needed:
    /// 1000000:9/10 is 9 and 10 hundredths of a percent from a million quote units on.
    #[arg(long = "fee-tier", value_name = "VOLUME:MAKER/TAKER", value_parser = fee_tier)]
    fee_tiers: Vec<FeeTier>,
    /// What the account has traded in the 30 days before the data begins, quote units.
    #[arg(long = "volume-30d", value_name = "VOLUME", default_value = "0", value_parser = volume)]
    volume_30d: Notional,
    /// In which asset fees are taken: quote, or received (a buy then gets less than it bought).
    #[arg(long, value_name = "ASSET", default_value = "quote", value_parser = fees_in)]
    fees_in: FeesIn,
    /// The most of each trade and bar that can be ours, percent; the rest fills later or not at all.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    share: Option<u32>,
    /// The exchange cannot be reached, as often as needed: 2024-05-01T12:00:00Z/10m, 3d/10m (after the first row)
    /// or every:7d/10m (about so often, drawn from --seed). /market or /orders behind it for the streams of
    /// market data or for requests alone, /throttled for an exchange that says "too many requests".
    #[arg(long = "outage", value_name = "WHEN/FOR[/WHAT]", value_parser = outage)]
    outages: Vec<Outage>,
    /// So many requests in so much time, as in 50/10s: what would be more waits, or is not sent.
    #[arg(long, value_name = "N/TIME", value_parser = rate_limit)]
    rate_limit: Option<RateLimit>,
    /// Which extreme of a bar comes first: pessimistic, optimistic, high-first or low-first.
    #[arg(long, value_name = "PATH", default_value = "pessimistic", value_parser = intrabar)]
    intrabar: Intrabar,
    /// What the account has at the beginning.
    #[arg(long, value_name = "SUMS", default_value = "10000 USDT", value_parser = parse_balances)]
    cash: std::collections::BTreeMap<Asset, Amount>,
    /// The limits to trade under; without them every guardrail is asked and none is near.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// For what is drawn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write the gateway's records: FILE.db is a store for `plimsoll why`, `query` and `report` (it must not be
    /// there yet), any other name gets one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Write the report as one HTML page that works offline.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Only this run: not also under optimistic, realistic and stressed assumptions.
    #[arg(long)]
    pub(crate) alone: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(crate) fn params(&self) -> BTreeMap<String, String> {
        self.params.iter().cloned().collect()
    }

    /// All that is said here, as a backtest takes it. Limits are read when the instruments are known.
    pub(crate) fn setup(&self) -> Result<Setup, Failure> {
        let agent = AgentId::new(&self.agent);
        let agent =
            agent.map_err(|_| Failure::usage(anyhow!("--agent {:?}: no name", self.agent)))?;
        let fees = self.fees()?;
        let assumptions = Assumptions {
            resting: self.fill,
            slippage_bps: self.slippage_bps,
            share_percent: self.share,
        };
        let trouble = Trouble { outages: self.outages.clone(), rate_limit: self.rate_limit };
        let text = json!({
            "backtest": self.data.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
            "agent": self.agent,
            "params": self.params(),
            "fees": format!("{fees:?}"),
            "assumptions": format!("{assumptions:?}"),
            "latency": format!("{:?}", self.latency_ms),
            "trouble": format!("{trouble:?}"),
            "intrabar": format!("{:?}", self.intrabar),
            "seed": self.seed,
        });
        Ok(Setup {
            agent,
            cash: self.cash.clone(),
            fees,
            fees_in: self.fees_in,
            assumptions,
            latency: self.latency_ms,
            intrabar: self.intrabar,
            trouble,
            limits: None,
            seed: self.seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            text: text.to_string(),
            of_run: None,
        })
    }

    fn fees(&self) -> Result<FeeSchedule, Failure> {
        if self.fee_tiers.is_empty() && self.volume_30d != Notional::ZERO {
            let problem = "--volume-30d says nothing without a --fee-tier that it could reach";
            return Err(Failure::usage(anyhow!(problem)));
        }
        let flat = FeeRates { maker: rate(self.maker_bps), taker: rate(self.taker_bps) };
        let flat = FeeSchedule::flat(flat).traded_before(self.volume_30d);
        let tiers = self.fee_tiers.iter();
        tiers.copied().try_fold(flat, FeeSchedule::with_tier).map_err(Failure::usage)
    }

    /// Reads the limits for these instruments, and looks whether there is anything to trade them with.
    pub(crate) fn for_instruments(
        &self,
        setup: &Setup,
        instruments: &[model::Instrument],
    ) -> Result<Setup, Failure> {
        let has = |asset: Asset| self.cash.get(&asset).is_some_and(|sum| *sum > Amount::ZERO);
        if let Some(first) = instruments.first()
            && !instruments.iter().any(|instrument| has(instrument.base) || has(instrument.quote))
        {
            let (id, quote) = (first.id, first.quote);
            let problem =
                format!("--cash holds nothing to trade {id} with: write --cash '10000 {quote}'");
            return Err(Failure::usage(anyhow!(problem)));
        }
        let Some(path) = &self.limits else { return Ok(setup.clone()) };
        let file = LimitsFile {
            path: path.clone(),
            instruments: instruments.iter().map(|instrument| instrument.id).collect(),
            agents: BTreeSet::from([setup.agent]),
        };
        let limits = file.read().map_err(Failure::usage)?;
        Ok(Setup { limits: Some(limits), ..setup.clone() })
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, as in fast=10")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(crate) fn fill(text: &str) -> Result<RestingFills, String> {
    match text {
        "optimistic" => Ok(RestingFills::Touch),
        "conservative" => Ok(RestingFills::Through),
        "queue" => Ok(RestingFills::Queue),
        _ => Err("there are optimistic, conservative and queue".to_owned()),
    }
}

pub(crate) fn fees_in(text: &str) -> Result<FeesIn, String> {
    match text {
        "quote" => Ok(FeesIn::Quote),
        "received" => Ok(FeesIn::Received),
        _ => Err("there are quote and received".to_owned()),
    }
}

fn intrabar(text: &str) -> Result<Intrabar, String> {
    let named = Intrabar::NAMED.into_iter().find(|(name, _)| *name == text);
    let all = || format!("there are {}", Intrabar::NAMED.map(|(name, _)| name).join(", "));
    named.map(|(_, path)| path).ok_or_else(all)
}

/// Longest latency, milliseconds.
const LATENCY_MAX_MS: f64 = 60_000.0;

fn latency(text: &str) -> Result<Latency, String> {
    let ms = |text: &str| {
        let number: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
        if !(0.0..=LATENCY_MAX_MS).contains(&number) {
            return Err(format!("{text} is not within 0 and {LATENCY_MAX_MS} milliseconds"));
        }
        Ok(Duration::from_nanos((number * 1e6).round() as u64))
    };
    if let Some(rest) = text.strip_prefix("recorded") {
        let otherwise = rest.strip_prefix(':').map_or(Ok(Duration::ZERO), ms)?;
        let other = Delay::Constant(otherwise);
        let feed = Delay::Recorded { otherwise, least: Duration::ZERO };
        return Ok(Latency { feed, entry: other, response: other });
    }
    let delay = match text.split_once("..") {
        Some((least, most)) => {
            let (least, most) = (ms(least)?, ms(most)?);
            if least > most {
                return Err("the shorter time comes first, as in 5..50".to_owned());
            }
            Delay::Between(least, most)
        }
        None => Delay::Constant(ms(text)?),
    };
    Ok(Latency { feed: delay, entry: delay, response: delay })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_one_two_or_recorded() {
        let ms = Duration::from_millis;
        assert_eq!(latency("20").unwrap(), Latency::constant(ms(20)));
        assert_eq!(latency("0.5").unwrap(), Latency::constant(Duration::from_micros(500)));
        assert_eq!(latency("5..50").unwrap().entry, Delay::Between(ms(5), ms(50)));
        assert_eq!(latency("recorded:7").unwrap().entry, Delay::Constant(ms(7)));
        assert_eq!(
            latency("recorded").unwrap().feed,
            Delay::Recorded { otherwise: ms(0), least: ms(0) }
        );
        for wrong in ["", "-1", "50..5", "x", "recorded:x", "1e9"] {
            assert!(latency(wrong).is_err(), "{wrong}");
        }
    }
}

//! What can be said of a gap on the command line.

use std::path::PathBuf;
use std::time::Duration;

use ::backtest::gap::Models;
use ::backtest::{Assumptions, FeesIn, RestingFills};
use model::venue::FeeRates;
use model::{AgentId, Decimal, Timestamp};
use runtime::config::PaperConfig;

use crate::backtest::{bps, fees_in, fill, rate};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration of the run.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where the market was recorded; the configuration's `record` unless told.
    #[arg(long, value_name = "DIR")]
    pub(crate) recording: Option<PathBuf>,
    /// Which start of the gateway, by its number; the last one that has a recording unless told.
    #[arg(long, value_name = "N")]
    pub(crate) session: Option<u64>,
    /// Only what was decided from then on, as in 2026-12-01T14:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<Timestamp>,
    /// The strategy of this agent alone is replayed.
    #[arg(long, value_name = "NAME", value_parser = agent)]
    pub(crate) agent: Option<AgentId>,
    /// When orders that rest are filled, instead of as in [paper]: queue, conservative or optimistic.
    #[arg(long, value_name = "MODEL", value_parser = fill)]
    fill: Option<RestingFills>,
    /// How much worse than seen takers trade, instead of as in [paper], hundredths of a percent.
    #[arg(long, value_name = "X", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    slippage_bps: Option<u32>,
    /// How long a request takes, and as long its answer, instead of as in [paper], milliseconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=60_000))]
    latency_ms: Option<u64>,
    /// What a maker pays, instead of as in [paper], hundredths of a percent.
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = bps)]
    maker_bps: Option<Decimal>,
    /// What a taker pays, instead of as in [paper], hundredths of a percent.
    #[arg(long, value_name = "X", value_parser = bps)]
    taker_bps: Option<Decimal>,
    /// In which asset fees are taken, instead of as in [paper]: quote or received.
    #[arg(long, value_name = "ASSET", value_parser = fees_in)]
    fees_in: Option<FeesIn>,
    /// Write the report as one HTML page that works offline.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with code 3 where more differs than so many hundredths of a percent of what was traded.
    #[arg(long, value_name = "BPS", value_parser = bps)]
    pub(crate) fail_above: Option<Decimal>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// The models of the configuration, but for what is said here.
    pub(crate) fn models(&self, assumed: &PaperConfig) -> Models {
        let of = assumed.assumptions;
        Models {
            fees: FeeRates {
                maker: self.maker_bps.map_or(assumed.fees.maker, rate),
                taker: self.taker_bps.map_or(assumed.fees.taker, rate),
            },
            fees_in: self.fees_in.unwrap_or(assumed.fees_in),
            assumptions: Assumptions {
                resting: self.fill.unwrap_or(of.resting),
                slippage_bps: self.slippage_bps.unwrap_or(of.slippage_bps),
                share_percent: of.share_percent,
            },
            latency: self.latency_ms.map_or(assumed.latency, Duration::from_millis),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time = Timestamp::parse_rfc3339(text.as_bytes());
    time.ok_or_else(|| "write a time of UTC, as in 2026-12-01T14:00:00Z".to_owned())
}

fn agent(text: &str) -> Result<AgentId, String> {
    AgentId::new(text).map_err(|error| error.to_string())
}

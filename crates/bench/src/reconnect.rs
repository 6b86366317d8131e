//! How long a gateway is blind after its connections were cut: from losing the market's stream to the
//! book being live again, and to trading.
//!
//! Each sample is the first reconnect of a gateway that was just started, after a pause of 50 to 200 ms
//! that is part of the figure: pauses grow with every failure within a minute, so many cuts of one
//! gateway would measure the back-off. The venue takes no connection for the first 50 ms. Times are the
//! journal's: when the gateway decided, not when that was on the disk.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use journal::JournalReader;
use model::venue::FeeRates;
use model::{Amount, Decimal, FeedHealth, Link, Record, Timestamp, TradingState};
use runtime::config;
use runtime::venue::{FeesIn, MarketSource, RunningVenue, Scenario, VenueConfig};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use venues::binance::server::{BinanceServer, ServerConfig};
use venues::binance::sign::VerifyingKey;

use crate::samples::{account, instrument, parse};
use crate::table::{Latencies, Row};

const SAMPLES: usize = 200;
/// Gateways that are cut together; more of them would measure this machine.
const TOGETHER: usize = 4;
/// No round is begun after this time: what there is then is the measurement.
const TIME_MAX: Duration = Duration::from_secs(35);
/// Fewer samples than this are no distribution.
const SAMPLES_MIN: usize = 40;
/// Time for a gateway to trade, or to trade again.
const READY_MAX: Duration = Duration::from_secs(10);
/// How often the journals are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A venue of no use for so long.
const OUTAGE: &str = r#"{"kind": "outage", "for": "50ms"}"#;

const KEY: &str = "bench";
const SECRET: &str = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";

/// No money is at stake in a measurement.
const OPEN: &str = r#"
[gates.override]
watchdog = "a measurement against a simulated exchange"
key-scopes = "a measurement against a simulated exchange"
alerts = "somebody watches the measurement"
loss-max = "the money is made up"
[ramp]
start_percent = 100
"#;

const LIMITS: &str = r#"reference_age_max_ms = 5000
[account]
exposure_max = { USDT = "100000" }
messages_max = 5000
[orders]
open_max = 10
stops_max = 10
rate_max = 50
rate_window_ms = 10000
messages_max = 5000
messages_window_ms = 10000
alike_max = 1000
alike_window_ms = 1000
executed_max = 1000
executed_window_ms = 1000
[instrument.BTC-USDT]
qty_max = "0.05"
notional_max = "5000"
position_max = "0.1"
exposure_max = "100000"
turnover_max = "1000000000"
turnover_window_ms = 10000
collar_bps = 200
walk_bps = 1000
walk_window_ms = 10000
[breakers]
reconnects_max = 10000
stale_ms = 3600000
"#;

/// From the loss of the market's stream.
struct Sample {
    live: Duration,
    active: Duration,
}

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let samples = runtime.block_on(measure())?;
    ensure!(samples.len() >= SAMPLES_MIN, "only {} reconnects in {TIME_MAX:?}", samples.len());
    let (mut live, mut active) = (Latencies::new(), Latencies::new());
    for sample in &samples {
        live.add(sample.live);
        active.add(sample.active);
    }
    let millis = |what, measured: f64| Row {
        what,
        measured: measured / 1e6,
        unit: "ms",
        target: "",
        peer: "pause 50 to 200 ms in it",
    };
    Ok(vec![
        millis("first reconnect: cut to live book, median", live.at(0.5)),
        millis("first reconnect: cut to live book, 99 %", live.at(0.99)),
        millis("first reconnect: cut to live book, longest", live.at(1.0)),
        millis("first reconnect: cut to trading, median", active.at(0.5)),
        millis("first reconnect: cut to trading, 99 %", active.at(0.99)),
        millis("first reconnect: cut to trading, longest", active.at(1.0)),
    ])
}

async fn measure() -> anyhow::Result<Vec<Sample>> {
    let venue = start_venue().await?;
    let url = format!("http://{}", venue.addr);
    let begun = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < SAMPLES && begun.elapsed() < TIME_MAX {
        samples.extend(round(&url).await?);
    }
    venue.stop().await;
    Ok(samples)
}

async fn start_venue() -> anyhow::Result<RunningVenue> {
    // Hundreds of starts in a minute are not what the venue's limits are for.
    let config = ServerConfig {
        weight_per_minute: u32::MAX,
        raw_per_5m: u32::MAX,
        connections_per_5m: u32::MAX,
        ..ServerConfig::default()
    };
    let fees = FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) };
    let mut dialect = BinanceServer::new(config, vec![instrument()]);
    dialect.add_key(KEY, VerifyingKey::new(SECRET)?, account());
    let money: BTreeMap<_, Amount> = [(parse("USDT"), parse("10000"))].into();
    let venue = VenueConfig {
        listen: parse("127.0.0.1:0"),
        instruments: vec![instrument()],
        fees,
        fees_in: FeesIn::Received,
        accounts: vec![(account(), money)],
        market: MarketSource::Synthetic { seed: 1, start: vec![parse("60000")] },
        speed: 1.0,
        scenario: Scenario::default(),
        seed: 1,
    };
    Ok(runtime::venue::start(venue, venues::server::erased(dialect)).await?)
}

/// Starts gateways, cuts them once they trade, and reads how they came back.
async fn round(url: &str) -> anyhow::Result<Vec<Sample>> {
    let gateways =
        (0..TOGETHER).map(|_| Gateway::start(url)).collect::<anyhow::Result<Vec<_>>>()?;
    for gateway in &gateways {
        gateway.until(|journal| ready(journal).then_some(())).await?;
    }
    let client = reqwest::Client::builder().no_proxy().build()?;
    // The outage may cut the very connection that asks for it.
    match client.post(format!("{url}/_sim/faults")).body(OUTAGE).send().await {
        Ok(answer) if !answer.status().is_success() => bail!("no outage: {}", answer.text().await?),
        Ok(_) | Err(_) => {}
    }
    let mut samples = Vec::new();
    for gateway in gateways {
        samples.push(gateway.until(sample).await?);
        gateway.stop().await?;
    }
    Ok(samples)
}

/// A gateway without agents, with a journal and a rate budget of its own.
struct Gateway {
    directory: TempDir,
    task: JoinHandle<Result<(), runtime::gateway::RunError>>,
    stop: watch::Sender<bool>,
}

type Journal = [(Timestamp, Record)];

impl Gateway {
    fn start(url: &str) -> anyhow::Result<Gateway> {
        // On the disk that the build is on: a temporary directory may be in memory.
        let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let file = |name: &str| directory.path().join(name);
        let write = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
            std::fs::write(file(name), text)?;
            // A key that everybody can read is refused.
            std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o600))?;
            Ok(file(name))
        };
        let (key, secret) = (write("key", KEY)?, write("secret", SECRET)?);
        write("limits.toml", LIMITS)?;
        let text = format!(
            "mode = \"live\"\nstore = \"sqlite:bench.db\"\nlimits = \"limits.toml\"\n\
             reconcile_every_s = 60\nstate_dir = \"state\"\n[venue.sim]\n\
             kind = \"binance-spot\"\ninstruments = [\"BTC-USDT\"]\n\
             key = {{ file = {key:?} }}\nsecret = {{ file = {secret:?} }}\nrest = \"{url}\"\n{OPEN}"
        );
        let config = config::load(&write("plimsoll.toml", &text)?)?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(runtime::gateway::run(config, stopped));
        Ok(Gateway { directory, task, stop })
    }

    /// Looks at the journal until it says what is wanted.
    async fn until<T>(&self, wanted: impl Fn(&Journal) -> Option<T>) -> anyhow::Result<T> {
        let path = self.directory.path().join("bench.db");
        let end = Instant::now() + READY_MAX;
        while Instant::now() < end {
            // Until the gateway has made it there is no journal.
            if let Some(found) = read(&path).ok().and_then(|journal| wanted(&journal)) {
                return Ok(found);
            }
            ensure!(!self.task.is_finished(), "a gateway has ended");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("a gateway does not trade within {READY_MAX:?}")
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.send(true).context("a gateway has ended")?;
        Ok(self.task.await??)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<(Timestamp, Record)>> {
    let mut journal = Vec::new();
    JournalReader::open(path)?.replay(0, &mut |_, entry| {
        journal.push((entry.at, entry.record));
        Ok(())
    })?;
    Ok(journal)
}

fn is_live(record: &Record) -> bool {
    matches!(record, Record::Feed { health: FeedHealth::Live, .. })
}

fn is_active(record: &Record) -> bool {
    matches!(record, Record::Trading { state: TradingState::Active, .. })
}

/// Has it begun to trade on a live book?
fn ready(journal: &Journal) -> bool {
    [is_live, is_active].iter().all(|is| journal.iter().any(|(_, record)| is(record)))
}

/// The first loss of the market's stream, and how it healed; `None` before it has.
fn sample(journal: &Journal) -> Option<Sample> {
    let is_down =
        |record: &Record| matches!(record, Record::Link { link: Link::Market, up: false, .. });
    let from = journal.iter().position(|(_, record)| is_down(record))?;
    let down = journal[from].0;
    let since = |is: fn(&Record) -> bool| {
        let (at, _) = journal[from..].iter().find(|(_, record)| is(record))?;
        Some(at.since(down))
    };
    Some(Sample { live: since(is_live)?, active: since(is_active)? })
}

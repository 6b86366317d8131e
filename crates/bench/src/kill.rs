//! The kill switch with 200 open orders: from a person's halt to a durable latch, to the first cancel on its
//! way, and to an exchange whose own list shows no entry order.
//!
//! Each run is a kill switch that was just started, with a latch on the disk that the build is on, and an
//! exchange over loopback that counts no limits: placing ten thousand orders is not what they are for. A stop
//! stays open.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use model::venue::FeeRates;
use model::{Amount, Decimal};
use runtime::venue::{FeesIn, MarketSource, RunningVenue, Scenario, VenueConfig};
use tokio::sync::watch;
use venues::binance::server::{BinanceServer, ServerConfig};
use venues::binance::sign::{SigningKey, VerifyingKey};
use watchdog::core::effect::{Alert, Cancel};
use watchdog::core::flatten::Sale;
use watchdog::core::ledger::{Cursors, Marks};
use watchdog::core::words::{Balance, Fill, Latch, Order, Top, Transfer};
use watchdog::world::{Real, Task, World};
use watchdog::{Watchdog, config};

use crate::samples::{account, instrument, parse};
use crate::table::{Latencies, Row};

const RUNS: usize = 50;
const ORDERS: usize = 200;
/// Protection, which stays.
const STOPS: usize = 1;
/// No run takes longer.
const RUN_MAX: Duration = Duration::from_secs(20);
/// Requests that place orders at once.
const PLACING: usize = 8;
const LOOK_EVERY: Duration = Duration::from_millis(2);

const KEY: &str = "bench";
const SECRET: &str = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
const TOKEN: &str = "madeUpTokenForTests0123456789";
const LIMITS: &str = "quote = \"USDT\"\ndrawdown_max_bps = 5000\nday_loss_max_bps = 5000\n\
                      open_notional_max = \"1000000000\"\nunreadable_max_s = 30\n\
                      [asset.BTC]\nvalue_max = \"1000000000\"\n";

/// From the halt's first byte.
struct Sample {
    latch: Duration,
    cancel: Duration,
    gone: Duration,
}

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    let samples = runtime.block_on(measure())?;
    let figures = |of: fn(&Sample) -> Duration| {
        let mut latencies = Latencies::new();
        samples.iter().for_each(|sample| latencies.add(of(sample)));
        latencies
    };
    let mut add = |of, names: [&'static str; 2], target| {
        let latencies = figures(of);
        for (what, quantile, target) in [(names[0], 0.5, ""), (names[1], 0.99, target)] {
            let measured = latencies.at(quantile) / 1e6;
            rows.push(Row { what, measured, unit: "ms", target, peer: "200 open orders" });
        }
    };
    let latch = ["kill: halt to durable latch, median", "kill: halt to durable latch, 99 %"];
    add(|sample| sample.latch, latch, "<= 10");
    let cancel = ["kill: halt to first cancel, median", "kill: halt to first cancel, 99 %"];
    add(|sample| sample.cancel, cancel, "<= 100");
    let gone = ["kill: halt to all gone, median", "kill: halt to all gone, 99 %"];
    add(|sample| sample.gone, gone, "<= 2000");
    Ok(rows)
}

async fn measure() -> anyhow::Result<Vec<Sample>> {
    let venue = start_venue().await?;
    let orders = Orders::new(&venue)?;
    orders.place("stop", "SELL", "STOP_LOSS_LIMIT&stopPrice=50000.00", 49_000).await?;
    let mut samples = Vec::new();
    for number in 0..RUNS {
        samples.push(one(&orders, &venue, number).await?);
    }
    venue.stop().await;
    Ok(samples)
}

async fn start_venue() -> anyhow::Result<RunningVenue> {
    let config = ServerConfig {
        weight_per_minute: u32::MAX,
        raw_per_5m: u32::MAX,
        orders_per_10s: u32::MAX,
        orders_per_day: u32::MAX,
        ..ServerConfig::default()
    };
    let fees = FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) };
    let mut dialect = BinanceServer::new(config, vec![instrument()]);
    dialect.add_key(KEY, VerifyingKey::new(SECRET)?, account());
    let money: BTreeMap<_, Amount> =
        [(parse("USDT"), parse("10000000")), (parse("BTC"), parse("10"))].into();
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

/// One kill switch from its start to its end.
async fn one(orders: &Orders, venue: &RunningVenue, number: usize) -> anyhow::Result<Sample> {
    let placing = (0..PLACING).map(|part| async move {
        for index in (part..ORDERS).step_by(PLACING) {
            let name = format!("k-{number}-{index}");
            orders.place(&name, "BUY", "LIMIT", 57_000).await?;
        }
        anyhow::Ok(())
    });
    futures(placing).await?;
    // On the disk that the build is on: a temporary directory may be in memory.
    let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let watchdog = Watchdog::open(config::load(&written(directory.path(), venue)?)?).await?;
    let control = format!("http://{}", watchdog.control);
    let world = Arc::new(Timed { real: watchdog.world(), seen: Arc::default() });
    let seen = Arc::clone(&world.seen);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(watchdog.run_in(world, stopped));
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let end = Instant::now() + RUN_MAX;
    loop {
        let status = client.get(format!("{control}/status")).bearer_auth(TOKEN).send().await?;
        let status: serde_json::Value = status.json().await?;
        let open = status["open_orders"].as_array().map_or(0, Vec::len);
        if open == ORDERS + STOPS {
            break;
        }
        ensure!(Instant::now() < end, "the kill switch does not see its orders: {status}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let halted = Instant::now();
    let halt = client.post(format!("{control}/halt")).bearer_auth(TOKEN).send();
    let (halt, gone) = tokio::join!(halt, orders.gone(end));
    ensure!(halt?.status().is_success(), "the halt was refused");
    let gone = gone?.duration_since(halted);
    while seen.lock().unwrap_or_else(PoisonError::into_inner).latch.is_none() {
        ensure!(Instant::now() < end, "the latch is not durable");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    stop.send(true).context("the kill switch has ended")?;
    running.await??;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let since = |at: Option<Instant>| {
        at.map(|at| at.duration_since(halted)).context("a step of the kill path is missing")
    };
    Ok(Sample { latch: since(seen.latch)?, cancel: since(seen.cancel)?, gone })
}

fn written(directory: &Path, venue: &RunningVenue) -> anyhow::Result<std::path::PathBuf> {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
    };
    for (name, text) in
        [("key", KEY), ("secret", SECRET), ("token", TOKEN), ("limits.toml", LIMITS)]
    {
        write(name, text)?;
    }
    let text = format!(
        "[venue.sim]\nkind = \"binance-spot\"\ninstruments = [\"BTC-USDT\"]\nrest = \"http://{}\"\n\
         [watchdog]\nheartbeat = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\n\
         token = {{ file = \"token\" }}\nkey = {{ file = \"key\" }}\n\
         secret = {{ file = \"secret\" }}\nlimits = \"limits.toml\"\nstate_dir = \"state\"\n",
        venue.addr
    );
    write("plimsoll.toml", &text)?;
    Ok(directory.join("plimsoll.toml"))
}

/// All of them at once; the first problem of any.
async fn futures(
    parts: impl Iterator<Item = impl Future<Output = anyhow::Result<()>>>,
) -> anyhow::Result<()> {
    let mut parts: Vec<_> = parts.map(|part| Some(Box::pin(part))).collect();
    std::future::poll_fn(|context| {
        for part in &mut parts {
            if let Some(running) = part {
                match running.as_mut().poll(context) {
                    std::task::Poll::Ready(Ok(())) => *part = None,
                    std::task::Poll::Ready(Err(error)) => {
                        return std::task::Poll::Ready(Err(error));
                    }
                    std::task::Poll::Pending => {}
                }
            }
        }
        match parts.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(Ok(())),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

/// The account at the exchange, in the hands of the measurement.
struct Orders {
    client: reqwest::Client,
    base: String,
    key: SigningKey,
}

impl Orders {
    fn new(venue: &RunningVenue) -> anyhow::Result<Orders> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let (base, key) = (format!("http://{}", venue.addr), SigningKey::new(SECRET)?);
        Ok(Orders { client, base, key })
    }

    async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        query: &str,
    ) -> anyhow::Result<String> {
        let now = runtime::clock::now().millis();
        let query = format!("{query}&recvWindow=60000&timestamp={now}");
        let signature = self.key.sign(query.as_bytes());
        let url = format!("{}{path}?{query}&signature={signature}", self.base);
        let answer = self.client.request(method, url).header("x-mbx-apikey", KEY).send().await?;
        Ok(answer.text().await?)
    }

    async fn place(&self, name: &str, side: &str, kind: &str, price: u32) -> anyhow::Result<()> {
        let query = format!(
            "symbol=BTCUSDT&side={side}&type={kind}&timeInForce=GTC&quantity=0.001&price={price}\
             &newClientOrderId={name}"
        );
        let answer = self.ask(reqwest::Method::POST, "/api/v3/order", &query).await?;
        ensure!(answer.contains("\"orderId\""), "{answer}");
        Ok(())
    }

    /// When the exchange's own list has nothing but the stops.
    async fn gone(&self, end: Instant) -> anyhow::Result<Instant> {
        while Instant::now() < end {
            let path = "/api/v3/openOrders";
            let list = self.ask(reqwest::Method::GET, path, "symbol=BTCUSDT").await?;
            let list: Vec<serde_json::Value> = serde_json::from_str(&list)?;
            if list.len() == STOPS {
                return Ok(Instant::now());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("orders are still open after {RUN_MAX:?}")
    }
}

/// When the steps of the kill path were.
#[derive(Default)]
struct Seen {
    latch: Option<Instant>,
    cancel: Option<Instant>,
}

/// The real world, with a watch in its hand.
struct Timed {
    real: Arc<Real>,
    seen: Arc<Mutex<Seen>>,
}

impl World for Timed {
    fn utc_ms(&self) -> i64 {
        self.real.utc_ms()
    }
    fn knows_time(&self) -> bool {
        self.real.knows_time()
    }
    fn write(&self, latch: Latch) -> Task<()> {
        let (writing, seen) = (self.real.write(latch), Arc::clone(&self.seen));
        Box::pin(async move {
            writing.await?;
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .latch
                .get_or_insert_with(Instant::now);
            Ok(())
        })
    }
    fn lift(&self, latch: Latch) -> Task<()> {
        self.real.lift(latch)
    }
    fn keep(&self, marks: Marks) -> Task<()> {
        self.real.keep(marks)
    }
    fn orders(&self, all: bool, urgent: bool) -> Task<Vec<Order>> {
        self.real.orders(all, urgent)
    }
    fn prices(&self) -> Task<Vec<Top>> {
        self.real.prices()
    }
    fn balances(&self) -> Task<Vec<Balance>> {
        self.real.balances()
    }
    fn fills(&self, since: Cursors) -> Task<(Vec<Fill>, Cursors)> {
        self.real.fills(since)
    }
    fn transfers(&self, since_ms: i64) -> Task<Vec<Transfer>> {
        self.real.transfers(since_ms)
    }
    fn cancel(&self, cancel: Cancel) -> Task<usize> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.cancel.get_or_insert_with(Instant::now);
        self.real.cancel(cancel)
    }
    fn sell(&self, sale: Sale) -> Task<String> {
        self.real.sell(sale)
    }
    fn kill_gateway(&self) -> Task<String> {
        self.real.kill_gateway()
    }
    fn alert(&self, alert: Alert) -> Task<()> {
        self.real.alert(alert)
    }
}

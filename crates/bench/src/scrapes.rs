//! What an order waits for while its gateway is scraped ten times a second, and while nobody scrapes.
//!
//! One gateway with its own metrics process trades on a simulated exchange, and turns with and without a scraper follow each
//! other, so that what else the machine does falls on both. The times are the gateway's own, out of its journal: from an
//! agent's decision to the record's being durable, which is where a reader of the journal could be in the way, and to the
//! reply.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use journal::JournalReader;
use model::{Asked, Record, Timestamp};

use crate::table::{Latencies, Row};

/// Turns of each kind.
const TURNS: usize = 5;
/// How long one is.
const TURN: Duration = Duration::from_secs(6);
/// Between two scrapes.
const EVERY: Duration = Duration::from_millis(100);
/// Longest wait for the first order.
const SET_MAX: Duration = Duration::from_secs(60);

/// Twenty orders a second that execute at once or not at all.
const AGENT: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"pace"}}'
order='"instrument":"BTC-USDT","side":"buy","kind":{"type":"market"},"qty":"0.0002"'
order="$order,\"time_in_force\":\"ioc\",\"post_only\":false,\"reduce_only\":false"
while sleep 0.05; do
    echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"it is time\"}}"
    id=$((id + 1))
done &
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
done
kill %1
"#;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    // On the disk that the build is on: a temporary directory may be in memory.
    let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let at = directory.path();
    let (_venue, address) = venue(at)?;
    let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let gateway = gateway(at, &address, &metrics)?;
    set(at, &metrics)?;
    let mut turns = Vec::new();
    let mut scrapes = 0;
    for turn in 0..2 * TURNS {
        let is_scraped = turn % 2 == 1;
        let begin = now()?;
        let end = Instant::now() + TURN;
        while Instant::now() < end {
            if is_scraped {
                scrape(&metrics)?;
                scrapes += 1;
            }
            std::thread::sleep(EVERY);
        }
        turns.push((is_scraped, begin, now()?));
    }
    drop(gateway);
    let [quiet, scraped] = [false, true].map(|wanted| times(at, &turns, wanted));
    rows(&quiet?, &scraped?, scrapes)
}

/// Times of the orders of these turns: to durable, and to the reply.
fn times(
    at: &Path,
    turns: &[(bool, Timestamp, Timestamp)],
    is_scraped: bool,
) -> anyhow::Result<[Latencies; 2]> {
    let mut found = [Latencies::new(), Latencies::new()];
    let mut decided = None;
    let mut orders = std::collections::BTreeMap::new();
    let reader = JournalReader::open(&at.join("plimsoll.db"))?;
    reader.replay(0, &mut |_, entry| {
        match entry.record {
            Record::Decided { .. } => decided = Some(entry.at),
            Record::Prepared { order, .. } => {
                orders.extend(decided.take().map(|at| (order.client_order_id, at)));
            }
            Record::Answered { client_order_id, asked: Asked::Place, durable, came, .. } => {
                let Some(decided) = orders.remove(&client_order_id) else { return Ok(()) };
                let is_in = |(kind, from, to): &(bool, Timestamp, Timestamp)| {
                    *kind == is_scraped && *from <= decided && came <= *to
                };
                if let (Some(durable), true) = (durable, turns.iter().any(is_in)) {
                    let [first, second] = &mut found;
                    first.add(durable.since(decided));
                    second.add(came.since(decided));
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

fn rows(
    quiet: &[Latencies; 2],
    scraped: &[Latencies; 2],
    scrapes: u32,
) -> anyhow::Result<Vec<Row>> {
    ensure!(scrapes > 0, "nothing was scraped");
    let micros = |what, latencies: &Latencies, quantile| Row {
        what,
        measured: latencies.at(quantile) / 1_000.0,
        unit: "µs",
        target: "",
        peer: "",
    };
    let times = |what, now: &Latencies, before: &Latencies, quantile| Row {
        what,
        measured: now.at(quantile) / before.at(quantile),
        unit: "times",
        target: "<= 1.1",
        peer: "",
    };
    Ok(vec![
        micros("decided to durable, no scraper, median", &quiet[0], 0.5),
        micros("the same, scraped at 10 Hz, median", &scraped[0], 0.5),
        micros("decided to durable, no scraper, p99", &quiet[0], 0.99),
        micros("the same, scraped at 10 Hz, p99", &scraped[0], 0.99),
        micros("decided to reply, no scraper, median", &quiet[1], 0.5),
        micros("the same, scraped at 10 Hz, median", &scraped[1], 0.5),
        times("median to durable, scraped to none", &scraped[0], &quiet[0], 0.5),
        times("p99 to durable, scraped to none", &scraped[0], &quiet[0], 0.99),
    ])
}

fn scrape(metrics: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(metrics)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    ensure!(page.starts_with("HTTP/1.1 200"), "a scrape failed: {page}");
    Ok(page)
}

/// Waits until orders are answered and metrics are served.
fn set(at: &Path, metrics: &str) -> anyhow::Result<()> {
    let end = Instant::now() + SET_MAX;
    let is_set = || {
        let page = scrape(metrics).unwrap_or_default();
        let counts = |line: &str| {
            line.starts_with("plimsoll_order_stage_seconds_count{stage=\"sent_to_reply\"}")
                && !line.ends_with(" 0")
        };
        page.lines().any(counts)
    };
    while !is_set() {
        let log = std::fs::read_to_string(at.join("gateway.log")).unwrap_or_default();
        ensure!(Instant::now() < end, "no order was answered: {log}");
        std::thread::sleep(EVERY);
    }
    Ok(())
}

fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_nanos(i64::try_from(since.as_nanos())?))
}

/// The product's own program.
fn program() -> anyhow::Result<Command> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("plimsoll");
    ensure!(path.exists(), "{} is not there: `cargo xtask bench scrapes` makes it", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

fn venue(at: &Path) -> anyhow::Result<(Running, String)> {
    let mut command = program()?;
    command.args(["venue", "--dialect", "binance", "--listen", "127.0.0.1:0"]);
    command.args(["--market", "synthetic:1", "--account", "key:secret:1000000 USDT,10 BTC"]);
    command.args(["--orders-per-10s", "1000"]).stderr(File::create(at.join("venue.log"))?);
    let mut child = Running(command.spawn()?);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().context("no output")?).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on http://").context("no venue")?.to_owned();
    Ok((child, address))
}

fn gateway(at: &Path, venue: &str, metrics: &str) -> anyhow::Result<Running> {
    let limits = runtime::config::limits_text(&crate::samples::limits());
    std::fs::write(at.join("limits.toml"), limits)?;
    std::fs::write(at.join("agent.sh"), AGENT)?;
    let config = format!(
        r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
state_dir = "state"
[venue.sim]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = {{ env = "BENCH_KEY" }}
secret = {{ env = "BENCH_SECRET" }}
rest = "http://{venue}"
[gates.override]
paper-record = "a measurement against a simulated exchange"
watchdog = "a measurement of other things"
key-scopes = "a measurement against a simulated exchange"
alerts = "somebody watches the measurement"
loss-max = "the money is made up"
[ramp]
start_percent = 100
[agent.pace]
venue = "sim"
command = ["bash", "agent.sh"]
[metrics]
listen = "{metrics}"
"#
    );
    std::fs::write(at.join("plimsoll.toml"), config)?;
    let mut command = program()?;
    command.args(["run", "--config"]).arg(at.join("plimsoll.toml")).current_dir(at);
    command.env("BENCH_KEY", "key").env("BENCH_SECRET", "secret");
    command.stdout(Stdio::null()).stderr(File::create(at.join("gateway.log"))?);
    Ok(Running(command.spawn()?))
}

//! One stage: an exchange, a kill switch, a gateway and its agent, each a process of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use journal::JournalReader;
use model::Record;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use venues::binance::sign::SigningKey;

use super::case::{Dialect, Failure};

/// Entry orders that rest: as many as Binance lets stand on one symbol. A stop beside them would be one too many; that
/// it stays is shown elsewhere.
const ORDERS: usize = 200;
/// No stage takes longer to be set, nor to be cleared.
const SET_MAX: Duration = Duration::from_secs(60);
const CLEARED_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Times of two processes of one host may differ by so much in the last digit, ms.
const CLOCKS_MS: i64 = 5;

const TOKEN: &str = "madeUpTokenForTests0123456789";
/// The bytes 1 to 32, as Coinbase prints an Ed25519 seed.
const COINBASE_SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// An agent that orders so many a second until it has all, and wants nothing more.
const AGENT: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"rester"}}'
place() {
    local order="\"instrument\":\"INSTRUMENT\",\"side\":\"$1\",\"kind\":$2,\"qty\":\"0.001\""
    order="$order,\"time_in_force\":\"gtc\",\"post_only\":false,\"reduce_only\":false"
    echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"to rest\"}}"
    id=$((id + 1))
}
placed=0
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    # What a comparison of the books, or the exchange, had no room for is ordered again.
    [[ $line == *'"refused":{'* || $line == *'"done":"'@(rejected|not_placed)* ]] && ((placed--))
    # Not the first ones: the books are to be compared by then.
    [[ $line == '{"timer"'* ]] && ((++timers >= 3)) || continue
    for ((now = 0; now < PACE && placed < COUNT; now++, placed++)); do
        if ((placed % 2)); then
            place buy '{"type":"limit","price":"LOW"}'
        else
            place sell '{"type":"limit","price":"HIGH"}'
        fi
    done
done
"#;

/// Wide, all of them: this is about the other limits.
const GATEWAY_LIMITS: &str = r#"
reference_age_max_ms = 5000
[account]
exposure_max = { QUOTE = "10000000" }
messages_max = 16384
[orders]
open_max = 1000
rate_max = 1000
rate_window_ms = 10000
stops_max = 100
messages_max = 16384
messages_window_ms = 1000
alike_max = 16384
alike_window_ms = 1000
executed_max = 10000
executed_window_ms = 1000
[instrument.BTC-QUOTE]
qty_max = "1"
notional_max = "100000"
position_max = "5"
collar_bps = 1500
exposure_max = "10000000"
turnover_max = "1000000000"
turnover_window_ms = 1000
walk_bps = 10000
walk_window_ms = 1000
[breakers]
drawdown_bps = 10000
day_loss_bps = 10000
loss_velocity_bps = 10000
rejections_percent = 100
rejections_in_a_row = 10000
refusals_in_a_row = 10000
stale_ms = 3600000
reconnects_max = 10000
doubt_grace_ms = 3600000
repeats_max = 10000
unvalued_ms = 3600000
dwell_ms = 60000
"#;

/// The agent's orders are worth some 12000 together.
const WATCHDOG_LIMITS: &str = r#"
quote = "QUOTE"
drawdown_max_bps = 5000
day_loss_max_bps = 5000
open_notional_max = "20000"
unreadable_max_s = 30
[asset.BTC]
value_max = "10000000"
"#;

/// How long the steps took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// From the failure to the act.
    pub(super) act: Duration,
    /// From the act to the latch that is durable.
    pub(super) durable: Duration,
    /// From the act to the last of the orders, by the exchange's own books.
    pub(super) gone: Duration,
}

/// A process that ends with the stage.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(super) struct Stage {
    failure: Failure,
    dialect: Dialect,
    gateway: Running,
    _watchdog: Running,
    _venue: Running,
    venue: String,
    directory: tempfile::TempDir,
}

impl Stage {
    /// Everything is up, the orders rest, and the kill switch knows of them.
    pub(super) fn set(dialect: Dialect, failure: Failure, run: usize) -> anyhow::Result<Stage> {
        // On the disk that the build is on: a temporary directory may be in memory.
        let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let at = directory.path();
        let binary = binary(false)?;
        let (quote, secret) = match dialect {
            Dialect::Binance => ("USDT", "secret"),
            Dialect::Coinbase => ("USD", COINBASE_SECRET),
        };
        let market = format!("synthetic:{}", run + 1);
        let account = format!("key:{secret}:1000000 {quote},10 BTC");
        let mut venue = Command::new(&binary);
        venue.args([
            "venue",
            "--listen",
            "127.0.0.1:0",
            "--market",
            &market,
            "--account",
            &account,
        ]);
        match dialect {
            // How many orders there may be in ten seconds is not what this is about.
            Dialect::Binance => venue.args(["--dialect", "binance", "--orders-per-10s", "1000"]),
            Dialect::Coinbase => venue.args(["--dialect", "coinbase"]),
        };
        let (venue_process, line) = start(venue, &at.join("venue.log"))?;
        let venue = line.strip_prefix("listening on http://").context("no venue")?.to_owned();
        let price = price(&venue, quote)?;
        for (name, text) in [("token", TOKEN), ("key", "key"), ("secret", secret)] {
            secret_file(&at.join(name), text)?;
        }
        std::fs::write(at.join("watchdog-limits.toml"), WATCHDOG_LIMITS.replace("QUOTE", quote))?;
        std::fs::write(at.join("watchdog.toml"), watchdog_config(dialect, quote, &venue))?;
        let mut watchdog = Command::new(&binary);
        watchdog.args(["watchdog", "--config"]).arg(at.join("watchdog.toml"));
        let (watchdog, line) = start(watchdog, &at.join("watchdog.log"))?;
        let ports = line.strip_prefix("heartbeat on ").context("no kill switch")?;
        let (heartbeat, control) =
            ports.split_once(", control on http://").context(line.clone())?;
        std::fs::write(at.join("limits.toml"), GATEWAY_LIMITS.replace("QUOTE", quote))?;
        std::fs::write(at.join("agent.sh"), agent(dialect, quote, price, of_agent(failure)))?;
        let links = (&*venue, heartbeat, control);
        std::fs::write(at.join("plimsoll.toml"), gateway_config(dialect, quote, links))?;
        let is_planted = match failure {
            Failure::Stopped | Failure::Killed => false,
            Failure::Wedged | Failure::Lying | Failure::OverLimits => true,
        };
        let gateway = Command::new(self::binary(is_planted)?)
            .args(["run", "--config"])
            .arg(at.join("plimsoll.toml"))
            // Files with secrets, and the agent's, are looked for from here.
            .current_dir(at)
            .env("PLIMSOLL_PLANTED", at)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(at.join("gateway.log"))?)
            .spawn()?;
        let gateway = Running(gateway);
        let (_watchdog, _venue) = (watchdog, venue_process);
        let stage = Stage { failure, dialect, gateway, _watchdog, _venue, venue, directory };
        stage.rests(control)?;
        Ok(stage)
    }

    /// Waits until the orders rest and the kill switch leases with all of them in its list.
    fn rests(&self, control: &str) -> anyhow::Result<()> {
        let (end, all) = (Instant::now() + SET_MAX, of_agent(self.failure));
        let header = format!("authorization: Bearer {TOKEN}\r\n");
        loop {
            let status = http(control, "GET", "/status", &header)?;
            let open = status["open_orders"].as_array().map_or(0, Vec::len);
            if open == all && status["lease"] == true && status["halted"] == false {
                let state = http(&self.venue, "GET", "/_sim/state", "")?;
                ensure!(open_orders(&state).count() == all, "the exchange has others");
                return Ok(());
            }
            let log = || std::fs::read_to_string(self.directory.path().join("gateway.log"));
            ensure!(Instant::now() < end, "{open} of {all} rest: {}", log().unwrap_or_default());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Lets it fail, and waits until the kill switch has cleared the account.
    pub(super) fn measure(&self) -> anyhow::Result<Sample> {
        let failed_ms = self.fail()?;
        let end = Instant::now() + CLEARED_MAX;
        let state = loop {
            let state = http(&self.venue, "GET", "/_sim/state", "")?;
            if open_orders(&state).count() == 0 {
                break state;
            }
            let log = std::fs::read_to_string(self.directory.path().join("watchdog.log"));
            ensure!(Instant::now() < end, "orders are left: {}", log.unwrap_or_default());
            std::thread::sleep(LOOK_EVERY);
        };
        let latch = self.directory.path().join("state-watchdog/watchdog-latch.json");
        // It cancels before a slow disk has answered.
        while !latch.exists() {
            ensure!(Instant::now() < end, "the latch is not durable");
            std::thread::sleep(LOOK_EVERY);
        }
        let said: Value = serde_json::from_slice(&std::fs::read(&latch)?)?;
        ensure!(said["kind"] == self.failure.kind(), "it acted for something else: {said}");
        let file = std::fs::metadata(&latch)?;
        // Written, flushed, and renamed: the change of its name is the last of them.
        let durable_ms = file.ctime() * 1_000 + file.ctime_nsec() / 1_000_000;
        let written_ms = file.mtime() * 1_000 + file.mtime_nsec() / 1_000_000;
        // By the exchange's clock as the kill switch knows it, and never later than by the host's own.
        let act_ms = said["at_ms"].as_i64().context("a latch without a time")?.min(written_ms);
        let gone_ms = self.last_gone(&state, failed_ms)?;
        self.nobody_else_canceled()?;
        Ok(Sample {
            act: between(failed_ms, act_ms)?,
            durable: between(act_ms, durable_ms)?,
            gone: between(act_ms, gone_ms)?,
        })
    }

    /// The failure, and when it was.
    fn fail(&self) -> anyhow::Result<i64> {
        let pid = Pid::from_child(&self.gateway.0);
        let plant = |name: &str| File::create(self.directory.path().join(name));
        match self.failure {
            Failure::Stopped => kill_process(pid, Signal::STOP)?,
            Failure::Killed => kill_process(pid, Signal::KILL)?,
            Failure::Wedged => drop(plant("wedge")?),
            Failure::Lying => {
                plant("deaf")?;
                plant("lie")?;
            }
            Failure::OverLimits => {
                plant("deaf")?;
                self.add_to_it()?;
            }
        }
        now_ms()
    }

    /// Somebody with the account's key orders more than the kill switch allows.
    fn add_to_it(&self) -> anyhow::Result<()> {
        ensure!(self.dialect == Dialect::Binance, "not in this dialect");
        let price = price(&self.venue, "USDT")? * 0.88;
        let query = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price={price:.2}\
             &newClientOrderId=stranger&recvWindow=60000&timestamp={}",
            now_ms()?
        );
        let signature = SigningKey::new("secret")?.sign(query.as_bytes());
        let path = format!("/api/v3/order?{query}&signature={signature}");
        let answer = http(&self.venue, "POST", &path, "x-mbx-apikey: key\r\n")?;
        ensure!(answer["orderId"].is_number(), "{answer}");
        Ok(())
    }

    /// When the last of the orders went, after all of them were there when it failed.
    fn last_gone(&self, state: &Value, failed_ms: i64) -> anyhow::Result<i64> {
        let mut last = (0, 0);
        for order in state["orders"].as_array().context("no orders")? {
            if order["status"] == "rejected" {
                continue;
            }
            ensure!(order["status"] == "canceled", "it was not canceled: {order}");
            let at = order["updated"].as_i64().context("an order without a time")?;
            ensure!(at + CLOCKS_MS >= failed_ms, "gone before the failure: {order}");
            last = (last.0 + 1, last.1.max(at));
        }
        ensure!(last.0 == ORDERS, "{} of {ORDERS} were canceled", last.0);
        Ok(last.1)
    }

    /// The gateway took nothing back: the kill switch was alone.
    fn nobody_else_canceled(&self) -> anyhow::Result<()> {
        let mut canceled = 0;
        JournalReader::open(&self.directory.path().join("plimsoll.db"))?.replay(
            0,
            &mut |_, entry| {
                canceled += usize::from(matches!(entry.record, Record::CancelPrepared { .. }));
                Ok(())
            },
        )?;
        ensure!(canceled == 0, "the gateway took {canceled} orders back");
        Ok(())
    }
}

/// `plimsoll` beside this program, or the one with deliberate bugs that `cargo xtask bench` makes.
fn binary(is_planted: bool) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.parent().context("a program without a directory")?;
    let path = match (is_planted, profile.parent(), profile.file_name()) {
        (true, Some(target), Some(profile)) => {
            target.join("defects").join(profile).join("plimsoll")
        }
        _ => profile.join("plimsoll"),
    };
    ensure!(
        path.exists(),
        "{} is not there: `cargo xtask bench kill-processes` makes it",
        path.display()
    );
    Ok(path)
}

/// A process, and the first line that it prints.
fn start(mut command: Command, log: &Path) -> anyhow::Result<(Running, String)> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
    let mut child = Running(command.spawn()?);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().context("no output")?).read_line(&mut line)?;
    ensure!(!line.is_empty(), "it does not start: {}", std::fs::read_to_string(log)?);
    Ok((child, line.trim_end().to_owned()))
}

/// How many of the orders are the agent's.
const fn of_agent(failure: Failure) -> usize {
    match failure {
        Failure::Stopped | Failure::Killed | Failure::Wedged | Failure::Lying => ORDERS,
        // One is somebody else's.
        Failure::OverLimits => ORDERS - 1,
    }
}

fn secret_file(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
}

const fn kind(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Binance => "binance-spot",
        Dialect::Coinbase => "coinbase-advanced",
    }
}

fn watchdog_config(dialect: Dialect, quote: &str, venue: &str) -> String {
    format!(
        r#"
[venue.sim]
kind = "{}"
instruments = ["BTC-{quote}"]
rest = "http://{venue}"
[watchdog]
heartbeat = "127.0.0.1:0"
control = "127.0.0.1:0"
token = {{ file = "token" }}
key = {{ file = "key" }}
secret = {{ file = "secret" }}
limits = "watchdog-limits.toml"
state_dir = "state-watchdog"
"#,
        kind(dialect)
    )
}

fn gateway_config(
    dialect: Dialect,
    quote: &str,
    (venue, heartbeat, control): (&str, &str, &str),
) -> String {
    format!(
        r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
reconcile_every_s = 2
state_dir = "state"
[venue.sim]
kind = "{}"
instruments = ["BTC-{quote}"]
key = {{ file = "key" }}
secret = {{ file = "secret" }}
rest = "http://{venue}"
[gates.override]
paper-record = "a measurement against a simulated exchange"
watchdog = "the kill switch is what is measured"
key-scopes = "a measurement against a simulated exchange"
alerts = "somebody watches the measurement"
loss-max = "the money is made up"
[ramp]
start_percent = 100
[agent.rester]
venue = "sim"
command = ["bash", "agent.sh"]
[watchdog]
heartbeat = "{heartbeat}"
control = "{control}"
token = {{ file = "token" }}
"#,
        kind(dialect)
    )
}

/// The agent's text: half of the orders below the market and half above, a tenth away or nearly so.
fn agent(dialect: Dialect, quote: &str, price: f64, orders: usize) -> String {
    let pace = match dialect {
        Dialect::Binance => 100,
        // Thirty requests a second, some of which are the kill switch's and the comparisons'.
        Dialect::Coinbase => 16,
    };
    let mut text = AGENT.replace("INSTRUMENT", &format!("BTC-{quote}"));
    for (name, factor) in [("LOW", 0.92), ("HIGH", 1.08)] {
        text = text.replace(name, &format!("{:.2}", price * factor));
    }
    text.replace("PACE", &pace.to_string()).replace("COUNT", &orders.to_string())
}

/// The best bid, as soon as there is one.
fn price(venue: &str, quote: &str) -> anyhow::Result<f64> {
    let end = Instant::now() + SET_MAX;
    loop {
        let state = http(venue, "GET", "/_sim/state", "")?;
        if let Some(price) = state["books"][format!("BTC-{quote}")]["bids"][0][0].as_str() {
            return Ok(price.parse()?);
        }
        ensure!(Instant::now() < end, "the market has no price");
        std::thread::sleep(LOOK_EVERY);
    }
}

fn http(address: &str, method: &str, path: &str, header: &str) -> anyhow::Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = "content-length: 0\r\n";
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}{length}\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) =
        answer.split_once("\r\n\r\n").context("an answer without an end of its head")?;
    serde_json::from_str(body).with_context(|| answer.clone())
}

fn open_orders(state: &Value) -> impl Iterator<Item = &Value> {
    let orders = state["orders"].as_array().into_iter().flatten();
    orders.filter(|order| matches!(order["status"].as_str(), Some("new" | "partially_filled")))
}

fn now_ms() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?)
}

/// Never before: what is off in the last digit counts as nothing.
fn between(from_ms: i64, to_ms: i64) -> anyhow::Result<Duration> {
    let ms = to_ms - from_ms;
    ensure!(ms >= -CLOCKS_MS, "{to_ms} is before {from_ms}");
    Ok(Duration::from_millis(ms.max(0).unsigned_abs()))
}

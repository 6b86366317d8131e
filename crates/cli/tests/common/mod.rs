//! Real processes for tests: a venue, a gateway, and the journal between them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod book;
mod open;
pub(crate) mod posts;
pub(crate) mod shift;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use journal::{Address, JournalReader, Summary};
use model::{Decimal, Entry, Record, TradingState};

pub(crate) use open::OPEN;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_plimsoll");

/// A process that dies with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs a command to its end.
pub(crate) fn plimsoll(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What the servers of tests are opened with.
pub(crate) const STORE_PASSWORD: &str = "hush";

/// An Ed25519 seed as Coinbase prints it: the bytes 1 to 32.
pub(crate) const COINBASE_SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// A simulated exchange and its address.
pub(crate) struct Venue {
    pub(crate) process: Running,
    pub(crate) addr: String,
}

impl Venue {
    pub(crate) fn start(args: &[&str]) -> Venue {
        Venue::speaking("binance", "key:secret:10000 USDT,1 BTC", args)
    }

    /// One whose account of the gateway holds this.
    pub(crate) fn holding(balances: &str, args: &[&str]) -> Venue {
        Venue::speaking("binance", &format!("key:secret:{balances}"), args)
    }

    /// One that speaks Coinbase's protocol.
    pub(crate) fn coinbase(args: &[&str]) -> Venue {
        Venue::speaking("coinbase", &format!("key:{COINBASE_SECRET}:10000 USD,1 BTC"), args)
    }

    /// One that speaks Kraken's protocol.
    pub(crate) fn kraken(args: &[&str]) -> Venue {
        Venue::speaking("kraken", &format!("key:{COINBASE_SECRET}:10000 USD,1 BTC"), args)
    }

    /// The same with this account, whose key is in a file of the directory.
    pub(crate) fn coinbase_of(account: &str, directory: &Path) -> Venue {
        let mut command = Command::new(BINARY);
        command.current_dir(directory);
        Venue::of(command, "coinbase", account, &[])
    }

    /// One that speaks this protocol, with this account.
    pub(crate) fn speaking(dialect: &str, account: &str, args: &[&str]) -> Venue {
        Venue::of(Command::new(BINARY), dialect, account, args)
    }

    fn of(mut command: Command, dialect: &str, account: &str, args: &[&str]) -> Venue {
        let mut child = command
            .args(["venue", "--dialect", dialect, "--listen", "127.0.0.1:0"])
            .args(["--account", account])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Venue { process: Running(child), addr }
    }

    /// A plain HTTP request; returns the body.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> String {
        self.raw(method, path, body).split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The same; returns all of the answer.
    pub(crate) fn raw(&self, method: &str, path: &str, body: &str) -> String {
        self.exchange(method, path, "", body)
    }

    /// A request of an account without a body; returns all of the answer.
    pub(crate) fn keyed(&self, method: &str, path: &str, key: &str) -> String {
        self.exchange(method, path, &format!("x-mbx-apikey: {key}\r\n"), "")
    }

    /// A request with these headers; returns all of the answer.
    pub(crate) fn exchange(&self, method: &str, path: &str, header: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\
             content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.http("GET", "/_sim/state", "")).unwrap()
    }
}

/// A directory with a configuration, and the gateway that runs on it.
pub(crate) struct Gateway {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) process: Option<Running>,
    secret: &'static str,
    store: Address,
}

/// Limits that hold in tests which are not about the others.
pub(crate) const LIMITS: &str = r#"
reference_age_max_ms = 5000
[orders]
open_max = 10
rate_max = 50
rate_window_ms = 10000
[instrument.BTC-USDT]
qty_max = "0.05"
notional_max = "5000"
position_max = "0.1"
collar_bps = 200
"#;

/// Every other limit, so wide that it refuses nothing.
const KEYS: &[(&str, &str)] = &[
    ("[account]", "exposure_max = { USDT = \"1000000\", USD = \"1000000\" }"),
    ("[account]", "messages_max = 16384"),
    ("[orders]", "stops_max = 1000"),
    ("[orders]", "messages_max = 16384"),
    ("[orders]", "messages_window_ms = 1000"),
    ("[orders]", "alike_max = 16384"),
    ("[orders]", "alike_window_ms = 1000"),
    ("[orders]", "executed_max = 10000"),
    ("[orders]", "executed_window_ms = 1000"),
    ("[instrument.", "exposure_max = \"1000000\""),
    ("[instrument.", "turnover_max = \"1000000000\""),
    ("[instrument.", "turnover_window_ms = 1000"),
    ("[instrument.", "walk_bps = 10000"),
    ("[instrument.", "walk_window_ms = 1000"),
];

/// A limits file with what these limits do not say.
pub(crate) fn with_room(limits: &str) -> String {
    let missing = |table: &str, key: &str| {
        let own = limits.split_once(table).map_or("", |(_, rest)| rest);
        let own = own.split("\n[").next().unwrap_or_default();
        !own.lines().any(|line| line.split('=').next().is_some_and(|own| own.trim() == key))
    };
    let add = |text: &mut String, line: &str| {
        for (table, wide) in KEYS.iter().filter(|(table, _)| line.starts_with(table)) {
            if missing(table, wide.split(' ').next().unwrap_or_default()) {
                text.push_str(wide);
                text.push('\n');
            }
        }
    };
    let mut text = String::new();
    for line in limits.lines() {
        if line.starts_with("[orders]") && !limits.contains("[account]") {
            text.push_str("[account]\n");
            add(&mut text, "[account]");
        }
        text.push_str(line);
        text.push('\n');
        add(&mut text, line);
    }
    if !limits.contains("[breakers]") {
        text.push_str(ROOM);
    }
    text
}

/// Breakers with room, for stories of other things.
const ROOM: &str = r"
[breakers]
drawdown_bps = 10000
day_loss_bps = 10000
loss_velocity_bps = 10000
rejections_percent = 100
rejections_in_a_row = 10000
refusals_in_a_row = 10000
refusals_for_size = 10000
refusals_for_effect = 10000
refusals_window_ms = 60000
stale_ms = 3600000
reconnects_max = 10000
doubt_grace_ms = 3600000
repeats_max = 10000
unvalued_ms = 3600000
dwell_ms = 60000
";

impl Gateway {
    /// Writes a configuration with these agent tables and does not start yet.
    pub(crate) fn prepare(addr: &str, agents: &str) -> Gateway {
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
reconcile_every_s = 2
state_dir = "state"
[venue.sim]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = {{ env = "TEST_KEY" }}
secret = {{ env = "TEST_SECRET" }}
rest = "http://{addr}"
{OPEN}
{agents}
"#
        );
        std::fs::write(directory.path().join("plimsoll.toml"), config).unwrap();
        std::fs::write(directory.path().join("limits.toml"), with_room(LIMITS)).unwrap();
        let store = Address::Sqlite(directory.path().join("plimsoll.db"));
        Gateway { directory, process: None, secret: "secret", store }
    }

    /// The same for an exchange that speaks Coinbase's protocol.
    pub(crate) fn prepare_coinbase(venue: &Venue, agents: &str) -> Gateway {
        Gateway::prepare_usd("coinbase-advanced", venue, agents)
    }

    /// The same for one that speaks Kraken's.
    pub(crate) fn prepare_kraken(venue: &Venue, agents: &str) -> Gateway {
        let gateway = Gateway::prepare_usd("kraken-spot", venue, agents);
        // The counter of calls falls by one in two seconds: a comparison costs a dozen of them.
        let path = gateway.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("reconcile_every_s = 2", "reconcile_every_s = 20"))
            .unwrap();
        gateway
    }

    fn prepare_usd(kind: &str, venue: &Venue, agents: &str) -> Gateway {
        let gateway = Gateway::prepare(&venue.addr, agents);
        for file in ["plimsoll.toml", "limits.toml"] {
            let text = std::fs::read_to_string(gateway.path(file)).unwrap();
            let text = text.replace("binance-spot", kind);
            let text = text.replace("BTC-USDT", "BTC-USD");
            std::fs::write(gateway.path(file), text).unwrap();
        }
        Gateway { secret: COINBASE_SECRET, ..gateway }
    }

    /// Keeps its journal elsewhere, with the password of the address in the environment.
    pub(crate) fn keep_in(&mut self, url: &str) {
        self.store = Address::parse(url, Path::new(".")).unwrap();
        let path = self.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let store =
            format!("{:?}\nstore_password = {{ env = \"TEST_STORE\" }}", self.store.to_string());
        std::fs::write(&path, text.replace("\"sqlite:plimsoll.db\"", &store)).unwrap();
    }

    /// A second one on the same configuration, with a log of its own.
    pub(crate) fn twin(&self) -> Gateway {
        let directory = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.directory.path()).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file()
                && !file.file_name().to_string_lossy().contains(".db")
            {
                std::fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
            }
        }
        let store = self.store.clone();
        if let Address::Sqlite(path) = &store {
            let config = directory.path().join("plimsoll.toml");
            let text = std::fs::read_to_string(&config).unwrap();
            let text = text.replace("sqlite:plimsoll.db", &format!("sqlite:{}", path.display()));
            std::fs::write(config, text).unwrap();
        }
        Gateway { directory, process: None, secret: self.secret, store }
    }

    /// Adds tables to the configuration.
    pub(crate) fn add(&self, tables: &str) {
        let path = self.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n{tables}")).unwrap();
    }

    /// What is traded.
    pub(crate) fn instrument(&self) -> &'static str {
        if self.secret == COINBASE_SECRET { "BTC-USD" } else { "BTC-USDT" }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(["run", "--config"])
            .arg(self.path("plimsoll.toml"))
            .env("TEST_KEY", "key")
            .env("TEST_SECRET", self.secret)
            .env("TEST_STORE", STORE_PASSWORD)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn start(&mut self) {
        self.start_with(|_| {});
    }

    /// Starts it with a command of its own.
    pub(crate) fn spawn(&mut self, mut command: Command) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        self.process = Some(Running(command.stderr(log).spawn().unwrap()));
    }

    /// Starts it with a command that is changed first.
    pub(crate) fn start_with(&mut self, change: impl FnOnce(&mut Command)) {
        let mut command = self.command();
        change(&mut command);
        self.spawn(command);
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.0.try_wait().unwrap().is_none())
    }

    /// Everything in the journal so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        match &self.store {
            Address::Sqlite(path) => entries(path),
            store => JournalReader::of(store).map_or_else(|_| Vec::new(), |reader| all(&reader)),
        }
    }

    /// Waits until the journal is so; shows the log when it never is.
    pub(crate) fn wait(&mut self, seconds: u64, what: &str, so: impl Fn(&[Entry]) -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !so(&self.entries()) {
            assert!(self.is_alive(), "{what}: the gateway ended: {}", self.log());
            if Instant::now() > end {
                let last = self.entries().split_off(self.entries().len().saturating_sub(12));
                panic!("not in {seconds} s: {what}: {}\n{last:#?}", self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_for_end(&mut self, seconds: u64) -> std::process::ExitStatus {
        let end = Instant::now() + Duration::from_secs(seconds);
        while self.is_alive() {
            assert!(Instant::now() < end, "the gateway does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process.take().unwrap().0.wait().unwrap()
    }

    /// Asks it to end and waits.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().unwrap();
        let id = process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the gateway does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn entries(path: &Path) -> Vec<Entry> {
    JournalReader::open(path).map_or_else(|_| Vec::new(), |reader| all(&reader))
}

fn all(reader: &JournalReader) -> Vec<Entry> {
    let mut entries = Vec::new();
    reader
        .replay(0, &mut |_, entry| {
            entries.push(entry);
            Ok(())
        })
        .unwrap();
    entries
}

/// An agent in a shell that buys a little at the market each second. Returns its table.
pub(crate) fn buyer(gateway: &Gateway) -> String {
    let path = gateway.path("buyer.sh");
    std::fs::write(&path, BUYER).unwrap();
    format!("[agent.buyer]\nvenue = \"sim\"\ncommand = [\"bash\", {path:?}]\n")
}

const BUYER: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"buyer"}}'
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    if [[ $line == '{"timer"'* ]]; then
        order='"instrument":"BTC-USDT","side":"buy","kind":{"type":"market"},"qty":"0.001"'
        order="$order,\"time_in_force\":\"ioc\",\"post_only\":false,\"reduce_only\":false"
        echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"a second has passed\"}}"
        id=$((id + 1))
    fi
done
"#;

/// A test that could not run. Output of a test that passes is swallowed, so `cargo xtask test` reads
/// this file and says it at the end.
pub(crate) fn not_tested(what: &str) {
    eprintln!("NOT TESTED: {what}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-tested");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{what}").unwrap();
}

/// A recording, relative to the repository; `None` loudly when it is not there.
pub(crate) fn recording(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    not_tested(&format!("the recorded market, because {name} is not here"));
    None
}

/// How often the gateway began to let only what reduces through, because of the venue's clock. No order
/// was written down from then until it traded again: all that tests want add risk.
pub(crate) fn unsure_of_the_clock(entries: &[Entry]) -> usize {
    let (mut reducing, mut times) = (false, 0);
    for entry in entries {
        match &entry.record {
            Record::Trading { state, cause, .. } => {
                reducing = *state == TradingState::Reducing;
                times += usize::from(reducing && cause.contains("clock"));
            }
            Record::Prepared { order, .. } => assert!(!reducing, "{order:?} at {:?}", entry.at),
            _ => {}
        }
    }
    times
}

/// Our journal against the exchange's own books.
pub(crate) fn assert_agrees(gateway: &Gateway, venue: &Venue) {
    let (summary, state) = (Summary::from_entries(&gateway.entries()), venue.state());
    let fills = state["fills"].as_array().unwrap();
    assert_eq!(summary.fills, fills.len() as u64, "every execution once");
    let mut net = Decimal::ZERO;
    for fill in fills {
        let qty: Decimal = fill["qty"].as_str().unwrap().parse().unwrap();
        let signed = if fill["side"] == "buy" { Some(qty) } else { qty.checked_neg() };
        net = net.checked_add(signed.unwrap()).unwrap();
    }
    let ours = summary.positions.values().next().map_or(Decimal::ZERO, |net| net.get());
    assert_eq!(ours, net);
    for (asset, balance) in state["balances"]["account-1"].as_object().unwrap() {
        let total = |key: &str| balance[key].as_str().unwrap().parse::<Decimal>().unwrap();
        let theirs = total("free").checked_add(total("locked")).unwrap();
        assert_eq!(summary.counted[&asset.parse().unwrap()].get(), theirs, "{asset}");
    }
    assert_eq!(summary.discrepancies_left, Some(0));
}

/// A file with a secret: its owner's alone.
pub(crate) fn secret_file(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

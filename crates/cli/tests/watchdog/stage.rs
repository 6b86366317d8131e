//! A stage: an exchange with open orders, a kill switch, and a gateway that only beats.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use venues::binance::sign::SigningKey;
use venues::coinbase::REST_HOST;
use venues::coinbase::sign::{Nonce, SigningKey as CoinbaseKey, Target};

use crate::common::{BINARY, COINBASE_SECRET, Running, Venue};

pub(crate) const TOKEN: &str = "madeUpTokenForTests0123456789";
/// What the names of the orders of the imagined gateway begin with.
pub(crate) const OWN: &str = "own";
/// Nothing takes longer than this here, except what is waited for on purpose.
pub(crate) const SOON: Duration = Duration::from_secs(15);

const LIMITS: &str = r#"
quote = "QUOTE"
drawdown_max_bps = 2000
day_loss_max_bps = 2000
open_notional_max = "100000"
unreadable_max_s = 30
[asset.BTC]
value_max = "1000000"
"#;

const BINANCE: &str = "binance-spot";
const COINBASE: &str = "coinbase-advanced";
const KRAKEN: &str = "kraken-spot";

pub(crate) struct Stage {
    pub(crate) venue: Venue,
    pub(crate) directory: tempfile::TempDir,
    kind: &'static str,
    placed: AtomicU64,
}

impl Stage {
    pub(crate) fn binance(seed: u32) -> Stage {
        Stage::holding("1000000 USDT,10 BTC", seed)
    }

    pub(crate) fn coinbase(seed: u32) -> Stage {
        let market = format!("synthetic:{seed}");
        Stage::on(Venue::coinbase(&["--market", &market]), COINBASE)
    }

    /// Kraken, which takes 80 orders of a pair.
    pub(crate) fn kraken(seed: u32) -> Stage {
        let market = format!("synthetic:{seed}");
        Stage::on(Venue::kraken(&["--market", &market]), KRAKEN)
    }

    /// Kraken, with these balances.
    pub(crate) fn kraken_holding(balances: &str, seed: u32) -> Stage {
        let market = format!("synthetic:{seed}");
        let account = format!("key:{COINBASE_SECRET}:{balances}");
        Stage::on(Venue::speaking("kraken", &account, &["--market", &market]), KRAKEN)
    }

    /// Binance, with these balances.
    pub(crate) fn holding(balances: &str, seed: u32) -> Stage {
        let market = format!("synthetic:{seed}");
        Stage::on(Venue::holding(balances, &["--market", &market]), BINANCE)
    }

    /// Coinbase, with these balances.
    pub(crate) fn coinbase_holding(balances: &str, seed: u32) -> Stage {
        let market = format!("synthetic:{seed}");
        let account = format!("key:{COINBASE_SECRET}:{balances}");
        Stage::on(Venue::speaking("coinbase", &account, &["--market", &market]), COINBASE)
    }

    /// Binance, with a market that somebody else makes: see `quote`.
    pub(crate) fn quiet() -> Stage {
        let other = ["--market", "empty", "--account", "other:secret:100000000 USDT,1000 BTC"];
        Stage::on(Venue::holding("100000 USDT,10 BTC", &other), BINANCE)
    }

    /// So many instruments, `C01-USDT` and on, all followed; somebody else quotes each of them around 100.
    pub(crate) fn many(count: usize) -> Stage {
        let coins: Vec<String> = (1..=count).map(|n| format!("C{n:02}")).collect();
        let held: String = coins.iter().map(|coin| format!(",1000 {coin}")).collect();
        let other = format!("other:secret:100000000 USDT{held}");
        let named: Vec<String> =
            coins.iter().map(|coin| format!("--instrument={coin}-USDT:price=100")).collect();
        let mut args = vec!["--market", "empty", "--account", &other];
        args.extend(named.iter().map(String::as_str));
        let stage = Stage::on(Venue::holding("100000 USDT", &args), BINANCE);
        let list: Vec<String> = coins.iter().map(|coin| format!("\"{coin}-USDT\"")).collect();
        let config = std::fs::read_to_string(stage.path("plimsoll.toml")).unwrap();
        let config = config.replace("\"BTC-USDT\"", &list.join(", "));
        std::fs::write(stage.path("plimsoll.toml"), config).unwrap();
        let limits: String =
            coins.iter().map(|coin| format!("[asset.{coin}]\nvalue_max = \"1000000\"\n")).collect();
        stage.limit("[asset.BTC]\nvalue_max = \"1000000\"\n", &limits);
        for coin in &coins {
            stage.order("other", &format!("{coin}USDT"), "BUY", "10", "99");
            stage.order("other", &format!("{coin}USDT"), "SELL", "10", "101");
        }
        stage
    }

    /// An order of this account.
    pub(crate) fn order(&self, key: &str, symbol: &str, side: &str, qty: &str, price: &str) {
        let n = self.placed.fetch_add(1, Ordering::Relaxed);
        let query = format!(
            "symbol={symbol}&side={side}&type=LIMIT&timeInForce=GTC&quantity={qty}&price={price}\
             &newClientOrderId={OWN}-{n}"
        );
        let answer = self.signed("POST", "/api/v3/order", key, &query);
        assert!(answer.contains("\"orderId\""), "{answer}");
    }

    /// The same, with a coin that the kill switch does not follow.
    pub(crate) fn robbed() -> Stage {
        let other =
            ["--market", "empty", "--account", "other:secret:100000000 USDT,1000 BTC,1000 XYZ"];
        let traded = ["--instrument", "BTC-USDT", "--instrument", "XYZ-USDT:price=100"];
        Stage::on(Venue::holding("100000 USDT,10 BTC", &[other, traded].concat()), BINANCE)
    }

    /// Somebody sells that coin to the account, with the account's own key.
    pub(crate) fn rob(&self, qty: &str, price: &str) {
        self.order("other", "XYZUSDT", "SELL", qty, price);
        self.order("key", "XYZUSDT", "BUY", qty, price);
    }

    /// Somebody else asks and bids around this price, and takes back what they quoted before.
    pub(crate) fn quote(&self, price: u32) {
        // Nothing may be open yet.
        self.signed("DELETE", "/api/v3/openOrders", "other", "symbol=BTCUSDT");
        for (side, price) in [("BUY", price - 1), ("SELL", price + 1)] {
            let n = self.placed.fetch_add(1, Ordering::Relaxed);
            let query = format!(
                "symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce=GTC&quantity=1&price={price}.00\
                 &newClientOrderId=other-{n}"
            );
            let answer = self.signed("POST", "/api/v3/order", "other", &query);
            assert!(answer.contains("\"orderId\""), "{answer}");
        }
    }

    fn signed(&self, method: &str, path: &str, key: &str, query: &str) -> String {
        let now = runtime::clock::now().millis();
        let query = format!("{query}&recvWindow=60000&timestamp={now}");
        let signature = SigningKey::new("secret").unwrap().sign(query.as_bytes());
        self.venue.keyed(method, &format!("{path}?{query}&signature={signature}"), key)
    }

    /// A venue of Binance's that was started elsewhere.
    pub(crate) fn with_binance(venue: Venue) -> Stage {
        Stage::on(venue, BINANCE)
    }

    fn on(venue: Venue, kind: &'static str) -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let stage = Stage { venue, directory, kind, placed: AtomicU64::new(0) };
        let quote = if kind == BINANCE { "USDT" } else { "USD" };
        let secret = if kind == BINANCE { "secret" } else { COINBASE_SECRET };
        for (name, text) in [("token", TOKEN), ("key", "key"), ("secret", secret)] {
            crate::common::secret_file(&stage.path(name), text);
        }
        std::fs::write(stage.path("watchdog-limits.toml"), LIMITS.replace("QUOTE", quote)).unwrap();
        let config = format!(
            r#"
[venue.sim]
kind = "{kind}"
instruments = ["BTC-{quote}"]
rest = "http://{}"
[watchdog]
heartbeat = "127.0.0.1:0"
control = "127.0.0.1:0"
token = {{ file = "token" }}
key = {{ file = "key" }}
secret = {{ file = "secret" }}
limits = "watchdog-limits.toml"
state_dir = "state"
halt_file = "HALT"
"#,
            stage.venue.addr
        );
        std::fs::write(stage.path("plimsoll.toml"), config).unwrap();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Adds keys to the kill switch's table.
    pub(crate) fn add(&self, keys: &str) {
        let path = self.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{keys}\n")).unwrap();
    }

    /// Changes its limits.
    pub(crate) fn limit(&self, from: &str, to: &str) {
        let path = self.path("watchdog-limits.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    pub(crate) fn watchdog(&self) -> Watchdog {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let mut child = Command::new(BINARY)
            .args(["watchdog", "--config"])
            .arg(self.path("plimsoll.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports = line
            .trim()
            .strip_prefix("heartbeat on ")
            .and_then(|l| l.split_once(", control on http://"));
        let (heartbeat, control) = ports.unwrap_or_else(|| panic!("{line}: {}", self.log()));
        let (heartbeat, control) = (heartbeat.to_owned(), control.to_owned());
        Watchdog { process: Running(child), heartbeat, control }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn price(&self) -> f64 {
        let end = Instant::now() + SOON;
        let books = if self.kind == BINANCE { "BTC-USDT" } else { "BTC-USD" };
        while Instant::now() < end {
            let state = self.venue.state();
            if let Some(price) = state["books"][books]["bids"][0][0].as_str() {
                return price.parse().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the market has no price");
    }

    /// Entry orders that rest, half of them buys; all named as the gateway names its own.
    pub(crate) fn entries(&self, count: usize) {
        let price = self.price();
        for index in 0..count {
            let (side, at) = if index.is_multiple_of(2) { ("BUY", 0.97) } else { ("SELL", 1.03) };
            self.place(OWN, side, "0.0003", price * at, None);
        }
    }

    /// A stop that protects.
    pub(crate) fn stop(&self) {
        let price = self.price();
        self.place(OWN, "SELL", "0.01", price * 0.90, Some(price * 0.91));
    }

    /// An order under this name.
    pub(crate) fn named(&self, name: &str) {
        self.place(name, "BUY", "0.0003", self.price() * 0.97, None);
    }

    /// An entry order that is worth as much as ten others.
    pub(crate) fn large(&self) {
        self.place(OWN, "BUY", "0.003", self.price() * 0.97, None);
    }

    fn place(&self, name: &str, side: &str, qty: &str, price: f64, trigger: Option<f64>) {
        let n = self.placed.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{n}");
        if self.kind == KRAKEN {
            return self.place_at_kraken(&name, side, qty, price, trigger);
        }
        if self.kind == COINBASE {
            let limit = format!("{price:.2}");
            let configuration = match trigger {
                None => json!({"limit_limit_gtc": {"base_size": qty, "limit_price": limit}}),
                Some(trigger) => json!({"stop_limit_stop_limit_gtc": {
                    "base_size": qty, "limit_price": limit, "stop_price": format!("{trigger:.2}"),
                    "stop_direction": "STOP_DIRECTION_STOP_DOWN"}}),
            };
            let path = "/api/v3/brokerage/orders";
            let target = Target { method: "POST", host: REST_HOST, path };
            let now = runtime::clock::now();
            let nonce = Nonce::numbered(now.nanos().unsigned_abs().into(), 0);
            let key = CoinbaseKey::new(COINBASE_SECRET).unwrap();
            let token = key.token("key", Some(&target), now, nonce);
            let headers =
                format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
            let body = json!({"client_order_id": name, "product_id": "BTC-USD", "side": side,
                "order_configuration": configuration});
            let answer = self.venue.exchange("POST", path, &headers, &body.to_string());
            assert!(answer.contains("\"success\":true"), "{answer}");
            // Thirty requests a second.
            std::thread::sleep(Duration::from_millis(40));
            return;
        }
        let kind = match trigger {
            None => "LIMIT".to_owned(),
            Some(trigger) => format!("STOP_LOSS_LIMIT&stopPrice={trigger:.2}"),
        };
        let query = format!(
            "symbol=BTCUSDT&side={side}&type={kind}&timeInForce=GTC&quantity={qty}&price={price:.2}\
             &newClientOrderId={name}"
        );
        let answer = self.signed("POST", "/api/v3/order", "key", &query);
        assert!(answer.contains("\"orderId\""), "{answer}");
    }

    fn place_at_kraken(&self, name: &str, side: &str, qty: &str, price: f64, trigger: Option<f64>) {
        let side = side.to_lowercase();
        let kind = match trigger {
            None => format!("ordertype=limit&price={price:.2}"),
            Some(trigger) => {
                format!("ordertype=stop-loss-limit&price={trigger:.2}&price2={price:.2}")
            }
        };
        let (path, nonce) = ("/0/private/AddOrder", runtime::clock::now().nanos().to_string());
        let body =
            format!("nonce={nonce}&pair=XBTUSD&type={side}&{kind}&volume={qty}&cl_ord_id={name}");
        let key = venues::kraken::sign::SigningKey::new(COINBASE_SECRET).unwrap();
        let signature = key.sign(path, &nonce, body.as_bytes());
        let headers = format!("api-key: key\r\napi-sign: {signature}\r\n");
        let answer = self.venue.exchange("POST", path, &headers, &body);
        assert!(answer.contains("\"txid\""), "{answer}");
    }

    /// Open orders at the exchange: entries, and stops.
    pub(crate) fn open(&self) -> (usize, usize) {
        let state = self.venue.state();
        let orders = state["orders"].as_array().unwrap().iter();
        let open = orders
            .filter(|order| matches!(order["status"].as_str(), Some("new" | "partially_filled")));
        let (stops, entries): (Vec<&Value>, Vec<&Value>) =
            open.partition(|order| order["type"].to_string().contains("stop"));
        (entries.len(), stops.len())
    }

    /// Waits until so many entries and stops are open.
    pub(crate) fn until_open(&self, entries: usize, stops: usize) {
        until(&|| self.log(), || self.open() == (entries, stops));
    }

    pub(crate) fn fault(&self, fault: &Value) {
        let mut stream = TcpStream::connect(&self.venue.addr).unwrap();
        let body = fault.to_string();
        write!(
            stream,
            "POST /_sim/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        // An outage cuts the very connection that asks for it.
        drop(stream.read_to_string(&mut String::new()));
    }
}

pub(crate) fn until(log: &dyn Fn() -> String, so: impl Fn() -> bool) {
    until_within(SOON, log, so);
}

pub(crate) fn until_within(max: Duration, log: &dyn Fn() -> String, so: impl Fn() -> bool) {
    let end = Instant::now() + max;
    while !so() {
        assert!(Instant::now() < end, "not in {max:?}: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The running kill switch.
pub(crate) struct Watchdog {
    pub(crate) process: Running,
    pub(crate) heartbeat: String,
    pub(crate) control: String,
}

impl Watchdog {
    /// A request with this token: status and body.
    pub(crate) fn http(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.control).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    pub(crate) fn status(&self) -> Value {
        let (status, body) = self.http("GET", "/status", TOKEN, "");
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until the status is so.
    pub(crate) fn until(&self, stage: &Stage, so: impl Fn(&Value) -> bool) -> Value {
        until(&|| format!("{}\n{}", self.status(), stage.log()), || so(&self.status()));
        self.status()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

/// One side of the heartbeat, written from `docs/watchdog.md` alone.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
    key: [u8; 32],
}

pub(crate) fn mac(key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Line {
    pub(crate) fn open(address: &str, token: &str) -> Line {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut stream = BufReader::new(stream);
        let mut hello = String::new();
        stream.read_line(&mut hello).unwrap();
        let hello: Value = serde_json::from_str(&hello).unwrap();
        assert_eq!(hello["v"], 1);
        let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).unwrap();
        mac.update(hello["hello"].as_str().unwrap().as_bytes());
        Line { stream, key: mac.finalize().into_bytes().into() }
    }

    pub(crate) fn beat(n: u64, open_orders: usize, progress: u64) -> String {
        format!(
            "{{\"v\":1,\"n\":{n},\"session\":1,\"at_ms\":0,\"state\":\"active\",\"cause\":\"\",\
             \"open_orders\":{open_orders},\"equity\":null,\"progress\":{progress}}}"
        )
    }

    pub(crate) fn signed(&self, body: &str) -> String {
        let open = body.strip_suffix('}').unwrap();
        format!("{open},\"mac\":\"{}\"}}\n", mac(&self.key, body))
    }

    /// Sends a line as it is; the answer, or `None` when the connection was closed.
    pub(crate) fn send(&mut self, line: &str) -> Option<Value> {
        self.stream.get_mut().write_all(line.as_bytes()).ok()?;
        let mut answer = String::new();
        if !matches!(self.stream.read_line(&mut answer), Ok(read) if read > 0) {
            return None;
        }
        let (open, signature) = answer.trim_end().rsplit_once(",\"mac\":\"").unwrap();
        let body = format!("{open}}}");
        assert_eq!(signature.strip_suffix("\"}").unwrap(), mac(&self.key, &body));
        Some(serde_json::from_str(&body).unwrap())
    }
}

/// A gateway that does nothing but beat.
pub(crate) struct Beats {
    said: Arc<Said>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Said {
    over: AtomicBool,
    frozen: AtomicBool,
    open: AtomicU64,
    lease: AtomicU64,
    halted: AtomicBool,
}

impl Beats {
    pub(crate) fn start(watchdog: &Watchdog, open: usize) -> Beats {
        let said = Arc::new(Said { open: AtomicU64::new(open as u64), ..Said::default() });
        let (shared, address) = (Arc::clone(&said), watchdog.heartbeat.clone());
        let thread = std::thread::spawn(move || {
            let mut line = Line::open(&address, TOKEN);
            let mut progress = 0;
            for n in 1.. {
                if shared.over.load(Ordering::Relaxed) {
                    return;
                }
                progress += u64::from(!shared.frozen.load(Ordering::Relaxed));
                let open = usize::try_from(shared.open.load(Ordering::Relaxed)).unwrap();
                let signed = line.signed(&Line::beat(n, open, progress));
                let Some(answer) = line.send(&signed) else { return };
                assert_eq!(answer["n"], n);
                shared.lease.store(answer["lease_ms"].as_u64().unwrap(), Ordering::Relaxed);
                shared.halted.store(answer["halted"] == true, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(250));
            }
        });
        Beats { said, thread: Some(thread) }
    }

    pub(crate) fn lease(&self) -> u64 {
        self.said.lease.load(Ordering::Relaxed)
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.said.halted.load(Ordering::Relaxed)
    }

    /// Goes on beating, and gets nowhere.
    pub(crate) fn freeze(&self) {
        self.said.frozen.store(true, Ordering::Relaxed);
    }

    pub(crate) fn says_open(&self, open: u64) {
        self.said.open.store(open, Ordering::Relaxed);
    }

    pub(crate) fn stop(mut self) {
        self.said.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

//! A simulated exchange on a free port of this machine, and a client that sees every byte.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use model::venue::FeeRates;
use model::{AccountId, Asset, Decimal, Instrument};
use plimsoll_runtime::venue::{FeesIn, MarketSource, RunningVenue, Scenario, VenueConfig, start};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use venues::binance::server::{BinanceServer, ServerConfig};
use venues::binance::sign::{SigningKey, VerifyingKey};
use venues::server::Dialect;

/// Longer than anything that should come takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// Long enough to believe that nothing comes.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// A limit order to buy that rests in an empty book.
pub(crate) const BUY: &str =
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=100.00";
/// Its counterpart.
pub(crate) const SELL: &str =
    "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01&price=100.00";

pub(crate) struct Bench {
    pub(crate) addr: SocketAddr,
    _venue: RunningVenue,
}

/// An HTTP answer as far as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Zero when not even that came.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) end: End,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// Not at all: nothing more came in time.
    Open,
}

/// What a WebSocket said.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Text(Value),
    /// It was closed with this code, or without one.
    Closed(Option<u16>),
    Silence,
}

pub(crate) type Socket = WebSocketStream<TcpStream>;

const FREE: FeeRates = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };

/// Whose keys are `key` and `other`.
pub(crate) fn accounts() -> [AccountId; 2] {
    ["account-1", "account-2"].map(|name| AccountId::new(name).unwrap())
}

fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

impl Bench {
    /// An exchange where nobody trades but the accounts `key` and `other`.
    pub(crate) async fn quiet() -> Bench {
        Bench::start(MarketSource::Empty, "", 1).await
    }

    /// An exchange with a moving market.
    pub(crate) async fn busy() -> Bench {
        let start = vec!["60000".parse().unwrap()];
        Bench::start(MarketSource::Synthetic { seed: 1, start }, "", 1).await
    }

    pub(crate) async fn start(market: MarketSource, scenario: &str, seed: u64) -> Bench {
        let config =
            ServerConfig { legacy_listen_key: true, fees: FREE, ..ServerConfig::default() };
        let mut dialect = BinanceServer::new(config, vec![instrument()]);
        for (name, account) in ["key", "other"].into_iter().zip(accounts()) {
            dialect.add_key(name, VerifyingKey::new("secret").unwrap(), account);
        }
        Bench::serve(dialect, instrument(), market, scenario, seed).await
    }

    /// An exchange in front of which this dialect stands; both accounts hold 10000 of what pays and
    /// one of what is traded.
    pub(crate) async fn serve(
        dialect: impl Dialect<Pending: 'static> + 'static,
        instrument: Instrument,
        market: MarketSource,
        scenario: &str,
        seed: u64,
    ) -> Bench {
        let amount = |text: &str| text.parse().unwrap();
        let held = [(instrument.quote, amount("10000")), (instrument.base, amount("1"))];
        let config = VenueConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            instruments: vec![instrument],
            fees: FREE,
            fees_in: FeesIn::Received,
            accounts: accounts().map(|id| (id, BTreeMap::from(held))).to_vec(),
            market,
            speed: 1.0,
            scenario: Scenario::from_toml(scenario).unwrap(),
            seed,
        };
        let venue = start(config, venues::server::erased(dialect)).await.unwrap();
        Bench { addr: venue.addr, _venue: venue }
    }

    /// One request on a connection of its own, and all that comes back within a time.
    pub(crate) async fn ask_within(
        &self,
        wait: Duration,
        method: &str,
        target: &str,
        key: &str,
        body: &str,
    ) -> Reply {
        self.ask_with(wait, method, target, &format!("x-mbx-apikey: {key}"), body).await
    }

    /// The same with this header.
    pub(crate) async fn ask_with(
        &self,
        wait: Duration,
        method: &str,
        target: &str,
        header: &str,
        body: &str,
    ) -> Reply {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: x\r\n{header}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        read(&mut stream, wait).await
    }

    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.ask_within(SOON, "GET", target, "key", "").await
    }

    /// A signed request of `key`.
    pub(crate) async fn signed(&self, method: &str, path: &str, params: &str) -> Reply {
        self.ask_within(SOON, method, &target(path, params), "key", "").await
    }

    pub(crate) async fn order(&self, params: &str, client: &str) -> Reply {
        let params = format!("{params}&newClientOrderId={client}");
        self.signed("POST", "/api/v3/order", &params).await
    }

    /// Both sides of a trade of 0.01: `key` buys as `client` what `other` sells.
    pub(crate) async fn trade(&self, client: &str) {
        assert_eq!(self.order(BUY, client).await.status, 200);
        let sell = target("/api/v3/order", &format!("{SELL}&newClientOrderId=sell-{client}"));
        let reply = self.ask_within(SOON, "POST", &sell, "other", "").await;
        assert_eq!(reply.json()["status"], "FILLED", "{}", reply.body);
    }

    pub(crate) async fn fault(&self, fault: Value) {
        let reply = self.ask_within(SOON, "POST", "/_sim/faults", "", &fault.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    pub(crate) async fn heal(&self) {
        assert_eq!(self.ask_within(SOON, "POST", "/_sim/heal", "", "").await.status, 200);
    }

    pub(crate) async fn state(&self) -> Value {
        self.get("/_sim/state").await.json()
    }

    /// How often the only fault of this kind has struck.
    pub(crate) async fn fired(&self, kind: &str) -> u64 {
        let state = self.state().await;
        let faults = state["faults"].as_array().unwrap();
        let mut found = faults.iter().filter(|fault| fault["kind"] == kind);
        let fired = found.next().unwrap()["fired"].as_u64().unwrap();
        assert!(found.next().is_none(), "two faults of kind {kind}");
        fired
    }

    pub(crate) async fn orders(&self) -> Vec<Value> {
        self.state().await["orders"].as_array().unwrap().clone()
    }

    pub(crate) async fn answers(&self, status: u16) -> u64 {
        self.state().await["counts"]["answers"][status.to_string()].as_u64().unwrap_or(0)
    }

    pub(crate) async fn dial(&self, path: &str) -> Result<Socket, String> {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let url = format!("ws://{}{path}", self.addr);
        let dialed = timeout(SOON, tokio_tungstenite::client_async(url, stream)).await;
        let dialed = dialed.map_err(|_| "nothing came".to_owned())?;
        dialed.map(|(socket, _)| socket).map_err(|error| error.to_string())
    }

    /// A connection that listens to the account of `key`.
    pub(crate) async fn user(&self) -> Socket {
        let mut socket = self.dial("/ws-api/v3").await.unwrap();
        let stamp = now_ms();
        let signature = sign(&format!("apiKey=key&timestamp={stamp}"));
        let params = json!({"apiKey": "key", "timestamp": stamp, "signature": signature});
        say(&mut socket, "userDataStream.subscribe.signature", params).await;
        let Heard::Text(answer) = hear(&mut socket, SOON).await else { panic!("no answer") };
        assert_eq!(answer["status"], 200, "{answer}");
        socket
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Reads until the end, or until nothing more has come for so long.
pub(crate) async fn read(stream: &mut TcpStream, wait: Duration) -> Reply {
    let (mut bytes, mut part) = (Vec::new(), [0; 4_096]);
    let end = loop {
        match timeout(wait, stream.read(&mut part)).await {
            Ok(Ok(0)) => break End::Closed,
            Ok(Ok(count)) => bytes.extend_from_slice(&part[..count]),
            Ok(Err(_)) => break End::Reset,
            Err(_) => break End::Open,
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_lowercase(), body: body.to_owned(), end }
}

pub(crate) fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

fn sign(payload: &str) -> String {
    SigningKey::new("secret").unwrap().sign(payload.as_bytes())
}

/// A signed target; it stays valid for a minute.
pub(crate) fn target(path: &str, params: &str) -> String {
    let join = if params.is_empty() { "" } else { "&" };
    let query = format!("{params}{join}recvWindow=60000&timestamp={}", now_ms());
    format!("{path}?{query}&signature={}", sign(&query))
}

pub(crate) async fn say(socket: &mut Socket, method: &str, params: Value) {
    let request = json!({"id": 1, "method": method, "params": params});
    socket.send(Message::text(request.to_string())).await.unwrap();
}

/// The next text, or what came instead of one.
pub(crate) async fn hear(socket: &mut Socket, wait: Duration) -> Heard {
    loop {
        return match timeout(wait, socket.next()).await {
            Err(_) => Heard::Silence,
            Ok(Some(Ok(Message::Text(text)))) => Heard::Text(serde_json::from_str(&text).unwrap()),
            Ok(Some(Ok(Message::Close(frame)))) => {
                Heard::Closed(frame.map(|frame| u16::from(frame.code)))
            }
            Ok(Some(Ok(_))) => continue,
            Ok(Some(Err(_)) | None) => Heard::Closed(None),
        };
    }
}

/// The next text.
pub(crate) async fn text(socket: &mut Socket) -> Value {
    match hear(socket, SOON).await {
        Heard::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// Sends a ping; does its pong come?
pub(crate) async fn pongs(socket: &mut Socket) -> bool {
    socket.send(Message::Ping(b"?".as_slice().into())).await.unwrap();
    let answered = async {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Pong(_)) {
                return true;
            }
        }
        false
    };
    timeout(QUIET, answered).await.unwrap_or(false)
}

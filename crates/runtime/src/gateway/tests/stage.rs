//! An exchange where nobody trades but two accounts, and a whole gateway on one of them, in one
//! process. What the sessions tell the core is counted on its way; the journal is in memory.
//!
//! The exchange's limits and ours are a hundred times what they are: these tests are about what is
//! lost between connections, and a second of them has a minute's worth of those.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::budget::{Budget, Rule, Shape, Shares};
use gateway::Books;
use journal::{JournalWriter, Memory, Storage, StoreError};
use model::market::MarketKind;
use model::venue::{AccountRequest, FeeRates, Request, Response};
use model::{
    AccountId, Action, AgentId, Asset, ClientOrderId, Decimal, Entry, FeedHealth, FeedNotice,
    Instrument, InstrumentId, Intent, IntentId, Link, NewOrder, OrderKind, OrderQty, OrderSpec,
    Outcome, Record, Side, StoreTag, TimeInForce, TradingState,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use venues::server::Scopes;
use venues::{ServerKey, Settings};

use super::super::feeds::StreamAddresses;
use super::super::*;
use crate::agent::FromAgent;
use crate::budget::Of;
use crate::config::VenueKind;
use crate::venue::{FeesIn, MarketSource, RunningVenue, Scenario};

/// How much wider the limits are.
const WIDER: u32 = 100;
/// Longer than anything that should come takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Between two looks at something that should come.
const LOOK: Duration = Duration::from_millis(2);
/// A secret that every venue takes: an Ed25519 seed as Coinbase prints it, the bytes 1 to 32.
const SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
/// Of one deal, base units.
const QTY: &str = "0.001";
/// Where all deals are made; the rest of the book is one unit away on both sides.
const PRICE: &str = "100";

const LIMITS: &str = r#"
reference_age_max_ms = 60000
[account]
exposure_max = { USDT = "1000000", USD = "1000000" }
messages_max = 16384
[orders]
open_max = 50
stops_max = 50
rate_max = 10000
rate_window_ms = 10000
messages_max = 16384
messages_window_ms = 1000
alike_max = 16384
alike_window_ms = 1000
executed_max = 10000
executed_window_ms = 1000
[instrument.INSTRUMENT]
qty_max = "1"
notional_max = "1000"
position_max = "10"
exposure_max = "1000000"
turnover_max = "1000000000"
turnover_window_ms = 1000
collar_bps = 500
walk_bps = 10000
walk_window_ms = 1000
[breakers]
reconnects_max = 10000
stale_ms = 3600000
repeats_max = 10000
doubt_grace_ms = 3600000
unvalued_ms = 3600000
"#;

/// What the sessions have told the core so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Public trades by their number, and how often each.
    pub(super) trades: BTreeMap<u64, u32>,
    /// Trades among them that were fetched afterwards.
    pub(super) late: u32,
    /// Losses of each connection.
    pub(super) downs: BTreeMap<Link, u32>,
    /// Why, each time.
    pub(super) causes: Vec<String>,
    /// Planned hand-overs of each connection.
    pub(super) handed_over: BTreeMap<Link, u32>,
}

/// A store that can be looked into while it is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Memory>>);

impl Storage for Kept {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        self.0.lock().unwrap().append(entries)
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.lock().unwrap().replay(after, each)
    }

    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
        self.0.lock().unwrap().take_tag(drawn)
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        self.0.lock().unwrap().take_session()
    }
}

pub(super) struct Stage {
    told: Arc<Mutex<Told>>,
    kept: Kept,
    /// The account on the other side of every deal.
    other: Rest,
    instrument: InstrumentId,
    agents: mpsc::Sender<(AgentId, FromAgent)>,
    next: u64,
    http: reqwest::Client,
    venue: RunningVenue,
    stop: watch::Sender<bool>,
    core: JoinHandle<Result<(), RunError>>,
    beside: Vec<JoinHandle<()>>,
    _writer: JournalWriter,
    _directory: tempfile::TempDir,
}

fn agent() -> AgentId {
    AgentId::new("bot").unwrap()
}

/// The same rules, wider.
fn wide(rules: &[Rule]) -> Budget {
    let widen = |rule: &Rule| {
        let shape = match rule.shape {
            Shape::Aligned { window_ms, limit } => {
                Shape::Aligned { window_ms, limit: limit * WIDER }
            }
            Shape::Sliding { window_ms, limit } => {
                Shape::Sliding { window_ms, limit: limit * WIDER }
            }
            Shape::Leaky { max, per_1000_s } => {
                Shape::Leaky { max: max * WIDER, per_1000_s: per_1000_s * WIDER }
            }
        };
        Rule { shape, ..*rule }
    };
    Budget::new(&rules.iter().map(widen).collect::<Vec<_>>(), Shares::default())
}

fn instrument(kind: VenueKind) -> Instrument {
    let id: InstrumentId = kind.simulated.instrument.parse().unwrap();
    let (base, quote) = id.assets().unwrap();
    let grid = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    let mut instrument = Instrument::spot(base, quote, grid.0, grid.1).unwrap();
    (kind.simulated.adapt)(&mut instrument);
    instrument
}

/// An exchange that speaks this protocol to the keys `key` and `other`. Besides what is traded each
/// holds one unit of so many other assets.
pub(super) async fn venue(kind: VenueKind, others: u32) -> RunningVenue {
    let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
    let instrument = instrument(kind);
    let amount = |text: &str| text.parse().unwrap();
    let mut held =
        BTreeMap::from([(instrument.quote, amount("1000000")), (instrument.base, amount("1000"))]);
    held.extend((0..others).map(|i| (Asset::new(&format!("X{i}")).unwrap(), amount("1"))));
    let accounts = ["account-1", "account-2"].map(|name| AccountId::new(name).unwrap());
    let keys = ["key", "other"].into_iter().zip(accounts);
    let config = crate::venue::VenueConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        instruments: vec![instrument.clone()],
        fees,
        fees_in: FeesIn::Received,
        accounts: accounts.map(|id| (id, held.clone())).to_vec(),
        market: MarketSource::Empty,
        speed: 1.0,
        scenario: Scenario::from_toml("").unwrap(),
        seed: 1,
    };
    let settings = Settings { limits_times: WIDER, ..Settings::usual(fees) };
    let scopes = Scopes::default();
    let keys: Vec<_> =
        keys.map(|(name, account)| ServerKey { name, secret: SECRET, account, scopes }).collect();
    let dialect = (kind.server)(&settings, vec![instrument], &keys).unwrap();
    crate::venue::start(config, dialect).await.unwrap()
}

/// A way to ask the exchange with this key, and with a budget in this directory.
pub(super) async fn rest(
    kind: VenueKind,
    base: &str,
    key: &str,
    directory: &std::path::Path,
    inputs: mpsc::Sender<Input>,
) -> Rest {
    let of = Of { venue: kind, address: base, account: key, shares: Shares::default() };
    let directory = directory.join(key);
    std::fs::create_dir(&directory).unwrap();
    let budget = HostBudget::starting_with(wide(kind.rules), &directory, &of, None).unwrap();
    let adapter = Adapter::new(kind, key, SECRET).unwrap();
    let rest = Rest::new(base, adapter, budget, inputs).unwrap();
    let id = instrument(kind).id;
    let venue = VenueId::new("sim").unwrap();
    let found = instruments(venue, &[id], base, &rest).await.unwrap();
    let rest = rest.following(found);
    rest.measure_clock().await;
    rest
}

impl Stage {
    /// Everything is up, a book stands, and the gateway trades.
    pub(super) async fn open(kind: VenueKind, pace: Pace) -> Stage {
        // A second test of one process finds it done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let venue = venue(kind, 0).await;
        let base = format!("http://{}", venue.addr);
        let directory = tempfile::tempdir().unwrap();
        let (inputs, input_queue) = mpsc::channel(INPUTS_MAX);
        let ours = rest(kind, &base, "key", directory.path(), inputs.clone()).await;
        let (nowhere, _) = mpsc::channel(1);
        let other = rest(kind, &base, "other", directory.path(), nowhere).await;

        let instrument = instrument(kind);
        let kept = Kept::default();
        let writer = JournalWriter::spawn(Box::new(kept.clone())).unwrap();
        let mut effects = Vec::new();
        let limits = LIMITS.replace("INSTRUMENT", instrument.id.as_str());
        let gateway = Gateway::start(
            gateway::Config {
                limits: toml::from_str(&limits).unwrap(),
                profile: ours.profile(),
                foreign_orders: gateway::ForeignOrders::Adopt,
                late_stops: gateway::LateStops::Say,
                watched: false,
                paper: false,
                ramp: None,
                overridden: Vec::new(),
                reconcile_every: Duration::from_secs(2),
                version: String::new(),
                text: String::new(),
            },
            Books::default(),
            StoreTag::new(7),
            1,
            vec![instrument.clone()],
            clock::now(),
            &mut effects,
        );
        let (agents, agent_queue) = mpsc::channel(AGENT_INPUTS_MAX);
        let (distrust_market, market) = mpsc::channel(pump::DISTRUST_MAX);
        let (distrust_account, account) = mpsc::channel(pump::DISTRUST_MAX);
        let (failures, failed) = mpsc::channel(super::super::store::FAILURES_MAX);
        let nobody = alerts::Settings { source: "sim".to_owned(), sinks: Vec::new() };
        let core = Core {
            ear: None,
            paper: None,
            gateway,
            journal: writer.handle(),
            release: Release::new(ours.clone(), inputs.clone()),
            agents: BTreeMap::new(),
            failures,
            distrust: Distrusted { market: distrust_market, account: distrust_account },
            waiting: Waiting::default(),
            hands: super::super::hands::Hands::new(None, None),
            alerts: Alerts::start(&nobody, clock::now),
            pulse: None,
        };
        let (stop, stopped) = watch::channel(false);
        // Nobody asks.
        let (_, asked) = mpsc::channel(1);
        let sources = Sources {
            inputs: input_queue,
            agents: agent_queue,
            failures: failed,
            asked,
            stop: stopped,
        };
        let told = Arc::new(Mutex::new(Told::default()));
        let (tap, tapped) = mpsc::channel(INPUTS_MAX);
        let mut beside = vec![tokio::spawn(listen(tapped, inputs, Arc::clone(&told)))];
        let sockets = base.replacen("http", "ws", 1);
        let own = kind.addresses;
        let addresses = StreamAddresses {
            market: format!("{sockets}{}", own.market_path),
            account: format!("{sockets}{}", own.account_path),
        };
        let distrusts = Distrusts::new(market, account);
        beside.extend(feeds::start(&ours, addresses, &tap, distrusts, pace));
        let core = tokio::spawn(core.run(sources, effects));
        let mut stage = Stage {
            told,
            kept,
            other,
            instrument: instrument.id,
            agents,
            next: 0,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            venue,
            stop,
            core,
            beside,
            _writer: writer,
            _directory: directory,
        };
        stage.agents.send((agent(), FromAgent::Up { version: None })).await.unwrap();
        stage.other_places(Side::Buy, "99", "100", TimeInForce::Gtc).await;
        stage.other_places(Side::Sell, "101", "100", TimeInForce::Gtc).await;
        stage.trades_again().await;
        stage
    }

    /// What the sessions have told.
    pub(super) fn told<T>(&self, of: impl FnOnce(&Told) -> T) -> T {
        of(&self.told.lock().unwrap())
    }

    /// Executions that were fetched afterwards.
    pub(super) fn missed_executions(&self) -> usize {
        let kept = self.kept.0.lock().unwrap();
        let is_late = |entry: &&Entry| matches!(entry.record, Record::Filled { late: true, .. });
        kept.entries().iter().filter(is_late).count()
    }

    /// Waits until this is so; says what was awaited when it never is.
    async fn until(&self, what: &str, so: impl Fn(&[Entry]) -> bool) {
        let end = Instant::now() + SOON;
        while !so(self.kept.0.lock().unwrap().entries()) {
            if Instant::now() > end || self.core.is_finished() {
                let kept = self.kept.0.lock().unwrap();
                let last = &kept.entries()[kept.entries().len().saturating_sub(20)..];
                panic!("{what}: {:?}\n{last:#?}", self.told.lock().unwrap().downs);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the gateway is active and its market live.
    pub(super) async fn trades_again(&self) {
        self.until("it trades", |entries| is_active(entries) && is_live(entries)).await;
    }

    /// The bot's order for one deal rests at the exchange.
    pub(super) async fn rests(&mut self, side: Side) {
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            self.trades_again().await;
            let intent = self.wants(side).await;
            let answered = |entries: &[Entry]| answer(entries, intent).is_some();
            self.until("an answer to an order", answered).await;
            if answer(self.kept.0.lock().unwrap().entries(), intent) == Some(true) {
                return;
            }
            // What refused it, a price that had just grown old perhaps, takes its time to pass.
            tokio::time::sleep(LOOK).await;
        }
        let kept = self.kept.0.lock().unwrap();
        let last = &kept.entries()[kept.entries().len().saturating_sub(4)..];
        panic!("every order is refused: {last:#?}");
    }

    async fn wants(&mut self, side: Side) -> IntentId {
        self.next += 1;
        let id = IntentId(self.next);
        let spec = OrderSpec {
            instrument: self.instrument,
            side,
            kind: OrderKind::Limit { price: PRICE.parse().unwrap() },
            qty: QTY.parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            effect: None,
        };
        let intent = Intent {
            id,
            agent: agent(),
            action: Action::Place(spec),
            reason: "the test says so".to_owned(),
            expires: clock::now().after(SOON),
        };
        self.agents.send((agent(), FromAgent::Intent(intent))).await.unwrap();
        id
    }

    /// Somebody takes the order that rests on this side.
    pub(super) async fn is_taken(&mut self, side: Side) {
        let taker = if side == Side::Buy { Side::Sell } else { Side::Buy };
        self.other_places(taker, PRICE, QTY, TimeInForce::Ioc).await;
    }

    async fn other_places(&mut self, side: Side, price: &str, qty: &str, lasts: TimeInForce) {
        self.next += 1;
        let order = NewOrder {
            client_order_id: ClientOrderId::new(&format!("other-{}", self.next)).unwrap(),
            instrument: self.instrument,
            side,
            kind: OrderKind::Limit { price: price.parse().unwrap() },
            qty: OrderQty::Base(qty.parse().unwrap()),
            time_in_force: lasts,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let request = Request::Account(AccountRequest::Place(order));
        let outcome = self.other.ask(&request).await;
        assert!(matches!(outcome, Outcome::Done(Response::Placed { .. })), "{outcome:?}");
    }

    async fn sim(&self, method: &str, path: &str, body: &Value) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("http://{}/_sim/{path}", self.venue.addr);
        let answer = self.http.request(method, url).body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Adds a fault; it begins at once.
    pub(super) async fn fault(&self, fault: Value) {
        self.sim("POST", "faults", &fault).await;
    }

    /// How often faults of this kind have struck.
    pub(super) async fn fired(&self, kind: &str) -> u64 {
        let state = self.sim("GET", "state", &json!({})).await;
        let of_kind = state["faults"].as_array().unwrap().iter().filter(|f| f["kind"] == kind);
        of_kind.map(|fault| fault["fired"].as_u64().unwrap()).sum()
    }

    /// Sockets that the exchange has opened so far.
    pub(super) async fn sockets(&self) -> u64 {
        let state = self.sim("GET", "state", &json!({})).await;
        state["counts"]["sockets"]["opened"].as_u64().unwrap()
    }

    /// Waits until each public trade and each execution of the account at the exchange has been
    /// counted, and no other; each of them once.
    pub(super) async fn agrees(&self) {
        let state = self.sim("GET", "state", &json!({})).await;
        let fills = state["fills"].as_array().unwrap();
        // Nobody trades but the accounts, so what they traded is all there is on the tape.
        let tape: BTreeMap<u64, u32> = fills
            .iter()
            .map(|fill| (fill["trade_id"].as_str().unwrap().parse().unwrap(), 1))
            .collect();
        let ours = fills.iter().filter(|fill| fill["account"] == "account-1");
        let mut executed: Vec<String> = ours
            .map(|f| {
                let text = |key: &str| f[key].as_str().unwrap();
                [text("trade_id"), text("side"), text("price"), text("qty")].join(" ")
            })
            .collect();
        executed.sort();
        let all = |entries: &[Entry]| {
            let told = self.told.lock().unwrap();
            told.trades.len() >= tape.len() && counted(entries).len() >= executed.len()
        };
        let end = Instant::now() + SOON;
        while !all(self.kept.0.lock().unwrap().entries()) && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        let mut counted = counted(self.kept.0.lock().unwrap().entries());
        counted.sort();
        assert_eq!(counted, executed, "executions");
        assert_eq!(self.told.lock().unwrap().trades, tape, "public trades, and how often each");
    }

    pub(super) async fn close(self) {
        self.stop.send_replace(true);
        self.core.await.unwrap().unwrap();
        self.beside.iter().for_each(JoinHandle::abort);
        self.venue.stop().await;
    }
}

/// Counts what the sessions tell, and passes it on.
async fn listen(mut from: mpsc::Receiver<Input>, to: mpsc::Sender<Input>, told: Arc<Mutex<Told>>) {
    while let Some(input) = from.recv().await {
        take(&mut told.lock().unwrap(), &input);
        // The core is gone only when the test ends.
        let _ = to.send(input).await;
    }
}

fn take(told: &mut Told, input: &Input) {
    match input {
        Input::Market(event) => match &event.kind {
            MarketKind::Trade(trade) => *told.trades.entry(trade.id).or_default() += 1,
            MarketKind::LateTrade(trade) => {
                told.late += 1;
                *told.trades.entry(trade.id).or_default() += 1;
            }
            _ => {}
        },
        Input::Link { link, up: false, cause } => {
            *told.downs.entry(*link).or_default() += 1;
            told.causes.push(cause.clone());
        }
        Input::Feed(FeedNotice::HandedOver(link)) => {
            *told.handed_over.entry(*link).or_default() += 1;
        }
        _ => {}
    }
}

fn last<T>(entries: &[Entry], of: impl Fn(&Record) -> Option<T>) -> Option<T> {
    entries.iter().rev().find_map(|entry| of(&entry.record))
}

fn is_active(entries: &[Entry]) -> bool {
    let state = last(entries, |record| match record {
        Record::Trading { state, .. } => Some(*state),
        _ => None,
    });
    state == Some(TradingState::Active)
}

fn is_live(entries: &[Entry]) -> bool {
    let health = last(entries, |record| match record {
        Record::Feed { health, .. } => Some(*health),
        _ => None,
    });
    health == Some(FeedHealth::Live)
}

/// What became of an intent: it rests at the exchange, or it does not and never will.
fn answer(entries: &[Entry], of: IntentId) -> Option<bool> {
    let id = last(entries, |record| match record {
        Record::Prepared { intent, order, .. } if *intent == of => Some(order.client_order_id),
        _ => None,
    });
    last(entries, |record| match record {
        Record::Refused { intent, .. } if *intent == of => Some(false),
        Record::Accepted { client_order_id, .. } if Some(*client_order_id) == id => Some(true),
        Record::Ended { client_order_id, .. } | Record::Rejected { client_order_id, .. }
            if Some(*client_order_id) == id =>
        {
            Some(false)
        }
        _ => None,
    })
}

/// Executions in the journal.
fn counted(entries: &[Entry]) -> Vec<String> {
    let executions = entries.iter().filter_map(|entry| match &entry.record {
        Record::Filled { fill, .. } => Some(fill),
        _ => None,
    });
    let side = |side| if side == Side::Buy { "buy" } else { "sell" };
    // Some venues' names hold the exchange's number in letters.
    let number = |name: &str| match name.strip_prefix('T') {
        Some(digits) => u64::from_str_radix(&digits.replace('-', ""), 36)
            .map_or(name.to_owned(), |n| n.to_string()),
        None => name.to_owned(),
    };
    executions
        .map(|f| format!("{} {} {} {}", number(f.trade_id.as_str()), side(f.side), f.price, f.qty))
        .collect()
}

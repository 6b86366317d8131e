//! A stage for scenarios: an exchange, a gateway, and an agent that says what the test says.
//!
//! The agent is a shell script that acknowledges every line and passes on what stands in a named
//! pipe, so that a test decides at which moment which order is wanted.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use gateway::{Books, TrackedOrder};
use journal::Summary;
use model::{
    AgentId, Decimal, Entry, FeedHealth, IntentId, OrderState, Record, Refusal, TradingState,
};
use serde_json::{Value, json};
use venues::binance::sign::SigningKey;

use crate::common::{COINBASE_SECRET, Gateway, Venue, book, plimsoll, stderr, with_room};

/// From a healed fault to books that agree and a live market.
pub(crate) const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// How long the venue's absence of an order proves nothing: validity, engine and margin.
pub(crate) const QUIET: Duration = Duration::from_secs(17);
/// The route of a new order.
pub(crate) const CREATE: &str = "POST /api/v3/order";

const AGENT: &str = "script";
const LIMITS: &str = r#"
reference_age_max_ms = 1000
[orders]
open_max = 50
rate_max = 500
rate_window_ms = 10000
[instrument.BTC-USDT]
qty_max = "0.05"
notional_max = "5000"
position_max = "0.2"
collar_bps = 300
"#;

/// Which side, and how far from the touch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// Rests one percent away.
    BuyLow,
    /// Takes from the book.
    BuyNow,
    /// Rests one percent away.
    SellHigh,
}

/// Where the account of a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    AtVenue,
    OnPaper,
}

pub(crate) const BOTH: [Account; 2] = [Account::AtVenue, Account::OnPaper];

const PAPER: &str = r#"
[paper]
cash = "10000 USDT, 1 BTC"
maker_bps = 10
taker_bps = 10
latency_ms = 20
"#;

pub(crate) struct Stage {
    pub(crate) venue: Venue,
    pub(crate) gateway: Gateway,
    account: Account,
    pipe: File,
    next_intent: u64,
}

impl Stage {
    /// Everything is up, and the gateway trades.
    pub(crate) fn open(seed: u32) -> Stage {
        Stage::open_with(seed, |_, _| {})
    }

    /// The same with the account there or on paper.
    pub(crate) fn open_as(account: Account, seed: u32) -> Stage {
        Stage::open_as_with(account, seed, |_| {})
    }

    /// The same with files that are changed first.
    pub(crate) fn open_as_with(
        account: Account,
        seed: u32,
        change: impl FnOnce(&Gateway),
    ) -> Stage {
        let mut stage = Stage::open_with(seed, |gateway, command| {
            if account == Account::OnPaper {
                let path = gateway.path("plimsoll.toml");
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(path, text.replace("\"live\"", "\"paper\"") + PAPER).unwrap();
                // There is a key in the file, and nowhere else.
                command.env_remove("TEST_KEY").env_remove("TEST_SECRET");
            }
            change(gateway);
        });
        stage.account = account;
        stage
    }

    /// The same with a command that is changed first.
    pub(crate) fn open_with(seed: u32, change: impl FnOnce(&Gateway, &mut Command)) -> Stage {
        Stage::open_on(&format!("synthetic:{seed}"), change)
    }

    /// The same on this market.
    pub(crate) fn open_on(market: &str, change: impl FnOnce(&Gateway, &mut Command)) -> Stage {
        let other = "other:secret:100000 USDT,10 BTC";
        let third = "third:secret:100000 USDT,10 BTC";
        let venue = Venue::start(&["--market", market, "--account", other, "--account", third]);
        let gateway = Gateway::prepare(&venue.addr, "");
        Stage::between(venue, gateway, change)
    }

    /// The same at Coinbase.
    pub(crate) fn open_at_coinbase(seed: u32) -> Stage {
        let other = format!("other:{COINBASE_SECRET}:100000 USD,10 BTC");
        let market = format!("synthetic:{seed}");
        let venue = Venue::coinbase(&["--market", &market, "--account", &other]);
        let gateway = Gateway::prepare_coinbase(&venue, "");
        Stage::between(venue, gateway, |_, _| {})
    }

    /// The same of an exchange that is up and a gateway that is configured.
    pub(crate) fn between(
        venue: Venue,
        mut gateway: Gateway,
        change: impl FnOnce(&Gateway, &mut Command),
    ) -> Stage {
        let limits = with_room(LIMITS).replace("BTC-USDT", gateway.instrument());
        std::fs::write(gateway.path("limits.toml"), limits).unwrap();
        let pipe = pipe(&gateway, "pipe");
        write_agent(&gateway, AGENT);
        let mut command = gateway.command();
        change(&gateway, &mut command);
        gateway.spawn(command);
        let account = Account::AtVenue;
        let mut stage = Stage { venue, gateway, account, pipe, next_intent: 0 };
        stage.agent_is_up();
        stage
    }

    fn agent_is_up(&mut self) {
        self.gateway.wait(20, "it trades", |entries| is_active(entries) && is_live(entries));
        let hello = self.gateway.path("hello");
        self.until(10, "the agent is up", |_| hello.exists());
        let hello: Value = serde_json::from_slice(&std::fs::read(&hello).unwrap()).unwrap();
        self.next_intent = hello["hello"]["next_intent"].as_u64().unwrap();
    }

    /// Kills the gateway and starts it again, with an agent that listens to this test once more.
    pub(crate) fn dies_and_starts_again(&mut self) {
        self.gateway.process = None;
        std::fs::remove_file(self.gateway.path("hello")).unwrap();
        // Who read the pipe of the life before may still do so.
        let again = format!("pipe-{}", self.next_intent);
        self.pipe = pipe(&self.gateway, &again);
        write_script(&self.gateway, AGENT, &again);
        self.gateway.start();
        self.agent_is_up();
    }

    /// Adds a fault; it begins at once.
    pub(crate) fn fault(&self, fault: Value) {
        let answer = self.venue.raw("POST", "/_sim/faults", &fault.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) -> Instant {
        self.venue.http("POST", "/_sim/heal", "");
        Instant::now()
    }

    /// How often faults of this kind have struck.
    pub(crate) fn fired(&self, kind: &str) -> u64 {
        let state = self.venue.state();
        let faults = state["faults"].as_array().unwrap().iter();
        let fired = faults.filter(|f| f["kind"] == kind).map(|f| f["fired"].as_u64().unwrap());
        fired.sum()
    }

    /// Answers with this status so far.
    pub(crate) fn answers(&self, status: u16) -> u64 {
        self.venue.state()["counts"]["answers"][status.to_string()].as_u64().unwrap_or(0)
    }

    /// Requests whose route starts like this, so far.
    pub(crate) fn requests(&self, route: &str) -> u64 {
        let state = self.venue.state();
        let requests = state["counts"]["requests"].as_object().unwrap().iter();
        requests.filter(|(name, _)| name.starts_with(route)).map(|(_, n)| n.as_u64().unwrap()).sum()
    }

    /// Best bid and ask, by the exchange itself, as soon as both are there.
    pub(crate) fn touch(&self) -> (f64, f64) {
        loop {
            let state = self.venue.state();
            let book = &state["books"][self.gateway.instrument()];
            let best = |side: &str| book[side][0][0].as_str()?.parse::<f64>().ok();
            if let (Some(bid), Some(ask)) = (best("bids"), best("asks")) {
                return (bid, ask);
            }
            // Somebody has just sold through all of it.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The agent wants an order of 0.001.
    pub(crate) fn place(&mut self, want: Want) -> IntentId {
        let (bid, ask) = self.touch();
        let (side, price) = match want {
            Want::BuyLow => ("buy", bid * 0.99),
            Want::BuyNow => ("buy", ask * 1.005),
            Want::SellHigh => ("sell", ask * 1.01),
        };
        let kind = json!({"type": "limit", "price": format!("{price:.2}")});
        self.place_as(side, &kind, "gtc")
    }

    /// The same, again until the gateway lets it through: while an order is being asked about, a
    /// comparison of the books that falls into that time holds others up for a moment.
    pub(crate) fn send(&mut self, want: Want) -> IntentId {
        for _ in 0..5 {
            self.until(10, "it trades", |entries| is_active(entries) && is_live(entries));
            let intent = self.place(want);
            self.until(5, "decided", |entries| {
                is_refused(entries, intent) || order_of(&books(entries), intent).is_some()
            });
            if !is_refused(&self.gateway.entries(), intent) {
                return intent;
            }
        }
        panic!("every order is refused: {}", self.gateway.log());
    }

    /// The agent wants an order of 0.001 of this kind.
    pub(crate) fn place_as(&mut self, side: &str, kind: &Value, time_in_force: &str) -> IntentId {
        self.place_spec(side, kind, "0.001", time_in_force)
    }

    /// The agent wants an order of this kind and quantity, until it is taken back.
    pub(crate) fn place_of(&mut self, side: &str, kind: &Value, qty: &str) -> IntentId {
        self.place_spec(side, kind, qty, "gtc")
    }

    /// The same, and how long it is good for.
    pub(crate) fn place_spec(
        &mut self,
        side: &str,
        kind: &Value,
        qty: &str,
        until: &str,
    ) -> IntentId {
        let spec = json!({"instrument": self.gateway.instrument(), "side": side, "kind": kind,
            "qty": qty, "time_in_force": until, "post_only": false, "reduce_only": false});
        self.want(&json!({"place": spec}))
    }

    /// Starts the gateway again, on what is left of the one before.
    pub(crate) fn start_again(&mut self) {
        self.gateway.start();
    }

    /// The agent wants the order of that intent back.
    pub(crate) fn cancel(&mut self, intent: IntentId) {
        self.want(&json!({"cancel": intent}));
    }

    /// The agent wants something.
    pub(crate) fn want(&mut self, action: &Value) -> IntentId {
        let id = self.next_intent;
        self.next_intent += 1;
        let line = json!({"intent": {"id": id, "action": action, "reason": "the test says so"}});
        // In one write: the agent's acknowledgements go the same way.
        self.pipe.write_all(format!("{line}\n").as_bytes()).unwrap();
        IntentId(id)
    }

    /// Somebody else sells through the whole book down to the orders that rest below it.
    pub(crate) fn crash(&self) {
        let (bid, _) = self.touch();
        let params = format!(
            "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=IOC&quantity=5&price={:.2}",
            bid * 0.98
        );
        let answer = self.signed("POST", "/api/v3/order", "other", &params);
        assert!(answer.contains("\"executedQty\""), "{answer}");
    }

    /// A signed request of an account, around the gateway.
    pub(crate) fn signed(&self, method: &str, path: &str, key: &str, params: &str) -> String {
        signed(&self.venue, method, path, key, params)
    }

    /// Waits until something is so of the journal; shows the log when it never is.
    pub(crate) fn until(&mut self, seconds: u64, what: &str, so: impl Fn(&[Entry]) -> bool) {
        self.gateway.wait(seconds, what, so);
    }

    /// Waits until the order of an intent is so.
    pub(crate) fn order(
        &mut self,
        seconds: u64,
        intent: IntentId,
        what: &str,
        so: impl Fn(&TrackedOrder) -> bool,
    ) -> TrackedOrder {
        self.until(seconds, what, |entries| order_of(&books(entries), intent).is_some_and(&so));
        order_of(&books(&self.gateway.entries()), intent).unwrap().clone()
    }

    /// Waits until what was wanted is refused by the gateway, or its order is over; the order then.
    pub(crate) fn decided(&mut self, intent: IntentId) -> Option<TrackedOrder> {
        self.until(5, "decided", |entries| {
            let order = order_of(&books(entries), intent).map(|order| order.state);
            is_refused(entries, intent) || order.is_some_and(OrderState::is_done)
        });
        order_of(&books(&self.gateway.entries()), intent).cloned()
    }

    /// Waits until the exchange has it and we know.
    pub(crate) fn working(&mut self, intent: IntentId) -> TrackedOrder {
        self.order(5, intent, "working", |order| order.state == OrderState::Working)
    }

    /// Waits until it is over.
    pub(crate) fn done(&mut self, seconds: u64, intent: IntentId) -> TrackedOrder {
        self.order(seconds, intent, "over", |order| order.state.is_done())
    }

    /// Records of an intent's order with their times after it was written down.
    pub(crate) fn story(&self, intent: IntentId) -> Vec<(Duration, Record)> {
        let entries = self.gateway.entries();
        let books = books(&entries);
        let order = order_of(&books, intent).unwrap();
        let (id, start) = (order.order.client_order_id, order.prepared_at);
        let about = |entry: &Entry| match &entry.record {
            Record::Accepted { client_order_id, .. }
            | Record::Rejected { client_order_id, .. }
            | Record::CancelPrepared { client_order_id, .. }
            | Record::CancelRejected { client_order_id, .. }
            | Record::InDoubt { client_order_id, .. }
            | Record::Ended { client_order_id, .. } => *client_order_id == id,
            Record::Filled { client_order_id, .. } => *client_order_id == Some(id),
            _ => false,
        };
        let told = entries.into_iter().filter(about);
        told.map(|entry| (entry.at.since(start), entry.record)).collect()
    }

    /// Waits until the gateway trades, its market is live and its books, the market's among them, are
    /// the exchange's. Returns how long that took since the faults were healed.
    pub(crate) fn recover(&mut self, healed: Instant, max: Duration) -> Duration {
        loop {
            let before = self.venue.state();
            let entries = self.gateway.entries();
            let quiet = before["orders"] == self.venue.state()["orders"];
            let differ = match self.account {
                Account::AtVenue => difference(&entries, &before),
                Account::OnPaper => self.difference_on_paper(&entries, &before),
            };
            if let Some(differ) = differ.or_else(|| (!quiet).then(|| "it moves".to_owned())) {
                let log = || self.gateway.log();
                assert!(self.gateway.process.is_some(), "the gateway is gone: {}", log());
                assert!(healed.elapsed() < max, "after {max:?}: {differ}\n{}", log());
                std::thread::sleep(Duration::from_millis(50));
                continue;
            }
            book::assert_agrees(&self.gateway, &self.venue, max.saturating_sub(healed.elapsed()));
            let took = healed.elapsed();
            assert!(took <= max, "{took:?}");
            self.one_order_per_intent();
            assert!(!self.gateway.log().contains("panicked"), "{}", self.gateway.log());
            return took;
        }
    }

    /// The first thing in which journal, books and paper exchange differ, or the venue heard of the account.
    fn difference_on_paper(&self, entries: &[Entry], venue: &Value) -> Option<String> {
        let heard = orders(venue).count()
            + venue["fills"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|f| f["account"] == "account-1")
                .count();
        assert_eq!(heard, 0, "the venue hears of nothing: {venue}");
        if !is_active(entries) || !is_live(entries) {
            return Some("it does not trade, or the market is not live".to_owned());
        }
        // The gateway asks the paper exchange for everything, and says what it found.
        let config = self.gateway.path("plimsoll.toml");
        let compared = plimsoll(&["reconcile", "--json", "--config", config.to_str().unwrap()]);
        if !compared.status.success() {
            return Some(stderr(&compared));
        }
        let compared: Value = serde_json::from_slice(&compared.stdout).unwrap();
        if compared["found"] != 0 || compared["left"].as_array().map(Vec::len) != Some(0) {
            return Some(format!("differences on paper: {compared}"));
        }
        let difference = |record: &Record| matches!(record, Record::Discrepancy { .. });
        assert_eq!(count(entries, difference), 0, "and there never were any");
        let bought = entries.iter().filter_map(|entry| match &entry.record {
            Record::Filled { fill, .. } if fill.side == model::Side::Buy => Some(fill.qty.get()),
            Record::Filled { fill, .. } => fill.qty.get().checked_neg(),
            _ => None,
        });
        let net = bought.fold(Decimal::ZERO, |net, qty| net.checked_add(qty).unwrap());
        let summary = Summary::from_entries(entries);
        let held = summary.counted.get(&"BTC".parse().unwrap()).map(|amount| amount.get());
        let position = summary.positions.values().next().map_or(Decimal::ZERO, |net| net.get());
        let one: Decimal = "1".parse().unwrap();
        (position != net || held != one.checked_add(net))
            .then(|| format!("{net} was bought, {position} is the position, {held:?} is held"))
    }

    /// Executions of this side in the journal.
    pub(crate) fn executed(&self, side: model::Side) -> Vec<model::Fill> {
        let entries = self.gateway.entries();
        let fills = entries.iter().filter_map(|entry| match &entry.record {
            Record::Filled { fill, .. } if fill.side == side => Some(*fill),
            _ => None,
        });
        fills.collect()
    }

    /// Was the agent told a line with this in it?
    pub(crate) fn agent_was_told(&self, what: &str) -> bool {
        let told = std::fs::read_to_string(self.gateway.path("told")).unwrap_or_default();
        told.lines().any(|line| line.contains(what))
    }

    /// [`Stage::recover`] within the usual time.
    pub(crate) fn recovers(&mut self, healed: Instant) {
        let took = self.recover(healed, RECOVERY_MAX);
        println!("all books agree {} ms after the fault was healed", took.as_millis());
    }

    /// No intent had two effects: every order of the account is one that was written down, once.
    pub(crate) fn one_order_per_intent(&self) {
        let mut written = BTreeMap::new();
        for entry in self.gateway.entries() {
            if let Record::Prepared { agent, intent, order, .. } = entry.record {
                let before = written.insert(order.client_order_id.to_string(), (agent, intent));
                assert_eq!(before, None, "a name used twice");
            }
        }
        let intents: BTreeSet<_> = written.values().collect();
        assert_eq!(intents.len(), written.len(), "an intent with two attempts");
        let twice = duplicates(&self.venue.state());
        assert_eq!(twice, Vec::<String>::new(), "two orders of one name");
    }
}

/// A signed request of an account.
pub(crate) fn signed(venue: &Venue, method: &str, path: &str, key: &str, params: &str) -> String {
    let now = runtime::clock::now().millis();
    let query = format!("{params}&recvWindow=60000&timestamp={now}");
    let signature = SigningKey::new("secret").unwrap().sign(query.as_bytes());
    let head = format!("{path}?{query}&signature={signature}");
    venue.keyed(method, &head, key)
}

/// Client ids of the account that the exchange has seen more than once.
pub(crate) fn duplicates(state: &Value) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ours = orders(state).map(|order| order["client_id"].as_str().unwrap().to_owned());
    ours.filter(|id| !seen.insert(id.clone())).collect()
}

/// The account's orders, as the exchange knows them.
pub(crate) fn orders(state: &Value) -> impl Iterator<Item = &Value> {
    let all = state["orders"].as_array().unwrap().iter();
    all.filter(|order| order["account"] == "account-1")
}

pub(crate) fn books(entries: &[Entry]) -> Books {
    let mut books = Books::default();
    entries.iter().for_each(|entry| books.apply(entry));
    books
}

pub(crate) fn agent() -> AgentId {
    AGENT.parse().unwrap()
}

pub(crate) fn order_of(books: &Books, intent: IntentId) -> Option<&TrackedOrder> {
    books.order_of(agent(), intent)
}

pub(crate) fn count(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

pub(crate) fn is_active(entries: &[Entry]) -> bool {
    let states = entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some(*state),
        _ => None,
    });
    states == Some(TradingState::Active)
}

pub(crate) fn is_live(entries: &[Entry]) -> bool {
    let health = entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Feed { health, .. } => Some(*health),
        _ => None,
    });
    health == Some(FeedHealth::Live)
}

/// Why the gateway itself refused this intent, if it did.
pub(crate) fn refusal(entries: &[Entry], of: IntentId) -> Option<Refusal> {
    entries.iter().find_map(|entry| match &entry.record {
        Record::Refused { intent, because, .. } if *intent == of => Some(because.clone()),
        _ => None,
    })
}

/// Was this intent refused by the gateway itself?
pub(crate) fn is_refused(entries: &[Entry], of: IntentId) -> bool {
    count(entries, |record| matches!(record, Record::Refused { intent, .. } if *intent == of)) > 0
}

/// The first thing in which the gateway differs from the exchange's own books.
fn difference(entries: &[Entry], state: &Value) -> Option<String> {
    if !is_active(entries) {
        return Some("it does not trade".to_owned());
    }
    if !is_live(entries) {
        return Some("the market is not live".to_owned());
    }
    let fills = |value: &Value| value["account"] == "account-1";
    let theirs: Vec<&Value> =
        state["fills"].as_array().unwrap().iter().filter(|f| fills(f)).collect();
    let mut told: Vec<String> = theirs.iter().map(|f| fill_of(f)).collect();
    let mut counted: Vec<String> = entries.iter().filter_map(counted_fill).collect();
    told.sort();
    counted.sort();
    if told != counted {
        return Some(format!("executions {counted:?}, at the exchange {told:?}"));
    }
    let (books, summary) = (books(entries), Summary::from_entries(entries));
    let open = |order: &&Value| order["status"] == "new" || order["status"] == "partially_filled";
    let shown: BTreeMap<String, Decimal> = orders(state)
        .filter(open)
        .map(|o| (o["client_id"].as_str().unwrap().to_owned(), decimal(&o["filled"])))
        .collect();
    let ours: BTreeMap<String, Decimal> = books
        .open_orders()
        .map(|o| (o.order.client_order_id.to_string(), o.filled.get()))
        .collect();
    if shown != ours {
        return Some(format!("open orders {ours:?}, at the exchange {shown:?}"));
    }
    for (asset, balance) in state["balances"]["account-1"].as_object().unwrap() {
        let total = decimal(&balance["free"]).checked_add(decimal(&balance["locked"])).unwrap();
        let ours = summary.counted.get(&asset.parse().unwrap()).map(|amount| amount.get());
        if ours != Some(total) {
            return Some(format!("{asset}: {ours:?}, at the exchange {total}"));
        }
    }
    let net = theirs.iter().fold(Decimal::ZERO, |net, fill| {
        let qty = decimal(&fill["qty"]);
        let signed = if fill["side"] == "buy" { qty } else { qty.checked_neg().unwrap() };
        net.checked_add(signed).unwrap()
    });
    let ours = summary.positions.values().next().map_or(Decimal::ZERO, |net| net.get());
    (ours != net).then(|| format!("position {ours}, at the exchange {net}"))
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// What makes an execution the same one, as the exchange tells it.
fn fill_of(fill: &Value) -> String {
    let text = |key: &str| fill[key].as_str().unwrap_or_default().to_owned();
    [text("trade_id"), text("price"), text("qty"), text("side"), text("fee")].join(" ")
}

/// The same of an execution in the journal.
fn counted_fill(entry: &Entry) -> Option<String> {
    let Record::Filled { fill, .. } = &entry.record else { return None };
    let side = if fill.side == model::Side::Buy { "buy" } else { "sell" };
    let fee = fill.fee.map_or_else(String::new, |fee| fee.amount.to_string());
    Some(format!("{} {} {} {side} {fee}", fill.trade_id, fill.price, fill.qty))
}

/// Adds an agent of this name that says what the pipe says which stands beside it.
pub(crate) fn write_agent(gateway: &Gateway, name: &str) {
    let script = write_script(gateway, name, &file(name, "pipe"));
    let config = gateway.path("plimsoll.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    let table = format!(
        "[agent.{name}]\nvenue = \"sim\"\ncommand = [\"bash\", {script:?}]\nlease_ms = 60000\n"
    );
    std::fs::write(config, before + &table).unwrap();
}

/// Whose file it is.
fn file(agent: &str, what: &str) -> String {
    if agent == AGENT { what.to_owned() } else { format!("{what}-{agent}") }
}

/// A script that acknowledges every line and says what stands in the pipe. The number of its process is in a file.
fn write_script(gateway: &Gateway, agent: &str, pipe: &str) -> std::path::PathBuf {
    let script = gateway.path(&format!("{}.sh", file(agent, "agent")));
    let (pipe, hello) = (gateway.path(pipe), gateway.path(&file(agent, "hello")));
    let (pid, told) = (gateway.path(&file(agent, "pid")), gateway.path(&file(agent, "told")));
    let text = format!(
        r#"
read -r hello
echo $$ > '{pid}'
printf '%s\n' "$hello" > '{hello}.new' && mv '{hello}.new' '{hello}'
echo '{{"ready":{{"version":1,"strategy":"script"}}}}'
cat '{pipe}' &
exec sed -u -n -e '/"\(trading\|feed\)"/w {told}' -e 's/^{{"[a-z]*":{{"seq":\([0-9]*\),.*/{{"handled":{{"seq":\1}}}}/p' -e '/^{{"stop"/q'
"#,
        hello = hello.display(),
        pipe = pipe.display(),
        pid = pid.display(),
        told = told.display()
    );
    std::fs::write(&script, text).unwrap();
    script
}

/// A pipe that is opened for both, so that neither end waits for the other.
pub(crate) fn pipe(gateway: &Gateway, name: &str) -> File {
    let path = gateway.path(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    File::options().read(true).write(true).open(path).unwrap()
}

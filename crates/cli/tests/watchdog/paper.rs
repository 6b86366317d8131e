//! The kill switch of a paper account: it finds the account at the gateway, in the venue's own protocol, and does
//! there what it does at the venue. The venue hears of nothing.

use std::net::TcpListener;
use std::time::Duration;

use gateway::Books;
use model::{Ending, Record};
use serde_json::json;

use crate::common::{Gateway, buyer};
use crate::stage::{Stage, TOKEN, Watchdog, until, until_within};
use crate::together::{self, RESTING, is_halted, rester};

/// Both read one file in real use; here each has its own, and both say the same of the paper account.
struct OnPaper {
    stage: Stage,
    table: String,
}

impl OnPaper {
    fn new(stage: Stage) -> OnPaper {
        // Nobody else takes it meanwhile, as far as anybody can know.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let table = format!(
            "[paper]\ncash = \"1000000 USDT, 10 BTC\"\nmaker_bps = 10\ntaker_bps = 10\nlatency_ms = 20\n\
             listen = \"{port}\"\n"
        );
        let path = stage.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        // Its own key is nowhere, and not looked for.
        let text = text.replace("file = \"key\"", "env = \"NO_KEY\"");
        let text = text.replace("file = \"secret\"", "env = \"NO_SECRET\"");
        std::fs::write(path, format!("mode = \"paper\"\n{text}\n{table}")).unwrap();
        OnPaper { stage, table }
    }

    fn gateway(&self, watchdog: &Watchdog, agent: impl FnOnce(&Gateway) -> String) -> Gateway {
        let gateway = together::gateway(&self.stage, watchdog, agent);
        // The account is there with the gateway and no earlier, and so is the first lease: some seconds later.
        let rester = gateway.path("rester.sh");
        if let Ok(text) = std::fs::read_to_string(&rester) {
            std::fs::write(rester, text.replace("++timers == 3", "++timers == 10")).unwrap();
        }
        let path = gateway.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("mode = \"live\"", "mode = \"paper\"");
        std::fs::write(path, format!("{text}\n{}", self.table)).unwrap();
        gateway
    }

    fn start(&self, gateway: &mut Gateway) {
        gateway.start_with(|command| {
            command.env_remove("TEST_KEY").env_remove("TEST_SECRET");
        });
    }

    /// Its orders rest, and the kill switch sees them.
    fn resting(&self, watchdog: &Watchdog) -> Gateway {
        let mut gateway = self.gateway(watchdog, |gateway| rester(&self.stage, gateway));
        self.start(&mut gateway);
        let log = || format!("{}\n{}\n{}", watchdog.status(), gateway.log(), self.stage.log());
        until_within(Duration::from_secs(60), &log, || sees(watchdog, RESTING));
        gateway
    }

    /// Only what is public was asked of the venue, and no account there has an order.
    fn the_venue_heard_of_nothing(&self) {
        let state = self.stage.venue.state();
        assert_eq!(state["orders"], json!([]), "{state}");
        let private = ["account", "order", "Trades", "ws-api", "sapi"];
        for route in state["counts"]["requests"].as_object().unwrap().keys() {
            let is_tape = route.ends_with("/aggTrades") || route.ends_with("/historicalTrades");
            let is_private = private.iter().any(|word| route.contains(word));
            assert!(is_tape || !is_private, "{route} is not public");
        }
    }
}

/// Does the kill switch list so many orders, and lease?
fn sees(watchdog: &Watchdog, count: usize) -> bool {
    let status = watchdog.status();
    let open = status["open_orders"].as_array().map(Vec::len);
    open == Some(count) && status["lease"] == true
}

fn open(gateway: &Gateway) -> usize {
    let mut books = Books::default();
    gateway.entries().iter().for_each(|entry| books.apply(entry));
    books.open_count() as usize
}

fn count(gateway: &Gateway, is: impl Fn(&Record) -> bool) -> usize {
    gateway.entries().iter().filter(|entry| is(&entry.record)).count()
}

fn canceled(gateway: &Gateway) -> usize {
    count(gateway, |r| matches!(r, Record::Ended { ending: Ending::Canceled, .. }))
}

/// Stopped in the middle of it, the account stands still with its process; when it goes on, the kill switch has
/// tripped and takes everything back, and the gateway halts.
#[test]
fn a_stopped_gateway_trips_and_its_paper_orders_are_taken_back() {
    let paper = OnPaper::new(Stage::binance(71));
    let watchdog = paper.stage.watchdog();
    let mut gateway = paper.resting(&watchdog);
    gateway.signal("-STOP");
    watchdog.until(&paper.stage, |status| status["halted"] == true);
    assert_eq!(watchdog.status()["kind"], "heartbeat_lost");
    assert_eq!((open(&gateway), canceled(&gateway)), (RESTING, 0));
    gateway.signal("-CONT");
    until(&|| gateway.log(), || open(&gateway) == 0 && is_halted(&gateway));
    assert_eq!(canceled(&gateway), RESTING);
    watchdog.until(&paper.stage, |status| status["cleared"] == true);
    assert!(gateway.stop().success(), "{}", gateway.log());
    paper.the_venue_heard_of_nothing();
}

/// Killed: the account is gone with its process, and is back with it. What rested stands again, the kill switch that
/// has tripped takes it back, the gateway halts, and a person re-arms in two steps.
#[test]
fn a_killed_gateway_comes_back_with_its_orders_and_halted() {
    let paper = OnPaper::new(Stage::binance(72));
    let watchdog = paper.stage.watchdog();
    let mut gateway = paper.resting(&watchdog);
    gateway.signal("-KILL");
    gateway.wait_for_end(5);
    watchdog.until(&paper.stage, |status| status["halted"] == true);
    assert_eq!(watchdog.status()["kind"], "heartbeat_lost");
    paper.start(&mut gateway);
    let log = || format!("{}\n{}\n{}", watchdog.status(), gateway.log(), paper.stage.log());
    until(&log, || open(&gateway) == 0 && is_halted(&gateway));
    assert_eq!(canceled(&gateway), RESTING, "they stood again, and were taken back");
    watchdog.until(&paper.stage, |status| status["cleared"] == true);
    let (code, shown) = watchdog.http("POST", "/reset", TOKEN, "");
    assert_eq!(code, 200, "{shown}");
    std::thread::sleep(Duration::from_secs(31));
    let step_two = json!({"code": shown["code"]}).to_string();
    let (code, told) = watchdog.http("POST", "/reset", TOKEN, &step_two);
    assert_eq!((code, &told["lifting"]), (200, &json!(true)), "{told}");
    watchdog.until(&paper.stage, |status| status["halted"] == false && status["lease"] == true);
    assert!(gateway.stop().success(), "{}", gateway.log());
    paper.the_venue_heard_of_nothing();
}

/// No lease, no order that adds risk. With one it trades; its end and its absence trip nothing, for nothing is open.
#[test]
fn without_a_lease_no_order_and_what_is_well_is_left_alone() {
    let paper = OnPaper::new(Stage::binance(73));
    let watchdog = paper.stage.watchdog();
    watchdog.signal("-STOP");
    let mut gateway = paper.gateway(&watchdog, buyer);
    paper.start(&mut gateway);
    let refused = |r: &Record| matches!(r, Record::Refused { .. });
    gateway.wait(30, "orders are wanted", |entries| {
        entries.iter().filter(|entry| refused(&entry.record)).count() >= 3
    });
    let sent = |r: &Record| matches!(r, Record::Prepared { .. });
    assert_eq!(count(&gateway, sent), 0, "no lease, no order");
    watchdog.signal("-CONT");
    let filled = |r: &Record| matches!(r, Record::Filled { .. });
    gateway.wait(30, "it trades", |entries| {
        entries.iter().filter(|entry| filled(&entry.record)).count() >= 3
    });
    let status = watchdog.status();
    assert_eq!(status["halted"], false, "{status}");
    assert!(status["equity"].is_string(), "it sees what the account is worth: {status}");
    assert!(gateway.stop().success(), "{}", gateway.log());
    // Longer than a missing heartbeat and than an exchange may be unreadable.
    std::thread::sleep(Duration::from_secs(33));
    assert_eq!(watchdog.status()["halted"], false, "{}", watchdog.status());
    paper.start(&mut gateway);
    let before = count(&gateway, filled);
    gateway.wait(30, "it trades again", |entries| {
        entries.iter().filter(|entry| filled(&entry.record)).count() >= before + 2
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_eq!(watchdog.status()["halted"], false, "{}", watchdog.status());
    paper.the_venue_heard_of_nothing();
}

/// Coinbase's client lists orders and executions from books of the venue's own: those are kept here, too.
#[test]
fn coinbase_is_watched_on_paper() {
    let paper = OnPaper::new(Stage::coinbase(74));
    let table = paper.table.replace("USDT", "USD");
    let paper = OnPaper { table, ..paper };
    let watchdog = paper.stage.watchdog();
    let mut gateway = paper.gateway(&watchdog, |gateway| rester(&paper.stage, gateway));
    for file in ["plimsoll.toml", "limits.toml", "rester.sh"] {
        let text = std::fs::read_to_string(gateway.path(file)).unwrap();
        let text = text.replace("binance-spot", "coinbase-advanced").replace("BTC-USDT", "BTC-USD");
        std::fs::write(gateway.path(file), text).unwrap();
    }
    paper.start(&mut gateway);
    let log = |gateway: &Gateway| format!("{}\n{}", watchdog.status(), gateway.log());
    // One that was wanted while there was no lease yet is not wanted again.
    let seen = || open(&gateway) >= RESTING / 2 && sees(&watchdog, open(&gateway));
    until_within(Duration::from_secs(60), &|| log(&gateway), seen);
    std::thread::sleep(Duration::from_secs(3));
    let resting = open(&gateway);
    gateway.signal("-KILL");
    gateway.wait_for_end(5);
    watchdog.until(&paper.stage, |status| status["halted"] == true);
    paper.start(&mut gateway);
    until(&|| log(&gateway), || open(&gateway) == 0 && is_halted(&gateway));
    assert_eq!(canceled(&gateway), resting);
    assert!(gateway.stop().success(), "{}", gateway.log());
}

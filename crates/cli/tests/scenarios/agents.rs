//! Agents that go wrong (AGT): each against a real gateway and a real simulated exchange. What an agent
//! does is done by a script that says what the test says; that it cannot do more is the gateway's business.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use model::{Entry, IntentId, OrderQty, Record, Refusal, Scope, Side};
use serde_json::{Value, json};

use crate::common::{Gateway, plimsoll, stderr};
use crate::stage::{
    CREATE, Stage, Want, agent, books, count, is_refused, order_of, orders, pipe, refusal,
    write_agent,
};

/// A stage whose limits differ in these lines, each below a table.
pub(crate) fn limited(seed: u32, lines: &[(&str, &str)]) -> Stage {
    Stage::open_with(seed, |gateway, _| limit(gateway, lines))
}

/// Writes these lines in the place of those that have the same key.
pub(crate) fn limit(gateway: &Gateway, lines: &[(&str, &str)]) {
    let path = gateway.path("limits.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (table, line) in lines {
        let key = line.split(' ').next().unwrap();
        let (before, rest) = text.split_once(table).unwrap_or_else(|| panic!("{table}"));
        let old = rest.lines().find(|old| old.split(' ').next() == Some(key)).unwrap();
        text = format!("{before}{table}{}", rest.replacen(old, line, 1));
    }
    std::fs::write(path, text).unwrap();
}

/// Another agent that says what the test says.
pub(crate) struct Second {
    pipe: File,
    next: u64,
}

pub(crate) const SECOND: &str = "second";

impl Second {
    pub(crate) fn join(gateway: &Gateway) -> Second {
        let pipe = pipe(gateway, &format!("pipe-{SECOND}"));
        write_agent(gateway, SECOND);
        Second { pipe, next: 0 }
    }

    /// Waits until it runs.
    pub(crate) fn is_up(&mut self, stage: &mut Stage) {
        let hello = stage.gateway.path(&format!("hello-{SECOND}"));
        stage.until(10, "the second agent is up", |_| hello.exists());
        let hello: Value = serde_json::from_slice(&std::fs::read(&hello).unwrap()).unwrap();
        self.next = hello["hello"]["next_intent"].as_u64().unwrap();
    }

    pub(crate) fn want(&mut self, action: &Value) -> IntentId {
        let id = self.next;
        self.next += 1;
        let line = json!({"intent": {"id": id, "action": action, "reason": "the test says so"}});
        self.pipe.write_all(format!("{line}\n").as_bytes()).unwrap();
        IntentId(id)
    }
}

pub(crate) fn order(stage: &Stage, side: &str, kind: &Value, qty: &str) -> Value {
    json!({"place": {"instrument": stage.gateway.instrument(), "side": side, "kind": kind,
        "qty": qty, "time_in_force": "gtc"}})
}

pub(crate) fn with(order: &Value, key: &str, value: &Value) -> Value {
    let mut order = order.clone();
    order["place"][key] = value.clone();
    order
}

pub(crate) fn limit_at(price: f64) -> Value {
    json!({"type": "limit", "price": format!("{price:.2}")})
}

/// Why the gateway refused this intent.
pub(crate) fn refused(stage: &mut Stage, intent: IntentId) -> Refusal {
    stage.until(5, "refused", |entries| is_refused(entries, intent));
    refusal(&stage.gateway.entries(), intent).unwrap()
}

fn prepared(entries: &[Entry]) -> usize {
    count(entries, |record| matches!(record, Record::Prepared { .. }))
}

fn is_disabled(entries: &[Entry]) -> bool {
    books(entries).disabled(agent()).is_some()
}

/// AGT-01: hundreds of valid orders a second, each within every limit by itself. The throttle disables the
/// agent within two seconds, a restart lifts nothing, and a person lets it go on.
#[test]
fn agt_01_a_runaway_loop() {
    const BURST: usize = 50;
    let mut stage = limited(
        901,
        &[
            ("[orders]", "rate_max = 50"),
            ("[orders]", "executed_max = 5"),
            ("[orders]", "executed_window_ms = 10000"),
        ],
    );
    let (bid, ask) = stage.touch();
    let rests = stage.want(&order(&stage, "buy", &limit_at(bid * 0.985), "0.002"));
    stage.working(rests);
    let begin = Instant::now();
    let mut wanted = Vec::new();
    for number in 0..300 {
        let qty = format!("0.{:05}", 101 + number);
        wanted.push(stage.want(&order(&stage, "buy", &limit_at(ask * 1.01), &qty)));
    }
    stage.until(5, "it is disabled", is_disabled);
    let took = begin.elapsed();
    println!("disabled {} ms after the loop began", took.as_millis());
    assert!(took < Duration::from_secs(2), "{took:?}");
    let last = *wanted.last().unwrap();
    stage.until(10, "all are decided", |entries| {
        is_refused(entries, last) || order_of(&books(entries), last).is_some()
    });
    // What it rested is taken back, and nothing of it stands.
    stage.done(5, rests);
    stage.until(10, "nothing stands", |entries| books(entries).open_count() == 0);
    // By the exchange's own books: what was sent before the executions were told came through, no more.
    let (executed, all) = {
        let state = stage.venue.state();
        let filled = orders(&state).filter(|order| order["filled"] != "0").count();
        (filled, orders(&state).count())
    };
    println!("{executed} of {all} orders executed before it was stopped, of 300 wanted");
    assert!(executed > 5 && all <= BURST, "{executed} of {all}");
    assert_eq!(stage.answers(429), 0);
    let more = stage.place(Want::BuyLow);
    assert!(matches!(refused(&mut stage, more), Refusal::AgentDisabled { .. }));
    let sent = prepared(&stage.gateway.entries());
    stage.dies_and_starts_again();
    let again = stage.place(Want::BuyLow);
    assert!(matches!(refused(&mut stage, again), Refusal::AgentDisabled { .. }));
    assert_eq!(prepared(&stage.gateway.entries()), sent);

    let config = stage.gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap();
    let shown = plimsoll(&["limits", "--config", config]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("agent script is disabled: "), "{shown}");
    let unknown = plimsoll(&["enable", "nobody", "--config", config]);
    assert_eq!(unknown.status.code(), Some(2), "{}", stderr(&unknown));
    let enabled = plimsoll(&["enable", "script", "--config", config]);
    assert!(enabled.status.success(), "{}", stderr(&enabled));
    let told = String::from_utf8(enabled.stdout).unwrap();
    assert!(told.contains("may trade again; it was disabled: "), "{told}");
    // The loop has used up the rate of the window it was in.
    std::thread::sleep(Duration::from_secs(10));
    let again = stage.place(Want::BuyLow);
    stage.until(5, "decided", |entries| {
        is_refused(entries, again) || order_of(&books(entries), again).is_some()
    });
    assert_eq!(refusal(&stage.gateway.entries(), again), None);
    stage.working(again);
    stage.recovers(Instant::now());
}

/// AGT-03: a price with its point in the wrong place, on either side, also where it would favour us.
#[test]
fn agt_03_a_decimal_slip() {
    let mut stage = Stage::open(903);
    let before = stage.requests(CREATE);
    let (bid, ask) = stage.touch();
    let mut wanted = Vec::new();
    for factor in [0.1, 10.0, 0.01] {
        for (side, touch) in [("buy", ask), ("sell", bid)] {
            for kind in [
                limit_at(touch * factor),
                json!({"type": "stop_loss", "trigger": format!("{:.2}", touch * factor)}),
            ] {
                wanted.push(stage.want(&order(&stage, side, &kind, "0.001")));
            }
        }
    }
    for intent in wanted {
        let because = refused(&mut stage, intent);
        assert!(matches!(because, Refusal::Collar { .. }), "{because:?}");
    }
    assert_eq!(stage.requests(CREATE), before, "nothing reaches the exchange");
    stage.recovers(Instant::now());
}

/// AGT-04: a thousand times the size, or all there is. It is refused with the limit and the figure.
#[test]
fn agt_04_a_size_slip() {
    let mut stage = Stage::open(904);
    let (bid, _) = stage.touch();
    let qtys = ["1", "1000", "0.051"];
    for qty in qtys {
        let intent = stage.want(&order(&stage, "buy", &limit_at(bid), qty));
        let because = refused(&mut stage, intent);
        let Refusal::QtyTooLarge { limit, qty: found } = because else { panic!("{because:?}") };
        assert_eq!((limit.to_string().as_str(), found.to_string().as_str()), ("0.05", qty));
        assert!(because.to_string().contains("is above the limit 0.05"), "{because}");
    }
    // Within the size of one order, and too much together.
    for _ in 0..4 {
        let intent = stage.want(&order(&stage, "sell", &limit_at(bid * 1.01), "0.05"));
        stage.working(intent);
    }
    let intent = stage.want(&order(&stage, "sell", &limit_at(bid * 1.01), "0.001"));
    let because = refused(&mut stage, intent);
    assert!(matches!(because, Refusal::PositionLimit { .. }), "{because:?}");
    stage.recovers(Instant::now());
}

/// AGT-05: tickers that are invented, look alike, or have another quote. None of them reaches the exchange.
#[test]
fn agt_05_an_invented_symbol() {
    let mut stage = Stage::open(905);
    let before = stage.requests(CREATE);
    let (bid, _) = stage.touch();
    for symbol in ["PEPE-USDT", "BTC-USDC", "BTC-USD", "WBTC-USDT", "btc-usdt", "BTCUSDT"] {
        let place =
            with(&order(&stage, "buy", &limit_at(bid), "0.001"), "instrument", &json!(symbol));
        let intent = stage.want(&place);
        let because = refused(&mut stage, intent);
        assert!(matches!(because, Refusal::InstrumentNotAllowed { .. }), "{symbol}: {because:?}");
    }
    assert_eq!(stage.requests(CREATE), before);
    stage.recovers(Instant::now());
}

/// AGT-07: a sign that is turned round. What an order is said to do is compared with what it does.
#[test]
fn agt_07_a_sign_turned_round() {
    let mut stage = Stage::open(907);
    let bought = stage.send(Want::BuyNow);
    stage.done(5, bought);
    let (bid, ask) = stage.touch();
    for (side, effect, price) in [("buy", "close", bid * 0.99), ("sell", "open", ask * 1.01)] {
        let place = order(&stage, side, &limit_at(price), "0.0005");
        let intent = stage.want(&with(&place, "effect", &json!(effect)));
        let because = refused(&mut stage, intent);
        assert!(matches!(because, Refusal::Effect { .. }), "{side} {effect}: {because:?}");
    }
    let place = order(&stage, "sell", &limit_at(ask * 1.01), "0.0005");
    let closes = stage.want(&with(&place, "effect", &json!("close")));
    stage.working(closes);
    stage.recovers(Instant::now());
}

/// AGT-08: each no is taken for "again". Of one order the exchange sees one request in two seconds, however
/// often it is wanted.
#[test]
fn agt_08_it_will_not_take_no() {
    let mut stage =
        limited(908, &[("[orders]", "alike_max = 1"), ("[orders]", "alike_window_ms = 2000")]);
    let before = stage.requests(CREATE);
    let (bid, _) = stage.touch();
    let place = order(&stage, "buy", &limit_at(bid * 0.99), "0.001");
    let begin = Instant::now();
    let mut last = IntentId(0);
    while begin.elapsed() < Duration::from_millis(4_500) {
        last = stage.want(&place);
        std::thread::sleep(Duration::from_millis(20));
    }
    stage.until(5, "decided", |entries| {
        is_refused(entries, last) || order_of(&books(entries), last).is_some()
    });
    stage.until(5, "all are answered", |entries| {
        books(entries).open_orders().all(|order| order.accepted_at.is_some())
    });
    let entries = stage.gateway.entries();
    let sent: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.record, Record::Prepared { .. }))
        .map(|entry| entry.at)
        .collect();
    assert_eq!(stage.requests(CREATE) - before, sent.len() as u64);
    assert!((2..=3).contains(&sent.len()), "{sent:?}");
    for pair in sent.windows(2) {
        let apart = pair[1].since(pair[0]);
        assert!(apart >= Duration::from_secs(2), "{apart:?}");
    }
    let refusals = count(&entries, |record| {
        matches!(
            record,
            Record::Refused { because: Refusal::Duplicate { limit: 1, alike: 1, .. }, .. }
        )
    });
    assert!(refusals > 100, "{refusals}");
    stage.recovers(Instant::now());
}

/// AGT-10: many orders just under the limit of one, of two agents on one account, stops among them. What
/// they could become together stays below the limit at every order.
#[test]
fn agt_10_slicing_around_limits() {
    let mut second = None;
    let mut stage = Stage::open_with(910, |gateway, _| {
        limit(gateway, &[("[account]", "exposure_max = { USDT = \"1500\" }")]);
        second = Some(Second::join(gateway));
    });
    let mut second = second.unwrap();
    second.is_up(&mut stage);
    let (bid, ask) = stage.touch();
    let mut last = (IntentId(0), IntentId(0));
    for number in 0..60 {
        let qty = format!("0.{:05}", 300 + number);
        let low = bid * (0.985 + f64::from(number) * 0.0001);
        let kind = match number % 3 {
            0 => json!({"type": "stop_limit", "trigger": format!("{:.2}", ask * 1.01),
                "price": format!("{:.2}", ask * 1.012)}),
            _ => limit_at(low),
        };
        let place = order(&stage, "buy", &kind, &qty);
        last = (stage.want(&place), second.want(&place));
        if number == 0 {
            // Both have begun before there is room for one of them alone.
            stage.until(10, "both are there", |entries| prepared(entries) == 2);
        }
    }
    let is_over = |entries: &[Entry], name: &str, of: IntentId| {
        let name = name.parse().unwrap();
        let refused = |record: &Record| matches!(record, Record::Refused { agent, intent, .. } if *agent == name && *intent == of);
        count(entries, refused) > 0 || books(entries).order_of(name, of).is_some()
    };
    stage.until(10, "all are decided", |entries| {
        is_over(entries, "script", last.0) && is_over(entries, SECOND, last.1)
    });
    let entries = stage.gateway.entries();
    let limited = |record: &Record| {
        matches!(
            record,
            Record::Refused { because: Refusal::ExposureLimit { scope: Scope::Account, .. }, .. }
        )
    };
    let refusals = count(&entries, limited);
    // Added up from the journal by itself, at the price that each order was decided on.
    let (mut reference, mut open, mut agents) = (0.0, 0.0, BTreeSet::new());
    for entry in &entries {
        match &entry.record {
            Record::Decided { reference: Some(price), .. } => reference = price.get().to_f64(),
            Record::Prepared { agent, order, .. } => {
                let OrderQty::Base(qty) = order.qty else { panic!("{order:?}") };
                assert_eq!(order.side, Side::Buy);
                open += qty.get().to_f64();
                agents.insert(*agent);
                assert!(open * reference <= 1500.0 + 1e-6, "{open} at {reference}");
            }
            _ => {}
        }
    }
    println!("{} of 120 let through, worth {:.2}", prepared(&entries), open * reference);
    assert!(open * reference > 1400.0, "hardly anything was let through");
    assert_eq!((agents.len(), refusals + prepared(&entries)), (2, 120), "of both agents");
    stage.recovers(Instant::now());
}

/// AGT-12: somebody has told the agent what to do. It can say nothing that changes a limit, trades something
/// else or sends money, and what it says in words that are none ends its process.
#[test]
fn agt_12_injected_instructions() {
    let mut stage = Stage::open(912);
    let in_force = |entries: &[Entry]| -> Vec<String> {
        let version = |entry: &Entry| match &entry.record {
            Record::Limits { version, .. } => Some(version.to_string()),
            _ => None,
        };
        entries.iter().filter_map(version).collect()
    };
    let before = in_force(&stage.gateway.entries());
    let (bid, _) = stage.touch();
    let all = with(&order(&stage, "sell", &json!({"type": "market"}), "1"), "leverage", &json!(20));
    let intent = stage.want(&all);
    let because = refused(&mut stage, intent);
    assert!(matches!(because, Refusal::QtyTooLarge { .. }), "{because:?}");
    let token =
        with(&order(&stage, "buy", &limit_at(bid), "0.001"), "instrument", &json!("MOON-USDT"));
    let intent = stage.want(&token);
    assert!(matches!(refused(&mut stage, intent), Refusal::InstrumentNotAllowed { .. }));
    let gone = |r: &Record| matches!(r, Record::Agent { event, .. } if event != "up");
    stage.want(&json!({"set_limits": {"limits": "{}"}}));
    stage.until(10, "its process is ended", |entries| count(entries, gone) == 1);
    assert!(
        stage.gateway.log().contains("unknown variant `set_limits`"),
        "{}",
        stage.gateway.log()
    );
    let entries = stage.gateway.entries();
    assert_eq!(in_force(&entries), before, "the limits are what they were");
    assert_eq!((prepared(&entries), before.len()), (0, 1));
}

/// AGT-13: a new stop in each round. All that would trigger together close the position once, and no more.
#[test]
fn agt_13_stop_after_stop() {
    let mut stage = limited(913, &[("[orders]", "stops_max = 4")]);
    let bought = stage.send(Want::BuyNow);
    stage.done(5, bought);
    let (bid, _) = stage.touch();
    let stop = |number: u32| {
        let price = |factor: f64| format!("{:.2}", bid * (factor - f64::from(number) * 0.0001));
        json!({"type": "stop_limit", "trigger": price(0.985), "price": price(0.982)})
    };
    let mut last = IntentId(0);
    for number in 0..10 {
        let place = order(&stage, "sell", &stop(number), "0.0004");
        last = stage.want(&with(&place, "reduce_only", &json!(true)));
    }
    let because = refused(&mut stage, last);
    assert!(matches!(because, Refusal::NotReducing { .. }), "{because:?}");
    let held = |stage: &Stage| {
        let exposure = books(&stage.gateway.entries()).exposure("BTC-USDT".parse().unwrap());
        (exposure.position.to_string(), exposure.working_sells.to_string())
    };
    // Two of 0.0004 fit 0.001, less what the fee took of it.
    assert_eq!(held(&stage).1, "0.0008");
    // Those that do not say that they reduce are counted: four are the most.
    for number in 10..20 {
        last = stage.want(&order(&stage, "sell", &stop(number), "0.0004"));
    }
    let because = refused(&mut stage, last);
    assert!(matches!(because, Refusal::Stops { limit: 4, open: 4 }), "{because:?}");
    stage.until(5, "all are answered", |entries| {
        books(entries).open_orders().all(|order| order.accepted_at.is_some())
    });
    let state = stage.venue.state();
    assert_eq!(orders(&state).filter(|order| order["status"] == "new").count(), 4);
    stage.recovers(Instant::now());
}

/// AGT-14: an own order on the other side, of the same agent or of another one. They never meet.
#[test]
fn agt_14_no_trade_with_itself() {
    let mut second = None;
    let mut stage = Stage::open_with(914, |gateway, _| second = Some(Second::join(gateway)));
    let mut second = second.unwrap();
    second.is_up(&mut stage);
    let (bid, ask) = stage.touch();
    // One step inside the spread, so that whoever comes meets it first.
    let rests = stage.want(&order(&stage, "sell", &limit_at(ask * 1.001), "0.002"));
    stage.working(rests);
    let place = order(&stage, "buy", &limit_at(ask * 1.002), "0.001");
    let intent = stage.want(&place);
    let because = refused(&mut stage, intent);
    assert!(matches!(because, Refusal::SelfTrade { .. }), "{because:?}");
    let market = order(&stage, "buy", &json!({"type": "market"}), "0.001");
    let intent = stage.want(&market);
    // It stops short of it: what it trades with is somebody else's.
    stage.done(5, intent);
    let of_second = second.want(&place);
    let name = SECOND.parse().unwrap();
    stage.until(5, "the other's is refused", |entries| {
        count(entries, |record| {
            matches!(record, Record::Refused { agent, intent, because: Refusal::SelfTrade { .. }, .. }
                if *agent == name && *intent == of_second)
        }) == 1
    });
    // Once it is gone the way is free.
    stage.cancel(rests);
    stage.done(5, rests);
    let intent = stage.want(&order(&stage, "buy", &limit_at(bid * 0.99), "0.001"));
    stage.working(intent);
    let state = stage.venue.state();
    let trades = state["fills"].as_array().unwrap().iter();
    let ours: Vec<_> = trades.filter(|fill| fill["account"] == "account-1").collect();
    let ids: BTreeSet<_> = ours.iter().map(|fill| fill["trade_id"].to_string()).collect();
    assert_eq!(ids.len(), ours.len(), "both sides of one trade are ours");
    stage.recovers(Instant::now());
}

/// A person makes a limit smaller while orders are open, and the file is refused when it makes no sense.
#[test]
fn limits_are_changed_while_it_runs() {
    let mut stage = Stage::open(915);
    let rests = stage.send(Want::BuyLow);
    stage.working(rests);
    let config = stage.gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap().to_owned();
    let show = |arguments: &[&str]| {
        let output = plimsoll(&[&["limits", "--config", &config, "--json"], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let before = show(&[]);
    assert_eq!((&before["running"], &before["changed"]), (&json!(true), &json!(false)));
    limit(&stage.gateway, &[("[instrument.BTC-USDT]", "position_max = \"0.0012\"")]);
    assert_eq!(show(&[])["version"], before["version"], "nothing is read until it is asked for");
    let after = show(&["--reload"]);
    assert_eq!(after["changed"], true);
    assert_ne!(after["version"], before["version"]);
    let intent = stage.place(Want::BuyLow);
    let because = refused(&mut stage, intent);
    assert!(matches!(because, Refusal::PositionLimit { .. }), "{because:?}");
    let state = order_of(&books(&stage.gateway.entries()), rests).unwrap().state;
    assert!(state.is_open(), "what is open stays");
    // Each decision names the limits that it was taken by.
    let entries = stage.gateway.entries();
    let named = entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Decided { limits, .. } => limits.map(|version| version.to_string()),
        _ => None,
    });
    assert_eq!(json!(named), after["version"]);
    limit(&stage.gateway, &[("[instrument.BTC-USDT]", "position_max = \"0\"")]);
    let output = plimsoll(&["limits", "--config", &config, "--reload"]);
    assert!(!output.status.success());
    let words = stderr(&output);
    assert!(words.contains("limits.toml: instrument.BTC-USDT.position_max: is zero"), "{words}");
    limit(&stage.gateway, &[("[instrument.BTC-USDT]", "position_max = \"0.0012\"")]);
    assert_eq!(show(&[])["version"], after["version"]);
    stage.recovers(Instant::now());
}

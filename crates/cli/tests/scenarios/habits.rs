//! Agents that go wrong (AGT), continued: one that looks at the past, one that churns, one that hangs with a position,
//! and stops that all trigger.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::Command;
use std::time::{Duration, Instant};

use model::{Entry, OrderState, Record, Refusal};
use serde_json::{Value, json};

use crate::agents::{SECOND, Second, limit, limit_at, limited, order, refused, with};
use crate::breakers::{quote, quoted};
use crate::common::{Gateway, Venue};
use crate::stage::{CREATE, Stage, Want, books, count, is_refused, order_of, orders, refusal};

/// The reference price may be so old, in the limits of the stage (`A_ref`).
const REFERENCE_MAX: Duration = Duration::from_secs(1);

/// Somebody quotes, and at once the agent wants this; again until it passes.
fn rests(stage: &mut Stage, market: f64, price: f64) {
    for _ in 0..20 {
        quote(&stage.venue, market);
        std::thread::sleep(Duration::from_millis(100));
        let intent = stage.want(&order(stage, "buy", &limit_at(price), "0.001"));
        stage.until(5, "decided", |entries| {
            is_refused(entries, intent) || order_of(&books(entries), intent).is_some()
        });
        if !is_refused(&stage.gateway.entries(), intent) {
            stage.working(intent);
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("every order is refused: {}", stage.gateway.log());
}

/// AGT-06: the agent goes by a price of long ago, the gateway by the one that is. Whatever the agent wants at the
/// old price, on either side, is outside the collar around the new one.
#[test]
fn agt_06_an_agent_that_looks_at_the_past() {
    let mut stage = quoted(50_000.0, &[]);
    rests(&mut stage, 50_000.0, 49_800.0);
    // By six percent, twice what the collar leaves.
    for step in 1..=30 {
        quote(&stage.venue, 50_000.0 + f64::from(step) * 100.0);
        std::thread::sleep(Duration::from_millis(100));
    }
    let before = orders(&stage.venue.state()).count();
    for attempt in 0..5 {
        // Beside each attempt the market is told anew: the gateway's view is fresh.
        quote(&stage.venue, 53_000.0);
        std::thread::sleep(Duration::from_millis(100));
        for (side, price) in [("buy", 50_001.0), ("sell", 49_999.0)] {
            let price = price + f64::from(attempt);
            let intent = stage.want(&order(&stage, side, &limit_at(price), "0.001"));
            let because = refused(&mut stage, intent);
            assert!(matches!(because, Refusal::Collar { .. }), "{side}: {because:?}");
        }
    }
    assert_eq!(orders(&stage.venue.state()).count(), before, "nothing reached the exchange");
    rests(&mut stage, 53_000.0, 52_800.0);
}

/// AGT-06, the reverse: the market's stream says nothing any more while the market moves away, so that the
/// gateway itself would go by a price of long ago. By the exchange's own books nothing is accepted that was judged
/// by one older than allowed.
#[test]
fn agt_06_a_gateway_that_looks_at_the_past() {
    let mut stage = quoted(50_000.0, &[]);
    rests(&mut stage, 50_000.0, 49_800.0);
    quote(&stage.venue, 50_000.0);
    stage.fault(json!({"kind": "silent", "stream": "market"}));
    let silent = stage.venue.state()["now"].as_i64().unwrap();
    let begin = Instant::now();
    let mut wanted = Vec::new();
    while begin.elapsed() < Duration::from_secs(6) {
        if wanted.len() % 8 == 0 {
            quote(&stage.venue, 56_000.0);
        }
        // Good at the price that the gateway heard last, a tenth away from the one that is.
        let price = 49_700.0 + (wanted.len() % 50) as f64;
        wanted.push(stage.want(&order(&stage, "buy", &limit_at(price), "0.001")));
        std::thread::sleep(Duration::from_millis(120));
    }
    let last = *wanted.last().unwrap();
    stage.until(5, "all are decided", |entries| is_refused(entries, last));
    assert!(stage.fired("silent") > 0);
    let entries = stage.gateway.entries();
    let stale = wanted
        .iter()
        .filter(|intent| matches!(refusal(&entries, **intent), Some(Refusal::StalePrice { .. })));
    let stale = stale.count();
    // An order may be a moment on its way after it was judged.
    let on_its_way = Duration::from_millis(300);
    let late = silent + i64::try_from((REFERENCE_MAX + on_its_way).as_millis()).unwrap();
    let state = stage.venue.state();
    let created = |order: &&Value| order["created"].as_i64().unwrap();
    let after = orders(&state).filter(|order| created(order) > late).count();
    let sent = orders(&state).filter(|order| created(order) > silent).count();
    println!(
        "{sent} accepted while the price was young enough, {after} later, {stale} refused as stale"
    );
    assert_eq!(after, 0, "accepted by an old price");
    assert!(stale > 0, "{:?}", refusal(&entries, last));
    stage.heal();
    rests(&mut stage, 56_000.0, 55_800.0);
}

/// AGT-09: an order is placed and taken back fifty times a second. What is placed is throttled by the messages that
/// it costs; no cancel is refused, and the exchange never has to say that it is too much.
#[test]
fn agt_09_churn() {
    const MAX: usize = 60;
    const WINDOW: Duration = Duration::from_secs(2);
    // The exchange's own limit on orders would throttle it sooner.
    let venue = Venue::start(&["--market", "synthetic:919", "--orders-per-10s", "1000"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let mut stage = Stage::between(venue, gateway, |gateway, _| {
        let lines = ["messages_max = 60", "messages_window_ms = 2000"];
        limit(gateway, &lines.map(|line| ("[orders]", line)));
    });
    let (bid, _) = stage.touch();
    let begin = Instant::now();
    let mut wanted = Vec::new();
    // Each round is one place and one cancel.
    while begin.elapsed() < Duration::from_secs(5) {
        let price = bid * 0.99 - (wanted.len() % 40) as f64;
        let placed = stage.want(&order(&stage, "buy", &limit_at(price), "0.001"));
        stage.cancel(placed);
        wanted.push(placed);
        std::thread::sleep(Duration::from_millis(20));
    }
    let last = *wanted.last().unwrap();
    stage.until(10, "all are decided", |entries| {
        is_refused(entries, last) || order_of(&books(entries), last).is_some()
    });
    // Every cancel of what was placed is carried out, however many messages were sent before it.
    stage.until(10, "nothing is open", |entries| books(entries).open_count() == 0);
    let entries = stage.gateway.entries();
    let prepared = |entry: &&Entry| matches!(entry.record, Record::Prepared { .. });
    let (placed, canceled) = (
        entries.iter().filter(prepared).count(),
        count(&entries, |record| matches!(record, Record::CancelPrepared { .. })),
    );
    let throttled = wanted
        .iter()
        .filter(|intent| matches!(refusal(&entries, **intent), Some(Refusal::MessageRate { .. })));
    let throttled = throttled.count();
    println!("{} rounds: {placed} placed, {canceled} canceled, {throttled} refused", wanted.len());
    assert!(wanted.len() > 100, "hardly fifty a second: {}", wanted.len());
    assert!(throttled > wanted.len() / 4, "{throttled}");
    assert_eq!(placed + throttled, wanted.len(), "nothing is refused for another reason");
    assert_eq!(canceled, placed, "every order is taken back, once");
    // Whatever the window: an order passes only while there is room in it. Its cancel may come on top.
    let times: Vec<_> = entries.iter().filter(prepared).map(|entry| entry.at).collect();
    for (index, from) in times.iter().enumerate() {
        let within = times[index..].iter().take_while(|at| at.since(*from) < WINDOW).count();
        assert!(within <= MAX, "{within} orders in one window");
    }
    let state = stage.venue.state();
    let open = |order: &&Value| order["status"] == "new" || order["status"] == "partially_filled";
    assert_eq!(orders(&state).filter(open).count(), 0);
    assert_eq!((orders(&state).count(), stage.answers(429)), (placed, 0));
    assert_eq!(stage.requests(CREATE), placed as u64);
    stage.recovers(Instant::now());
}

/// AGT-13: what stands as stops when all of them trigger together. Those that say that they only reduce close the
/// position once at most and never turn it.
#[test]
fn agt_13_all_stops_trigger() {
    let mut stage = limited(920, &[("[orders]", "stops_max = 4")]);
    let bought = stage.send(Want::BuyNow);
    stage.done(5, bought);
    let held = held(&stage);
    let (bid, _) = stage.touch();
    // Close to the market, so that somebody else's sale triggers them all.
    let kind = |number: u32| {
        let price = |factor: f64| format!("{:.2}", bid * (factor - f64::from(number) * 0.0001));
        json!({"type": "stop_limit", "trigger": price(0.995), "price": price(0.975)})
    };
    let mut last = None;
    for number in 0..12 {
        let place = order(&stage, "sell", &kind(number), "0.0003");
        last = Some(stage.want(&with(&place, "reduce_only", &json!(true))));
    }
    let because = refused(&mut stage, last.unwrap());
    assert!(matches!(because, Refusal::NotReducing { .. } | Refusal::Stops { .. }), "{because:?}");
    stage.until(5, "all are answered", |entries| {
        books(entries).open_orders().all(|order| order.state == OrderState::Working)
    });
    let stops: Vec<String> = orders(&stage.venue.state())
        .filter(|order| order["status"] == "new")
        .map(|order| order["id"].to_string())
        .collect();
    assert!((2..=4).contains(&stops.len()), "{stops:?}");
    // Somebody bids below the triggers, so that a sale through the whole book prints there.
    for (factor, qty) in [(0.985, "0.5"), (0.976, "0.5")] {
        let bids = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={qty}&price={:.2}",
            bid * factor
        );
        let answer = stage.signed("POST", "/api/v3/order", "third", &bids);
        assert!(answer.contains("\"orderId\""), "{answer}");
    }
    stage.crash();
    stage.until(10, "all are over", |entries| books(entries).open_count() == 0);
    let state = stage.venue.state();
    let filled = orders(&state).filter(|order| stops.contains(&order["id"].to_string()));
    let sold: f64 = filled.map(|order| number(&order["filled"])).sum();
    println!("held {held}, {} stops sold {sold}", stops.len());
    assert!(sold > 0.0, "none triggered");
    assert!(sold <= held + 1e-9, "they sold {sold} of {held}");
    let left = self::held(&stage);
    assert!(left >= -1e-9 && left < held, "it is turned: {left}");
    stage.recovers(Instant::now());
}

/// AGT-11: an agent that holds something hangs. Its lease ends in time: what could add risk is taken back, its stop
/// stays and covers the position, nothing is sold, and what another agent has open is left alone.
#[test]
fn agt_11_a_hang_in_a_position() {
    const LEASE: Duration = Duration::from_millis(1_500);
    let mut second = None;
    let mut stage = Stage::open_with(921, |gateway, _| {
        second = Some(Second::join(gateway));
        let config = gateway.path("plimsoll.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        // The first of the two agents alone.
        std::fs::write(config, text.replacen("lease_ms = 60000", "lease_ms = 1500", 1)).unwrap();
    });
    let mut second = second.unwrap();
    second.is_up(&mut stage);
    let bought = stage.send(Want::BuyNow);
    stage.done(5, bought);
    let (bid, _) = stage.touch();
    let (trigger, price) = (format!("{:.2}", bid * 0.985), format!("{:.2}", bid * 0.98));
    let kind = json!({"type": "stop_limit", "trigger": trigger, "price": price});
    let stop = order(&stage, "sell", &kind, "0.00099");
    let stop = stage.want(&with(&stop, "reduce_only", &json!(true)));
    let stop = stage.working(stop).order.client_order_id.to_string();
    let entry = stage.send(Want::BuyLow);
    stage.working(entry);
    let others = second.want(&order(&stage, "buy", &limit_at(bid * 0.985), "0.001"));
    let name = SECOND.parse().unwrap();
    stage.until(5, "the other's rests", |entries| {
        let books = books(entries);
        books.order_of(name, others).is_some_and(|order| order.state == OrderState::Working)
    });
    let pid = std::fs::read_to_string(stage.gateway.path("pid")).unwrap();
    assert!(Command::new("kill").args(["-STOP", pid.trim()]).status().unwrap().success());
    let hangs = Instant::now();
    stage.done(10, entry);
    let took = hangs.elapsed();
    println!("its entry order is gone {took:?} after it hung");
    // The last line that it handled may be older than the moment; a look and a cancel come on top.
    assert!(took <= LEASE + Duration::from_secs(2), "{took:?}");
    let event = |record: &Record| matches!(record, Record::Agent { event, .. } if event.contains("no progress"));
    assert_eq!(count(&stage.gateway.entries(), event), 1);
    std::thread::sleep(Duration::from_secs(2));
    let state = stage.venue.state();
    let open: Vec<&Value> = orders(&state).filter(|order| order["status"] == "new").collect();
    let names: Vec<&str> = open.iter().map(|order| order["client_id"].as_str().unwrap()).collect();
    let books = books(&stage.gateway.entries());
    let others = books.order_of(name, others).unwrap().order.client_order_id.to_string();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&&*stop) && names.contains(&&*others), "{names:?}");
    assert!((held(&stage) - 0.000_999).abs() < 1e-9, "nothing is sold: {}", held(&stage));
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// What the account has bought and not sold, less fees, by the exchange's own books: it began with one whole.
fn held(stage: &Stage) -> f64 {
    let balance = &stage.venue.state()["balances"]["account-1"]["BTC"];
    number(&balance["free"]) + number(&balance["locked"]) - 1.0
}

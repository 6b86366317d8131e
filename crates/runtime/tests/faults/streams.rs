//! What streams do.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::bench::{BUY, Bench, Heard, QUIET, SOON, Socket, hear, pongs, text};

const DEPTH: &str = "/ws/btcusdt@depth@100ms";

/// The next diffs: first and last number of each.
async fn diffs(socket: &mut Socket, count: usize) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    while found.len() < count {
        let event = text(socket).await;
        found.push((event["U"].as_i64().unwrap(), event["u"].as_i64().unwrap()));
    }
    found
}

/// Events of `key`'s account when it places one order.
async fn order_events(bench: &Bench, user: &mut Socket, client: &str) -> Vec<String> {
    assert_eq!(bench.order(BUY, client).await.status, 200);
    let mut events = Vec::new();
    while let Heard::Text(event) = hear(user, QUIET).await {
        events.push(event["event"]["e"].as_str().unwrap().to_owned());
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_the_market_stream() {
    let bench = Bench::busy().await;
    let mut socket = bench.dial(DEPTH).await.unwrap();
    let before = diffs(&mut socket, 2).await;
    assert_eq!(before[0].1 + 1, before[1].0, "none is missing");
    bench.fault(json!({"kind": "gap", "stream": "market", "count": 1})).await;
    let after = diffs(&mut socket, 4).await;
    let all: Vec<_> = before.into_iter().chain(after).collect();
    let gaps = all.windows(2).filter(|pair| pair[0].1 + 1 != pair[1].0).count();
    assert_eq!((gaps, bench.fired("gap").await), (1, 1), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_twice() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    bench.fault(json!({"kind": "dup", "stream": "user", "contains": "executionReport"})).await;
    let events = order_events(&bench, &mut user, "c1").await;
    assert_eq!(events, ["executionReport", "executionReport", "outboundAccountPosition"]);
    assert_eq!(bench.fired("dup").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_neighbours_change_places() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    bench.fault(json!({"kind": "swap", "stream": "user", "count": 1})).await;
    let events = order_events(&bench, &mut user, "c1").await;
    assert_eq!(events, ["outboundAccountPosition", "executionReport"]);
    let events = order_events(&bench, &mut user, "c2").await;
    assert_eq!(events, ["executionReport", "outboundAccountPosition"]);
    assert_eq!(bench.fired("swap").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_neighbour_that_does_not_come_goes_alone() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    bench.fault(json!({"kind": "swap", "contains": "outboundAccountPosition"})).await;
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    assert_eq!(text(&mut user).await["event"]["e"], "executionReport");
    assert_eq!(hear(&mut user, QUIET).await, Heard::Silence);
    assert_eq!(text(&mut user).await["event"]["e"], "outboundAccountPosition");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_class_is_silent_and_answers_pings() {
    let bench = Bench::busy().await;
    let mut market = bench.dial(DEPTH).await.unwrap();
    let mut user = bench.user().await;
    bench.fault(json!({"kind": "silent", "stream": "user"})).await;
    assert_eq!(order_events(&bench, &mut user, "c1").await, [""; 0]);
    assert!(pongs(&mut user).await, "the socket lives");
    text(&mut market).await;
    assert_eq!(bench.fired("silent").await, 2);
    bench.heal().await;
    bench.fault(json!({"kind": "silent", "stream": "market"})).await;
    while hear(&mut market, QUIET).await != Heard::Silence {}
    assert_eq!(order_events(&bench, &mut user, "c2").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_of_the_websocket_api_can_be_lost() {
    let bench = Bench::quiet().await;
    let mut socket = bench.dial("/ws-api/v3").await.unwrap();
    bench.fault(json!({"kind": "gap", "stream": "replies", "count": 1})).await;
    crate::bench::say(&mut socket, "ping", json!({})).await;
    assert_eq!(hear(&mut socket, QUIET).await, Heard::Silence);
    crate::bench::say(&mut socket, "ping", json!({})).await;
    assert_eq!(text(&mut socket).await["status"], 200);
    assert_eq!(bench.fired("gap").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lives_for_a_drawn_time() {
    let bench = Bench::quiet().await;
    let fault = json!({"kind": "close_after", "delay_ms": 100, "delay_max_ms": 400,
        "stream": "market"});
    bench.fault(fault).await;
    let mut user = bench.user().await;
    let start = Instant::now();
    let mut socket = bench.dial("/ws").await.unwrap();
    assert_eq!(hear(&mut socket, SOON).await, Heard::Closed(Some(1_001)));
    let lived = start.elapsed();
    assert!((100..1_500).contains(&lived.as_millis()), "{lived:?}");
    assert_eq!(hear(&mut user, QUIET).await, Heard::Silence, "another class");
    assert_eq!(bench.fired("close_after").await, 1);
    let sockets = bench.state().await["counts"]["sockets"].clone();
    assert_eq!(sockets, json!({"opened": 2, "closed": 1, "refused": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_end_and_listen_keys_expire() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    let made = bench.ask_within(SOON, "POST", "/api/v3/userDataStream", "key", "").await.json();
    let listen_key = made["listenKey"].as_str().unwrap();
    let mut old = bench.dial(&format!("/ws/{listen_key}")).await.unwrap();
    bench.fault(json!({"kind": "key_expire"})).await;
    assert_eq!(text(&mut user).await["event"]["e"], "eventStreamTerminated");
    let event = text(&mut old).await;
    assert_eq!(
        (&event["e"], &event["listenKey"]),
        (&json!("listenKeyExpired"), &json!(listen_key))
    );
    assert_eq!(order_events(&bench, &mut user, "c1").await, [""; 0]);
    assert_eq!(hear(&mut old, QUIET).await, Heard::Silence);
    assert_eq!(bench.fired("key_expire").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_before_the_end() {
    let bench = Bench::quiet().await;
    let mut market = bench.dial("/stream?streams=btcusdt@trade").await.unwrap();
    let mut user = bench.user().await;
    let fault = json!({"kind": "shutdown_notice", "delay_ms": 200, "stream": "market"});
    bench.fault(fault).await;
    assert_eq!(text(&mut market).await["data"]["e"], "serverShutdown");
    assert_eq!(hear(&mut market, SOON).await, Heard::Closed(Some(1_001)));
    assert_eq!(hear(&mut user, QUIET).await, Heard::Silence, "another class");
    assert_eq!(bench.fired("shutdown_notice").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_hears_the_last_messages_again() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "replay_last", "messages": 2, "stream": "user"})).await;
    let mut user = bench.user().await;
    assert_eq!(order_events(&bench, &mut user, "c1").await.len(), 2);
    drop(user);
    let mut user = bench.user().await;
    let mut seen: Vec<Value> = Vec::new();
    assert_eq!(bench.order(BUY, "c2").await.status, 200);
    while let Heard::Text(event) = hear(&mut user, QUIET).await {
        seen.push(event["event"].clone());
    }
    let orders: Vec<_> = seen.iter().filter(|event| event["e"] == "executionReport").collect();
    assert_eq!(seen.len(), 4, "two again and two new: {seen:?}");
    assert_eq!((&orders[0]["c"], &orders[1]["c"]), (&json!("c1"), &json!("c2")));
    assert_eq!(bench.fired("replay_last").await, 1);
}

/// The same seed strikes the same messages, another seed others.
#[tokio::test(flavor = "multi_thread")]
async fn a_seed_chooses_who_is_struck() {
    let scenario = "[[fault]]\nkind = \"status\"\nprobability = 0.5\nroute = \"GET /api/v3/time\"";
    let mut patterns = BTreeSet::new();
    for seed in [7, 7, 8] {
        let market = plimsoll_runtime::venue::MarketSource::Empty;
        let bench = Bench::start(market, scenario, seed).await;
        let mut pattern = Vec::new();
        for _ in 0..24 {
            pattern.push(bench.get("/api/v3/time").await.status);
        }
        let struck = pattern.iter().filter(|status| **status == 503).count();
        assert!((3..=21).contains(&struck), "{pattern:?}");
        assert_eq!(bench.fired("status").await, struck as u64);
        patterns.insert(pattern);
    }
    assert_eq!(patterns.len(), 2);
}

//! What the exchange behind the front does, and what of a fault can be wrong.

use std::time::{Duration, Instant};

use plimsoll_runtime::venue::MarketSource;
use serde_json::json;

use crate::bench::{BUY, Bench, SELL, SOON, say, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_exchange_drains_in_order() {
    let bench = Bench::busy().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    bench.fault(json!({"kind": "stall", "for": "600ms"})).await;
    let events = bench.state().await["market"]["events"].clone();
    let order = |client: &'static str, after: u64| {
        let bench = &bench;
        async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            bench.order(BUY, client).await
        }
    };
    let start = Instant::now();
    let look = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let open = bench.signed("GET", "/api/v3/openOrders", "").await;
        assert_eq!((open.status, open.body.as_str()), (200, "[]"), "reads are answered");
        assert_eq!(bench.state().await["market"]["events"], events, "the market stands still");
    };
    let (first, second, third, ()) =
        tokio::join!(order("a", 0), order("b", 60), order("c", 120), look);
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    assert_eq!((first.status, second.status, third.status), (200, 200, 200));
    let ids: Vec<_> = bench.orders().await.iter().map(|o| o["client_id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_ne!(bench.state().await["market"]["events"], events, "and goes on");
    assert_eq!(bench.fired("stall").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_of_the_book_is_empty() {
    let bench = Bench::busy().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let book = || async {
        let book = bench.get("/api/v3/depth?symbol=BTCUSDT").await.json();
        let rows = |side: &str| book[side].as_array().unwrap().len();
        (rows("bids"), rows("asks"))
    };
    let before = book().await;
    assert!(before.0 > 0 && before.1 > 0, "{before:?}");
    bench.fault(json!({"kind": "book_empty", "side": "bids"})).await;
    let during = book().await;
    assert!(during.0 == 0 && during.1 > 0, "{during:?}");
    bench.heal().await;
    assert!(book().await.0 > 0, "back as it is by then");
    assert_eq!(bench.fired("book_empty").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_of_the_exchange() {
    let bench = Bench::quiet().await;
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    for kind in ["cancel_only", "halted"] {
        bench.fault(json!({"kind": kind})).await;
        let refused = bench.order(SELL, kind).await.json();
        assert_eq!(refused["msg"], "Market is closed.", "{kind}");
        assert_eq!(bench.fired(kind).await, 1);
    }
    bench.heal().await;
    assert_eq!(bench.order(SELL, "c2").await.status, 200);
}

/// Steps and the smallest notional grow, the metadata says so, and what stands is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_rules_change() {
    let bench = Bench::quiet().await;
    let filter = || async {
        let info = bench.get("/api/v3/exchangeInfo?symbol=BTCUSDT").await.json();
        let filters = info["symbols"][0]["filters"].as_array().unwrap().clone();
        let of = |kind: &str, key: &str| {
            let found = filters.iter().find(|filter| filter["filterType"] == kind).unwrap();
            found[key].as_str().unwrap().parse::<f64>().unwrap()
        };
        [of("PRICE_FILTER", "tickSize"), of("LOT_SIZE", "stepSize"), of("NOTIONAL", "minNotional")]
    };
    let before = filter().await;
    assert_eq!(bench.order(BUY, "old").await.status, 200);
    let times = json!({"kind": "filter_change", "tick_times": 10, "lot_times": 100});
    bench.fault(times).await;
    let after = filter().await;
    let grown = [0, 1, 2].map(|i| (after[i] / before[i]).round());
    assert_eq!(grown[..2], [10.0, 100.0]);
    assert!(before[2] == 0.0 || grown[2] == 2.0, "{before:?} {after:?}");
    bench.fault(json!({"kind": "filter_change", "lot_times": 1_000})).await;
    let refused = bench.order(BUY, "new").await.json();
    assert_eq!(refused["msg"], "Filter failure: LOT_SIZE", "several are multiplied");
    assert_eq!(bench.orders().await.len(), 1);
    bench.heal().await;
    assert_eq!(filter().await, before);
    assert_eq!(bench.order(BUY, "new").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_begins_and_ends_by_itself() {
    let scenario = "[[fault]]\nkind = \"halted\"\nat = \"200ms\"\nfor = \"400ms\"\n";
    let bench = Bench::start(MarketSource::Empty, scenario, 1).await;
    assert_eq!(bench.order(BUY, "before").await.status, 200);
    let end = Instant::now() + SOON;
    while bench.fired("halted").await == 0 {
        assert!(Instant::now() < end, "it never began");
    }
    assert_eq!(bench.order(BUY, "during").await.status, 400);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(bench.order(BUY, "after").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oracle_counts_what_clients_did() {
    let bench = Bench::quiet().await;
    bench.get("/api/v3/time").await;
    bench.get("/api/v3/time").await;
    bench.get("/nowhere").await;
    let mut socket = bench.dial("/ws-api/v3").await.unwrap();
    say(&mut socket, "nonsense", json!({})).await;
    text(&mut socket).await;
    let counts = bench.state().await["counts"].clone();
    let expected = json!({"GET /api/v3/time": 2, "GET /nowhere": 1, "WS /ws-api/v3": 1,
        "WS nonsense": 1});
    assert_eq!(counts["requests"], expected, "what is asked of the simulator does not count");
    assert_eq!(counts["answers"], json!({"101": 1, "200": 2, "400": 1, "404": 1}));
    assert_eq!(counts["sockets"], json!({"opened": 1, "closed": 0, "refused": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_a_fault_is_told_and_changes_nothing() {
    let bench = Bench::quiet().await;
    let bad = r#"{"kind": "delay", "delay_ms": -1}"#;
    let reply = bench.ask_within(SOON, "POST", "/_sim/faults", "", bad).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.starts_with("delay_ms of delay is -1; it must be"), "{}", reply.body);
    assert_eq!(bench.state().await["faults"], json!([]));
}

/// No fault strikes the door of the simulator itself, or nobody could ever heal it.
#[tokio::test(flavor = "multi_thread")]
async fn the_door_of_the_simulator_stays_open() {
    let bench = Bench::quiet().await;
    for kind in ["drop_request", "status", "throttle", "partition"] {
        bench.fault(json!({"kind": kind})).await;
    }
    bench.fault(json!({"kind": "ban", "for": "1m"})).await;
    bench.heal().await;
    assert_eq!(bench.get("/api/v3/time").await.status, 200);
}

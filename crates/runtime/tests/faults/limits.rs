//! What limits and clocks do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{BUY, Bench, Heard, SOON, hear, now_ms, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_calls_is_throttled_in_the_venues_words() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "throttle", "retry_after_s": 17, "count": 1})).await;
    let reply = bench.get("/api/v3/time").await;
    assert_eq!((reply.status, &reply.json()["code"]), (429, &json!(-1003)));
    assert_eq!(reply.header("retry-after"), Some("17"));
    assert!(reply.header("x-mbx-used-weight-1m").is_some());
    assert_eq!(bench.get("/api/v3/time").await.status, 200);
    assert_eq!((bench.fired("throttle").await, bench.answers(429).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_address_is_shut_out_and_another_one_is_not() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    let mut market = bench.dial("/ws").await.unwrap();
    bench.fault(json!({"kind": "ban", "peer": "127.0.0.1", "for": "30s"})).await;
    assert_eq!(hear(&mut user, SOON).await, Heard::Closed(Some(1_008)), "the WebSocket API's");
    let reply = bench.get("/api/v3/time").await;
    assert_eq!((reply.status, &reply.json()["code"]), (418, &json!(-1003)));
    let wait: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((20..=30).contains(&wait), "{wait}");
    assert!(bench.dial("/ws").await.unwrap_err().contains("418"));
    assert_eq!(hear(&mut market, Duration::from_millis(100)).await, Heard::Silence, "stays");
    assert_eq!((bench.fired("ban").await, bench.answers(418).await), (3, 2));
    bench.heal().await;
    bench.fault(json!({"kind": "ban", "peer": "127.0.0.9", "for": "30s"})).await;
    assert_eq!(bench.get("/api/v3/time").await.status, 200);
}

fn weight_limit(info: &Value) -> i64 {
    let limits = info["rateLimits"].as_array().unwrap();
    let weight = limits.iter().find(|limit| limit["rateLimitType"] == "REQUEST_WEIGHT");
    weight.unwrap()["limit"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_limit_is_in_the_metadata_and_is_enforced() {
    let bench = Bench::quiet().await;
    let info = "/api/v3/exchangeInfo";
    assert_eq!(weight_limit(&bench.get(info).await.json()), 6_000);
    bench.fault(json!({"kind": "shrink_limit", "share": 0.01})).await;
    assert_eq!(weight_limit(&bench.get(info).await.json()), 60);
    assert_eq!(bench.get(info).await.status, 200, "20 each");
    assert_eq!(bench.get(info).await.status, 429);
    bench.heal().await;
    assert_eq!(weight_limit(&bench.get(info).await.json()), 6_000);
    assert_eq!(bench.fired("shrink_limit").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_uses_the_same_addresss_weight() {
    let bench = Bench::quiet().await;
    let used = |reply: crate::bench::Reply| -> i64 {
        reply.header("x-mbx-used-weight-1m").unwrap().parse().unwrap()
    };
    bench.fault(json!({"kind": "noisy_neighbour", "share": 0.7})).await;
    let seen = used(bench.get("/api/v3/time").await);
    assert!((4_200..4_300).contains(&seen), "{seen}");
    bench.heal().await;
    bench.fault(json!({"kind": "noisy_neighbour", "share": 1.0})).await;
    assert_eq!(bench.get("/api/v3/time").await.status, 429, "nothing is left");
    bench.heal().await;
    assert!(used(bench.get("/api/v3/time").await) < 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_have_a_cap() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "connect_cap", "connects_max": 1})).await;
    let _first = bench.dial("/ws").await.unwrap();
    assert!(bench.dial("/ws").await.unwrap_err().contains("429"));
    let sockets = bench.state().await["counts"]["sockets"].clone();
    assert_eq!((&sockets["opened"], &sockets["refused"]), (&json!(1), &json!(1)));
    bench.heal().await;
    assert!(bench.dial("/ws").await.is_ok());
    assert_eq!(bench.fired("connect_cap").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_venues_clock_is_wrong_both_ways() {
    for skew_ms in [-90_000_i64, 90_000] {
        let bench = Bench::busy().await;
        let mut market = bench.dial("/ws/btcusdt@depth@100ms").await.unwrap();
        text(&mut market).await;
        assert_eq!(bench.order(BUY, "before").await.status, 200);
        bench.fault(json!({"kind": "venue_skew", "skew_ms": skew_ms})).await;
        let time = bench.get("/api/v3/time").await.json()["serverTime"].as_i64().unwrap();
        let off = |time: i64| time - i64::try_from(now_ms()).unwrap() - skew_ms;
        assert!(off(time).abs() < 2_000, "{}", off(time));
        let reply = bench.order(BUY, "skewed").await;
        assert_eq!(reply.json()["code"], -1021, "stamped by the right clock");
        // Streams go on at once, stamped by the wrong clock.
        let mut stamps = Vec::new();
        for _ in 0..4 {
            stamps.push(off(text(&mut market).await["E"].as_i64().unwrap()));
        }
        assert!(stamps.last().unwrap().abs() < 2_000, "{stamps:?}");
        assert_eq!(bench.fired("venue_skew").await, 1);
    }
}

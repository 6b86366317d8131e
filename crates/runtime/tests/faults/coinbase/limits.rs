//! What limits and clocks do.

use std::time::{Duration, Instant};

use model::Timestamp;
use serde_json::json;

use super::Coin;
use crate::bench::{Heard, Reply, SOON, hear, now_ms, text};

const TIME: &str = "/api/v3/brokerage/time";

fn number(reply: &Reply, header: &str) -> u64 {
    reply.header(header).unwrap_or_else(|| panic!("{reply:?}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_throttled_or_shut_out_hears_how_long() {
    for fault in [
        json!({"kind": "throttle", "retry_after_s": 17}),
        // It is not known to ban.
        json!({"kind": "ban", "for": "17s"}),
    ] {
        let coin = Coin::quiet().await;
        let mut user = coin.listens(&["user"]).await;
        coin.fault(fault.clone()).await;
        let reply = coin.get(TIME).await;
        let words = json!({"errors": [{"id": "rate_limit_exceeded",
            "message": "Too many requests"}]});
        assert_eq!((reply.status, reply.json()), (429, words), "{fault}");
        for header in ["retry-after", "x-ratelimit-reset"] {
            assert!((16..=17).contains(&number(&reply, header)), "{header} of {reply:?}");
        }
        assert_eq!(number(&reply, "x-ratelimit-remaining"), 0);
        assert_eq!(number(&reply, "x-ratelimit-limit"), 10);
        if fault["kind"] == "ban" {
            assert_eq!(hear(&mut user, SOON).await, Heard::Closed(Some(1_008)));
            assert!(coin.dial("/").await.unwrap_err().contains("429"));
        }
        coin.heal().await;
        assert_eq!(coin.get(TIME).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_shrink_and_neighbours_use_them() {
    let coin = Coin::quiet().await;
    coin.fault(json!({"kind": "shrink_limit", "share": 0.1})).await;
    let reply = coin.get(TIME).await;
    assert_eq!((reply.status, number(&reply, "x-ratelimit-limit")), (200, 1));
    assert_eq!(coin.get(TIME).await.status, 429, "and it is enforced");
    let private = coin.ask("key", "GET", "/orders/historical/batch", "").await;
    assert_eq!(number(&private, "x-ratelimit-limit"), 3);
    coin.heal().await;
    coin.fault(json!({"kind": "noisy_neighbour", "share": 1.0})).await;
    assert_eq!(coin.get(TIME).await.status, 429, "nothing of the address's is left");
    let private = coin.ask("key", "GET", "/orders/historical/batch", "").await;
    assert_eq!(private.status, 200, "a key's is its own");
    coin.heal().await;
    assert_eq!(coin.get(TIME).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_have_a_cap() {
    let coin = Coin::quiet().await;
    coin.fault(json!({"kind": "connect_cap", "connects_max": 0})).await;
    assert!(coin.dial("/").await.unwrap_err().contains("429"));
    assert_eq!(coin.fired("connect_cap").await, 1);
    coin.heal().await;
    assert!(coin.dial("/").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_venues_clock_is_wrong_both_ways() {
    for skew_ms in [-150_000_i64, 150_000] {
        let coin = Coin::busy().await;
        let mut market = coin.listens(&["heartbeats", "level2"]).await;
        coin.buy("before").await;
        coin.fault(json!({"kind": "venue_skew", "skew_ms": skew_ms})).await;
        let off = |ms: i64| ms - i64::try_from(now_ms()).unwrap() - skew_ms;
        let time = coin.get(TIME).await.json()["epochMillis"].clone();
        let time: i64 = time.as_str().unwrap().parse().unwrap();
        assert!(off(time).abs() < 2_000, "{}", off(time));
        let reply = coin.limit("key", "BUY", "skewed").await;
        assert_eq!(reply.status, 401, "a token of the right clock is out of time");
        // Every channel goes on at once, stamped by the wrong clock.
        let end = Instant::now() + Duration::from_secs(3);
        for channel in ["l2_data", "heartbeats"] {
            loop {
                assert!(Instant::now() < end, "{channel} is silent");
                let told = text(&mut market).await;
                let stamp = told["timestamp"].as_str().unwrap().as_bytes();
                let stamp = Timestamp::parse_rfc3339(stamp).unwrap();
                if told["channel"] == channel && off(stamp.millis()).abs() < 2_000 {
                    break;
                }
            }
        }
        coin.heal().await;
        assert_eq!(coin.limit("key", "BUY", "after").await.status, 200);
    }
}

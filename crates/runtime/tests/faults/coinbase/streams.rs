//! What streams do: one counter for each connection, and a class by what is subscribed to.

use serde_json::{Value, json};

use super::{Coin, subscribe};
use crate::bench::{Heard, QUIET, SOON, Socket, hear, pongs, text};

/// Numbers of all that is told within a moment.
async fn numbers(socket: &mut Socket) -> Vec<u64> {
    let mut found = Vec::new();
    while let Heard::Text(message) = hear(socket, QUIET).await {
        found.push(message["sequence_num"].as_u64().unwrap_or_else(|| panic!("{message}")));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_struck_message_shows_in_the_numbers() {
    for (kind, first, later) in [
        ("gap", vec![3], vec![4]),
        ("dup", vec![2, 2, 3], vec![4]),
        ("swap", vec![3, 2], vec![4]),
        ("silent", vec![3], vec![4]),
    ] {
        let coin = Coin::quiet().await;
        let mut user = coin.listens(&["user"]).await;
        coin.fault(json!({"kind": kind, "stream": "user", "count": 1})).await;
        coin.buy("c1").await;
        coin.buy("c2").await;
        assert_eq!(numbers(&mut user).await, first, "{kind}");
        coin.buy("c3").await;
        assert_eq!(numbers(&mut user).await, later, "{kind}");
        assert_eq!(coin.fired(kind).await, 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_market_stream_is_not_one_of_the_account() {
    let coin = Coin::busy().await;
    let mut market = coin.listens(&["level2"]).await;
    let mut user = coin.listens(&["user"]).await;
    coin.fault(json!({"kind": "gap", "stream": "market", "count": 1})).await;
    let mut seen = vec![1];
    while seen.len() < 7 {
        seen.push(text(&mut market).await["sequence_num"].as_u64().unwrap());
    }
    let holes = seen.windows(2).filter(|pair| pair[0] + 1 != pair[1]).count();
    assert_eq!((holes, coin.fired("gap").await), (1, 1), "{seen:?}");
    coin.buy("c1").await;
    assert_eq!(numbers(&mut user).await, [2]);
}

/// Heartbeats tell nothing of what a connection is for; who ever had `user` is of an account.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_user_counts_as_the_accounts() {
    let coin = Coin::busy().await;
    let mut market = coin.listens(&["heartbeats", "level2"]).await;
    let mut both = coin.listens(&["level2", "user"]).await;
    coin.fault(json!({"kind": "silent", "stream": "user"})).await;
    while hear(&mut both, QUIET).await != Heard::Silence {}
    assert!(pongs(&mut both).await, "the socket lives");
    text(&mut market).await;
    coin.heal().await;
    coin.fault(json!({"kind": "silent", "stream": "market"})).await;
    while hear(&mut market, QUIET).await != Heard::Silence {}
    text(&mut both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_connection_lives_is_drawn_when_it_shows_what_it_is_for() {
    let coin = Coin::quiet().await;
    let span = json!({"kind": "close_after", "delay_ms": 100, "delay_max_ms": 200,
        "stream": "user"});
    coin.fault(span).await;
    let mut market = coin.listens(&["heartbeats", "level2"]).await;
    let mut user = coin.dial("/").await.unwrap();
    assert_eq!(hear(&mut user, QUIET).await, Heard::Silence, "it is nobody's yet");
    subscribe(&mut user, "user").await;
    let closed = loop {
        if let Heard::Closed(code) = hear(&mut user, SOON).await {
            break code;
        }
    };
    assert_eq!(closed, Some(1_001));
    assert!(pongs(&mut market).await, "another class");
    assert_eq!(coin.fired("close_after").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_of_accounts_leaves_the_market() {
    let coin = Coin::busy().await;
    let mut market = coin.listens(&["level2"]).await;
    let mut user = coin.listens(&["user"]).await;
    coin.fault(json!({"kind": "partition", "route": "user"})).await;
    coin.buy("c1").await;
    assert_eq!(hear(&mut user, QUIET).await, Heard::Silence);
    assert!(!pongs(&mut user).await);
    text(&mut market).await;
    let mut late = coin.dial("/").await.unwrap();
    subscribe(&mut late, "user").await;
    assert_eq!(hear(&mut late, QUIET).await, Heard::Silence, "it has shown what it is for");
    coin.heal().await;
    assert_eq!(hear(&mut user, SOON).await, Heard::Closed(None), "lost for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channel_of_an_account_ends_with_an_error() {
    let coin = Coin::quiet().await;
    let mut user = coin.listens(&["user"]).await;
    coin.fault(json!({"kind": "key_expire"})).await;
    let expected = json!({"type": "error", "message": "authentication failure"});
    assert_eq!(text(&mut user).await, expected);
    coin.buy("c1").await;
    assert_eq!(hear(&mut user, QUIET).await, Heard::Silence, "nothing is told any more");
    subscribe(&mut user, "user").await;
    assert_eq!(text(&mut user).await["channel"], "subscriptions");
    assert_eq!(coin.fired("key_expire").await, 1);
}

/// It has no notice: connections are closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_comes_without_a_word() {
    let coin = Coin::quiet().await;
    let mut market = coin.listens(&["level2"]).await;
    let mut user = coin.listens(&["user"]).await;
    let fault = json!({"kind": "shutdown_notice", "delay_ms": 100, "stream": "user"});
    coin.fault(fault).await;
    assert_eq!(hear(&mut user, SOON).await, Heard::Closed(Some(1_001)));
    assert_eq!(hear(&mut market, QUIET).await, Heard::Silence, "another class");
}

/// Under the numbers of the connection on which they were told.
#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_hears_the_last_messages_again() {
    let coin = Coin::quiet().await;
    coin.fault(json!({"kind": "replay_last", "messages": 2, "stream": "user"})).await;
    let mut user = coin.listens(&["user"]).await;
    for client in ["a", "b", "c"] {
        coin.buy(client).await;
    }
    assert_eq!(numbers(&mut user).await, [2, 3, 4]);
    drop(user);
    let mut user = coin.listens(&["user"]).await;
    coin.buy("d").await;
    let mut seen: Vec<(u64, Value)> = Vec::new();
    while let Heard::Text(message) = hear(&mut user, QUIET).await {
        let order = &message["events"][0]["orders"][0];
        seen.push((message["sequence_num"].as_u64().unwrap(), order["client_order_id"].clone()));
    }
    assert_eq!(seen, [(3, json!("b")), (4, json!("c")), (2, json!("d"))]);
    assert_eq!(coin.fired("replay_last").await, 1);
}

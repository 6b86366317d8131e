//! What the venue's front does: to requests, and to questions that the dialect answers from books of
//! its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Coin, ORDERS};
use crate::bench::text;

/// A request that is sent again names its first order and places nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_an_order() {
    for (kind, status, orders) in [
        ("drop_request", 0, 0),
        ("drop_response", 0, 1),
        ("status", 503, 0),
        ("error_but_accept", 503, 1),
        ("duplicate", 200, 1),
        ("truncate", 200, 1),
        ("empty_body", 200, 1),
    ] {
        let coin = Coin::quiet().await;
        coin.fault(json!({"kind": kind, "route": ORDERS})).await;
        assert_eq!(coin.limit("key", "BUY", "c1").await.status, status, "{kind}");
        assert_eq!(coin.orders().await.len(), orders, "{kind}");
        assert_eq!(coin.fired(kind).await, 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_and_then_failed_on_the_user_channel() {
    let coin = Coin::quiet().await;
    let mut user = coin.listens(&["user"]).await;
    coin.fault(json!({"kind": "accept_then_reject", "delay_ms": 300, "count": 1})).await;
    let id = coin.buy("c1").await;
    let one = format!("/orders/historical/{id}");
    assert_eq!(coin.read(&one).await["order"]["status"], "OPEN", "it is known at once");
    assert_eq!(coin.buy("c1").await, id, "and its name is taken");
    let order = text(&mut user).await["events"][0]["orders"][0].clone();
    assert_eq!((&order["status"], &order["client_order_id"]), (&json!("FAILED"), &json!("c1")));
    assert_eq!(coin.read(&one).await["order"]["status"], "FAILED");
    assert_eq!(coin.orders().await[0]["status"], "rejected");
    coin.buy("c2").await;
    let order = text(&mut user).await["events"][0]["orders"][0].clone();
    assert_eq!(order["status"], "OPEN", "the next one is real");
    assert_eq!(coin.fired("accept_then_reject").await, 1);
}

fn held(accounts: &Value, asset: &str) -> Value {
    let rows = accounts["accounts"].as_array().unwrap().iter();
    let mut wallet = rows.filter(|row| row["currency"] == asset);
    wallet.next().unwrap()["available_balance"]["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_lie_behind() {
    let coin = Coin::quiet().await;
    let old = coin.buy("old").await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    coin.fault(json!({"kind": "read_lag", "lag_ms": 700})).await;
    assert_eq!(coin.limit("other", "SELL", "sell").await.status, 200, "`old` is filled");
    coin.buy("new").await;
    assert_eq!(coin.listed("").await, ["old"]);
    let order = coin.read(&format!("/orders/historical/{old}")).await["order"].clone();
    assert_eq!((&order["status"], &order["filled_size"]), (&json!("OPEN"), &json!("0")));
    let fills = "/orders/historical/fills";
    assert_eq!(coin.read(fills).await["fills"], json!([]));
    assert_eq!(held(&coin.read("/accounts").await, "BTC"), "1");
    assert_eq!(coin.fired("read_lag").await, 4);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(coin.listed("").await, ["new", "old"], "it is seen in time");
    assert_eq!(coin.read(fills).await["fills"].as_array().unwrap().len(), 1);
    assert_eq!(held(&coin.read("/accounts").await, "BTC"), "1.01");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_order_is_reported_missing_for_a_while() {
    let coin = Coin::quiet().await;
    coin.fault(json!({"kind": "negative_read", "age_max_ms": 600})).await;
    let id = coin.buy("c1").await;
    let one = format!("/orders/historical/{id}");
    let missing = coin.ask("key", "GET", &one, "").await;
    assert_eq!((missing.status, &missing.json()["error"]), (404, &json!("NOT_FOUND")));
    assert_eq!(coin.listed("?order_status=OPEN").await, [""; 0]);
    assert_eq!(coin.fired("negative_read").await, 2);
    assert_eq!(coin.buy("c1").await, id, "its name is taken all the same");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(coin.read(&one).await["order"]["status"], "OPEN");
}

/// A list that was cut says so and goes on by its cursor.
#[tokio::test(flavor = "multi_thread")]
async fn lists_are_cut_to_a_few_rows() {
    let coin = Coin::quiet().await;
    for client in ["a", "b", "c"] {
        coin.deal(client).await;
    }
    coin.fault(json!({"kind": "page_cap", "rows": 2})).await;
    let list = coin.read("/orders/historical/batch").await;
    assert_eq!((list["orders"].as_array().unwrap().len(), &list["has_next"]), (2, &json!(true)));
    let cursor = list["cursor"].as_str().unwrap();
    assert_eq!(coin.listed(&format!("?cursor={cursor}")).await, ["a"]);
    let fills = coin.read("/orders/historical/fills?limit=100").await;
    assert_eq!(fills["fills"].as_array().unwrap().len(), 2);
    assert_ne!(fills["cursor"], "");
    let path = "/api/v3/brokerage/market/products/BTC-USD/ticker?limit=10";
    let public = coin.get(path).await.json();
    assert_eq!(public["trades"].as_array().unwrap().len(), 2, "{public}");
    assert_eq!(coin.fired("page_cap").await, 3, "not where there was no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_are_hidden_and_ends_are_lies() {
    let coin = Coin::quiet().await;
    let id = coin.deal("deal").await;
    let stop = json!({"stop_limit_stop_limit_gtc": {"base_size": "0.01", "limit_price": "90",
        "stop_price": "91", "stop_direction": "STOP_DIRECTION_STOP_DOWN"}});
    let placed = coin.place("key", "SELL", "stop", stop).await.json();
    assert_eq!(placed["success"], true, "{placed}");
    coin.buy("plain").await;
    coin.fault(json!({"kind": "hide_family"})).await;
    assert_eq!(coin.listed("?order_status=OPEN").await, ["plain"]);
    assert_eq!(coin.listed("").await, ["plain", "stop", "deal"], "in other lists it is");
    assert_eq!(coin.fired("hide_family").await, 1);
    coin.fault(json!({"kind": "terminal_lies"})).await;
    let order = coin.read(&format!("/orders/historical/{id}")).await["order"].clone();
    assert_eq!((&order["status"], &order["filled_size"]), (&json!("CANCELLED"), &json!("0")));
    let fills = coin.read("/orders/historical/fills").await;
    assert_eq!(fills["fills"][0]["size"], "0.01", "executions are told as they are");
    assert_eq!(coin.fired("terminal_lies").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_replica_knows_a_question_by_its_key() {
    let coin = Coin::quiet().await;
    coin.fault(json!({"kind": "stale_replica", "lag_ms": 60_000})).await;
    assert_eq!(coin.listed("").await, [""; 0]);
    coin.buy("c1").await;
    assert_eq!(coin.listed("").await, [""; 0], "a new token, the same question");
    let list = coin.ask("other", "GET", "/orders/historical/batch", "").await.json();
    assert_eq!(list["orders"], json!([]));
    assert_eq!(coin.fired("stale_replica").await, 1, "another key asks another question");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_change_in_answers_and_events() {
    let coin = Coin::quiet().await;
    let mut user = coin.listens(&["user"]).await;
    for (kind, extra) in [
        ("schema_add", json!({"field": "surprise", "value": 1})),
        ("schema_drop", json!({"field": "order_id"})),
        ("schema_type", json!({"field": "client_order_id"})),
    ] {
        let mut fault = extra;
        fault["kind"] = json!(kind);
        coin.fault(fault).await;
        let reply = coin.limit("key", "BUY", kind).await.json()["success_response"].clone();
        let event = text(&mut user).await["events"][0]["orders"][0].clone();
        for told in [&reply, &event] {
            match kind {
                "schema_add" => assert_eq!(told["surprise"], 1, "{told}"),
                "schema_drop" => assert_eq!(told.get("order_id"), None, "{told}"),
                _ => assert_eq!(told["client_order_id"], json!([kind]), "{told}"),
            }
        }
        assert!(coin.fired(kind).await >= 2, "{kind}: an answer and an event");
        coin.heal().await;
    }
}

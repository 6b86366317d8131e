//! What the venue's front does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{BUY, Bench, End, Heard, QUIET, SELL, SOON, hear, say, target, text};

const ORDER: &str = "POST /api/v3/order";

fn rows(value: &Value) -> usize {
    value.as_array().unwrap_or_else(|| panic!("{value}")).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_with_headers_instead_of_the_work_or_after_it() {
    for (kind, orders) in [("status", 0), ("error_but_accept", 1)] {
        let bench = Bench::quiet().await;
        let headers = json!({"Retry-After": "7"});
        let fault = json!({"kind": kind, "status": 504, "body": "<html>", "headers": headers,
            "route": ORDER});
        bench.fault(fault).await;
        let reply = bench.order(BUY, "c1").await;
        assert_eq!((reply.status, reply.body.as_str()), (504, "<html>"), "{kind}");
        assert_eq!(reply.header("retry-after"), Some("7"), "{kind}");
        assert_eq!(bench.orders().await.len(), orders, "{kind}");
        assert_eq!((bench.fired(kind).await, bench.answers(504).await), (1, 1), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_and_then_rejected_on_the_user_stream() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    bench.fault(json!({"kind": "accept_then_reject", "delay_ms": 200, "count": 1})).await;
    let reply = bench.order(BUY, "c1").await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("NEW")));
    let book = bench.get("/api/v3/depth?symbol=BTCUSDT").await.json();
    assert_eq!(rows(&book["bids"]), 0, "never on the book");
    let event = text(&mut user).await["event"].clone();
    assert_eq!(
        (&event["x"], &event["X"], &event["c"]),
        (&json!("REJECTED"), &json!("REJECTED"), &json!("c1"))
    );
    assert_eq!(bench.orders().await[0]["status"], "rejected");
    assert_eq!(bench.order(BUY, "c2").await.json()["status"], "NEW");
    assert_eq!(text(&mut user).await["event"]["x"], "NEW", "the next one is real");
    assert_eq!(bench.fired("accept_then_reject").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_without_a_word_on_an_open_connection() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "ack_never", "route": ORDER})).await;
    let order = target("/api/v3/order", BUY);
    let reply = bench.ask_within(QUIET, "POST", &order, "key", "").await;
    assert_eq!((reply.status, reply.end), (0, End::Open));
    assert_eq!((bench.orders().await.len(), bench.fired("ack_never").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_lie_behind() {
    let bench = Bench::quiet().await;
    bench.trade("old").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    bench.fault(json!({"kind": "read_lag", "lag_ms": 600})).await;
    bench.trade("new").await;
    assert_eq!(bench.order(BUY, "open").await.status, 200);
    let read = |path, params| bench.signed("GET", path, params);
    let all = read("/api/v3/allOrders", "symbol=BTCUSDT").await.json();
    assert_eq!((rows(&all), &all[0]["clientOrderId"]), (1, &json!("old")));
    assert_eq!(rows(&read("/api/v3/myTrades", "symbol=BTCUSDT").await.json()), 1);
    assert_eq!(rows(&read("/api/v3/openOrders", "").await.json()), 0);
    let missing = read("/api/v3/order", "symbol=BTCUSDT&origClientOrderId=new").await;
    assert_eq!(missing.json()["code"], -2013);
    let btc = |account: Value| {
        let balances = account["balances"].as_array().unwrap().clone();
        balances.iter().find(|b| b["asset"] == "BTC").unwrap()["free"].clone()
    };
    assert_eq!(btc(read("/api/v3/account", "").await.json()), "1.01000000");
    assert_eq!(bench.fired("read_lag").await, 5);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(rows(&read("/api/v3/openOrders", "").await.json()), 1, "it is seen in time");
    assert_eq!(btc(read("/api/v3/account", "").await.json()), "1.02000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_open_is_still_open_for_a_read_that_lies_behind() {
    let bench = Bench::quiet().await;
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let cancel = "symbol=BTCUSDT&origClientOrderId=c1";
    assert_eq!(bench.signed("DELETE", "/api/v3/order", cancel).await.status, 200);
    bench.fault(json!({"kind": "read_lag", "lag_ms": 250})).await;
    assert_eq!(rows(&bench.signed("GET", "/api/v3/openOrders", "").await.json()), 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(rows(&bench.signed("GET", "/api/v3/openOrders", "").await.json()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_order_is_reported_missing_for_a_while() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "negative_read", "age_max_ms": 800})).await;
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    let query = "symbol=BTCUSDT&origClientOrderId=c1";
    let missing = bench.signed("GET", "/api/v3/order", query).await;
    assert_eq!((missing.status, &missing.json()["code"]), (400, &json!(-2013)));
    assert_eq!(rows(&bench.signed("GET", "/api/v3/openOrders", "").await.json()), 0);
    assert_eq!(bench.fired("negative_read").await, 2);
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(bench.signed("GET", "/api/v3/order", query).await.json()["status"], "NEW");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_cut_to_a_few_rows() {
    let bench = Bench::quiet().await;
    for client in ["a", "b", "c"] {
        bench.trade(client).await;
    }
    let ids = |list: Value| -> Vec<i64> {
        list.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    let trades = "/api/v3/myTrades";
    let all = ids(bench.signed("GET", trades, "symbol=BTCUSDT").await.json());
    bench.fault(json!({"kind": "page_cap", "rows": 2})).await;
    let newest = ids(bench.signed("GET", trades, "symbol=BTCUSDT").await.json());
    assert_eq!((all.len(), &newest[..]), (3, &all[1..]), "the newest, as without a start");
    let from = format!("symbol=BTCUSDT&fromId={}", all[0]);
    assert_eq!(ids(bench.signed("GET", trades, &from).await.json()), all[..2], "the oldest");
    assert_eq!(rows(&bench.get("/api/v3/trades?symbol=BTCUSDT").await.json()), 2);
    for client in ["x", "y", "z"] {
        assert_eq!(bench.order(BUY, client).await.status, 200);
    }
    assert_eq!(rows(&bench.signed("GET", "/api/v3/openOrders", "").await.json()), 2);
    assert_eq!(bench.fired("page_cap").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_come_go_and_change_their_type() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    let add = json!({"kind": "schema_add", "field": "surprise", "value": {"a": 1}});
    for (kind, fault) in [
        ("schema_add", add),
        ("schema_drop", json!({"kind": "schema_drop", "field": "clientOrderId"})),
        ("schema_type", json!({"kind": "schema_type", "field": "price"})),
    ] {
        bench.fault(fault).await;
        let reply = bench.order(BUY, kind).await.json();
        let event = text(&mut user).await["event"].clone();
        match kind {
            "schema_add" => {
                assert_eq!(
                    (&reply["surprise"]["a"], &event["surprise"]["a"]),
                    (&json!(1), &json!(1))
                );
                assert_eq!(bench.fired(kind).await, 3, "an answer and two events");
            }
            "schema_drop" => {
                assert_eq!((reply.get("clientOrderId"), &reply["status"]), (None, &json!("NEW")))
            }
            _ => assert!(reply["price"].is_number(), "{reply}"),
        }
        assert!(bench.fired(kind).await > 0);
        text(&mut user).await;
        bench.heal().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_field_of_one_stream_or_one_route_only() {
    let bench = Bench::quiet().await;
    let mut user = bench.user().await;
    let fault = json!({"kind": "schema_drop", "field": "c", "stream": "user",
        "contains": "executionReport"});
    bench.fault(fault).await;
    bench.fault(json!({"kind": "schema_type", "field": "orderId", "route": ORDER})).await;
    let reply = bench.order(BUY, "c1").await.json();
    assert!(reply["orderId"].is_string(), "{reply}");
    let event = text(&mut user).await["event"].clone();
    assert_eq!((event.get("c"), &event["x"]), (None, &json!("NEW")));
    let open = bench.signed("GET", "/api/v3/openOrders", "").await.json();
    assert!(open[0]["orderId"].is_number(), "another route: {open}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_moved() {
    let bench = Bench::quiet().await;
    let fault = json!({"kind": "endpoint_moved", "status": 410, "route": "GET /api/v3/openOrders"});
    bench.fault(fault).await;
    assert_eq!(bench.signed("GET", "/api/v3/openOrders", "").await.status, 410);
    assert_eq!(bench.signed("GET", "/api/v3/account", "").await.status, 200);
    assert_eq!((bench.fired("endpoint_moved").await, bench.answers(410).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_orders_are_hidden_from_the_open_ones() {
    let bench = Bench::quiet().await;
    bench.trade("t").await;
    let stop = "symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.01\
                &price=90.00&stopPrice=91.00";
    assert_eq!(bench.order(stop, "stop").await.status, 200);
    assert_eq!(bench.order(BUY, "plain").await.status, 200);
    bench.fault(json!({"kind": "hide_family"})).await;
    let open = bench.signed("GET", "/api/v3/openOrders", "").await.json();
    assert_eq!((rows(&open), &open[0]["clientOrderId"]), (1, &json!("plain")));
    let query = "symbol=BTCUSDT&origClientOrderId=stop";
    assert_eq!(bench.signed("GET", "/api/v3/order", query).await.json()["status"], "NEW");
    assert_eq!(bench.fired("hide_family").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_state_that_lies() {
    let bench = Bench::quiet().await;
    bench.trade("c1").await;
    bench.fault(json!({"kind": "terminal_lies"})).await;
    let query = "symbol=BTCUSDT&origClientOrderId=c1";
    let told = bench.signed("GET", "/api/v3/order", query).await.json();
    assert_eq!((&told["status"], &told["executedQty"]), (&json!("CANCELED"), &json!("0.00000000")));
    let fills = bench.signed("GET", "/api/v3/myTrades", "symbol=BTCUSDT").await.json();
    assert_eq!(rows(&fills), 1, "the executions are told as they are");
    assert_eq!(bench.fired("terminal_lies").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_on_the_websocket_api_are_struck_as_well() {
    let bench = Bench::quiet().await;
    assert_eq!(bench.order(SELL, "c1").await.status, 200);
    bench.fault(json!({"kind": "negative_read", "route": "WS openOrders.status"})).await;
    let mut socket = bench.dial("/ws-api/v3").await.unwrap();
    let query = target("", "apiKey=key");
    let part = |name: &str| {
        let pair = query.split(['?', '&']).find(|pair| pair.starts_with(name)).unwrap();
        pair.split_once('=').unwrap().1.to_owned()
    };
    let params = json!({"apiKey": "key", "recvWindow": 60_000,
        "timestamp": part("timestamp").parse::<u64>().unwrap(), "signature": part("signature")});
    say(&mut socket, "openOrders.status", params).await;
    let Heard::Text(answer) = hear(&mut socket, SOON).await else { panic!("no answer") };
    assert_eq!((&answer["status"], rows(&answer["result"])), (&json!(200), 0), "{answer}");
    assert_eq!(rows(&bench.signed("GET", "/api/v3/openOrders", "").await.json()), 1);
    let counts = bench.state().await["counts"].clone();
    assert_eq!(counts["requests"]["WS openOrders.status"], 1);
}

//! What the network does.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bench::{BUY, Bench, End, Heard, QUIET, SOON, hear, pongs, read, target, text};

const ORDER: &str = "POST /api/v3/order";

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_cuts_everything_and_ends() {
    let bench = Bench::quiet().await;
    let mut socket = bench.dial("/stream").await.unwrap();
    let mut idle = TcpStream::connect(bench.addr).await.unwrap();
    // Accepted before the cut, not behind it in the queue.
    idle.write_all(b"GET /api/v3/time HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut idle, QUIET).await.status, 200);
    bench.fault(json!({"kind": "outage", "for": "300ms"})).await;
    assert_eq!(hear(&mut socket, SOON).await, Heard::Closed(None));
    assert_ne!(read(&mut idle, SOON).await.end, End::Open);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bench.get("/api/v3/time").await.status, 200);
    assert_eq!(bench.fired("outage").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_does_nothing_and_a_dropped_response_has_done_it() {
    for (kind, orders) in [("drop_request", 0), ("drop_response", 1)] {
        let bench = Bench::quiet().await;
        bench.fault(json!({"kind": kind, "route": ORDER})).await;
        let reply = bench.order(BUY, "c1").await;
        assert_eq!((reply.status, reply.end), (0, End::Closed), "{kind}");
        assert_eq!(bench.orders().await.len(), orders, "{kind}");
        assert_eq!(bench.get("/api/v3/time").await.status, 200, "another route");
        assert_eq!(bench.fired(kind).await, 1);
        let counts = bench.state().await["counts"].clone();
        assert_eq!((&counts["unanswered"], &counts["requests"][ORDER]), (&json!(1), &json!(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_request_is_carried_out_though_its_client_has_given_up() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "delay", "delay_ms": 300, "route": ORDER, "count": 1})).await;
    let order = target("/api/v3/order", BUY);
    let reply = bench.ask_within(Duration::from_millis(50), "POST", &order, "key", "").await;
    assert_eq!((reply.status, reply.end), (0, End::Open));
    assert_eq!(bench.orders().await.len(), 0, "not yet");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bench.orders().await.len(), 1);
    assert_eq!(bench.fired("delay").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_request_is_carried_out_twice_and_answered_once() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "duplicate", "route": ORDER})).await;
    let reply = bench.signed("POST", "/api/v3/order", BUY).await;
    assert_eq!(reply.json()["status"], "NEW");
    assert_eq!(bench.orders().await.len(), 2, "without an id of its own it is placed again");
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    assert_eq!(bench.orders().await.len(), 3, "an open id is refused the second time");
    assert_eq!(bench.fired("duplicate").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reordered_request_lets_the_next_one_pass() {
    let bench = Bench::quiet().await;
    let fault = json!({"kind": "reorder", "route": ORDER, "delay_ms": 4_000, "count": 1});
    bench.fault(fault).await;
    let first = bench.order(BUY, "first");
    let second = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        bench.order(BUY, "second").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (200, 200));
    let ids: Vec<_> = bench.orders().await.iter().map(|o| o["client_id"].clone()).collect();
    assert_eq!(ids, ["second", "first"]);
    assert_eq!(bench.fired("reorder").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_overtaken_goes_on_after_a_bound() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "reorder", "route": ORDER, "delay_ms": 200})).await;
    let start = Instant::now();
    assert_eq!(bench.order(BUY, "alone").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_cuts_one_class_and_leaves_the_others() {
    let bench = Bench::busy().await;
    let mut market = bench.dial("/stream?streams=btcusdt@depth@100ms").await.unwrap();
    let mut user = bench.user().await;
    text(&mut market).await;
    bench.fault(json!({"kind": "partition", "route": "streams"})).await;
    while hear(&mut market, QUIET).await != Heard::Silence {}
    assert!(!pongs(&mut market).await, "nothing at all comes through, no pong either");
    assert!(pongs(&mut user).await);
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    assert_eq!(text(&mut user).await["event"]["e"], "executionReport");
    bench.heal().await;
    assert_eq!(hear(&mut market, SOON).await, Heard::Closed(None), "lost for good");
    assert_eq!(bench.fired("partition").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_of_rest_has_two_directions() {
    for (direction, orders) in [("in", 0), ("out", 1), ("both", 0)] {
        let bench = Bench::quiet().await;
        let mut user = bench.user().await;
        let fault = json!({"kind": "partition", "route": "rest", "direction": direction});
        bench.fault(fault).await;
        let order = target("/api/v3/order", &format!("{BUY}&newClientOrderId=c1"));
        let reply = bench.ask_within(QUIET, "POST", &order, "key", "").await;
        assert_eq!((reply.status, reply.end), (0, End::Open), "{direction}");
        assert_eq!(bench.orders().await.len(), orders, "{direction}");
        assert!(pongs(&mut user).await, "{direction}: streams are up");
        assert_eq!(bench.fired("partition").await, 2, "{direction}: begun, and one request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_taken_and_never_answered() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "half_open", "count": 1})).await;
    let reply = bench.ask_within(QUIET, "GET", "/api/v3/time", "", "").await;
    assert_eq!((reply.status, reply.end), (0, End::Open));
    assert_eq!(bench.get("/api/v3/time").await.status, 200, "only one was to be struck");
    assert_eq!(bench.fired("half_open").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_break() {
    for (kind, end) in [("reset_midbody", End::Reset), ("truncate", End::Closed)] {
        let bench = Bench::quiet().await;
        let whole = bench.get("/api/v3/executionRules").await;
        bench.fault(json!({"kind": kind, "route": "GET /api/v3/executionRules"})).await;
        let reply = bench.get("/api/v3/executionRules").await;
        let length: usize = reply.header("content-length").unwrap().parse().unwrap();
        assert_eq!((reply.status, length, reply.end), (200, whole.body.len(), end), "{kind}");
        assert_eq!(reply.body, whole.body[..reply.body.len()], "{kind}");
        assert!((1..length).contains(&reply.body.len()), "{kind}: {}", reply.body.len());
        assert_eq!(bench.fired(kind).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_though_its_answer_breaks() {
    for kind in ["reset_midbody", "truncate", "empty_body"] {
        let bench = Bench::quiet().await;
        bench.fault(json!({"kind": kind, "route": ORDER})).await;
        bench.order(BUY, "c1").await;
        assert_eq!(bench.orders().await.len(), 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips() {
    let bench = Bench::quiet().await;
    let fault = json!({"kind": "slow_drip", "bytes_per_s": 50, "route": "GET /api/v3/time"});
    bench.fault(fault).await;
    let start = Instant::now();
    let reply = bench.get("/api/v3/time").await;
    let least = Duration::from_millis(20) * u32::try_from(reply.body.len()).unwrap();
    assert!(reply.json()["serverTime"].is_i64(), "all of it comes");
    assert!(start.elapsed() >= least, "{:?} for {} bytes", start.elapsed(), reply.body.len());
    assert_eq!(bench.fired("slow_drip").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_status_without_a_body() {
    let bench = Bench::quiet().await;
    bench.fault(json!({"kind": "empty_body", "route": "GET /api/v3/time"})).await;
    let reply = bench.get("/api/v3/time").await;
    assert_eq!((reply.status, reply.body.as_str(), reply.end), (200, "", End::Closed));
    assert_eq!(bench.fired("empty_body").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_replica_answers_as_it_did_before() {
    let bench = Bench::quiet().await;
    let fault = json!({"kind": "stale_replica", "lag_ms": 400, "route": "GET /api/v3/openOrders"});
    bench.fault(fault).await;
    let open = || async {
        let open = bench.signed("GET", "/api/v3/openOrders", "symbol=BTCUSDT").await;
        open.json().as_array().unwrap().len()
    };
    assert_eq!(open().await, 0);
    assert_eq!(bench.order(BUY, "c1").await.status, 200);
    assert_eq!(open().await, 0, "signed anew, the same question");
    assert_eq!(bench.fired("stale_replica").await, 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(open().await, 1, "not older than that");
}

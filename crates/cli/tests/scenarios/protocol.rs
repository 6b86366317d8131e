//! PRO: what the venue says, and how it says it.

use std::time::{Duration, Instant};

use model::{Discrepancy, Ending, OrderState, Record, Refusal};
use serde_json::{Value, json};

use crate::stage::{
    CREATE, Stage, Want, books, count, duplicates, is_active, is_live, is_refused, orders,
};

/// What Binance is documented or known to say when it does not say what became of a request: errors.md
/// and general-info.md of binance-spot-api-docs, read 2026-07-21, and what stands in front of it.
const UNKNOWN_OUTCOMES: &[(u16, &str)] = &[
    (500, ""),
    (502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
    (503, "Service Unavailable"),
    (504, "upstream request timeout"),
    (503, r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#),
    (504, r#"{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#),
    (500, r#"{"code":-1001,"msg":"Internal error; unable to process your request."}"#),
    (400, r#"{"code":-1001,"msg":"Internal error; unable to process your request."}"#),
    (400, r#"{"code":-1006,"msg":"An unexpected response was received from the message bus."}"#),
    (400, r#"{"code":-1008,"msg":"Server is currently overloaded with other requests."}"#),
    (400, r#"{"code":-1016,"msg":"This service is no longer available."}"#),
    (400, r#"{"code":-9999,"msg":"a code never seen"}"#),
    (400, r#"{"code":-2010,"msg":"words never seen"}"#),
    (404, "not found"),
    (400, "{\"code\":"),
];

/// Orders are taken, and each of these is the answer. All are in doubt, found, and never sent twice.
fn taken_and_answered_with(stage: &mut Stage, answers: &[(u16, &str)]) {
    for (status, body) in answers {
        let fault = json!({"kind": "error_but_accept", "route": CREATE, "count": 1,
            "status": status, "body": body});
        stage.fault(fault);
        let intent = stage.send(Want::BuyLow);
        let told = format!("{status} {body}");
        stage.until(5, &told, |entries| {
            let books = books(entries);
            let order = crate::stage::order_of(&books, intent).map(|o| o.order.client_order_id);
            let doubted = |record: &Record| {
                matches!(record, Record::InDoubt { client_order_id, .. } if Some(*client_order_id) == order)
            };
            count(entries, doubted) > 0
        });
        stage.working(intent);
        let rejected = |(_, r): &(Duration, Record)| matches!(r, Record::Rejected { .. });
        assert!(!stage.story(intent).iter().any(rejected), "{told}");
    }
}

/// PRO-01: an order is taken and the answer is an error. In doubt, whatever the error.
#[test]
fn pro_01_error_but_accepted() {
    let mut stage = Stage::open(201);
    // The budget lets few orders go before the venue has told once what it counts.
    let told = stage.send(Want::BuyLow);
    stage.working(told);
    taken_and_answered_with(&mut stage, UNKNOWN_OUTCOMES);
    let fired = stage.fired("error_but_accept");
    assert_eq!(fired, UNKNOWN_OUTCOMES.len() as u64);
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(stage.requests(CREATE), fired + 1, "none was sent again");
}

/// PRO-02: one status, many meanings. Binance's spot API documents no text of a 503 as proof (those
/// that are belong to its futures), so all three are in doubt. A proven refusal refuses; one letter
/// off, it is none.
#[test]
fn pro_02_same_status_different_meaning() {
    let mut stage = Stage::open(202);
    let texts = [
        "Unknown error, please check your request or try again later.",
        "Service Unavailable.",
        "Internal error; unable to process your request. Please try again.",
    ];
    for text in texts {
        taken_and_answered_with(&mut stage, &[(503, text), (503, &body(-1000, text))]);
    }
    let proven = "Account has insufficient balance for requested action.";
    let refused = json!({"kind": "status", "route": CREATE, "count": 1, "status": 400,
        "body": body(-2010, proven)});
    stage.fault(refused);
    let intent = stage.send(Want::BuyLow);
    assert_eq!(stage.done(5, intent).ending(), Some(Ending::Rejected));
    let mutated = proven.replace("insufficient", "insufficienT");
    taken_and_answered_with(
        &mut stage,
        &[(400, &body(-2010, &mutated)), (500, &body(-2010, proven))],
    );
    assert_eq!((stage.fired("error_but_accept"), stage.fired("status")), (8, 1));
    let healed = stage.heal();
    stage.recovers(healed);
}

fn body(code: i64, msg: &str) -> String {
    json!({"code": code, "msg": msg}).to_string()
}

/// PRO-03: the order is accepted, and the stream says later that it was rejected. Its intent closes on
/// the rejection, and nothing is taken for filled.
#[test]
fn pro_03_ack_then_reject() {
    let mut stage = Stage::open(203);
    let fault = json!({"kind": "accept_then_reject", "count": 2, "delay_ms": 500,
        "delay_max_ms": 2_500});
    stage.fault(fault);
    let rejected = [stage.place(Want::BuyLow), stage.place(Want::BuyNow)];
    for intent in rejected {
        let order = stage.done(10, intent);
        assert_eq!(order.ending(), Some(Ending::Rejected));
        assert!(order.filled.is_zero());
    }
    assert_eq!(stage.fired("accept_then_reject"), 2);
    let healed = stage.heal();
    stage.recovers(healed);
    let halts = |record: &Record| {
        matches!(record, Record::Trading { state: model::TradingState::Halted, .. })
    };
    assert_eq!(count(&stage.gateway.entries(), halts), 0);
}

/// PRO-04: an order is filled at once and its answer is lost, where the venue would take the same id
/// again. It is never sent again; and when somebody does it, that is seen: the check can fail.
#[test]
fn pro_04_id_reuse_after_fill() {
    let mut stage = Stage::open(204);
    stage.fault(json!({"kind": "drop_response", "route": CREATE, "count": 5}));
    let mut last = None;
    for _ in 0..5 {
        let intent = stage.send(Want::BuyNow);
        let order = stage.done(5, intent);
        assert_eq!(order.ending(), Some(Ending::Filled));
        last = Some(order.order.client_order_id);
    }
    assert_eq!(stage.fired("drop_response"), 5);
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(stage.requests(CREATE), 5, "none was sent again");
    let id = last.unwrap();
    let again = format!("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newClientOrderId={id}");
    let answer = stage.signed("POST", "/api/v3/order", "key", &again);
    assert!(answer.contains("\"status\":\"FILLED\""), "class B takes it again: {answer}");
    assert_eq!(duplicates(&stage.venue.state()), [id.to_string()]);
}

/// PRO-05: the answer is that the id is taken. That is proof that the order is there: one question, and
/// it is adopted. The stream is silent, so nothing else could have told.
#[test]
fn pro_05_duplicate_id_reply() {
    let mut stage = Stage::open(205);
    stage.fault(json!({"kind": "silent", "stream": "user"}));
    for (want, state) in
        [(Want::BuyLow, OrderState::Working), (Want::BuyNow, OrderState::Done(Ending::Filled))]
    {
        let fault = json!({"kind": "error_but_accept", "route": CREATE, "count": 1, "status": 400,
            "body": body(-2010, "Duplicate order sent.")});
        stage.fault(fault);
        let before = stage.requests("GET /api/v3/order");
        let intent = stage.send(want);
        stage.order(5, intent, "adopted", |order| order.state == state);
        // One about the order; for a filled one what it was filled with is on the way already.
        let asked = stage.requests("GET /api/v3/order") - before;
        assert!(asked <= 2, "{asked}");
        let rejected = |(_, r): &(Duration, Record)| matches!(r, Record::Rejected { .. });
        assert!(!stage.story(intent).iter().any(rejected));
        stage.until(10, "trading", is_active);
    }
    assert_eq!(stage.fired("error_but_accept"), 2);
    assert!(stage.fired("silent") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(stage.requests(CREATE), 2);
}

/// PRO-06: events come twice, change places, and come again after a reconnect. The books are the same
/// as the exchange's. (Every order of six events is tried in the gateway's own tests.)
#[test]
fn pro_06_event_disorder() {
    let mut stage = Stage::open(206);
    for fault in [
        json!({"kind": "dup", "stream": "user", "probability": 0.5}),
        json!({"kind": "swap", "stream": "user", "probability": 0.5}),
        json!({"kind": "replay_last", "stream": "user", "messages": 20}),
    ] {
        stage.fault(fault);
    }
    for round in 0..3 {
        let kept = stage.send(Want::BuyLow);
        let taken_back = stage.send(Want::SellHigh);
        let filled = stage.send(Want::BuyNow);
        stage.working(kept);
        stage.working(taken_back);
        stage.done(5, filled);
        stage.cancel(taken_back);
        stage.done(5, taken_back);
        stage.crash();
        assert_eq!(stage.done(5, kept).ending(), Some(Ending::Filled));
        if round == 1 {
            let notice = json!({"kind": "shutdown_notice", "stream": "user", "delay_ms": 0});
            stage.fault(notice);
            stage.until(10, "it is back", |entries| {
                let lost = |r: &Record| {
                    matches!(r, Record::Link { up: false, link: model::Link::Account, .. })
                };
                count(entries, lost) > 0 && is_active(entries)
            });
        }
    }
    for kind in ["dup", "swap", "replay_last"] {
        assert!(stage.fired(kind) > 0, "{kind}");
    }
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(orders(&stage.venue.state()).count(), 9);
}

/// PRO-07, the market: a hole in the book's messages. The book is thrown away and built anew in two
/// seconds, also when its snapshot takes one; no order meanwhile.
#[test]
fn pro_07_gap_in_the_book() {
    let mut stage = Stage::open(207);
    stage
        .fault(json!({"kind": "delay", "delay_ms": 700, "route": "GET /api/v3/depth", "count": 1}));
    stage.fault(json!({"kind": "gap", "stream": "market", "count": 1, "contains": "depthUpdate"}));
    stage.until(5, "the hole is found", |entries| {
        count(entries, |record| matches!(record, Record::Gap { .. })) > 0
    });
    let blind = stage.place(Want::BuyLow);
    stage.until(5, "refused", |entries| is_refused(entries, blind));
    stage.until(5, "the book is back", is_live);
    let entries = stage.gateway.entries();
    let at = |is: &dyn Fn(&Record) -> bool| entries.iter().rfind(|e| is(&e.record)).unwrap().at;
    let gap = at(&|record| matches!(record, Record::Gap { .. }));
    let live = at(&|record| matches!(record, Record::Feed { .. }));
    let took = live.since(gap);
    assert!(took >= Duration::from_millis(500) && took <= Duration::from_secs(2), "{took:?}");
    let placed = |e: &&model::Entry| {
        e.at >= gap && e.at < live && matches!(e.record, Record::Prepared { .. })
    };
    assert_eq!(entries.iter().filter(placed).count(), 0, "decided on a book with a hole");
    let why = entries.iter().find_map(|e| match &e.record {
        Record::Refused { because, .. } => Some(because.clone()),
        _ => None,
    });
    assert!(matches!(why, Some(Refusal::StalePrice { .. })), "{why:?}");
    assert_eq!((stage.fired("gap"), stage.fired("delay")), (1, 1));
    let healed = stage.heal();
    stage.recovers(healed);
}

/// PRO-07, the account: the message of an execution is missing. It is noticed without any number that
/// would show it, and read.
#[test]
fn pro_07_gap_in_the_account() {
    let mut stage = Stage::open(208);
    let order = stage.place(Want::BuyLow);
    stage.working(order);
    stage
        .fault(json!({"kind": "gap", "stream": "user", "contains": "executionReport", "count": 1}));
    stage.crash();
    let start = Instant::now();
    assert_eq!(stage.done(10, order).ending(), Some(Ending::Filled));
    println!("noticed after {} ms", start.elapsed().as_millis());
    assert_eq!(stage.fired("gap"), 1);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// PRO-08: a cancel crosses the fill of its order. "Unknown order" is asked about, and is a fill.
#[test]
fn pro_08_cancel_race() {
    let mut stage = Stage::open(209);
    let order = stage.place(Want::BuyLow);
    stage.working(order);
    stage.fault(json!({"kind": "delay", "delay_ms": 800, "route": "DELETE", "count": 1}));
    stage.fault(json!({"kind": "silent", "stream": "user", "for": "1s"}));
    stage.cancel(order);
    stage.order(5, order, "being taken back", |o| o.state == OrderState::PendingCancel);
    stage.crash();
    let filled = stage.done(10, order);
    assert_eq!(filled.ending(), Some(Ending::Filled), "not canceled");
    let crossed = |(_, r): &(Duration, Record)| matches!(r, Record::CancelRejected { .. });
    assert!(stage.story(order).iter().any(crossed), "{:#?}", stage.story(order));
    assert!(stage.fired("delay") == 1 && stage.fired("silent") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// PRO-09: new fields are ignored; a field of an answer that cannot be read leaves the order in doubt;
/// an event that cannot be read is said, and its order is asked for; a route that has moved
/// stops what adds risk and says so; stop orders that are hidden from the list are not given up.
#[test]
fn pro_09_drift_and_migration() {
    let mut stage = Stage::open(210);
    stage.fault(json!({"kind": "schema_add", "field": "surprise", "value": {"a": 1}}));
    stage.fault(json!({"kind": "schema_add", "field": "extra", "stream": "all"}));
    let first = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, first).ending(), Some(Ending::Filled));
    let healed = stage.heal();
    stage.recovers(healed);
    let lost = |r: &Record| matches!(r, Record::Link { up: false, .. } | Record::Gap { .. });
    assert_eq!(count(&stage.gateway.entries(), lost), 0, "new fields are none of our business");

    stage.fault(json!({"kind": "schema_drop", "field": "status", "route": CREATE, "count": 1}));
    stage.fault(json!({"kind": "schema_type", "field": "X", "stream": "user", "count": 1,
        "contains": "executionReport"}));
    let second = stage.send(Want::BuyNow);
    assert_eq!(stage.done(8, second).ending(), Some(Ending::Filled));
    let log = stage.gateway.log();
    assert!(log.contains("is not understood"), "an order's state that cannot be read: {log}");
    assert!(stage.fired("schema_drop") == 1 && stage.fired("schema_type") == 1);
    let healed = stage.heal();
    stage.recovers(healed);

    let (bid, _) = stage.touch();
    let stop = json!({"type": "stop_limit", "trigger": format!("{:.2}", bid * 0.985),
        "price": format!("{:.2}", bid * 0.98)});
    let stop = stage.place_as("sell", &stop, "gtc");
    stage.working(stop);
    stage.fault(json!({"kind": "hide_family"}));
    stage.until(8, "what protects cannot be seen", |entries| !is_active(entries));
    assert!(stage.fired("hide_family") > 0);
    std::thread::sleep(Duration::from_secs(1));
    let still = stage.working(stop);
    assert_eq!(still.ending(), None, "protection is not given up because a list hides it");
    let healed = stage.heal();
    stage.recovers(healed);

    stage.fault(json!({"kind": "endpoint_moved", "route": "GET /api/v3/openOrders"}));
    stage.until(10, "it stops trading", |entries| !is_active(entries));
    let blind = stage.place(Want::BuyLow);
    stage.until(5, "refused", |entries| is_refused(entries, blind));
    assert!(stage.gateway.log().contains("OpenOrders could not be read"), "said aloud");
    assert!(stage.fired("endpoint_moved") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// PRO-10: the look-up says "canceled, nothing filled" of an order that was filled. It is believed only
/// once the executions agree, and they do not.
#[test]
fn pro_10_terminal_state_lies() {
    let mut stage = Stage::open(211);
    stage.fault(json!({"kind": "silent", "stream": "user"}));
    stage.fault(json!({"kind": "terminal_lies"}));
    stage.fault(json!({"kind": "drop_response", "route": CREATE, "count": 1}));
    let intent = stage.place(Want::BuyNow);
    let order = stage.done(10, intent);
    assert_eq!((order.ending(), order.filled.to_string()), (Some(Ending::Filled), "0.001".into()));
    assert!(stage.fired("terminal_lies") > 0 && stage.fired("drop_response") == 1);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// PRO-11: a stop order triggers and executes, at the price of the exchange. At Binance it keeps its
/// name; an order of another name that nobody here placed is said to be foreign, and counted.
#[test]
fn pro_11_triggered_and_foreign() {
    let mut stage = Stage::open(212);
    let (bid, _) = stage.touch();
    let kind = json!({"type": "stop_limit", "trigger": format!("{:.2}", bid * 0.995),
        "price": format!("{:.2}", bid * 0.98)});
    let stop = stage.place_as("sell", &kind, "gtc");
    stage.working(stop);
    // Somebody has to trade below the trigger.
    let below = stage.place(Want::BuyLow);
    stage.working(below);
    stage.fault(json!({"kind": "dup", "stream": "user"}));
    stage.crash();
    assert_eq!(stage.done(5, stop).ending(), Some(Ending::Filled));
    let by_hand = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&newClientOrderId=by-hand";
    let answer = stage.signed("POST", "/api/v3/order", "key", by_hand);
    assert!(answer.contains("\"status\":\"FILLED\""), "{answer}");
    let is_foreign = |record: &Record| {
        matches!(record, Record::Discrepancy { found: Discrepancy::Foreign { .. } })
    };
    stage.until(10, "foreign", |entries| count(entries, is_foreign) == 1);
    assert!(stage.gateway.log().contains("was not placed by this gateway"));
    assert!(stage.fired("dup") > 0);
    let healed = stage.heal();
    // With the price of each execution: the multisets are compared by it.
    stage.recovers(healed);
    let theirs: Vec<Value> = stage.venue.state()["fills"].as_array().unwrap().clone();
    assert!(theirs.iter().filter(|fill| fill["account"] == "account-1").count() >= 3);
}

//! What goes wrong on command is said as Coinbase says it.

use std::time::Duration;

use model::venue::{Execution, VenueOrderStatus};
use serde_json::json;

use super::Dialect as _;
use super::testing::{
    BASE, HOST, KEY, PEER, Talk, accepted, at, fill, header, order, read, signing_key, told,
};
use super::upsets::{method, question};
use crate::coinbase::sign::{Nonce, Target};
use crate::server::{ConnId, HttpRequest, HttpResponse, LimitChange, SocketClass, Telling};

/// A question of the key's, with a token made then.
fn asked<T>(path: &str, query: &str, ms: i64, use_it: impl FnOnce(&HttpRequest<'_>) -> T) -> T {
    let path = format!("{BASE}{path}");
    let target = Target { method: "GET", host: HOST, path: &path };
    let token = signing_key().token(KEY, Some(&target), at(ms), Nonce([7; 32]));
    let bearer = format!("Bearer {token}");
    let headers = [("host", HOST), ("authorization", bearer.as_str())];
    let (method, path) = ("GET", path.as_str());
    use_it(&HttpRequest { method, path, query, body: b"", headers: &headers, peer: PEER })
}

#[test]
fn a_question_is_the_same_whenever_it_is_asked() {
    let of = |query, ms| asked("/orders/historical/batch", query, ms, question);
    assert_eq!(of("limit=1", 0), of("limit=1", 5_000), "tokens differ");
    assert_ne!(of("limit=1", 0), of("limit=2", 0));
    assert!(of("", 0).starts_with(KEY));
}

#[test]
fn a_connection_shows_what_it_is_for_by_what_it_subscribes_to() {
    let (market, user) = (Some(SocketClass::Market), Some(SocketClass::User));
    for (channels, classes) in [
        (&["heartbeats", "level2", "user"][..], &[None, market, user][..]),
        (&["user", "level2", "heartbeats"], &[user, user, user]),
        (&["status"], &[market]),
    ] {
        let mut talk = Talk::new();
        talk.open(1).unwrap();
        assert_eq!(talk.server.socket_class(ConnId(1)), None);
        for (channel, class) in channels.iter().zip(classes) {
            talk.subscribe(1, channel);
            assert_eq!(talk.server.socket_class(ConnId(1)), *class, "{channel} of {channels:?}");
        }
    }
}

#[test]
fn a_topic_is_a_channel_of_one_product_or_account() {
    let mut talk = Talk::new();
    (1..3).for_each(|conn| talk.open(conn).unwrap());
    talk.subscribe(1, "level2");
    talk.subscribe(2, "user");
    let l2 = r#"{"channel":"l2_data","events":[{"product_id":"BTC-USD"}]}"#;
    let topic = |conn, text| talk.server.topic(ConnId(conn), text);
    assert_eq!(topic(1, l2).name, "l2_data BTC-USD");
    assert_eq!(topic(1, l2).class, SocketClass::Market);
    assert_eq!(topic(2, l2).class, SocketClass::User, "whatever it tells");
    let orders = r#"{"channel":"user","events":[{"orders":[{"product_id":"ETH-USD"}]}]}"#;
    assert_eq!(topic(2, orders).name, "user main");
}

#[test]
fn methods_are_read_from_messages() {
    let text = r#"{"type":"subscribe","channel":"user","product_ids":[]}"#;
    assert_eq!(method(text), "subscribe user");
    assert_eq!(method("nonsense"), "");
}

#[test]
fn limits_change_and_come_back() {
    let mut talk = Talk::new();
    let connections_max = Some(7);
    let less = LimitChange { share_permille: 100, neighbour_permille: 0, connections_max };
    let figures = |talk: &Talk| {
        let config = &talk.server.config;
        [config.private_per_s, config.public_per_s, config.app_per_hour, config.connections_per_s]
    };
    talk.server.change_limits(&less);
    assert_eq!(figures(&talk), [3, 1, 1_000, 7]);
    talk.server.change_limits(&LimitChange { share_permille: 0, ..LimitChange::default() });
    assert_eq!(figures(&talk), [1, 1, 1, 8], "never nothing");
    talk.server.change_limits(&LimitChange::default());
    assert_eq!(figures(&talk), [30, 10, 10_000, 8]);
}

#[test]
fn refusals_carry_the_wait() {
    let mut talk = Talk::new();
    let wait = Duration::from_millis(1_500);
    let answers = [talk.server.throttled(at(0), PEER, wait), talk.server.banned(at(0), PEER, wait)];
    for answer in &answers {
        assert_eq!((answer.status, header(answer, "retry-after")), (429, Some("2")), "rounded up");
    }
}

/// Orders 1 to 3 are taken at their own millisecond; half of the first is filled at 51 and it is
/// canceled at 101, half of the second fills at 52.
fn traded() -> Talk {
    let mut talk = Talk::new();
    talk.happen(&[accepted(1), accepted(2), accepted(3)]);
    for number in [1, 2] {
        let mut half = order(number, VenueOrderStatus::PartiallyFilled);
        half.updated = fill(number).venue_time;
        talk.happen(&[told(half, Execution::Trade(fill(number)))]);
    }
    let canceled = order(1, VenueOrderStatus::Canceled);
    let name = canceled.client_order_id;
    talk.happen(&[told(canceled, Execution::Canceled(name))]);
    talk
}

#[test]
fn the_past_is_told_as_it_was() {
    let talk = traded();
    let tell = |path: &str, query: &str, telling: Telling| -> HttpResponse {
        let now = talk.now;
        asked(path, query, 0, |request| talk.server.retold(now, request, &telling)).unwrap()
    };
    let list = |query: &str, telling: Telling| {
        let (_, list) = read(&tell("/orders/historical/batch", query, telling));
        let rows = list["orders"].as_array().unwrap().iter();
        let row = |row: &serde_json::Value| {
            json!([row["client_order_id"], row["status"], row["filled_size"], row["total_fees"]])
        };
        rows.map(row).collect::<Vec<_>>()
    };
    let truth = Telling::default();
    let fee = "0.367407";
    let one = |status: &str| json!(["agent-1", status, "0.001", fee]);
    let two = json!(["agent-2", "OPEN", "0.001", fee]);
    let new = |name: &str| json!([name, "OPEN", "0", "0"]);
    let three = new("agent-3");
    assert_eq!(list("", truth), [three.clone(), two.clone(), one("CANCELLED")]);
    let as_of = |ms| Telling { as_of: Some(at(ms)), ..truth };
    // As it was told at 52, the third was not yet touched and the first was open.
    assert_eq!(list("", as_of(60)), [three.clone(), two.clone(), one("OPEN")]);
    assert_eq!(list("", as_of(2)), [new("agent-2"), new("agent-1")]);
    assert_eq!(list("", as_of(0)), [json!(null); 0]);
    let unseen_after = Some(at(2));
    assert_eq!(list("", Telling { unseen_after, ..truth }), [two.clone(), one("CANCELLED")]);
    let lie = json!(["agent-1", "CANCELLED", "0", "0"]);
    assert_eq!(list("", Telling { lies: true, ..truth }), [three, two, lie]);
    let rows_max = Some(1);
    assert_eq!(list("limit=9", Telling { rows_max, ..truth }).len(), 1);
    let (_, fills) = read(&tell("/orders/historical/fills", "", as_of(51)));
    assert_eq!(fills["fills"].as_array().unwrap().len(), 1);
    let none = asked("/accounts", "", 0, |request| talk.server.retold(talk.now, request, &truth));
    assert_eq!(none, None, "the exchange is asked");
}

/// The venue's clock may be set back; channels go on.
#[test]
fn a_clock_that_goes_back_silences_no_channel() {
    let mut talk = Talk::new();
    talk.open(1).unwrap();
    for channel in ["heartbeats", "status"] {
        talk.subscribe(1, channel);
    }
    let mut heard = |ms: i64| {
        talk.now = at(ms);
        talk.wait(0);
        talk.hear(1).len()
    };
    assert_eq!((heard(10_000), heard(10_050), heard(2_000)), (2, 0, 2));
}

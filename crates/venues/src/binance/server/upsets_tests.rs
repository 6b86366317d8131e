//! What goes wrong on command is said as Binance says it.

use std::time::Duration;

use super::BinanceServer;
use super::config::ServerConfig;
use super::testing::{API_KEY, Canned, PEER, at, instrument};
use super::upsets::{method, question, status};
use crate::server::{ConnId, Dialect as _, HttpRequest, LimitChange, SocketClass};

fn server() -> BinanceServer {
    BinanceServer::new(ServerConfig::default(), vec![instrument()])
}

fn request<'a>(path: &'a str, query: &'a str) -> HttpRequest<'a> {
    let headers = &[("x-mbx-apikey", API_KEY)];
    HttpRequest { method: "GET", path, query, body: b"", headers, peer: PEER }
}

#[test]
fn a_question_is_the_same_whenever_it_is_asked() {
    let asked = |query| question(&request("/api/v3/order", query));
    let first = asked("symbol=BTCUSDT&orderId=1&recvWindow=5000&timestamp=1&signature=a");
    assert_eq!(first, asked("symbol=BTCUSDT&orderId=1&timestamp=2&signature=b"));
    assert_ne!(first, asked("symbol=BTCUSDT&orderId=2&timestamp=2&signature=b"));
}

#[test]
fn connections_and_their_events_have_a_class() {
    let mut server = server();
    for (number, path, class) in [
        (3, "/stream", SocketClass::Market),
        (4, "/ws/btcusdt@trade", SocketClass::Market),
        (5, "/ws-api/v3", SocketClass::User),
    ] {
        server.connect(at(0), ConnId(number), &request(path, "")).unwrap();
        assert_eq!(server.socket_class(ConnId(number)), Some(class), "{path}");
    }
    assert_eq!(server.socket_class(ConnId(9)), None, "nobody");
    let (market, api) = (ConnId(1), ConnId(2));
    server.connect(at(0), market, &request("/stream", "streams=btcusdt@trade")).unwrap();
    server.connect(at(0), api, &request("/ws-api/v3", "")).unwrap();
    let topic = server.topic(market, r#"{"stream":"btcusdt@trade","data":{"e":"trade"}}"#);
    assert_eq!((topic.class, topic.name.as_str()), (SocketClass::Market, "btcusdt@trade"));
    let topic = server.topic(market, r#"{"e":"trade","E":1,"s":"BTCUSDT"}"#);
    assert_eq!(topic.name, "trade BTCUSDT");
    assert_eq!(server.topic(api, r#"{"subscriptionId":0,"event":{}}"#).class, SocketClass::User);
}

#[test]
fn methods_and_statuses_are_read_from_messages() {
    assert_eq!(method(r#"{"id":1,"method":"order.place","params":{}}"#), "order.place");
    assert_eq!(method("nonsense"), "");
    assert_eq!(status(r#"{"id":1,"status":429,"error":{"code":-1003}}"#), Some(429));
    assert_eq!(status(r#"{"result":null,"id":1}"#), None);
}

#[test]
fn refusals_carry_the_wait() {
    let mut server = server();
    let wait = Duration::from_millis(1_500);
    for (response, expected) in
        [(server.throttled(at(0), PEER, wait), 429), (server.banned(at(0), PEER, wait), 418)]
    {
        assert_eq!(response.status, expected);
        let body = String::from_utf8(response.body).unwrap();
        assert!(body.contains("\"code\":-1003"), "{body}");
        let retry = response.headers.iter().find(|(name, _)| *name == "retry-after");
        assert_eq!(retry.unwrap().1, "2", "rounded up");
    }
}

#[test]
fn limits_change_and_come_back() {
    let mut server = server();
    let connections_max = Some(7);
    let less = LimitChange { share_permille: 100, neighbour_permille: 500, connections_max };
    server.change_limits(&less);
    assert_eq!((server.config.weight_per_minute, server.config.connections_per_5m), (600, 7));
    assert_eq!(server.limits.used_weight(&server.config, at(0), PEER), 300, "half of what is left");
    assert!(server.limits.charge(&server.config, at(0), PEER, 300).is_ok());
    assert_eq!(server.limits.charge(&server.config, at(0), PEER, 1).unwrap_err().status, 429);
    server.change_limits(&LimitChange { share_permille: 0, ..LimitChange::default() });
    assert_eq!(server.config.weight_per_minute, 1, "never nothing");
    server.change_limits(&LimitChange::default());
    assert_eq!((server.config.weight_per_minute, server.config.connections_per_5m), (6_000, 300));
}

/// The venue's clock may be set back; streams go on.
#[test]
fn a_clock_that_goes_back_silences_no_stream() {
    let mut server = server();
    let conn = ConnId(1);
    server.connect(at(0), conn, &request("/ws/btcusdt@miniTicker", "")).unwrap();
    let mut heard = |ms: i64| {
        let mut out = Vec::new();
        server.tick(at(ms), &Canned, &mut out);
        out.len()
    };
    assert_eq!((heard(10_000), heard(10_050), heard(2_000)), (1, 0, 1));
}

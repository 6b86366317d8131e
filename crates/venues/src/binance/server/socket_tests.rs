//! Conversations on market streams and on the WebSocket API.

use std::sync::Arc;

use model::market::{GridPrice, GridQty, LevelUpdate, PublicTrade};
use model::venue::{Response, VenueOrderStatus};
use model::{ClientOrderId, Side, Timestamp};
use serde_json::{Value, json};

use super::testing::{
    API_KEY, Canned, ED_KEY, ED_SECRET, SECRET, Talk, account, at, fill, limit, order, symbols,
};
use super::*;
use crate::binance::client::{StreamMessage, decode_market};
use crate::binance::sign::SigningKey;
use crate::binance::wire;

fn talk() -> Talk {
    Talk::new(ServerConfig::default())
}

fn level(update_id: u64, side: Side, price: i64, qty: i64) -> VenueEvent {
    VenueEvent::Level {
        instrument: limit().instrument,
        update_id,
        level: LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) },
        time: at(0),
    }
}

fn trade(now: Timestamp) -> VenueEvent {
    let (price, qty) = (GridPrice(6_123_450), GridQty(1_000));
    let trade = PublicTrade { id: 40_015, price, qty, taker_side: Side::Sell, time: now };
    VenueEvent::Trade { instrument: limit().instrument, trade }
}

fn order_event(execution: Execution, status: VenueOrderStatus) -> VenueEvent {
    let event =
        AccountEvent::Order { order: order(status), execution, execution_id: 88_120, time: at(0) };
    VenueEvent::Account { account: account(), event }
}

// Market streams.

#[test]
fn requests_on_a_market_connection() {
    let mut talk = talk();
    // CCXT dials whatever it likes below /ws.
    talk.open(1, "/ws/0", "").unwrap();
    for (text, answer) in [
        (
            r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@nonsense"],"id":1}"#,
            json!({"result": null, "id": 1}),
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":"a"}"#,
            json!({"result": ["0", "btcusdt@nonsense", "btcusdt@trade"], "id": "a"}),
        ),
        (
            r#"{"method":"UNSUBSCRIBE","params":["btcusdt@nonsense"],"id":null}"#,
            json!({"result": null, "id": null}),
        ),
        (
            r#"{"method":"GET_PROPERTY","params":["combined"],"id":4}"#,
            json!({"result": false, "id": 4}),
        ),
    ] {
        assert_eq!(talk.say(1, text), [answer], "{text}");
    }
    talk.wait(1_000);
    talk.hear(1);
    for (text, code) in [
        (r#"{"method":"GET_PROPERTY","params":["x"],"id":1}"#, 0),
        (r#"{"method":"SET_PROPERTY","params":["combined",7],"id":1}"#, 1),
        (r#"{"method":"SUBSCRIBE","params":7,"id":1}"#, 2),
        (r#"{"method":"DANCE","id":1}"#, 2),
        ("{", 3),
    ] {
        let answer = talk.say(1, text).remove(0);
        let found = answer.get("error").unwrap_or(&answer);
        assert_eq!(found["code"], code, "{text}: {answer}");
    }
    assert_eq!(talk.say(1, r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#), [json!(1_008)], "six");
}

#[test]
fn paths_of_market_connections() {
    let mut talk = talk();
    for (path, query, served) in [
        ("/ws", "", true),
        ("/ws/", "", true),
        ("/ws/btcusdt@trade/btcusdt@depth", "", true),
        ("/stream", "streams=btcusdt@trade/btcusdt@depth", true),
        ("/stream", "", true),
        ("/wsx", "", false),
        ("/", "", false),
        ("/ws-api", "", false),
        ("/ws-api/v3", "returnRateLimits=false", true),
    ] {
        assert_eq!(talk.open(1, path, query).is_ok(), served, "{path}?{query}");
    }
}

#[test]
fn plain_and_wrapped_messages() {
    let mut talk = talk();
    talk.open(1, "/ws/btcusdt@trade", "").unwrap();
    talk.open(2, "/stream", "streams=btcusdt@trade").unwrap();
    talk.happen(&[trade(talk.now)]);
    let plain = talk.hear(1);
    assert_eq!(
        plain,
        [json!({"e": "trade", "E": at(0).millis(), "s": "BTCUSDT", "t": 40015,
                "p": "61234.50000000", "q": "0.01000000", "T": at(0).millis(),
                "m": true, "M": true})]
    );
    assert_eq!(talk.hear(2), [json!({"stream": "btcusdt@trade", "data": plain[0]})]);
    talk.say(2, r#"{"method":"SET_PROPERTY","params":["combined",false],"id":5}"#);
    talk.server.disconnect(ConnId(1));
    talk.happen(&[trade(talk.now)]);
    assert_eq!((talk.hear(1), talk.hear(2)), (vec![], plain));
}

/// Batches carry the numbers of their first and last change; each begins where the last one ended.
#[test]
fn changes_of_a_book_come_in_batches() {
    let mut talk = talk();
    talk.wait(1);
    talk.open(1, "/ws", "").unwrap();
    talk.say(
        1,
        r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@depth"],"id":1}"#,
    );
    talk.happen(&[
        level(911, Side::Buy, 6_123_400, 500),
        level(912, Side::Sell, 6_123_500, 0),
        level(913, Side::Buy, 6_123_400, 0),
        level(914, Side::Buy, 6_123_300, 7),
    ]);
    assert!(talk.hear(1).is_empty(), "nothing before its time");
    talk.wait(99);
    let fast = talk.hear(1);
    assert_eq!(
        fast,
        [json!({"e": "depthUpdate", "E": at(100).millis(), "s": "BTCUSDT", "U": 911, "u": 914,
                "b": [["61234.00000000", "0.00000000"], ["61233.00000000", "0.00007000"]],
                "a": [["61235.00000000", "0.00000000"]]})]
    );
    talk.happen(&[level(915, Side::Buy, 6_123_300, 8)]);
    talk.wait(100);
    assert_eq!((&talk.hear(1)[0]["U"], talk.hear(1).len()), (&json!(915), 0));
    talk.wait(700);
    assert!(talk.hear(1).is_empty(), "no news, no message");
    talk.wait(100);
    let slow = talk.hear(1);
    assert_eq!((slow.len(), &slow[0]["U"], &slow[0]["u"]), (1, &json!(911), &json!(915)));
}

#[test]
fn a_partial_book_comes_when_somebody_comes_or_something_changes() {
    let mut talk = talk();
    talk.open(1, "/ws/btcusdt@depth5@100ms", "").unwrap();
    talk.wait(100);
    assert_eq!(
        talk.hear(1),
        [json!({"lastUpdateId": Canned::UPDATE_ID, "bids": [["61234.00000000", "0.20000000"]],
                "asks": [["61235.00000000", "0.30000000"]]})]
    );
    talk.wait(100);
    assert!(talk.hear(1).is_empty());
}

#[test]
fn periodic_streams_have_their_documented_fields() {
    let mut talk = talk();
    let names = [
        "btcusdt@ticker",
        "btcusdt@ticker_1h",
        "btcusdt@ticker_1d",
        "btcusdt@miniTicker",
        "!miniTicker@arr",
        "btcusdt@avgPrice",
        "btcusdt@kline_1m",
    ];
    talk.open(1, "/stream", &format!("streams={}", names.join("/"))).unwrap();
    talk.wait(1_000);
    talk.wait(1_000);
    let heard = talk.hear(1);
    let of = |name: &str| {
        heard.iter().find(|frame| frame["stream"] == name).map(|frame| frame["data"].clone())
    };
    let fields = |value: Value| {
        let object = value.as_object().unwrap().clone();
        object.into_iter().map(|(key, _)| key).collect::<String>()
    };
    let full = of("btcusdt@ticker").unwrap();
    assert_eq!(full["e"], "24hrTicker");
    for key in "eEspPwxcQbBaAohlvqOCFLn".chars() {
        assert!(full.get(key.to_string()).is_some(), "{key}");
    }
    serde_json::from_value::<wire::TickerEvent>(full).unwrap();
    let hour = of("btcusdt@ticker_1h").unwrap();
    assert_eq!(hour["e"], "1hTicker");
    assert_eq!(of("btcusdt@ticker_1d").unwrap()["e"], "1dTicker");
    for key in ["x", "b", "B", "a", "A", "Q"] {
        assert!(hour.get(key).is_none(), "{key} is not in windows");
    }
    assert_eq!(fields(of("btcusdt@miniTicker").unwrap()).len(), "eEscohlvq".len());
    assert_eq!(of("!miniTicker@arr").unwrap().as_array().unwrap().len(), 1);
    assert_eq!(of("btcusdt@avgPrice").unwrap()["i"], "5m");
    let kline = of("btcusdt@kline_1m").unwrap();
    assert_eq!((&kline["k"]["x"], &kline["k"]["i"]), (&json!(false), &json!("1m")));
    assert_eq!(kline["k"]["V"], "0.00000000");
}

/// Every public stream that the server sends, the client understands.
#[test]
fn the_client_reads_every_stream() {
    let mut talk = talk();
    let names = [
        "btcusdt@trade",
        "btcusdt@aggTrade",
        "btcusdt@bookTicker",
        "btcusdt@depth@100ms",
        "btcusdt@depth5@100ms",
        "btcusdt@ticker",
        "btcusdt@miniTicker",
        "btcusdt@kline_1m",
    ];
    talk.open(1, "/stream", &format!("streams={}", names.join("/"))).unwrap();
    let now = talk.now;
    talk.happen(&[level(8, Side::Buy, 6_123_450, 5), trade(now)]);
    talk.wait(1_000);
    talk.wait(1_000);
    let (mut levels, mut kinds) = (Vec::new(), std::collections::BTreeSet::new());
    for frame in talk.hear(1) {
        let message = decode_market(&frame.to_string(), &symbols(), &mut levels).unwrap();
        kinds.insert(match message {
            StreamMessage::Depth { .. } => "depth",
            StreamMessage::Trade { .. } => "trade",
            StreamMessage::AggregateTrade { .. } => "aggregate",
            StreamMessage::PartialBook(_) => "partial book",
            StreamMessage::Quote { .. } => "quote",
            StreamMessage::Candle { .. } => "candle",
            StreamMessage::Ticker { .. } => "ticker",
            other => panic!("{other:?}: {frame}"),
        });
    }
    let all = ["aggregate", "candle", "depth", "partial book", "quote", "ticker", "trade"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn a_connection_has_so_many_streams_and_no_more() {
    let mut talk = talk();
    talk.open(1, "/ws", "").unwrap();
    let names = |count: usize| {
        let names: Vec<String> = (0..count).map(|i| format!("\"s{i}@trade\"")).collect();
        format!("{{\"method\":\"SUBSCRIBE\",\"params\":[{}],\"id\":1}}", names.join(","))
    };
    assert_eq!(talk.say(1, &names(1_024)), [json!({"result": null, "id": 1})]);
    assert_eq!(talk.say(1, &names(1_024)), [json!({"result": null, "id": 1})], "the same again");
    assert_eq!(talk.say(1, &names(1_025))[0]["error"]["code"], 2);
}

#[test]
fn times_in_microseconds_for_those_who_ask() {
    let mut talk = talk();
    talk.open(1, "/ws/btcusdt@trade", "timeUnit=MICROSECOND").unwrap();
    talk.open(2, "/ws/btcusdt@trade", "").unwrap();
    talk.open(3, "/ws-api/v3", "timeUnit=microsecond").unwrap();
    assert_eq!(talk.open(4, "/ws", "timeUnit=HOUR").unwrap_err().status, 400);
    let subscribe = own(&talk, "userDataStream.subscribe.signature", &[]);
    assert_eq!(talk.say(3, &subscribe)[0]["status"], 200);
    let events = [trade(talk.now), order_event(Execution::New, VenueOrderStatus::New)];
    talk.happen(&events);
    let now = talk.now;
    assert_eq!(talk.hear(1)[0]["T"], now.micros());
    assert_eq!(talk.hear(2)[0]["T"], now.millis());
    let report = talk.hear(3).remove(0);
    assert_eq!(
        (&report["event"]["T"], &report["event"]["i"]),
        (&json!(now.micros()), &json!(7001))
    );
    let time = talk.say(3, r#"{"id":1,"method":"time"}"#).remove(0);
    assert_eq!(time["result"]["serverTime"], now.micros());
}

// The WebSocket API.

/// A signed request: parameters sorted by name, values as they are.
fn signed(talk: &Talk, method: &str, params: &[(&str, Value)], key: &str, secret: &str) -> String {
    let mut params = params.to_vec();
    params.push(("apiKey", json!(key)));
    params.push(("timestamp", json!(talk.now.millis())));
    params.sort_by_key(|(name, _)| *name);
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let payload: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let signature = SigningKey::new(secret).unwrap().sign(payload.join("&").as_bytes());
    let mut object: serde_json::Map<String, Value> =
        params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    object.insert("signature".to_owned(), json!(signature));
    json!({"id": 7, "method": method, "params": object}).to_string()
}

fn own(talk: &Talk, method: &str, params: &[(&str, Value)]) -> String {
    signed(talk, method, params, API_KEY, SECRET)
}

#[test]
fn ids_of_any_kind_come_back() {
    let mut talk = talk();
    talk.open(1, "/ws-api/v3", "").unwrap();
    for id in ["7", "\"x-1\"", "null", "9223372036854775807", "\"\\u00e9\""] {
        let text = format!("{{\"id\":{id},\"method\":\"ping\"}}");
        let answer = talk.say(1, &text).remove(0);
        let id: Value = serde_json::from_str(id).unwrap();
        assert_eq!((&answer["id"], &answer["status"]), (&id, &json!(200)));
        assert_eq!(answer["result"], json!({}));
    }
    let answer = talk.say(1, r#"{"id":1,"method":"v3/time","params":{}}"#).remove(0);
    assert_eq!(answer["result"]["serverTime"], talk.now.millis());
    assert_eq!(
        answer["rateLimits"],
        json!([{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
                "limit": 6000, "count": 8}]),
        "two for the connection and one each"
    );
    let quiet = r#"{"id":1,"method":"time","params":{"returnRateLimits":false}}"#;
    assert!(talk.say(1, quiet)[0].get("rateLimits").is_none());
    for (text, status, code) in [
        ("{", 400, -1000),
        (r#"{"id":1,"method":"dance"}"#, 400, -1020),
        (r#"{"id":1,"method":"depth","params":{"symbol":"NOPE"}}"#, 400, -1121),
        (r#"{"id":1,"method":"depth","params":{"symbol":""}}"#, 400, -1105),
        (r#"{"id":1,"method":"depth","params":[1]}"#, 400, -1100),
        (r#"{"id":1,"method":"userDataStream.start"}"#, 410, -1020),
        (r#"{"id":1,"method":"userDataStream.subscribe"}"#, 401, -2015),
    ] {
        let answer = talk.say(1, text).remove(0);
        assert_eq!(
            (&answer["status"], &answer["error"]["code"]),
            (&json!(status), &json!(code)),
            "{text}"
        );
    }
}

#[test]
fn orders_over_the_socket() {
    let mut talk = talk();
    talk.open(1, "/ws-api/v3", "").unwrap();
    let params = [
        ("symbol", json!("BTCUSDT")),
        ("side", json!("BUY")),
        ("type", json!("LIMIT")),
        ("timeInForce", json!("GTC")),
        ("quantity", json!("0.002")),
        ("price", json!(61234.5)),
        ("recvWindow", json!(5000.5)),
    ];
    let placed = Ok(Response::Placed {
        order: order(VenueOrderStatus::PartiallyFilled),
        fills: vec![fill()],
    });
    let text = own(&talk, "order.place", &params);
    let answer = talk.say_and_ask(1, &text, placed).remove(0);
    assert_eq!((&answer["id"], &answer["status"]), (&json!(7), &json!(200)), "{answer}");
    assert_eq!(answer["result"]["fills"][0]["tradeId"], 40_015);
    let kinds: Vec<_> =
        answer["rateLimits"].as_array().unwrap().iter().map(|l| &l["rateLimitType"]).collect();
    assert_eq!(kinds, ["REQUEST_WEIGHT", "ORDERS", "ORDERS"]);
    let refused = Err(VenueError::InsufficientBalance);
    let answer = talk.say_and_ask(1, &own(&talk, "order.place", &params), refused).remove(0);
    assert_eq!(answer["status"], 400);
    assert_eq!(
        answer["error"],
        json!({"code": -2010, "msg": "Account has insufficient balance for requested action."})
    );
    // Booleans are signed as they are written.
    let balances = [("omitZeroBalances", json!(true))];
    let text = own(&talk, "account.status", &balances);
    let refused = Err(VenueError::NotAllowed);
    assert_eq!(talk.say_and_ask(1, &text, refused)[0]["error"]["code"], -2010, "asked");
    let forged = text.replace("true", "false");
    assert_eq!(talk.say(1, &forged)[0]["error"]["code"], -1022);
}

#[test]
fn a_limit_names_the_instant_of_its_end() {
    let mut talk = Talk::new(ServerConfig { orders_per_10s: 0, ..ServerConfig::default() });
    talk.open(1, "/ws-api/v3", "").unwrap();
    let params = [
        ("symbol", json!("BTCUSDT")),
        ("side", json!("BUY")),
        ("type", json!("MARKET")),
        ("quantity", json!("1")),
    ];
    let answer = talk.say(1, &own(&talk, "order.place", &params)).remove(0);
    assert_eq!((&answer["status"], &answer["error"]["code"]), (&json!(429), &json!(-1015)));
    assert_eq!(
        answer["error"]["data"],
        json!({"serverTime": at(0).millis(), "retryAfter": at(10_000).millis()})
    );
}

#[test]
fn a_ban_ends_the_connection() {
    let mut talk = Talk::new(ServerConfig { weight_per_minute: 2, ..ServerConfig::default() });
    talk.open(1, "/ws-api/v3", "").unwrap();
    let mut last = Vec::new();
    for _ in 0..30 {
        last = talk.say(1, r#"{"id":1,"method":"ping"}"#);
        if last.contains(&json!(1_008)) {
            break;
        }
        assert_eq!(last[0]["status"], 429);
    }
    assert_eq!((&last[0]["status"], &last[1]), (&json!(418), &json!(1_008)));
    assert_eq!(last[0]["error"]["data"]["retryAfter"], at(120_000).millis());
    talk.wait(1);
    assert_eq!(talk.hear(1), [json!(1_008)]);
}

#[test]
fn events_of_an_account_come_in_their_envelope() {
    let mut talk = talk();
    talk.open(1, "/ws-api/v3", "").unwrap();
    let subscribe = own(&talk, "userDataStream.subscribe.signature", &[]);
    assert_eq!(talk.say(1, &subscribe)[0]["result"], json!({"subscriptionId": 0}));
    assert_eq!(talk.say(1, &subscribe)[0]["error"]["code"], -2035);
    let list = talk.say(1, r#"{"id":1,"method":"session.subscriptions"}"#);
    assert_eq!(list[0]["result"], json!([{"subscriptionId": 0}]));
    talk.happen(&[order_event(Execution::Trade(fill()), VenueOrderStatus::PartiallyFilled)]);
    let event = talk.hear(1).remove(0);
    assert_eq!(event["subscriptionId"], 0);
    assert_eq!(
        event["event"],
        json!({
            "e": "executionReport", "E": at(0).millis(), "s": "BTCUSDT", "c": "agent-7-000001",
            "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.00200000", "p": "61234.50000000",
            "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "TRADE",
            "X": "PARTIALLY_FILLED", "r": "NONE", "i": 7001, "l": "0.00100000",
            "z": "0.00100000", "L": "61234.50000000", "n": "0.00000100", "N": "BTC",
            "T": at(0).millis(), "t": 40015, "I": 88120, "w": true, "m": false, "M": true,
            "O": at(-500).millis(), "Z": "61.23450000", "Y": "61.23450000", "Q": "0.00000000",
            "W": at(-500).millis(), "V": "EXPIRE_MAKER",
        })
    );
    let cancel_id = ClientOrderId::new("cancel-1").unwrap();
    talk.happen(&[order_event(Execution::Canceled(cancel_id), VenueOrderStatus::Canceled)]);
    let event = talk.hear(1).remove(0)["event"].clone();
    assert_eq!((&event["c"], &event["C"]), (&json!("cancel-1"), &json!("agent-7-000001")));
    assert_eq!((&event["t"], &event["N"], &event["w"]), (&json!(-1), &Value::Null, &json!(false)));
    let end = talk.say(1, r#"{"id":1,"method":"userDataStream.unsubscribe","params":{}}"#);
    assert_eq!(end[0]["event"]["e"], "eventStreamTerminated");
    assert_eq!((&end[1]["status"], &end[1]["result"]), (&json!(200), &json!({})));
    talk.happen(&[order_event(Execution::New, VenueOrderStatus::New)]);
    assert!(talk.hear(1).is_empty());
    let again = talk.say(1, r#"{"id":1,"method":"userDataStream.unsubscribe"}"#);
    assert_eq!(again[0]["error"]["code"], -2036);
    assert_eq!(talk.say(1, &subscribe)[0]["result"], json!({"subscriptionId": 1}), "a new number");
}

#[test]
fn only_ed25519_keys_log_on() {
    let mut talk = talk();
    talk.open(1, "/ws-api/v3", "").unwrap();
    let answer = talk.say(1, &own(&talk, "session.logon", &[])).remove(0);
    assert_eq!(answer["status"], 400, "{answer}");
    let logon = signed(&talk, "session.logon", &[], ED_KEY, ED_SECRET);
    let answer = talk.say(1, &logon).remove(0);
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(
        answer["result"],
        json!({"apiKey": ED_KEY, "authorizedSince": at(0).millis(),
               "connectedSince": at(0).millis(), "returnRateLimits": true,
               "serverTime": at(0).millis(), "userDataStream": false})
    );
    let bare = format!(
        r#"{{"id":1,"method":"openOrders.status","params":{{"timestamp":{}}}}}"#,
        talk.now.millis()
    );
    let orders = || Ok(Response::Orders(vec![order(VenueOrderStatus::New)]));
    let answer = talk.say_and_ask(1, &bare, orders()).remove(0);
    assert_eq!(answer["result"][0]["orderId"], 7001, "{answer}");
    let answer = talk.say(1, r#"{"id":1,"method":"userDataStream.subscribe"}"#).remove(0);
    assert_eq!(answer["result"], json!({"subscriptionId": 0}));
    let out = talk.say(1, r#"{"id":1,"method":"session.logout"}"#);
    assert_eq!(out[0]["event"]["e"], "eventStreamTerminated");
    assert_eq!(out[1]["result"]["apiKey"], Value::Null);
    assert_eq!(talk.say(1, &bare)[0]["status"], 400);
}

#[test]
fn an_answer_to_a_connection_that_is_gone_is_dropped() {
    let mut talk = talk();
    talk.open(1, "/ws-api/v3", "").unwrap();
    let text = own(&talk, "account.status", &[]);
    let step = talk.server.text(talk.now, ConnId(1), &text, &Canned, &mut talk.heard);
    let Step::Ask { pending, .. } = step else { panic!() };
    talk.server.disconnect(ConnId(1));
    let answer = Err(VenueError::NotAllowed);
    talk.server.socket_reply(talk.now, ConnId(1), pending, answer, &mut talk.heard);
    assert!(talk.heard.is_empty());
}

#[test]
fn one_text_is_shared_by_all_who_listen() {
    let mut talk = talk();
    talk.open(1, "/ws/btcusdt@trade", "").unwrap();
    talk.open(2, "/ws/btcusdt@trade", "").unwrap();
    talk.happen(&[trade(talk.now)]);
    let [one, two] = &talk.heard[..] else { panic!() };
    let (Payload::Text(one), Payload::Text(two)) = (&one.payload, &two.payload) else { panic!() };
    assert!(Arc::ptr_eq(one, two));
}

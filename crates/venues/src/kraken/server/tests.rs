//! Keys, nonces, counters, tickets and timers, without an exchange behind.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use model::venue::{MarketRequest, PublicMarket, Response, VenueError};
use model::{AccountId, Asset, Instrument, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::kraken::sign::SigningKey;
use crate::server::{Payload, Scopes};

const SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

struct Nobody;

impl PublicMarket for Nobody {
    fn read(&self, _: Timestamp, _: &MarketRequest) -> Result<Response, VenueError> {
        Err(VenueError::UnknownInstrument)
    }
}

struct Talk {
    server: KrakenServer,
    now: Timestamp,
    nonce: u64,
}

impl Talk {
    fn new(scopes: Scopes) -> Talk {
        let asset = |name| Asset::new(name).unwrap();
        let (tick, lot) = ("0.1".parse().unwrap(), "0.00000001".parse().unwrap());
        let mut spot = Instrument::spot(asset("BTC"), asset("USD"), tick, lot).unwrap();
        adapt(&mut spot);
        let mut server = KrakenServer::new(ServerConfig::default(), vec![spot]);
        let account = AccountId::new("account-1").unwrap();
        server.add_key("key", SigningKey::new(SECRET).unwrap(), account, scopes);
        Talk { server, now: Timestamp::from_millis(1_767_225_600_000).unwrap(), nonce: 0 }
    }

    fn with_nonce(&mut self, name: &str, form: &str, nonce: u64) -> Option<Value> {
        let path = format!("/0/private/{name}");
        let body = format!("nonce={nonce}{form}");
        let signature =
            SigningKey::new(SECRET).unwrap().sign(&path, &nonce.to_string(), body.as_bytes());
        let headers = [("api-key", "key"), ("api-sign", signature.as_str())];
        let request = HttpRequest {
            method: "POST",
            path: &path,
            query: "",
            body: body.as_bytes(),
            headers: &headers,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        match self.server.http(self.now, &request, &Nobody) {
            Step::Done(answer) => Some(serde_json::from_slice(&answer.body).unwrap()),
            Step::Ask { .. } => None,
        }
    }

    /// The answer, or nothing where the exchange is asked.
    fn post(&mut self, name: &str, form: &str) -> Option<Value> {
        self.nonce += 1;
        self.with_nonce(name, form, self.nonce)
    }

    fn error(&mut self, name: &str, form: &str) -> String {
        let answer = self.post(name, form).unwrap();
        answer["error"][0].as_str().unwrap_or_default().to_owned()
    }

    fn say(&mut self, conn: u64, message: Value) -> Vec<Value> {
        let mut out = Vec::new();
        let _ = self.server.text(self.now, ConnId(conn), &message.to_string(), &Nobody, &mut out);
        let text = |frame: crate::server::Frame| match frame.payload {
            Payload::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        };
        out.into_iter().map(text).collect()
    }
}

#[test]
fn a_nonce_has_to_grow() {
    let mut talk = Talk::new(Scopes::default());
    let mut error = |nonce| {
        let answer = talk.with_nonce("OpenOrders", "", nonce).unwrap();
        answer["error"][0].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(error(5), "");
    assert_eq!(error(5), "EAPI:Invalid nonce");
    assert_eq!(error(4), "EAPI:Invalid nonce");
    assert_eq!(error(6), "");
}

#[test]
fn a_key_may_do_what_it_may() {
    let mut talk = Talk::new("view".parse().unwrap());
    assert_eq!(talk.error("AddOrder", "&pair=XBTUSD"), "EGeneral:Permission denied");
    assert_eq!(talk.error("CancelAllOrdersAfter", "&timeout=5"), "EGeneral:Permission denied");
    assert_eq!(talk.error("OpenOrders", ""), "");
    let info = talk.post("GetApiKeyInfo", "").unwrap();
    let rights = info["result"]["permissions"].as_array().unwrap();
    assert!(!rights.contains(&json!("modify-trades")) && rights.contains(&json!("query-funds")));
    assert_eq!(talk.error("Nothing", ""), "EGeneral:Unknown method");
}

#[test]
fn calls_are_counted_and_the_counter_falls() {
    let mut talk = Talk::new(Scopes::default());
    let taken = (0..30).filter(|_| talk.error("OpenOrders", "").is_empty()).count();
    assert_eq!(taken, 20);
    assert_eq!(talk.error("OpenOrders", ""), "EAPI:Rate limit exceeded");
    talk.now = talk.now.after(Duration::from_secs(4));
    let taken = (0..30).filter(|_| talk.error("OpenOrders", "").is_empty()).count();
    assert_eq!(taken, 2, "by one in two seconds");
}

#[test]
fn an_order_is_checked_before_the_exchange_sees_it() {
    let mut talk = Talk::new(Scopes::default());
    let good = "&pair=XBTUSD&type=buy&ordertype=limit&volume=0.002&price=60000";
    assert!(talk.post("AddOrder", good).is_none(), "the exchange is asked");
    for (wrong, words) in [
        ("&pair=XBTEUR&type=buy&ordertype=limit&volume=1&price=1", "EQuery:Unknown asset pair"),
        (
            "&pair=XBTUSD&type=both&ordertype=limit&volume=1&price=1",
            "EGeneral:Invalid arguments:type",
        ),
        ("&pair=XBTUSD&type=buy&ordertype=limit&volume=1", "EGeneral:Invalid arguments:price"),
        ("&pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=1.05", "EOrder:Invalid price"),
        (
            "&pair=XBTUSD&type=buy&ordertype=limit&volume=-1&price=1",
            "EGeneral:Invalid arguments:volume",
        ),
        (
            "&pair=XBTUSD&type=buy&ordertype=limit&volume=NaN&price=1",
            "EGeneral:Invalid arguments:volume",
        ),
    ] {
        assert_eq!(talk.error("AddOrder", wrong), words, "{wrong}");
    }
    for (deadline, words) in [
        ("2025-12-31T23:59:59Z", "EService:Deadline elapsed"),
        ("2026-01-01T00:00:00.2Z", "EGeneral:Invalid arguments:deadline"),
        ("2026-01-01T00:02:00Z", "EGeneral:Invalid arguments:deadline"),
    ] {
        assert_eq!(talk.error("AddOrder", &format!("{good}&deadline={deadline}")), words);
    }
    assert!(talk.post("AddOrder", &format!("{good}&deadline=2026-01-01T00:00:02Z")).is_none());
}

#[test]
fn a_ticket_lets_a_connection_in_for_a_while() {
    let mut talk = Talk::new(Scopes::default());
    let token = talk.post("GetWebSocketsToken", "").unwrap()["result"]["token"].clone();
    let request = HttpRequest {
        method: "GET",
        path: "/v2",
        query: "",
        body: b"",
        headers: &[],
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    for conn in [1, 2] {
        talk.server.connect(talk.now, ConnId(conn), &request).unwrap();
    }
    let subscribe = |token: &Value| json!({"method": "subscribe", "params": {"channel": "executions", "token": token}, "req_id": 9});
    let refused = talk.say(1, subscribe(&json!("nobody's")));
    assert_eq!((&refused[0]["success"], &refused[0]["req_id"]), (&json!(false), &json!(9)));
    let told = talk.say(1, subscribe(&token));
    assert_eq!(told[0]["success"], json!(true));
    assert_eq!((&told[1]["type"], &told[1]["sequence"]), (&json!("snapshot"), &json!(1)));
    talk.now = talk.now.after(Duration::from_secs(901));
    assert_eq!(talk.say(2, subscribe(&token))[0]["success"], json!(false), "too late");
    let again = talk.say(1, subscribe(&token));
    assert_eq!(again[0]["success"], json!(true), "it does not end on a connection");
}

#[test]
fn the_timer_runs_out_once_and_can_be_disarmed() {
    let mut talk = Talk::new(Scopes::default());
    let account = AccountId::new("account-1").unwrap();
    assert_eq!(talk.error("CancelAllOrdersAfter", "&timeout=60"), "");
    let at = |s| talk.now.after(Duration::from_secs(s));
    let (before, after) = (at(59), at(60));
    assert_eq!(talk.server.run_out(before), []);
    assert_eq!(talk.server.run_out(after), [account]);
    assert_eq!(talk.server.run_out(after), [], "it is disarmed then");
    assert_eq!(talk.error("CancelAllOrdersAfter", "&timeout=60"), "");
    assert_eq!(talk.error("CancelAllOrdersAfter", "&timeout=0"), "");
    assert_eq!(talk.server.run_out(after), []);
    assert_eq!(
        talk.error("CancelAllOrdersAfter", "&timeout=86400"),
        "EGeneral:Invalid arguments:timeout"
    );
}

//! Keys with rights of their own: what they are told, and what they may do.

use model::Outcome;
use model::venue::{AccountRequest, KeyScopes, Request, Response, VenueError};
use serde_json::json;

use super::testing::{API_KEY, SECRET, Talk, account, symbols};
use super::*;
use crate::binance::client::decode_reply;
use crate::binance::sign::VerifyingKey;

const KEY: &str = "/sapi/v1/account/apiRestrictions";
const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00200000\
                     &price=61234.50";
const REFUSED: &str = "Invalid API-key, IP, or permissions for action.";

/// A talk with a key of these rights.
fn talk(scopes: &str) -> Talk {
    let mut talk = Talk::new(ServerConfig::default());
    let key = VerifyingKey::new(SECRET).unwrap();
    talk.server.add_key_with(API_KEY, key, account(), scopes.parse().unwrap());
    talk
}

/// What one side tells the other reads to the same.
#[test]
fn the_rights_of_a_key_are_told_as_they_are() {
    let plain = KeyScopes {
        trade: Some(true),
        withdraw: Some(false),
        transfer: Some(false),
        leverage: Some(false),
        ip_bound: Some(true),
        expires: None,
    };
    for (text, expected) in [
        ("trade", plain),
        ("view", KeyScopes { trade: Some(false), ..plain }),
        ("trade,withdraw", KeyScopes { withdraw: Some(true), ..plain }),
        ("trade,transfer", KeyScopes { transfer: Some(true), ..plain }),
        ("trade,leverage", KeyScopes { leverage: Some(true), ..plain }),
        ("trade,no-ip", KeyScopes { ip_bound: Some(false), ..plain }),
        (
            "trade,until=1000",
            KeyScopes {
                trade: Some(false),
                expires: model::Timestamp::from_millis(1_000),
                ..plain
            },
        ),
    ] {
        let (status, body) = talk(text).refused("GET", KEY, "");
        let request = Request::Account(AccountRequest::Scopes);
        let read = decode_reply(&request, status, body.to_string().as_bytes(), &symbols());
        assert_eq!(read, Outcome::Done(Response::Scopes(Some(expected))), "{text}: {body}");
    }
}

#[test]
fn a_key_without_the_right_to_trade_looks_and_does_not_trade() {
    let mut talk = talk("view");
    for (method, path, query) in [
        ("POST", "/api/v3/order", ORDER),
        ("POST", "/api/v3/order/test", ORDER),
        ("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=1"),
        ("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT"),
    ] {
        let answer = talk.refused(method, path, query);
        assert_eq!(answer, (401, json!({"code": -2015, "msg": REFUSED})), "{method} {path}");
    }
    let request = Request::Account(AccountRequest::CancelAll("BTC-USDT".parse().unwrap()));
    let body = json!({"code": -2015, "msg": REFUSED}).to_string();
    let refusal = VenueError::Other { code: -2015, message: REFUSED.to_owned() };
    let read = decode_reply(&request, 401, body.as_bytes(), &symbols());
    assert_eq!(read, Outcome::Refused(refusal), "proven: nothing was done");
    talk.asks("GET", "/api/v3/account", "");
    talk.asks("GET", "/api/v3/openOrders", "");
}

#[test]
fn the_question_needs_a_signature_and_costs_what_it_costs() {
    let mut talk = talk("trade");
    assert_eq!(talk.answered("GET", KEY, "").0, 400, "no timestamp, no signature");
    let weight = |talk: &mut Talk| {
        let query = talk.sign("");
        let response = super::testing::done(talk.raw("GET", KEY, &query, ""));
        let used = response.headers.iter().find(|(name, _)| *name == "x-mbx-used-weight-1m");
        used.unwrap().1.parse::<u32>().unwrap()
    };
    let first = weight(&mut talk);
    assert_eq!(weight(&mut talk), first + crate::binance::weights::KEY_RIGHTS);
}

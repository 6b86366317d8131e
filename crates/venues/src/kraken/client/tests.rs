//! The documents' own messages, and what becomes of them.

use std::sync::Arc;

use model::venue::{
    AccountEvent, AccountRequest, Execution, OrderKey, Request, Response, TradesFrom, VenueError,
    VenueOrder, VenueOrderStatus,
};
use model::{
    Asset, ClientOrderId, Input, Instrument, NewOrder, OrderKind, OrderQty, Outcome, Side,
    TimeInForce, Timestamp,
};

use super::*;
use crate::kraken::Symbols;
use crate::kraken::sign::SigningKey;
use crate::session::{Heard, Protocol, Stamp};

fn symbols() -> Symbols {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.1".parse().unwrap(), "0.00000001".parse().unwrap());
    let spot = Instrument::spot(asset("BTC"), asset("USD"), tick, lot).unwrap();
    Symbols::new(vec![Instrument { symbol: "XBTUSD".to_owned(), ..spot }])
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).unwrap()
}

fn order() -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new("agent-7-000001").unwrap(),
        instrument: "BTC-USD".parse().unwrap(),
        side: Side::Buy,
        kind: OrderKind::Limit { price: "61234.5".parse().unwrap() },
        qty: OrderQty::Base("0.002".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

fn read(request: AccountRequest, body: &str) -> Outcome {
    let answer = Answered { status: 200, body: body.as_bytes(), asked: now(), answered: now() };
    decode_reply(&Request::Account(request), &answer, &symbols()).0
}

#[test]
fn an_order_has_a_name_a_nonce_and_an_end() {
    let bytes: [u8; 64] = std::array::from_fn(|at| at as u8);
    let secret = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let credentials =
        Credentials { api_key: "key".to_owned(), key: SigningKey::new(&secret).unwrap() };
    let call = |order: NewOrder| {
        let request = Request::Account(AccountRequest::Place(order));
        encode(&request, &symbols(), Some(&credentials), now(), 7)
    };
    let placed = call(order()).unwrap();
    assert_eq!((placed.method, placed.path.as_str()), ("POST", "/0/private/AddOrder"));
    assert_eq!(
        placed.body,
        "nonce=7&ordertype=limit&type=buy&volume=0.002&pair=XBTUSD&price=61234.5&oflags=fciq%2Cpost\
         &cl_ord_id=agent-7-000001&timeinforce=GTC&deadline=2026-01-01T00%3A00%3A02Z"
    );
    let expected = credentials.key.sign("/0/private/AddOrder", "7", placed.body.as_bytes());
    assert_eq!(placed.signature, Some(expected));
    let (trigger, price) = ("58000".parse().unwrap(), "57900".parse().unwrap());
    let kind = OrderKind::StopLimit { trigger, price };
    let stop = call(NewOrder { kind, post_only: false, ..order() }).unwrap().body;
    assert!(stop.contains("ordertype=stop-loss-limit&"), "{stop}");
    assert!(stop.contains("&price=58000&price2=57900&"), "{stop}");
    for wrong in [
        NewOrder { kind: OrderKind::Market, ..order() },
        NewOrder { kind, time_in_force: TimeInForce::Ioc, post_only: false, ..order() },
        NewOrder { qty: OrderQty::Quote("5".parse().unwrap()), ..order() },
        NewOrder { instrument: "ETH-USD".parse().unwrap(), ..order() },
    ] {
        assert!(call(wrong.clone()).is_err(), "{wrong:?}");
    }
}

#[test]
fn answers_to_an_order() {
    let placed = r#"{"error":[],"result":{"descr":{"order":"buy 0.00200000 XBTUSD @ limit 61234.5"},"txid":["OUF4EM-FRGI2-MQMWZD"]}}"#;
    let Outcome::Done(Response::Placed { order: taken, fills }) =
        read(AccountRequest::Place(order()), placed)
    else {
        panic!("not placed")
    };
    assert_eq!((taken.id.as_str(), fills.len()), ("OUF4EM-FRGI2-MQMWZD", 0));
    assert_eq!(taken.status, VenueOrderStatus::New);
    let refused = r#"{"error":["EOrder:Insufficient funds"]}"#;
    let outcome = read(AccountRequest::Place(order()), refused);
    assert_eq!(outcome, Outcome::Refused(VenueError::InsufficientBalance));
    for doubtful in [
        r#"{"error":["EService:Unavailable"]}"#,
        r#"{"error":["EService:Deadline elapsed"]}"#,
        // What came twice is refused the second time.
        r#"{"error":["EAPI:Invalid nonce"]}"#,
        // Two at once were never seen.
        r#"{"error":["EOrder:Insufficient funds","EOrder:Unknown order"]}"#,
        r#"{"error":[],"result":{"txid":[]}}"#,
        r#"{"error":[],"result":{"txid":["A","B"]}}"#,
    ] {
        let outcome = read(AccountRequest::Place(order()), doubtful);
        assert!(matches!(outcome, Outcome::InDoubt(_)), "{doubtful}: {outcome:?}");
    }
    let refused = read(AccountRequest::OpenOrders(None), r#"{"error":["EAPI:Invalid nonce"]}"#);
    assert!(matches!(refused, Outcome::Refused(_)), "a question has no echo: {refused:?}");
    let warned = placed.replace("\"error\":[]", "\"error\":[\"WGeneral:Danger\"]");
    assert!(matches!(read(AccountRequest::Place(order()), &warned), Outcome::Done(_)));
}

const OPEN: &str = r#"{"OQCLML-BW3P3-BUCMWZ":{"refid":null,"userref":0,"cl_ord_id":"agent-7-000001","status":"open","opentm":1767225600.8974,"starttm":0,"expiretm":0,"descr":{"pair":"XBTUSD","type":"buy","ordertype":"limit","price":"61234.5","price2":"0","leverage":"none","order":"buy 0.00200000 XBTUSD @ limit 61234.5","close":""},"vol":"0.00200000","vol_exec":"0.00050000","cost":"30.61725","fee":"0.00000","price":"61234.50000","stopprice":"0.00000","limitprice":"0.00000","misc":"","oflags":"fciq","trades":[]}}"#;

#[test]
fn orders_are_found_by_either_name() {
    let (instrument, since) = ("BTC-USD".parse().unwrap(), None);
    let ask = |order, list: &str| {
        let body = format!("{{\"error\":[],\"result\":{list}}}");
        read(AccountRequest::Order { instrument, order, since }, &body)
    };
    let ours = OrderKey::Client(ClientOrderId::new("agent-7-000001").unwrap());
    let Outcome::Done(Response::Order(found)) = ask(ours, OPEN) else { panic!("not found") };
    assert_eq!(found.status, VenueOrderStatus::PartiallyFilled);
    assert_eq!(found.filled, "0.0005".parse().unwrap());
    assert_eq!(ask(ours, "{}"), Outcome::Refused(VenueError::UnknownOrder));
    let another = OrderKey::Venue(model::VenueOrderId::new("OX").unwrap());
    assert!(matches!(ask(another, OPEN), Outcome::InDoubt(_)), "another order than asked for");
    // One that cannot be read is there all the same.
    let strange = OPEN.replace("\"vol\":\"0.00200000\"", "\"vol\":\"-1\"");
    let Outcome::Done(Response::Partly { unread, .. }) = ask(ours, &strange) else {
        panic!("it is there")
    };
    assert_eq!(unread[0].order.unwrap().as_str(), "OQCLML-BW3P3-BUCMWZ");
    let body = format!("{{\"error\":[],\"result\":{{\"open\":{OPEN}}}}}");
    let Outcome::Done(Response::Orders(open)) = read(AccountRequest::OpenOrders(None), &body)
    else {
        panic!("no list")
    };
    assert_eq!(open.len(), 1);
}

#[test]
fn executions_go_on_behind_a_page() {
    let row = |at: &str| {
        format!(
            r#"{{"ordertxid":"OA","postxid":"P","pair":"XXBTZUSD","time":{at},"type":"buy","ordertype":"limit","price":"61234.5","cost":"122.46900","fee":"0.30600","vol":"0.00200000","margin":"0","misc":"","trade_id":1,"maker":true}}"#
        )
    };
    let body = |count| {
        let (first, second) = (row("1767225605.2017"), row("1767225601.5"));
        format!(
            r#"{{"error":[],"result":{{"trades":{{"TB":{first},"TA":{second}}},"count":{count}}}}}"#
        )
    };
    let (instrument, order, limit) = ("BTC-USD".parse().unwrap(), None, 50);
    let ask = |from, body: &str| {
        let request = AccountRequest::Fills { instrument, order, from, limit, page: None };
        read(request, body)
    };
    let Outcome::Done(Response::Fills(fills)) = ask(TradesFrom::Newest, &body(2)) else {
        panic!("no fills")
    };
    assert_eq!(fills.iter().map(|f| f.trade_id.as_str()).collect::<Vec<_>>(), ["TA", "TB"]);
    assert_eq!(fills[0].fee.unwrap().asset.as_str(), "USD");
    let Outcome::Done(Response::FillsPage { next, .. }) = ask(TradesFrom::Newest, &body(3)) else {
        panic!("it goes on")
    };
    assert_eq!(next.0, "2");
    // Whole seconds were asked for: what is too early is left out.
    let start = Timestamp::from_millis(1_767_225_602_000);
    let from = TradesFrom::Time { start, end: None };
    let Outcome::Done(Response::Fills(late)) = ask(from, &body(2)) else { panic!("no fills") };
    assert_eq!(late.len(), 1);
}

#[test]
fn balances_and_rights() {
    let body = r#"{"error":[],"result":{"ZUSD":{"balance":"25435.21","hold_trade":"8249.76"},"XXBT":{"balance":"1.2435","hold_trade":"0.8423"},"XBT.F":{"balance":"3","hold_trade":"0"}}}"#;
    let Outcome::Done(Response::Account(account)) = read(AccountRequest::Account, body) else {
        panic!("no balances")
    };
    let usd = account.balances[&Asset::new("USD").unwrap()];
    assert_eq!((usd.free, usd.locked), ("17185.45".parse().unwrap(), "8249.76".parse().unwrap()));
    assert_eq!(account.balances.len(), 2, "what earns is not there to trade with");
    for (fields, withdraw, bound) in [
        (
            r#""permissions":["query-funds","modify-trades"],"ip_allowlist":["10.0.0.1"],"valid_until":"0""#,
            false,
            true,
        ),
        (
            r#""permissions":["modify-trades","withdraw-funds"],"ipAllowlist":[],"validUntil":"1767225601""#,
            true,
            false,
        ),
    ] {
        let body = format!("{{\"error\":[],\"result\":{{{fields}}}}}");
        let Outcome::Done(Response::Scopes(Some(key))) = read(AccountRequest::Scopes, &body) else {
            panic!("no rights")
        };
        assert_eq!(
            (key.trade, key.withdraw, key.ip_bound),
            (Some(true), Some(withdraw), Some(bound))
        );
        assert_eq!(key.expires.is_some(), withdraw);
    }
}

fn heard(texts: &[&str]) -> Vec<Heard> {
    let mut feed = AccountFeed::new(String::new(), Arc::new(symbols()));
    let stamp = Stamp { venue_now: now(), nonce: 1, ticket: None };
    let mut conn = feed.open(now(), stamp, &mut Vec::new());
    let mut heard = Vec::new();
    texts.iter().for_each(|text| feed.text(now(), &mut conn, text, &mut heard));
    heard
}

const PENDING: &str = r#"{"channel":"executions","type":"update","sequence":1,"data":[{"order_id":"OK4GJX-KSTLS-7DZZO5","cl_ord_id":"agent-7-000001","symbol":"BTC/USD","order_qty":0.002,"cum_cost":0.0,"time_in_force":"GTC","exec_type":"pending_new","side":"buy","order_type":"limit","limit_price_type":"static","limit_price":61234.5,"order_status":"pending_new","fee_usd_equiv":0.0,"fee_ccy_pref":"fciq","timestamp":"2026-01-01T00:00:00.709950Z"}]}"#;
const NEW: &str = r#"{"channel":"executions","type":"update","sequence":2,"data":[{"timestamp":"2026-01-01T00:00:00.709982Z","order_status":"new","exec_type":"new","cl_ord_id":"agent-7-000001","order_id":"OK4GJX-KSTLS-7DZZO5"}]}"#;
const TRADE: &str = r#"{"channel":"executions","type":"update","sequence":3,"data":[{"order_id":"OK4GJX-KSTLS-7DZZO5","cl_ord_id":"agent-7-000001","exec_id":"TGBB7L-HT5LX-J3BZ4A","exec_type":"trade","trade_id":62887576,"symbol":"BTC/USD","side":"buy","last_qty":0.002,"last_price":61234.5,"liquidity_ind":"m","cost":122.469,"order_type":"limit","timestamp":"2026-01-01T00:00:00.709993Z","order_status":"partially_filled","cum_qty":0.002,"cum_cost":122.469,"avg_price":61234.5,"fee_usd_equiv":0.3062,"fees":[{"asset":"USD","qty":0.3062}]}]}"#;
const FILLED: &str = r#"{"channel":"executions","type":"update","sequence":4,"data":[{"timestamp":"2026-01-01T00:00:00.709994Z","order_status":"filled","exec_type":"filled","order_id":"OK4GJX-KSTLS-7DZZO5","cum_qty":0.002}]}"#;

fn events(heard: Vec<Heard>) -> Vec<(VenueOrder, Execution)> {
    let event = |heard| match heard {
        Heard::News(Input::Account(AccountEvent::Order { order, execution, .. })) => {
            (order, execution)
        }
        other => panic!("{other:?}"),
    };
    heard.into_iter().map(event).collect()
}

#[test]
fn the_life_of_an_order_is_put_together_from_what_changes() {
    let told = events(heard(&[PENDING, NEW, TRADE, FILLED]));
    let states: Vec<_> = told.iter().map(|(order, _)| order.status).collect();
    use VenueOrderStatus::{Filled, New, PartiallyFilled};
    assert_eq!(states, [New, New, PartiallyFilled, Filled]);
    assert!(told.iter().all(|(order, _)| {
        order.client_order_id.as_str() == "agent-7-000001"
            && order.kind == OrderKind::Limit { price: "61234.5".parse().unwrap() }
            && order.qty == "0.002".parse().unwrap()
    }));
    let Execution::Trade(fill) = &told[2].1 else { panic!("{:?}", told[2].1) };
    assert_eq!(
        (fill.trade_id.as_str(), fill.qty),
        ("TGBB7L-HT5LX-J3BZ4A", "0.002".parse().unwrap())
    );
    assert_eq!(fill.fee.unwrap().amount, "0.3062".parse().unwrap());
    assert_eq!(told[3].1, Execution::Standing);
}

#[test]
fn a_number_that_is_missing_ends_the_connection_and_one_that_comes_twice_does_not() {
    let after = heard(&[PENDING, TRADE]);
    assert!(
        matches!(after.last(), Some(Heard::End { cause, .. }) if cause.contains("message 2 is missing")),
        "{after:?}"
    );
    let mut twice = heard(&[PENDING, NEW, NEW]);
    let last = twice.pop();
    let counts = model::FeedNotice::Duplicates(1);
    assert!(matches!(&last, Some(Heard::News(Input::Feed(told))) if *told == counts), "{last:?}");
    assert_eq!(events(twice).len(), 2);
}

/// A report of an order of which nothing is known, or that cannot be read, is told as not understood.
#[test]
fn what_is_not_understood_is_passed_on() {
    let alone = NEW.replace("\"sequence\":2", "\"sequence\":1");
    let strange = TRADE.replace("\"sequence\":3", "\"sequence\":2").replace("0.002,", "\"NaN\",");
    for texts in [vec![alone.as_str()], vec![PENDING, &strange]] {
        let told = heard(&texts);
        let Some(Heard::News(Input::Feed(model::FeedNotice::NotUnderstood(row)))) = told.last()
        else {
            panic!("{told:?}")
        };
        assert_eq!(row.order.unwrap().as_str(), "OK4GJX-KSTLS-7DZZO5");
        assert_eq!(row.trade.is_some(), texts.len() == 2);
    }
    let other = PENDING.replace("BTC/USD", "ETH/USD");
    let told = heard(&[&other, NEW]);
    assert!(
        matches!(told.as_slice(), [Heard::News(Input::Feed(model::FeedNotice::PassedOver { symbol }))] if symbol == "ETH/USD"),
        "said once: {told:?}"
    );
}

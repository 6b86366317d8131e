//! What a request looks like on the wire, and what cannot be said.

use model::market::Interval;
use model::venue::PageCursor;
use model::{ClientOrderId, SelfTradePrevention, VenueOrderId};
use serde_json::Value;

use super::*;
use crate::coinbase::client::testing::{at, credentials, nonce, symbols};
use crate::coinbase::sign::Token;

fn id() -> InstrumentId {
    InstrumentId::new("BTC-USD").unwrap()
}

fn limit() -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new("agent-7-000001").unwrap(),
        instrument: id(),
        side: Side::Buy,
        kind: OrderKind::Limit { price: "61234.50".parse().unwrap() },
        qty: OrderQty::Base("0.002".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

fn call(request: Request) -> Result<HttpCall, EncodeError> {
    encode(&request, &symbols(), Some(&credentials()), at(0), nonce())
}

fn asked(request: AccountRequest) -> Result<HttpCall, EncodeError> {
    call(Request::Account(request))
}

#[test]
fn an_order_is_a_body_and_a_token_for_its_path() {
    let call = asked(AccountRequest::Place(limit())).unwrap();
    assert_eq!((call.method, call.path.as_str()), ("POST", "/api/v3/brokerage/orders"));
    assert_eq!(
        call.body,
        r#"{"client_order_id":"agent-7-000001","product_id":"BTC-USD","side":"BUY","order_configuration":{"limit_limit_gtc":{"base_size":"0.002","limit_price":"61234.5","post_only":true}}}"#
    );
    let token = call.token.unwrap();
    let target = Target { method: "POST", host: REST_HOST, path: &call.path };
    let token = Token::read(&token).unwrap();
    assert_eq!(token.check(&credentials().key.verifying_key(), Some(&target), at(0)), Ok(()));
    let preview = asked(AccountRequest::Test(limit())).unwrap();
    assert!(preview.path.ends_with("/orders/preview") && !preview.body.contains("client_order_id"));
}

#[test]
fn every_kind_of_order_that_there_is() {
    let (price, trigger) = ("100".parse().unwrap(), "99".parse().unwrap());
    let end = TimeInForce::Gtd(at(60));
    let stop = OrderKind::StopLimit { trigger, price };
    let (gtc, ioc, fok) = (TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok);
    for (kind, tif, key, numbers) in [
        (OrderKind::Market, ioc, "market_market_ioc", r#"{"base_size":"0.002"}"#),
        (
            OrderKind::Limit { price },
            ioc,
            "sor_limit_ioc",
            r#"{"base_size":"0.002","limit_price":"100"}"#,
        ),
        (
            OrderKind::Limit { price },
            fok,
            "limit_limit_fok",
            r#"{"base_size":"0.002","limit_price":"100"}"#,
        ),
        (
            OrderKind::Limit { price },
            end,
            "limit_limit_gtd",
            r#"{"base_size":"0.002","limit_price":"100","end_time":"2026-01-01T00:01:00Z","post_only":false}"#,
        ),
        (
            stop,
            gtc,
            "stop_limit_stop_limit_gtc",
            r#"{"base_size":"0.002","limit_price":"100","stop_price":"99","stop_direction":"STOP_DIRECTION_STOP_UP"}"#,
        ),
        (
            stop,
            end,
            "stop_limit_stop_limit_gtd",
            r#"{"base_size":"0.002","limit_price":"100","stop_price":"99","stop_direction":"STOP_DIRECTION_STOP_UP","end_time":"2026-01-01T00:01:00Z"}"#,
        ),
        (
            OrderKind::TakeProfitLimit { trigger, price },
            gtc,
            "stop_limit_stop_limit_gtc",
            r#"{"base_size":"0.002","limit_price":"100","stop_price":"99","stop_direction":"STOP_DIRECTION_STOP_DOWN"}"#,
        ),
    ] {
        let order = NewOrder { kind, time_in_force: tif, post_only: false, ..limit() };
        let call = asked(AccountRequest::Place(order)).unwrap();
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let numbers: Value = serde_json::from_str(numbers).unwrap();
        assert_eq!(body["order_configuration"][key], numbers, "{key}");
    }
    let quote = OrderQty::Quote("10".parse().unwrap());
    let buy = NewOrder { kind: OrderKind::Market, qty: quote, post_only: false, ..limit() };
    assert!(
        asked(AccountRequest::Place(buy.clone())).unwrap().body.contains(r#""quote_size":"10""#)
    );
    for impossible in [
        NewOrder { side: Side::Sell, ..buy },
        NewOrder { qty: quote, ..limit() },
        NewOrder { time_in_force: ioc, ..limit() },
        NewOrder { kind: OrderKind::StopLoss { trigger }, post_only: false, ..limit() },
        NewOrder { kind: stop, ..limit() },
        NewOrder { self_trade_prevention: Some(SelfTradePrevention::None), ..limit() },
        NewOrder { instrument: InstrumentId::new("DOGE-USD").unwrap(), ..limit() },
    ] {
        assert!(asked(AccountRequest::Place(impossible.clone())).is_err(), "{impossible:?}");
    }
}

#[test]
fn questions_and_cancels() {
    let (venue, own) = (VenueOrderId::new("3c1f-1").unwrap(), limit().client_order_id);
    let (instrument, since) = (id(), Some(at(0)));
    let page = Some(PageCursor("a+b".to_owned()));
    let from = TradesFrom::Time { start: since, end: since };
    let fills =
        |order, from, page| AccountRequest::Fills { instrument, order, from, limit: 500, page };
    for (request, path, query) in [
        (AccountRequest::Account, "/accounts", "limit=250"),
        (
            AccountRequest::AccountAfter(PageCursor("a+b".to_owned())),
            "/accounts",
            "limit=250&cursor=a%2Bb",
        ),
        (AccountRequest::Rights, "/key_permissions", ""),
        (AccountRequest::Scopes, "/key_permissions", ""),
        (AccountRequest::Fees(instrument), "/transaction_summary", "product_type=SPOT"),
        (
            AccountRequest::OpenOrders(Some(instrument)),
            "/orders/historical/batch",
            "order_status=OPEN&product_ids=BTC-USD&limit=1000",
        ),
        (
            AccountRequest::Order { instrument, order: OrderKey::Both(venue, own), since },
            "/orders/historical/3c1f-1",
            "",
        ),
        (
            AccountRequest::Order { instrument, order: OrderKey::Client(own), since },
            "/orders/historical/batch",
            "product_ids=BTC-USD&start_date=2026-01-01T00%3A00%3A00Z&limit=1000",
        ),
        (
            fills(Some(venue), TradesFrom::Newest, page),
            "/orders/historical/fills",
            "product_ids=BTC-USD&order_ids=3c1f-1&limit=100&cursor=a%2Bb",
        ),
        (
            // Both ends are widened: "after" and "before" there, inclusive here.
            fills(None, from, None),
            "/orders/historical/fills",
            "product_ids=BTC-USD&start_sequence_timestamp=2025-12-31T23%3A59%3A59.999999999Z\
             &end_sequence_timestamp=2026-01-01T00%3A00%3A00.000000001Z&limit=100",
        ),
    ] {
        let call = asked(request.clone()).unwrap();
        assert_eq!((call.method, call.path.strip_prefix(PREFIX)), ("GET", Some(path)));
        assert_eq!(call.query, query, "{request:?}");
        assert!(call.token.is_some() && call.body.is_empty());
    }
    let cancel = |order, only| AccountRequest::Cancel { instrument, order, cancel_id: None, only };
    let call = asked(cancel(OrderKey::Both(venue, own), None)).unwrap();
    assert_eq!(call.path, "/api/v3/brokerage/orders/batch_cancel");
    assert_eq!(call.body, r#"{"order_ids":["3c1f-1"]}"#);
    for impossible in [
        cancel(OrderKey::Client(own), None),
        cancel(OrderKey::Venue(venue), Some(model::venue::CancelRestriction::OnlyNew)),
        AccountRequest::CancelAll(instrument),
        fills(None, TradesFrom::Id(5), None),
    ] {
        let refused = asked(impossible.clone());
        assert!(matches!(refused, Err(EncodeError::Unsupported(_))), "{impossible:?}");
    }
}

#[test]
fn the_public_market_needs_no_key() {
    let instrument = id();
    let minute = Interval::Seconds(60);
    let candles = |start, end, limit| MarketRequest::Candles {
        instrument,
        interval: minute,
        start,
        end,
        limit,
    };
    let query = |start: i64, end: i64, limit: u32| {
        let base = 1_767_225_600;
        let (start, end) = (base + start, base + end);
        format!("start={start}&end={end}&granularity=ONE_MINUTE&limit={limit}")
    };
    for (request, path, wanted) in [
        (MarketRequest::Time, "/time", String::new()),
        (
            MarketRequest::Instruments(vec![instrument]),
            "/market/products",
            "product_type=SPOT&product_ids=BTC-USD".to_owned(),
        ),
        (
            MarketRequest::Book { instrument, depth: 50 },
            "/market/product_book",
            "product_id=BTC-USD&limit=50".to_owned(),
        ),
        (
            MarketRequest::Trades { instrument, from: TradesFrom::Newest, limit: 5 },
            "/market/products/BTC-USD/ticker",
            "limit=5".to_owned(),
        ),
        (candles(None, None, 3), "/market/products/BTC-USD/candles", query(480, 600, 3)),
        (candles(Some(at(0)), None, 3), "/market/products/BTC-USD/candles", query(0, 180, 3)),
        (
            candles(Some(at(0)), Some(at(60)), 999),
            "/market/products/BTC-USD/candles",
            query(0, 60, 350),
        ),
    ] {
        let request = Request::Market(request);
        let call = encode(&request, &symbols(), None, at(600), nonce()).unwrap();
        assert_eq!(
            (call.path.strip_prefix(PREFIX), call.query),
            (Some(path), wanted),
            "{request:?}"
        );
        assert_eq!((call.method, call.token), ("GET", None));
    }
    let private = Request::Account(AccountRequest::Account);
    assert!(
        encode(&private, &symbols(), None, at(0), nonce()).is_err(),
        "private calls need a key"
    );
}

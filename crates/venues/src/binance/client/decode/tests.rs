//! Lists of an account (shapes of rest-api.md; numbers made up): one row hides no other.

use model::venue::{OrderKey, TradesFrom, VenueOrderStatus};
use model::{TradeId, VenueOrderId};

use super::*;
use crate::binance::client::testing::symbols;

const OPEN: &str = r#"{"symbol":"BTCUSDT","orderId":7001,"orderListId":-1,"clientOrderId":"agent-7-000001","price":"61234.50000000","origQty":"0.00200000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767225600345,"updateTime":1767225600345,"isWorking":true,"workingTime":1767225600345,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"EXPIRE_MAKER"}"#;
const TRADE: &str = r#"{"symbol":"BTCUSDT","id":40015,"orderId":7001,"orderListId":-1,"price":"61234.50","qty":"0.00200000","quoteQty":"122.46900000","commission":"0.00000200","commissionAsset":"BTC","time":1767225600345,"isBuyer":true,"isMaker":false,"isBestMatch":true}"#;

fn id() -> InstrumentId {
    "BTC-USDT".parse().unwrap()
}

fn ask(request: AccountRequest, body: &str) -> Response {
    match decode_reply(&Request::Account(request), 200, body.as_bytes(), &symbols()) {
        Outcome::Done(response) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_that_is_not_understood_does_not_hide_the_others() {
    let plain = OPEN.replace("7001", "7002");
    for (known, strange, because) in [
        (r#""side":"BUY""#, r#""side":"BOTH""#, "unknown side"),
        (r#""origQty":"0.00200000","#, "", "missing field `origQty`"),
        (r#""updateTime":1767225600345"#, r#""updateTime":"soon""#, "invalid type"),
    ] {
        assert!(OPEN.contains(known), "{known}");
        let row = OPEN.replace(known, strange);
        let answer = ask(AccountRequest::OpenOrders(Some(id())), &format!("[{row},{plain}]"));
        let (Response::Orders(read), unread) = answer.split() else { panic!("{strange}") };
        assert_eq!(read.iter().map(|order| order.id.as_str()).collect::<Vec<_>>(), ["7002"]);
        let [unread] = unread.as_slice() else { panic!("{unread:?}") };
        assert_eq!(unread.order, Some(VenueOrderId::from_number(7_001)));
        assert_eq!(unread.client_order_id.unwrap().as_str(), "agent-7-000001");
        assert_eq!((unread.instrument, unread.trade), (Some(id()), None));
        assert!(unread.because.contains(because), "{}", unread.because);
        // Asked for by name, it is there all the same.
        let order = OrderKey::Venue(VenueOrderId::from_number(7_001));
        let one = ask(AccountRequest::Order { instrument: id(), order, since: None }, &row);
        assert_eq!(one.split(), (Response::Orders(Vec::new()), vec![unread.clone()]));
    }
    let half = OPEN.replace(r#""status":"NEW""#, r#""status":"HALF""#);
    let answer = ask(AccountRequest::OpenOrders(Some(id())), &format!("[{half}]"));
    let Response::Orders(read) = answer else { panic!("{answer:?}") };
    assert_eq!(read[0].status, VenueOrderStatus::Unknown);
}

#[test]
fn an_execution_that_is_not_understood_does_not_hide_the_others() {
    let fills = || AccountRequest::Fills {
        instrument: id(),
        order: None,
        from: TradesFrom::Newest,
        limit: 5,
        page: None,
    };
    let plain = TRADE.replace("40015", "40016");
    let row = TRADE.replace(r#""price":"61234.50","#, "");
    let (Response::Fills(read), unread) = ask(fills(), &format!("[{row},{plain}]")).split() else {
        panic!("no list")
    };
    assert_eq!(read.iter().map(|fill| fill.trade_id.as_str()).collect::<Vec<_>>(), ["40016"]);
    assert_eq!(unread.len(), 1);
    assert_eq!(unread[0].trade, Some(TradeId::from_number(40_015)));
    assert_eq!(unread[0].order, Some(VenueOrderId::from_number(7_001)));
    // What is no list at all is no answer.
    let broken = decode_reply(&Request::Account(fills()), 200, b"{}", &symbols());
    assert!(matches!(broken, Outcome::InDoubt(_)));
}

/// As the page "Get API Key Permission" prints it, with rights of its own.
const KEY: &str = r#"{"ipRestrict":true,"createTime":1698645219000,"enableReading":true,"enableWithdrawals":false,"enableInternalTransfer":false,"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":false,"enableVanillaOptions":false,"enableFixApiTrade":false,"enableFixReadOnly":true,"enableSpotAndMarginTrading":true,"enablePortfolioMarginTrading":false}"#;

#[test]
fn each_right_of_a_key_is_read() {
    let read = |body: &str| match ask(AccountRequest::Scopes, body) {
        Response::Scopes(Some(scopes)) => scopes,
        other => panic!("{other:?}"),
    };
    let plain = KeyScopes {
        trade: Some(true),
        withdraw: Some(false),
        transfer: Some(false),
        leverage: Some(false),
        ip_bound: Some(true),
        expires: None,
    };
    assert_eq!(read(KEY), plain);
    let changed = |from: &str, to: &str| {
        assert!(KEY.contains(from), "{from}");
        read(&KEY.replace(from, to))
    };
    let on = |name: &str| changed(&format!("\"{name}\":false"), &format!("\"{name}\":true"));
    assert_eq!(on("enableWithdrawals"), KeyScopes { withdraw: Some(true), ..plain });
    for name in ["enableInternalTransfer", "permitsUniversalTransfer"] {
        assert_eq!(on(name), KeyScopes { transfer: Some(true), ..plain }, "{name}");
    }
    for name in
        ["enableMargin", "enableFutures", "enableVanillaOptions", "enablePortfolioMarginTrading"]
    {
        assert_eq!(on(name), KeyScopes { leverage: Some(true), ..plain }, "{name}");
    }
    let open = changed("\"ipRestrict\":true", "\"ipRestrict\":false");
    assert_eq!(open, KeyScopes { ip_bound: Some(false), ..plain });
    let trade = "\"enableSpotAndMarginTrading\":true";
    assert_eq!(changed(trade, &trade.replace("true", "false")).trade, Some(false));
    let ends = format!("{trade},\"tradingAuthorityExpirationTime\":1628985600000");
    assert_eq!(changed(trade, &ends).expires, model::Timestamp::from_millis(1_628_985_600_000));
}

#[test]
fn a_right_that_is_not_told_is_none_that_is_missing() {
    for name in [
        "ipRestrict",
        "enableSpotAndMarginTrading",
        "enableWithdrawals",
        "enableInternalTransfer",
        "permitsUniversalTransfer",
    ] {
        let body = KEY.replace(&format!("\"{name}\""), "\"renamed\"");
        let request = Request::Account(AccountRequest::Scopes);
        let outcome = decode_reply(&request, 200, body.as_bytes(), &symbols());
        assert!(matches!(&outcome, Outcome::InDoubt(why) if why.contains(name)), "{outcome:?}");
    }
}

#[test]
fn a_venue_without_the_question_says_so_by_404_alone() {
    let request = Request::Account(AccountRequest::Scopes);
    let outcome = |status, body: &str| decode_reply(&request, status, body.as_bytes(), &symbols());
    for body in ["", "<html>not found</html>", r#"{"code":-1000,"msg":"Path not found"}"#] {
        assert_eq!(outcome(404, body), Outcome::Done(Response::Scopes(None)), "{body}");
    }
    let key = r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#;
    assert!(matches!(outcome(401, key), Outcome::Refused(_)));
    assert!(matches!(outcome(503, ""), Outcome::InDoubt(_)));
    let account = Request::Account(AccountRequest::Rights);
    assert!(matches!(decode_reply(&account, 404, b"", &symbols()), Outcome::InDoubt(_)));
}

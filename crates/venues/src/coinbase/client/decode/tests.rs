//! Answers (shapes of the API reference; numbers made up) in our words.

use model::venue::TradesFrom;
use model::{Liquidity, OrderKind, Side, TimeInForce, TradeId};
use proptest::prelude::*;

use super::*;
use crate::coinbase::client::testing::{at, symbols};

const ORDER: &str = r#"{"order_id":"3c1f","product_id":"BTC-USD","user_id":"u","order_configuration":{"limit_limit_gtc":{"base_size":"0.002","limit_price":"61234.50","post_only":true}},"side":"BUY","client_order_id":"agent7-000123","status":"OPEN","time_in_force":"GOOD_UNTIL_CANCELLED","created_time":"2026-01-01T00:00:00.1Z","completion_percentage":"50","filled_size":"0.001","average_filled_price":"61234.5","fee":"","number_of_fills":"1","filled_value":"61.2345","pending_cancel":false,"size_in_quote":false,"total_fees":"0.367","size_inclusive_of_fees":false,"total_value_after_fees":"122.836","trigger_status":"INVALID_ORDER_TYPE","order_type":"LIMIT","reject_reason":"REJECT_REASON_UNSPECIFIED","settled":false,"product_type":"SPOT","reject_message":"","cancel_message":"","order_placement_source":"RETAIL_ADVANCED","outstanding_hold_amount":"61.6","is_liquidation":false,"last_fill_time":"2026-01-01T00:00:05.2Z","edit_history":[],"leverage":"","margin_type":"","retail_portfolio_id":"5a0c","originating_order_id":"","attached_order_id":"","attached_order_configuration":null,"workable_size":"3","commission_detail_total":{"total_commission":""}}"#;
const FILL: &str = r#"{"entry_id":"e-1","trade_id":"t-1","order_id":"3c1f","trade_time":"2026-01-01T00:00:05.2Z","trade_type":"FILL","price":"61234.50","size":"0.001","commission":"0.367","product_id":"BTC-USD","sequence_timestamp":"2026-01-01T00:00:05.201Z","liquidity_indicator":"MAKER","size_in_quote":false,"user_id":"u","side":"BUY","retail_portfolio_id":"5a0c","fillSource":"FILL_SOURCE_UNKNOWN"}"#;
const PLACED: &str = r#"{"success":true,"failure_reason":"UNKNOWN_FAILURE_REASON","order_id":"3c1f","success_response":{"order_id":"3c1f","product_id":"BTC-USD","side":"BUY","client_order_id":"agent7-000123"},"order_configuration":{"limit_limit_gtc":{"base_size":"0.002","limit_price":"61234.50","post_only":true}}}"#;
const REFUSED: &str = r#"{"success":false,"error_response":{"error":"INSUFFICIENT_FUND","message":"Insufficient balance in source account","error_details":"","preview_failure_reason":"PREVIEW_INSUFFICIENT_FUND","new_order_failure_reason":"INSUFFICIENT_FUND"},"order_configuration":{"limit_limit_gtc":{"base_size":"2","limit_price":"61234.50","post_only":false}}}"#;
const ACCOUNTS: &str = r#"{"accounts":[{"uuid":"0d6f","name":"BTC Wallet","currency":"BTC","available_balance":{"value":"1.23","currency":"BTC"},"default":false,"active":true,"created_at":"2025-05-31T09:59:59Z","updated_at":"2025-05-31T09:59:59Z","deleted_at":null,"type":"ACCOUNT_TYPE_CRYPTO","ready":true,"hold":{"value":"0.10","currency":"BTC"},"retail_portfolio_id":"5a0c","platform":"ACCOUNT_PLATFORM_CONSUMER"}],"has_next":false,"cursor":"","size":1}"#;

fn id() -> InstrumentId {
    InstrumentId::new("BTC-USD").unwrap()
}

fn new_order() -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new("agent7-000123").unwrap(),
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

fn answered(request: &Request, status: u16, body: &str) -> Outcome {
    let answer = HttpAnswer { status, body: body.as_bytes(), asked: at(1), answered: at(2) };
    decode_reply(request, &answer, &symbols())
}

fn account(request: AccountRequest, body: &str) -> Outcome {
    answered(&Request::Account(request), 200, body)
}

fn by_client_id() -> AccountRequest {
    let order = OrderKey::Client(new_order().client_order_id);
    AccountRequest::Order { instrument: id(), order, since: None }
}

fn fills() -> AccountRequest {
    let from = TradesFrom::Newest;
    AccountRequest::Fills { instrument: id(), order: None, from, limit: 5, page: None }
}

fn venue_id() -> VenueOrderId {
    VenueOrderId::new("3c1f").unwrap()
}

#[test]
fn an_order_that_was_taken_stands_as_it_was_sent() {
    let place = AccountRequest::Place(new_order());
    let Outcome::Done(Response::Placed { order, fills }) = account(place.clone(), PLACED) else {
        panic!("not placed")
    };
    assert_eq!((order.id, order.status), (venue_id(), VenueOrderStatus::New));
    assert_eq!((order.qty, order.filled), ("0.002".parse().unwrap(), Qty::ZERO));
    assert_eq!(order.created, at(2), "at the latest when the answer came");
    assert!(fills.is_empty());
    // The first order of an id that was used before is not this one.
    let other = PLACED.replace("agent7-000123", "agent7-000122");
    assert!(matches!(account(place.clone(), &other), Outcome::InDoubt(_)));
    let sold = PLACED.replace("\"BUY\"", "\"SELL\"");
    assert!(matches!(account(place, &sold), Outcome::InDoubt(_)));
}

#[test]
fn both_sides_of_a_refusal() {
    let place = || AccountRequest::Place(new_order());
    let refused = Outcome::Refused(VenueError::InsufficientBalance);
    assert_eq!(account(place(), REFUSED), refused);
    let only_preview = REFUSED.replace(
        r#""new_order_failure_reason":"INSUFFICIENT_FUND""#,
        r#""new_order_failure_reason":"UNKNOWN_FAILURE_REASON""#,
    );
    assert_eq!(account(place(), &only_preview), refused);
    for doubtful in [
        REFUSED.replace("INSUFFICIENT_FUND", "SOMETHING_NEW"),
        r#"{"success":false}"#.to_owned(),
        r#"{"success":true}"#.to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        assert!(matches!(account(place(), &doubtful), Outcome::InDoubt(_)), "{doubtful}");
    }
    let place = Request::Account(place());
    for status in [500, 502, 503, 504, 418, 409, 201] {
        assert!(matches!(answered(&place, status, REFUSED), Outcome::InDoubt(_)), "{status}");
    }
    let scope =
        r#"{"error":"PERMISSION_DENIED","error_details":"Missing required scopes","message":"m"}"#;
    assert_eq!(answered(&place, 403, scope), Outcome::Refused(VenueError::NotAllowed));
    assert!(matches!(answered(&place, 401, "Unauthorized"), Outcome::Refused(_)));
    assert!(matches!(answered(&place, 401, "<html>"), Outcome::InDoubt(_)));
}

#[test]
fn a_preview_says_yes_or_why_not() {
    let test = || AccountRequest::Test(new_order());
    let fine = r#"{"errs":[],"warning":["UNKNOWN"],"order_total":"123.1"}"#;
    assert_eq!(account(test(), fine), Outcome::Done(Response::Tested));
    let lot = VenueError::Filter { filter: model::venue::Filter::Lot };
    let off = r#"{"errs":["PREVIEW_INVALID_SIZE_PRECISION"]}"#;
    assert_eq!(account(test(), off), Outcome::Refused(lot));
}

#[test]
fn a_cancel_is_taken_or_refused() {
    let cancel = || AccountRequest::Cancel {
        instrument: id(),
        order: OrderKey::Venue(venue_id()),
        cancel_id: None,
        only: None,
    };
    let result = |success: bool, reason: &str| {
        format!(
            r#"{{"results":[{{"success":{success},"failure_reason":"{reason}","order_id":"3c1f"}}]}}"#
        )
    };
    let taken = Outcome::Done(Response::CancelTaken(venue_id()));
    assert_eq!(account(cancel(), &result(true, "UNKNOWN_CANCEL_FAILURE_REASON")), taken);
    assert_eq!(account(cancel(), &result(false, "DUPLICATE_CANCEL_REQUEST")), taken);
    let gone = Outcome::Refused(VenueError::UnknownOrder);
    assert_eq!(account(cancel(), &result(false, "UNKNOWN_CANCEL_ORDER")), gone);
    for doubtful in [
        result(false, "UNKNOWN_CANCEL_FAILURE_REASON"),
        result(true, "").replace("3c1f", "77aa"),
        r#"{"results":[]}"#.to_owned(),
    ] {
        assert!(matches!(account(cancel(), &doubtful), Outcome::InDoubt(_)), "{doubtful}");
    }
}

#[test]
fn an_order_by_the_venues_name() {
    let body = format!(r#"{{"order":{ORDER}}}"#);
    let ask = |order| AccountRequest::Order { instrument: id(), order, since: None };
    let Outcome::Done(Response::Order(order)) = account(ask(OrderKey::Venue(venue_id())), &body)
    else {
        panic!("no order")
    };
    assert_eq!(order.status, VenueOrderStatus::PartiallyFilled);
    assert_eq!((order.kind, order.post_only), (new_order().kind, true));
    assert_eq!(order.filled_notional, "61.2345".parse().unwrap());
    let other = ClientOrderId::new("other").unwrap();
    let differ = account(ask(OrderKey::Both(venue_id(), other)), &body);
    assert_eq!(differ, Outcome::Refused(VenueError::OrderNamesDiffer));
    let unknown = VenueOrderId::new("77aa").unwrap();
    assert!(matches!(account(ask(OrderKey::Venue(unknown)), &body), Outcome::InDoubt(_)));
    let absent = r#"{"error":"NOT_FOUND","error_details":"order not found","message":"m"}"#;
    let request = Request::Account(ask(OrderKey::Venue(venue_id())));
    assert_eq!(answered(&request, 404, absent), Outcome::Refused(VenueError::UnknownOrder));
    // The names of others may be longer than ours.
    let long = body.replace("agent7-000123", &"x".repeat(100));
    let Outcome::Done(Response::Order(order)) = account(ask(OrderKey::Venue(venue_id())), &long)
    else {
        panic!("no order")
    };
    assert_eq!(order.client_order_id.as_str(), "3c1f");
}

/// The list is searched; where it was cut, absence proves nothing.
#[test]
fn an_order_by_our_name_is_found_in_a_list() {
    let list = |orders: &str, has_next: bool| {
        format!(r#"{{"orders":[{orders}],"has_next":{has_next},"cursor":"","sequence":"0"}}"#)
    };
    let foreign = ORDER
        .replace("agent7-000123", "somebody")
        .replace("limit_limit_gtc", "scaled_limit_gtc")
        .replace("BTC-USD", "DOGE-USD");
    let both = format!("{foreign},{ORDER}");
    for has_next in [false, true] {
        let found = account(by_client_id(), &list(&both, has_next));
        assert!(matches!(found, Outcome::Done(Response::Order(_))), "{found:?}");
    }
    let absent = account(by_client_id(), &list(&foreign, false));
    assert_eq!(absent, Outcome::Refused(VenueError::UnknownOrder));
    let Outcome::InDoubt(words) = account(by_client_id(), &list(&foreign, true)) else {
        panic!("a cut list proves nothing")
    };
    assert!(words.contains("cut after 1 entries"), "{words}");
}

#[test]
fn lists_of_orders_are_whole_or_no_answer() {
    let later = ORDER.replace("00:00:00.1Z", "00:00:09Z").replace("3c1f", "77aa");
    let list = format!(r#"{{"orders":[{later},{ORDER}],"has_next":false}}"#);
    let open = || AccountRequest::OpenOrders(Some(id()));
    let Outcome::Done(Response::Orders(orders)) = account(open(), &list) else { panic!() };
    let ids: Vec<_> = orders.iter().map(|order| order.id.as_str()).collect();
    assert_eq!(ids, ["3c1f", "77aa"], "oldest first");
    let cut = list.replace("false}", "true}");
    assert!(matches!(account(open(), &cut), Outcome::InDoubt(_)));
}

#[test]
fn executions_come_in_pages() {
    let later = FILL.replace("05.2Z", "06Z").replace("t-1", "t-2").replace("MAKER", "TAKER");
    let list = |cursor: &str| format!(r#"{{"fills":[{later},{FILL}],"cursor":"{cursor}"}}"#);
    let Outcome::Done(Response::Fills(all)) = account(fills(), &list("")) else { panic!() };
    let ids: Vec<_> = all.iter().map(|fill| fill.trade_id.as_str()).collect();
    assert_eq!(ids, ["t-1", "t-2"], "oldest first");
    let fee = all[0].fee.unwrap();
    assert_eq!((fee.asset.as_str(), fee.amount), ("USD", "0.367".parse().unwrap()));
    assert_eq!((all[0].liquidity, all[1].liquidity), (Liquidity::Maker, Liquidity::Taker));
    let Outcome::Done(Response::FillsPage { next, .. }) = account(fills(), &list("789")) else {
        panic!()
    };
    assert_eq!(next, PageCursor("789".to_owned()));
    let empty = r#"{"fills":[],"cursor":"789"}"#;
    assert_eq!(account(fills(), empty), Outcome::Done(Response::Fills(Vec::new())));
    let in_quote = FILL
        .replace(r#""size":"0.001""#, r#""size":"61.2345""#)
        .replace("size_in_quote\":false", "size_in_quote\":true");
    let body = format!(r#"{{"fills":[{in_quote}]}}"#);
    let Outcome::Done(Response::Fills(one)) = account(fills(), &body) else { panic!() };
    assert_eq!(one[0].qty, "0.001".parse().unwrap());
}

/// Rows of the history that are no plain executions, and one that has lost a field.
#[test]
fn a_row_that_is_not_understood_does_not_hide_the_others() {
    let plain = FILL.replace("t-1", "t-2").replace("e-1", "e-2");
    for (known, strange, because) in [
        ("\"FILL\"", "\"REVERSAL\"", "unknown kind of execution \"REVERSAL\""),
        ("\"FILL\"", "\"CORRECTION\"", "unknown kind of execution \"CORRECTION\""),
        ("\"FILL\"", "\"SYNTHETIC\"", "unknown kind of execution \"SYNTHETIC\""),
        ("\"size\":\"0.001\",", "", "missing field `size`"),
        ("\"side\":\"BUY\"", "\"side\":\"BOTH\"", "unknown side \"BOTH\""),
    ] {
        assert!(FILL.contains(known), "{known}");
        let row = FILL.replace(known, strange);
        for (cursor, is_page) in [("", false), ("789", true)] {
            let list = format!(r#"{{"fills":[{row},{plain}],"cursor":"{cursor}"}}"#);
            let Outcome::Done(answer) = account(fills(), &list) else { panic!("{strange}") };
            let (read, unread) = answer.split();
            let (Response::Fills(read) | Response::FillsPage { fills: read, .. }) = &read else {
                panic!("{read:?}")
            };
            let is = matches!(
                account(fills(), &list),
                Outcome::Done(Response::Partly { read, .. })
                    if matches!(*read, Response::FillsPage { .. }) == is_page
            );
            assert!(is, "{strange}: a page that goes on still does");
            assert_eq!(read.iter().map(|f| f.trade_id.as_str()).collect::<Vec<_>>(), ["t-2"]);
            let [unread] = unread.as_slice() else { panic!("{unread:?}") };
            assert_eq!(unread.trade, TradeId::new("e-1").ok(), "by the name of the row itself");
            assert_eq!((unread.order, unread.instrument), (Some(venue_id()), Some(id())));
            assert!(unread.because.contains(because), "{}", unread.because);
        }
    }
    // How it came about is no reason to leave an execution out.
    let list = format!(r#"{{"fills":[{}]}}"#, FILL.replace("MAKER", "AUCTION"));
    assert!(
        matches!(account(fills(), &list), Outcome::Done(Response::Fills(all)) if all.len() == 1)
    );
}

/// What a person may have on the account: kinds that are never sent from here.
#[test]
fn orders_of_any_kind_are_read_as_far_as_they_concern_us() {
    const LIMIT: &str =
        r#""limit_limit_gtc":{"base_size":"0.002","limit_price":"61234.50","post_only":true}"#;
    let read = |text: &str| {
        let list = format!(r#"{{"orders":[{text}]}}"#);
        let Outcome::Done(answer) = account(AccountRequest::OpenOrders(Some(id())), &list) else {
            panic!("{text}")
        };
        let (Response::Orders(mut orders), unread) = answer.split() else { panic!("{text}") };
        (orders.pop(), unread)
    };
    let price = |text: &str| OrderKind::Limit { price: text.parse().unwrap() };
    for (configuration, kind, qty) in [
        (
            r#""trigger_bracket_gtc":{"base_size":"0.002","limit_price":"62000","stop_trigger_price":"60000"}"#,
            price("62000"),
            "0.002",
        ),
        // Of a size in quote the most that its limit buys.
        (
            r#""twap_limit_gtd":{"quote_size":"100","limit_price":"60000","start_time":"2026-01-01T00:00:00Z","end_time":"2026-01-01T01:00:00Z","number_buckets":"5"}"#,
            price("60000"),
            "0.00166667",
        ),
        (
            r#""scaled_limit_gtc":{"orders":[],"base_size":"0.5","num_orders":3,"min_price":"1","max_price":"2","price_distribution":"FLAT"}"#,
            OrderKind::Market,
            "0.5",
        ),
        (
            r#""stop_limit_stop_limit_gtc":{"base_size":"0.5","limit_price":"2","stop_price":"1","stop_direction":"SIDEWAYS"}"#,
            price("2"),
            "0.5",
        ),
        (
            r#""trailing_stop_gtc":{"base_size":"0.5","trailing_delta":"9"}"#,
            OrderKind::Market,
            "0.5",
        ),
    ] {
        assert!(ORDER.contains(LIMIT));
        let (order, unread) = read(&ORDER.replace(LIMIT, configuration));
        let order = order.expect(configuration);
        assert_eq!((order.kind, order.qty), (kind, qty.parse().unwrap()), "{configuration}");
        assert_eq!((order.side, order.filled), (Side::Buy, "0.001".parse().unwrap()));
        assert!(order.status.is_open() && unread.is_empty());
    }
    let (order, _) = read(&ORDER.replace("\"OPEN\"", "\"HALF\""));
    assert_eq!(order.unwrap().status, VenueOrderStatus::Unknown);
    // Nothing says how much: told as what it is, unless it is over.
    let sizeless = ORDER.replace(LIMIT, r#""trailing_stop_gtc":{}"#);
    let (order, unread) = read(&sizeless);
    assert_eq!((order, unread.len()), (None, 1));
    assert_eq!((unread[0].order, unread[0].trade), (Some(venue_id()), None));
    assert_eq!(unread[0].client_order_id.unwrap().as_str(), "agent7-000123");
    let (order, _) = read(&sizeless.replace("\"OPEN\"", "\"FILLED\""));
    assert_eq!(order.unwrap().qty, "0.001".parse().unwrap());
    // Asked for by name, it is there all the same.
    let sideways = ORDER.replace("\"BUY\"", "\"BOTH\"");
    let list = format!(r#"{{"orders":[{sideways}],"has_next":false}}"#);
    assert!(matches!(account(by_client_id(), &list), Outcome::Done(Response::Partly { .. })));
    let by_venue =
        AccountRequest::Order { instrument: id(), order: OrderKey::Venue(venue_id()), since: None };
    let one = format!(r#"{{"order":{sideways}}}"#);
    assert!(matches!(account(by_venue, &one), Outcome::Done(Response::Partly { .. })));
}

#[test]
fn balances_rights_and_fees() {
    let Outcome::Done(Response::Account(held)) = account(AccountRequest::Account, ACCOUNTS) else {
        panic!()
    };
    let btc = held.balances[&model::Asset::new("BTC").unwrap()];
    assert_eq!((btc.free, btc.locked), ("1.23".parse().unwrap(), "0.1".parse().unwrap()));
    assert_eq!((held.updated, held.rights), (at(1), None), "no older than the question");
    // A page: not to be taken for the whole. One that does not say where it goes on is of no use.
    let after = |cursor: &str| {
        let mut cut: serde_json::Value = serde_json::from_str(ACCOUNTS).unwrap();
        cut["has_next"] = true.into();
        cut["cursor"] = cursor.into();
        account(AccountRequest::AccountAfter(PageCursor("a".to_owned())), &cut.to_string())
    };
    let Outcome::Done(Response::AccountPage { account: page, next }) = after("789") else {
        panic!()
    };
    assert_eq!((page.balances, next), (held.balances.clone(), PageCursor("789".to_owned())));
    assert!(matches!(after(""), Outcome::InDoubt(_)));
    let key = r#"{"can_view":true,"can_trade":true,"can_transfer":false,"portfolio_uuid":"5a0c","portfolio_type":"DEFAULT"}"#;
    let rights = KeyRights { can_trade: true, can_withdraw: false };
    assert_eq!(account(AccountRequest::Rights, key), Outcome::Done(Response::Rights(rights)));
    let scopes = |body: &str| match account(AccountRequest::Scopes, body) {
        Outcome::Done(Response::Scopes(Some(scopes))) => scopes,
        other => panic!("{other:?}"),
    };
    let (trade, transfer) = (Some(true), Some(false));
    let plain = KeyScopes { trade, transfer, ..KeyScopes::default() };
    assert_eq!(scopes(key), plain);
    let moves = key.replace("\"can_transfer\":false", "\"can_transfer\":true");
    assert_eq!(scopes(&moves), KeyScopes { transfer: Some(true), ..plain });
    let looks = key.replace("\"can_trade\":true", "\"can_trade\":false");
    assert_eq!(scopes(&looks), KeyScopes { trade: Some(false), ..plain });
    let untold = key.replace("can_transfer", "may_transfer");
    assert!(matches!(account(AccountRequest::Scopes, &untold), Outcome::InDoubt(_)));
    let gone = answered(&Request::Account(AccountRequest::Scopes), 404, "");
    assert_eq!(gone, Outcome::Done(Response::Scopes(None)));
    let summary = r#"{"total_fees":25.0,"fee_tier":{"pricing_tier":"Intro 1","taker_fee_rate":"0.012","maker_fee_rate":"0.006"},"margin_rate":null,"advanced_trade_only_volume":0,"total_balance":"468.35"}"#;
    let rates = FeeRates { maker: "0.006".parse().unwrap(), taker: "0.012".parse().unwrap() };
    assert_eq!(account(AccountRequest::Fees(id()), summary), Outcome::Done(Response::Fees(rates)));
}

#[test]
fn the_public_market() {
    let instrument = id();
    let ask = |request, body: &str| answered(&Request::Market(request), 200, body);
    let time = r#"{"iso":"2026-01-01T00:00:00Z","epochSeconds":"1767225600","epochMillis":"1767225600000"}"#;
    assert_eq!(ask(MarketRequest::Time, time), Outcome::Done(Response::Time(at(0))));
    assert_eq!(ask(MarketRequest::Ping, time), Outcome::Done(Response::Pong));
    let book = r#"{"pricebook":{"product_id":"BTC-USD","bids":[{"price":"61234.55","size":"0.171"}],"asks":[{"price":"61234.56","size":"0.169"}],"time":"2026-01-01T00:00:00.662782Z"},"last":"61234.555","mid_market":"61234.555","spread_bps":"0.0016","spread_absolute":"0.01"}"#;
    let Outcome::Done(Response::Book(book)) =
        ask(MarketRequest::Book { instrument, depth: 5 }, book)
    else {
        panic!()
    };
    assert_eq!(
        (book.update_id, book.bids[0].price.0, book.asks[0].qty.0),
        (0, 6_123_455, 16_900_000)
    );
    let trades = r#"{"trades":[{"trade_id":"995000001","product_id":"BTC-USD","price":"61234.56","size":"0.00064","time":"2026-01-01T00:00:00.544778Z","side":"SELL","bid":"","ask":"","exchange":"coinbase"}],"best_bid":"61234.55","best_ask":"61234.56"}"#;
    let request = MarketRequest::Trades { instrument, from: TradesFrom::Newest, limit: 5 };
    let Outcome::Done(Response::Trades(trades)) = ask(request, trades) else { panic!() };
    assert_eq!((trades[0].id, trades[0].taker_side), (995_000_001, Side::Buy), "the maker sold");
    let candles = r#"{"candles":[{"start":"1767225660","low":"1","high":"4","open":"2","close":"3","volume":"5"},{"start":"1767225600","low":"1","high":"4","open":"2","close":"3","volume":"5"}]}"#;
    let interval = Interval::Seconds(60);
    let request = MarketRequest::Candles { instrument, interval, start: None, end: None, limit: 2 };
    let Outcome::Done(Response::Candles(candles)) = ask(request, candles) else { panic!() };
    assert_eq!((candles[0].start, candles[1].start), (at(0), at(60)), "oldest first");
    assert_eq!((candles[0].low.0, candles[0].volume.0), (100, 500_000_000));
}

#[test]
fn what_the_headers_say() {
    let headers = [
        ("x-ratelimit-limit", "30"),
        ("x-ratelimit-remaining", "29"),
        ("x-ratelimit-reset", "whatever"),
        ("retry-after", "2"),
    ];
    let expected = RateNotice {
        limit: Some(30),
        remaining: Some(29),
        retry_after: Some(Duration::from_secs(2)),
    };
    assert_eq!(rate_notice(headers.into_iter()), expected);
    let broken = [("x-ratelimit-limit", "many"), ("retry-after", "-1")];
    assert_eq!(rate_notice(broken.into_iter()), RateNotice::default());
}

proptest! {
    /// Whatever is cut or changed: an outcome, never a panic; and a server error is always a doubt.
    #[test]
    fn damage_never_panics(at in 0usize..1_500, byte in any::<u8>(), cut in 0usize..1_500) {
        let one = format!(r#"{{"order":{ORDER}}}"#);
        let list = format!(r#"{{"orders":[{ORDER}]}}"#);
        let page = format!(r#"{{"fills":[{FILL}]}}"#);
        let venue = AccountRequest::Order {
            instrument: id(),
            order: OrderKey::Venue(venue_id()),
            since: None,
        };
        for (request, text) in [
            (venue, one.as_str()),
            (by_client_id(), &list),
            (fills(), &page),
            (AccountRequest::Place(new_order()), PLACED),
            (AccountRequest::Place(new_order()), REFUSED),
            (AccountRequest::Account, ACCOUNTS),
        ] {
            let request = Request::Account(request);
            let mut bytes = text.as_bytes().to_vec();
            let last = bytes.len() - 1;
            bytes[at.min(last)] = byte;
            let damaged = String::from_utf8_lossy(&bytes).into_owned();
            let _ = answered(&request, 200, &damaged);
            let _ = answered(&request, 200, &text[..cut.min(text.len())]);
            prop_assert!(matches!(answered(&request, 503, &damaged), Outcome::InDoubt(_)));
        }
    }
}

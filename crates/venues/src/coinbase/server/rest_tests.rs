//! Conversations over REST, from the request's bytes to the answer's.

use std::collections::BTreeMap;

use model::venue::{
    AccountRequest, AccountSnapshot, Execution, Filter, OrderKey, Response, VenueError,
    VenueOrderStatus,
};
use model::{Asset, Balance, OrderKind, OrderQty, Side, TimeInForce, VenueOrderId};
use serde_json::{Value, json};

use super::testing::{
    BASE, HOST, KEY, Talk, VIEWER, accepted, at, done, fill, header, order, read, told,
};
use crate::coinbase::sign::{Nonce, Target};
use crate::coinbase::wire;
use crate::server::Step;

fn limit() -> Value {
    json!({"base_size": "0.002", "limit_price": "61000.50"})
}

fn create(key: &str, numbers: Value) -> Value {
    json!({"client_order_id": "c-1", "product_id": "BTC-USD", "side": "BUY",
           "order_configuration": {key: numbers}})
}

fn with(mut value: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}

/// Every public route answers, and in the shape that the client's structs read; printing what was
/// read gives the same JSON again. The private twin says the same.
#[test]
fn public_answers_have_the_documented_shapes() {
    fn check<T: serde::de::DeserializeOwned + serde::Serialize>(path: &str, query: &str) {
        let (status, body) = Talk::new().open_get(&format!("{BASE}{path}"), query);
        assert_eq!(status, 200, "{path}: {body}");
        let parsed: T = serde_json::from_value(body.clone())
            .unwrap_or_else(|error| panic!("{path}: {error}: {body}"));
        assert_eq!(serde_json::to_value(&parsed).unwrap(), body, "{path}");
        if let Some(twin) = path.strip_prefix("/market") {
            assert_eq!(Talk::new().get(twin, query), (200, body), "{twin}");
        }
    }
    check::<wire::ServerTime>("/time", "");
    check::<wire::Products>("/market/products", "");
    check::<wire::Products>("/market/products", "product_ids=BTC-USD&limit=1&product_type=SPOT");
    check::<wire::Product>("/market/products/BTC-USD", "");
    check::<wire::ProductBook>("/market/product_book", "product_id=BTC-USD&limit=5");
    check::<wire::MarketTrades>("/market/products/BTC-USD/ticker", "limit=5");
    check::<wire::Candles>(
        "/market/products/BTC-USD/candles",
        "start=1767225000&end=1767225600&granularity=FIVE_MINUTE",
    );
    let (_, futures) =
        Talk::new().open_get(&format!("{BASE}/market/products"), "product_type=FUTURE");
    assert_eq!(futures["products"], json!([]));
    let (_, books) = Talk::new().get("/best_bid_ask", "product_ids=BTC-USD");
    assert_eq!(books["pricebooks"][0]["bids"], json!([{"price": "61234", "size": "0.2"}]));
}

#[test]
fn what_a_product_says_of_itself() {
    let (_, product) = Talk::new().open_get(&format!("{BASE}/market/products/BTC-USD"), "");
    for (field, value) in [
        ("price", json!("61234.5")),
        ("price_increment", json!("0.01")),
        ("base_increment", json!("0.00000001")),
        ("quote_min_size", json!("1")),
        ("base_max_size", json!("10")),
        ("mid_market_price", json!("61234.5")),
        ("status", json!("online")),
        ("trading_disabled", json!(false)),
        ("price_percentage_change_24h", json!("2.0575")),
    ] {
        assert_eq!(product[field], value, "{field}");
    }
    let (_, trades) = Talk::new().open_get(&format!("{BASE}/market/products/BTC-USD/ticker"), "");
    assert_eq!(trades["trades"][0]["side"], "SELL", "the maker's: a buyer took");
    let path = format!("{BASE}/market/product_book");
    let step = "product_id=BTC-USD&aggregation_price_increment=10";
    let (_, book) = Talk::new().open_get(&path, step);
    assert_eq!(book["pricebook"]["bids"][0]["price"], "61230");
    assert_eq!(book["pricebook"]["asks"][0]["price"], "61240");
    assert_eq!((&book["spread_absolute"], &book["spread_bps"]), (&json!("1"), &json!("0.1633")));
}

#[test]
fn public_mistakes() {
    let market = format!("{BASE}/market");
    for (path, query, status, error, details) in [
        ("/products/NOPE", "", 404, "NOT_FOUND", "valid product_id is required"),
        ("/product_book", "", 400, "INVALID_ARGUMENT", "product_id is required"),
        ("/product_book", "product_id=X", 404, "NOT_FOUND", "valid product_id is required"),
        (
            "/products",
            "product_type=OPTIONS",
            400,
            "unknown",
            "parsing field \"product_type\": \"OPTIONS\" is not a valid value",
        ),
        (
            "/products/BTC-USD/candles",
            "start=0&end=21300&granularity=ONE_MINUTE",
            400,
            "INVALID_ARGUMENT",
            "number of candles requested should be less than 350",
        ),
        ("/nothing", "", 404, "NOT_FOUND", "path not found"),
    ] {
        let answer = Talk::new().open_get(&format!("{market}{path}"), query);
        let body = json!({"error": error, "error_details": details, "message": details});
        assert_eq!(answer, (status, body), "{path} {query}");
    }
}

#[test]
fn who_asks() {
    let path = format!("{BASE}/key_permissions");
    let target = |host| Target { method: "GET", host, path: &path };
    let status = |token: &str| done(Talk::new().raw("GET", &path, "", "", token)).status;
    let talk = Talk::new();
    let sign = |seconds: i64| {
        let now = at(seconds * 1_000);
        super::testing::signing_key().token(KEY, Some(&target(HOST)), now, Nonce([0; 32]))
    };
    assert_eq!(status(&talk.token(KEY, Some(&target(HOST)))), 200);
    assert_eq!(status(&talk.token(KEY, Some(&target(crate::coinbase::REST_HOST)))), 200);
    assert_eq!(status(&talk.token(KEY, Some(&target("http://127.0.0.1:9000")))), 200);
    assert_eq!(status(&talk.token(KEY, Some(&target("elsewhere")))), 401);
    assert_eq!(status(&talk.token(KEY, None)), 401);
    assert_eq!(status(&talk.token("stranger", Some(&target(HOST)))), 401);
    for token in ["", "x", "a.b.c"] {
        assert_eq!(status(token), 401, "{token:?}");
    }
    // Both ends of the time that a token is good for.
    for (seconds, expected) in [(-121, 401), (-120, 200), (0, 200), (1, 401)] {
        assert_eq!(status(&sign(seconds)), expected, "{seconds} s");
    }
    let late = done(Talk::new().raw("GET", &path, "", "", &sign(-121)));
    assert_eq!(read(&late).1["errors"][0]["message"], "request timestamp expired");
    let unknown = done(Talk::new().raw("GET", &path, "", "", ""));
    assert_eq!(read(&unknown), (401, json!("Unauthorized\n")));
}

#[test]
fn a_key_that_may_look_may_not_trade() {
    let mut talk = Talk::new();
    let view = read(&done(talk.signed(VIEWER, "GET", "/key_permissions", "", ""))).1;
    assert_eq!((&view["can_view"], &view["can_trade"]), (&json!(true), &json!(false)));
    assert_eq!(view["can_transfer"], json!(false));
    let body = create("limit_limit_gtc", limit()).to_string();
    let answer = read(&done(talk.signed(VIEWER, "POST", "/orders", "", &body)));
    assert_eq!((answer.0, &answer.1["error_details"]), (403, &json!("Missing required scopes")));
    assert!(matches!(talk.signed(KEY, "POST", "/orders", "", &body), Step::Ask { .. }));
}

/// Each configuration that is offered, and what the exchange hears of it.
#[test]
fn every_kind_of_order() {
    let end = "2026-01-01T00:10:00Z";
    let price = "61000.5".parse().unwrap();
    let gtd = TimeInForce::Gtd(at(600_000));
    let stop = json!({"stop_price": "60000"});
    let up = json!({"stop_direction": "STOP_DIRECTION_STOP_UP"});
    let down = json!({"stop_direction": "STOP_DIRECTION_STOP_DOWN"});
    let trigger = "60000".parse().unwrap();
    let stop_up = with(with(limit(), stop.clone()), up);
    let stop_down = with(with(limit(), stop), down);
    let base = OrderQty::Base("0.002".parse().unwrap());
    let resting = OrderKind::Limit { price };
    for (key, numbers, kind, tif) in [
        ("limit_limit_gtc", limit(), resting, TimeInForce::Gtc),
        ("sor_limit_ioc", limit(), resting, TimeInForce::Ioc),
        ("limit_limit_fok", limit(), resting, TimeInForce::Fok),
        ("limit_limit_gtd", with(limit(), json!({"end_time": end})), resting, gtd),
        ("market_market_ioc", json!({"base_size": "0.002"}), OrderKind::Market, TimeInForce::Ioc),
        (
            "stop_limit_stop_limit_gtc",
            stop_up.clone(),
            OrderKind::StopLimit { trigger, price },
            TimeInForce::Gtc,
        ),
        (
            "stop_limit_stop_limit_gtc",
            stop_down,
            OrderKind::TakeProfitLimit { trigger, price },
            TimeInForce::Gtc,
        ),
        (
            "stop_limit_stop_limit_gtd",
            with(stop_up, json!({"end_time": end})),
            OrderKind::StopLimit { trigger, price },
            gtd,
        ),
    ] {
        let (request, _) = Talk::new().asks("/orders", &create(key, numbers));
        let AccountRequest::Place(order) = request else { panic!("{key}: {request:?}") };
        assert_eq!((order.kind, order.time_in_force, order.qty), (kind, tif, base), "{key}");
        assert_eq!((order.side, order.post_only), (Side::Buy, false));
        assert_eq!(order.client_order_id.as_str(), "c-1");
    }
    let by_quote = create("market_market_ioc", json!({"quote_size": "25.50", "base_size": null}));
    let (request, _) = Talk::new().asks("/orders", &by_quote);
    let AccountRequest::Place(order) = request else { panic!("{request:?}") };
    assert_eq!(order.qty, OrderQty::Quote("25.5".parse().unwrap()));
    let maker = with(limit(), json!({"post_only": true, "limit_price": "61000.50"}));
    let (request, _) = Talk::new().asks("/orders", &create("limit_limit_gtc", maker));
    assert!(matches!(request, AccountRequest::Place(order) if order.post_only));
}

#[test]
fn orders_that_are_refused_before_the_exchange_is_asked() {
    let gtc = |changes| create("limit_limit_gtc", with(limit(), changes));
    let gtd = |end: Value| create("limit_limit_gtd", with(limit(), json!({ "end_time": end })));
    let stop = |stop: &str, direction: &str| {
        let numbers = json!({"stop_price": stop, "stop_direction": direction});
        create("stop_limit_stop_limit_gtc", with(limit(), numbers))
    };
    let market = |numbers| create("market_market_ioc", numbers);
    for (body, reason) in [
        (with(gtc(json!({})), json!({"product_id": "NOPE"})), "PREVIEW_INVALID_PRODUCT_ID"),
        (gtc(json!({"limit_price": "61000.505"})), "PREVIEW_INVALID_PRICE_PRECISION"),
        (gtc(json!({"limit_price": "0"})), "PREVIEW_INVALID_LIMIT_PRICE"),
        (gtc(json!({"limit_price": "1000000.01"})), "PREVIEW_INVALID_PRICE_TOO_LARGE"),
        (gtc(json!({"base_size": "0.000000001"})), "PREVIEW_INVALID_SIZE_PRECISION"),
        (gtc(json!({"base_size": "-1"})), "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
        (gtc(json!({"base_size": "10.00000001"})), "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
        (gtc(json!({"base_size": "0.00001639"})), "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        (gtc(json!({"base_size": "one"})), "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
        (gtc(json!({"base_size": ""})), "PREVIEW_INVALID_ORDER_CONFIG"),
        (gtc(json!({"quote_size": "5"})), "PREVIEW_INVALID_ORDER_CONFIG"),
        (gtc(json!({"base_size": "", "quote_size": "5"})), "UNSUPPORTED_ORDER_CONFIGURATION"),
        (gtd(json!("2026-01-01T00:00:00Z")), "PREVIEW_END_TIME_IS_IN_THE_PAST"),
        (gtd(json!("soon")), "PREVIEW_INVALID_END_TIME"),
        (gtd(json!("")), "PREVIEW_GTD_ORDERS_MUST_HAVE_END_TIME"),
        (stop("61000.51", "STOP_DIRECTION_STOP_UP"), "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE"),
        (stop("0", "STOP_DIRECTION_STOP_UP"), "PREVIEW_INVALID_STOP_PRICE"),
        (stop("60000", "SIDEWAYS"), "PREVIEW_INVALID_ORDER_CONFIG"),
        (
            with(stop("61000.49", "STOP_DIRECTION_STOP_DOWN"), json!({"side": "SELL"})),
            "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE",
        ),
        (market(json!({"quote_size": "0.99"})), "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        (market(json!({"quote_size": "5.001"})), "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"),
        (market(json!({"quote_size": "1000000.01"})), "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"),
        (
            create("limit_limit_fok", with(limit(), json!({"post_only": true}))),
            "PREVIEW_POST_ONLY_NOT_ALLOWED_WITH_FOK",
        ),
        (create("market_market_fok", limit()), "UNSUPPORTED_ORDER_CONFIGURATION"),
        (create("trigger_bracket_gtc", limit()), "UNSUPPORTED_ORDER_CONFIGURATION"),
        (create("twap_limit_gtd", limit()), "UNSUPPORTED_ORDER_CONFIGURATION"),
        (with(gtc(json!({})), json!({"order_configuration": {}})), "PREVIEW_INVALID_ORDER_CONFIG"),
        (
            with(gtc(json!({})), json!({"attached_order_configuration": {"x": {}}})),
            "UNSUPPORTED_ORDER_CONFIGURATION",
        ),
    ] {
        let (status, answer) = Talk::new().post("/orders", &body);
        // Numbers that are none cannot be read back from the echo, so only the error is.
        let error: wire::OrderError =
            serde_json::from_value(answer["error_response"].clone()).unwrap();
        assert_eq!((status, &answer["success"]), (200, &json!(false)), "{body}");
        assert_eq!(error.reason(), reason, "{body}");
        assert_eq!(answer["order_configuration"], body["order_configuration"], "it is echoed");
        // A preview finds the same.
        let (_, preview) = Talk::new().post("/orders/preview", &body);
        let found = preview["errs"][0].as_str().unwrap();
        assert!(found == reason || reason.starts_with("UNSUPPORTED"), "{found}");
    }
    // Both sides of a limit: one step less is refused above, this is taken.
    Talk::new().asks("/orders", &gtc(json!({"base_size": "0.0000164"})));
    Talk::new().asks("/orders", &market(json!({"quote_size": "1"})));
    let mut dry = Talk::new();
    dry.market.asks.clear();
    let (_, answer) = dry.post("/orders", &market(json!({"quote_size": "5"})));
    let reason = &answer["error_response"]["preview_failure_reason"];
    assert_eq!(reason, "PREVIEW_INVALID_NO_LIQUIDITY");
}

#[test]
fn bodies_that_cannot_be_read() {
    let good = create("limit_limit_gtc", limit());
    for (body, details) in [
        (json!({"client_order_id": ""}), "client_order_id is required"),
        (
            json!({"client_order_id": "with space"}),
            "client_order_id is invalid: ' ' is not allowed",
        ),
        (json!({"product_id": ""}), "product_id is required"),
        (json!({"side": "HOLD"}), "parsing field \"side\": \"HOLD\" is not a valid value"),
        (json!({"order_configuration": null}), "order_configuration is required"),
        (
            json!({"order_configuration": {"limit_limit_gtc": {"base_size": 1}}}),
            "limit_limit_gtc.base_size is not a string",
        ),
        (
            json!({"order_configuration": {"limit_limit_gtc": {"post_only": "yes"}}}),
            "limit_limit_gtc.post_only is not a bool",
        ),
    ] {
        let (status, answer) = Talk::new().post("/orders", &with(good.clone(), body));
        assert_eq!((status, &answer["error_details"]), (400, &json!(details)));
    }
    let long = with(good, json!({"client_order_id": "x".repeat(45)}));
    assert_eq!(Talk::new().post("/orders", &long).0, 400);
    let broken = done(Talk::new().signed(KEY, "POST", "/orders", "", "{"));
    assert_eq!(broken.status, 400);
}

#[test]
fn what_the_exchange_says_to_an_order() {
    let body = create("limit_limit_gtc", limit());
    let mut talk = Talk::new();
    let (_, pending) = talk.asks("/orders", &body);
    let taken = Response::Placed { order: order(7, VenueOrderStatus::New), fills: Vec::new() };
    let answer = read(&done(talk.answer(pending, Ok(taken))));
    assert_eq!(
        answer,
        (
            200,
            json!({"success": true, "order_configuration": body["order_configuration"],
                   "success_response": {"order_id": "0dde0000-0000-4000-8000-000000000007",
                                        "product_id": "BTC-USD", "side": "BUY",
                                        "client_order_id": "c-1"}})
        )
    );
    for (error, reason) in [
        (VenueError::InsufficientBalance, "INSUFFICIENT_FUND"),
        (VenueError::WouldTake, "INVALID_LIMIT_PRICE_POST_ONLY"),
        (VenueError::MarketClosed, "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE"),
        (
            VenueError::Filter { filter: Filter::PriceBand },
            "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET",
        ),
    ] {
        let (_, pending) = talk.asks("/orders", &body);
        let (status, answer) = read(&done(talk.answer(pending, Err(error.clone()))));
        let reply: wire::CreateOrderReply = serde_json::from_value(answer).unwrap();
        assert_eq!((status, reply.success), (200, false));
        assert_eq!(reply.error_response.unwrap().reason(), reason, "{error:?}");
    }
}

#[test]
fn an_id_names_its_first_order_for_ever() {
    let mut talk = Talk::new();
    talk.happen(&[accepted(7)]);
    let name = order(7, VenueOrderStatus::New).client_order_id.to_string();
    let other = with(create("limit_limit_fok", limit()), json!({"client_order_id": name}));
    let same = |talk: &mut Talk| {
        let (status, answer) = talk.post("/orders", &other);
        assert_eq!((status, &answer["success"]), (200, &json!(true)));
        assert_eq!(answer["order_configuration"], other["order_configuration"], "only echoed");
        answer["success_response"]["order_id"].clone()
    };
    let id = json!("0dde0000-0000-4000-8000-000000000007");
    assert_eq!(same(&mut talk), id);
    let gone = order(7, VenueOrderStatus::Canceled);
    let cancel = gone.client_order_id;
    talk.happen(&[told(gone, Execution::Canceled(cancel))]);
    assert_eq!(same(&mut talk), id);
    // Even numbers that make no sense do not matter any more.
    let odd = create("limit_limit_gtc", json!({"base_size": "no"}));
    let odd = with(odd, json!({"client_order_id": name}));
    assert_eq!(talk.post("/orders", &odd).1["success_response"]["order_id"], id);
    // Two at the same time: the exchange finds the second one.
    let (_, pending) = talk.asks("/orders", &create("limit_limit_gtc", limit()));
    let mut late = order(8, VenueOrderStatus::New);
    late.client_order_id = "c-1".parse().unwrap();
    talk.happen(&[told(late, Execution::New)]);
    let answer = read(&done(talk.answer(pending, Err(VenueError::DuplicateClientOrderId)))).1;
    assert_eq!(answer["success_response"]["order_id"], "0dde0000-0000-4000-8000-000000000008");
}

#[test]
fn a_batch_of_cancels_asks_for_one_after_the_other() {
    let mut talk = Talk::new();
    let gone = order(9, VenueOrderStatus::Filled);
    talk.happen(&[accepted(7), accepted(8), told(gone, Execution::Trade(fill(9)))]);
    let name = |number: u64| super::ids::order_id(VenueOrderId::from_number(number));
    let ids = [name(9), name(7), "nonsense".to_owned(), name(8), name(99), name(7)];
    let body = json!({ "order_ids": ids });
    let (first, pending) = talk.asks("/orders/batch_cancel", &body);
    let key = |request: &AccountRequest| match request {
        AccountRequest::Cancel { order: OrderKey::Venue(id), .. } => id.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(key(&first), "7");
    let canceled = order(7, VenueOrderStatus::Canceled);
    let cancel_id = canceled.client_order_id;
    talk.happen(&[told(canceled.clone(), Execution::Canceled(cancel_id))]);
    let answer = Ok(Response::Canceled { order: canceled, cancel_id });
    let Step::Ask { request, pending, .. } = talk.answer(pending, answer) else {
        panic!("the second one is not asked for");
    };
    assert_eq!(key(&request), "8");
    let (status, answer) = read(&done(talk.answer(pending, Err(VenueError::MarketClosed))));
    let results: wire::CancelResults = serde_json::from_value(answer).unwrap();
    let got: Vec<(bool, &str, &String)> = results
        .results
        .iter()
        .map(|result| (result.success, result.failure_reason.as_str(), &result.order_id))
        .collect();
    let unknown = "UNKNOWN_CANCEL_ORDER";
    let expected = [
        (false, unknown, &ids[0]),
        (true, "UNKNOWN_CANCEL_FAILURE_REASON", &ids[1]),
        (false, unknown, &ids[2]),
        (false, "COMMANDER_REJECTED_CANCEL_ORDER", &ids[3]),
        (false, unknown, &ids[4]),
        (false, unknown, &ids[5]),
    ];
    assert_eq!((status, got), (200, expected.to_vec()));
    assert_eq!(talk.post("/orders/batch_cancel", &json!({"order_ids": []})).0, 400);
    let many = |count| json!({"order_ids": vec!["x"; count]});
    assert_eq!(talk.post("/orders/batch_cancel", &many(100)).0, 200);
    assert_eq!(talk.post("/orders/batch_cancel", &many(101)).0, 400);
}

/// Sums over an order's life, which no single event has.
#[test]
fn an_order_as_it_stands() {
    let mut talk = Talk::new();
    let half = order(7, VenueOrderStatus::PartiallyFilled);
    talk.happen(&[accepted(7), told(half, Execution::Trade(fill(7)))]);
    let id = "0dde0000-0000-4000-8000-000000000007";
    let (status, body) = talk.get(&format!("/orders/historical/{id}"), "");
    let one: wire::OneOrder = serde_json::from_value(body.clone()).unwrap();
    assert_eq!((status, serde_json::to_value(&one).unwrap()), (200, body.clone()));
    for (field, value) in [
        ("order_id", json!(id)),
        ("status", json!("OPEN")),
        ("completion_percentage", json!("50")),
        ("filled_size", json!("0.001")),
        ("average_filled_price", json!("61234.5")),
        ("number_of_fills", json!("1")),
        ("filled_value", json!("61.2345")),
        ("total_fees", json!("0.367407")),
        ("total_value_after_fees", json!("61.601907")),
        // What is left, and the dearer fee on it.
        ("outstanding_hold_amount", json!("61.969314")),
        ("time_in_force", json!("GOOD_UNTIL_CANCELLED")),
        ("trigger_status", json!("INVALID_ORDER_TYPE")),
        ("last_fill_time", json!("2026-01-01T00:00:00.057Z")),
        (
            "order_configuration",
            json!({"limit_limit_gtc": {"base_size": "0.002", "limit_price": "61234.5",
                                       "post_only": true}}),
        ),
    ] {
        assert_eq!(body["order"][field], value, "{field}");
    }
    assert_eq!(talk.get("/orders/historical/nobody", "").0, 404);
}

#[test]
fn lists_are_filtered_and_go_on_where_they_ended() {
    let mut talk = Talk::new();
    let mut events: Vec<_> = (1..=5).map(accepted).collect();
    let filled = order(3, VenueOrderStatus::Filled);
    events.push(told(filled, Execution::Trade(fill(3))));
    let mut sell = order(6, VenueOrderStatus::New);
    (sell.side, sell.kind) = (Side::Sell, OrderKind::Market);
    events.push(told(sell, Execution::New));
    talk.happen(&events);
    let mut list = |query: &str| -> (Vec<u64>, String) {
        let (status, body) = talk.get("/orders/historical/batch", query);
        assert_eq!(status, 200, "{query}: {body}");
        let page: wire::Orders = serde_json::from_value(body).unwrap();
        assert_eq!(page.has_next, !page.cursor.is_empty());
        let number = |order: &wire::Order| {
            let id = super::ids::parse_order_id(&order.order_id).unwrap();
            id.as_str().parse().unwrap()
        };
        (page.orders.iter().map(number).collect(), page.cursor)
    };
    assert_eq!(list("").0, [6, 5, 4, 3, 2, 1], "newest first");
    assert_eq!(list("order_status=FILLED").0, [3]);
    assert_eq!(list("order_status=FILLED&order_status=OPEN&limit=2").0, [6, 5]);
    assert_eq!(list("order_side=SELL").0, [6]);
    assert_eq!(list("order_types=LIMIT&product_ids=BTC-USD").0, [5, 4, 3, 2, 1]);
    assert_eq!(list("product_ids=ETH-USD").0, [0u64; 0]);
    assert_eq!(list("asset_filters=BTC").0.len(), 6);
    assert_eq!(list("asset_filters=ETH").0, [0u64; 0]);
    assert_eq!(list("order_ids=0dde0000-0000-4000-8000-000000000002").0, [2]);
    // The start is part of it, the end is not.
    let span = "start_date=2026-01-01T00:00:00.002Z&end_date=2026-01-01T00:00:00.004Z";
    assert_eq!(list(span).0, [3, 2]);
    assert_eq!(list("sort_by=LAST_FILL_TIME").0[0], 3);
    let (mut seen, mut query) = (Vec::new(), "limit=4".to_owned());
    loop {
        let (page, cursor) = list(&query);
        seen.extend(page);
        if cursor.is_empty() {
            break;
        }
        query = format!("limit=4&cursor={cursor}");
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
    for wrong in ["cursor=x", "sort_by=LUCK", "start_date=today", "limit=many"] {
        assert_eq!(talk.get("/orders/historical/batch", wrong).0, 400, "{wrong}");
    }
    let (_, fills) = talk.get("/orders/historical/fills", "product_ids=BTC-USD");
    assert_eq!(fills["fills"][0]["commission"], "0.367407");
    assert_eq!(fills["fills"][0]["liquidity_indicator"], "MAKER");
    assert_eq!(fills["fills"][0]["trade_id"], "40003");
    let none = "order_ids=0dde0000-0000-4000-8000-000000000001";
    assert_eq!(talk.get("/orders/historical/fills", none).1["fills"], json!([]));
}

#[test]
fn wallets_are_listed_a_page_at_a_time() {
    let mut talk = Talk::new();
    let held = |text: &str| text.parse().unwrap();
    let balance = Balance { free: held("900.5"), locked: held("99.5") };
    let balances = BTreeMap::from([
        (Asset::new("USD").unwrap(), balance),
        (Asset::new("XRP").unwrap(), Balance { free: held("7"), locked: held("0") }),
    ]);
    let snapshot = AccountSnapshot { rights: None, updated: at(0), balances };
    let mut ask = |path: &str, query: &str| {
        let Step::Ask { request, pending, .. } = talk.signed(KEY, "GET", path, query, "") else {
            panic!("{path} is answered");
        };
        assert_eq!(request, AccountRequest::Account);
        read(&done(talk.answer(pending, Ok(Response::Account(snapshot.clone())))))
    };
    let (_, page) = ask("/accounts", "");
    let all: wire::Accounts = serde_json::from_value(page).unwrap();
    let names: Vec<&str> = all.accounts.iter().map(|wallet| wallet.currency.as_str()).collect();
    // What is traded here is there, whether something is in it or not.
    assert_eq!((names, all.has_next, all.size), (vec!["BTC", "USD", "XRP"], false, 3));
    let usd = &all.accounts[1];
    assert_eq!(
        (usd.available_balance.value, usd.hold.value),
        (balance_of("900.5"), balance_of("99.5"))
    );
    assert_eq!(usd.kind, "ACCOUNT_TYPE_FIAT");
    let (_, first) = ask("/accounts", "limit=2");
    assert_eq!((&first["has_next"], &first["cursor"]), (&json!(true), &json!("USD")));
    let (_, second) = ask("/accounts", "limit=2&cursor=USD");
    assert_eq!(second["accounts"][0]["currency"], "XRP");
    assert_eq!((&second["has_next"], &second["cursor"]), (&json!(false), &json!("")));
    let (status, one) = ask(&format!("/accounts/{}", usd.uuid), "");
    assert_eq!((status, &one["account"]["currency"]), (200, &json!("USD")));
    assert_eq!(ask("/accounts/nobody", "").0, 404);
}

fn balance_of(text: &str) -> wire::Num {
    wire::Num(Some(text.parse().unwrap()))
}

#[test]
fn a_preview_says_what_it_would_come_to() {
    let mut talk = Talk::new();
    let body = create("market_market_ioc", json!({"base_size": "0.1"}));
    let (request, pending) = talk.asks("/orders/preview", &body);
    assert!(matches!(request, AccountRequest::Test(_)));
    let (_, preview) = read(&done(talk.answer(pending, Ok(Response::Tested))));
    for (field, value) in [
        ("base_size", json!("0.1")),
        ("quote_size", json!("6123.5")),
        ("commission_total", json!("73.482")),
        ("order_total", json!("6196.982")),
        ("est_average_filled_price", json!("61235")),
        ("best_bid", json!("61234")),
        ("errs", json!([])),
        ("warning", json!(["UNKNOWN"])),
    ] {
        assert_eq!(preview[field], value, "{field}");
    }
    let (_, pending) = talk.asks("/orders/preview", &body);
    let (_, preview) = read(&done(talk.answer(pending, Err(VenueError::InsufficientBalance))));
    assert_eq!(preview["errs"], json!(["PREVIEW_INSUFFICIENT_FUND"]));
}

#[test]
fn edits_are_refused_each_for_its_reason() {
    let mut talk = Talk::new();
    let half = order(7, VenueOrderStatus::PartiallyFilled);
    let gone = order(8, VenueOrderStatus::Filled);
    talk.happen(&[told(half, Execution::Trade(fill(7))), told(gone, Execution::Trade(fill(8)))]);
    let name = |number: u64| super::ids::order_id(VenueOrderId::from_number(number));
    for (id, price, size, reason) in [
        (name(9), "1", "1", "ORDER_NOT_FOUND"),
        (name(8), "1", "1", "ONLY_OPEN_ORDERS_CAN_BE_EDITED"),
        (name(7), "1", "", "INVALID_EDITED_SIZE"),
        (name(7), "1", "0.0009", "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
        (name(7), "1", "0.001", "COMMANDER_REJECTED_EDIT_ORDER"),
    ] {
        let body = json!({"order_id": id, "price": price, "size": size});
        let (status, answer) = talk.post("/orders/edit", &body);
        assert_eq!((status, &answer["success"]), (200, &json!(false)));
        assert_eq!(answer["errors"][0]["edit_failure_reason"], reason);
        let (_, preview) = talk.post("/orders/edit_preview", &body);
        assert_eq!(preview["errors"][0]["edit_failure_reason"], reason);
    }
}

#[test]
fn requests_are_counted_by_key_and_by_address() {
    let mut talk = Talk::new();
    let time = format!("{BASE}/time");
    for left in (0..10).rev() {
        let answer = done(talk.raw("GET", &time, "", "", ""));
        assert_eq!(header(&answer, "x-ratelimit-remaining"), Some(left.to_string().as_str()));
    }
    let refused = done(talk.raw("GET", &time, "", "", ""));
    assert_eq!((refused.status, header(&refused, "x-ratelimit-reset")), (429, Some("1")));
    assert_eq!(read(&refused).1["errors"][0]["id"], "rate_limit_exceeded");
    // The key has a limit of its own, and whoever is not known counts with the address.
    for _ in 0..30 {
        assert_eq!(talk.get("/key_permissions", "").0, 200);
    }
    assert_eq!(talk.get("/key_permissions", "").0, 429);
    let path = format!("{BASE}/accounts");
    assert_eq!(done(talk.raw("GET", &path, "", "", "x.y.z")).status, 429);
    // The older API counts by the hour.
    assert_eq!(talk.open_get("/v2/time", "").0, 200);
    talk.wait(999);
    assert_eq!(talk.open_get(&time, "").0, 429);
    talk.wait(1);
    assert_eq!(talk.open_get(&time, "").0, 200);
    assert_eq!(talk.get("/key_permissions", "").0, 200);
}

#[test]
fn what_old_clients_ask_on_their_way() {
    let mut talk = Talk::new();
    let (_, time) = talk.open_get("/v2/time", "");
    assert_eq!(time["data"], json!({"iso": "2026-01-01T00:00:00Z", "epoch": 1_767_225_600}));
    assert_eq!(talk.open_get("/v2/currencies", "").1["data"][0]["id"], "USD");
    assert_eq!(talk.open_get("/v2/currencies/crypto", "").1["data"][0]["code"], "BTC");
    let (_, rates) = talk.open_get("/v2/exchange-rates", "");
    assert_eq!(rates["data"]["rates"]["BTC"], "0.000016330663269888");
    let (path, method) = ("/v2/accounts", "GET");
    let token = talk.token(KEY, Some(&Target { method, host: HOST, path }));
    assert!(matches!(talk.raw(method, path, "", "", &token), Step::Ask { .. }));
}

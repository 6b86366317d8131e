//! Conversations over REST, from the request's bytes to the answer's.

use model::venue::{
    AccountRequest, Filter, KeyRights, OrderKey, Replaced, Response, VenueOrderStatus,
};
use model::{ClientOrderId, OrderKind, OrderQty, Side};
use serde_json::{Value, json};

use super::testing::{API_KEY, Talk, at, fill, header, limit, order, read};
use super::*;
use crate::binance::wire;

const LIMIT: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00200000\
                     &price=61234.50&newClientOrderId=agent-7-000001";

fn talk() -> Talk {
    Talk::new(ServerConfig::default())
}

fn placed() -> Result<Response, VenueError> {
    Ok(Response::Placed { order: order(VenueOrderStatus::PartiallyFilled), fills: vec![fill()] })
}

fn error(code: i64, msg: &str) -> Value {
    json!({"code": code, "msg": msg})
}

/// Every public route answers, and in the shape that the client's structs read; printing what was
/// read gives the same JSON again.
#[test]
fn public_answers_have_the_documented_shapes() {
    fn check<T: serde::de::DeserializeOwned + serde::Serialize>(path: &str, query: &str) {
        let (status, body) = talk().answered("GET", path, query);
        assert_eq!(status, 200, "{path}: {body}");
        let parsed: T = serde_json::from_value(body.clone()).unwrap_or_else(|error| {
            panic!("{path}: {error}: {body}");
        });
        assert_eq!(serde_json::to_value(&parsed).unwrap(), body, "{path}");
    }
    let btc = "symbol=BTCUSDT";
    check::<Value>("/api/v3/ping", "");
    check::<wire::ServerTime>("/api/v3/time", "");
    check::<wire::ExchangeInfo>("/api/v3/exchangeInfo", "");
    check::<wire::ExchangeInfo>("/api/v3/exchangeInfo", "symbols=%5B%22BTCUSDT%22%5D");
    check::<wire::Depth>("/api/v3/depth", btc);
    check::<Vec<wire::Trade>>("/api/v3/trades", btc);
    check::<Vec<wire::Trade>>("/api/v3/historicalTrades", "symbol=BTCUSDT&fromId=1");
    check::<Vec<wire::AggTrade>>("/api/v3/aggTrades", btc);
    check::<Vec<wire::Kline>>("/api/v3/klines", "symbol=BTCUSDT&interval=1m&timeZone=0");
    check::<Vec<wire::Kline>>("/api/v3/uiKlines", "symbol=BTCUSDT&interval=1M");
    check::<wire::AvgPrice>("/api/v3/avgPrice", btc);
    check::<wire::Ticker>("/api/v3/ticker/24hr", btc);
    check::<Vec<wire::Ticker>>("/api/v3/ticker/24hr", "");
    check::<wire::MiniTicker>("/api/v3/ticker/24hr", "symbol=BTCUSDT&type=MINI");
    check::<wire::Ticker>("/api/v3/ticker/tradingDay", btc);
    check::<wire::Ticker>("/api/v3/ticker", "symbol=BTCUSDT&windowSize=7d");
    check::<wire::TickerPrice>("/api/v3/ticker/price", btc);
    check::<Vec<wire::TickerPrice>>("/api/v3/ticker/price", "");
    check::<wire::BookTicker>("/api/v3/ticker/bookTicker", btc);
    check::<Value>("/api/v3/executionRules", btc);
    for path in ["/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"] {
        assert_eq!(talk().answered("GET", path, "").1["symbols"], json!([]));
    }
    for path in ["/sapi/v1/margin/allPairs", "/sapi/v1/capital/config/getall"] {
        assert_eq!(talk().answered("GET", path, "timestamp=1&signature=x"), (200, json!([])));
    }
}

#[test]
fn numbers_look_as_binance_prints_them() {
    let (_, depth) = talk().answered("GET", "/api/v3/depth", "symbol=BTCUSDT");
    assert_eq!(
        depth,
        json!({"lastUpdateId": 910, "bids": [["61234.00000000", "0.20000000"]],
               "asks": [["61235.00000000", "0.30000000"]]})
    );
    let (_, ticker) = talk().answered("GET", "/api/v3/ticker/24hr", "symbol=BTCUSDT");
    assert_eq!(ticker["priceChangePercent"], "0.000");
    assert_eq!(ticker["weightedAvgPrice"], "61234.50000000");
    assert_eq!(ticker["count"], 1);
    let (_, trades) = talk().answered("GET", "/api/v3/trades", "symbol=BTCUSDT");
    assert_eq!(trades[0]["isBuyerMaker"], false, "a buyer took");
    assert_eq!(trades[0]["quoteQty"], "612.34500000");
}

#[test]
fn times_in_microseconds_for_those_who_ask() {
    let ask = |unit: &str| {
        let mut talk = talk();
        let headers = [("x-mbx-time-unit", unit)];
        let (method, path, query, body) = ("GET", "/api/v3/time", "", &[][..]);
        let peer = testing::PEER;
        let request = HttpRequest { method, path, query, body, headers: &headers, peer };
        match talk.server.http(talk.now, &request, &testing::Canned) {
            Step::Done(response) => read(&response),
            Step::Ask { .. } => panic!("the time is known"),
        }
    };
    assert_eq!(ask("MICROSECOND"), (200, json!({"serverTime": at(0).micros()})));
    assert_eq!(ask("MILLISECOND"), (200, json!({"serverTime": at(0).millis()})));
    assert_eq!(ask("DAY").1["code"], -1194);
}

#[test]
fn public_mistakes() {
    for (path, query, status, code, msg) in [
        ("/api/v3/nothing", "", 404, -1000, None),
        (
            "/api/v3/depth",
            "",
            400,
            -1102,
            Some("Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ),
        ("/api/v3/depth", "symbol=", 400, -1105, Some("Parameter 'symbol' was empty.")),
        ("/api/v3/depth", "symbol=DOGEUSDT", 400, -1121, Some("Invalid symbol.")),
        (
            "/api/v3/depth",
            "symbol=btcusdt",
            400,
            -1100,
            Some(
                "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.",
            ),
        ),
        (
            "/api/v3/depth",
            "symbol=BTCUSDT&x=1",
            400,
            -1104,
            Some("Not all sent parameters were read; read '1' parameter(s) but was sent '2'."),
        ),
        ("/api/v3/depth", "symbol=BTCUSDT&symbolStatus=HALT", 400, -1220, None),
        (
            "/api/v3/depth",
            "symbol=BTCUSDT&symbolStatus=OPEN",
            400,
            -1122,
            Some("Invalid symbolStatus."),
        ),
        (
            "/api/v3/time",
            "x=1",
            400,
            -1101,
            Some("Too many parameters; expected '0' and received '1'."),
        ),
        ("/api/v3/klines", "symbol=BTCUSDT&interval=7m", 400, -1120, Some("Invalid interval.")),
        ("/api/v3/klines", "symbol=BTCUSDT", 400, -1102, None),
        ("/api/v3/aggTrades", "symbol=BTCUSDT&fromId=1&startTime=1", 400, -1128, None),
        (
            "/api/v3/ticker/24hr",
            "symbol=BTCUSDT&symbols=%5B%22BTCUSDT%22%5D",
            400,
            -1128,
            Some("Combination of optional parameters invalid."),
        ),
        (
            "/api/v3/ticker/24hr",
            "symbols=%5B%22BTCUSDT%22,%22BTCUSDT%22%5D",
            400,
            -1151,
            Some("Symbol is present multiple times in the list."),
        ),
        (
            "/api/v3/ticker/24hr",
            "symbol=BTCUSDT&type=ALL",
            400,
            -1139,
            Some("Invalid ticker type."),
        ),
        ("/api/v3/ticker", "", 400, -1102, None),
        ("/api/v3/ticker", "symbol=BTCUSDT&windowSize=60m", 400, -1130, None),
        ("/api/v3/referencePrice", "symbol=BTCUSDT", 400, -2043, None),
    ] {
        let (found, body) = talk().answered("GET", path, query);
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{path}?{query}: {body}");
        if let Some(msg) = msg {
            assert_eq!(body["msg"], msg, "{path}?{query}");
        }
    }
    let (status, list) = talk().answered("GET", "/api/v3/ticker/price", "symbolStatus=HALT");
    assert_eq!((status, list), (200, json!([])), "in a list they are left out");
}

#[test]
fn an_order_and_its_full_answer() {
    let asked = talk().asks("POST", "/api/v3/order", LIMIT);
    assert_eq!(asked.request, AccountRequest::Place(limit()));
    let response = talk().full("POST", "/api/v3/order", LIMIT, placed());
    let (status, body) = read(&response);
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({
            "symbol": "BTCUSDT", "orderId": 7001, "orderListId": -1,
            "clientOrderId": "agent-7-000001", "transactTime": at(-400).millis(),
            "price": "61234.50000000", "origQty": "0.00200000", "executedQty": "0.00100000",
            "origQuoteOrderQty": "0.00000000", "cummulativeQuoteQty": "61.23450000",
            "status": "PARTIALLY_FILLED", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY",
            "workingTime": at(-500).millis(), "selfTradePreventionMode": "EXPIRE_MAKER",
            "fills": [{
                "price": "61234.50000000", "qty": "0.00100000", "commission": "0.00000100",
                "commissionAsset": "BTC", "tradeId": 40015,
            }],
        })
    );
    assert_eq!(header(&response, "x-mbx-order-count-10s"), Some("1"));
    assert_eq!(header(&response, "x-mbx-order-count-1d"), Some("1"));
}

#[test]
fn an_answer_tells_as_much_as_was_asked_for() {
    let fields = |query: &str| {
        let (_, body) = read(&talk().full("POST", "/api/v3/order", query, placed()));
        (body.get("status").is_some(), body.get("fills").is_some())
    };
    assert_eq!(fields(LIMIT), (true, true));
    assert_eq!(fields(&format!("{LIMIT}&newOrderRespType=RESULT")), (true, false));
    assert_eq!(fields(&format!("{LIMIT}&newOrderRespType=ACK")), (false, false));
    let maker = "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=1&price=5";
    assert_eq!(fields(maker), (false, false));
    let (_, ack) = read(&talk().full("POST", "/api/v3/order", maker, placed()));
    assert_eq!(
        ack,
        json!({"symbol": "BTCUSDT", "orderId": 7001, "orderListId": -1,
               "clientOrderId": "agent-7-000001", "transactTime": at(-400).millis()})
    );
}

#[test]
fn a_market_order_is_reported_without_a_price_and_good_till_canceled() {
    let query = "symbol=BTCUSDT&side=SELL&type=MARKET&quoteOrderQty=100";
    let mut sold = order(VenueOrderStatus::Filled);
    sold.kind = OrderKind::Market;
    sold.side = Side::Sell;
    sold.ordered = OrderQty::Quote("100".parse().unwrap());
    let answer = Ok(Response::Placed { order: sold, fills: vec![] });
    let (_, body) = read(&talk().full("POST", "/api/v3/order", query, answer));
    assert_eq!(body["price"], "0.00000000");
    assert_eq!(body["timeInForce"], "GTC");
    assert_eq!(body["origQuoteOrderQty"], "100.00000000");
    assert_eq!(body["fills"], json!([]));
}

#[test]
fn labels_come_back() {
    let query = format!("{LIMIT}&strategyId=7&strategyType=1000000");
    let (_, body) = read(&talk().full("POST", "/api/v3/order", &query, placed()));
    assert_eq!((&body["strategyId"], &body["strategyType"]), (&json!(7), &json!(1_000_000)));
}

/// Every refusal of the exchange, worded for an order, a cancel and a question.
#[test]
fn refusals_in_exact_words() {
    let cancel = ("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=1");
    let query = ("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=1");
    let place = ("POST", "/api/v3/order", LIMIT);
    for ((method, path, params), refusal, code, msg) in [
        (
            place,
            VenueError::InsufficientBalance,
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        (place, VenueError::DuplicateClientOrderId, -2010, "Duplicate order sent."),
        (place, VenueError::WouldTake, -2010, "Order would immediately match and take."),
        (place, VenueError::WouldTrigger, -2010, "Order would trigger immediately."),
        (place, VenueError::MarketClosed, -2010, "Market is closed."),
        (
            place,
            VenueError::NoLiquidity,
            -2010,
            "Order book liquidity is less than symbol minimum quantity.",
        ),
        (place, VenueError::NotAllowed, -2010, "This action is disabled on this account."),
        (
            place,
            VenueError::Filter { filter: Filter::Price },
            -1013,
            "Filter failure: PRICE_FILTER",
        ),
        (
            place,
            VenueError::Filter { filter: Filter::PriceBand },
            -1013,
            "Filter failure: PERCENT_PRICE_BY_SIDE",
        ),
        (place, VenueError::Filter { filter: Filter::Lot }, -1013, "Filter failure: LOT_SIZE"),
        (
            place,
            VenueError::Filter { filter: Filter::MarketLot },
            -1013,
            "Filter failure: MARKET_LOT_SIZE",
        ),
        (place, VenueError::Filter { filter: Filter::Notional }, -1013, "Filter failure: NOTIONAL"),
        (
            place,
            VenueError::Filter { filter: Filter::OpenOrders },
            -1013,
            "Filter failure: MAX_NUM_ORDERS",
        ),
        (
            place,
            VenueError::Filter { filter: Filter::StopOrders },
            -1013,
            "Filter failure: MAX_NUM_ALGO_ORDERS",
        ),
        (cancel, VenueError::UnknownOrder, -2011, "Unknown order sent."),
        (
            cancel,
            VenueError::CancelRestricted,
            -2011,
            "Order was not canceled due to cancel restrictions.",
        ),
        (query, VenueError::UnknownOrder, -2013, "Order does not exist."),
        (query, VenueError::UnknownInstrument, -1121, "Invalid symbol."),
    ] {
        let response = talk().full(method, path, params, Err(refusal));
        assert_eq!(read(&response), (400, error(code, msg)));
    }
}

#[test]
fn a_cancel_names_the_cancel_and_the_order() {
    let mut talk = talk();
    let query = "symbol=BTCUSDT&origClientOrderId=agent-7-000001&newClientOrderId=cancel-1";
    let asked = talk.asks("DELETE", "/api/v3/order", query);
    let cancel_id = ClientOrderId::new("cancel-1").unwrap();
    assert_eq!(
        asked.request,
        AccountRequest::Cancel {
            instrument: limit().instrument,
            order: OrderKey::Client(limit().client_order_id),
            cancel_id: Some(cancel_id),
            only: None,
        }
    );
    let answer = Response::Canceled { order: order(VenueOrderStatus::Canceled), cancel_id };
    let (status, body) = read(&talk.full("DELETE", "/api/v3/order", query, Ok(answer)));
    assert_eq!(status, 200);
    assert_eq!(body["origClientOrderId"], "agent-7-000001");
    assert_eq!(body["clientOrderId"], "cancel-1");
    assert_eq!(body["status"], "CANCELED");
    let (status, body) = talk.refused("DELETE", "/api/v3/order", "symbol=BTCUSDT");
    assert_eq!(status, 400);
    let text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!";
    assert_eq!(body, error(-1102, text));
}

#[test]
fn who_asks_is_checked_in_this_order() {
    let mut talk = talk();
    let ask = |talk: &mut Talk, key: Option<&str>, query: &str| {
        let headers: Vec<(&str, &str)> = key.iter().map(|key| ("x-mbx-apikey", *key)).collect();
        let (method, path, body) = ("GET", "/api/v3/account", &[][..]);
        let peer = testing::PEER;
        let request = HttpRequest { method, path, query, body, headers: &headers, peer };
        match talk.server.http(talk.now, &request, &testing::Canned) {
            Step::Done(response) => {
                let (status, body) = read(&response);
                (status, body["code"].as_i64().unwrap())
            }
            Step::Ask { .. } => (200, 0),
        }
    };
    let good = talk.sign("");
    assert_eq!(ask(&mut talk, None, &good), (401, -2014));
    assert_eq!(ask(&mut talk, Some("stranger"), &good), (401, -2015));
    assert_eq!(ask(&mut talk, Some(API_KEY), ""), (400, -1102));
    assert_eq!(ask(&mut talk, Some(API_KEY), &good), (200, 0));
    assert_eq!(
        ask(&mut talk, Some(API_KEY), &good.replace("signature=", "signature=0")),
        (400, -1022)
    );
    talk.wait(5_001);
    assert_eq!(ask(&mut talk, Some(API_KEY), &good), (400, -1021));
}

/// Clients send parameters in the query, in a form body, in both, and an empty JSON object.
#[test]
fn parameters_may_stand_in_the_query_or_in_the_body() {
    let mut talk = talk();
    let signed = talk.sign(LIMIT);
    for (query, body) in [(signed.as_str(), ""), ("", signed.as_str()), (signed.as_str(), "{}")] {
        let Step::Ask { request, .. } = talk.raw("POST", "/api/v3/order", query, body) else {
            panic!("refused: {query} {body}")
        };
        assert_eq!(request, AccountRequest::Place(limit()));
    }
}

#[test]
fn order_calls_that_work_are_free_and_others_are_not() {
    let weight = |free_success, answer| {
        let mut talk = Talk::new(ServerConfig { free_success, ..ServerConfig::default() });
        let response = talk.full("POST", "/api/v3/order", LIMIT, answer);
        header(&response, "x-mbx-used-weight-1m").unwrap().to_owned()
    };
    assert_eq!(weight(true, placed()), "0");
    assert_eq!(weight(true, Err(VenueError::InsufficientBalance)), "1");
    assert_eq!(weight(false, placed()), "1");
    let mut talk = talk();
    assert!(matches!(talk.raw("GET", "/api/v3/account", "timestamp=1", ""), Step::Done(_)));
    let Step::Done(response) = talk.raw("GET", "/api/v3/ping", "", "") else { panic!() };
    assert_eq!(header(&response, "x-mbx-used-weight"), Some("21"), "failures are charged");
}

#[test]
fn too_much_is_429_with_a_time_to_wait_and_then_418() {
    let mut talk = Talk::new(ServerConfig { weight_per_minute: 25, ..ServerConfig::default() });
    talk.wait(30_500);
    assert_eq!(talk.answered("GET", "/api/v3/trades", "symbol=BTCUSDT").0, 200);
    let Step::Done(response) = talk.raw("GET", "/api/v3/ping", "", "") else { panic!() };
    let (status, body) = read(&response);
    assert_eq!(status, 429);
    assert_eq!(
        body,
        error(
            -1003,
            "Too much request weight used; current limit is 25 request weight per 1 MINUTE. \
             Please use WebSocket Streams for live updates to avoid polling the API."
        )
    );
    assert_eq!(header(&response, "retry-after"), Some("30"));
    let statuses: Vec<u16> = (0..40).map(|_| talk.answered("GET", "/api/v3/ping", "").0).collect();
    assert_eq!(statuses.last(), Some(&418));
    assert!(talk.open(1, "/ws-api/v3", "").is_err());
    talk.wait(120_000);
    assert_eq!(talk.answered("GET", "/api/v3/ping", "").0, 200);
}

#[test]
fn orders_are_limited_by_account() {
    let mut talk = Talk::new(ServerConfig { orders_per_10s: 1, ..ServerConfig::default() });
    talk.full("POST", "/api/v3/order", LIMIT, placed());
    let (status, body) = talk.refused("POST", "/api/v3/order", LIMIT);
    assert_eq!(status, 429);
    let text = "Too many new orders; current limit is 1 orders per 10 SECOND.";
    assert_eq!(body, error(-1015, text));
    let (status, limits) = talk.refused("GET", "/api/v3/rateLimit/order", "");
    assert_eq!(status, 200);
    assert_eq!(
        limits[0],
        json!({"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10,
               "limit": 1, "count": 1})
    );
    talk.happen(&[VenueEvent::Account {
        account: testing::account(),
        event: AccountEvent::Order {
            order: order(VenueOrderStatus::PartiallyFilled),
            execution: Execution::Trade(fill()),
            execution_id: 1,
            time: talk.now,
        },
    }]);
    talk.asks("POST", "/api/v3/order", LIMIT);
}

/// What happens is told before the answer, as the driver does it.
#[test]
fn an_order_that_fills_at_once_does_not_count() {
    let mut talk = talk();
    let count = |response: &HttpResponse| {
        header(response, "x-mbx-order-count-10s").map(str::to_owned).unwrap()
    };
    let filled = VenueEvent::Account {
        account: testing::account(),
        event: AccountEvent::Order {
            order: order(VenueOrderStatus::Filled),
            execution: Execution::Trade(fill()),
            execution_id: 1,
            time: talk.now,
        },
    };
    let asked = talk.asks("POST", "/api/v3/order", LIMIT);
    talk.happen(&[filled]);
    let response = talk.answer(asked, placed());
    assert_eq!(count(&response), "0");
    let refused = Err(VenueError::WouldTake);
    assert_eq!(count(&talk.full("POST", "/api/v3/order", LIMIT, refused)), "0");
    assert_eq!(count(&talk.full("POST", "/api/v3/order", LIMIT, placed())), "1");
}

fn replace(mode: &str, rest: &str) -> String {
    format!("{LIMIT}&cancelReplaceMode={mode}&cancelOrderId=1{rest}")
}

/// The table of rest-api.md "Cancel an Existing Order and Send a New Order".
#[test]
fn both_halves_of_a_replacement() {
    const PATH: &str = "/api/v3/order/cancelReplace";
    let canceled = || Ok((order(VenueOrderStatus::Canceled), limit().client_order_id));
    let new = || Ok((order(VenueOrderStatus::New), vec![]));
    let no = || Err(VenueError::UnknownOrder);
    let poor = || Err(VenueError::InsufficientBalance);
    for (mode, cancel, new, status, code, results) in [
        ("STOP_ON_FAILURE", canceled(), Some(new()), 200, 0, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", no(), None, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("STOP_ON_FAILURE", canceled(), Some(poor()), 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", no(), Some(new()), 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", no(), Some(poor()), 400, -2022, ("FAILURE", "FAILURE")),
    ] {
        let answer = Ok(Response::Replaced(Box::new(Replaced { cancel, new })));
        let (found, body) = read(&talk().full("POST", PATH, &replace(mode, ""), answer));
        let data = if found == 200 { &body } else { &body["data"] };
        assert_eq!(found, status, "{mode}: {body}");
        assert_eq!(body["code"].as_i64().unwrap_or(0), code);
        assert_eq!(
            (&data["cancelResult"], &data["newOrderResult"]),
            (&json!(results.0), &json!(results.1))
        );
    }
}

#[test]
fn a_replacement_over_the_limit_may_still_cancel() {
    const PATH: &str = "/api/v3/order/cancelReplace";
    let cancel_id = limit().client_order_id;
    let canceled =
        || Ok(Response::Canceled { order: order(VenueOrderStatus::Canceled), cancel_id });
    let no = || Err(VenueError::UnknownOrder);
    let full = || {
        let mut talk = Talk::new(ServerConfig { orders_per_10s: 1, ..ServerConfig::default() });
        talk.full("POST", "/api/v3/order", LIMIT, placed());
        talk
    };
    let (status, body) = full().refused("POST", PATH, &replace("ALLOW_FAILURE", ""));
    assert_eq!((status, &body["code"]), (429, &json!(-1015)), "DO_NOTHING is the default");
    for (mode, answer, status, code, results) in [
        ("STOP_ON_FAILURE", canceled(), 429, -2021, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", no(), 429, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", canceled(), 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", no(), 400, -2022, ("FAILURE", "FAILURE")),
    ] {
        let query = replace(mode, "&orderRateLimitExceededMode=CANCEL_ONLY");
        let (found, body) = read(&full().full("POST", PATH, &query, answer));
        let data = &body["data"];
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{mode}");
        assert_eq!(
            (&data["cancelResult"], &data["newOrderResult"]),
            (&json!(results.0), &json!(results.1))
        );
        if results.1 == "FAILURE" {
            assert_eq!(data["newOrderResponse"]["code"], -1015);
        }
    }
}

#[test]
fn history_may_not_span_more_than_a_day() {
    let day = 86_400_000;
    for path in ["/api/v3/allOrders", "/api/v3/myTrades"] {
        talk().asks("GET", path, &format!("symbol=BTCUSDT&startTime=1&endTime={}", day + 1));
        let query = format!("symbol=BTCUSDT&startTime=1&endTime={}", day + 2);
        let (status, body) = talk().refused("GET", path, &query);
        let text = "More than 24 hours between startTime and endTime.";
        assert_eq!((status, body), (400, error(-1127, text)));
    }
    let (_, body) = talk().refused("GET", "/api/v3/myTrades", "symbol=BTCUSDT&fromId=1&endTime=2");
    assert_eq!(body["code"], -1128);
}

#[test]
fn what_is_not_offered_says_so() {
    let mut talk = talk();
    let (_, body) = talk.answered("POST", "/api/v3/orderList/oco", "symbol=BTCUSDT");
    assert_eq!(body, error(-2010, "OCO orders are not supported for this symbol"));
    let (_, body) = talk.answered("PUT", "/api/v3/order/amend/keepPriority", "");
    assert_eq!(body["code"], -1020);
    let (_, info) = talk.answered("GET", "/api/v3/exchangeInfo", "symbol=BTCUSDT");
    let symbol = &info["symbols"][0];
    for flag in [
        "icebergAllowed",
        "ocoAllowed",
        "otoAllowed",
        "opoAllowed",
        "allowTrailingStop",
        "amendAllowed",
        "pegInstructionsAllowed",
        "isMarginTradingAllowed",
    ] {
        assert_eq!(symbol[flag], false, "{flag}");
    }
    assert_eq!(symbol["cancelReplaceAllowed"], true);
    assert_eq!(symbol["filters"][0]["tickSize"], "0.01000000");
}

#[test]
fn the_account_and_what_it_costs() {
    let mut talk = talk();
    let balance = model::Balance { free: "1".parse().unwrap(), locked: "0.5".parse().unwrap() };
    let base = limit().instrument.assets().unwrap().0;
    let quote = limit().instrument.assets().unwrap().1;
    let snapshot = model::venue::AccountSnapshot {
        rights: Some(KeyRights { can_trade: true, can_withdraw: false }),
        updated: at(-1),
        balances: [(base, balance), (quote, model::Balance::ZERO)].into(),
    };
    let answer = || Ok(Response::Account(snapshot.clone()));
    let (_, body) = read(&talk.full("GET", "/api/v3/account", "", answer()));
    assert_eq!((&body["makerCommission"], &body["takerCommission"]), (&json!(10), &json!(10)));
    assert_eq!(body["commissionRates"]["taker"], "0.00100000");
    assert_eq!(body["balances"].as_array().unwrap().len(), 2);
    assert_eq!(
        body["balances"][0],
        json!({"asset": "BTC", "free": "1.00000000", "locked": "0.50000000"})
    );
    assert!(body["uid"].is_i64() && body["canTrade"] == true && body["canWithdraw"] == false);
    let (_, body) = read(&talk.full("GET", "/api/v3/account", "omitZeroBalances=true", answer()));
    assert_eq!(body["balances"].as_array().unwrap().len(), 1);
    let query = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&computeCommissionRates=true";
    let tested = || Ok(Response::Tested);
    let (_, body) = read(&talk.full("POST", "/api/v3/order/test", query, tested()));
    assert_eq!(body["standardCommissionForOrder"]["maker"], "0.00100000");
    let (_, body) = read(&talk.full("POST", "/api/v3/order/test", LIMIT, tested()));
    assert_eq!(body, json!({}));
    let (status, body) = talk.refused("GET", "/sapi/v1/account/apiRestrictions", "");
    assert_eq!((status, &body["enableWithdrawals"]), (200, &json!(false)));
}

#[test]
fn listen_keys_are_gone_unless_asked_for() {
    let (status, body) = talk().answered("POST", "/api/v3/userDataStream", "");
    assert_eq!((status, body["code"].as_i64()), (410, Some(-1020)));
    let mut talk = Talk::new(ServerConfig { legacy_listen_key: true, ..ServerConfig::default() });
    let (status, body) = talk.answered("POST", "/api/v3/userDataStream", "");
    assert_eq!(status, 200);
    let key = body["listenKey"].as_str().unwrap().to_owned();
    assert_eq!(talk.answered("POST", "/api/v3/userDataStream", "").1, body, "one a time");
    talk.open(1, &format!("/ws/{key}"), "").unwrap();
    let transfer = AccountEvent::Transfer {
        asset: limit().instrument.assets().unwrap().0,
        amount: "0.5".parse().unwrap(),
        time: talk.now,
    };
    talk.happen(&[VenueEvent::Account { account: testing::account(), event: transfer }]);
    assert_eq!(talk.hear(1)[0]["e"], "balanceUpdate", "without an envelope");
    let named = format!("listenKey={key}");
    assert_eq!(talk.answered("PUT", "/api/v3/userDataStream", &named), (200, json!({})));
    assert_eq!(talk.answered("DELETE", "/api/v3/userDataStream", &named), (200, json!({})));
    let (_, body) = talk.answered("PUT", "/api/v3/userDataStream", &named);
    assert_eq!(body, error(-1125, "This listenKey does not exist."));
}

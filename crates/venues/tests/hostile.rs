//! What no exchange says: nested without end, negative, no number, huge. None of it is believed, none of it
//! breaks the reader, and the honest answer beside it is read.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use model::venue::{AccountRequest, Request, Response, TradesFrom};
use model::{Asset, Instrument, InstrumentId, Outcome, Timestamp};
use plimsoll_venues::{binance, coinbase};

/// A venue's reader: what the answer to a question means.
type Reader = fn(&Request, &str) -> Outcome;

fn id() -> InstrumentId {
    "BTC-USDT".parse().unwrap()
}

fn instruments() -> Vec<Instrument> {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    vec![Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()]
}

fn read_binance(request: &Request, body: &str) -> Outcome {
    let symbols = binance::Symbols::new(instruments());
    binance::client::decode_reply(request, 200, body.as_bytes(), &symbols)
}

fn read_coinbase(request: &Request, body: &str) -> Outcome {
    let mut instruments = instruments();
    instruments[0].symbol = "BTC-USDT".to_owned();
    let symbols = coinbase::Symbols::new(instruments);
    let (asked, answered) = (Timestamp::EPOCH, Timestamp::EPOCH);
    let answer =
        coinbase::client::HttpAnswer { status: 200, body: body.as_bytes(), asked, answered };
    coinbase::client::decode_reply(request, &answer, &symbols)
}

const BINANCE_ORDER: &str = r#"{"symbol":"BTCUSDT","orderId":7001,"orderListId":-1,"clientOrderId":"a-1","price":"61234.50","origQty":"0.002","executedQty":"0.001","cummulativeQuoteQty":"61.2345","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0","icebergQty":"0","time":1767225600345,"updateTime":1767225600345,"isWorking":true,"workingTime":1767225600345,"origQuoteOrderQty":"0","selfTradePreventionMode":"EXPIRE_MAKER"}"#;
const BINANCE_FILL: &str = r#"{"symbol":"BTCUSDT","id":40015,"orderId":7001,"orderListId":-1,"price":"61234.50","qty":"0.002","quoteQty":"122.469","commission":"0.000002","commissionAsset":"BTC","time":1767225600345,"isBuyer":true,"isMaker":false,"isBestMatch":true}"#;
const COINBASE_ORDER: &str = r#"{"order_id":"3c1f","product_id":"BTC-USDT","order_configuration":{"limit_limit_gtc":{"base_size":"0.002","limit_price":"61234.50","post_only":true}},"side":"BUY","client_order_id":"a-1","status":"OPEN","time_in_force":"GOOD_UNTIL_CANCELLED","created_time":"2026-01-01T00:00:00.1Z","filled_size":"0.001","average_filled_price":"61234.5","number_of_fills":"1","filled_value":"61.2345","order_type":"LIMIT","last_fill_time":"2026-01-01T00:00:05.2Z"}"#;
const COINBASE_FILL: &str = r#"{"entry_id":"e-1","trade_id":"t-1","order_id":"3c1f","trade_time":"2026-01-01T00:00:05.2Z","trade_type":"FILL","price":"61234.50","size":"0.001","commission":"0.367","product_id":"BTC-USDT","sequence_timestamp":"2026-01-01T00:00:05.201Z","liquidity_indicator":"MAKER","size_in_quote":false,"side":"BUY"}"#;

fn open_orders() -> Request {
    Request::Account(AccountRequest::OpenOrders(Some(id())))
}

fn fills() -> Request {
    let (from, limit) = (TradesFrom::Newest, 5);
    let (instrument, order, page) = (id(), None, None);
    Request::Account(AccountRequest::Fills { instrument, order, from, limit, page })
}

/// A question, how a list of one row is written, the row, and which texts in it are numbers.
type Case = (Reader, Request, fn(&str) -> String, &'static str, &'static [&'static str]);

fn cases() -> [Case; 4] {
    let bare = |row: &str| format!("[{row}]");
    [
        (
            read_binance,
            open_orders(),
            bare,
            BINANCE_ORDER,
            // `cummulativeQuoteQty` may be below zero: the venue says so of old orders that it does not know it of.
            &["origQty\":\"0.002", "executedQty\":\"0.001"],
        ),
        (read_binance, fills(), bare, BINANCE_FILL, &["price\":\"61234.50", "qty\":\"0.002"]),
        (
            read_coinbase,
            open_orders(),
            |row| format!("{{\"orders\":[{row}],\"has_next\":false}}"),
            COINBASE_ORDER,
            &["base_size\":\"0.002", "filled_size\":\"0.001"],
        ),
        (
            read_coinbase,
            fills(),
            |row| format!("{{\"fills\":[{row}],\"cursor\":\"\"}}"),
            COINBASE_FILL,
            &["price\":\"61234.50", "size\":\"0.001"],
        ),
    ]
}

/// How many rows were read and how many were not understood; `None` when nothing was.
fn rows(outcome: Outcome) -> Option<(usize, usize)> {
    let Outcome::Done(response) = outcome else { return None };
    let (read, unread) = response.split();
    let read = match read {
        Response::Orders(orders) => orders.len(),
        Response::Fills(fills) => fills.len(),
        other => panic!("{other:?}"),
    };
    Some((read, unread.len()))
}

/// A row that is not as it can be is told as not understood, or nothing of the answer is believed.
#[test]
fn hostile_answers_are_in_doubt() {
    for (reader, request, list, row, numbers) in cases() {
        assert_eq!(rows(reader(&request, &list(row))), Some((1, 0)), "honest: {row}");
        for number in numbers {
            let (name, value) = number.split_once("\":\"").unwrap();
            assert!(row.contains(number), "{number} is not in {row}");
            for hostile in [
                "\"-1\"",
                "\"NaN\"",
                "NaN",
                "\"Infinity\"",
                "\"1e999999999\"",
                "\"0x10\"",
                "\"99999999999999999999999999999999999999999999\"",
                "[]",
                "{\"$gt\":0}",
                "true",
            ] {
                let told = row
                    .replace(&format!("\"{name}\":\"{value}\""), &format!("\"{name}\":{hostile}"));
                assert_ne!(told, row);
                let read = rows(reader(&request, &list(&told)));
                assert!(matches!(read, None | Some((0, 1))), "{name}: {hostile}: {read:?}");
            }
        }
    }
}

/// As deep as a million, whole or cut, as a list or inside a row; a stack has no room for that.
#[test]
fn what_is_nested_without_end_is_not_followed() {
    const DEEP: usize = 1_000_000;
    let arrays = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEEP), "}".repeat(DEEP));
    for (reader, request, list, row, _) in cases() {
        for body in [
            arrays.as_str(),
            &objects,
            &arrays[..DEEP],
            &objects[..DEEP],
            &list(&arrays),
            &list(&objects),
        ] {
            let read = rows(reader(&request, body));
            assert!(matches!(read, None | Some((0, 1))), "{read:?}");
        }
        // A field that nobody reads may be as deep as it likes, or makes the row one that is not understood.
        let told = row.replacen('{', &format!("{{\"more\":{arrays},"), 1);
        let read = rows(reader(&request, &list(&told)));
        assert!(matches!(read, None | Some((1, 0) | (0, 1))), "{read:?}");
    }
}

/// Cut anywhere, an answer proves nothing.
#[test]
fn half_an_answer_is_none() {
    for (reader, request, list, row, _) in cases() {
        let whole = list(row);
        for cut in 0..whole.len() {
            assert_eq!(rows(reader(&request, &whole[..cut])), None, "cut at {cut}");
        }
    }
}

//! The documents' own messages, read by the kill switch.

use super::*;

fn answer(text: &str) -> Answer {
    Answer { status: 200, body: text.as_bytes().to_vec() }
}

const ORDERS: &str = include_str!("../../../fixtures/binance_open_orders.json");
const ACCOUNT: &str = include_str!("../../../fixtures/binance_account.json");
const TRADES: &str = include_str!("../../../fixtures/binance_my_trades.json");
const INFO: &str = include_str!("../../../fixtures/binance_exchange_info.json");

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

#[test]
fn open_orders_of_every_family() {
    let rows: Vec<OrderRow> = read("open orders", &answer(ORDERS)).unwrap();
    let orders: Vec<Order> = rows.into_iter().map(OrderRow::order).collect();
    let said: Vec<_> = orders.iter().map(|o| (o.id.as_str(), o.side, o.family)).collect();
    assert_eq!(
        said,
        [
            ("7001", Side::Buy, Family::Plain),
            ("7002", Side::Sell, Family::Stop),
            ("7003", Side::Sell, Family::Target),
            ("7004", Side::Sell, Family::Plain),
            ("7005", Side::Buy, Family::Plain),
        ]
    );
    assert_eq!(orders[0].price, Some(amount("61234.5")));
    assert_eq!(orders[0].leaves, Some(amount("0.0015")));
    assert_eq!(orders[1].price, Some(amount("58000")), "a stop at the market has its trigger");
    assert_eq!((&orders[0].list, orders[3].list.as_deref()), (&None, Some("12")));
    assert_eq!(orders[4].client_id, "a-type-that-nobody-knows");
}

#[test]
fn balances_executions_and_rules() {
    let account: Account = read("account", &answer(ACCOUNT)).unwrap();
    assert_eq!(account.balances[0].free, amount("1000"));
    let rows: Vec<TradeRow> = read("executions", &answer(TRADES)).unwrap();
    let instrument = &crate::core::testing::instruments()[0];
    let moved: Vec<Vec<(String, String)>> = rows
        .into_iter()
        .map(|row| fill(instrument, row))
        .map(|fill| fill.moved.into_iter().map(|(asset, by)| (asset, by.to_string())).collect())
        .collect();
    let pair = |asset: &str, by: &str| (asset.to_owned(), by.to_owned());
    assert_eq!(
        moved[0],
        [pair("BTC", "0.002"), pair("USDT", "-122.469"), pair("BTC", "-0.000002")]
    );
    assert_eq!(moved[1], [pair("BTC", "-0.002"), pair("USDT", "122.5"), pair("BNB", "-0.0002")]);
    let info: Info = read("rules", &answer(INFO)).unwrap();
    let sale =
        |qty, price| Sale { symbol: "BTCUSDT".into(), qty: amount(qty), price: amount(price) };
    let (qty, price) = grid(&info).fit(&sale("0.0019999", "60000.001")).unwrap();
    assert_eq!((qty, price), (amount("0.00199"), amount("60000.01")), "never more, never lower");
    assert!(grid(&info).fit(&sale("0.00001", "60000")).is_err(), "less than five of quote");
    assert!(grid(&info).fit(&sale("0.000009", "60000")).is_err(), "less than a lot");
}

#[test]
fn a_refusal_is_no_list() {
    let refused = Answer { status: 401, body: br#"{"code":-2015,"msg":"Invalid"}"#.to_vec() };
    let told = read::<Vec<OrderRow>>("open orders", &refused).map(|_| ());
    assert!(matches!(told, Err(VenueError::Refused { status: 401, .. })), "{told:?}");
    for text in ["", "{}", "[{}]", "[[[[[[[[[[", r#"[{"symbol":"X","orderId":-1}]"#] {
        let told = read::<Vec<OrderRow>>("open orders", &answer(text)).map(|_| ());
        assert!(matches!(told, Err(VenueError::Unreadable { .. })), "{text}: {told:?}");
    }
}

/// An exchange on loopback that answers with this, and what it was asked.
fn exchange(
    answer: impl Fn(usize, &str) -> (u16, String) + Send + 'static,
) -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut count = 0;
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut first = String::new();
            stream.read_line(&mut first).unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let target = first.split(' ').nth(1).unwrap().to_owned();
            let (status, body) = if target.starts_with("/api/v3/time") {
                (200, "{\"serverTime\":1767225600000}".to_owned())
            } else {
                count += 1;
                let path = target.split("&recvWindow").next().unwrap().to_owned();
                let answer = answer(count, &path);
                if tell.send(path).is_err() {
                    return;
                }
                answer
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
            let whole = format!("{head}connection: close\r\n\r\n{body}");
            stream.get_mut().write_all(whole.as_bytes()).unwrap();
        }
    });
    (base, told)
}

fn client(base: &str, count: usize) -> Binance {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let instrument = |n| Instrument {
        symbol: format!("C{n}USDT"),
        base: format!("C{n}"),
        quote: "USDT".to_owned(),
    };
    Binance::new(base, None, "key", "secret", (0..count).map(instrument).collect()).unwrap()
}

/// A reading of executions that breaks off goes on where it was, and costs nothing twice.
#[tokio::test]
async fn executions_are_read_on_where_they_broke_off() {
    let trade = |id: usize| {
        format!(
            "[{{\"id\":{id},\"qty\":\"1\",\"quoteQty\":\"2\",\"commission\":\"0\",\
             \"commissionAsset\":\"USDT\",\"isBuyer\":true}}]"
        )
    };
    let (base, told) = exchange(move |count, _| match count {
        3 => (503, "down".to_owned()),
        _ => (200, trade(100 + count)),
    });
    let client = client(&base, 4);
    let since: Cursors = (0..4).map(|n| (format!("C{n}USDT"), "100".to_owned())).collect();
    assert!(client.fills(&since).await.is_err());
    let (fills, cursors) = client.fills(&since).await.unwrap();
    assert_eq!(fills.len(), 4);
    assert_eq!(cursors["C2USDT"], "104");
    let asked: Vec<String> = told.try_iter().collect();
    let symbols = [0, 1, 2, 2, 3];
    let expected =
        symbols.map(|n| format!("/api/v3/myTrades?symbol=C{n}USDT&fromId=101&limit=1000"));
    assert_eq!(asked, expected);
    // Another question is another reading.
    assert_eq!(client.fills(&cursors).await.unwrap().0.len(), 4);
}

#[tokio::test]
async fn history_is_read_and_one_that_is_refused_explains_nothing() {
    let withdrawn = "[{\"id\":\"w\",\"amount\":\"699\",\"transactionFee\":\"1\",\"coin\":\"USDT\",\
                     \"applyTime\":\"2026-01-01 00:00:01\",\"walletType\":0},\
                     {\"id\":\"f\",\"amount\":\"5\",\"coin\":\"USDT\",\
                     \"applyTime\":\"2026-01-01 00:00:01\",\"walletType\":1}]";
    let moved = "{\"total\":2,\"rows\":[{\"asset\":\"BTC\",\"amount\":\"2\",\"status\":\"CONFIRMED\",\
                 \"tranId\":7,\"timestamp\":1767225602000},{\"asset\":\"BTC\",\"amount\":\"3\",\
                 \"status\":\"FAILED\",\"tranId\":8,\"timestamp\":1767225602000}]}";
    let (base, told) = exchange(move |_, path| match path {
        path if path.starts_with("/sapi/v1/capital/withdraw/history") => {
            (200, withdrawn.to_owned())
        }
        path if path.contains("type=MAIN_FUNDING") => (200, moved.to_owned()),
        _ => (400, "{\"code\":-1,\"msg\":\"no such wallet\"}".to_owned()),
    });
    let client_of_one = client(&base, 1);
    client_of_one.set_clock().await.unwrap();
    let found = client_of_one.transfers(1_767_225_600_000).await.unwrap();
    let all: Vec<(&str, &str, String, i64)> = found
        .iter()
        .map(|one| (one.id.as_str(), one.asset.as_str(), one.amount.to_string(), one.at_ms))
        .collect();
    assert_eq!(
        all,
        [
            ("w", "USDT", "700".to_owned(), 1_767_225_601_999),
            ("MAIN_FUNDING 7", "BTC", "2".to_owned(), 1_767_225_602_000),
        ]
    );
    let first = told.try_iter().next().unwrap();
    assert_eq!(first, "/sapi/v1/capital/withdraw/history?startTime=1767225599000");
    // An exchange that has no such thing has no history; one that is down may have.
    let (base, _told) = exchange(|_, _| (404, "{}".to_owned()));
    assert_eq!(client(&base, 1).transfers(0).await.unwrap(), []);
    let (base, _told) = exchange(|_, _| (503, "{}".to_owned()));
    assert!(client(&base, 1).transfers(0).await.is_err());
}

//! The documents' own messages, read by the kill switch.

use super::*;

fn answer(text: &str) -> Answer {
    Answer { status: 200, body: text.as_bytes().to_vec() }
}

const ORDERS: &str = include_str!("../../../fixtures/coinbase_orders.json");
const ACCOUNTS: &str = include_str!("../../../fixtures/coinbase_accounts.json");
const FILLS: &str = include_str!("../../../fixtures/coinbase_fills.json");
const BOOKS: &str = include_str!("../../../fixtures/coinbase_best_bid_ask.json");

#[test]
fn open_orders_of_every_family() {
    let rows: Orders = read("open orders", &answer(ORDERS)).unwrap();
    let orders: Vec<Order> = rows.orders.into_iter().map(OrderRow::order).collect();
    let said: Vec<_> = orders
        .iter()
        .map(|o| (o.side, o.family, o.price.unwrap().to_string(), o.leaves.map(|l| l.to_string())))
        .collect();
    let row = |side, family, price: &str, leaves: Option<&str>| {
        (side, family, price.to_owned(), leaves.map(str::to_owned))
    };
    assert_eq!(
        said,
        [
            row(Side::Buy, Family::Plain, "61234.5", Some("0.001")),
            row(Side::Sell, Family::Stop, "57900", Some("0.002")),
            row(Side::Sell, Family::Target, "64900", Some("0.002")),
            row(Side::Sell, Family::Bracket, "66000", Some("0.001")),
            row(Side::Buy, Family::Plain, "60000", None),
        ]
    );
}

#[test]
fn balances_prices_and_executions() {
    let told: Accounts = read("accounts", &answer(ACCOUNTS)).unwrap();
    let row = &told.accounts[0];
    assert_eq!(
        (row.currency.as_str(), row.available_balance.value.to_string().as_str()),
        ("BTC", "1.23")
    );
    assert_eq!(row.hold.as_ref().unwrap().value.to_string(), "0.1");
    let books: Books = read("best prices", &answer(BOOKS)).unwrap();
    assert_eq!(books.pricebooks[0].bids[0].price.to_string(), "61234.55");
    assert!(books.pricebooks[1].asks.is_empty());
    let told: Fills = read("executions", &answer(FILLS)).unwrap();
    let moved = |row: &FillRow| -> Vec<String> {
        let moved = row.fill().unwrap().moved;
        moved.into_iter().map(|(asset, by)| format!("{asset} {by}")).collect()
    };
    assert_eq!(moved(&told.fills[0]), ["BTC 0.001", "USD -61.6015"]);
    assert_eq!(moved(&told.fills[1]), ["BTC -0.002", "USD 119.5"], "its size is in quote");
}

#[test]
fn a_refusal_is_no_list() {
    let refused = Answer { status: 401, body: b"Unauthorized\n".to_vec() };
    let told = read::<Orders>("open orders", &refused).map(|_| ());
    assert!(matches!(told, Err(VenueError::Refused { status: 401, .. })), "{told:?}");
    for text in ["", "{}", "[]", r#"{"orders":[{"order_id":"x","side":"BUY"}]}"#] {
        let told = read::<Orders>("open orders", &answer(text)).map(|_| ());
        assert!(matches!(told, Err(VenueError::Unreadable { .. })), "{text}: {told:?}");
    }
}

#[test]
fn times_sort_whatever_their_digits() {
    let mut times = ["2026-01-01T00:00:05.2Z", "2026-01-01T00:00:05Z", "2026-01-01T00:00:05.201Z"];
    times.sort_by_key(|at| sortable(at));
    assert_eq!(
        times,
        ["2026-01-01T00:00:05Z", "2026-01-01T00:00:05.2Z", "2026-01-01T00:00:05.201Z"]
    );
}

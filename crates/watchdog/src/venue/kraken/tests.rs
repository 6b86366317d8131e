//! The documents' own messages, read by the kill switch.

use super::*;

fn answer(text: &str) -> Answer {
    Answer { status: 200, body: text.as_bytes().to_vec() }
}

const ORDERS: &str = include_str!("../../../fixtures/kraken_open_orders.json");
const BALANCES: &str = include_str!("../../../fixtures/kraken_balances.json");
const TRADES: &str = include_str!("../../../fixtures/kraken_trades.json");
const TICKER: &str = include_str!("../../../fixtures/kraken_ticker.json");

#[test]
fn open_orders_of_every_family() {
    let rows: Open = result("open orders", &answer(ORDERS)).unwrap();
    let orders: Vec<Order> = rows.open.into_iter().map(|(id, row)| row.order(id)).collect();
    let said: Vec<_> = orders
        .iter()
        .map(|o| {
            let price = o.price.map(|price| price.to_string()).unwrap_or_default();
            let leaves = o.leaves.map(|leaves| leaves.to_string()).unwrap_or_default();
            (o.symbol.as_str(), o.client_id.as_str(), o.side, o.family, price, leaves)
        })
        .collect();
    let row = |id, side, family, price: &str, leaves: &str| {
        ("XBTUSD", id, side, family, price.to_owned(), leaves.to_owned())
    };
    assert_eq!(
        said,
        [
            row("agent-7-000001", Side::Buy, Family::Plain, "61234.5", "0.0015"),
            row("", Side::Sell, Family::Stop, "57900", "0.002"),
            row("", Side::Sell, Family::Target, "64900", "0.002"),
        ]
    );
}

#[test]
fn balances_prices_and_executions() {
    let told: BTreeMap<String, Held> = result("balances", &answer(BALANCES)).unwrap();
    assert_eq!(told["ZUSD"].hold_trade.to_string(), "8249.76");
    let told: BTreeMap<String, Ticker> = result("best prices", &answer(TICKER)).unwrap();
    assert_eq!(told["XXBTZUSD"].b[0].to_string(), "61234.5");
    let told: Trades = result("executions", &answer(TRADES)).unwrap();
    let moved = |row: &TradeRow| -> Vec<String> {
        let moved = row.fill().unwrap().moved;
        moved.into_iter().map(|(asset, by)| format!("{asset} {by}")).collect()
    };
    let rows: Vec<Vec<String>> = told.trades.values().map(moved).collect();
    assert_eq!(rows, [["BTC 0.002", "USD -122.775"], ["SOL -2", "EUR 299.4"]]);
}

#[test]
fn names_of_pairs_and_assets() {
    assert_eq!((symbol("BTC-USD"), symbol("DOGE-EUR")), ("XBTUSD".into(), "XDGEUR".into()));
    for (pair, base, quote) in [
        ("XXBTZUSD", "BTC", "USD"),
        ("XBTUSD", "BTC", "USD"),
        ("XETHXXBT", "ETH", "BTC"),
        ("SOLUSDT", "SOL", "USDT"),
        ("XBTUSDC", "BTC", "USDC"),
    ] {
        assert_eq!(assets(pair), Some((base.to_owned(), quote.to_owned())), "{pair}");
    }
    assert_eq!((assets("USD"), asset("XBT.F").as_str()), (None, "XBT.F"));
}

#[test]
fn a_refusal_is_no_list_although_the_status_is_200() {
    let refused = answer(r#"{"error":["EAPI:Invalid nonce"]}"#);
    let told = result::<Open>("open orders", &refused).map(|_| ());
    assert!(
        matches!(&told, Err(VenueError::Refused { status: 200, said }) if said.contains("nonce"))
    );
    for text in ["", "{}", r#"{"error":[]}"#, r#"{"error":[],"result":{}}"#] {
        let told = result::<Open>("open orders", &answer(text)).map(|_| ());
        assert!(matches!(told, Err(VenueError::Unreadable { .. })), "{text}: {told:?}");
    }
}

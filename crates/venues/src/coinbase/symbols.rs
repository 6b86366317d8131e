//! Instruments by our name and by Coinbase's, which for spot are the same text.
//!
//! The books of `X-USD` and `X-USDC` are one book. Market channels tell it under `X-USD`, whichever
//! of the two was subscribed to; the `user` channel and REST keep the name an order was sent with.
//! So a market message may be news of two instruments, and one of ours may be told by another name.
//!
//! Source: websocket-channels.md ("USDC product ids"), read 2026-08-08.

use std::collections::BTreeMap;

use model::market::Grid;
use model::{Instrument, InstrumentId};

/// Quoted in USDC and yet books of their own (same source).
const OWN_BOOKS: [&str; 2] = ["USDT-USDC", "EURC-USDC"];

/// A two-way table of the instruments in use.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    rows: Vec<Row>,
    by_id: BTreeMap<InstrumentId, usize>,
    by_symbol: BTreeMap<String, usize>,
}

/// One instrument of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Everything about it; its symbol is Coinbase's `product_id`.
    pub instrument: Instrument,
    /// Its integer grid.
    pub grid: Grid,
    /// The `product_id` under which market channels tell its book.
    pub book: String,
}

impl Symbols {
    /// A table of these instruments.
    pub fn new(instruments: Vec<Instrument>) -> Symbols {
        let mut symbols = Symbols::default();
        for instrument in instruments {
            let index = symbols.rows.len();
            symbols.by_id.insert(instrument.id, index);
            symbols.by_symbol.insert(instrument.symbol.clone(), index);
            let (grid, book) = (instrument.grid(), book_name(&instrument.symbol));
            symbols.rows.push(Row { instrument, grid, book });
        }
        symbols
    }

    /// By our name.
    pub fn get(&self, id: InstrumentId) -> Option<&Row> {
        self.by_id.get(&id).map(|index| &self.rows[*index])
    }

    /// By Coinbase's name, where it is that of an order.
    pub fn find(&self, product_id: &str) -> Option<&Row> {
        // The usual case is a handful of instruments: comparing beats a search tree.
        if self.rows.len() <= 8 {
            return self.rows.iter().find(|row| row.instrument.symbol == product_id);
        }
        self.by_symbol.get(product_id).map(|index| &self.rows[*index])
    }

    /// All instruments that a market message of this name is about.
    pub fn told_as(&self, product_id: &str) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| row.book == product_id || row.instrument.symbol == product_id)
    }

    /// All, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }
}

/// The name under which market channels tell this product's book.
pub(crate) fn book_name(product_id: &str) -> String {
    match product_id.strip_suffix("-USDC") {
        Some(base) if !OWN_BOOKS.contains(&product_id) => format!("{base}-USD"),
        _ => product_id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use model::Asset;

    use super::*;

    fn instrument(base: &str, quote: &str) -> Instrument {
        let asset = |name| Asset::new(name).unwrap();
        let (tick, lot) = ("0.01".parse().unwrap(), "0.00000001".parse().unwrap());
        let spot = Instrument::spot(asset(base), asset(quote), tick, lot).unwrap();
        Instrument { symbol: format!("{base}-{quote}"), ..spot }
    }

    #[test]
    fn a_usd_message_is_news_of_both_products() {
        let pairs = [("BTC", "USD"), ("BTC", "USDC"), ("ETH", "USDC"), ("USDT", "USDC")];
        let symbols = Symbols::new(pairs.map(|(b, q)| instrument(b, q)).into());
        let told = |name: &str| {
            let ids = symbols.told_as(name).map(|row| row.instrument.id.to_string());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(told("BTC-USD"), ["BTC-USD", "BTC-USDC"]);
        assert_eq!(told("ETH-USD"), ["ETH-USDC"]);
        assert_eq!(told("BTC-USDC"), ["BTC-USDC"], "by its own name it is news of itself alone");
        assert_eq!(told("USDT-USDC"), ["USDT-USDC"]);
        assert!(told("USDT-USD").is_empty(), "a book of its own");
        // Orders keep the name they were sent with.
        assert_eq!(symbols.find("BTC-USD").unwrap().instrument.id.as_str(), "BTC-USD");
        assert_eq!(symbols.find("BTC-USDC").unwrap().instrument.id.as_str(), "BTC-USDC");
        assert!(symbols.find("ETH-USD").is_none());
    }
}

//! Instruments and assets by our names and by Kraken's, of which there are several.
//!
//! A pair has an id that keys the answers of REST (`XXBTZUSD`), a shorter name that REST takes and tells in
//! orders (`XBTUSD`), one of version 1 of the streams (`XBT/USD`) and one of version 2 (`BTC/USD`). Old assets
//! have a letter before their name over REST, X for coins and Z for currencies; Bitcoin is XBT there, and
//! Dogecoin XDG.
//!
//! Source: AssetPairs, Assets and the `instrument` channel, read 2026-08-21.

use std::collections::BTreeMap;

use model::market::Grid;
use model::{Asset, Instrument, InstrumentId};

/// Assets with a letter before their name, by the name without it.
const OLD_COINS: [&str; 12] =
    ["ETC", "ETH", "ICN", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC"];
const OLD_CURRENCIES: [&str; 6] = ["AUD", "CAD", "EUR", "GBP", "JPY", "USD"];
/// Kraken's short names and everybody else's.
const RENAMED: [(&str, &str); 2] = [("XBT", "BTC"), ("XDG", "DOGE")];

/// The short name that Kraken has for an asset of ours.
pub(super) fn short_name(asset: &str) -> &str {
    RENAMED.iter().find(|(_, ours)| *ours == asset).map_or(asset, |(short, _)| short)
}

/// The name that keys balances: `XXBT`, `ZUSD`, `USDT`.
pub(super) fn rest_name(asset: &str) -> String {
    let short = short_name(asset);
    if OLD_COINS.contains(&short) {
        format!("X{short}")
    } else if OLD_CURRENCIES.contains(&short) {
        format!("Z{short}")
    } else {
        short.to_owned()
    }
}

/// Our name for any of Kraken's; `None` for what is set aside to earn (`XBT.F`), which no order can use, and
/// for names that ours cannot be.
pub(super) fn asset(name: &str) -> Option<Asset> {
    if name.contains('.') {
        return None;
    }
    let old = |prefix: char, list: &[&'static str]| {
        let short = name.strip_prefix(prefix)?;
        list.iter().find(|old| **old == short).copied()
    };
    let short = old('X', &OLD_COINS).or_else(|| old('Z', &OLD_CURRENCIES)).unwrap_or(name);
    let ours = RENAMED.iter().find(|(theirs, _)| *theirs == short).map_or(short, |(_, ours)| ours);
    Asset::new(ours).ok()
}

/// The short name of a pair, by which REST takes it.
pub(super) fn pair_name(base: &str, quote: &str) -> String {
    format!("{}{}", short_name(base), short_name(quote))
}

/// The id of a pair, which keys answers.
pub(super) fn pair_id(base: &str, quote: &str) -> String {
    let (long_base, long_quote) = (rest_name(base), rest_name(quote));
    let both_old = long_base != short_name(base) && long_quote != short_name(quote);
    if both_old { format!("{long_base}{long_quote}") } else { pair_name(base, quote) }
}

/// A two-way table of the instruments in use.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    rows: Vec<Row>,
    by_id: BTreeMap<InstrumentId, usize>,
    /// By any of Kraken's names.
    by_name: BTreeMap<String, usize>,
}

/// One instrument of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Everything about it; its symbol is the pair's short name.
    pub instrument: Instrument,
    /// Its integer grid.
    pub grid: Grid,
    /// Its name in the streams: `BTC/USD`.
    pub stream: String,
    /// Its id: `XXBTZUSD`.
    pub id: String,
}

impl Symbols {
    /// A table of these instruments.
    pub fn new(instruments: Vec<Instrument>) -> Symbols {
        let mut symbols = Symbols::default();
        for instrument in instruments {
            let index = symbols.rows.len();
            let (base, quote) = (instrument.base.to_string(), instrument.quote.to_string());
            let (stream, id) = (format!("{base}/{quote}"), pair_id(&base, &quote));
            let old_stream = format!("{}/{}", short_name(&base), short_name(&quote));
            for name in [&instrument.symbol, &stream, &id, &old_stream, &pair_name(&base, &quote)] {
                symbols.by_name.insert(name.clone(), index);
            }
            symbols.by_id.insert(instrument.id, index);
            let grid = instrument.grid();
            symbols.rows.push(Row { instrument, grid, stream, id });
        }
        symbols
    }

    /// By our name.
    pub fn get(&self, id: InstrumentId) -> Option<&Row> {
        self.by_id.get(&id).map(|index| &self.rows[*index])
    }

    /// By any of Kraken's names.
    pub fn find(&self, name: &str) -> Option<&Row> {
        self.by_name.get(name).map(|index| &self.rows[*index])
    }

    /// All, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_have_several_names() {
        for (theirs, ours) in [
            ("XXBT", "BTC"),
            ("XBT", "BTC"),
            ("BTC", "BTC"),
            ("ZUSD", "USD"),
            ("USD", "USD"),
            ("XETH", "ETH"),
            ("XXDG", "DOGE"),
            ("USDT", "USDT"),
            ("XTZ", "XTZ"),
            ("ZRX", "ZRX"),
        ] {
            assert_eq!(asset(theirs).unwrap().as_str(), ours, "{theirs}");
        }
        assert_eq!((asset("XBT.F"), asset("")), (None, None));
        for (ours, rest) in [("BTC", "XXBT"), ("USD", "ZUSD"), ("USDT", "USDT"), ("DOGE", "XXDG")] {
            assert_eq!(rest_name(ours), rest);
            assert_eq!(asset(rest).unwrap().as_str(), ours);
        }
    }

    #[test]
    fn pairs_are_found_by_all_their_names() {
        for (base, quote, id, name) in [
            ("BTC", "USD", "XXBTZUSD", "XBTUSD"),
            ("ETH", "BTC", "XETHXXBT", "ETHXBT"),
            ("BTC", "USDT", "XBTUSDT", "XBTUSDT"),
            ("SOL", "USD", "SOLUSD", "SOLUSD"),
        ] {
            let asset = |name| Asset::new(name).unwrap();
            let (tick, lot) = ("0.1".parse().unwrap(), "0.00000001".parse().unwrap());
            let mut spot = Instrument::spot(asset(base), asset(quote), tick, lot).unwrap();
            spot.symbol = pair_name(base, quote);
            let symbols = Symbols::new(vec![spot]);
            for told in [id, name, &format!("{base}/{quote}")] {
                assert_eq!(symbols.find(told).map(|row| row.id.as_str()), Some(id), "{told}");
            }
        }
    }
}

//! Our name for an instrument from a venue's text for it, or from the name of a file.
//!
//! A guess, and said to be one: nothing that trades relies on it.

use std::time::Duration;

use model::InstrumentId;

/// Longer ones first: `BTCFDUSD` ends with `USD`, too.
const QUOTES: &[&str] = &[
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDE", "USD1", "USD", "EUR", "GBP", "JPY", "TRY",
    "BRL", "BTC", "XBT", "ETH", "BNB", "DAI",
];

/// `BTCUSDT`, `BTC/USDT`, `XBTUSD`, `BTCUSD_PERP`, `BTC-PERPETUAL`.
pub(crate) fn instrument(symbol: &str) -> Option<InstrumentId> {
    let symbol = symbol.split(':').next().unwrap_or(symbol);
    let words: Vec<&str> = symbol
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let name = match words.as_slice() {
        [] => return None,
        [base, rest @ ..] if QUOTES.contains(&rest.first().copied().unwrap_or_default()) => {
            format!("{base}-{}", rest.join("-"))
        }
        [both, rest @ ..] => match pair(both) {
            Some((base, quote)) => [&[base, quote], rest].concat().join("-"),
            None if words.len() > 1 => words.join("-"),
            None => return None,
        },
    };
    InstrumentId::new(&name.to_ascii_uppercase()).ok()
}

/// `BTCUSDT-1m-2023-09.csv.gz`, `binance_BTCUSDT_trades.csv`, `BTC-USDT-trades.csv`.
pub(crate) fn instrument_of_file(name: &str) -> Option<InstrumentId> {
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let at = words.iter().position(|word| pair(word).is_some());
    if let Some(at) = at {
        let perpetual = words.get(at + 1).is_some_and(|next| *next == "PERP");
        let suffix = if perpetual { "_PERP" } else { "" };
        return instrument(&format!("{}{suffix}", words[at]));
    }
    let apart = words.windows(2).find(|pair| {
        let base = pair[0];
        QUOTES.contains(&pair[1])
            && (2..=10).contains(&base.len())
            && base.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    })?;
    instrument(&apart.join("-"))
}

/// Base and quote. A base of three letters is likelier than one of two, so `XBTUSD` is not about `TUSD`.
fn pair(word: &str) -> Option<(&str, &str)> {
    let upper = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let of_at_least = |letters: usize| {
        QUOTES.iter().find_map(|quote| {
            let base = word.strip_suffix(*quote)?;
            let named = base.len() >= letters && base.len() <= 12;
            (named && !base.chars().all(|c| c.is_ascii_digit())).then_some((base, *quote))
        })
    };
    if upper { of_at_least(3).or_else(|| of_at_least(2)) } else { None }
}

/// `1m`, `15m`, `4h`, `1d`, `1w`: a length of bars.
pub fn interval(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let count: u64 = count.parse().ok()?;
    let length = count.checked_mul(seconds)?;
    (length > 0 && length <= 400 * 86_400).then(|| Duration::from_secs(length))
}

/// The length of bars in a name like `BTCUSDT-1d-2024-01-01.csv`.
pub(crate) fn interval_of_file(name: &str) -> Option<Duration> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).find_map(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_symbols() {
        let cases = [
            ("BTCUSDT", Some("BTC-USDT")),
            ("BTC/USDT", Some("BTC-USDT")),
            ("BTC/USDT:USDT", Some("BTC-USDT")),
            ("btc-usd", Some("BTC-USD")),
            ("XBTUSD", Some("XBT-USD")),
            ("OPUSDT", Some("OP-USDT")),
            ("ETHTUSD", Some("ETH-TUSD")),
            ("BTCFDUSD", Some("BTC-FDUSD")),
            ("BTCUSD_PERP", Some("BTC-USD-PERP")),
            ("BTC-PERPETUAL", Some("BTC-PERPETUAL")),
            ("1000PEPEUSDT", Some("1000PEPE-USDT")),
            ("USDT", None),
            ("trades", None),
            ("", None),
        ];
        for (symbol, name) in cases {
            let guessed = instrument(symbol);
            assert_eq!(guessed.as_ref().map(InstrumentId::as_str), name, "{symbol}");
        }
    }

    #[test]
    fn names_of_files() {
        let cases = [
            ("BTCUSDT-1m-2023-09.csv.gz", Some("BTC-USDT")),
            ("binance_BTCUSDT_20210108_trades.parquet", Some("BTC-USDT")),
            ("BTC-USDT-trades.csv", Some("BTC-USDT")),
            ("BTCUSD_PERP-1m-2025-10-09.csv", Some("BTC-USD-PERP")),
            ("trades.csv", None),
            ("2024-01-01.csv", None),
        ];
        for (file, name) in cases {
            let guessed = instrument_of_file(file);
            assert_eq!(guessed.as_ref().map(InstrumentId::as_str), name, "{file}");
        }
        assert_eq!(interval_of_file("BTCUSDT-1d-2024-01-01.csv"), interval("1d"));
        assert_eq!(interval("1d"), Some(Duration::from_secs(86_400)));
        for wrong in ["", "m", "0m", "1x", "-1m", "99999999999999999999d", "é"] {
            assert_eq!(interval(wrong), None, "{wrong}");
        }
    }
}

//! `--instrument BTC-USDT:tick=0.01,lot=0.00001,min_notional=5,price=60000`.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use model::{Decimal, Instrument, InstrumentId, Notional, Price, PriceBand, Qty, Step};

/// An instrument of the simulated exchange and the price its synthetic market starts at.
#[derive(Clone, Debug)]
pub(crate) struct InstrumentArg {
    pub(crate) instrument: Instrument,
    pub(crate) start: Price,
}

/// Grids and rough prices of well-known instruments: what a real venue had in 2026 (tick and lot as
/// in Binance's exchangeInfo and in Coinbase's products). Name, tick, lot, price.
const KNOWN: [(&str, &str, &str, &str); 8] = [
    ("BTC-USDT", "0.01", "0.00001", "60000"),
    ("ETH-USDT", "0.01", "0.0001", "3000"),
    ("BNB-USDT", "0.01", "0.001", "600"),
    ("SOL-USDT", "0.01", "0.001", "150"),
    ("BTC-USD", "0.01", "0.00000001", "60000"),
    ("ETH-USD", "0.01", "0.00000001", "3000"),
    ("SOL-USD", "0.01", "0.00000001", "150"),
    ("ETH-BTC", "0.00001", "0.0001", "0.05"),
];

/// For all others.
const OTHER: (&str, &str, &str) = ("0.0001", "0.01", "1");

impl FromStr for InstrumentArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<InstrumentArg> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let id: InstrumentId = name.parse().map_err(|error| anyhow!("{name:?}: {error}"))?;
        let (base, quote) = id.assets().with_context(|| {
            format!("{name:?}: write base and quote joined by a dash: BTC-USDT")
        })?;
        let known = KNOWN.iter().find(|known| known.0 == name);
        let (tick, lot, price) = known.map_or(OTHER, |known| (known.1, known.2, known.3));
        let mut tick: Step = number("tick", tick)?;
        let mut lot: Step = number("lot", lot)?;
        let mut start: Price = number("price", price)?;
        // Coinbase's dollar books start at one dollar, Binance's at five.
        let is_dollar = matches!(quote.as_str(), "USD" | "USDC");
        let least = if is_dollar { "1" } else { "5" };
        let mut notional_min: Notional = number("min_notional", least)?;
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            match setting.split_once('=') {
                Some(("tick", value)) => tick = number("tick", value)?,
                Some(("lot", value)) => lot = number("lot", value)?,
                Some(("price", value)) => start = number("price", value)?,
                Some(("min_notional", value)) => notional_min = number("min_notional", value)?,
                _ => bail!("{setting:?} is not one of tick=, lot=, price=, min_notional="),
            }
        }
        if start.get() < tick.get() {
            bail!("price={start} is below tick={}, the smallest price there is", tick.get());
        }
        let mut instrument = Instrument::spot(base, quote, tick, lot)?;
        limits(&mut instrument, notional_min)?;
        Ok(InstrumentArg { instrument, start })
    }
}

/// One instrument has one book.
pub(crate) fn check_names(instruments: &[InstrumentArg]) -> anyhow::Result<()> {
    let mut names = BTreeSet::new();
    match instruments.iter().find(|arg| !names.insert(arg.instrument.id)) {
        Some(twice) => bail!("--instrument {}: it is given twice", twice.instrument.id),
        None => Ok(()),
    }
}

/// Limits as wide as a real venue's.
fn limits(instrument: &mut Instrument, notional_min: Notional) -> anyhow::Result<()> {
    let limits = &mut instrument.limits;
    limits.price_min = Price::try_from(instrument.tick.get()).ok();
    limits.price_max = Some(number::<Price>("price", "1000000")?);
    limits.qty_max = Some(number::<Qty>("qty", "9000000")?);
    limits.notional_min = notional_min;
    limits.notional_max = Some(number::<Notional>("notional", "9000000")?);
    let (down, up) = (Decimal::new(2, 1), Decimal::new(5, 0));
    limits.band = Some(PriceBand { bid_min: down, bid_max: up, ask_min: down, ask_max: up });
    limits.open_orders_max = Some(200);
    limits.stop_orders_max = Some(5);
    Ok(())
}

fn number<T: FromStr>(what: &str, text: &str) -> anyhow::Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| anyhow!("{what}={text}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_alone_and_with_settings() {
        let btc: InstrumentArg = "BTC-USDT".parse().unwrap();
        assert_eq!(btc.instrument.tick, "0.01".parse().unwrap());
        let usd: InstrumentArg = "BTC-USD".parse().unwrap();
        assert_eq!(usd.instrument.lot, "0.00000001".parse().unwrap());
        assert_eq!(usd.instrument.limits.notional_min, "1".parse().unwrap());
        let doge: InstrumentArg = "DOGE-USDT:tick=0.00001,lot=1,price=0.2".parse().unwrap();
        assert_eq!(doge.instrument.symbol, "DOGEUSDT");
        assert_eq!(
            (doge.instrument.lot, doge.start),
            ("1".parse().unwrap(), "0.2".parse().unwrap())
        );
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, expected) in [
            ("BTCUSDT", "joined by a dash"),
            ("BTC-USDT:tock=1", "tick=, lot="),
            ("BTC-USDT:tick=0", "tick=0"),
            ("BTC-USDT:tick=0.01,price=0.001", "is below tick=0.01"),
            ("BTC-USDT:price=0.009", "is below tick=0.01"),
        ] {
            let error = format!("{:#}", text.parse::<InstrumentArg>().unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}

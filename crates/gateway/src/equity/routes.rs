//! How each asset is valued: by which instrument that is followed, or over two of them.

use std::collections::BTreeMap;

use model::{Asset, Instrument, InstrumentId};

/// From one unit of an asset to the valuation asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// It is the valuation asset.
    Itself,
    /// Its price in an instrument.
    By(InstrumentId),
    /// It is what an instrument is paid with, and the valuation asset is what is bought.
    Inverse(InstrumentId),
    /// Its price in one, times the price in another of what that is paid with.
    Over(InstrumentId, InstrumentId),
}

impl Route {
    /// Does the price in this instrument say what it comes to?
    pub(crate) fn is_by(self, instrument: InstrumentId) -> bool {
        match self {
            Route::Itself => false,
            Route::By(by) | Route::Inverse(by) => by == instrument,
            Route::Over(first, second) => first == instrument || second == instrument,
        }
    }
}

/// The asset that all is counted in: as configured, else the quote of the instruments. `None` without any.
/// Where quotes differ the configuration has to say it; it does not start without.
pub(crate) fn valuation(configured: Option<Asset>, instruments: &[Instrument]) -> Option<Asset> {
    configured.or_else(|| instruments.first().map(|instrument| instrument.quote))
}

/// Every asset that can be valued.
pub(crate) fn routes(valuation: Asset, instruments: &[Instrument]) -> BTreeMap<Asset, Route> {
    let mut routes = BTreeMap::from([(valuation, Route::Itself)]);
    for instrument in instruments.iter().filter(|i| i.quote == valuation) {
        routes.entry(instrument.base).or_insert(Route::By(instrument.id));
    }
    for instrument in instruments.iter().filter(|i| i.base == valuation) {
        routes.entry(instrument.quote).or_insert(Route::Inverse(instrument.id));
    }
    let direct = routes.clone();
    for instrument in instruments {
        if let Some(Route::By(second)) = direct.get(&instrument.quote) {
            routes.entry(instrument.base).or_insert(Route::Over(instrument.id, *second));
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    fn instruments(names: &[&str]) -> Vec<Instrument> {
        let spot = |name: &&str| {
            let (base, quote) = name.split_once('-').unwrap();
            let (tick, lot) = (number("0.01"), number("0.001"));
            Instrument::spot(number(base), number(quote), tick, lot).unwrap()
        };
        names.iter().map(spot).collect()
    }

    #[test]
    fn an_asset_is_valued_by_what_is_followed() {
        let all = instruments(&["BTC-USDT", "ETH-BTC", "USDT-EUR", "XRP-GBP"]);
        let routes = routes(number("USDT"), &all);
        let by = |name: &str| routes.get(&number::<Asset>(name)).copied();
        assert_eq!(by("USDT"), Some(Route::Itself));
        assert_eq!(by("BTC"), Some(Route::By(number("BTC-USDT"))));
        assert_eq!(by("ETH"), Some(Route::Over(number("ETH-BTC"), number("BTC-USDT"))));
        assert_eq!(by("EUR"), Some(Route::Inverse(number("USDT-EUR"))));
        assert_eq!((by("XRP"), by("GBP"), by("DOGE")), (None, None, None));
    }

    #[test]
    fn the_valuation_is_the_quote_where_none_is_configured() {
        let all = instruments(&["BTC-USDT", "ETH-USDT"]);
        assert_eq!(valuation(None, &all), Some(number("USDT")));
        assert_eq!(valuation(Some(number("EUR")), &all), Some(number("EUR")));
        assert_eq!(valuation(None, &[]), None);
    }
}

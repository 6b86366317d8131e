//! Every call there is, by its route, with what it takes to make it.
//!
//! Source: Advanced Trade API reference, and the paths of the older Coinbase App API (`/v2`) that
//! CCXT asks with its own settings; read 2026-08-08.

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Time,
    Products,
    Product,
    Book,
    Candles,
    Trades,
    BestBidAsk,
    Accounts,
    Account,
    Place,
    Preview,
    Cancel,
    Edit,
    EditPreview,
    Orders,
    Order,
    Fills,
    Summary,
    Permissions,
    AppTime,
    AppCurrencies,
    AppCrypto,
    AppRates,
    AppAccounts,
}

/// Who may make a call, and against which limit it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody.
    Public,
    /// A key that may look.
    View,
    /// A key that may trade.
    Trade,
}

/// A route: the call, its access, and what stood in the place of the star.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) call: Call,
    pub(super) access: Access,
    pub(super) name: &'a str,
}

use Access::{Public, Trade, View};
use Call::*;

/// The first that fits is meant; a star is any one part of a path.
pub(super) const ROUTES: [(&str, &str, Call, Access); 29] = [
    ("GET", "/api/v3/brokerage/time", Time, Public),
    ("GET", "/api/v3/brokerage/market/products", Products, Public),
    ("GET", "/api/v3/brokerage/market/products/*", Product, Public),
    ("GET", "/api/v3/brokerage/market/products/*/candles", Candles, Public),
    ("GET", "/api/v3/brokerage/market/products/*/ticker", Trades, Public),
    ("GET", "/api/v3/brokerage/market/product_book", Book, Public),
    ("GET", "/api/v3/brokerage/products", Products, View),
    ("GET", "/api/v3/brokerage/products/*", Product, View),
    ("GET", "/api/v3/brokerage/products/*/candles", Candles, View),
    ("GET", "/api/v3/brokerage/products/*/ticker", Trades, View),
    ("GET", "/api/v3/brokerage/product_book", Book, View),
    ("GET", "/api/v3/brokerage/best_bid_ask", BestBidAsk, View),
    ("GET", "/api/v3/brokerage/accounts", Accounts, View),
    ("GET", "/api/v3/brokerage/accounts/*", Account, View),
    ("POST", "/api/v3/brokerage/orders", Place, Trade),
    ("POST", "/api/v3/brokerage/orders/preview", Preview, View),
    ("POST", "/api/v3/brokerage/orders/batch_cancel", Cancel, Trade),
    ("POST", "/api/v3/brokerage/orders/edit", Edit, Trade),
    ("POST", "/api/v3/brokerage/orders/edit_preview", EditPreview, View),
    ("GET", "/api/v3/brokerage/orders/historical/batch", Orders, View),
    ("GET", "/api/v3/brokerage/orders/historical/fills", Fills, View),
    ("GET", "/api/v3/brokerage/orders/historical/*", Order, View),
    ("GET", "/api/v3/brokerage/transaction_summary", Summary, View),
    ("GET", "/api/v3/brokerage/key_permissions", Permissions, View),
    ("GET", "/v2/time", AppTime, Public),
    ("GET", "/v2/currencies", AppCurrencies, Public),
    ("GET", "/v2/currencies/crypto", AppCrypto, Public),
    ("GET", "/v2/exchange-rates", AppRates, Public),
    ("GET", "/v2/accounts", AppAccounts, View),
];

/// The call of a path.
pub(super) fn route<'a>(method: &str, path: &'a str) -> Option<Route<'a>> {
    ROUTES.iter().find_map(|(wanted, pattern, call, access)| {
        let name = fits(pattern, path)?;
        (*wanted == method).then_some(Route { call: *call, access: *access, name })
    })
}

fn fits<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut name = "";
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(name),
            (Some("*"), Some(part)) if !part.is_empty() => name = part,
            (Some(want), Some(part)) if want == part => {}
            _ => return None,
        }
    }
}

impl Call {
    /// Is it of the older API, which has limits and shapes of its own?
    pub(super) const fn is_app(self) -> bool {
        matches!(self, AppTime | AppCurrencies | AppCrypto | AppRates | AppAccounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_route_that_fits_is_meant() {
        let of = |method: &str, path: &str| {
            let path = format!("/api/v3/brokerage{path}");
            route(method, &path).map(|r| (r.call, r.access, r.name.to_owned()))
        };
        for (path, call, access, name) in [
            ("/orders/historical/batch", Orders, View, ""),
            ("/orders/historical/3c1f", Order, View, "3c1f"),
            ("/market/products/BTC-USD/candles", Candles, Public, "BTC-USD"),
            ("/products/BTC-USD", Product, View, "BTC-USD"),
        ] {
            assert_eq!(of("GET", path), Some((call, access, name.to_owned())), "{path}");
        }
        for (method, path) in [
            ("POST", "/time"),
            ("GET", "/orders"),
            ("GET", "/market/products/"),
            ("GET", "/time/"),
            ("GET", ""),
        ] {
            assert_eq!(of(method, path), None, "{method} {path}");
        }
        assert!(route("GET", "").is_none() && route("GET", "/").is_none());
    }
}

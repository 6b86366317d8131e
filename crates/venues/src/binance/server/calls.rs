//! Every call there is, by its REST route and by its WebSocket method, with what it costs.
//!
//! Source: rest-api.md and web-socket-api.md, weights as of 2026-07-21. What the client side asks, too,
//! costs what `weights.rs` says.

use super::params::Params;
use crate::binance::weights;

/// A call, however it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Ping,
    Time,
    ExchangeInfo,
    ExecutionRules,
    ReferencePrice,
    Depth,
    Trades,
    HistoricalTrades,
    AggTrades,
    Klines,
    AvgPrice,
    Ticker24h,
    TickerTradingDay,
    TickerWindow,
    TickerPrice,
    TickerBook,
    Place,
    Test,
    Cancel,
    CancelAll,
    CancelReplace,
    Query,
    OpenOrders,
    AllOrders,
    MyTrades,
    Account,
    Commission,
    OrderLimits,
    PreventedMatches,
    Allocations,
    MyFilters,
    ApiRestrictions,
    TradeFee,
    /// Wallet and margin paths that clients ask on their way: an empty list.
    EmptyList,
    /// Exchanges of other products: no symbols.
    NoSymbols,
    /// New order lists, which no symbol here allows.
    NoLists,
    /// Amendments, smart order routing, lists that are there: not offered.
    NotOffered,
}

use Call::*;

/// REST routes.
const ROUTES: [(&str, &str, Call); 55] = [
    ("GET", "/api/v3/ping", Ping),
    ("GET", "/api/v3/time", Time),
    ("GET", "/api/v3/exchangeInfo", ExchangeInfo),
    ("GET", "/api/v3/executionRules", ExecutionRules),
    ("GET", "/api/v3/referencePrice", ReferencePrice),
    ("GET", "/api/v3/depth", Depth),
    ("GET", "/api/v3/trades", Trades),
    ("GET", "/api/v3/historicalTrades", HistoricalTrades),
    ("GET", "/api/v3/aggTrades", AggTrades),
    ("GET", "/api/v3/klines", Klines),
    ("GET", "/api/v3/uiKlines", Klines),
    ("GET", "/api/v3/avgPrice", AvgPrice),
    ("GET", "/api/v3/ticker/24hr", Ticker24h),
    ("GET", "/api/v3/ticker/tradingDay", TickerTradingDay),
    ("GET", "/api/v3/ticker", TickerWindow),
    ("GET", "/api/v3/ticker/price", TickerPrice),
    ("GET", "/api/v3/ticker/bookTicker", TickerBook),
    ("POST", "/api/v3/order", Place),
    ("POST", "/api/v3/order/test", Test),
    ("DELETE", "/api/v3/order", Cancel),
    ("GET", "/api/v3/order", Query),
    ("DELETE", "/api/v3/openOrders", CancelAll),
    ("GET", "/api/v3/openOrders", OpenOrders),
    ("POST", "/api/v3/order/cancelReplace", CancelReplace),
    ("GET", "/api/v3/allOrders", AllOrders),
    ("GET", "/api/v3/myTrades", MyTrades),
    ("GET", "/api/v3/account", Account),
    ("GET", "/api/v3/account/commission", Commission),
    ("GET", "/api/v3/rateLimit/order", OrderLimits),
    ("GET", "/api/v3/myPreventedMatches", PreventedMatches),
    ("GET", "/api/v3/myAllocations", Allocations),
    ("GET", "/api/v3/myFilters", MyFilters),
    ("GET", "/sapi/v1/account/apiRestrictions", ApiRestrictions),
    ("GET", "/sapi/v1/asset/tradeFee", TradeFee),
    ("GET", "/sapi/v1/capital/config/getall", EmptyList),
    ("GET", "/sapi/v1/margin/allPairs", EmptyList),
    ("GET", "/sapi/v1/margin/isolated/allPairs", EmptyList),
    ("GET", "/fapi/v1/exchangeInfo", NoSymbols),
    ("GET", "/dapi/v1/exchangeInfo", NoSymbols),
    ("GET", "/eapi/v1/exchangeInfo", NoSymbols),
    ("PUT", "/api/v3/order/amend/keepPriority", NotOffered),
    ("GET", "/api/v3/order/amendments", NotOffered),
    ("POST", "/api/v3/order/oco", NoLists),
    ("POST", "/api/v3/orderList/oco", NoLists),
    ("POST", "/api/v3/orderList/oto", NoLists),
    ("POST", "/api/v3/orderList/otoco", NoLists),
    ("POST", "/api/v3/orderList/opo", NoLists),
    ("POST", "/api/v3/orderList/opoco", NoLists),
    ("DELETE", "/api/v3/orderList", NotOffered),
    ("GET", "/api/v3/orderList", NotOffered),
    ("GET", "/api/v3/allOrderList", EmptyList),
    ("GET", "/api/v3/openOrderList", EmptyList),
    ("POST", "/api/v3/sor/order", NotOffered),
    ("POST", "/api/v3/sor/order/test", NotOffered),
    ("GET", "/api/v3/historicalBlockTrades", EmptyList),
];

/// WebSocket methods.
const METHODS: [(&str, Call); 47] = [
    ("ping", Ping),
    ("time", Time),
    ("exchangeInfo", ExchangeInfo),
    ("executionRules", ExecutionRules),
    ("referencePrice", ReferencePrice),
    ("depth", Depth),
    ("trades.recent", Trades),
    ("trades.historical", HistoricalTrades),
    ("trades.aggregate", AggTrades),
    ("klines", Klines),
    ("uiKlines", Klines),
    ("avgPrice", AvgPrice),
    ("ticker.24hr", Ticker24h),
    ("ticker.tradingDay", TickerTradingDay),
    ("ticker", TickerWindow),
    ("ticker.price", TickerPrice),
    ("ticker.book", TickerBook),
    ("order.place", Place),
    ("order.test", Test),
    ("order.cancel", Cancel),
    ("order.status", Query),
    ("order.cancelReplace", CancelReplace),
    ("openOrders.status", OpenOrders),
    ("openOrders.cancelAll", CancelAll),
    ("allOrders", AllOrders),
    ("myTrades", MyTrades),
    ("account.status", Account),
    ("account.commission", Commission),
    ("account.rateLimits.orders", OrderLimits),
    ("myPreventedMatches", PreventedMatches),
    ("myAllocations", Allocations),
    ("myFilters", MyFilters),
    ("order.amend.keepPriority", NotOffered),
    ("order.amendments", NotOffered),
    ("orderList.place.oco", NoLists),
    ("orderList.place.oto", NoLists),
    ("orderList.place.otoco", NoLists),
    ("orderList.place.opo", NoLists),
    ("orderList.place.opoco", NoLists),
    ("orderList.place", NoLists),
    ("blockTrades.historical", EmptyList),
    ("orderList.cancel", NotOffered),
    ("orderList.status", NotOffered),
    ("openOrderLists.status", EmptyList),
    ("allOrderLists", EmptyList),
    ("sor.order.place", NotOffered),
    ("sor.order.test", NotOffered),
];

/// The call of a REST route.
pub(super) fn route(method: &str, path: &str) -> Option<Call> {
    ROUTES.iter().find(|(m, p, _)| *m == method && *p == path).map(|(_, _, call)| *call)
}

/// The call of a WebSocket method, which may carry the version in front.
pub(super) fn method(name: &str) -> Option<Call> {
    let name = name.strip_prefix("v3/").unwrap_or(name);
    METHODS.iter().find(|(m, _)| *m == name).map(|(_, call)| *call)
}

impl Call {
    /// Is it answered without a key?
    pub(super) const fn is_public(self) -> bool {
        match self {
            Ping | Time | ExchangeInfo | ExecutionRules | ReferencePrice | Depth | Trades
            | HistoricalTrades | AggTrades | Klines | AvgPrice | Ticker24h | TickerTradingDay
            | TickerWindow | TickerPrice | TickerBook | EmptyList | NoSymbols | NoLists
            | NotOffered => true,
            Place | Test | Cancel | CancelAll | CancelReplace | Query | OpenOrders | AllOrders
            | MyTrades | Account | Commission | OrderLimits | PreventedMatches | Allocations
            | MyFilters | ApiRestrictions | TradeFee => false,
        }
    }

    /// Is it free when it works?
    pub(super) const fn is_free_when_it_works(self) -> bool {
        matches!(self, Place | Cancel | CancelAll | CancelReplace)
    }

    /// Does it take the right to trade?
    pub(super) const fn trades(self) -> bool {
        matches!(self, Place | Test | Cancel | CancelAll | CancelReplace)
    }

    /// Does it count as a new order?
    pub(super) const fn places(self) -> bool {
        matches!(self, Place | CancelReplace)
    }

    /// What it costs.
    pub(super) fn weight(self, params: &Params) -> u32 {
        let symbols = || match (params.get("symbol"), params.list("symbols")) {
            (Some(_), _) => Some(1),
            (None, Ok(Some(list))) => Some(list.len()),
            (None, _) => None,
        };
        let per_symbol = |each: u32, max: u32| match symbols() {
            Some(count) => each.saturating_mul(u32::try_from(count).unwrap_or(max)).min(max),
            None => max,
        };
        match self {
            Ping | Time | Place | Cancel | CancelAll | CancelReplace | EmptyList | NoSymbols
            | NoLists | NotOffered | TradeFee => weights::PLAIN,
            ApiRestrictions => weights::KEY_RIGHTS,
            Test if params.is_true("computeCommissionRates") => weights::TEST_WITH_FEES,
            Test => weights::PLAIN,
            ExchangeInfo => weights::EXCHANGE_INFO,
            Account => weights::ACCOUNT,
            Commission => weights::COMMISSION,
            AllOrders => weights::ALL_ORDERS,
            PreventedMatches | Allocations => 20,
            ExecutionRules => per_symbol(2, 40),
            Depth => {
                let levels = params.limit(100, 5_000).unwrap_or(100);
                weights::depth(levels)
            }
            Trades | HistoricalTrades => weights::TRADES,
            AggTrades => weights::AGGREGATE_TRADES,
            Query => weights::ORDER,
            Klines => weights::CANDLES,
            AvgPrice => weights::AVERAGE_PRICE,
            ReferencePrice => 2,
            Ticker24h => weights::ticker_24h(symbols()),
            TickerTradingDay | TickerWindow => per_symbol(4, 200),
            TickerPrice | TickerBook => match params.get("symbol") {
                Some(_) => 2,
                None => 4,
            },
            OpenOrders => weights::open_orders(params.get("symbol").is_some()),
            MyTrades => weights::my_trades(params.get("orderId").is_some()),
            OrderLimits | MyFilters => 40,
        }
    }
}

/// Some route, for tests that try them all.
#[cfg(test)]
pub(super) fn any_route(n: usize) -> (&'static str, &'static str) {
    let (method, path, _) = ROUTES[n % ROUTES.len()];
    (method, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_lead_to_the_same_calls() {
        for (i, (method, path, _)) in ROUTES.iter().enumerate() {
            let twice = ROUTES[..i].iter().any(|(m, p, _)| m == method && p == path);
            assert!(!twice, "{method} {path} is there twice");
        }
        for (rest, socket) in [
            (route("POST", "/api/v3/order"), method("order.place")),
            (route("DELETE", "/api/v3/openOrders"), method("v3/openOrders.cancelAll")),
            (route("GET", "/api/v3/ticker/bookTicker"), method("ticker.book")),
        ] {
            assert!(rest.is_some());
            assert_eq!(rest, socket);
        }
        assert_eq!(route("GET", "/api/v3/order/"), None);
        assert_eq!(route("get", "/api/v3/order"), None);
        assert_eq!(method("v1/ping"), None);
    }

    #[test]
    fn weights_at_both_sides_of_each_step() {
        let weight = |call: Call, query: &str| call.weight(&Params::from_form(query, ""));
        let symbols = |count: usize| {
            let names: Vec<String> = (0..count).map(|i| format!("%22S{i}%22")).collect();
            format!("symbols=%5B{}%5D", names.join(","))
        };
        for (limit, cost) in
            [(1, 5), (100, 5), (101, 25), (500, 25), (501, 50), (1_000, 50), (1_001, 250)]
        {
            assert_eq!(weight(Depth, &format!("symbol=S&limit={limit}")), cost, "{limit}");
        }
        assert_eq!(weight(Depth, "symbol=S"), 5);
        for (count, cost) in [(1, 2), (20, 2), (21, 40), (100, 40), (101, 80)] {
            assert_eq!(weight(Ticker24h, &symbols(count)), cost, "{count}");
        }
        assert_eq!(weight(Ticker24h, ""), 80);
        for (count, cost) in [(1, 4), (50, 200), (51, 200)] {
            assert_eq!(weight(TickerWindow, &symbols(count)), cost, "{count}");
        }
        for (call, query, cost) in [
            (TickerPrice, "symbol=S", 2),
            (TickerPrice, "", 4),
            (OpenOrders, "symbol=S", 6),
            (OpenOrders, "", 80),
            (MyTrades, "symbol=S&orderId=1", 5),
            (MyTrades, "symbol=S", 20),
            (Test, "computeCommissionRates=true", 20),
            (Test, "computeCommissionRates=false", 1),
        ] {
            assert_eq!(weight(call, query), cost, "{call:?} {query}");
        }
    }
}

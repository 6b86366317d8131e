//! Every call, by its path.

use crate::server::HttpRequest;

/// What has to be shown for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing.
    Public,
    /// A key.
    Any,
    /// A key that may look.
    View,
    /// A key that may trade.
    Trade,
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Time,
    SystemStatus,
    Assets,
    AssetPairs,
    Ticker,
    Ohlc,
    Depth,
    Trades,
    Spread,
    Balance,
    BalanceEx,
    OpenOrders,
    ClosedOrders,
    QueryOrders,
    TradesHistory,
    QueryTrades,
    TradeVolume,
    KeyInfo,
    Token,
    AddOrder,
    AmendOrder,
    CancelOrder,
    CancelBatch,
    CancelAll,
    CancelAfter,
}

use Access::{Any, Public, Trade, View};

/// Method, path, call, access, and what it costs of the counter of calls; what the matching engine counts
/// costs nothing there.
const CALLS: [(&str, &str, Call, Access, u32); 25] = [
    ("GET", "/0/public/Time", Call::Time, Public, 1),
    ("GET", "/0/public/SystemStatus", Call::SystemStatus, Public, 1),
    ("GET", "/0/public/Assets", Call::Assets, Public, 1),
    ("GET", "/0/public/AssetPairs", Call::AssetPairs, Public, 1),
    ("GET", "/0/public/Ticker", Call::Ticker, Public, 1),
    ("GET", "/0/public/OHLC", Call::Ohlc, Public, 1),
    ("GET", "/0/public/Depth", Call::Depth, Public, 1),
    ("GET", "/0/public/Trades", Call::Trades, Public, 1),
    ("GET", "/0/public/Spread", Call::Spread, Public, 1),
    ("POST", "/0/private/Balance", Call::Balance, View, 1),
    ("POST", "/0/private/BalanceEx", Call::BalanceEx, View, 1),
    ("POST", "/0/private/OpenOrders", Call::OpenOrders, View, 1),
    ("POST", "/0/private/ClosedOrders", Call::ClosedOrders, View, 1),
    ("POST", "/0/private/QueryOrders", Call::QueryOrders, View, 1),
    ("POST", "/0/private/TradesHistory", Call::TradesHistory, View, 2),
    ("POST", "/0/private/QueryTrades", Call::QueryTrades, View, 2),
    ("POST", "/0/private/TradeVolume", Call::TradeVolume, View, 1),
    ("POST", "/0/private/GetApiKeyInfo", Call::KeyInfo, Any, 1),
    ("POST", "/0/private/GetWebSocketsToken", Call::Token, View, 1),
    ("POST", "/0/private/AddOrder", Call::AddOrder, Trade, 0),
    ("POST", "/0/private/AmendOrder", Call::AmendOrder, Trade, 0),
    ("POST", "/0/private/CancelOrder", Call::CancelOrder, Trade, 0),
    ("POST", "/0/private/CancelOrderBatch", Call::CancelBatch, Trade, 0),
    ("POST", "/0/private/CancelAll", Call::CancelAll, Trade, 1),
    ("POST", "/0/private/CancelAllOrdersAfter", Call::CancelAfter, Trade, 1),
];

/// The call of a path.
pub(super) fn route(method: &str, path: &str) -> Option<(Call, Access, u32)> {
    let mut all = CALLS.iter().filter(|(verb, known, ..)| *verb == method && *known == path);
    all.next().map(|(_, _, call, access, cost)| (*call, *access, *cost))
}

/// Does it change nothing?
pub(super) fn only_asks(request: &HttpRequest<'_>) -> bool {
    let route = route(request.method, request.path);
    route.is_some_and(|(call, access, _)| access != Trade && call != Call::Token)
}

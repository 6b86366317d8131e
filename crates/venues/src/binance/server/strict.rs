//! Which parameters each call reads. Over REST one that nobody reads is refused, as is an empty
//! one everywhere: a misspelt name must not look like a wish that was granted.
//!
//! Source: rest-api.md (parameter tables), errors.md -1101, -1104, -1105, read 2026-07-21.

use super::calls::Call;
use super::errors::ApiError;
use super::params::Params;

/// How a call came, which decides the names that it may carry besides its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A public REST call.
    Public,
    /// A signed REST call.
    Signed,
    /// Any call of the WebSocket API.
    Socket,
}

impl Frame {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Frame::Public => &[],
            Frame::Signed => &["timestamp", "recvWindow", "signature"],
            Frame::Socket => {
                &["timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"]
            }
        }
    }
}

const ORDER: &[&str] = &[
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "pegPriceType",
    "pegOffsetValue",
    "pegOffsetType",
];
const REPLACE: &[&str] = &[
    "cancelReplaceMode",
    "cancelNewClientOrderId",
    "cancelOrigClientOrderId",
    "cancelOrderId",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
];
const LIST: &[&str] = &["symbol", "symbols", "symbolStatus"];

/// The names that a call reads; `None` where anything goes, because nothing is read.
fn names(call: Call) -> Option<&'static [&'static [&'static str]]> {
    Some(match call {
        Call::Ping | Call::Time | Call::OrderLimits => &[],
        Call::ExchangeInfo => &[LIST, &["permissions", "showPermissionSets"]],
        Call::ExecutionRules | Call::TickerPrice | Call::TickerBook => &[LIST],
        Call::ReferencePrice => &[&["symbol", "symbolStatus"]],
        Call::Depth => &[&["symbol", "limit", "symbolStatus"]],
        Call::Trades => &[&["symbol", "limit"]],
        Call::HistoricalTrades => &[&["symbol", "limit", "fromId"]],
        Call::AggTrades => &[&["symbol", "fromId", "startTime", "endTime", "limit"]],
        Call::Klines => &[&["symbol", "interval", "startTime", "endTime", "timeZone", "limit"]],
        Call::AvgPrice
        | Call::CancelAll
        | Call::OpenOrders
        | Call::Commission
        | Call::MyFilters => &[&["symbol"]],
        Call::Ticker24h => &[LIST, &["type"]],
        Call::TickerTradingDay => &[LIST, &["type", "timeZone"]],
        Call::TickerWindow => &[LIST, &["type", "windowSize"]],
        Call::Place => &[ORDER],
        Call::Test => &[ORDER, &["computeCommissionRates"]],
        Call::CancelReplace => &[ORDER, REPLACE],
        Call::Cancel => {
            &[&["symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"]]
        }
        Call::Query => &[&["symbol", "orderId", "origClientOrderId"]],
        Call::AllOrders => &[&["symbol", "orderId", "startTime", "endTime", "limit"]],
        Call::MyTrades => &[&["symbol", "orderId", "startTime", "endTime", "fromId", "limit"]],
        Call::Account => &[&["omitZeroBalances"]],
        Call::PreventedMatches => {
            &[&["symbol", "preventedMatchId", "orderId", "fromPreventedMatchId", "limit"]]
        }
        Call::Allocations => {
            &[&["symbol", "startTime", "endTime", "fromAllocationId", "limit", "orderId"]]
        }
        Call::ApiRestrictions
        | Call::TradeFee
        | Call::EmptyList
        | Call::NoSymbols
        | Call::NoLists
        | Call::NotOffered => return None,
    })
}

/// Does the call read all that was sent?
pub(super) fn check(call: Call, params: &Params, frame: Frame) -> Result<(), ApiError> {
    let Some(own) = names(call) else { return Ok(()) };
    let is_read =
        |name: &str| own.iter().any(|names| names.contains(&name)) || frame.names().contains(&name);
    let sent = params.sorted().count();
    if own.is_empty() && frame == Frame::Public && sent > 0 {
        let text = format!("Too many parameters; expected '0' and received '{sent}'.");
        return Err(ApiError::bad(-1101, text));
    }
    if let Some((name, _)) = params.sorted().find(|(name, value)| value.is_empty() && is_read(name))
    {
        return Err(ApiError::bad(-1105, format!("Parameter '{name}' was empty.")));
    }
    let read = params.sorted().filter(|(name, _)| is_read(name)).count();
    // CCXT sends its own flags along on the WebSocket API, and the venue lets it.
    if read == sent || frame == Frame::Socket {
        return Ok(());
    }
    let text = format!(
        "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    );
    Err(ApiError::bad(-1104, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_refused() {
        for (call, query, frame, expected) in [
            (Call::Ping, "", Frame::Public, Ok(())),
            (Call::Ping, "a=1", Frame::Public, Err(-1101)),
            (Call::Ping, "returnRateLimits=false", Frame::Socket, Ok(())),
            (Call::Depth, "symbol=BTCUSDT&limit=5", Frame::Public, Ok(())),
            (Call::Depth, "symbol=BTCUSDT&levels=5", Frame::Public, Err(-1104)),
            (Call::Depth, "symbol=", Frame::Public, Err(-1105)),
            (Call::Depth, "symbol=BTCUSDT&timestamp=1", Frame::Public, Err(-1104)),
            (Call::OrderLimits, "timestamp=1&recvWindow=2&signature=3", Frame::Signed, Ok(())),
            (Call::OrderLimits, "timestamp=1&apiKey=2", Frame::Signed, Err(-1104)),
            (Call::Depth, "symbol=BTCUSDT&postOnly=true", Frame::Socket, Ok(())),
            (Call::Depth, "symbol=&postOnly=true", Frame::Socket, Err(-1105)),
            (Call::EmptyList, "anything=goes", Frame::Signed, Ok(())),
        ] {
            let params = Params::from_form(query, "");
            let found = check(call, &params, frame).map_err(|error| error.code);
            assert_eq!(found, expected, "{call:?} {query}");
        }
        let params = Params::from_form("symbol=BTCUSDT&a=1&b=2", "");
        assert_eq!(
            check(Call::AvgPrice, &params, Frame::Public).unwrap_err().msg,
            "Not all sent parameters were read; read '1' parameter(s) but was sent '3'."
        );
    }
}

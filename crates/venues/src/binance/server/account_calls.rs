//! Signed calls: what to ask the exchange, and how to word its answer.

use model::venue::{AccountRequest, FeeRates, Replaced, Response, VenueError};
use model::{AccountId, ClientOrderId};
use serde::Serialize;
use serde_json::{Value, json};

use super::calls::Call;
use super::errors::{ApiError, Asked, refusal};
use super::market_data::text;
use super::orders::{self, Detail, Labels, OrderCall};
use super::params::Params;
use super::render;
use crate::binance::symbols::Symbols;

/// What a signed call comes to.
pub(super) enum Plan {
    /// Answered without asking.
    Ready(String),
    /// The exchange must be asked.
    Ask(AccountRequest, Wording),
}

/// How to word the exchange's answer.
#[derive(Clone, Debug)]
pub(super) enum Wording {
    Placed {
        detail: Detail,
        labels: Labels,
    },
    Tested {
        with_rates: bool,
    },
    Canceled,
    CanceledAll,
    Replaced {
        detail: Detail,
        labels: Labels,
    },
    /// The cancel half of a cancel-replace whose new order is one too many.
    OnlyCanceled {
        stop_on_failure: bool,
        over: ApiError,
    },
    Order,
    Orders,
    Fills,
    Account {
        omit_zero: bool,
    },
    Fees {
        symbol: String,
    },
}

/// Reads the parameters of a signed call.
pub(super) fn plan(
    call: Call,
    params: &Params,
    symbols: &Symbols,
    make_id: impl FnOnce() -> ClientOrderId,
) -> Result<Plan, ApiError> {
    let ask = |request, wording| Ok(Plan::Ask(request, wording));
    let open = |request: Result<AccountRequest, ApiError>, wording| {
        request.map(|request| Plan::Ask(request, wording))
    };
    match call {
        Call::Place => orders::new_order(params, symbols, make_id).map(|call| {
            let OrderCall { order, detail, labels } = call;
            Plan::Ask(AccountRequest::Place(order), Wording::Placed { detail, labels })
        }),
        Call::Test => orders::new_order(params, symbols, make_id).map(|call| {
            let with_rates = params.is_true("computeCommissionRates");
            Plan::Ask(AccountRequest::Test(call.order), Wording::Tested { with_rates })
        }),
        Call::Cancel => open(orders::cancel(params, symbols), Wording::Canceled),
        Call::CancelAll => open(
            orders::symbol(params, symbols).map(|row| AccountRequest::CancelAll(row.instrument.id)),
            Wording::CanceledAll,
        ),
        Call::CancelReplace => {
            orders::cancel_replace(params, symbols, make_id).map(|(request, call)| {
                let OrderCall { detail, labels, .. } = call;
                Plan::Ask(request, Wording::Replaced { detail, labels })
            })
        }
        Call::Query => open(query(params, symbols), Wording::Order),
        Call::OpenOrders => open(
            orders::open_orders(params, symbols).map(AccountRequest::OpenOrders),
            Wording::Orders,
        ),
        Call::AllOrders => open(orders::all_orders(params, symbols), Wording::Orders),
        Call::MyTrades => open(orders::my_trades(params, symbols), Wording::Fills),
        Call::Account => {
            let omit_zero = params.is_true("omitZeroBalances");
            ask(AccountRequest::Account, Wording::Account { omit_zero })
        }
        Call::Commission => orders::symbol(params, symbols).map(|row| {
            let symbol = row.instrument.symbol.clone();
            Plan::Ask(AccountRequest::Fees(row.instrument.id), Wording::Fees { symbol })
        }),
        Call::PreventedMatches | Call::Allocations => Ok(Plan::Ready("[]".to_owned())),
        Call::MyFilters => Ok(Plan::Ready(
            json!({"exchangeFilters": [], "symbolFilters": [], "assetFilters": []}).to_string(),
        )),
        Call::ApiRestrictions
        | Call::TradeFee
        | Call::OrderLimits
        | Call::Ping
        | Call::Time
        | Call::ExchangeInfo
        | Call::ExecutionRules
        | Call::ReferencePrice
        | Call::Depth
        | Call::Trades
        | Call::HistoricalTrades
        | Call::AggTrades
        | Call::Klines
        | Call::AvgPrice
        | Call::Ticker24h
        | Call::TickerTradingDay
        | Call::TickerWindow
        | Call::TickerPrice
        | Call::TickerBook
        | Call::EmptyList
        | Call::NoSymbols
        | Call::NoLists
        | Call::NotOffered => Err(ApiError::not_found()),
    }
}

/// A cancel-replace of an account that has used up its orders: it may ask that the cancel be tried
/// all the same. The new order is refused either way.
pub(super) fn cancel_only(params: &Params, plan: Plan, over: ApiError) -> Result<Plan, ApiError> {
    let wanted = match params.get("orderRateLimitExceededMode") {
        None | Some("DO_NOTHING") => false,
        Some("CANCEL_ONLY") => true,
        Some(_) => return Err(ApiError::invalid("orderRateLimitExceededMode")),
    };
    match plan {
        Plan::Ask(AccountRequest::CancelReplace(both), _) if wanted => Ok(Plan::Ask(
            AccountRequest::Cancel {
                instrument: both.order.instrument,
                order: both.cancel,
                cancel_id: both.cancel_id,
                only: both.only,
            },
            Wording::OnlyCanceled { stop_on_failure: both.stop_on_failure, over },
        )),
        Plan::Ask(..) | Plan::Ready(_) => Err(over),
    }
}

fn query(params: &Params, symbols: &Symbols) -> Result<AccountRequest, ApiError> {
    Ok(AccountRequest::Order {
        instrument: orders::symbol(params, symbols)?.instrument.id,
        order: orders::order_key(params, "orderId", "origClientOrderId")?,
        since: None,
    })
}

/// Words the exchange's answer.
pub(super) fn word(
    wording: &Wording,
    answer: Result<Response, VenueError>,
    symbols: &Symbols,
    fees: FeeRates,
    account: AccountId,
) -> Result<String, ApiError> {
    if let Wording::OnlyCanceled { stop_on_failure, over } = wording {
        return Err(only_canceled(symbols, answer, *stop_on_failure, over));
    }
    let response = answer.map_err(|error| refusal(&error, wording.asked()))?;
    match (wording, response) {
        (Wording::Placed { detail, labels }, Response::Placed { order, fills }) => {
            Ok(placed(symbols, &order, &fills, *detail, *labels).to_string())
        }
        (Wording::Tested { with_rates: false }, Response::Tested) => Ok("{}".to_owned()),
        (Wording::Tested { with_rates: true }, Response::Tested) => {
            Ok(text(&render::test_commission(fees)))
        }
        (Wording::Canceled, Response::Canceled { order, cancel_id }) => {
            Ok(text(&render::cancel(symbols, &order, cancel_id)))
        }
        (Wording::CanceledAll, Response::CanceledAll(all)) => {
            let all = all.iter().map(|(order, id)| render::cancel(symbols, order, *id));
            Ok(text(&all.collect::<Vec<_>>()))
        }
        (Wording::Replaced { detail, labels }, Response::Replaced(both)) => {
            replaced(symbols, &both, *detail, *labels)
        }
        (Wording::Order, Response::Order(order)) => Ok(text(&render::order(symbols, &order))),
        (Wording::Orders, Response::Orders(orders)) => {
            let orders = orders.iter().map(|order| render::order(symbols, order));
            Ok(text(&orders.collect::<Vec<_>>()))
        }
        (Wording::Fills, Response::Fills(fills)) => {
            let fills = fills.iter().map(|fill| render::my_trade(symbols, fill));
            Ok(text(&fills.collect::<Vec<_>>()))
        }
        (Wording::Account { omit_zero }, Response::Account(held)) => {
            Ok(text(&render::account(&held, fees, *omit_zero, uid(account))))
        }
        (Wording::Fees { symbol }, Response::Fees(fees)) => {
            Ok(text(&render::commission(symbol.clone(), fees)))
        }
        (wording, response) => {
            debug_assert!(false, "{wording:?} was answered with {response:?}");
            Err(ApiError::internal())
        }
    }
}

impl Wording {
    const fn asked(&self) -> Asked {
        match self {
            Wording::Placed { .. } | Wording::Tested { .. } => Asked::Order,
            Wording::Canceled
            | Wording::CanceledAll
            | Wording::Replaced { .. }
            | Wording::OnlyCanceled { .. } => Asked::Cancel,
            Wording::Order
            | Wording::Orders
            | Wording::Fills
            | Wording::Account { .. }
            | Wording::Fees { .. } => Asked::Question,
        }
    }
}

fn json_of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn placed(
    symbols: &Symbols,
    order: &model::venue::VenueOrder,
    fills: &[model::Fill],
    detail: Detail,
    labels: Labels,
) -> Value {
    match detail {
        Detail::Ack => json_of(&render::ack(symbols, order)),
        Detail::Result => json_of(&render::result(symbols, order, None, labels)),
        Detail::Full => json_of(&render::result(symbols, order, Some(fills), labels)),
    }
}

/// Both halves of a cancel-replace; what it comes to is in the table of rest-api.md.
fn replaced(
    symbols: &Symbols,
    both: &Replaced,
    detail: Detail,
    labels: Labels,
) -> Result<String, ApiError> {
    let (cancel_result, cancel) = match &both.cancel {
        Ok((order, id)) => ("SUCCESS", json_of(&render::cancel(symbols, order, *id))),
        Err(error) => ("FAILURE", refusal(error, Asked::Cancel).body()),
    };
    let (new_result, new) = match &both.new {
        None => ("NOT_ATTEMPTED", Value::Null),
        Some(Ok((order, fills))) => ("SUCCESS", placed(symbols, order, fills, detail, labels)),
        Some(Err(error)) => ("FAILURE", refusal(error, Asked::Order).body()),
    };
    let data = halves((cancel_result, cancel), (new_result, new));
    let (status, code, msg) = match (&both.cancel, &both.new) {
        (Ok(_), Some(Ok(_))) => return Ok(data.to_string()),
        (Ok(_), _) | (Err(_), Some(Ok(_))) => {
            (409, -2021, "Order cancel-replace partially failed.")
        }
        (Err(_), _) => (400, -2022, "Order cancel-replace failed."),
    };
    let mut error = ApiError::new(status, code, msg);
    error.data = Some(data);
    Err(error)
}

/// What becomes of a cancel-replace when only the cancel was tried (rest-api.md has the table).
fn only_canceled(
    symbols: &Symbols,
    answer: Result<Response, VenueError>,
    stop_on_failure: bool,
    over: &ApiError,
) -> ApiError {
    let cancel = match answer {
        Ok(Response::Canceled { order, cancel_id }) => {
            Ok(json_of(&render::cancel(symbols, &order, cancel_id)))
        }
        Ok(_) => Err(ApiError::internal().body()),
        Err(error) => Err(refusal(&error, Asked::Cancel).body()),
    };
    let refused = ("FAILURE", over.body());
    let (status, data) = match (cancel, stop_on_failure) {
        (Ok(cancel), true) => (429, halves(("SUCCESS", cancel), refused)),
        (Ok(cancel), false) => (409, halves(("SUCCESS", cancel), refused)),
        (Err(error), true) => (429, halves(("FAILURE", error), ("NOT_ATTEMPTED", Value::Null))),
        (Err(error), false) => (400, halves(("FAILURE", error), refused)),
    };
    let mut error = if data["cancelResult"] == "SUCCESS" {
        ApiError::new(status, -2021, "Order cancel-replace partially failed.")
    } else {
        ApiError::new(status, -2022, "Order cancel-replace failed.")
    };
    error.data = Some(data);
    error.retry_at_ms = over.retry_at_ms.filter(|_| status == 429);
    error
}

fn halves(cancel: (&str, Value), new: (&str, Value)) -> Value {
    json!({
        "cancelResult": cancel.0,
        "newOrderResult": new.0,
        "cancelResponse": cancel.1,
        "newOrderResponse": new.1,
    })
}

/// A number for an account, always the same one.
fn uid(account: AccountId) -> i64 {
    account
        .as_str()
        .bytes()
        .fold(100_000_000, |uid, byte| (uid * 31 + i64::from(byte)) % 900_000_000)
        + 100_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::server::testing::symbols;

    #[test]
    fn a_replacement_that_half_worked_says_so() {
        let both = Replaced { cancel: Err(VenueError::UnknownOrder), new: None };
        let error = replaced(&symbols(), &both, Detail::Ack, Labels::default()).unwrap_err();
        assert_eq!((error.status, error.code), (400, -2022));
        let data = error.data.unwrap();
        assert_eq!(data["newOrderResult"], "NOT_ATTEMPTED");
        assert_eq!(data["newOrderResponse"], Value::Null);
        assert_eq!(data["cancelResponse"]["msg"], "Unknown order sent.");
        let both = Replaced {
            cancel: Err(VenueError::UnknownOrder),
            new: Some(Err(VenueError::InsufficientBalance)),
        };
        let error = replaced(&symbols(), &both, Detail::Ack, Labels::default()).unwrap_err();
        assert_eq!((error.status, error.code), (400, -2022));
    }
}

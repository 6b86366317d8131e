//! What happens to an account, in the words of the user data stream.
//!
//! Source: user-data-stream.md, read 2026-07-21.

use model::venue::{AccountEvent, Execution, VenueError, VenueOrder, VenueOrderStatus};
use model::{Fill, Liquidity, Timestamp};

use super::market_data::text;
use super::render::{self, ZERO};
use crate::binance::symbols::Symbols;
use crate::binance::vocabulary;
use crate::binance::wire::{self, Fixed8};

/// The event as JSON text, without an envelope.
pub(super) fn event(now: Timestamp, event: &AccountEvent, symbols: &Symbols) -> String {
    match event {
        AccountEvent::Order { order, execution, execution_id, time } => {
            text(&report(now, symbols, order, execution, *execution_id, *time))
        }
        AccountEvent::Balances { balances, time } => text(&wire::AccountPosition {
            e: "outboundAccountPosition".to_owned(),
            event_time: now.millis(),
            u: time.millis(),
            balances: balances
                .iter()
                .map(|(asset, held)| wire::PositionBalance {
                    a: asset.to_string(),
                    f: held.free.into(),
                    l: held.locked.into(),
                })
                .collect(),
        }),
        AccountEvent::Transfer { asset, amount, time } => text(&wire::BalanceUpdate {
            e: "balanceUpdate".to_owned(),
            event_time: now.millis(),
            a: asset.to_string(),
            d: (*amount).into(),
            clear_time: time.millis(),
        }),
    }
}

fn report(
    now: Timestamp,
    symbols: &Symbols,
    order: &VenueOrder,
    execution: &Execution,
    execution_id: u64,
    time: Timestamp,
) -> wire::ExecutionReport {
    let own = order.client_order_id.to_string();
    // On a cancel `c` names the cancel and `C` the order.
    let (client, original) = match execution {
        Execution::Canceled(cancel_id) => (cancel_id.to_string(), own),
        Execution::New
        | Execution::Trade(_)
        | Execution::Expired
        | Execution::Triggered
        | Execution::Rejected(_)
        | Execution::Prevented
        | Execution::Standing => (own, String::new()),
    };
    let fill = match execution {
        Execution::Trade(fill) => Some(fill),
        Execution::New
        | Execution::Canceled(_)
        | Execution::Expired
        | Execution::Triggered
        | Execution::Rejected(_)
        | Execution::Prevented
        | Execution::Standing => None,
    };
    wire::ExecutionReport {
        e: "executionReport".to_owned(),
        event_time: now.millis(),
        s: render::symbol(symbols, order),
        c: client,
        side: vocabulary::side(order.side).to_owned(),
        o: render::kind(order),
        f: render::tif(order),
        q: order.qty.into(),
        p: render::price(order),
        stop_price: render::trigger(order),
        iceberg_qty: ZERO,
        g: -1,
        original_client_id: original,
        x: execution_type(execution, order.status).to_owned(),
        status: vocabulary::status(order.status).to_owned(),
        r: reject_reason(execution).to_owned(),
        i: render::number(order.id),
        l: fill.map_or(ZERO, |fill| fill.qty.into()),
        z: order.filled.into(),
        last_price: fill.map_or(ZERO, |fill| fill.price.into()),
        n: fill.and_then(|fill| fill.fee).map_or(ZERO, |fee| fee.amount.into()),
        fee_asset: fill.and_then(|fill| fill.fee).map(|fee| fee.asset.to_string()),
        transaction_time: time.millis(),
        t: fill.and_then(|fill| fill.trade_id.as_str().parse().ok()).unwrap_or(-1),
        execution_id,
        w: order.status.is_open() && order.working_since.is_some(),
        m: fill.is_some_and(|fill| fill.liquidity == Liquidity::Maker),
        ignored: fill.is_some(),
        created: order.created.millis(),
        filled_quote: order.filled_notional.into(),
        last_quote: last_quote(fill),
        quote_order_qty: render::quote_ordered(order),
        working_time: order.working_since.map(Timestamp::millis),
        stp: vocabulary::stp(order.self_trade_prevention).to_owned(),
        strategy_id: None,
        strategy_type: None,
        prevented_qty: (!order.prevented.is_zero()).then(|| order.prevented.into()),
        expiry_reason: order.expiry.map(|reason| vocabulary::expiry(reason).to_owned()),
    }
}

fn last_quote(fill: Option<&Fill>) -> Fixed8 {
    let notional = fill.and_then(|fill| fill.price.notional(fill.qty, model::Rounding::Down));
    notional.map_or(ZERO, Fixed8::from)
}

/// A stop order that goes to the book is reported as new a second time, then working.
const fn execution_type(execution: &Execution, status: VenueOrderStatus) -> &'static str {
    match execution {
        Execution::New | Execution::Triggered => "NEW",
        Execution::Trade(_) => "TRADE",
        Execution::Canceled(_) => "CANCELED",
        Execution::Expired => "EXPIRED",
        Execution::Rejected(_) => "REJECTED",
        Execution::Prevented => "TRADE_PREVENTION",
        // Not one event but the sum of several: the nearest word is that of an amended order.
        Execution::Standing => match status {
            VenueOrderStatus::New
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::Filled
            | VenueOrderStatus::Unknown => "REPLACED",
            VenueOrderStatus::Canceled => "CANCELED",
            VenueOrderStatus::Rejected => "REJECTED",
            VenueOrderStatus::Expired | VenueOrderStatus::ExpiredInMatch => "EXPIRED",
        },
    }
}

const fn reject_reason(execution: &Execution) -> &'static str {
    match execution {
        Execution::Rejected(VenueError::InsufficientBalance) => "INSUFFICIENT_BALANCES",
        Execution::Rejected(VenueError::WouldTrigger) => "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
        Execution::Rejected(VenueError::WouldTake) => "WOULD_MATCH_IMMEDIATELY",
        Execution::Rejected(_)
        | Execution::New
        | Execution::Trade(_)
        | Execution::Canceled(_)
        | Execution::Expired
        | Execution::Triggered
        | Execution::Prevented
        | Execution::Standing => "NONE",
    }
}

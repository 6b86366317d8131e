//! What an account is told on its channels, row by row.

use model::Timestamp;
use model::venue::Execution;

use super::render::{self, Object};
use crate::kraken::symbols::Row;
use crate::kraken::vocabulary;

pub(super) fn balance_row(asset: &str, total: &str) -> String {
    let mut row = Object::default();
    row.text("asset", asset);
    row.text("asset_class", "currency");
    row.raw("balance", total);
    let mut wallet = Object::default();
    wallet.text("type", "spot");
    wallet.text("id", "main");
    wallet.raw("balance", total);
    row.raw("wallets", &format!("[{}]", wallet.close()));
    row.close()
}

/// What happened to an order, as one report or several.
pub(super) fn reports(
    row: &Row,
    order: &model::venue::VenueOrder,
    execution: &Execution,
    at: Timestamp,
) -> Vec<String> {
    let finished = |kind: &str| {
        let mut told = render::report(order, kind, render::stream_status(order), at);
        render::sums_in(row, order, &mut told);
        let reason = render::reason(order);
        if !reason.is_empty() {
            told.text("reason", reason);
            told.text("cancel_reason", reason);
        }
        told.close()
    };
    match execution {
        Execution::New => {
            let mut first = render::report(order, "pending_new", "pending_new", at);
            render::ordered_in(row, order, &mut first);
            first.raw("cum_qty", "0");
            first.raw("cum_cost", "0");
            vec![first.close(), render::report(order, "new", "new", at).close()]
        }
        Execution::Trade(fill) => {
            // That an execution completes the order is told by a report of its own.
            let mut told = render::report(order, "trade", "partially_filled", at);
            told.text("order_type", vocabulary::kind(order.kind));
            render::fill_in(row, fill, &mut told);
            render::sums_in(row, order, &mut told);
            let mut all = vec![told.close()];
            if order.status == model::venue::VenueOrderStatus::Filled {
                all.push(finished("filled"));
            }
            all
        }
        Execution::Canceled(_) | Execution::Expired | Execution::Prevented => {
            let kind = render::stream_status(order);
            vec![finished(if order.status.is_open() { "restated" } else { kind })]
        }
        Execution::Triggered => {
            let mut told = render::report(order, "status", render::stream_status(order), at);
            render::ordered_in(row, order, &mut told);
            vec![told.close()]
        }
        Execution::Standing => vec![finished("status")],
        // Said in the answer to whoever placed it.
        Execution::Rejected(_) => Vec::new(),
    }
}

//! What happens, in words that a trader can read. Made only for a world whose story is told.

use model::venue::{AccountEvent, AccountRequest, Execution, Response};
use model::{
    Action, ClientOrderId, Intent, NewOrder, OrderQty, OrderSpec, Outcome, Record, RequestId, Side,
};

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn spec(spec: &OrderSpec) -> String {
    let reduce = if spec.reduce_only { " reduce-only" } else { "" };
    let post = if spec.post_only { " post-only" } else { "" };
    let kind = kind(spec.kind);
    format!("{} {} {kind} {:?}{post}{reduce}", side(spec.side), spec.qty, spec.time_in_force)
}

fn kind(kind: model::OrderKind) -> String {
    let trigger = kind.trigger().map(|trigger| format!("from {trigger} on, "));
    let price = kind.price().map_or_else(|| "at the market".to_owned(), |p| format!("@ {p}"));
    format!("{}{price}", trigger.unwrap_or_default())
}

fn order(order: &NewOrder) -> String {
    let qty = match order.qty {
        OrderQty::Base(qty) => qty.to_string(),
        OrderQty::Quote(notional) => format!("for {notional}"),
    };
    let id = order.client_order_id;
    format!("{id} {} {qty} {} {:?}", side(order.side), kind(order.kind), order.time_in_force)
}

/// An intent.
pub(crate) fn intent(intent: &Intent) -> String {
    let (agent, id) = (intent.agent, intent.id.0 % 1_000_000);
    let what = match &intent.action {
        Action::Place(wanted) => spec(wanted),
        Action::Cancel(of) => format!("cancel {}", of.0 % 1_000_000),
        Action::CancelAll(_) => "cancel all".to_owned(),
        Action::Halt => "halt".to_owned(),
    };
    format!("intent    {agent} {id} {what}")
}

/// A question that leaves.
pub(crate) fn sent(request: &AccountRequest) -> String {
    match request {
        AccountRequest::Place(new) => format!("send      {}", order(new)),
        AccountRequest::Cancel { order, .. } => format!("send      cancel {order:?}"),
        AccountRequest::Order { order, .. } => format!("ask       {order:?}"),
        AccountRequest::OpenOrders(_) => "ask       open orders".to_owned(),
        AccountRequest::Fills { order, from, .. } => {
            format!("ask       executions of {order:?} from {from:?}")
        }
        AccountRequest::Account => "ask       balances".to_owned(),
        other => format!("ask       {other:?}"),
    }
}

/// How a question ended.
pub(crate) fn outcome(id: RequestId, outcome: &Outcome) -> String {
    let number = id.0;
    match outcome {
        Outcome::Done(response) => format!("answer    {number}: {}", response_text(response)),
        Outcome::Refused(because) => format!("answer    {number}: refused, {because}"),
        Outcome::NotSent(because) => format!("answer    {number}: not sent, {because}"),
        Outcome::InDoubt(because) => format!("answer    {number}: in doubt, {because}"),
    }
}

fn response_text(response: &Response) -> String {
    match response {
        Response::Placed { order, fills } => {
            format!("placed {} {:?}, {} fills", order.client_order_id, order.status, fills.len())
        }
        Response::Canceled { order, .. } => format!("canceled {}", order.client_order_id),
        Response::CancelTaken(id) => format!("cancel of {id} taken"),
        Response::Order(order) => {
            format!("{} is {:?}, filled {}", order.client_order_id, order.status, order.filled)
        }
        Response::Orders(orders) => {
            let names: Vec<String> =
                orders.iter().map(|order| order.client_order_id.to_string()).collect();
            format!("open: {}", names.join(" "))
        }
        Response::Fills(fills) | Response::FillsPage { fills, .. } => {
            let trades: Vec<String> = fills.iter().map(|fill| fill.trade_id.to_string()).collect();
            format!("executions: {}", trades.join(" "))
        }
        Response::Account(account) => format!("balances as of {}", account.updated),
        other => format!("{other:?}"),
    }
}

/// A report of the account's stream.
pub(crate) fn report(event: &AccountEvent) -> String {
    match event {
        AccountEvent::Order { order, execution, .. } => {
            let what = match execution {
                Execution::Trade(fill) => {
                    format!("trade {} {} @ {}", fill.trade_id, fill.qty, fill.price)
                }
                other => format!("{other:?}"),
            };
            let (id, status, filled) = (order.client_order_id, order.status, order.filled);
            format!("{id} {what}, {status:?}, filled {filled}")
        }
        AccountEvent::Balances { balances, .. } => format!("balances {balances:?}"),
        AccountEvent::Transfer { asset, amount, .. } => format!("transfer {amount} {asset}"),
    }
}

/// A record of the journal, where it says more than what led to it.
pub(crate) fn record(record: &Record) -> Option<impl FnOnce() -> String + use<'_>> {
    let text = match record {
        Record::Decided { .. }
        | Record::Balances { .. }
        | Record::Started { .. }
        | Record::Link { .. }
        | Record::Feed { .. }
        | Record::Alerted { .. } => return None,
        told => told,
    };
    Some(move || match text {
        Record::Prepared { order: prepared, .. } => {
            format!("journal   prepared {}", order(prepared))
        }
        Record::Refused { intent, because, .. } => {
            format!("journal   refused {}: {because}", intent.0 % 1_000_000)
        }
        other => format!("journal   {other:?}"),
    })
}

/// The order that a record is about.
pub(crate) const fn names(record: &Record) -> Option<&ClientOrderId> {
    match record {
        Record::Prepared { order, .. } => Some(&order.client_order_id),
        Record::CancelPrepared { client_order_id, .. }
        | Record::Accepted { client_order_id, .. }
        | Record::Answered { client_order_id, .. }
        | Record::Rejected { client_order_id, .. }
        | Record::CancelRejected { client_order_id, .. }
        | Record::InDoubt { client_order_id, .. }
        | Record::Ended { client_order_id, .. } => Some(client_order_id),
        Record::Filled { client_order_id, .. } => client_order_id.as_ref(),
        _ => None,
    }
}

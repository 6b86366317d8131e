//! What the person at the terminal hears: states, connections and executions at `info`, each order
//! and each refusal at `debug`. It decides nothing; the journal has all of it and more.

use model::TradingState;
use model::{
    AgentEvent, Alert, AlertLevel, ClientOrderId, FeedHealth, Fill, Link, NewOrder, OrderKind,
    OrderQty, Record, Side,
};

/// News for everybody.
pub(super) fn event(event: &AgentEvent) {
    match event {
        AgentEvent::Trading { state: TradingState::Active, .. } => {
            tracing::info!("books agree with the venue: trading");
        }
        AgentEvent::Trading { state, cause } => {
            tracing::warn!(?state, cause, "no order that adds risk is sent");
        }
        AgentEvent::Feed { instrument, health: FeedHealth::Live, .. } => {
            tracing::info!(%instrument, "book is live");
        }
        AgentEvent::Feed { instrument, health, .. } => {
            tracing::warn!(%instrument, ?health, "book is not live");
        }
        AgentEvent::Order { .. }
        | AgentEvent::Fill { .. }
        | AgentEvent::Refused { .. }
        | AgentEvent::Instrument(_) => {}
    }
}

/// What a person should know.
pub(super) fn alert(alert: &Alert) {
    let Alert { key, level, text, .. } = alert;
    let key = key.word();
    match level {
        AlertLevel::Info => tracing::info!(key, "{text}"),
        AlertLevel::Warning => tracing::warn!(key, "{text}"),
        AlertLevel::Critical => tracing::error!(key, "{text}"),
    }
}

/// A fact that goes into the journal. What it is about is said in fields, by which machines find it.
pub(super) fn record(record: &Record) {
    match record {
        Record::Filled { client_order_id, fill, late } => {
            let order = client_order_id.as_ref().map_or("not ours", ClientOrderId::as_str);
            let (instrument, trade_id) = (fill.instrument, &fill.trade_id);
            let when = if *late { ", found afterwards" } else { "" };
            let what = executed(fill);
            tracing::info!(client_order_id = %order, %instrument, %trade_id, "{what}{when}");
        }
        Record::Link { link, up: true, .. } => {
            let name = match link {
                Link::Market => "market streams",
                Link::Account => "account stream",
            };
            tracing::info!("{name}: connected");
        }
        Record::Decided { intent, .. } => {
            let (agent, intent) = (intent.agent, intent.id.0);
            tracing::debug!(%agent, intent, "an agent has decided");
        }
        Record::Prepared { agent, intent, order, .. } => {
            let (intent, instrument) = (intent.0, order.instrument);
            let client_order_id = order.client_order_id;
            let what = wanted(order);
            tracing::debug!(%client_order_id, %agent, intent, %instrument, "order: {what}");
        }
        Record::CancelPrepared { client_order_id, .. } => {
            tracing::debug!(%client_order_id, "order: is taken back");
        }
        Record::Answered { client_order_id, asked, outcome, .. } => {
            tracing::debug!(%client_order_id, ?asked, "order: answered: {outcome}");
        }
        Record::Accepted { client_order_id, venue_order_id, .. } => {
            tracing::debug!(%client_order_id, %venue_order_id, "order: the venue has it");
        }
        Record::Refused { agent, intent, because, .. } => {
            tracing::debug!(%agent, intent = intent.0, "a guardrail refused an order: {because}");
        }
        Record::Rejected { client_order_id, because } => {
            tracing::debug!(%client_order_id, "order: rejected by the venue: {because}");
        }
        Record::CancelRejected { client_order_id, because } => {
            tracing::debug!(%client_order_id, "order: its cancel is rejected by the venue: {because}");
        }
        Record::Triggered { client_order_id } => {
            tracing::debug!(%client_order_id, "order: its trigger was reached");
        }
        Record::Ended { client_order_id, ending, cause, .. } => {
            let cause = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
            tracing::debug!(%client_order_id, "order: over ({ending:?}){cause}");
        }
        Record::InDoubt { client_order_id, because } => {
            tracing::debug!(%client_order_id, "order: in doubt: {because}");
        }
        Record::Discrepancy { found } => {
            tracing::info!("found: {found} ({})", found.correction());
        }
        Record::DifferencesAccepted { accepted } => {
            accepted.iter().for_each(|found| tracing::info!("accepted: {found}"));
        }
        Record::Transferred { asset, amount, .. } => {
            tracing::info!("came by no trade, or went: {amount} {asset}");
        }
        Record::Limits { version, .. } => tracing::info!("limits {version} are in force"),
        Record::AgentEnabled { agent } => tracing::info!("agent {agent} may trade again"),
        // An alert goes with it.
        Record::AgentDisabled { .. }
        | Record::Started { .. }
        | Record::Stopped
        | Record::Busted { .. }
        | Record::Foreign { .. }
        | Record::ForeignGone { .. }
        | Record::ForeignCancel { .. }
        | Record::Balances { .. }
        | Record::TransferKnown { .. }
        | Record::Link { up: false, .. }
        | Record::Gap { .. }
        | Record::Duplicates { .. }
        | Record::MissedTrades { .. }
        | Record::HandedOver { .. }
        | Record::Rules { .. }
        | Record::Feed { .. }
        | Record::RateLimited { .. }
        | Record::BudgetWait { .. }
        | Record::EquityMark { .. }
        | Record::Breaker { .. }
        | Record::Reconciled { .. }
        | Record::Trading { .. }
        | Record::Flatten { .. }
        | Record::ResumeRequested { .. }
        | Record::ResumeRefused { .. }
        | Record::Resumed { .. }
        | Record::KeyAudited { .. }
        | Record::GateOverridden { .. }
        | Record::Ramp { .. }
        | Record::Alerted { .. }
        | Record::Agent { .. } => {}
    }
}

fn executed(fill: &Fill) -> String {
    let verb = match fill.side {
        Side::Buy => "bought",
        Side::Sell => "sold",
    };
    format!("{verb} {} {} at {}", fill.qty, fill.instrument, fill.price)
}

fn wanted(order: &NewOrder) -> String {
    let side = match order.side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    let qty = match order.qty {
        OrderQty::Base(qty) => qty.to_string(),
        OrderQty::Quote(notional) => format!("for {notional}"),
    };
    let price = match order.kind.price() {
        Some(price) => format!(" at {price}"),
        None if order.kind == OrderKind::Market => " at the market".to_owned(),
        None => String::new(),
    };
    let trigger = order.kind.trigger().map(|trigger| format!(", from {trigger} on"));
    format!("{side} {qty} {}{price}{}", order.instrument, trigger.unwrap_or_default())
}

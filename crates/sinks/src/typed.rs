//! What is asked of most, out of each kind of record.
//!
//! The match is over all kinds: a new one has to be given its columns before this compiles.

use journal::Facets;
use model::venue::VenueOrder;
use model::{
    Action, Decimal, Ending, FeedHealth, Fill, Link, Liquidity, OrderKind, OrderQty, Record, Side,
};
use serde::Serialize;

/// The typed columns of a row; what a record does not have is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Typed<'r> {
    pub(crate) facets: Facets<'r>,
    pub(crate) venue_order_id: Option<&'r str>,
    pub(crate) trade_id: Option<&'r str>,
    pub(crate) intent: Option<u64>,
    pub(crate) side: &'static str,
    pub(crate) order_type: &'static str,
    pub(crate) price: Option<Decimal>,
    pub(crate) qty: Option<Decimal>,
    pub(crate) quote_qty: Option<Decimal>,
    pub(crate) fee: Option<(&'r str, Decimal)>,
    pub(crate) liquidity: &'static str,
    pub(crate) reference: Option<Decimal>,
    pub(crate) link: &'static str,
    pub(crate) up: Option<bool>,
    pub(crate) state: &'static str,
    pub(crate) reason: &'r str,
    pub(crate) cause: &'r str,
}

impl<'r> Typed<'r> {
    pub(crate) fn new(facets: Facets<'r>) -> Typed<'r> {
        Typed { facets, ..Typed::default() }
    }

    fn cause(self, cause: &'r str) -> Typed<'r> {
        Typed { cause, ..self }
    }

    fn order(self, side: Side, kind: OrderKind, qty: OrderQty) -> Typed<'r> {
        let (qty, quote_qty) = match qty {
            OrderQty::Base(qty) => (Some(qty.get()), None),
            OrderQty::Quote(quote) => (None, Some(quote.get())),
        };
        let price = kind.price().map(model::Price::get);
        Typed { side: side_word(side), order_type: kind_word(kind), price, qty, quote_qty, ..self }
    }

    fn fill(self, fill: &'r Fill) -> Typed<'r> {
        Typed {
            venue_order_id: Some(fill.venue_order_id.as_str()),
            trade_id: Some(fill.trade_id.as_str()),
            side: side_word(fill.side),
            price: Some(fill.price.get()),
            qty: Some(fill.qty.get()),
            fee: fill.fee.as_ref().map(|fee| (fee.asset.as_str(), fee.amount.get())),
            liquidity: match fill.liquidity {
                Liquidity::Maker => "maker",
                Liquidity::Taker => "taker",
            },
            ..self
        }
    }

    fn foreign(self, order: &'r VenueOrder) -> Typed<'r> {
        let typed = self.order(order.side, order.kind, order.ordered);
        Typed { venue_order_id: Some(order.id.as_str()), ..typed }
    }
}

/// The typed columns of a record.
pub(crate) fn typed<'r>(facets: Facets<'r>, record: &'r Record) -> Typed<'r> {
    let row = Typed::new(facets);
    match record {
        Record::Decided { intent, reference, .. } => {
            let row = Typed {
                intent: Some(intent.id.0),
                reason: &intent.reason,
                reference: reference.map(model::Price::get),
                ..row
            };
            match &intent.action {
                Action::Place(spec) => row.order(spec.side, spec.kind, OrderQty::Base(spec.qty)),
                Action::Cancel(_) => Typed { order_type: "cancel", ..row },
                Action::CancelAll(_) => Typed { order_type: "cancel_all", ..row },
                Action::Halt => Typed { order_type: "halt", ..row },
            }
        }
        Record::Refused { intent, .. } => Typed { intent: Some(intent.0), ..row },
        Record::Prepared { intent, order, .. } => {
            let row = row.order(order.side, order.kind, order.qty);
            Typed { intent: Some(intent.0), ..row }
        }
        Record::Accepted { venue_order_id, .. } => {
            Typed { venue_order_id: Some(venue_order_id.as_str()), ..row }
        }
        Record::InDoubt { because, .. } => row.cause(because),
        Record::Filled { fill, .. } | Record::Busted { fill, .. } => row.fill(fill),
        Record::Ended { ending, cause, .. } => {
            let row = row.cause(cause.as_deref().unwrap_or_default());
            Typed { state: ending_word(*ending), ..row }
        }
        Record::Foreign { order } => row.foreign(order),
        Record::ForeignGone { venue_order_id, .. }
        | Record::ForeignCancel { venue_order_id, .. } => {
            Typed { venue_order_id: Some(venue_order_id.as_str()), ..row }
        }
        Record::Link { link, up, cause } => {
            Typed { link: link_word(*link), up: Some(*up), ..row.cause(cause) }
        }
        Record::HandedOver { link } => Typed { link: link_word(*link), ..row },
        Record::Gap { detail, .. } | Record::RateLimited { detail, .. } => row.cause(detail),
        Record::BudgetWait { limiter, .. } => row.cause(limiter),
        Record::Feed { health, .. } => Typed { state: health_word(*health), ..row },
        Record::Trading { state, cause, .. } => Typed { state: state.name(), ..row.cause(cause) },
        Record::ResumeRequested { cause } => row.cause(cause),
        Record::Resumed { from, cause, .. } => Typed { state: from.name(), ..row.cause(cause) },
        Record::AgentDisabled { cause, .. } => row.cause(cause),
        Record::Agent { event, .. } => row.cause(event),
        Record::Started { version, .. } => row.cause(version),
        Record::Answered { outcome, .. } => row.cause(outcome),
        Record::Alerted { alert } => row.cause(&alert.text),
        Record::GateOverridden { opened } => {
            Typed { reason: &opened.reason, ..row.cause(&opened.unmet) }
        }
        Record::Ramp { because, .. } => row.cause(because),
        Record::Stopped
        | Record::CancelPrepared { .. }
        | Record::Rejected { .. }
        | Record::CancelRejected { .. }
        | Record::Triggered { .. }
        | Record::Balances { .. }
        | Record::Transferred { .. }
        | Record::TransferKnown { .. }
        | Record::Duplicates { .. }
        | Record::MissedTrades { .. }
        | Record::Rules { .. }
        | Record::Discrepancy { .. }
        | Record::Reconciled { .. }
        | Record::DifferencesAccepted { .. }
        | Record::Flatten { .. }
        | Record::ResumeRefused { .. }
        | Record::Limits { .. }
        | Record::AgentEnabled { .. }
        | Record::EquityMark { .. }
        | Record::Breaker { .. }
        | Record::KeyAudited { .. } => row,
    }
}

/// The short word for why: the tag that the cause has in the record's JSON.
pub(crate) fn code(record: &Record) -> String {
    match record {
        Record::Refused { because, .. } => tag(because, "refusal"),
        Record::Rejected { because, .. } | Record::CancelRejected { because, .. } => {
            tag(because, "refusal")
        }
        Record::Discrepancy { found } => found.kind().to_owned(),
        Record::Breaker { name, .. } => word(name),
        Record::GateOverridden { opened } => opened.gate.as_str().to_owned(),
        Record::Trading { by: Some(by), .. } => word(by),
        _ => String::new(),
    }
}

fn tag(value: &impl Serialize, key: &str) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json[key].as_str().unwrap_or_default().to_owned()
}

fn word(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

const fn kind_word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::Limit { .. } => "limit",
        OrderKind::StopLoss { .. } => "stop_loss",
        OrderKind::StopLimit { .. } => "stop_limit",
        OrderKind::TakeProfit { .. } => "take_profit",
        OrderKind::TakeProfitLimit { .. } => "take_profit_limit",
    }
}

const fn link_word(link: Link) -> &'static str {
    match link {
        Link::Market => "market",
        Link::Account => "account",
    }
}

const fn health_word(health: FeedHealth) -> &'static str {
    match health {
        FeedHealth::Live => "live",
        FeedHealth::Stale => "stale",
        FeedHealth::Resyncing => "resyncing",
        FeedHealth::Down => "down",
    }
}

const fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Filled => "filled",
        Ending::Canceled => "canceled",
        Ending::Rejected => "rejected",
        Ending::Expired => "expired",
        Ending::NotPlaced => "not_placed",
    }
}

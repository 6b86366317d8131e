//! The one shape of a row, for all sinks: names, types and meaning of the columns, and where each comes from.
//!
//! A name and its meaning stay for ever; a column that is added comes at the end. Each target says the types in
//! its own words. Numbers of money are exact everywhere. What a record does not have is empty, or null.

use model::Decimal;

use crate::row::{Row, What};
use crate::typed::{self, Typed};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text; empty when the record has none.
    Text,
    /// Text of which there are few.
    Word,
    /// A whole number.
    Number,
    /// A whole number, or nothing.
    MaybeNumber,
    /// Nanoseconds since 1970.
    Nanos,
    /// The same, as the target's own type for time, UTC.
    Time,
    /// An exact decimal with 18 digits behind the point, or nothing.
    Decimal,
    /// Yes, no, or nothing.
    Flag,
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'r> {
    /// Of [`Type::Text`] and [`Type::Word`].
    Text(&'r str),
    /// Of [`Type::Number`] and [`Type::MaybeNumber`].
    Number(Option<u64>),
    /// Of [`Type::Nanos`] and [`Type::Time`].
    Nanos(i64),
    /// Of [`Type::Decimal`].
    Decimal(Option<Decimal>),
    /// Of [`Type::Flag`].
    Flag(Option<bool>),
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name, the same in every sink.
    pub name: &'static str,
    /// What it holds.
    pub holds: Type,
    /// What it means.
    pub meaning: &'static str,
    value: for<'r> fn(&'r Row, &Typed<'r>) -> Value<'r>,
}

const fn column(
    name: &'static str,
    holds: Type,
    meaning: &'static str,
    value: for<'r> fn(&'r Row, &Typed<'r>) -> Value<'r>,
) -> Column {
    Column { name, holds, meaning, value }
}

/// All columns, in order.
pub const COLUMNS: &[Column] = &[
    column(
        "id",
        Type::Text,
        "Record id, never given twice: the journal's tag and the entry number",
        |r, _| Value::Text(&r.id),
    ),
    column("journal", Type::Word, "The journal's tag", |r, _| Value::Text(&r.journal)),
    column("seq", Type::Number, "Entry number in the journal, from 1, without holes", |r, _| {
        Value::Number(Some(r.seq))
    }),
    column("at", Type::Nanos, "When, by the gateway's clock, nanoseconds since 1970", |r, _| {
        Value::Nanos(r.at.nanos())
    }),
    column("time", Type::Time, "The same as a time, UTC", |r, _| Value::Nanos(r.at.nanos())),
    column("kind", Type::Word, "Kind of record", |_, t| Value::Text(t.facets.kind)),
    column("agent", Type::Word, "Whose", |_, t| text(t.facets.agent)),
    column("instrument", Type::Word, "Of what", |_, t| text(t.facets.instrument)),
    column("client_order_id", Type::Text, "Of which order of ours", |_, t| {
        text(t.facets.client_order_id)
    }),
    column("venue_order_id", Type::Text, "The venue's name for the order", |_, t| {
        text(t.venue_order_id)
    }),
    column("trade_id", Type::Text, "Of an execution, the venue's name for it", |_, t| {
        text(t.trade_id)
    }),
    column("intent", Type::MaybeNumber, "The agent's number for what it wanted", |_, t| {
        Value::Number(t.intent)
    }),
    column("side", Type::Word, "buy or sell", |_, t| Value::Text(t.side)),
    column("order_type", Type::Word, "market, limit, stop_loss, …", |_, t| {
        Value::Text(t.order_type)
    }),
    column("price", Type::Decimal, "Limit of an order, price of an execution", |_, t| {
        Value::Decimal(t.price)
    }),
    column("qty", Type::Decimal, "Of an order or an execution, base units", |_, t| {
        Value::Decimal(t.qty)
    }),
    column("quote_qty", Type::Decimal, "Of an order that is sized in quote units", |_, t| {
        Value::Decimal(t.quote_qty)
    }),
    column("fee", Type::Decimal, "Of an execution", |_, t| Value::Decimal(t.fee.map(|fee| fee.1))),
    column("fee_asset", Type::Word, "In what it was paid", |_, t| {
        Value::Text(t.fee.map_or("", |fee| fee.0))
    }),
    column("liquidity", Type::Word, "maker or taker", |_, t| Value::Text(t.liquidity)),
    column(
        "reference",
        Type::Decimal,
        "The gateway's reference price when it was decided",
        |_, t| Value::Decimal(t.reference),
    ),
    column(
        "position",
        Type::Decimal,
        "The account's net position in the instrument before the record, by our fills",
        |r, _| Value::Decimal(r.before.position),
    ),
    column(
        "agent_position",
        Type::Decimal,
        "The agent's own position that a decision, and the order made of it, was taken on",
        |r, _| Value::Decimal(r.before.agent_position),
    ),
    column(
        "balance",
        Type::Decimal,
        "Free balance before the record of what the order pays with: quote for a buy, base for a sell",
        |r, _| Value::Decimal(r.before.balance.map(|balance| balance.1)),
    ),
    column("balance_asset", Type::Word, "Of which asset", |r, _| {
        Value::Text(r.before.balance.as_ref().map_or("", |balance| balance.0.as_str()))
    }),
    column("link", Type::Word, "Of a connection: market or account", |_, t| Value::Text(t.link)),
    column("up", Type::Flag, "Is that connection up from then on?", |_, t| Value::Flag(t.up)),
    column("state", Type::Word, "New trading state, feed health, or how an order ended", |_, t| {
        Value::Text(t.state)
    }),
    column(
        "code",
        Type::Word,
        "Why, in one word: of a refusal, a rejection, a difference, a breaker",
        |r, _| Value::Text(&r.code),
    ),
    column("reason", Type::Text, "Why, in the agent's words", |_, t| Value::Text(t.reason)),
    column("cause", Type::Text, "Why, in the gateway's or the venue's words", |_, t| {
        Value::Text(t.cause)
    }),
    column("json", Type::Text, "The record as it stands in the journal", |r, _| {
        Value::Text(&r.json)
    }),
];

fn text(text: Option<&str>) -> Value<'_> {
    Value::Text(text.unwrap_or_default())
}

/// Calls `each` with every column and its value, in order.
pub(crate) fn values<'r>(row: &'r Row, mut each: impl FnMut(usize, Value<'r>)) {
    let typed = match &row.what {
        What::Entry(entry) => typed::typed(row.facets(), &entry.record),
        What::Missing(_) => Typed::new(row.facets()),
    };
    for (index, column) in COLUMNS.iter().enumerate() {
        each(index, (column.value)(row, &typed));
    }
}

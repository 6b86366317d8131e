//! The `user` channel in our words: how the account's orders stand.
//!
//! It tells sums over an order's life and never a single execution, may tell the same twice, and begins
//! with all open orders. Balances are not told at all.
//!
//! Source: websocket-channels.md "User Channel", read 2026-08-08.

use std::collections::BTreeMap;

use model::Timestamp;
use model::venue::{AccountEvent, Execution, Unread, VenueError, VenueOrder, VenueOrderStatus};
use serde_json::value::RawValue;

use super::DecodeError;
use super::convert::user_order;
use super::market::{error_words, events, parse, subscriptions};
use crate::coinbase::USER_SNAPSHOT_PAGE;
use crate::coinbase::symbols::Symbols;
use crate::coinbase::wire::{self, UserOrder};
use crate::rows::{self, Keys};

/// How an order of the channel names itself.
const ORDER: Keys =
    Keys { symbol: "product_id", order: "order_id", client: "client_order_id", trade: &[] };

/// One message of the connection that carries an account's orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMessage {
    /// Number on this connection, over all its channels. `None` for errors, which have none.
    pub sequence: Option<u64>,
    /// When it was sent, by the venue.
    pub time: Option<Timestamp>,
    /// What it is.
    pub content: AccountContent,
    /// Orders in it that are not understood.
    pub unread: Vec<Unread>,
}

/// What a message of the account's connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountContent {
    /// How orders stand now, open and over.
    Orders(Vec<AccountEvent>),
    /// A part of what is open at the start.
    Snapshot {
        /// How these orders stand.
        orders: Vec<AccountEvent>,
        /// The last part: it held fewer orders than a full one. A full one may have been the last, too;
        /// then nothing says so.
        last: bool,
    },
    /// The connection is alive.
    Heartbeat,
    /// What this connection is subscribed to now: products by channel. With `user` in it, orders are
    /// heard from now on.
    Subscriptions(BTreeMap<String, Vec<String>>),
    /// The venue refuses something; it does not say what.
    Error(String),
    /// A channel that nobody here asked for.
    Other,
}

/// Reads one message. Orders of products that are not in the table are left out: the account may hold
/// more than is traded here.
pub fn decode_account(text: &str, symbols: &Symbols) -> Result<AccountMessage, DecodeError> {
    let head: wire::Head<'_> = parse(text)?;
    let mut unread = Vec::new();
    let content = match head.channel.as_deref() {
        Some("user") => orders(&head, symbols, &mut unread)?,
        Some("heartbeats") => AccountContent::Heartbeat,
        Some("subscriptions") => AccountContent::Subscriptions(subscriptions(&head)?),
        Some(_) => AccountContent::Other,
        None => AccountContent::Error(error_words(&head)?),
    };
    // Errors carry no number; everything else does, or gaps could not be seen.
    if head.sequence_num.is_none() && !matches!(content, AccountContent::Error(_)) {
        return Err(DecodeError::Shape("a message without a number".to_owned()));
    }
    Ok(AccountMessage { sequence: head.sequence_num, time: head.timestamp.0, content, unread })
}

fn orders(
    head: &wire::Head<'_>,
    symbols: &Symbols,
    unread: &mut Vec<Unread>,
) -> Result<AccountContent, DecodeError> {
    let shape = |what: &str| DecodeError::Shape(what.to_owned());
    let time = head.timestamp.0.ok_or_else(|| shape("a report without a time"))?;
    let number = head.sequence_num.ok_or_else(|| shape("a report without a number"))?;
    let (mut told, mut count, mut update) = (Vec::new(), 0, false);
    for event in events::<wire::UserEvent<Box<RawValue>>>(head)? {
        match event.kind.as_str() {
            "snapshot" | "patch" => {}
            "update" => update = true,
            other => return Err(super::convert::unknown("kind of event", other)),
        }
        count += event.orders.len();
        let (read, strange) = rows::each(
            &event.orders,
            |order: &UserOrder| {
                let Some(row) = symbols.find(&order.product_id) else { return Ok(None) };
                let read = user_order(order, row, time)?;
                let execution = execution(order, &read);
                Ok::<_, DecodeError>(Some((read, execution)))
            },
            |row, error| {
                let instrument = |product: &str| Some(symbols.find(product)?.instrument.id);
                rows::unread(row, error, &ORDER, instrument)
            },
        );
        told.extend(read.into_iter().flatten().map(|(order, execution)| AccountEvent::Order {
            order,
            execution,
            execution_id: number,
            time,
        }));
        unread.extend(strange);
    }
    Ok(if update {
        AccountContent::Orders(told)
    } else {
        AccountContent::Snapshot { orders: told, last: count < USER_SNAPSHOT_PAGE }
    })
}

/// Only that an order never came to be is news of its own; everything else is how it stands.
fn execution(order: &UserOrder, read: &VenueOrder) -> Execution {
    if read.status != VenueOrderStatus::Rejected {
        return Execution::Standing;
    }
    let words = [&order.reject_reason, &order.cancel_reason];
    let words = words.into_iter().find(|words| !words.is_empty());
    Execution::Rejected(VenueError::Other {
        code: 0,
        message: words.map_or_else(|| "failed".to_owned(), String::clone),
    })
}

#[cfg(test)]
mod tests;

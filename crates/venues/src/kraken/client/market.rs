//! Public messages in our words.
//!
//! Source: `spot-websocket-v2` pages `book`, `trade`, `status` and `heartbeat`, read 2026-08-21.

use model::InstrumentId;
use model::market::PublicTrade;
use serde::Deserialize;

use super::DecodeError;
use super::convert::{self, grid_price, grid_qty, row, unknown};
use crate::kraken::symbols::Symbols;
use crate::kraken::wire::{self, Head};

/// One message of a market connection.
#[derive(Debug)]
pub enum MarketMessage {
    /// Books, or changes of them.
    Books {
        /// The whole, and not changes.
        snapshot: bool,
        /// Of one pair each.
        books: Vec<wire::Book>,
    },
    /// Somebody traded. After every subscription old trades are told again.
    Trades(Vec<(InstrumentId, PublicTrade)>),
    /// A subscription was taken.
    Subscribed {
        /// The channel's name.
        channel: String,
        /// The pair's.
        symbol: String,
    },
    /// The venue refuses something.
    Refused(String),
    /// How the venue stands: `online`, `maintenance`, `cancel_only`, `post_only`.
    Status(String),
    /// The connection is alive, or something that nobody here asked for.
    Other,
}

pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::Shape(error.to_string()))
}

/// The rows of a message.
pub(super) fn data<'a, T: Deserialize<'a>>(head: &Head<'a>) -> Result<Vec<T>, DecodeError> {
    let data = head.data.ok_or_else(|| DecodeError::Shape("no data".to_owned()))?;
    parse(data.get())
}

/// `snapshot` or `update`.
pub(super) fn is_snapshot(head: &Head<'_>) -> Result<bool, DecodeError> {
    match head.kind.as_deref() {
        Some("snapshot") => Ok(true),
        Some("update") => Ok(false),
        other => Err(unknown("kind of message", other.unwrap_or_default())),
    }
}

/// Reads one message.
pub fn decode_market(text: &str, symbols: &Symbols) -> Result<MarketMessage, DecodeError> {
    #[derive(Deserialize)]
    struct Status {
        system: String,
    }
    let head: Head<'_> = parse(text)?;
    if let Some(method) = head.method.as_deref() {
        return Ok(match (head.success, method) {
            (Some(false), _) => {
                MarketMessage::Refused(head.error.unwrap_or_else(|| "no reason".to_owned()))
            }
            (Some(true), "subscribe") => {
                let told = head.result.map(|result| parse(result.get())).transpose()?;
                let wire::Subscribed { channel, symbol } = told.unwrap_or_default();
                MarketMessage::Subscribed { channel, symbol }
            }
            _ => MarketMessage::Other,
        });
    }
    Ok(match head.channel.as_deref() {
        Some("book") => MarketMessage::Books { snapshot: is_snapshot(&head)?, books: data(&head)? },
        Some("trade") => {
            let told: Vec<wire::StreamTrade> = data(&head)?;
            let trades = told.iter().map(|trade| read_trade(trade, symbols));
            let mut trades = trades.collect::<Result<Vec<_>, _>>()?;
            trades.sort_by_key(|(id, trade)| (*id, trade.id));
            MarketMessage::Trades(trades)
        }
        Some("status") => {
            let told: Vec<Status> = data(&head)?;
            told.into_iter()
                .next()
                .map_or(MarketMessage::Other, |s| MarketMessage::Status(s.system))
        }
        Some(_) => MarketMessage::Other,
        None => return Err(DecodeError::Shape("neither a channel nor an answer".to_owned())),
    })
}

/// The side is the taker's.
fn read_trade(
    told: &wire::StreamTrade,
    symbols: &Symbols,
) -> Result<(InstrumentId, PublicTrade), DecodeError> {
    let row = row(symbols, &told.symbol)?;
    let trade = PublicTrade {
        id: told.trade_id,
        price: grid_price(row, told.price)?,
        qty: grid_qty(row, told.qty)?,
        taker_side: convert::side(&told.side)?,
        time: convert::time(&told.timestamp)?,
    };
    Ok((row.instrument.id, trade))
}

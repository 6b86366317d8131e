//! The channel `executions` of Kraken. What is missed while it is down is read by the core each time it comes
//! up; a number that is missing means that something was missed.
//!
//! A connection is let into an account by a ticket, which is asked for over REST before each one.
//!
//! Source: `spot-websocket-v2` pages "Authentication" and `executions`, read 2026-08-21.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::venue::{MarketRequest, Ticket};
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};
use serde_json::json;

use super::account::{AccountMessage, Orders, Told, decode_account};
use crate::kraken::symbols::Symbols;
use crate::session::{Heard, Protocol, Repeats, Stamp, Timing};

/// Heartbeats come about once a second where nothing else does.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Pairs that are not followed and are said, once each.
const PASSED_OVER_MAX: usize = 64;

/// Orders and executions of one account.
#[derive(Debug)]
pub struct AccountFeed {
    url: String,
    symbols: Arc<Symbols>,
    passed_over: BTreeSet<String>,
    repeats: Repeats,
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub struct Conn {
    orders: Orders,
    /// Of the last message.
    sequence: u64,
    up: bool,
    complete: bool,
}

impl AccountFeed {
    /// A feed from this address.
    pub fn new(url: String, symbols: Arc<Symbols>) -> AccountFeed {
        let (passed_over, repeats) = (BTreeSet::new(), Repeats::default());
        AccountFeed { url, symbols, passed_over, repeats }
    }

    fn tell(&mut self, told: Told, heard: &mut Vec<Heard>) {
        match told {
            Told::Event(event) => heard.push(Heard::News(Input::Account(*event))),
            Told::Strange(row) => {
                heard.push(Heard::News(Input::Feed(FeedNotice::NotUnderstood(row))));
            }
            Told::NotFollowed(Some(symbol)) => {
                if self.passed_over.len() < PASSED_OVER_MAX
                    && self.passed_over.insert(symbol.clone())
                {
                    heard.push(Heard::News(Input::Feed(FeedNotice::PassedOver { symbol })));
                }
            }
            Told::NotFollowed(None) => {}
        }
    }
}

impl Protocol for AccountFeed {
    type Conn = Conn;

    fn link(&self) -> Link {
        Link::Account
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn timing(&self) -> Timing {
        // No forced end is documented.
        Timing { silence_max: SILENCE_MAX, age_max: None, overlap: Duration::ZERO }
    }

    fn wants_ticket(&self) -> bool {
        true
    }

    fn open(&mut self, _now: Timestamp, stamp: Stamp, say: &mut Vec<String>) -> Conn {
        let token = stamp.ticket.as_ref().map_or("", Ticket::reveal);
        // Old executions are read over REST, with the orders that they are of.
        let params = json!({
            "channel": "executions", "token": token, "snap_orders": true, "snap_trades": false,
        });
        say.push(json!({"method": "subscribe", "params": params, "req_id": 1}).to_string());
        Conn::default()
    }

    fn text(&mut self, now: Timestamp, conn: &mut Conn, text: &str, heard: &mut Vec<Heard>) {
        let message = match decode_account(text) {
            Ok(message) => message,
            // It may have been an execution: come back and read the venue's books.
            Err(error) => {
                return heard.push(Heard::end(format!("an event cannot be read: {error}")));
            }
        };
        match message {
            AccountMessage::Reports { snapshot, sequence, rows } => {
                let expected = conn.sequence.saturating_add(1);
                if sequence < expected {
                    return self.repeats.add(now, heard);
                }
                if sequence > expected {
                    let detail = format!("message {expected} is missing, {sequence} came");
                    return heard.push(Heard::end(detail));
                }
                conn.sequence = sequence;
                for row in &rows {
                    let told = conn.orders.take(row, sequence, &self.symbols);
                    self.tell(told, heard);
                }
                if snapshot && !std::mem::replace(&mut conn.complete, true) {
                    heard.push(Heard::Complete);
                }
            }
            AccountMessage::Subscribed => {
                if !std::mem::replace(&mut conn.up, true) {
                    heard.push(Heard::Up);
                }
            }
            AccountMessage::Refused(words) => heard.push(Heard::end(format!("refused: {words}"))),
            AccountMessage::Other => {}
        }
    }

    fn answer(
        &mut self,
        _now: Timestamp,
        _conn: &mut Conn,
        _asked: &MarketRequest,
        _outcome: Outcome,
        _heard: &mut Vec<Heard>,
    ) {
    }

    fn distrust(
        &mut self,
        _now: Timestamp,
        _conn: &mut Conn,
        _instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    ) {
        heard.push(Heard::end("what it tells is not to be believed"));
    }

    fn dead_at(&self, _conn: &Conn) -> Option<(Timestamp, String)> {
        None
    }

    fn closed(&mut self, now: Timestamp, _conn: Conn, heard: &mut Vec<Heard>) {
        self.repeats.tell(now, heard);
    }
}

//! Connections: what each one is subscribed to, and when it has to go.
//!
//! Source: guide "WebSocket v2", read 2026-08-21.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::market::{Candle, GridPrice, Level};
use model::{AccountId, InstrumentId, Timestamp};

use crate::server::{ConnId, Frame, Payload, Scopes, SocketClass};

/// A connection on which the client has said nothing for so long, and that is subscribed to nothing, is
/// closed.
const IDLE_CLOSE: Duration = Duration::from_secs(60);
/// A heartbeat comes when nothing else was said for so long.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A public channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    /// So many levels a side.
    Book(u32),
    Trade,
    Ticker,
    /// Candles of so many minutes.
    Ohlc(u32),
}

/// What was sent last of a book.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

/// A market that somebody listens to.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscription {
    pub(super) view: View,
    /// Best prices and last trade of the last ticker.
    pub(super) ticker: Option<(Option<GridPrice>, Option<GridPrice>, u64)>,
    pub(super) candle: Option<Candle>,
}

/// An account that somebody listens to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listens {
    pub(super) account: AccountId,
    /// Of the last message; counts from one.
    pub(super) sequence: u64,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    id: ConnId,
    pub(super) markets: BTreeMap<(Channel, InstrumentId), Subscription>,
    pub(super) executions: Option<Listens>,
    pub(super) balances: Option<Listens>,
    /// Who has shown a ticket here: it does not end on this connection.
    pub(super) known: BTreeMap<String, (AccountId, Scopes)>,
    pub(super) class: Option<SocketClass>,
    /// The client said something.
    pub(super) heard: Timestamp,
    said: Timestamp,
    greeted: bool,
}

impl Conn {
    pub(super) fn new(now: Timestamp, id: ConnId) -> Conn {
        Conn {
            id,
            markets: BTreeMap::new(),
            executions: None,
            balances: None,
            known: BTreeMap::new(),
            class: None,
            heard: now,
            said: now,
            greeted: false,
        }
    }

    fn is_subscribed(&self) -> bool {
        !self.markets.is_empty() || self.executions.is_some() || self.balances.is_some()
    }

    pub(super) fn say(&mut self, now: Timestamp, text: String, out: &mut Vec<Frame>) {
        self.said = now;
        out.push(Frame { conn: self.id, payload: Payload::Text(Arc::from(text)) });
    }

    /// The greeting, heartbeats, and the end of a connection that does nothing.
    pub(super) fn tick(&mut self, now: Timestamp, status: &str, out: &mut Vec<Frame>) {
        if !std::mem::replace(&mut self.greeted, true) {
            let number = 13_834_774_380_200_032_777_u64.wrapping_add(self.id.0);
            let text = format!(
                "{{\"channel\":\"status\",\"type\":\"update\",\"data\":[{{\"api_version\":\"v2\",\
                 \"connection_id\":{number},\"system\":\"{status}\",\"version\":\"2.0.0\"}}]}}"
            );
            self.say(now, text, out);
        }
        if self.is_subscribed() {
            // The clock may have been set back.
            if now < self.said || now.since(self.said) >= HEARTBEAT {
                self.say(now, "{\"channel\":\"heartbeat\"}".to_owned(), out);
            }
        } else if now.since(self.heard) >= IDLE_CLOSE {
            let payload = Payload::Close(1_000, "nothing was said for a minute".to_owned());
            out.push(Frame { conn: self.id, payload });
        }
    }
}

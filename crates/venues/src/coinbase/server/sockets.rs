//! Connections: what each one is subscribed to, its one counter, and when it has to go.
//!
//! Source: websocket-overview.md, read 2026-08-08; that one counter runs over all channels of a
//! connection is what recordings show.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{AccountId, InstrumentId, Timestamp};

use crate::coinbase::{IDLE_CLOSE_S, SUBSCRIBE_WITHIN_S};
use crate::server::{ConnId, Frame, Payload, SocketClass};

/// A connection that has not subscribed to anything by then is closed.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(SUBSCRIBE_WITHIN_S as u64);
/// A connection on which nothing was said for so long is closed. Heartbeats keep one open.
const IDLE_CLOSE: Duration = Duration::from_secs(IDLE_CLOSE_S as u64);
/// Heartbeats come this often.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// A channel, by the name under which it is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    Heartbeats,
    Level2,
    MarketTrades,
    Ticker,
    TickerBatch,
    Candles,
    Status,
    User,
}

const CHANNELS: [(&str, Channel); 8] = [
    ("heartbeats", Channel::Heartbeats),
    ("level2", Channel::Level2),
    ("market_trades", Channel::MarketTrades),
    ("ticker", Channel::Ticker),
    ("ticker_batch", Channel::TickerBatch),
    ("candles", Channel::Candles),
    ("status", Channel::Status),
    ("user", Channel::User),
];

impl Channel {
    pub(super) fn parse(text: &str) -> Option<Channel> {
        CHANNELS.iter().find(|(name, _)| *name == text).map(|(_, channel)| *channel)
    }

    /// The name in subscriptions.
    pub(super) fn name(self) -> &'static str {
        CHANNELS.iter().find(|(_, channel)| *channel == self).map_or("", |(name, _)| *name)
    }

    /// The name in messages.
    pub(super) fn told_as(self) -> &'static str {
        match self {
            Channel::Level2 => "l2_data",
            Channel::Heartbeats
            | Channel::MarketTrades
            | Channel::Ticker
            | Channel::TickerBatch
            | Channel::Candles
            | Channel::Status
            | Channel::User => self.name(),
        }
    }

    /// Is it about some products, which must be named?
    pub(super) const fn is_of_products(self) -> bool {
        match self {
            Channel::Level2
            | Channel::MarketTrades
            | Channel::Ticker
            | Channel::TickerBatch
            | Channel::Candles => true,
            Channel::Heartbeats | Channel::Status | Channel::User => false,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) peer: IpAddr,
    /// What is subscribed to. No products are all of them, where a channel may be without.
    pub(super) channels: BTreeMap<Channel, BTreeSet<InstrumentId>>,
    /// Whose orders the user channel tells.
    pub(super) user: Option<AccountId>,
    opened: Timestamp,
    /// Something was subscribed to once.
    pub(super) has_subscribed: bool,
    /// What it is for. Heartbeats alone do not tell; who ever had `user` is of an account for good.
    pub(super) class: Option<SocketClass>,
    sequence: u64,
    said: Timestamp,
    beat: Timestamp,
    beats: u64,
}

impl Conn {
    pub(super) fn new(now: Timestamp, peer: IpAddr) -> Conn {
        Conn {
            peer,
            channels: BTreeMap::new(),
            user: None,
            opened: now,
            has_subscribed: false,
            class: None,
            sequence: 0,
            said: now,
            beat: now,
            beats: 0,
        }
    }

    /// A channel was subscribed to.
    pub(super) fn is_for(&mut self, channel: Channel) {
        self.has_subscribed = true;
        self.class = match channel {
            Channel::User => Some(SocketClass::User),
            Channel::Heartbeats => self.class,
            Channel::Level2
            | Channel::MarketTrades
            | Channel::Ticker
            | Channel::TickerBatch
            | Channel::Candles
            | Channel::Status => Some(self.class.unwrap_or(SocketClass::Market)),
        };
    }

    /// Says something on a channel, under the next number. `events` is a JSON list.
    pub(super) fn say(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        channel: &str,
        events: &str,
        out: &mut Vec<Frame>,
    ) {
        let number = self.sequence;
        self.sequence += 1;
        self.said = now;
        let text = format!(
            "{{\"channel\":\"{channel}\",\"client_id\":\"\",\"timestamp\":\"{now}\",\
             \"sequence_num\":{number},\"events\":{events}}}"
        );
        out.push(Frame { conn, payload: Payload::Text(Arc::from(text)) });
    }

    /// Heartbeats, and the end of a connection that does nothing.
    pub(super) fn tick(&mut self, now: Timestamp, conn: ConnId, out: &mut Vec<Frame>) {
        let close =
            |reason: &str| Frame { conn, payload: Payload::Close(1_008, reason.to_owned()) };
        if !self.has_subscribed && now.since(self.opened) >= SUBSCRIBE_WITHIN {
            out.push(close("no subscription within five seconds"));
        } else if self.channels.contains_key(&Channel::Heartbeats) {
            // The clock may have been set back.
            if now < self.beat || now.since(self.beat) >= HEARTBEAT_EVERY {
                self.beat = now;
                self.heartbeat(now, conn, out);
            }
        } else if now.since(self.said) >= IDLE_CLOSE {
            out.push(close("nothing to say"));
        }
    }

    fn heartbeat(&mut self, now: Timestamp, conn: ConnId, out: &mut Vec<Frame>) {
        let text = now.to_string().replace('T', " ");
        let (time, open) = (text.trim_end_matches('Z'), now.since(self.opened));
        let events = format!(
            "[{{\"current_time\":\"{time} +0000 UTC m=+{:.9}\",\"heartbeat_counter\":{}}}]",
            open.as_secs_f64(),
            self.beats
        );
        self.beats += 1;
        self.say(now, conn, Channel::Heartbeats.name(), &events, out);
    }
}

//! The `user` channel of Coinbase: how the account's orders stand. What is missed while it is down is
//! read by the core each time it comes up; a missing number means that something was missed.
//!
//! Source: websocket-channels.md "User Channel", read 2026-08-08.

use std::sync::Arc;
use std::time::Duration;

use model::venue::{AccountEvent, MarketRequest};
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};

use super::account::{AccountContent, decode_account};
use super::encode::Credentials;
use super::sequence::{Sequence, SequenceStep};
use super::subscribe::{Channel, subscribe};
use crate::coinbase::sign::Nonce;
use crate::coinbase::symbols::Symbols;
use crate::session::{Heard, Protocol, Repeats, Stamp, Timing};

/// Heartbeats come once a second: nothing for so long is death.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// What is subscribed to, in this order.
const CHANNELS: [Channel; 2] = [Channel::Heartbeats, Channel::User];

/// Orders of one account.
#[derive(Debug)]
pub struct AccountFeed {
    url: String,
    symbols: Arc<Symbols>,
    credentials: Credentials,
    repeats: Repeats,
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub struct AccountConn {
    sequence: Sequence,
    up: bool,
}

impl AccountFeed {
    /// A feed from this address.
    pub fn new(url: String, symbols: Arc<Symbols>, credentials: Credentials) -> AccountFeed {
        AccountFeed { url, symbols, credentials, repeats: Repeats::default() }
    }
}

fn news(events: Vec<AccountEvent>) -> impl Iterator<Item = Heard> {
    events.into_iter().map(|event| Heard::News(Input::Account(event)))
}

impl Protocol for AccountFeed {
    type Conn = AccountConn;

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

    fn open(&mut self, _now: Timestamp, stamp: Stamp, say: &mut Vec<String>) -> AccountConn {
        let key = Some(&self.credentials);
        say.extend(CHANNELS.into_iter().zip(0..).map(|(channel, index)| {
            let nonce = Nonce::numbered(stamp.nonce, index);
            subscribe(channel, &self.symbols, key, stamp.venue_now, nonce)
        }));
        AccountConn::default()
    }

    fn text(&mut self, now: Timestamp, conn: &mut AccountConn, text: &str, heard: &mut Vec<Heard>) {
        let message = match decode_account(text, &self.symbols) {
            Ok(message) => message,
            // It may have been an execution: come back and read the venue's books.
            Err(error) => {
                return heard.push(Heard::end(format!("an event cannot be read: {error}")));
            }
        };
        match message.sequence.map(|number| conn.sequence.take(number)) {
            None | Some(SequenceStep::Next) => {}
            Some(SequenceStep::Duplicate) => return self.repeats.add(now, heard),
            Some(SequenceStep::Gap { expected, got }) => {
                return heard
                    .push(Heard::end(format!("message {expected} is missing, {got} came")));
            }
        }
        let strange = message.unread.into_iter();
        heard.extend(strange.map(|row| Heard::News(Input::Feed(FeedNotice::NotUnderstood(row)))));
        match message.content {
            AccountContent::Orders(orders) => heard.extend(news(orders)),
            AccountContent::Snapshot { orders, .. } => heard.extend(news(orders)),
            AccountContent::Subscriptions(channels) => {
                let user = channels.contains_key(Channel::User.name());
                if user && !std::mem::replace(&mut conn.up, true) {
                    heard.extend([Heard::Up, Heard::Complete]);
                }
            }
            AccountContent::Error(words) => heard.push(Heard::end(format!("refused: {words}"))),
            AccountContent::Heartbeat | AccountContent::Other => {}
        }
    }

    fn answer(
        &mut self,
        _now: Timestamp,
        _conn: &mut AccountConn,
        _asked: &MarketRequest,
        _outcome: Outcome,
        _heard: &mut Vec<Heard>,
    ) {
    }

    fn distrust(
        &mut self,
        _now: Timestamp,
        _conn: &mut AccountConn,
        _instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    ) {
        heard.push(Heard::end("what it tells is not to be believed"));
    }

    fn dead_at(&self, _conn: &AccountConn) -> Option<(Timestamp, String)> {
        None
    }

    fn closed(&mut self, now: Timestamp, _conn: AccountConn, heard: &mut Vec<Heard>) {
        self.repeats.tell(now, heard);
    }
}

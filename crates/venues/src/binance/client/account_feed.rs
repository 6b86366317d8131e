//! The account's events of Binance, over the WebSocket API. There is no replay of what is missed
//! while it is down; the core reads the venue's books each time it comes up.
//!
//! Source: user-data-stream.md and web-socket-api.md, read 2026-07-21.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::venue::{AccountEvent, MarketRequest};
use model::{Amount, Asset, FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};

use super::account::{AccountMessage, decode_account};
use super::encode::{Credentials, subscribe_account};
use crate::binance::symbols::Symbols;
use crate::session::{Heard, Protocol, Repeats, Stamp, Timing};

/// An account may be quiet for hours, so silence is judged by the venue's pings, one in 20 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(65);
/// The venue ends connections after 24 hours; ours are replaced before.
const AGE_MAX: Duration = Duration::from_secs(23 * 3_600);
/// What happened before the second connection was subscribed is told on the first alone, and may still be on its way:
/// longer than an answer usually takes.
const OVERLAP: Duration = Duration::from_secs(2);
/// Number of the request to subscribe.
const SUBSCRIBE_ID: u64 = 1;
/// Deposits and withdrawals that are remembered, to know one that is told twice.
const TRANSFERS_MAX: usize = 256;
/// Instruments that are not followed and are said, once each; what comes after them is passed over in
/// silence.
const PASSED_OVER_MAX: usize = 64;

/// Orders, executions and balances of one account.
#[derive(Debug)]
pub struct AccountFeed {
    url: String,
    symbols: Arc<Symbols>,
    credentials: Credentials,
    /// Orders and executions may be heard twice, the core merges them. A transfer is a difference,
    /// and two connections at once tell it twice.
    transfers: VecDeque<(Asset, Amount, Timestamp)>,
    passed_over: BTreeSet<String>,
    repeats: Repeats,
    age_max: Duration,
}

impl AccountFeed {
    /// A feed from this address of the WebSocket API.
    pub fn new(url: String, symbols: Arc<Symbols>, credentials: Credentials) -> AccountFeed {
        AccountFeed {
            url,
            symbols,
            credentials,
            transfers: VecDeque::new(),
            passed_over: BTreeSet::new(),
            repeats: Repeats::default(),
            age_max: AGE_MAX,
        }
    }

    /// Hands connections over after this time instead of 23 hours.
    pub fn with_age_max(mut self, age_max: Duration) -> AccountFeed {
        self.age_max = age_max;
        self
    }

    fn event(&mut self, now: Timestamp, event: AccountEvent, heard: &mut Vec<Heard>) {
        if let AccountEvent::Transfer { asset, amount, time } = &event {
            let transfer = (*asset, *amount, *time);
            if self.transfers.contains(&transfer) {
                return self.repeats.add(now, heard);
            }
            if self.transfers.len() == TRANSFERS_MAX {
                self.transfers.pop_front();
            }
            self.transfers.push_back(transfer);
        }
        heard.push(Heard::News(Input::Account(event)));
    }
}

impl Protocol for AccountFeed {
    type Conn = ();

    fn link(&self) -> Link {
        Link::Account
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn timing(&self) -> Timing {
        Timing { silence_max: SILENCE_MAX, age_max: Some(self.age_max), overlap: OVERLAP }
    }

    fn open(&mut self, _now: Timestamp, stamp: Stamp, say: &mut Vec<String>) {
        say.push(subscribe_account(&self.credentials, stamp.venue_now, SUBSCRIBE_ID));
    }

    fn text(&mut self, now: Timestamp, _conn: &mut (), text: &str, heard: &mut Vec<Heard>) {
        match decode_account(text, &self.symbols) {
            Ok(AccountMessage::Event(event)) => self.event(now, event, heard),
            Ok(AccountMessage::NotFollowed { symbol }) => {
                if self.passed_over.len() < PASSED_OVER_MAX
                    && self.passed_over.insert(symbol.clone())
                {
                    heard.push(Heard::News(Input::Feed(FeedNotice::PassedOver { symbol })));
                }
            }
            Ok(AccountMessage::NotUnderstood(row)) => {
                heard.push(Heard::News(Input::Feed(FeedNotice::NotUnderstood(row))));
            }
            Ok(AccountMessage::Subscribed) => heard.extend([Heard::Up, Heard::Complete]),
            Ok(AccountMessage::Refused { status, detail, retry_at }) => heard.push(Heard::End {
                cause: format!("refused with status {status}: {detail}"),
                not_before: retry_at,
            }),
            Ok(AccountMessage::Terminated) => {
                heard.push(Heard::end("the venue ended the subscription"));
            }
            Ok(AccountMessage::Other) => {}
            // It may have been an execution: come back and read the venue's books.
            Err(error) => heard.push(Heard::end(format!("an event cannot be read: {error}"))),
        }
    }

    fn answer(
        &mut self,
        _now: Timestamp,
        _conn: &mut (),
        _asked: &MarketRequest,
        _outcome: Outcome,
        _heard: &mut Vec<Heard>,
    ) {
    }

    fn distrust(
        &mut self,
        _now: Timestamp,
        _conn: &mut (),
        _instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    ) {
        // Its events have no number that grows without holes: all of it or nothing.
        heard.push(Heard::end("what it tells is not to be believed"));
    }

    fn dead_at(&self, _conn: &()) -> Option<(Timestamp, String)> {
        None
    }

    fn closed(&mut self, now: Timestamp, _conn: (), heard: &mut Vec<Heard>) {
        self.repeats.tell(now, heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::client::testing::symbols;
    use crate::binance::sign::SigningKey;

    /// Somebody trades another instrument on the same account: said once, and the connection lives on.
    #[test]
    fn an_instrument_that_is_not_followed_is_said_once() {
        let key = SigningKey::new("secret").unwrap();
        let credentials = Credentials { api_key: "key".to_owned(), key };
        let mut feed = AccountFeed::new(String::new(), Arc::new(symbols()), credentials);
        let mut heard = Vec::new();
        let other = r#"{"event":{"e":"executionReport","E":1,"s":"ETHUSDT","x":"NEW"}}"#;
        for _ in 0..3 {
            feed.text(Timestamp::EPOCH, &mut (), other, &mut heard);
        }
        let symbol = "ETHUSDT".to_owned();
        let said = Input::Feed(FeedNotice::PassedOver { symbol });
        assert!(matches!(heard.as_slice(), [Heard::News(news)] if *news == said), "{heard:?}");

        heard.clear();
        let balances = r#"{"event":{"e":"outboundAccountPosition","E":1,"u":2,"B":[{"a":"ETH","f":"3","l":"0"}]}}"#;
        feed.text(Timestamp::EPOCH, &mut (), balances, &mut heard);
        assert!(
            matches!(
                heard.as_slice(),
                [Heard::News(Input::Account(AccountEvent::Balances { .. }))]
            ),
            "{heard:?}"
        );
    }
}

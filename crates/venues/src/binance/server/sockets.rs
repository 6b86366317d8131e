//! Connections: what each one is, who listens for accounts, and when a connection has to go.
//!
//! Source: web-socket-streams.md "General", web-socket-api.md "General", read 2026-07-21.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{AccountId, Timestamp};
use serde_json::json;

use super::time_unit::TimeUnit;
use crate::server::{ConnId, Frame, Payload};

/// The venue pings this often …
const PING_EVERY: Duration = Duration::from_secs(20);
/// … and drops who has not answered for this long.
const PONG_MAX: Duration = Duration::from_secs(60);
/// Connections end after a day; a notice goes out a little before.
const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
const NOTICE: Duration = Duration::from_secs(10);
/// Streams of one connection.
pub(super) const STREAMS_MAX: usize = 1_024;

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) peer: IpAddr,
    pub(super) unit: TimeUnit,
    pub(super) kind: Kind,
    opened: Timestamp,
    pinged: Timestamp,
    /// Since when a ping has been without its pong.
    unanswered: Option<Timestamp>,
    noticed: bool,
    second: Timestamp,
    messages: u32,
}

/// What a connection is for.
#[derive(Debug)]
pub(super) enum Kind {
    /// Market streams; an old client may listen to an account on it, too.
    Streams {
        /// Names of streams as they were asked for.
        names: BTreeSet<String>,
        combined: bool,
    },
    /// The WebSocket API.
    Api(Session),
}

/// The state of a connection of the WebSocket API.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) log_on: Option<LogOn>,
    /// Accounts listened to, by number; and whether that hangs on the log-on.
    pub(super) subscriptions: BTreeMap<u32, (AccountId, bool)>,
    pub(super) next_subscription: u32,
    pub(super) hide_limits: bool,
}

/// A session that is logged on.
#[derive(Clone, Debug)]
pub(super) struct LogOn {
    pub(super) api_key: String,
    pub(super) account: AccountId,
    pub(super) since: Timestamp,
}

impl Conn {
    pub(super) fn new(now: Timestamp, peer: IpAddr, unit: TimeUnit, kind: Kind) -> Conn {
        Conn {
            peer,
            unit,
            kind,
            opened: now,
            pinged: now,
            unanswered: None,
            noticed: false,
            second: now,
            messages: 0,
        }
    }

    pub(super) fn opened(&self) -> Timestamp {
        self.opened
    }

    pub(super) fn session(&mut self) -> Option<&mut Session> {
        match &mut self.kind {
            Kind::Api(session) => Some(session),
            Kind::Streams { .. } => None,
        }
    }

    /// A pong that nobody asked for says nothing, so only one after a ping counts.
    pub(super) fn pong(&mut self) {
        self.unanswered = None;
    }

    /// Counts a message that came in; false when there were too many within a second.
    pub(super) fn count(&mut self, now: Timestamp, messages_per_s: u32) -> bool {
        let second = now.floor_to(Duration::from_secs(1));
        if second != self.second {
            (self.second, self.messages) = (second, 0);
        }
        self.messages += 1;
        self.messages <= messages_per_s
    }

    /// What is said before the connection is closed by the venue.
    pub(super) fn shutdown_notice(&self, now: Timestamp) -> Arc<str> {
        let notice = json!({"e": "serverShutdown", "E": now.millis()});
        let text = match &self.kind {
            Kind::Streams { combined: true, .. } => {
                json!({"stream": "!serverShutdown", "data": notice}).to_string()
            }
            Kind::Streams { .. } | Kind::Api(_) => notice.to_string(),
        };
        Arc::from(text)
    }

    /// Pings, the notice before the end, and the end.
    pub(super) fn tick(&mut self, now: Timestamp, conn: ConnId, out: &mut Vec<Frame>) {
        let mut send = |payload| out.push(Frame { conn, payload });
        let age = now.since(self.opened);
        if age >= AGE_MAX {
            send(Payload::Close(1_000, "the connection is 24 hours old".to_owned()));
        } else if age >= AGE_MAX - NOTICE && !self.noticed {
            self.noticed = true;
            send(Payload::Text(self.shutdown_notice(now)));
        }
        if self.unanswered.is_some_and(|since| now.since(since) >= PONG_MAX) {
            send(Payload::Close(1_008, "no pong within a minute".to_owned()));
        } else if now.since(self.pinged) >= PING_EVERY {
            self.pinged = now;
            self.unanswered.get_or_insert(now);
            send(Payload::Ping(now.millis().to_string().into_bytes()));
        }
    }
}

/// A connection with the number of its subscription; without one events go out bare, as with
/// listen keys.
type Subscription = (ConnId, Option<u32>);

/// Who listens for which account, and in what units.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_account: BTreeMap<AccountId, BTreeMap<Subscription, TimeUnit>>,
}

impl Listeners {
    pub(super) fn add(&mut self, account: AccountId, who: Subscription, unit: TimeUnit) {
        self.by_account.entry(account).or_default().insert(who, unit);
    }

    pub(super) fn remove(&mut self, account: AccountId, who: Subscription) {
        if let Some(listeners) = self.by_account.get_mut(&account) {
            listeners.remove(&who);
        }
    }

    pub(super) fn remove_all(&mut self, conn: ConnId) {
        for listeners in self.by_account.values_mut() {
            listeners.retain(|(listener, _), _| *listener != conn);
        }
    }

    /// Sends an event of this account to all who listen.
    pub(super) fn deliver(&self, account: AccountId, event: String, out: &mut Vec<Frame>) {
        let Some(listeners) = self.by_account.get(&account) else { return };
        for ((conn, subscription), unit) in listeners {
            let event = unit.convert(event.clone());
            out.push(Frame { conn: *conn, payload: Payload::Text(wrap(*subscription, &event)) });
        }
    }
}

/// An account's event as a connection gets it.
pub(super) fn wrap(subscription: Option<u32>, event: &str) -> Arc<str> {
    match subscription {
        Some(id) => format!("{{\"subscriptionId\":{id},\"event\":{event}}}").into(),
        None => event.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + seconds * 1_000).unwrap()
    }

    fn conn() -> Conn {
        let kind = Kind::Streams { names: BTreeSet::new(), combined: true };
        Conn::new(at(0), IpAddr::V4(Ipv4Addr::LOCALHOST), TimeUnit::Millis, kind)
    }

    fn tick(conn: &mut Conn, seconds: i64) -> Vec<Payload> {
        let mut out = Vec::new();
        conn.tick(at(seconds), ConnId(1), &mut out);
        out.into_iter().map(|frame| frame.payload).collect()
    }

    fn is_close(payloads: &[Payload]) -> bool {
        matches!(payloads, [Payload::Close(..)])
    }

    #[test]
    fn who_does_not_answer_a_ping_is_dropped_a_minute_after_it() {
        let mut mute = conn();
        mute.pong();
        assert!(tick(&mut mute, 19).is_empty());
        assert!(matches!(tick(&mut mute, 20)[..], [Payload::Ping(_)]));
        assert!(matches!(tick(&mut mute, 40)[..], [Payload::Ping(_)]));
        assert!(matches!(tick(&mut mute, 60)[..], [Payload::Ping(_)]));
        assert!(tick(&mut mute, 79).is_empty());
        assert!(is_close(&tick(&mut mute, 80)));
        let mut alive = conn();
        for second in (20..400).step_by(20) {
            assert!(matches!(tick(&mut alive, second)[..], [Payload::Ping(_)]), "{second}");
            alive.pong();
        }
    }

    #[test]
    fn a_connection_ends_after_a_day_and_says_so_before() {
        let mut old = conn();
        old.pinged = at(24 * 3_600);
        let day = 24 * 3_600;
        assert!(tick(&mut old, day - 11).is_empty());
        let notice = tick(&mut old, day - 10);
        let [Payload::Text(text)] = &notice[..] else { panic!("{notice:?}") };
        assert!(text.contains("\"stream\":\"!serverShutdown\""), "{text}");
        assert!(tick(&mut old, day - 1).is_empty(), "said once");
        assert!(is_close(&tick(&mut old, day)));
    }

    #[test]
    fn messages_are_counted_by_the_second() {
        let mut busy = conn();
        for n in 1..=6 {
            assert_eq!(busy.count(at(3), 5), n <= 5, "{n}");
        }
        assert!(busy.count(at(4), 5));
    }
}

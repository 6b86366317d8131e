//! The open WebSockets: what waits to be written to each, and what faults do to it on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use tokio::sync::{mpsc, watch};
use venues::server::{ConnId, Payload, SocketClass, Topic};

use super::faults::Gate;

/// Frames that wait for one connection. A reader that is slower than this is cut off, as real
/// venues do, instead of holding everything up.
const QUEUE: usize = 8_192;
/// A message that was to go behind the next one goes after this long all the same.
const HELD_MAX: Duration = Duration::from_secs(1);
/// Topics whose last messages are remembered; those that come later are not.
const TOPICS_MAX: usize = 1_000;

/// How a connection is to be treated by its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// These ways are open.
    Open(Gate),
    /// The connection ends without a word.
    Cut,
}

/// What the task of a connection holds.
pub(super) struct Opened {
    pub(super) outgoing: mpsc::Receiver<Payload>,
    pub(super) door: watch::Receiver<Door>,
}

struct Socket {
    outgoing: mpsc::Sender<Payload>,
    door: watch::Sender<Door>,
    /// Where it is known.
    class: Option<SocketClass>,
    peer: IpAddr,
    opened: Timestamp,
    /// The venue closes it then.
    closes: Option<Timestamp>,
    held: Option<(Timestamp, Topic, Arc<str>)>,
    /// Topics of which it has had something.
    heard: BTreeSet<Topic>,
}

impl Socket {
    fn set_gate(&self, gate: Gate) {
        let wanted = Door::Open(gate);
        self.door.send_if_modified(|door| {
            let changes = *door != Door::Cut && *door != wanted;
            if changes {
                *door = wanted;
            }
            changes
        });
    }
}

/// All open connections.
#[derive(Default)]
pub(super) struct Sockets {
    open: BTreeMap<ConnId, Socket>,
    past: BTreeMap<Topic, VecDeque<(Timestamp, Arc<str>)>>,
}

impl Sockets {
    pub(super) fn open(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        peer: IpAddr,
        gate: Gate,
    ) -> Opened {
        let (sender, outgoing) = mpsc::channel(QUEUE);
        let (door_sender, door) = watch::channel(Door::Open(gate));
        self.open.insert(
            conn,
            Socket {
                outgoing: sender,
                door: door_sender,
                class: None,
                peer,
                opened: now,
                closes: None,
                held: None,
                heard: BTreeSet::new(),
            },
        );
        Opened { outgoing, door }
    }

    /// A connection has shown what it is for.
    pub(super) fn is_for(&mut self, conn: ConnId, class: SocketClass, gate: Gate) {
        if let Some(socket) = self.open.get_mut(&conn) {
            socket.class = Some(class);
            socket.set_gate(gate);
        }
    }

    /// Forgets a connection; was it there?
    pub(super) fn close(&mut self, conn: ConnId) -> bool {
        self.open.remove(&conn).is_some()
    }

    pub(super) fn class(&self, conn: ConnId) -> Option<SocketClass> {
        self.open.get(&conn).and_then(|socket| socket.class)
    }

    pub(super) fn peer(&self, conn: ConnId) -> Option<IpAddr> {
        self.open.get(&conn).map(|socket| socket.peer)
    }

    /// Connections of this class and address; of any, where none is given.
    pub(super) fn of(&self, class: Option<SocketClass>, peer: Option<IpAddr>) -> Vec<ConnId> {
        let wanted = self.open.iter().filter(|(_, socket)| {
            class.is_none_or(|class| socket.class == Some(class))
                && peer.is_none_or(|peer| peer == socket.peer)
        });
        wanted.map(|(conn, _)| *conn).collect()
    }

    /// Queues something; false when the connection is too slow, or gone.
    pub(super) fn send(&self, conn: ConnId, payload: Payload) -> bool {
        self.open.get(&conn).is_none_or(|socket| socket.outgoing.try_send(payload).is_ok())
    }

    /// Keeps a message back until the next one of its topic has gone; false when one is kept back
    /// already.
    pub(super) fn hold(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        topic: &Topic,
        text: &Arc<str>,
    ) -> bool {
        let Some(socket) = self.open.get_mut(&conn).filter(|socket| socket.held.is_none()) else {
            return false;
        };
        socket.held = Some((now, topic.clone(), Arc::clone(text)));
        true
    }

    /// Is anything kept back?
    pub(super) fn hold_any(&self) -> bool {
        self.open.values().any(|socket| socket.held.is_some())
    }

    /// Queues a message, once or twice, and behind it what was kept back for it; false when the
    /// connection is too slow.
    pub(super) fn send_on(
        &mut self,
        conn: ConnId,
        topic: &Topic,
        text: Arc<str>,
        twice: bool,
    ) -> bool {
        let Some(socket) = self.open.get_mut(&conn) else { return true };
        let mut texts = vec![Arc::clone(&text)];
        if twice {
            texts.push(text);
        }
        if let Some((_, _, held)) = socket.held.take_if(|(_, held, _)| held == topic) {
            texts.push(held);
        }
        texts.into_iter().all(|text| socket.outgoing.try_send(Payload::Text(text)).is_ok())
    }

    /// A connection hears the last messages of a topic again, if this is the first it has of it and
    /// they were sent before it came. Returns how many; remembers this message.
    pub(super) fn replay(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        topic: &Topic,
        text: &Arc<str>,
        count: usize,
    ) -> usize {
        let Some(socket) = self.open.get_mut(&conn) else { return 0 };
        let mut replayed = 0;
        if socket.heard.insert(topic.clone())
            && let Some(past) = self.past.get(topic)
        {
            let before: Vec<_> = past.iter().filter(|(sent, _)| *sent < socket.opened).collect();
            for (_, text) in before.iter().skip(before.len().saturating_sub(count)) {
                let payload = Payload::Text(Arc::clone(text));
                replayed += usize::from(socket.outgoing.try_send(payload).is_ok());
            }
        }
        if self.past.len() < TOPICS_MAX || self.past.contains_key(topic) {
            let past = self.past.entry(topic.clone()).or_default();
            // Two connections are told the same; it is one message.
            if past.back().is_none_or(|(_, last)| last != text) {
                past.push_back((now, Arc::clone(text)));
            }
            while past.len() > count {
                past.pop_front();
            }
        }
        replayed
    }

    /// The venue closes these connections so much later.
    pub(super) fn close_later(&mut self, at: Timestamp, conns: &[ConnId]) {
        for conn in conns {
            if let Some(socket) = self.open.get_mut(conn) {
                socket.closes = Some(socket.closes.map_or(at, |before| before.min(at)));
            }
        }
    }

    /// Opens and shuts the ways of every connection.
    pub(super) fn set_gates(&self, gate: impl Fn(Option<SocketClass>) -> Gate) {
        self.open.values().for_each(|socket| socket.set_gate(gate(socket.class)));
    }

    /// Ends connections without a word.
    pub(super) fn cut(&self, is_cut: impl Fn(Option<SocketClass>) -> bool) {
        for socket in self.open.values().filter(|socket| is_cut(socket.class)) {
            socket.door.send_replace(Door::Cut);
        }
    }

    /// Time passes: what was held too long goes out, what is due is closed.
    pub(super) fn tick(&mut self, now: Timestamp) {
        for socket in self.open.values_mut() {
            let is_late = |held: &mut (Timestamp, Topic, Arc<str>)| now.since(held.0) >= HELD_MAX;
            if let Some((_, _, text)) = socket.held.take_if(is_late) {
                // A full queue ends the connection with the next message.
                let _ = socket.outgoing.try_send(Payload::Text(text));
            }
            if socket.closes.take_if(|at| *at <= now).is_some() {
                let close = Payload::Close(1_001, "going away".to_owned());
                if socket.outgoing.try_send(close).is_err() {
                    socket.door.send_replace(Door::Cut);
                }
            }
        }
    }
}

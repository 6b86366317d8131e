//! Messages on their way to clients, and what faults do to them.

use std::sync::Arc;

use model::Timestamp;
use venues::server::{ConnId, Frame, Payload, SocketClass, Topic};

use super::World;
use crate::venue::faults::Origin;
use crate::venue::schema;

impl World {
    pub(super) fn deliver(&mut self, now: Timestamp, are_replies: bool) {
        if self.frames.is_empty() {
            return;
        }
        // What is held back goes behind the next message, also when its fault is over by then.
        let watched = self.faults.watches_messages(now) || self.sockets.hold_any();
        let mut frames = std::mem::take(&mut self.frames);
        for Frame { conn, payload } in frames.drain(..) {
            let sent = match payload {
                Payload::Text(text) => {
                    if are_replies && let Some(status) = self.dialect.answer_status(&text) {
                        self.counts.answer(Some(status));
                    }
                    if watched {
                        self.treat(now, conn, text, are_replies)
                    } else {
                        self.sockets.send(conn, Payload::Text(text))
                    }
                }
                Payload::Ping(_) | Payload::Close(..) => self.sockets.send(conn, payload),
            };
            if !sent {
                // Too slow, or gone: its task sees the closed queue and ends.
                self.disconnect(conn);
            }
        }
        // Its room is used again.
        self.frames = frames;
    }

    /// A message on its way, as faults treat it; false when its connection is too slow.
    fn treat(&mut self, now: Timestamp, conn: ConnId, text: Arc<str>, is_reply: bool) -> bool {
        let (topic, origin) = if is_reply {
            let class = self.sockets.class(conn).unwrap_or(SocketClass::Market);
            (Topic { class, name: "replies".to_owned() }, Origin::Reply)
        } else {
            let topic = self.dialect.topic(conn, &text);
            let origin = Origin::Event(topic.class);
            (topic, origin)
        };
        let treatment = self.faults.message(now, origin, &text);
        let mut text = text;
        for (fault, schema) in &treatment.schema {
            if let Some(changed) = schema::changed(&text, schema) {
                self.faults.fired(*fault);
                text = changed.into();
            }
        }
        if !is_reply && let Some((fault, count)) = self.faults.replays(now, topic.class) {
            let replayed = self.sockets.replay(now, conn, &topic, &text, count);
            if replayed > 0 {
                self.faults.fired(fault);
            }
        }
        if treatment.lost {
            return true;
        }
        if let Some(fault) = treatment.swapped
            && self.sockets.hold(now, conn, &topic, &text)
        {
            self.faults.fired(fault);
            return true;
        }
        self.sockets.send_on(conn, &topic, text, treatment.twice)
    }
}

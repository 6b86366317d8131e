//! What faults do when their time comes and when it is over.

use model::Timestamp;
use venues::server::{Payload, SocketClass};

use super::World;
use crate::venue::faults::{Begun, FaultKind};

impl World {
    /// Starts and ends faults that are due; is everything to be cut?
    pub(super) fn turn(&mut self, now: Timestamp) -> bool {
        let turn = self.faults.turn(now);
        let conditions = self.faults.conditions(now);
        self.engine.set_conditions(now, conditions);
        if self.limits != conditions.limits {
            self.limits = conditions.limits;
            self.dialect.change_limits(&conditions.limits);
        }
        self.publish(now);
        if !self.engine.is_stalled() {
            self.drain(now);
        }
        let mut cuts = false;
        for begun in turn.begun {
            cuts |= self.begin(now, &begun);
        }
        for kind in turn.ended {
            if let FaultKind::Partition(cut) = kind {
                // What was sent into it is lost for good.
                self.sockets.cut(|class| cut.is_of(class));
            }
        }
        // After the cuts, or what hung in a partition slips out before its end.
        let faults = &self.faults;
        self.sockets.set_gates(|class| faults.gate(now, class));
        cuts
    }

    /// What happens once, when a fault begins; is everything to be cut?
    fn begin(&mut self, now: Timestamp, begun: &Begun) -> bool {
        match &begun.kind {
            FaultKind::Outage => return true,
            FaultKind::Ban => {
                for conn in self.sockets.of(Some(SocketClass::User), begun.peer) {
                    self.sockets.send(conn, Payload::Close(1_008, "banned".to_owned()));
                }
            }
            FaultKind::KeyExpire => {
                let time = self.engine.venue_time(now);
                self.dialect.end_subscriptions(time, &mut self.frames);
                self.deliver(now, false);
            }
            FaultKind::ShutdownNotice(until) => {
                let time = self.engine.venue_time(now);
                let conns = self.sockets.of(begun.class, begun.peer);
                for conn in &conns {
                    if let Some(notice) = self.dialect.shutdown_notice(time, *conn) {
                        self.sockets.send(*conn, Payload::Text(notice));
                    }
                }
                self.sockets.close_later(now.after(*until), &conns);
            }
            _ => {}
        }
        false
    }
}

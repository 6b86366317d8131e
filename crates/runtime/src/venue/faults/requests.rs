//! Which faults strike a REST request, a WebSocket upgrade or a connection, and what they do to it.

use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;

use super::kinds::{Answer, FaultKind, Schema, Scope};
use super::table::{FaultId, Faults, Row};

/// What is done to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// It waits so long before anything else.
    pub(crate) delay: Option<Duration>,
    /// It waits until another one has passed, at most so long.
    pub(crate) overtaken: Option<(FaultId, Duration)>,
    /// It does nothing, and this becomes of it.
    pub(crate) before: Option<Before>,
    /// It is carried out twice.
    pub(crate) twice: bool,
    /// An answer may be so old.
    pub(crate) stale: Option<(FaultId, Duration)>,
    /// Fields of the answer that are not as they were, and whose doing that is.
    pub(crate) schema: Vec<(FaultId, Schema)>,
    /// Its work is done, and this becomes of its answer.
    pub(crate) after: Option<After>,
}

/// Instead of carrying a request out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Before {
    /// The connection is cut.
    Cut,
    /// Nothing happens until this fault is over; then the connection is cut.
    Hold(FaultId),
    /// This is answered.
    Answer(Answer),
    /// Too many requests: come back after so long.
    Throttled(Duration),
    /// This address is banned for so long.
    Banned(Duration),
}

/// Instead of an answer as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum After {
    /// The connection is cut.
    Cut,
    /// Nothing happens until this fault is over; then the connection is cut.
    Hold(FaultId),
    /// This is answered.
    Answer(Answer),
    /// 200 without a body.
    Empty,
    /// Half of the body, then a reset.
    Reset,
    /// Half of the body, then the end.
    Truncated,
    /// So many bytes a second.
    Drip(u32),
}

impl Faults {
    /// What is done to a request of this route, `"GET /path"`; upgrades are `"WS /path"` and are
    /// struck only by faults that name them.
    pub(crate) fn request(&mut self, now: Timestamp, route: &str, peer: IpAddr) -> Verdict {
        let mut verdict = Verdict { before: self.shut_out(now, route, peer), ..Verdict::default() };
        for row in self.rows.iter_mut().filter(|row| row.meets(now, route, peer)) {
            row.strike_before(&mut verdict);
        }
        if verdict.before.is_some() {
            return verdict;
        }
        verdict.after = self.kept_in(now, route);
        for row in self.rows.iter_mut().filter(|row| row.meets(now, route, peer)) {
            row.strike_after(&mut verdict);
        }
        verdict
    }

    /// Is nothing ever answered on this new connection, until this fault is over?
    pub(crate) fn half_open(&mut self, now: Timestamp, peer: IpAddr) -> Option<FaultId> {
        let of_connections = |row: &&mut Row| row.fault.scope == Scope::Connection;
        for row in self.rows.iter_mut().filter(of_connections) {
            if row.is_active(now) && row.aims_at(peer) && row.draw() {
                row.fired += 1;
                return Some(row.id);
            }
        }
        None
    }

    /// A request was carried out: who waits for that has been overtaken.
    pub(crate) fn carried_out(&mut self, route: &str, peer: IpAddr) {
        for row in self.rows.iter_mut().filter(|row| row.waits && row.is_meant(route, peer)) {
            row.passed += 1;
        }
    }

    /// Must who was held by this fault go on waiting?
    pub(crate) fn must_wait(&self, now: Timestamp, id: FaultId) -> bool {
        let waits = |row: &Row| row.id == id && row.is_due(now) && row.passed == 0;
        self.rows.iter().any(waits)
    }

    /// Who was held by this fault goes on.
    pub(crate) fn goes_on(&mut self, id: FaultId) {
        for row in self.rows.iter_mut().filter(|row| row.id == id) {
            (row.waits, row.passed) = (false, 0);
        }
    }

    /// Bans, and partitions that keep requests out.
    fn shut_out(&mut self, now: Timestamp, route: &str, peer: IpAddr) -> Option<Before> {
        let is_rest = !route.starts_with("WS ");
        for row in self.rows.iter_mut().filter(|row| row.is_active(now)) {
            let before = match &row.fault.kind {
                FaultKind::Outage => Before::Cut,
                FaultKind::Ban if row.aims_at(peer) => Before::Banned(row.left(now)),
                FaultKind::Partition(cut) if is_rest && cut.inward && cut.is_of_rest() => {
                    Before::Hold(row.id)
                }
                _ => continue,
            };
            row.fired += 1;
            return Some(before);
        }
        None
    }

    /// Partitions that keep answers in.
    fn kept_in(&mut self, now: Timestamp, route: &str) -> Option<After> {
        let is_rest = !route.starts_with("WS ");
        for row in self.rows.iter_mut().filter(|row| is_rest && row.is_active(now)) {
            if let FaultKind::Partition(cut) = &row.fault.kind
                && cut.outward
                && cut.is_of_rest()
            {
                row.fired += 1;
                return Some(After::Hold(row.id));
            }
        }
        None
    }
}

impl Row {
    fn meets(&self, now: Timestamp, route: &str, peer: IpAddr) -> bool {
        self.is_active(now) && self.is_meant(route, peer)
    }

    fn is_meant(&self, route: &str, peer: IpAddr) -> bool {
        let is_upgrade = route.starts_with("WS ");
        let is_meant = match (&self.fault.aim.route, self.fault.aim.stream) {
            (Some(wanted), _) => route.starts_with(wanted.as_str()),
            (None, Some(_)) => false,
            (None, None) => !is_upgrade,
        };
        matches!(self.fault.scope, Scope::Request | Scope::Answer) && is_meant && self.aims_at(peer)
    }

    /// What comes before the work.
    fn strike_before(&mut self, verdict: &mut Verdict) {
        let answer = |answer: &Answer| Before::Answer(answer.clone());
        let before = match &self.fault.kind {
            FaultKind::Delay(span) => {
                let span = *span;
                if self.draw() {
                    self.fired += 1;
                    let delay = span.heavy(&mut self.random);
                    verdict.delay = Some(verdict.delay.unwrap_or_default() + delay);
                }
                return;
            }
            FaultKind::Reorder(most) => {
                let most = *most;
                if !self.waits && verdict.overtaken.is_none() && self.draw() {
                    self.fired += 1;
                    (self.waits, self.passed) = (true, 0);
                    verdict.overtaken = Some((self.id, most));
                }
                return;
            }
            FaultKind::DropRequest => Before::Cut,
            FaultKind::Status(it) | FaultKind::EndpointMoved(it) => answer(it),
            FaultKind::Throttle(wait) => Before::Throttled(*wait),
            _ => return,
        };
        if verdict.before.is_none() && self.draw() {
            self.fired += 1;
            verdict.before = Some(before);
        }
    }

    /// What comes after the work, and how often that is done.
    fn strike_after(&mut self, verdict: &mut Verdict) {
        let after = match &self.fault.kind {
            FaultKind::Duplicate => {
                if self.draw() {
                    self.fired += 1;
                    verdict.twice = true;
                }
                return;
            }
            FaultKind::StaleReplica(age) => {
                let age = *age;
                if verdict.stale.is_none() && self.draw() {
                    verdict.stale = Some((self.id, age));
                }
                return;
            }
            FaultKind::Schema(schema) => {
                let schema = (self.id, schema.clone());
                if self.draw() {
                    verdict.schema.push(schema);
                }
                return;
            }
            FaultKind::DropResponse => After::Cut,
            FaultKind::AckNever => After::Hold(self.id),
            FaultKind::ErrorButAccept(answer) => After::Answer(answer.clone()),
            FaultKind::EmptyBody => After::Empty,
            FaultKind::ResetMidbody => After::Reset,
            FaultKind::Truncate => After::Truncated,
            FaultKind::SlowDrip(rate) => After::Drip(*rate),
            _ => return,
        };
        if verdict.after.is_none() && self.draw() {
            self.fired += 1;
            verdict.after = Some(after);
        }
    }
}

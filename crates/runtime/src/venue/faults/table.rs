//! The table of faults: which are under way, how often each has struck, and the draws of each.
//!
//! Pure: the time arrives with the question. Every fault draws from a seed of its own, so that what
//! one does never depends on what others did; with the same seed and the same questions the same
//! ones are struck.

use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;
use serde_json::{Value, json};
use sim_venue::synthetic::SplitMix;
use venues::server::SocketClass;

use super::error::{FAULTS_MAX, FaultError};
use super::fault::{ALWAYS, Fault, Scenario};
use super::kinds::{FaultKind, Scope, Stream};

/// Names a fault for as long as the venue runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FaultId(u64);

/// One fault and what became of it.
pub(super) struct Row {
    pub(super) id: FaultId,
    pub(super) fault: Fault,
    from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) fired: u64,
    healed: bool,
    /// Of those that strike the venue as a whole: it was drawn, and it strikes.
    begun: bool,
    ended: bool,
    pub(super) random: SplitMix,
    /// Of `reorder`: one waits, and this many have passed it.
    pub(super) waits: bool,
    pub(super) passed: u64,
}

/// The table of faults.
pub(crate) struct Faults {
    pub(super) rows: Vec<Row>,
    seed: u64,
    next: u64,
}

/// What has begun and ended since the last look.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Turn {
    pub(crate) begun: Vec<Begun>,
    pub(crate) ended: Vec<FaultKind>,
}

/// A fault of the venue as a whole that has begun.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Begun {
    pub(crate) kind: FaultKind,
    pub(crate) peer: Option<IpAddr>,
    /// Only sockets of this class; all when absent.
    pub(crate) class: Option<SocketClass>,
}

impl Faults {
    pub(crate) fn new(now: Timestamp, scenario: Scenario, seed: u64) -> Faults {
        let mut faults = Faults { rows: Vec::new(), seed, next: 0 };
        for fault in scenario.faults.into_iter().take(FAULTS_MAX) {
            faults.push(now, fault);
        }
        faults
    }

    /// Adds a fault given as JSON; its times count from now.
    pub(crate) fn add(&mut self, now: Timestamp, body: &[u8]) -> Result<(), FaultError> {
        let fault = Fault::from_json(body)?;
        if self.rows.len() >= FAULTS_MAX {
            let over = self.rows.iter().position(|row| row.is_over(now));
            self.rows.remove(over.ok_or(FaultError::TooMany)?);
        }
        self.push(now, fault);
        Ok(())
    }

    fn push(&mut self, now: Timestamp, fault: Fault) {
        let from = now.after(fault.at);
        let to = fault.lasts.map_or(Timestamp::MAX, |lasts| from.after(lasts));
        let id = FaultId(self.next);
        self.next += 1;
        // The draws of neighbours must not be shifted copies of each other.
        let random = SplitMix(SplitMix(self.seed.wrapping_add(id.0 << 32)).next_number());
        let (fired, passed) = (0, 0);
        let (healed, begun, ended, waits) = (false, false, false, false);
        self.rows.push(Row {
            id,
            fault,
            from,
            to,
            fired,
            healed,
            begun,
            ended,
            random,
            waits,
            passed,
        });
    }

    /// Ends every fault.
    pub(crate) fn heal(&mut self) {
        self.rows.iter_mut().for_each(|row| row.healed = true);
    }

    /// Draws the faults of the venue as a whole that are due, and says which begin and which end.
    pub(crate) fn turn(&mut self, now: Timestamp) -> Turn {
        let mut turn = Turn::default();
        for row in &mut self.rows {
            let is_whole = matches!(row.fault.scope, Scope::Venue | Scope::Address)
                || matches!(row.fault.kind, FaultKind::ShutdownNotice(_));
            if !is_whole {
                continue;
            }
            let kind = row.fault.kind.clone();
            if row.is_due(now) && !row.begun {
                if !row.draw() {
                    row.healed = true;
                    continue;
                }
                row.begun = true;
                row.fired = 1;
                let class = match row.fault.aim.stream {
                    Some(Stream::Market) => Some(SocketClass::Market),
                    Some(Stream::User) => Some(SocketClass::User),
                    Some(Stream::Replies | Stream::All) | None => None,
                };
                turn.begun.push(Begun { kind, peer: row.fault.aim.peer, class });
            } else if row.begun && !row.ended && !row.is_due(now) {
                row.ended = true;
                turn.ended.push(kind);
            }
        }
        turn
    }

    /// Is this fault still under way?
    pub(crate) fn is_under_way(&self, now: Timestamp, id: FaultId) -> bool {
        self.rows.iter().any(|row| row.id == id && row.is_due(now))
    }

    /// It had an effect.
    pub(crate) fn fired(&mut self, id: FaultId) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.id == id) {
            row.fired += 1;
        }
    }

    /// Faults under way that strike so.
    pub(super) fn under_way(&self, now: Timestamp, scope: Scope) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.fault.scope == scope && row.is_active(now))
    }

    /// What there is, and how often it struck.
    pub(crate) fn report(&self, now: Timestamp) -> Vec<Value> {
        let row = |row: &Row| {
            json!({
                "kind": row.fault.name,
                "from": row.from.millis(),
                "to": if row.to == Timestamp::MAX { Value::Null } else { json!(row.to.millis()) },
                "route": row.fault.aim.route,
                "probability": f64::from(row.fault.probability) / f64::from(ALWAYS),
                "fired": row.fired,
                "active": row.is_active(now),
            })
        };
        self.rows.iter().map(row).collect()
    }
}

impl Row {
    /// Is its time now?
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        !self.healed && self.from <= now && now < self.to
    }

    /// Is its time now, and has it not struck often enough?
    pub(super) fn is_active(&self, now: Timestamp) -> bool {
        let must_begin = matches!(self.fault.scope, Scope::Venue | Scope::Address);
        let is_spent = self.fault.count.is_some_and(|count| self.fired >= count) && !must_begin;
        self.is_due(now) && !is_spent && (self.begun || !must_begin)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.healed || now >= self.to
    }

    /// Does it strike this time?
    pub(super) fn draw(&mut self) -> bool {
        self.random.below(u64::from(ALWAYS)) < u64::from(self.fault.probability)
    }

    /// Is this address one of those that it strikes?
    pub(super) fn aims_at(&self, peer: IpAddr) -> bool {
        self.fault.aim.peer.is_none_or(|wanted| wanted == peer)
    }

    /// Until it ends by itself.
    pub(super) fn left(&self, now: Timestamp) -> Duration {
        self.to.since(now)
    }
}

//! Which faults strike what an account asks of the exchange, by whichever way it asks.

use std::time::Duration;

use model::Timestamp;

use super::kinds::{FaultKind, Scope};
use super::table::{FaultId, Faults};

/// What is done to one question about an account. Each part names the fault whose doing it is, so
/// that it counts only where it changed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::venue) struct Reading {
    /// The answer is as old as this.
    pub(in crate::venue) lag: Option<(FaultId, Duration)>,
    /// Orders younger than this are missing.
    pub(in crate::venue) missing: Option<(FaultId, Duration)>,
    /// Lists are cut to so many rows.
    pub(in crate::venue) rows: Option<(FaultId, u32)>,
    /// Orders that wait for a trigger are missing.
    pub(in crate::venue) hide_stops: Option<FaultId>,
    /// Orders that are over are told as canceled with nothing filled.
    pub(in crate::venue) lies: Option<FaultId>,
}

impl Faults {
    /// What is done to a question that came by this route.
    pub(in crate::venue) fn reading(&mut self, now: Timestamp, route: &str) -> Reading {
        let mut reading = Reading::default();
        for row in self.rows.iter_mut().filter(|row| row.fault.scope == Scope::Ask) {
            let aims = row.fault.aim.route.as_ref().is_none_or(|r| route.starts_with(r.as_str()));
            if !aims || !row.is_active(now) {
                continue;
            }
            let id = row.id;
            match row.fault.kind {
                FaultKind::ReadLag(lag) if row.draw() => reading.lag = Some((id, lag)),
                FaultKind::NegativeRead(age) if row.draw() => reading.missing = Some((id, age)),
                FaultKind::PageCap(rows) if row.draw() => reading.rows = Some((id, rows)),
                FaultKind::HideFamily if row.draw() => reading.hide_stops = Some(id),
                FaultKind::TerminalLies if row.draw() => reading.lies = Some(id),
                _ => {}
            }
        }
        reading
    }

    /// The rows that a public list may have.
    pub(in crate::venue) fn public_rows(
        &mut self,
        now: Timestamp,
        route: &str,
    ) -> Option<(FaultId, u32)> {
        self.reading(now, route).rows
    }

    /// Is an order that came by this route only pretended to be accepted? Then it is rejected after
    /// so long.
    pub(in crate::venue) fn pretends(
        &mut self,
        now: Timestamp,
        route: &str,
    ) -> Option<(FaultId, Duration)> {
        for row in self.rows.iter_mut().filter(|row| row.is_active(now)) {
            let FaultKind::AcceptThenReject(span) = row.fault.kind else { continue };
            let aims = row.fault.aim.route.as_ref().is_none_or(|r| route.starts_with(r.as_str()));
            if aims && row.draw() {
                return Some((row.id, span.even(&mut row.random)));
            }
        }
        None
    }
}

//! Which faults strike what an account asks of the exchange, by whichever way it asks.

use std::time::Duration;

use model::Timestamp;
use venues::server::Telling;

use super::kinds::{FaultKind, Scope};
use super::table::{FaultId, Faults, Row};

/// What is done to one question about an account. Each part names the fault whose doing it is, so
/// that it counts only where it changed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The answer is as old as this.
    pub(crate) lag: Option<(FaultId, Duration)>,
    /// Orders younger than this are missing.
    pub(crate) missing: Option<(FaultId, Duration)>,
    /// Lists are cut to so many rows.
    pub(crate) rows: Option<(FaultId, u32)>,
    /// Orders that wait for a trigger are missing.
    pub(crate) hide_stops: Option<FaultId>,
    /// Orders that are over are told as canceled with nothing filled.
    pub(crate) lies: Option<FaultId>,
}

impl Reading {
    /// The same for a dialect that tells from books of its own: one part after the other, each with
    /// those before it.
    pub(crate) fn tellings(&self, now: Timestamp) -> Vec<(FaultId, Telling)> {
        let mut telling = Telling::default();
        let mut all = Vec::new();
        if let Some((id, lag)) = self.lag {
            telling.as_of = Some(now.before(lag));
            all.push((id, telling));
        }
        if let Some((id, age)) = self.missing {
            telling.unseen_after = Some(now.before(age));
            all.push((id, telling));
        }
        if let Some(id) = self.lies {
            telling.lies = true;
            all.push((id, telling));
        }
        if let Some(id) = self.hide_stops {
            telling.hides_stops = true;
            all.push((id, telling));
        }
        if let Some((id, rows)) = self.rows {
            telling.rows_max = Some(rows);
            all.push((id, telling));
        }
        all
    }
}

impl Faults {
    /// Is there any fault under way that may strike a question about an account?
    pub(crate) fn watches_reads(&self, now: Timestamp) -> bool {
        self.rows.iter().any(|row| row.fault.scope == Scope::Ask && row.is_active(now))
    }

    /// What is done to a question that came by this route.
    pub(crate) fn reading(&mut self, now: Timestamp, route: &str) -> Reading {
        let mut reading = Reading::default();
        for row in self.rows.iter_mut().filter(|row| row.fault.scope == Scope::Ask) {
            if !row.aims_along(route) || !row.is_active(now) {
                continue;
            }
            let (id, kind) = (row.id, row.fault.kind.clone());
            // Orders that are pretended draw when they are placed.
            if matches!(kind, FaultKind::AcceptThenReject(_)) || !row.draw() {
                continue;
            }
            match kind {
                FaultKind::ReadLag(lag) => reading.lag = Some((id, lag)),
                FaultKind::NegativeRead(age) => reading.missing = Some((id, age)),
                FaultKind::PageCap(rows) => reading.rows = Some((id, rows)),
                FaultKind::HideFamily => reading.hide_stops = Some(id),
                FaultKind::TerminalLies => reading.lies = Some(id),
                _ => {}
            }
        }
        reading
    }

    /// The rows that a public list may have.
    pub(crate) fn public_rows(&mut self, now: Timestamp, route: &str) -> Option<(FaultId, u32)> {
        for row in self.rows.iter_mut().filter(|row| row.is_active(now)) {
            let FaultKind::PageCap(rows) = row.fault.kind else { continue };
            if row.aims_along(route) && row.draw() {
                return Some((row.id, rows));
            }
        }
        None
    }

    /// Is an order that came by this route only pretended to be accepted? Then it is rejected after
    /// so long.
    pub(crate) fn pretends(&mut self, now: Timestamp, route: &str) -> Option<(FaultId, Duration)> {
        for row in self.rows.iter_mut().filter(|row| row.is_active(now)) {
            let FaultKind::AcceptThenReject(span) = row.fault.kind else { continue };
            if row.aims_along(route) && row.draw() {
                return Some((row.id, span.even(&mut row.random)));
            }
        }
        None
    }
}

impl Row {
    fn aims_along(&self, route: &str) -> bool {
        self.fault.aim.route.as_ref().is_none_or(|wanted| route.starts_with(wanted.as_str()))
    }
}

//! The venue's stops, written down so that neither a restart nor a power cut forgets them.
//!
//! A file of their own: the counts change with every request and are not forced to the disk; a ban
//! comes once in a long while, and who asks during it makes it longer. Written beside it, forced to
//! the disk and renamed, so it is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::budget::{Budget, Counted};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::frame::{frame, unframe, with_suffix};
use crate::clock;

/// A file of stops that cannot be read may have held a ban: nothing is asked for the shortest one.
/// Source: binance-spot-api-docs rest-api.md "IP Limits", two minutes to three days.
const UNREADABLE: Duration = Duration::from_secs(120);
/// No stop is longer: the longest ban there is, with room.
const STOP_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Two clocks that tell the end of a stop may differ by this.
const CLOSE: Duration = Duration::from_secs(1);

/// As it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    counts: Option<Counted>,
    until: Timestamp,
}

/// In this process it ends when its time has passed, whatever is done to the clock.
#[derive(Clone, Copy, Debug)]
struct Stop {
    counts: Option<Counted>,
    end: Instant,
}

/// Those that are known to this process.
#[derive(Clone, Debug)]
pub(super) struct Stops {
    path: PathBuf,
    stops: Vec<Stop>,
}

impl Stops {
    /// Reads them; a missing file is none.
    pub(super) fn open(path: PathBuf) -> Stops {
        let lines: Option<Vec<Line>> = match fs::read(&path) {
            Ok(bytes) => unframe(&bytes).and_then(|text| serde_json::from_slice(text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
            Err(_) => None,
        };
        let now = clock::now();
        let lines = lines.unwrap_or_else(|| {
            tracing::warn!(path = %path.display(), "cannot be read: holding still for two minutes");
            vec![Line { counts: None, until: now.after(UNREADABLE) }]
        });
        let mut stops = Stops { path, stops: Vec::new() };
        for Line { counts, until } in lines {
            stops.remember(counts, until.since(now));
        }
        stops
    }

    /// One more, for so long. As many are kept as there are things to count, at most.
    pub(super) fn remember(&mut self, counts: Option<Counted>, wait: Duration) {
        let now = Instant::now();
        self.stops.retain(|stop| stop.end > now);
        let end = now + wait.min(STOP_MAX);
        match self.stops.iter_mut().find(|stop| stop.counts == counts) {
            Some(stop) => stop.end = stop.end.max(end),
            None => self.stops.push(Stop { counts, end }),
        }
    }

    /// Tells the budget of those that it does not know.
    pub(super) fn apply(&self, budget: &mut Budget) {
        if self.stops.is_empty() {
            return;
        }
        let now = clock::now();
        for Stop { counts, end } in &self.stops {
            let wait = end.saturating_duration_since(Instant::now());
            let enough = now.after(wait.saturating_sub(CLOSE));
            if wait > CLOSE && !budget.stops().any(|(c, until)| c == *counts && until >= enough) {
                budget.stop(now, *counts, wait);
            }
        }
    }

    /// Forces them to the disk. What another process has written and still holds is kept.
    pub(super) fn write(mut self) -> io::Result<()> {
        let lock = File::create(with_suffix(&self.path, ".lock"))?;
        lock.lock()?;
        let now = Instant::now();
        for Stop { counts, end } in Stops::open(self.path.clone()).stops {
            self.remember(counts, end.saturating_duration_since(now));
        }
        let wall = clock::now();
        let line = |stop: &Stop| Line {
            counts: stop.counts,
            until: wall.after(stop.end.saturating_duration_since(now)),
        };
        let text = serde_json::to_vec(&self.stops.iter().map(line).collect::<Vec<_>>())?;
        let new = with_suffix(&self.path, ".new");
        let mut file = File::create(&new)?;
        file.write_all(&frame(&text))?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // The name, too.
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}

//! What a journal comes to: for a start that goes on from it, and for those who look on.
//!
//! A fold over all entries, or over those behind a snapshot of what the ones before came to; both are
//! the same state. The gateway's books are in it and how its connections are, so a start and
//! `plimsoll status` need nothing that a snapshot does not have.

use gateway::Books;
use journal::{Fold, Health, Snapshot, Storage, StoreError};
use model::Entry;
use serde::{Deserialize, Serialize};

/// Form of a snapshot's body. One more whenever the shape of [`State`] changes, or what its folds make of
/// an entry; a snapshot of another form is passed over and the entries are read, so as long as none were
/// removed nothing else is to be done.
const FORMAT: u32 = 3;

/// The books and the health of one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Orders, positions, balances.
    pub books: Books,
    /// Connections, feeds, comparisons.
    pub health: Health,
}

/// A state, and how it was come by.
#[derive(Debug)]
pub struct Restored {
    /// What all entries come to.
    pub state: State,
    /// Number of the last entry; zero in an empty journal.
    pub last: u64,
    /// Number of the last entry in the snapshot that was read; zero when there was none.
    pub snapshot: u64,
    /// Snapshots that were passed over, and why.
    pub passed_over: Vec<String>,
}

/// Takes the entries behind a number, as a store's `replay` does.
pub type Replay<'r> = &'r mut dyn FnMut(
    u64,
    &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError>;

impl State {
    /// The state of a store that this process goes on from: makes sure first that all of it is what was
    /// written, what a snapshot has in it included.
    pub fn take_up(storage: &mut dyn Storage) -> Result<Restored, StoreError> {
        storage.check()?;
        let damaged = storage.damaged_snapshots()?;
        let snapshots = storage.snapshots()?;
        let mut restored =
            State::restore(snapshots, &mut |after, each| storage.replay(after, each))?;
        let damaged = damaged.iter().map(|seq| format!("the one of entry {seq}: it is damaged"));
        restored.passed_over.extend(damaged);
        Ok(restored)
    }

    /// The state of a journal with these snapshots, newest first.
    ///
    /// [`StoreError::Removed`] when none of them can be read and entries were removed.
    pub fn restore(snapshots: Vec<Snapshot>, replay: Replay<'_>) -> Result<Restored, StoreError> {
        let mut passed_over = Vec::new();
        let mut found = None;
        for snapshot in &snapshots {
            match State::read(snapshot) {
                Ok(state) => {
                    found = Some((state, snapshot.seq));
                    break;
                }
                Err(why) => passed_over.push(format!("the one of entry {}: {why}", snapshot.seq)),
            }
        }
        let (mut state, snapshot) = found.unwrap_or_default();
        let mut last = snapshot;
        replay(snapshot, &mut |seq, entry| {
            if seq != last + 1 {
                let problem = match passed_over.as_slice() {
                    [] => "there is no snapshot of what they came to".to_owned(),
                    passed_over => format!("no snapshot is readable ({})", passed_over.join("; ")),
                };
                return Err(StoreError::Removed { removed: seq - 1, problem });
            }
            last = seq;
            state.add(&entry);
            Ok(())
        })?;
        Ok(Restored { state, last, snapshot, passed_over })
    }

    fn read(snapshot: &Snapshot) -> Result<State, String> {
        if snapshot.format != FORMAT {
            let format = snapshot.format;
            return Err(format!("it is of form {format}, and this program reads form {FORMAT}"));
        }
        serde_json::from_slice(&snapshot.body).map_err(|error| error.to_string())
    }
}

impl Fold for State {
    fn add(&mut self, entry: &Entry) {
        self.books.apply(entry);
        self.health.add(entry);
    }

    fn format(&self) -> u32 {
        FORMAT
    }

    fn body(&self) -> Vec<u8> {
        // Every key is a text and every value a plain one. Nothing reads an empty body, should that change.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

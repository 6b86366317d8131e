//! What is done beside writing: snapshots, so that a start is quick, and the removal of what they have in
//! them, so that the journal does not grow for ever.
//!
//! Nobody who waits for a write waits for a snapshot to be made: entries that are durable go to a
//! thread of their own, which folds them and writes the snapshot's body; the writer stores it in small
//! pieces between its writes. Old entries are removed in small pieces, too.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use model::Entry;

use crate::storage::{REMOVED_MAX, Snapshot, Storage};

/// Entries between two snapshots. To read that many takes a start a fraction of a second.
pub const SNAPSHOT_EVERY: u64 = 50_000;
/// Batches that wait to be folded. Should that ever not be enough, the next start reads more entries.
const BATCHES_MAX: usize = 8_192;

/// What entries come to.
pub trait Fold: Send {
    /// Takes one more entry into account.
    fn add(&mut self, entry: &Entry);
    /// Which form [`Fold::body`] has.
    fn format(&self) -> u32;
    /// All of it, as a snapshot keeps it.
    fn body(&self) -> Vec<u8>;
}

/// Who still has to read entries that are old enough to go.
pub struct Readers {
    /// Number of the last entry that all of them have had.
    pub had: Box<dyn FnMut() -> u64 + Send>,
    /// Entries that are kept for them beyond [`Upkeep::keep`], at most: then they go all the same, which is said.
    pub held_max: u64,
}

/// How a journal is looked after.
pub struct Upkeep {
    /// What the entries that are in the store come to.
    pub fold: Box<dyn Fold>,
    /// Number of the last entry in the store, and how many of them no snapshot has in it that is read.
    pub from: (u64, u64),
    /// Entries between two snapshots; [`SNAPSHOT_EVERY`] but in tests.
    pub every: u64,
    /// Entries that are kept at least; `None` keeps all.
    pub keep: Option<u64>,
    /// Whom entries are held back for; `None` for nobody.
    pub readers: Option<Readers>,
    /// Told what went wrong; the journal itself is not concerned, and trading goes on.
    pub trouble: Box<dyn FnMut(String) + Send>,
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep").field("every", &self.every).field("keep", &self.keep).finish()
    }
}

/// Both threads' ends of it.
pub(crate) struct Keeper {
    batches: Option<SyncSender<(u64, Vec<Entry>)>>,
    made: Receiver<Snapshot>,
    thread: JoinHandle<Option<Snapshot>>,
    /// One that is being stored, and how many bytes of it are.
    storing: Option<(Snapshot, usize)>,
    keep: Option<u64>,
    readers: Option<Readers>,
    /// Entries are held back for readers, and it is too soon to ask again.
    holds_back: bool,
    /// That entries went which a reader has not had was said.
    left_behind: bool,
    /// What the settings want removed, whether somebody still needs it or not.
    remove_until: u64,
    /// Entries written since the last look for some to remove.
    unlooked: u64,
    trouble: Box<dyn FnMut(String) + Send>,
}

impl Keeper {
    pub(crate) fn spawn(upkeep: Upkeep) -> std::io::Result<Keeper> {
        let Upkeep { fold, from: (last, behind), every, keep, readers, trouble } = upkeep;
        let (batches, waiting) = sync_channel(BATCHES_MAX);
        let (tell, made) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || make(fold, behind, every, &waiting, &tell))?;
        // What an earlier run left to be removed, or a new setting wants removed.
        let remove_until = keep.map_or(0, |keep| last.saturating_sub(keep));
        let batches = Some(batches);
        Ok(Keeper {
            batches,
            made,
            thread,
            storing: None,
            keep,
            readers,
            holds_back: false,
            left_behind: false,
            remove_until,
            unlooked: 0,
            trouble,
        })
    }

    /// These are durable now; the last one has this number.
    pub(crate) fn written(&mut self, last: u64, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        self.unlooked += entries.len() as u64;
        let Some(batches) = &self.batches else { return };
        if batches.try_send((last, entries)).is_err() {
            // A hole in the fold would be a lie: this run makes no more snapshots.
            self.batches = None;
            (self.trouble)(
                "no more snapshots in this run: entries come faster than they are folded"
                    .to_owned(),
            );
        }
    }

    /// After a write: a piece of what was made meanwhile is stored. Where writes never pause, what is old is
    /// removed between them, faster than they add to it.
    pub(crate) fn after_write(&mut self, storage: &mut dyn Storage) {
        self.stores(storage);
        if self.unlooked >= REMOVED_MAX / 2 {
            self.unlooked = 0;
            self.holds_back = false;
            self.removes(storage);
        }
    }

    /// While nobody waits: is there something to do? Does a piece of it.
    fn works(&mut self, storage: &mut dyn Storage) -> bool {
        self.stores(storage) || self.removes(storage)
    }

    /// Is there a snapshot to store? Stores a piece of it.
    fn stores(&mut self, storage: &mut dyn Storage) -> bool {
        let Some((snapshot, stored)) =
            self.storing.take().or_else(|| Some((self.made.try_recv().ok()?, 0)))
        else {
            return false;
        };
        match storage.keep_piece(&snapshot, stored) {
            Ok(stored) if stored < snapshot.body.len() => self.storing = Some((snapshot, stored)),
            Ok(_) => {
                self.remove_until = self.keep.map_or(0, |keep| snapshot.seq.saturating_sub(keep));
            }
            Err(error) => (self.trouble)(format!(
                "a snapshot could not be kept, the next start reads more: {error}"
            )),
        }
        true
    }

    /// Is there something to remove? Removes a piece of it.
    fn removes(&mut self, storage: &mut dyn Storage) -> bool {
        if self.remove_until == 0 || self.holds_back {
            return false;
        }
        let until = self.removable();
        match storage.remove_until(until) {
            Ok(1..) => true,
            Ok(0) => {
                match until == self.remove_until {
                    true => self.remove_until = 0,
                    // Not at every write: whoever reads has to be asked how far it is.
                    false => self.holds_back = true,
                }
                false
            }
            Err(error) => {
                self.remove_until = 0;
                (self.trouble)(format!("old entries could not be removed: {error}"));
                false
            }
        }
    }

    /// Up to where entries may go now: not those that a reader still has to have, within its bound.
    fn removable(&mut self) -> u64 {
        let Some(Readers { had, held_max }) = &mut self.readers else { return self.remove_until };
        let (had, bound) = (had(), self.remove_until.saturating_sub(*held_max));
        if had < bound && !self.left_behind {
            self.left_behind = true;
            (self.trouble)(format!(
                "a sink has had the entries up to {had} only, and more than {held_max} wait for it: those \
                 up to {bound} are removed all the same, and will be missing there; look at plimsoll status"
            ));
        }
        self.left_behind &= had < bound;
        self.remove_until.min(had.max(bound))
    }

    /// After the last write: a last snapshot, so that the next start reads hardly anything. When a write
    /// failed, the store is left as it is.
    pub(crate) fn end(mut self, storage: &mut dyn Storage, is_whole: bool) {
        self.batches = None;
        if is_whole {
            while self.stores(storage) {}
        }
        let Keeper { made, thread, mut trouble, .. } = self;
        // One that nobody fetched must not keep the thread from ending.
        drop(made);
        if let Ok(Some(snapshot)) = thread.join()
            && is_whole
            && let Err(error) = storage.keep_snapshot(&snapshot)
        {
            trouble(format!(
                "the last snapshot could not be kept, the next start reads more: {error}"
            ));
        }
    }
}

/// Folds until the writer ends, and returns what it comes to then, if that is news.
fn make(
    mut fold: Box<dyn Fold>,
    mut since: u64,
    every: u64,
    waiting: &Receiver<(u64, Vec<Entry>)>,
    made: &SyncSender<Snapshot>,
) -> Option<Snapshot> {
    let mut seq = None;
    while let Ok((last, entries)) = waiting.recv() {
        entries.iter().for_each(|entry| fold.add(entry));
        since += entries.len() as u64;
        seq = Some(last);
        if since >= every {
            let snapshot = Snapshot { seq: last, format: fold.format(), body: fold.body() };
            // While the one before waits to be stored, another one is not needed.
            if made.try_send(snapshot).is_ok() {
                since = 0;
            }
        }
    }
    let news = seq.filter(|_| since > 0)?;
    Some(Snapshot { seq: news, format: fold.format(), body: fold.body() })
}

/// Waits for the next message; meanwhile, and only while nobody waits, snapshots are stored and old entries
/// removed.
pub(crate) fn next<T>(
    waiting: &Receiver<T>,
    keeper: &mut Option<Keeper>,
    storage: &mut dyn Storage,
) -> Option<T> {
    while let Some(keeper) = keeper {
        match waiting.try_recv() {
            Ok(message) => return Some(message),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if keeper.works(storage) => {}
            Err(TryRecvError::Empty) => break,
        }
    }
    waiting.recv().ok()
}

#[cfg(test)]
mod tests;

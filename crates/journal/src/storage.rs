//! The port that every store is behind.

use model::{Entry, StoreTag};

use crate::chain::{self, Hash};
use crate::place::Place;

/// A place where entries are kept.
pub trait Storage: Send {
    /// Appends all of these or none, and returns the number of the last one once they are durable:
    /// from then on they survive a loss of power. Numbers start at 1 and have no holes.
    ///
    /// Fails when the store belongs to another process by now. With no entries it does nothing but
    /// make sure of that, so that a store that is only lent for a while is kept.
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError>;

    /// Hands over every entry that is kept and has a number above `after`, oldest first. Stops at the
    /// first error, its own or `each`'s; an entry that is not what was written is one.
    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// What tells the orders of this store from those of every other: `drawn`, where it has none yet,
    /// and from then on always the same. Durable when it returns.
    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError>;

    /// The number of a new session: more than ever before, durable when it returns. In a store that
    /// is lent for a while it is also the epoch that every write is checked by.
    fn take_session(&mut self) -> Result<u64, StoreError>;

    /// That every entry that is kept is what was written, and that none is missing at the end that a
    /// snapshot has in it. A store that can tell without reading what
    /// they say is much faster than [`Storage::replay`].
    fn check(&mut self) -> Result<(), StoreError> {
        self.replay(0, &mut |_, _| Ok(()))
    }

    /// Keeps a snapshot, durable when it returns, and lets go of all but the newest two. One of entries
    /// that are not there is not kept. A store without snapshots is read whole at every start.
    fn keep_snapshot(&mut self, _snapshot: &Snapshot) -> Result<(), StoreError> {
        Ok(())
    }

    /// Stores a piece of a snapshot of which so many bytes are stored, and returns how many are now: it is
    /// kept when all are. Others are written between the pieces; a store that needs none does all at once.
    fn keep_piece(&mut self, snapshot: &Snapshot, _stored: usize) -> Result<usize, StoreError> {
        self.keep_snapshot(snapshot)?;
        Ok(snapshot.body.len())
    }

    /// The snapshots that are kept and whole, newest first. One that is damaged is left out: an older
    /// one, or the entries themselves, do as well.
    fn snapshots(&mut self) -> Result<Vec<Snapshot>, StoreError> {
        Ok(Vec::new())
    }

    /// Numbers of the snapshots that were left out, to be told of.
    fn damaged_snapshots(&mut self) -> Result<Vec<u64>, StoreError> {
        Ok(Vec::new())
    }

    /// Removes the oldest entries up to this number, at most [`REMOVED_MAX`] at once, and returns how
    /// many it removed. Entries that the older kept snapshot does not have in it stay, whatever is asked.
    fn remove_until(&mut self, _seq: u64) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Entries that one call removes, at most: whoever waits for a write waits for one such piece.
pub const REMOVED_MAX: u64 = 1_000;

/// Up to which entry none is needed by a start that finds these snapshots, newest first: not even should
/// one of them turn out to be damaged. What an older version made does not count: to rely on it is to
/// rely on being able to read it.
pub(crate) fn removable(whole: &[Known]) -> u64 {
    let oldest = whole.last().filter(|oldest| {
        whole.len() >= SNAPSHOTS_KEPT && whole.iter().all(|other| other.format == oldest.format)
    });
    oldest.map_or(0, |oldest| oldest.seq)
}

/// A snapshot that is known to be kept and whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    seq: u64,
    format: u32,
}

impl From<&Snapshot> for Known {
    fn from(snapshot: &Snapshot) -> Known {
        Known { seq: snapshot.seq, format: snapshot.format }
    }
}

/// Snapshots that are kept: should the newest be damaged, the older one is there.
pub(crate) const SNAPSHOTS_KEPT: usize = 2;

/// What the entries up to a number come to, so that a start need not read them all again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Number of the last entry in it.
    pub seq: u64,
    /// Form of the body. Who knows another one only passes it over.
    pub format: u32,
    /// As its maker writes it.
    pub body: Vec<u8>,
}

impl Snapshot {
    /// Over all of it and the hash of its last entry: one that was changed, or that is of another
    /// history than the entries beside it, is found.
    pub(crate) fn hash(&self, chain: &Hash) -> Hash {
        let head = [self.seq.to_le_bytes(), u64::from(self.format).to_le_bytes()].concat();
        chain::next(&chain::next(chain, &head), &self.body)
    }
}

/// The snapshots that a store has.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Those that are whole and of entries that are there, newest first.
    pub(crate) whole: Vec<Snapshot>,
    /// Numbers of the others.
    pub(crate) damaged: Vec<u64>,
}

/// That the entries reach as far as the newest snapshot does, whole or not: it was made of entries that
/// were durable.
pub(crate) fn reaches(place: &Place, last: u64, found: &Found) -> Result<(), StoreError> {
    let whole = found.whole.iter().map(|snapshot| snapshot.seq);
    match whole.chain(found.damaged.iter().copied()).max() {
        Some(newest) if newest > last => {
            let problem =
                format!("it is missing: a snapshot of the entries up to {newest} is there");
            Err(StoreError::damaged(place, last + 1, problem))
        }
        _ => Ok(()),
    }
}

/// What is wrong with a store, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory of the file is not there.
    #[error("{place}: the directory does not exist; create it or change `store`")]
    NoDirectory {
        /// Where.
        place: Place,
    },
    /// Another gateway holds it.
    #[error(
        "{place}: in use by the process with id {holder}; one journal has one gateway: stop that one, \
             or give this one another `store`"
    )]
    InUse {
        /// Where.
        place: Place,
        /// Process id of the holder, as it wrote it down.
        holder: String,
    },
    /// The disk has no room left.
    #[error("{place}: the disk is full; free some space on it")]
    DiskFull {
        /// Where.
        place: Place,
    },
    /// It may be read at most.
    #[error("{place}: {problem}; {}", place.how_to_write())]
    NotWritable {
        /// Where.
        place: Place,
        /// What the system says.
        problem: String,
    },
    /// Another writer has taken it over meanwhile.
    #[error(
        "{place}: another program has written to it ({problem}); one journal has one gateway: find \
             and stop the other one"
    )]
    Outrun {
        /// Where.
        place: Place,
        /// What the store says.
        problem: String,
    },
    /// The store is still this process's own and has not all of what it said it keeps.
    #[error(
        "{place}: has lost entries that it had said are kept: {problem}; a server that took over or came \
             back with an older copy does that: make sure of which server this is, look at the venue, and \
             start again, which compares the books"
    )]
    Forgot {
        /// Where.
        place: Place,
        /// What is there and what ought to be.
        problem: String,
    },
    /// The store as a whole is damaged.
    #[error("{place}: is damaged: {problem}; restore a backup, or {} and start anew, which reads \
             the venue's books", place.how_to_leave())]
    Broken {
        /// Where.
        place: Place,
        /// What the store says.
        problem: String,
    },
    /// It cannot be opened, read or written, for any other reason.
    #[error("{place}: {problem}")]
    Unusable {
        /// Where.
        place: Place,
        /// What the system says and what to do.
        problem: String,
    },
    /// A store of something else, or of a later version.
    #[error("{place}: is no journal of this version: {problem}")]
    Foreign {
        /// Where.
        place: Place,
        /// How it differs.
        problem: String,
    },
    /// What is read is not what was written.
    #[error("{place}: entry {seq} is damaged: {problem}; restore a backup, or {} and start anew, \
             which reads the venue's books", place.how_to_leave())]
    Damaged {
        /// Where.
        place: Place,
        /// Number of the entry.
        seq: u64,
        /// What does not fit.
        problem: String,
    },
    /// Entries were removed, and nothing that is left tells what they came to.
    #[error(
        "the entries up to {removed} were removed, and {problem}; start the version of the program \
             that ran on this journal last, or restore a backup"
    )]
    Removed {
        /// Number of the last one that was removed.
        removed: u64,
        /// Why what is left does not do.
        problem: String,
    },
    /// An earlier write failed, so nothing after it can be believed to be kept.
    #[error("an earlier write failed: {0}")]
    Lost(String),
}

impl StoreError {
    pub(crate) fn damaged(place: impl Into<Place>, seq: u64, problem: impl ToString) -> StoreError {
        StoreError::Damaged { place: place.into(), seq, problem: problem.to_string() }
    }

    pub(crate) fn unusable(place: impl Into<Place>, problem: impl ToString) -> StoreError {
        StoreError::Unusable { place: place.into(), problem: problem.to_string() }
    }
}

//! The newest session of each journal, kept outside of it: what tells that a journal was put back to an
//! older copy of itself.
//!
//! Such a copy is whole in itself, and its count of sessions has gone back with it: the next start would
//! give out names of orders that were given out before. So the number of each start is also kept in the
//! host's state directory, and a journal that is behind it halts the gateway until a person has looked;
//! the names go on behind the newest. On another host, or when the directory went back too, the venue is
//! the only witness: an order there that the journal ought to know halts it as well (`merge.rs`).

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use journal::{Storage, StoreError};
use model::StoreTag;

/// Below the state directory: one file for each journal, named by its tag.
const DIRECTORY: &str = "sessions";
/// Starts that a journal can be behind. A number that is farther ahead is no number of ours.
const BEHIND_MAX: u64 = 100_000;

/// The number of this start.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) session: u64,
    /// Why the journal cannot be the newest there was of it.
    pub(super) rolled_back: Option<String>,
    /// Where the number is kept.
    pub(super) kept: Kept,
}

/// Where the number of the newest session is kept.
#[derive(Debug)]
pub(super) struct Kept {
    directory: PathBuf,
    path: PathBuf,
    session: u64,
}

impl Kept {
    /// A person has looked at the gap and lifted the halt: the journal that went back is the one from now on.
    pub(super) fn is_accepted(&self) -> std::io::Result<()> {
        keep(&self.directory, &self.path, self.session, false)
    }
}

/// Takes the number of a new session, above all that were ever taken on this host, and keeps it; until the
/// journal says that it is `halted` also that it went back, for a start may fail before it has halted.
pub(super) fn take(
    storage: &mut dyn Storage,
    tag: StoreTag,
    state_dir: &Path,
    halted: bool,
) -> Result<Session, StoreError> {
    let directory = state_dir.join(DIRECTORY);
    let path = directory.join(tag.to_string());
    let (newest, was_behind) = read(&path)?;
    let first = storage.take_session()?;
    if newest.saturating_sub(first) > BEHIND_MAX {
        let problem = format!(
            "it says {newest} sessions of a journal that is at {first}; if no newer copy of the journal is \
             there to restore, remove this file"
        );
        return Err(StoreError::Unusable { place: (&path).into(), problem });
    }
    let mut session = first;
    while session <= newest {
        session = storage.take_session()?;
    }
    let unusable = |error: std::io::Error| StoreError::Unusable {
        place: (&path).into(),
        problem: format!("the number of the session cannot be kept: {error}"),
    };
    let is_behind = first <= newest || was_behind && !halted;
    keep(&directory, &path, session, is_behind).map_err(unusable)?;
    let rolled_back = is_behind.then(|| {
        let known = if first <= newest {
            format!("it knows {} sessions, and there were {newest}", first - 1)
        } else {
            "an earlier start has seen it".to_owned()
        };
        format!(
            "the journal is an older copy of itself: {known}; restore the newest copy, or look at the venue \
             and lift the halt in two steps: plimsoll resume"
        )
    });
    Ok(Session { session, rolled_back, kept: Kept { directory, path, session } })
}

/// What stands behind the number of a journal that went back and has not halted for it yet.
const BEHIND: &str = " behind";

/// The newest number, zero where there is none yet, and whether the journal is known to be behind it.
fn read(path: &Path) -> Result<(u64, bool), StoreError> {
    let unusable = |problem: String| StoreError::Unusable { place: path.into(), problem };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let text = text.trim();
            let number = text.strip_suffix(BEHIND);
            let parsed = number.unwrap_or(text).parse().map_err(|_| {
                let problem =
                    "is to be the number of a session, and is not; write it there, or remove it";
                unusable(problem.to_owned())
            });
            Ok((parsed?, number.is_some()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((0, false)),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// Durable when it returns; whoever reads meanwhile sees the old number or the new one.
fn keep(directory: &Path, path: &Path, session: u64, is_behind: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let written: PathBuf = path.with_extension("new");
    let mut file = File::create(&written)?;
    writeln!(file, "{session}{}", if is_behind { BEHIND } else { "" })?;
    file.sync_all()?;
    std::fs::rename(&written, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use journal::Memory;

    use super::*;

    #[test]
    fn a_journal_that_went_back_is_seen_and_gives_out_no_number_twice() {
        let directory = tempfile::tempdir().unwrap();
        let tag = StoreTag::new(7);
        let mut storage = Memory::default();
        let mut yesterday = Memory::default();
        for number in 1..=5 {
            let taken = take(&mut storage, tag, directory.path(), false).unwrap();
            assert_eq!((taken.session, taken.rolled_back), (number, None));
            if number == 2 {
                yesterday = storage.clone();
            }
        }
        let taken = take(&mut yesterday, tag, directory.path(), false).unwrap();
        assert_eq!(taken.session, 6);
        let why = taken.rolled_back.unwrap();
        assert!(why.contains("knows 2 sessions") && why.contains("there were 5"), "{why}");
        // That start failed before its halt was written down.
        let taken = take(&mut yesterday, tag, directory.path(), false).unwrap();
        assert_eq!(taken.session, 7);
        assert!(taken.rolled_back.unwrap().contains("older copy"));
        let taken = take(&mut yesterday, tag, directory.path(), true).unwrap();
        assert_eq!((taken.session, taken.rolled_back), (8, None), "the halt is latched");
        let taken = take(&mut yesterday, tag, directory.path(), false).unwrap();
        assert_eq!((taken.session, taken.rolled_back), (9, None), "and that is known");
        // Halted and lifted by a person in one life: the next one trades on.
        let taken = take(&mut yesterday.clone(), tag, directory.path(), false).unwrap();
        assert_eq!((taken.session, taken.rolled_back), (10, None));
        let taken = take(&mut yesterday, tag, directory.path(), false).unwrap();
        assert!(taken.rolled_back.is_some(), "it went back by one");
        taken.kept.is_accepted().unwrap();
        let taken = take(&mut yesterday, tag, directory.path(), false).unwrap();
        assert_eq!((taken.session, taken.rolled_back), (12, None));
        let other =
            take(&mut Memory::default(), StoreTag::new(8), directory.path(), false).unwrap();
        assert_eq!((other.session, other.rolled_back), (1, None), "another journal");
    }

    #[test]
    fn what_is_no_number_of_ours_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let tag = StoreTag::new(7);
        take(&mut Memory::default(), tag, directory.path(), false).unwrap();
        let path = directory.path().join("sessions/00007");
        for text in ["", "x", "-1", "behind", " behind", "9999999999"] {
            std::fs::write(&path, text).unwrap();
            let error =
                take(&mut Memory::default(), tag, directory.path(), false).unwrap_err().to_string();
            assert!(error.contains("00007") && error.contains("remove"), "{text}: {error}");
        }
    }
}

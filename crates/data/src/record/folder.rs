//! The folder of a recording: one recorder at a time, names that say what is in a file, and what a recorder
//! left unfinished that was killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use model::{InstrumentId, Timestamp};

use super::error::RecordError;
use super::finish::{HIDDEN, Unfinished};
use crate::batch::Kind;

/// How names of unfinished files end.
const UNFINISHED: &str = "unfinished";
/// How names of finished ones end.
const FINISHED: &str = "parquet";
/// Who records holds this file.
const LOCK: &str = ".plimsoll-record.lock";
/// Files of one kind and instrument that begin in the same second, at most.
const SAME_SECOND_MAX: u32 = 1_000;

/// A folder that this process records to.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Held until the recording ends; the system lets go of it when the process is killed.
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, and keeps others out.
    pub(crate) fn open(path: &Path) -> Result<Folder, RecordError> {
        let failed = |error| RecordError::Folder { folder: path.to_owned(), error };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = path.join(LOCK);
        let mut options = OpenOptions::new();
        let mut lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(lock)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who it is only helps to find it.
                let _ = lock.read_to_string(&mut text);
                let process = text.trim().parse().ok();
                return Err(RecordError::InUse { folder: path.to_owned(), process });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        lock.set_len(0).map_err(failed)?;
        writeln!(lock, "{}", std::process::id()).map_err(failed)?;
        Ok(Folder { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes away what a recorder left that was killed while it finished a file, and names what is unfinished.
    pub(crate) fn left(&self) -> Result<Vec<Unfinished>, RecordError> {
        let failed = |error| RecordError::Folder { folder: self.path.clone(), error };
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(HIDDEN) {
                fs::remove_file(&path).map_err(failed)?;
            } else if !path.is_file() {
                // Nothing of a recorder's.
            } else if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                // A recorder that was killed as it made the file had nothing to write into it yet.
                if fs::metadata(&path).map_err(failed)?.len() == 0 {
                    fs::remove_file(&path).map_err(failed)?;
                } else {
                    left.push(path);
                }
            }
        }
        // In order of their names, which is that of their times for each instrument and kind.
        left.sort();
        let unfinished = |path: PathBuf| Unfinished { target: path.with_extension(FINISHED), path };
        Ok(left.into_iter().map(unfinished).collect())
    }

    /// A name for an unfinished file that neither it nor the finished one has yet.
    pub(crate) fn free(
        &self,
        venue: &str,
        instrument: InstrumentId,
        kind: Kind,
        begins: Timestamp,
    ) -> io::Result<Unfinished> {
        let name =
            format!("{}-{}-{kind}-{}", plain(venue), plain(&instrument.to_string()), stamp(begins));
        for number in 1..=SAME_SECOND_MAX {
            let name = if number == 1 { name.clone() } else { format!("{name}_{number:03}") };
            let path = self.path.join(format!("{name}.{UNFINISHED}"));
            let target = self.path.join(format!("{name}.{FINISHED}"));
            if !path.try_exists()? && !target.try_exists()? {
                return Ok(Unfinished { path, target });
            }
        }
        Err(io::Error::other("a thousand files of this name are there already"))
    }
}

/// The name of a recorder's file without its end, and when it begins to the second; `None` where it is none of this.
pub(crate) fn named(
    path: &Path,
    venue: &str,
    instrument: InstrumentId,
    kind: Kind,
) -> Option<(String, Timestamp)> {
    let extension = path.extension()?.to_str()?;
    if extension != FINISHED && extension != UNFINISHED {
        return None;
    }
    let name = path.file_stem()?.to_str()?;
    let stem = format!("{}-{}-{kind}-", plain(venue), plain(&instrument.to_string()));
    let stamp = name.strip_prefix(&stem)?;
    let (stamp, _) = stamp.split_once('_').unwrap_or((stamp, ""));
    let (date, time) = stamp.split_once('T')?;
    if date.len() != 8 || time.len() != 7 || !stamp.is_ascii() {
        return None;
    }
    let text = format!(
        "{}-{}-{}T{}:{}:{}",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    );
    Some((name.to_owned(), Timestamp::parse_rfc3339(text.as_bytes())?))
}

/// Has it been made into a file of ours?
pub(crate) fn is_finished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == FINISHED)
}

/// What every system takes as a part of a name.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

/// `20240131T235959Z`: names in order are times in order.
fn stamp(time: Timestamp) -> String {
    let second = Timestamp::from_nanos(time.nanos() - time.nanos().rem_euclid(1_000_000_000));
    second.to_string().replace(['-', ':'], "")
}

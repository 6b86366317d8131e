//! One writer for each journal: a lock file beside it.
//!
//! The system lets go of the lock when its process dies, however it dies, so there is nothing to
//! clean up after a crash and no process id to trust: the one in the file is for the message only.
//! Should somebody delete the lock file, the numbers of the entries still keep two writers apart:
//! the slower one fails at its next write.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::resolve;
use crate::storage::StoreError;

/// Longest process id that is read from a lock file, in bytes.
const HOLDER_MAX: u64 = 32;

/// Somebody may look whether the lock is held at the very moment at which it is taken: tries again
/// so often, after this pause.
const LOOKERS: (u32, Duration) = (10, Duration::from_millis(20));

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// The process that holds the journal at `path`, by its id as far as that is known; `None` when
/// nobody does.
pub fn holder(path: &Path) -> Option<String> {
    let path = resolve(path).ok()?;
    let lock = File::open(beside(&path)).ok()?;
    match lock.try_lock_shared() {
        Ok(()) => None,
        Err(TryLockError::WouldBlock) => Some(written_in(lock)),
        // A system that cannot lock cannot have let anybody take it either.
        Err(TryLockError::Error(_)) => None,
    }
}

/// Takes the lock of the journal at `path`; dropping the file gives it back.
pub(super) fn take(path: &Path) -> Result<File, StoreError> {
    let lock_path = beside(path);
    let problem = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::NotWritable { place: (&lock_path).into(), problem: error.to_string() }
        }
        std::io::ErrorKind::StorageFull => StoreError::DiskFull { place: (&lock_path).into() },
        _ => StoreError::unusable(&lock_path, error),
    };
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(problem)?;
    let mut taken = lock.try_lock();
    for _ in 0..LOOKERS.0 {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(LOOKERS.1);
        taken = lock.try_lock();
    }
    match taken {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::InUse { place: path.into(), holder: written_in(lock) });
        }
        Err(TryLockError::Error(error)) => return Err(problem(error)),
    }
    let id = std::process::id().to_string();
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| lock.write_all(id.as_bytes()))
        .map_err(problem)?;
    Ok(lock)
}

/// Without the holder's id the message is poorer, not wrong.
fn written_in(lock: File) -> String {
    let mut holder = String::new();
    match lock.take(HOLDER_MAX).read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => holder.trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

//! One process a sink: two would send the same rows at the same time.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The right to be this sink; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Locked {
    /// Another process is this sink.
    #[error(
        "sink {name:?} is run by the process with id {holder} already: the gateway runs its sinks by itself; \
         stop that one, or let it be"
    )]
    Held {
        /// Which sink.
        name: String,
        /// The process.
        holder: String,
    },
    /// The state directory cannot be written.
    #[error("{}: {error}; make the state directory writable", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl Lock {
    /// Makes the directory where it is missing, and takes the lock.
    pub fn take(directory: &Path, name: &str) -> Result<Lock, Locked> {
        let path = directory.join(format!("{name}.lock"));
        let unusable = |error| Locked::Unusable { path: path.clone(), error };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(unusable)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                let id = std::process::id().to_string();
                file.set_len(0).and_then(|()| file.write_all(id.as_bytes())).map_err(unusable)?;
                Ok(Lock { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let holder = std::fs::read_to_string(&path).unwrap_or_default();
                Err(Locked::Held { name: name.to_owned(), holder })
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

//! Why a recording cannot begin or go on: what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// Why a recording cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The folder cannot be used.
    #[error("{}: cannot be recorded to: {error}; {}", folder.display(), advice(error))]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Somebody else records to it.
    #[error(
        "{}: {} records to this folder; stop that, or name another folder",
        folder.display(),
        process.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
    )]
    InUse {
        /// Which folder.
        folder: PathBuf,
        /// Who, where it says so.
        process: Option<u32>,
    },
    /// A file cannot be written.
    #[error(
        "{}: cannot be written: {error}; {}. What was written before is kept, and is finished when a \
         recording to this folder begins again",
        file.display(), advice(error)
    )]
    Write {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What was recorded is there, but not in the form that it is to have.
    #[error("{}: cannot be finished: {error}; {}", file.display(), what_now(error))]
    Finish {
        /// The unfinished file.
        file: PathBuf,
        /// Why not.
        error: DataError,
    },
}

impl RecordError {
    pub(crate) fn write(file: &Path, error: io::Error) -> RecordError {
        RecordError::Write { file: file.to_owned(), error }
    }
}

fn what_now(error: &DataError) -> String {
    match error {
        DataError::Io { error, .. } => format!(
            "{}. It is kept, and is finished when a recording to this folder begins again",
            advice(error)
        ),
        _ => "it is kept as it is: take it elsewhere, or away if it is of no use".to_owned(),
    }
}

/// What helps against it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on this disk, or name a folder on another one"
        }
        io::ErrorKind::PermissionDenied => "let this user write there, or name another folder",
        io::ErrorKind::ReadOnlyFilesystem => "name a folder on a disk that can be written to",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "something that is no folder has this name: name another one"
        }
        io::ErrorKind::FileTooLarge => {
            "files may not become so large here: let --rotate-mib be smaller"
        }
        _ => "look after the disk, or name another folder",
    }
}

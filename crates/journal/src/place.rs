//! Where a journal is, as messages say it.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file, or an address without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// This file.
    File(PathBuf),
    /// A server, by its address; whoever makes one leaves the password out.
    Server(String),
}

impl Place {
    /// What makes it writable.
    pub(crate) const fn how_to_write(&self) -> &'static str {
        match self {
            Place::File(_) => "make the file and its directory writable",
            Place::Server(_) => {
                "give its user the right to write there, on the server that takes writes"
            }
        }
    }

    /// What leaves a damaged one as it is.
    pub(crate) const fn how_to_leave(&self) -> &'static str {
        match self {
            Place::File(_) => "move the file away",
            Place::Server(_) => "name another schema or prefix in `store`",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => path.display().fmt(f),
            Place::Server(address) => f.write_str(address),
        }
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Place {
        Place::File(path.to_owned())
    }
}

impl From<&PathBuf> for Place {
    fn from(path: &PathBuf) -> Place {
        Place::File(path.clone())
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Place {
        place.clone()
    }
}

//! Where a journal is kept, as a configuration says it, and how it is opened.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::patience::{OnWait, Wait};
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::sqlite::Sqlite;
use crate::storage::{Storage, StoreError};
use crate::url::{Server, Url};

/// Which store. Prints without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Url),
    /// A Redis server.
    Redis(Url),
}

impl Address {
    /// Reads `sqlite:FILE`, `postgres://…` or `redis://…`; a file is below `here`. The message
    /// says what is wrong and repeats nothing that may be a password.
    pub fn parse(text: &str, here: &Path) -> Result<Address, String> {
        let forms =
            "write sqlite:FILE, postgres://USER@HOST:PORT/DATABASE or redis://HOST:PORT/NUMBER";
        if let Some(url) = Url::parse(text) {
            let url = url?;
            return Ok(match url.server {
                Server::Postgres => Address::Postgres(url),
                Server::Redis => Address::Redis(url),
            });
        }
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Address::Sqlite(here.join(path))),
            _ => Err(format!("this is not a store; {forms}")),
        }
    }

    /// Opens or makes the journal and takes it for this process; `tell` hears of every wait, on the
    /// thread that waits. Not for async code.
    pub fn open(&self, mut tell: OnWait) -> Result<Box<dyn Storage>, StoreError> {
        Ok(match self {
            Address::Sqlite(path) => {
                let mut store = Sqlite::open(path)?;
                store.on_wait(move |waited| tell(&Wait::Busy, waited));
                Box::new(store)
            }
            Address::Postgres(url) => Box::new(Postgres::open(url, tell)?),
            Address::Redis(url) => Box::new(Redis::open(url, tell)?),
        })
    }

    /// Does it hold a password?
    pub fn has_password(&self) -> bool {
        match self {
            Address::Sqlite(_) => false,
            Address::Postgres(url) | Address::Redis(url) => url.has_password(),
        }
    }

    /// The same with this password; a file has none.
    pub fn with_password(self, password: &str) -> Address {
        match self {
            Address::Sqlite(path) => Address::Sqlite(path),
            Address::Postgres(url) => Address::Postgres(url.with_password(password)),
            Address::Redis(url) => Address::Redis(url.with_password(password)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Sqlite(path) => path.display().fmt(f),
            Address::Postgres(url) | Address::Redis(url) => url.fmt(f),
        }
    }
}

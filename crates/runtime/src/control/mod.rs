//! The control channel: how a person asks a running gateway for something.
//!
//! A Unix socket in the state directory, beside the budgets, that only its owner may open; one line of JSON
//! for a question and one for its answer (`docs/control.md`). What can be asked is one enum. It carries no
//! order, and no key or secret.
//!
//! The socket's name is made from the journal's path, so a command that has the same configuration finds
//! it, and gateways that share a state directory have one each. Who holds the journal's lock owns the name:
//! a socket that is there already is a dead gateway's.

mod client;
mod protocol;
mod server;

use std::path::{Path, PathBuf};

use journal::Address;

pub use client::{ControlError, ask};
pub use protocol::{Answer, Ask, BookShown, Compared, Trading};
pub(crate) use server::{Asked, Listening, listen};

/// Questions that wait for the gateway's loop.
pub(crate) const ASKED_MAX: usize = 8;
/// Longest question, bytes.
const ASK_MAX: u64 = 4 << 10;
/// Longest answer, bytes.
const ANSWER_MAX: u64 = 1 << 20;

/// Where the gateway that runs on this journal listens. A journal in a file has to be there.
pub fn socket(directory: &Path, journal: &Address) -> std::io::Result<PathBuf> {
    let journal = match journal {
        Address::Sqlite(path) => std::fs::canonicalize(path)?.to_string_lossy().into_owned(),
        server => server.to_string(),
    };
    let key = ::budget::key(&journal);
    // Short: a socket's path has room for about a hundred bytes.
    Ok(directory.join(format!("{key:016x}.sock")))
}

#[cfg(test)]
mod tests;

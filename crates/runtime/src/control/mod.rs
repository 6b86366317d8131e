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

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use journal::Address;

pub use client::{ControlError, ask};
pub use protocol::{
    Answer, Ask, BookShown, BreakersShown, Compared, Enabled, LimitsShown, OrderShown, ResumeShown,
    Trading,
};
pub(crate) use server::{Asked, Beside, Listening, listen};

/// Questions that wait for the gateway's loop.
pub(crate) const ASKED_MAX: usize = 8;
/// Longest question, bytes.
const ASK_MAX: u64 = 4 << 10;
/// Longest answer, bytes.
const ANSWER_MAX: u64 = 1 << 20;

/// Where the gateway that runs on this journal listens. A journal in a file has to be there.
pub fn socket(directory: &Path, journal: &Address) -> std::io::Result<PathBuf> {
    // Short: a socket's path has room for about a hundred bytes.
    Ok(directory.join(format!("{:016x}.sock", key(journal, |path| std::fs::canonicalize(path))?)))
}

/// The file that halts the gateway that runs on this journal, or the next one that starts on it: a journal in
/// a file need not be there yet, but its directory has to.
pub fn halt_file(directory: &Path, journal: &Address) -> std::io::Result<PathBuf> {
    let whole = |path: &Path| match (std::fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(whole), _, _) => Ok(whole),
        (Err(_), Some(parent), Some(name)) => Ok(std::fs::canonicalize(parent)?.join(name)),
        (Err(error), _, _) => Err(error),
    };
    Ok(directory.join(format!("{:016x}.halt", key(journal, whole)?)))
}

/// Where the sinks of this journal keep how far they are.
pub fn sinks_directory(directory: &Path, journal: &Address) -> std::io::Result<PathBuf> {
    Ok(halt_file(directory, journal)?.with_extension("sinks"))
}

/// Makes the halt file, with a text that is the cause. Durable when it returns; whoever reads meanwhile sees
/// the one that was there before, or this one.
pub fn write_halt_file(path: &Path, text: &str) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let written = path.with_extension("halting");
    let mut file = std::fs::File::create(&written)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&written, path)?;
    std::fs::File::open(parent)?.sync_all()
}

/// What names a journal's files in the state directory.
fn key(
    journal: &Address,
    whole: impl FnOnce(&Path) -> std::io::Result<PathBuf>,
) -> std::io::Result<u64> {
    let journal = match journal {
        Address::Sqlite(path) => whole(path)?.to_string_lossy().into_owned(),
        server => server.to_string(),
    };
    Ok(::budget::key(&journal))
}

#[cfg(test)]
mod tests;

//! The gateway's records of a backtest, kept: one JSON object a line, or a store that can be asked as a gateway's
//! can (`plimsoll why`, `query`, `report`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::backtest::Journal;
use anyhow::{Context as _, anyhow};
use journal::{Sqlite, Storage as _};
use model::Entry;

use super::file::beside;
use crate::failure::Failure;

/// Records that one transaction writes.
const BATCH: usize = 2_000;

/// A journal that is being written; it is there when it is whole.
pub(super) struct JournalFile {
    path: PathBuf,
    inner: Arc<Mutex<Writing>>,
}

struct Writing {
    into: Target,
    failed: Option<anyhow::Error>,
}

enum Target {
    Lines(BufWriter<tempfile::NamedTempFile<File>>),
    Store { part: PathBuf, store: Sqlite, batch: Vec<Entry> },
}

impl JournalFile {
    /// Begins. A name that ends in `.db` is a store, anything else gets lines.
    pub(super) fn create(path: &Path) -> Result<JournalFile, Failure> {
        let problem = || format!("the journal {} cannot be made", path.display());
        let into = if path.extension().is_some_and(|extension| extension == "db") {
            // It may be a gateway's: a journal is never written over.
            if path.exists() {
                let there = anyhow!("it is there already; name another file, or remove it");
                return Err(Failure::usage(there.context(problem())));
            }
            let part = with(path, ".part");
            remove(&part).with_context(problem)?;
            let store = Sqlite::open(&part).with_context(problem)?;
            Target::Store { part, store, batch: Vec::with_capacity(BATCH) }
        } else {
            Target::Lines(BufWriter::new(beside(path).with_context(problem)?))
        };
        let inner = Writing { into, failed: None };
        Ok(JournalFile { path: path.to_owned(), inner: Arc::new(Mutex::new(inner)) })
    }

    pub(super) fn writer(&self) -> Journal {
        let inner = self.inner.clone();
        Box::new(move |entry| {
            let mut inner = inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if inner.failed.is_none() {
                inner.failed = inner.into.take(entry).err();
            }
        })
    }

    /// Writes what is left and gives it its name.
    pub(super) fn done(self) -> Result<(), Failure> {
        let shown = self.path.display().to_string();
        let inner = Arc::into_inner(self.inner).and_then(|inner| inner.into_inner().ok());
        let Writing { into, failed } =
            inner.ok_or_else(|| anyhow!("{shown}: still being written"))?;
        let problem = || format!("the journal {shown} was not written");
        if let Some(error) = failed {
            return Err(error.context(problem()).into());
        }
        Ok(into.finish(&self.path).with_context(problem)?)
    }
}

impl Target {
    fn take(&mut self, entry: &Entry) -> anyhow::Result<()> {
        match self {
            Target::Lines(out) => {
                serde_json::to_writer(&mut *out, entry)?;
                Ok(out.write_all(b"\n")?)
            }
            Target::Store { store, batch, .. } => {
                batch.push(entry.clone());
                if batch.len() >= BATCH {
                    store.append(batch)?;
                    batch.clear();
                }
                Ok(())
            }
        }
    }

    fn finish(self, path: &Path) -> anyhow::Result<()> {
        match self {
            Target::Lines(out) => {
                let file = out.into_inner().map_err(|error| error.into_error())?;
                file.persist(path).map_err(|error| error.error)?;
            }
            Target::Store { part, mut store, batch } => {
                store.append(&batch)?;
                // Closing it brings all that it wrote into the one file.
                drop(store);
                std::fs::rename(&part, path)?;
                remove(&part)?;
            }
        }
        Ok(())
    }
}

/// The store itself and what lies beside it.
fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        match std::fs::remove_file(with(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

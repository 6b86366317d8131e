//! Files that are read once and used by all runs of a sweep.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use data::{Batch, DataError, Kind, Meta, Options, Remarks, Source};

/// A file in memory.
#[derive(Clone)]
pub(super) struct Loaded {
    meta: Meta,
    path: PathBuf,
    batches: Arc<Vec<Batch>>,
}

impl Loaded {
    /// Reads all of a file. `read` is called with the bytes and the rows read so far.
    pub(super) fn read(
        path: &Path,
        options: &Options,
        mut read: impl FnMut(u64, u64),
    ) -> Result<Loaded, DataError> {
        let mut source = data::open(path, options)?;
        let kind = source.meta().kind;
        let (mut batches, mut rows) = (Vec::new(), 0);
        loop {
            let mut batch = Batch::new(kind);
            if !source.next_batch(&mut batch)? {
                break;
            }
            rows += batch.len() as u64;
            read(source.bytes_read(), rows);
            batches.push(batch);
        }
        let meta = source.meta().clone();
        Ok(Loaded { meta, path: path.to_owned(), batches: Arc::new(batches) })
    }

    /// Time of the first and of the last row, nanoseconds.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let first = self.batches.first()?.time.first()?;
        let last = self.batches.last()?.time.last()?;
        Some((*first, *last))
    }

    /// Is it a book, of which each row says what changes?
    pub(super) fn is_book(&self) -> bool {
        self.meta.kind == Kind::Book
    }

    /// Has it rows between these times?
    pub(super) fn has_rows(&self, (from, to): (i64, i64)) -> bool {
        self.batches.iter().any(|batch| {
            let begin = batch.time.partition_point(|time| *time < from);
            batch.time.get(begin).is_some_and(|time| *time < to)
        })
    }

    /// The rows from one time, included, to another one, excluded.
    pub(super) fn source(&self, (from, to): (i64, i64)) -> Box<dyn Source> {
        let next =
            self.batches.partition_point(|batch| batch.time.last().is_none_or(|last| *last < from));
        Box::new(Shared { loaded: self.clone(), next, from, to, remarks: Remarks::default() })
    }
}

struct Shared {
    loaded: Loaded,
    next: usize,
    from: i64,
    to: i64,
    remarks: Remarks,
}

impl Source for Shared {
    fn meta(&self) -> &Meta {
        &self.loaded.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        batch.clear();
        let Some(all) = self.loaded.batches.get(self.next) else { return Ok(false) };
        self.next += 1;
        let begin = all.time.partition_point(|time| *time < self.from);
        let end = all.time.partition_point(|time| *time < self.to);
        batch.append(all, begin..end.max(begin));
        Ok(!batch.is_empty())
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        &self.loaded.path
    }

    fn bytes_read(&self) -> u64 {
        0
    }
}

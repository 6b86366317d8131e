//! A file that is being written.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use model::Timestamp;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::columns::{self, Group};
use crate::row::Row;

/// Rows that are gathered before they are written, because a column is written as a whole.
const GROUP_ROWS: usize = 50_000;
/// Bytes that are written to the file at once.
const BUFFER: usize = 1 << 20;

/// One file, not yet named.
pub(super) struct Open {
    writer: SerializedFileWriter<BufWriter<File>>,
    group: Group,
    at: Timestamp,
    first: u64,
    last: u64,
    rows: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("first", &self.first).field("rows", &self.rows).finish()
    }
}

impl Open {
    /// Begins with this row, which is still to be added.
    pub(super) fn create(path: PathBuf, first: &Row) -> io::Result<Open> {
        let file = BufWriter::with_capacity(BUFFER, File::create(path)?);
        let schema = columns::schema().map_err(told)?;
        let properties = Arc::new(columns::properties().map_err(told)?);
        let writer = SerializedFileWriter::new(file, schema, properties).map_err(told)?;
        let (at, first) = (first.at, first.seq);
        Ok(Open { writer, group: Group::new(), at, first, last: first, rows: 0 })
    }

    pub(super) fn add(&mut self, rows: &[Row]) -> io::Result<()> {
        for row in rows {
            self.group.add(row);
            self.last = row.missed().map_or(row.seq, |missed| missed.last);
            if self.group.rows() == GROUP_ROWS {
                self.group.write(&mut self.writer).map_err(told)?;
            }
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Time of its first row.
    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Writes what is left; durable when it returns the numbers of the first and the last record in it.
    pub(super) fn close(mut self) -> io::Result<(u64, u64)> {
        if self.group.rows() > 0 {
            self.group.write(&mut self.writer).map_err(told)?;
        }
        self.writer.finish().map_err(told)?;
        let file = self.writer.inner_mut();
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok((self.first, self.last))
    }
}

/// What the library calls an error of the disk is one.
fn told(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        error => io::Error::other(error),
    }
}

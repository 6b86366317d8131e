//! Parquet files: one file an hour of records at most, closed after so many rows or so long a time.
//!
//! The directory is its own book: a file is written under a hidden name, flushed, and then named for what is in
//! it, `date=2026-12-01/TAG-FIRST-LAST.parquet`, so that a file that is there is whole and says how far the sink
//! is. What was not closed is written again from its first record; so nothing is lost and nothing is there
//! twice, whenever the process dies. Files may be moved away: then the cursor says how far it is, as long as
//! the marker of the journal is in the directory.

mod columns;
mod file;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::{StoreTag, Timestamp};

use self::file::Open;
use crate::row::Row;
use crate::target::{Bounds, Target, TargetError};

/// Rows that are handed over at once.
const ROWS_MAX: u64 = 20_000;
/// Bytes of records that are handed over at once.
const BYTES_MAX: usize = 32 << 20;
const HOUR_NANOS: i64 = 3_600_000_000_000;
const DAY_HOURS: i64 = 24;

/// Files in a directory.
#[derive(Debug)]
pub(crate) struct Parquet {
    dir: PathBuf,
    file_rows: u64,
    file_time: Duration,
    tag: String,
    open: Option<(Open, Instant)>,
}

impl Parquet {
    pub(crate) fn new(dir: &Path, file_rows: u64, file_time: Duration) -> Parquet {
        Parquet { dir: dir.to_owned(), file_rows, file_time, tag: String::new(), open: None }
    }

    fn failed(&self, error: impl std::fmt::Display) -> TargetError {
        TargetError(format!("{}: {error}", self.dir.display()))
    }

    fn io(&self, error: std::io::Error) -> TargetError {
        let is_full = matches!(
            error.kind(),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
        );
        self.failed(match is_full {
            true => "the disk is full; free some space on it".to_owned(),
            false => error.to_string(),
        })
    }

    /// The hidden file that is being written.
    fn hidden(&self) -> PathBuf {
        self.dir.join(format!(".{}.part", self.tag))
    }

    fn marker(&self) -> PathBuf {
        self.dir.join(format!(".{}.journal", self.tag))
    }

    /// Number of the last record that is in a closed file.
    fn last(&self) -> std::io::Result<u64> {
        let mut last = 0;
        for day in std::fs::read_dir(&self.dir)? {
            let day = day?;
            if !day.file_name().to_string_lossy().starts_with("date=") {
                continue;
            }
            for file in std::fs::read_dir(day.path())? {
                let name = file?.file_name();
                let range = name.to_str().and_then(|name| range(name, &self.tag));
                last = last.max(range.map_or(0, |(_, last)| last));
            }
        }
        Ok(last)
    }
}

impl Target for Parquet {
    fn place(&self) -> String {
        self.dir.display().to_string()
    }

    fn bounds(&self) -> Bounds {
        Bounds { rows: ROWS_MAX, bytes: BYTES_MAX }
    }

    fn span(&self, at: Timestamp) -> i64 {
        at.nanos().div_euclid(HOUR_NANOS)
    }

    fn open(&mut self, tag: StoreTag, had: u64) -> Result<u64, TargetError> {
        self.open = None;
        self.tag = tag.to_string();
        std::fs::create_dir_all(&self.dir).map_err(|error| self.io(error))?;
        match std::fs::remove_file(self.hidden()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(self.io(error));
            }
            _ => {}
        }
        let last = self.last().map_err(|error| self.io(error))?;
        let is_known = self.marker().exists();
        if !is_known {
            File::create(self.marker())
                .and_then(|file| file.sync_all())
                .and_then(|()| File::open(&self.dir)?.sync_all())
                .map_err(|error| self.io(error))?;
        }
        Ok(if is_known { last.max(had) } else { last })
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), TargetError> {
        let Some(first) = rows.first() else { return Ok(()) };
        if self.open.is_none() {
            let open = Open::create(self.hidden(), first).map_err(|error| self.io(error))?;
            self.open = Some((open, Instant::now()));
        }
        if let Some((open, _)) = &mut self.open
            && let Err(error) = open.add(rows)
        {
            // What is left of it takes the room that may be missing.
            self.open = None;
            drop(std::fs::remove_file(self.hidden()));
            return Err(self.io(error));
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn is_due(&self) -> bool {
        self.open.as_ref().is_some_and(|(open, since)| {
            open.rows() >= self.file_rows || since.elapsed() >= self.file_time
        })
    }

    fn finish(&mut self) -> Result<(), TargetError> {
        let Some((open, _)) = self.open.take() else { return Ok(()) };
        let (year, month, day) = crate::date::civil(self.span(open.at()).div_euclid(DAY_HOURS));
        let folder = self.dir.join(format!("date={year:04}-{month:02}-{day:02}"));
        let closed = open.close().and_then(|(first, last)| {
            std::fs::create_dir_all(&folder)?;
            let name = format!("{}-{first:012}-{last:012}.parquet", self.tag);
            std::fs::rename(self.hidden(), folder.join(name))?;
            // The name is kept when both directories are.
            File::open(&folder)?.sync_all()?;
            File::open(&self.dir)?.sync_all()
        });
        closed.map_err(|error| {
            drop(std::fs::remove_file(self.hidden()));
            self.io(error)
        })
    }
}

/// First and last number of a file, by its name.
fn range(name: &str, tag: &str) -> Option<(u64, u64)> {
    let numbers = name.strip_suffix(".parquet")?.strip_prefix(tag)?.strip_prefix('-')?;
    let (first, last) = numbers.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests;

//! Files of one instrument and kind, one after the other, as one source on one grid.

use std::path::{Path, PathBuf};

use model::market::Grid;

use crate::batch::{Batch, Kind};
use crate::error::{ApartProblem, DataError, Place, RowProblem};
use crate::options::Options;
use crate::raw;
use crate::source::{Meta, Remarks, Source};

/// The files in the order in which they are read, and what holds for all of them.
pub(crate) struct Plan {
    files: Vec<PathBuf>,
    options: Options,
    pub(crate) meta: Meta,
    /// Bytes on the disk, all together.
    pub(crate) size: u64,
}

impl Plan {
    /// Looks at each file. They are put in order by their first row, so that a pattern of the shell will do.
    pub(crate) fn new(files: &[PathBuf], options: &Options) -> Result<Plan, DataError> {
        let mut seen: Vec<(i64, PathBuf)> = Vec::new();
        let mut all: Option<Meta> = None;
        let mut size = 0;
        for file in files {
            let mut source = raw::open(file, options, true)?;
            let meta = source.meta().clone();
            size += std::fs::metadata(file)
                .map_err(|error| DataError::Io { file: file.clone(), error })?
                .len();
            let mut first = 0;
            if files.len() > 1 {
                let mut batch = Batch::new(meta.kind);
                // A row that needs more digits is no reason not to know when the file begins.
                match source.next_batch(&mut batch) {
                    Ok(_) | Err(DataError::Digits { .. }) => {}
                    Err(error) => return Err(error),
                }
                first = batch.time.first().copied().unwrap_or(i64::MAX);
            }
            seen.push((first, file.clone()));
            all = Some(match all {
                None => meta,
                Some(before) => joined(before, meta, file)?,
            });
        }
        seen.sort_by_key(|(first, _)| *first);
        let files: Vec<PathBuf> = seen.into_iter().map(|(_, file)| file).collect();
        let Some(mut meta) = all else {
            return Err(DataError::Empty { file: PathBuf::new() });
        };
        meta.rows = None;
        meta.span = None;
        Ok(Plan { files, options: options.clone(), meta, size })
    }

    /// On a finer grid.
    pub(crate) fn refine(&mut self, grid: Grid) {
        self.meta.grid = self.meta.grid.joined(grid);
    }

    /// The rows of all files, from the first.
    pub(crate) fn open(&self) -> Chain {
        let grid = self.meta.grid;
        let options = Options {
            price_decimals: Some(grid.price_decimals),
            qty_decimals: Some(grid.qty_decimals),
            interval: (self.meta.kind == Kind::Bars).then_some(self.meta.interval),
            ..self.options.clone()
        };
        Chain {
            files: self.files.clone(),
            next: 0,
            source: None,
            options,
            meta: self.meta.clone(),
            done: Remarks::default(),
            now: Remarks::default(),
            taken: 0,
        }
    }
}

fn joined(mut before: Meta, meta: Meta, file: &Path) -> Result<Meta, DataError> {
    let apart = |problem| Err(DataError::Apart { file: file.to_owned(), problem });
    if meta.kind != before.kind {
        return apart(ApartProblem::Kind { is: meta.kind, before: before.kind });
    }
    if let (Some(is), Some(others)) = (meta.instrument, before.instrument)
        && is != others
    {
        let (is, before) = (is.to_string(), others.to_string());
        return apart(ApartProblem::Instrument { is, before });
    }
    if meta.interval != before.interval {
        let (is, before) = (meta.interval.as_secs(), before.interval.as_secs());
        return apart(ApartProblem::Interval { is, before });
    }
    before.instrument = before.instrument.or(meta.instrument);
    before.grid = before.grid.joined(meta.grid);
    before.has_received &= meta.has_received;
    before.consecutive_ids &= meta.consecutive_ids;
    Ok(before)
}

/// See [`Plan::open`].
pub(crate) struct Chain {
    files: Vec<PathBuf>,
    next: usize,
    source: Option<Box<dyn Source>>,
    options: Options,
    meta: Meta,
    /// Of the files that have been read, and of all including this one.
    done: Remarks,
    now: Remarks,
    /// Bytes of the files that have been read.
    taken: u64,
}

impl Chain {
    fn open_next(&mut self) -> Result<bool, DataError> {
        let Some(file) = self.files.get(self.next) else { return Ok(false) };
        self.source = Some(raw::open(file, &self.options, true)?);
        self.next += 1;
        Ok(true)
    }

    /// Brings rows of a file that has a grid of its own to the grid of all.
    fn rescale(&self, batch: &mut Batch, from: Grid) -> Result<(), DataError> {
        let to = self.meta.grid;
        for (decimals, column) in [
            (to.price_decimals - from.price_decimals, true),
            (to.qty_decimals - from.qty_decimals, false),
        ] {
            let factor = 10i64.pow(u32::from(decimals));
            if factor > 1 && !batch.multiply(column, factor) {
                let place = Place { file: self.path().to_owned(), line: 0 };
                let problem = RowProblem::Large {
                    column: if column { "price" } else { "qty" },
                    text: "of one of its rows".to_owned(),
                    decimals: if column { to.price_decimals } else { to.qty_decimals },
                };
                return Err(DataError::Row { place, problem });
            }
        }
        Ok(())
    }
}

impl Source for Chain {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        loop {
            let Some(source) = &mut self.source else {
                if !self.open_next()? {
                    batch.clear();
                    return Ok(false);
                }
                continue;
            };
            let more = source.next_batch(batch)?;
            self.now = self.done.clone();
            self.now.join(source.remarks());
            if more {
                let grid = source.meta().grid;
                if !self.meta.has_received {
                    batch.received.clear();
                }
                self.rescale(batch, grid)?;
                return Ok(true);
            }
            self.done = self.now.clone();
            self.taken += source.bytes_read();
            self.source = None;
        }
    }

    fn remarks(&self) -> &Remarks {
        &self.now
    }

    fn path(&self) -> &Path {
        self.files.get(self.next.saturating_sub(1)).map_or(Path::new(""), PathBuf::as_path)
    }

    fn bytes_read(&self) -> u64 {
        self.taken + self.source.as_ref().map_or(0, |source| source.bytes_read())
    }
}

//! From files of others to one of ours: in order, checked, on the smallest grid, whole or not at all.

use std::path::{Path, PathBuf};

use model::InstrumentId;
use model::market::Grid;

use crate::batch::{BATCH_ROWS, Batch, Kind};
use crate::chain::Plan;
use crate::check::{Checker, Checks};
use crate::error::{ApartProblem, DataError, Place};
use crate::merge::Merge;
use crate::options::{BadRowsAre, Options};
use crate::order::Ordered;
use crate::raw;
use crate::source::{Meta, Remarks, Source};
use crate::table::Writer;

/// What to import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Files of one instrument and kind, in any order.
    pub files: Vec<PathBuf>,
    /// The file that is made.
    pub out: PathBuf,
    /// How they are to be read.
    pub options: Options,
    /// Sort all rows, through files beside the target, instead of putting only those in their place that are
    /// late by a little.
    pub sort: bool,
    /// Import the other rows when some are bad.
    pub skip_bad: bool,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Of the file that was made.
    pub meta: Meta,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// What its rows are like.
    pub checks: Checks,
    /// What was left out and what was moved.
    pub remarks: Remarks,
    /// Bytes that were read.
    pub read: u64,
}

/// Rows that are sorted in memory at a time, about 60 MiB of them.
const SORT_ROWS: usize = 1 << 20;
/// Sorted files that are merged at a time: each takes about two MiB.
const RUNS_MAX: usize = 64;

/// Imports. `progress` is told the bytes that were read, of how many, and the rows that were written.
pub fn import(
    import: &Import,
    progress: &mut dyn FnMut(u64, u64, u64),
) -> Result<Imported, DataError> {
    let options = Options { bad_rows: BadRowsAre::Counted, ..import.options.clone() };
    let mut plan = Plan::new(&import.files, &options)?;
    let Some(instrument) = plan.meta.instrument else {
        let file = import.files.first().cloned().unwrap_or_default();
        return Err(DataError::Apart { file, problem: ApartProblem::NoInstrument });
    };
    loop {
        match attempt(import, &plan, instrument, progress) {
            // The first rows needed fewer digits than this one: from the start, on a finer grid. Each time
            // it is finer, so this ends; nearly always after the first.
            Err(DataError::Digits { price, needs, .. })
                if told(&options, price).is_none() && needs <= 18 =>
            {
                let Grid { price_decimals, qty_decimals } = plan.meta.grid;
                plan.refine(Grid {
                    price_decimals: if price { needs } else { price_decimals },
                    qty_decimals: if price { qty_decimals } else { needs },
                });
            }
            done => return done,
        }
    }
}

fn told(options: &Options, price: bool) -> Option<u8> {
    if price { options.price_decimals } else { options.qty_decimals }
}

fn attempt(
    import: &Import,
    plan: &Plan,
    instrument: InstrumentId,
    progress: &mut dyn FnMut(u64, u64, u64),
) -> Result<Imported, DataError> {
    let mut target = Target {
        writer: Writer::create(&import.out, &plan.meta)?,
        checker: Checker::new(&plan.meta),
        conflicts: Remarks::default(),
    };
    let chain = plan.open();
    let size = plan.size;
    let (mut remarks, read) = if import.sort {
        sorted(chain, &import.out, &mut target, &mut |read, rows| progress(read, size, rows))?
    } else {
        let mut source = Ordered::new(chain);
        let mut batch = Batch::new(plan.meta.kind);
        while source.next_batch(&mut batch)? {
            target.add(&mut batch, source.path())?;
            progress(source.bytes_read(), size, target.writer.rows());
        }
        (source.remarks().clone(), source.bytes_read())
    };
    remarks.join(&target.conflicts);
    if remarks.bad > 0 && !import.skip_bad {
        return Err(DataError::Rows { count: remarks.bad, first: remarks.first });
    }
    if target.writer.rows() == 0 {
        let file = import.files.first().cloned().unwrap_or_default();
        return Err(DataError::Empty { file });
    }
    let checks = target.checker.found();
    target.writer.finish()?;
    Ok(Imported { meta: plan.meta.clone(), instrument, checks, remarks, read })
}

/// Where rows go that are in order.
struct Target {
    writer: Writer,
    checker: Checker,
    conflicts: Remarks,
}

impl Target {
    fn add(&mut self, batch: &mut Batch, file: &Path) -> Result<(), DataError> {
        let conflicts = &mut self.conflicts;
        self.checker.check(batch, |line, problem| {
            let place = Place { file: file.to_owned(), line };
            // Counted, so never an error.
            let _ = conflicts.take(DataError::Row { place, problem }, BadRowsAre::Counted);
        });
        self.writer.write(batch)
    }
}

/// Sorts runs in memory, keeps them as files, and merges those. Runs are in the order of the rows, so rows of
/// one time keep theirs.
fn sorted(
    mut source: impl Source,
    out: &Path,
    target: &mut Target,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Remarks, u64), DataError> {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = tempfile::Builder::new()
        .prefix(".plimsoll-sort-")
        .tempdir_in(folder)
        .map_err(|error| DataError::Io { file: folder.to_owned(), error })?;
    let meta = source.meta().clone();
    let mut runs = Vec::new();
    let mut run = Batch::new(meta.kind);
    let mut batch = Batch::new(meta.kind);
    let mut latest = i64::MIN;
    let mut late = 0;
    loop {
        let more = source.next_batch(&mut batch)?;
        for time in &batch.time {
            late += u64::from(*time < latest);
            latest = latest.max(*time);
        }
        run.append(&batch, 0..batch.len());
        if run.len() >= SORT_ROWS || (!more && !run.is_empty()) {
            run.sort_from(0);
            let path = folder.path().join(format!("{}.parquet", runs.len()));
            let mut writer = Writer::create(&path, &meta)?;
            writer.write(&run)?;
            writer.finish()?;
            runs.push(path);
            if runs.len() == RUNS_MAX {
                runs = vec![one_of(&runs, &folder.path().join("all.parquet"), &meta)?];
            }
            run.clear();
        }
        progress(source.bytes_read(), 0);
        if !more {
            break;
        }
    }
    let mut remarks = source.remarks().clone();
    remarks.reordered = late;
    let read = source.bytes_read();
    let file = source.path().to_owned();
    let mut rows = 0;
    merged(&runs, meta.kind, |batch| {
        target.add(batch, &file)?;
        rows = target.writer.rows();
        progress(read, rows);
        Ok(())
    })?;
    Ok((remarks, read))
}

/// Makes one run of many, which takes the place of the first.
fn one_of(runs: &[PathBuf], path: &Path, meta: &Meta) -> Result<PathBuf, DataError> {
    let io = |error| DataError::Io { file: path.to_owned(), error };
    let mut writer = Writer::create(path, meta)?;
    merged(runs, meta.kind, |batch| writer.write(batch))?;
    writer.finish()?;
    for run in runs {
        std::fs::remove_file(run).map_err(io)?;
    }
    let first = runs.first().cloned().unwrap_or_else(|| path.to_owned());
    std::fs::rename(path, &first).map_err(io)?;
    Ok(first)
}

/// The rows of sorted files in order, batch by batch.
fn merged(
    runs: &[PathBuf],
    kind: Kind,
    mut each: impl FnMut(&mut Batch) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let options = Options::default();
    let open = |path: &PathBuf| raw::open(path, &options, true);
    let mut merge = Merge::new(runs.iter().map(open).collect::<Result<_, _>>()?);
    let mut room = Batch::new(kind);
    while let Some(run) = merge.next_run()? {
        room.append(run.batch, run.rows);
        if room.len() >= BATCH_ROWS {
            each(&mut room)?;
            room.clear();
        }
    }
    if room.is_empty() { Ok(()) } else { each(&mut room) }
}

//! From an unfinished file to one of ours. It may take seconds, so it is done beside the recording; what
//! kills it leaves the unfinished file as it was.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use model::InstrumentId;

use super::error::RecordError;
use super::read::DraftSource;
use crate::batch::{BATCH_ROWS, Batch, CLEAR, Columns, Kind, LAST, LOST};
use crate::error::DataError;
use crate::source::Source as _;
use crate::table::Writer;

/// How the name of a file begins that is not whole yet.
pub(crate) const HIDDEN: &str = ".plimsoll-record-";

/// A file that is to be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Where it is.
    pub path: PathBuf,
    /// What becomes of it.
    pub target: PathBuf,
}

/// A file that is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Which; `None` where there was nothing to keep.
    pub file: Option<PathBuf>,
    /// What it holds.
    pub kind: Kind,
    /// Of what.
    pub instrument: Option<InstrumentId>,
    /// Rows in it.
    pub rows: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Whoever wrote it was killed: its last seconds may be missing.
    pub cut: bool,
    /// Bytes at the end of the unfinished file that were no whole event, and are gone.
    pub torn: u64,
}

impl Unfinished {
    /// Makes a file of ours from it, and takes it away.
    pub fn finish(&self) -> Result<Finished, RecordError> {
        let failed = |error| RecordError::Finish { file: self.path.clone(), error };
        let io = |error| failed(DataError::Io { file: self.path.clone(), error });
        // A finished file has its name only when it is whole, so what stands here is all in there.
        let is_there = self.target.try_exists().map_err(io)?;
        let finished = if is_there {
            let mut finished = self.nothing().map_err(failed)?;
            finished.file = Some(self.target.clone());
            finished
        } else {
            self.write().map_err(failed)?
        };
        sync_folder(&self.target).map_err(io)?;
        fs::remove_file(&self.path).map_err(io)?;
        Ok(finished)
    }

    fn nothing(&self) -> Result<Finished, DataError> {
        let source = DraftSource::open(&self.path)?;
        let meta = source.meta();
        Ok(Finished {
            file: None,
            kind: meta.kind,
            instrument: meta.instrument,
            rows: 0,
            bytes: 0,
            cut: false,
            torn: 0,
        })
    }

    fn write(&self) -> Result<Finished, DataError> {
        let mut finished = self.nothing()?;
        let mut source = DraftSource::open(&self.path)?;
        let mut writer = Writer::create_as(&self.target, source.meta(), HIDDEN)?;
        let mut last = None;
        match finished.kind {
            // Those that were missed and fetched came after newer ones.
            Kind::Trades => write_sorted(&mut source, &mut writer)?,
            Kind::Bars | Kind::Quotes | Kind::Book => {
                let mut batch = Batch::new(finished.kind);
                while source.next_batch(&mut batch)? {
                    last = batch.time.last().copied().zip(batch.received.last().copied());
                    writer.write(&batch)?;
                }
            }
        }
        finished.cut = !source.is_ended();
        finished.torn = source.torn();
        if let Some((time, received)) = last.filter(|_| finished.cut) {
            // Nobody knows what became of the book after this.
            let mut lost = Batch::new(Kind::Book);
            lost.push_level(time, (0, 0), CLEAR | LAST | LOST);
            lost.received.push(received);
            writer.write(&lost)?;
        }
        finished.rows = writer.rows();
        if finished.rows > 0 {
            writer.finish()?;
            let size = fs::metadata(&self.target);
            let io = |error| DataError::Io { file: self.target.clone(), error };
            finished.bytes = size.map_err(io)?.len();
            finished.file = Some(self.target.clone());
        }
        Ok(finished)
    }
}

/// All trades in order of time, and of one time in order of their numbers.
fn write_sorted(source: &mut DraftSource, writer: &mut Writer) -> Result<(), DataError> {
    let mut all = Batch::new(Kind::Trades);
    let mut batch = Batch::new(Kind::Trades);
    while source.next_batch(&mut batch)? {
        all.append(&batch, 0..batch.len());
    }
    let ids = match &all.columns {
        Columns::Trades(trades) => trades.id.as_slice(),
        Columns::Bars(_) | Columns::Quotes(_) | Columns::Book(_) => &[],
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|row| (all.time[*row], ids.get(*row).copied()));
    for rows in order.chunks(BATCH_ROWS) {
        batch.clear();
        rows.iter().for_each(|row| batch.append(&all, *row..*row + 1));
        writer.write(&batch)?;
    }
    Ok(())
}

/// The new name is on the disk before the old file goes.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

//! Reads an unfinished recording, up to its last whole event.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::Crc;

use super::draft::{BUFFER, END, EVENT_MAX, FRAME, HEAD, HEADER_MAX, Holds, MAGIC, VERSION};
use crate::batch::{BATCH_ROWS, Batch, Columns, Kind};
use crate::error::{DataError, LayoutProblem};
use crate::options::Options;
use crate::source::{Meta, Remarks, Source};

/// Bytes of a row: a trade is number, price, quantity and side; a level price, quantity and flags.
const fn row_bytes(kind: Kind) -> usize {
    match kind {
        Kind::Trades => 28,
        Kind::Bars | Kind::Quotes | Kind::Book => 20,
    }
}

/// An unfinished recording that is being read, in the order in which it was written.
pub(crate) struct DraftSource {
    path: PathBuf,
    file: BufReader<File>,
    meta: Meta,
    size: u64,
    read: u64,
    rows: u64,
    /// Its writer had no more to say.
    ended: bool,
    remarks: Remarks,
    event: Vec<u8>,
}

impl DraftSource {
    pub(crate) fn open(path: &Path) -> Result<DraftSource, DataError> {
        let io = |error| DataError::Io { file: path.to_owned(), error };
        let file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut file = BufReader::with_capacity(BUFFER, file);
        let lines = [header_line(&mut file), header_line(&mut file)].map(|line| line.map_err(io));
        let [first, second] = lines;
        let (first, second) = (first?, second?);
        let version = first.as_bytes().strip_prefix(MAGIC).map(|rest| rest.trim_ascii());
        let holds = Holds::of(&second).filter(|_| version == Some(VERSION.as_bytes()));
        let Some(holds) = holds else {
            let detail = "the head of an unfinished recording is missing, or of another version";
            return Err(DataError::Damaged { file: path.to_owned(), detail: detail.to_owned() });
        };
        let read = (first.len() + second.len() + 2) as u64;
        Ok(DraftSource {
            path: path.to_owned(),
            file,
            meta: holds.meta(),
            size,
            read,
            rows: 0,
            ended: false,
            remarks: Remarks::default(),
            event: Vec::new(),
        })
    }

    /// Did its writer end it?
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Bytes behind the last whole event: of one that its writer did not get to the end of.
    pub(crate) const fn torn(&self) -> u64 {
        self.size.saturating_sub(self.read)
    }

    /// The next whole event; false where there is none.
    fn next_event(&mut self) -> io::Result<bool> {
        let mut frame = [0; FRAME];
        if self.ended || !fill(&mut self.file, &mut frame)? {
            return Ok(false);
        }
        let [a, b, c, d, sum @ ..] = frame;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if !(HEAD..=EVENT_MAX).contains(&length) {
            return Ok(false);
        }
        self.event.resize(length, 0);
        if !fill(&mut self.file, &mut self.event)? {
            return Ok(false);
        }
        let mut found = Crc::new();
        found.update(&self.event);
        if found.sum() != u32::from_le_bytes(sum) {
            return Ok(false);
        }
        self.read += (FRAME + length) as u64;
        self.ended = self.event[0] == END;
        Ok(!self.ended)
    }

    fn take_event(&self, batch: &mut Batch) {
        let number = |bytes: &[u8]| bytes.try_into().map(i64::from_le_bytes).unwrap_or_default();
        let small = |bytes: &[u8]| bytes.try_into().map(i32::from_le_bytes).unwrap_or_default();
        let (time, received) = (number(&self.event[1..9]), number(&self.event[9..HEAD]));
        let rows = self.event[HEAD..].chunks_exact(row_bytes(self.meta.kind));
        let mut place = self.rows;
        for row in rows {
            place += 1;
            batch.time.push(time);
            batch.received.push(received);
            batch.place.push(place);
            match &mut batch.columns {
                Columns::Trades(trades) => {
                    trades.id.push(number(&row[..8]));
                    trades.price.push(number(&row[8..16]));
                    trades.qty.push(number(&row[16..24]));
                    trades.taker.push(small(&row[24..]));
                }
                Columns::Book(book) => {
                    book.price.push(number(&row[..8]));
                    book.qty.push(number(&row[8..16]));
                    book.flags.push(small(&row[16..]));
                }
                // The header says which of the two it is.
                Columns::Bars(_) | Columns::Quotes(_) => {}
            }
        }
    }
}

/// A line of the header, without its end.
fn header_line(file: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    file.take(HEADER_MAX).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Fills it; false where the file ends before.
fn fill(file: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl Source for DraftSource {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        assert_eq!(batch.kind(), self.meta.kind, "a batch is of the kind of its source");
        batch.clear();
        while batch.len() < BATCH_ROWS {
            let more = self.next_event();
            let more = more.map_err(|error| DataError::Io { file: self.path.clone(), error })?;
            if !more {
                break;
            }
            let before = batch.len();
            self.take_event(batch);
            self.rows += (batch.len() - before) as u64;
        }
        Ok(!batch.is_empty())
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn bytes_read(&self) -> u64 {
        self.read
    }
}

/// Opens an unfinished recording as what it is so far.
pub(crate) fn open(path: &Path, options: &Options) -> Result<DraftSource, DataError> {
    let source = DraftSource::open(path)?;
    let is = source.meta().kind;
    match options.kind.filter(|wanted| *wanted != is) {
        Some(wanted) => {
            let why = LayoutProblem::Kind { is: is.name(), wanted };
            Err(DataError::Layout { file: path.to_owned(), why })
        }
        None => Ok(source),
    }
}

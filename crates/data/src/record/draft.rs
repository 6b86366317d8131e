//! A recording that is not finished: events one after the other, each with its length and a checksum.
//!
//! Parquet has its index at the end, so a Parquet file whose writer was killed is no file at all. This one is
//! whole up to its last whole event, whenever its writer ends: what follows that was never written. A header of
//! text says what it holds.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Crc;
use model::InstrumentId;
use model::market::Grid;

use crate::batch::Kind;
use crate::source::Meta;

/// How the first line begins. No other file that is read here does.
pub(crate) const MAGIC: &[u8] = b"PLIMSOLL UNFINISHED";
/// The version of what follows it.
pub(super) const VERSION: &str = "1";
/// `Meta::layout`.
const NAME: &str = "plimsoll-unfinished";
/// Longest header.
pub(super) const HEADER_MAX: u64 = 256;
/// Kept in memory before it is written.
pub(super) const BUFFER: usize = 64 * 1024;
/// Largest event: a book of a million levels is none.
pub(super) const EVENT_MAX: usize = 32 << 20;
/// Length and checksum before each event.
pub(super) const FRAME: usize = 8;
/// What an event begins with: its kind, its time, its time of receipt.
pub(super) const HEAD: usize = 17;

/// Rows that came in one message.
const EVENT: u8 = 1;
/// Whoever wrote it had no more to say.
pub(super) const END: u8 = 2;

/// What a file of a recording holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holds {
    pub(crate) kind: Kind,
    pub(crate) instrument: InstrumentId,
    pub(crate) grid: Grid,
}

impl Holds {
    /// What is known of a file with it.
    pub(crate) fn meta(self) -> Meta {
        Meta {
            kind: self.kind,
            instrument: Some(self.instrument),
            grid: self.grid,
            interval: Duration::ZERO,
            has_received: true,
            // Both venues number the trades of an instrument without a hole (`venues::session::Tape`).
            consecutive_ids: self.kind == Kind::Trades,
            layout: NAME,
            rows: None,
            span: None,
        }
    }

    fn header(self) -> String {
        let magic = String::from_utf8_lossy(MAGIC);
        let Grid { price_decimals, qty_decimals } = self.grid;
        format!(
            "{magic} {VERSION}\n{} {} {price_decimals} {qty_decimals}\n",
            self.kind, self.instrument
        )
    }

    pub(super) fn of(line: &str) -> Option<Holds> {
        let mut words = line.split(' ');
        let kind =
            Kind::of(words.next()?).filter(|kind| matches!(kind, Kind::Trades | Kind::Book))?;
        let instrument = InstrumentId::new(words.next()?).ok()?;
        let mut decimals = || words.next()?.parse::<u8>().ok().filter(|decimals| *decimals <= 18);
        let (price_decimals, qty_decimals) = (decimals()?, decimals()?);
        Some(Holds { kind, instrument, grid: Grid { price_decimals, qty_decimals } })
    }
}

/// A row as it stands in an event: the number of a trade, a price, a quantity, and who was in a hurry, or
/// the flags of a level, which has no number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) price: i64,
    pub(crate) qty: i64,
    pub(crate) small: i32,
}

/// An unfinished recording that is being written.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    file: BufWriter<File>,
    pub(crate) holds: Holds,
    /// Of what was written, without what the buffer holds.
    bytes: u64,
    /// The disk has all of it.
    synced: bool,
    event: Vec<u8>,
}

impl Draft {
    /// Makes the file, which must not be there.
    pub(crate) fn create(path: &Path, holds: Holds) -> io::Result<Draft> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let header = holds.header();
        file.write_all(header.as_bytes())?;
        Ok(Draft {
            path: path.to_owned(),
            file: BufWriter::with_capacity(BUFFER, file),
            holds,
            bytes: header.len() as u64,
            synced: false,
            event: Vec::new(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an event.
    pub(crate) fn add(&mut self, time: i64, received: i64, rows: &[Row]) -> io::Result<()> {
        self.begin(EVENT, time, received);
        for row in rows {
            if self.holds.kind == Kind::Trades {
                self.event.extend(row.id.to_le_bytes());
            }
            self.event.extend(row.price.to_le_bytes());
            self.event.extend(row.qty.to_le_bytes());
            self.event.extend(row.small.to_le_bytes());
        }
        self.write()
    }

    /// Says that nothing is missing at its end.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.begin(END, 0, 0);
        self.write()?;
        self.flush()
    }

    /// Hands over to the system what is still here: from then on a killed process loses nothing of it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Waits until the disk has it: from then on a power failure loses nothing of it.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if !self.synced {
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
            self.synced = true;
        }
        Ok(())
    }

    fn begin(&mut self, what: u8, time: i64, received: i64) {
        self.event.clear();
        self.event.extend([0; FRAME]);
        self.event.push(what);
        self.event.extend(time.to_le_bytes());
        self.event.extend(received.to_le_bytes());
    }

    fn write(&mut self) -> io::Result<()> {
        let length = self.event.len() - FRAME;
        let short = u32::try_from(length).ok().filter(|_| length <= EVENT_MAX);
        let short = short.ok_or_else(|| io::Error::other("an event of more than 32 MiB"))?;
        let mut sum = Crc::new();
        sum.update(&self.event[FRAME..]);
        self.event[..4].copy_from_slice(&short.to_le_bytes());
        self.event[4..FRAME].copy_from_slice(&sum.sum().to_le_bytes());
        self.synced = false;
        self.file.write_all(&self.event)?;
        self.bytes += self.event.len() as u64;
        Ok(())
    }
}

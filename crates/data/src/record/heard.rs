//! A recording read back as it was heard: by the times of receipt, which are the order of all that happened, and with
//! nothing in it that whoever listened did not hear then.
//!
//! - The book that each file begins with is told once: in the next file, where it only goes on, it is left out.
//! - Trades that were missed and fetched afterwards are left out, and so are those of times at which the book was not
//!   known: a paper account trades on neither.
//! - The time of a row is when it was received.
//!
//! Trades of one file are held in memory, for they stand in it by the exchange's times; books are read as they come.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::market::{Book, Grid, GridPrice, GridQty};
use model::{InstrumentId, Side, Timestamp};

use super::folder;
use crate::batch::{ASK, BATCH_ROWS, Batch, CLEAR, Columns, Kind, LAST, LOST};
use crate::error::DataError;
use crate::options::Options;
use crate::source::{Meta, Remarks, Source};

/// The recordings of one venue in a folder.
#[derive(Clone, Debug)]
pub struct Recording {
    folder: PathBuf,
    venue: String,
}

/// A stretch of time, nanoseconds of the clock of who recorded, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Not before.
    pub from: i64,
    /// Not after.
    pub until: i64,
}

impl Stretch {
    const fn holds(self, at: i64) -> bool {
        self.from <= at && at <= self.until
    }
}

impl Recording {
    /// Of this venue, by its name in the configuration.
    pub fn of(folder: &Path, venue: &str) -> Recording {
        Recording { folder: folder.to_owned(), venue: venue.to_owned() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Files of this kind that may hold something of these times, oldest first. What is not finished yet is among
    /// them.
    pub fn files(
        &self,
        instrument: InstrumentId,
        kind: Kind,
        within: Stretch,
    ) -> Result<Vec<PathBuf>, DataError> {
        let io = |error| DataError::Io { file: self.folder.clone(), error };
        let mut found: Vec<(String, Timestamp, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let Some((name, begins)) = folder::named(&path, &self.venue, instrument, kind) else {
                continue;
            };
            match found.iter_mut().find(|(known, ..)| *known == name) {
                // A file that is finished stands beside what it was made of until that is gone.
                Some((.., known)) if folder::is_finished(&path) => *known = path,
                Some(_) => {}
                None => found.push((name, begins, path)),
            }
        }
        found.sort();
        let begins: Vec<i64> = found.iter().map(|(_, begins, _)| begins.nanos()).collect();
        let files = found.into_iter().enumerate().filter(|(at, (_, begin, _))| {
            // Names tell whole seconds.
            let ends = begins.get(at + 1).map_or(i64::MAX, |next| next.saturating_add(SECOND));
            begin.nanos() <= within.until && ends >= within.from
        });
        Ok(files.map(|(_, (.., path))| path).collect())
    }

    /// Does a file begin within these times?
    pub fn begins_within(
        &self,
        instrument: InstrumentId,
        within: Stretch,
    ) -> Result<bool, DataError> {
        let files = self.files(instrument, Kind::Book, within)?;
        Ok(files.iter().any(|path| {
            let named = folder::named(path, &self.venue, instrument, Kind::Book);
            named.is_some_and(|(_, begins)| begins.nanos().saturating_add(SECOND) > within.from)
        }))
    }

    /// The book of an instrument as it was heard.
    pub fn book(&self, instrument: InstrumentId, within: Stretch) -> Result<Heard, DataError> {
        let files = self.files(instrument, Kind::Book, within)?;
        Heard::open(&self.folder, files, (instrument, Kind::Book), within, None)
    }

    /// When the book of an instrument was known; all of it is read.
    pub fn known(
        &self,
        instrument: InstrumentId,
        within: Stretch,
    ) -> Result<Vec<Stretch>, DataError> {
        let mut known = Vec::new();
        let mut look = self.book(instrument, within)?;
        let mut batch = Batch::new(Kind::Book);
        let mut since = None;
        while look.next_batch(&mut batch)? {
            let Columns::Book(rows) = &batch.columns else { continue };
            for (at, flags) in batch.time.iter().zip(&rows.flags) {
                if flags & LOST != 0 {
                    known.extend(since.take().map(|from| Stretch { from, until: *at }));
                } else if flags & CLEAR != 0 {
                    since.get_or_insert(*at);
                }
            }
        }
        known.extend(since.map(|from| Stretch { from, until: i64::MAX }));
        Ok(known)
    }

    /// The public trades of an instrument as they were heard while its book was known.
    pub fn trades(
        &self,
        instrument: InstrumentId,
        within: Stretch,
        known: Vec<Stretch>,
    ) -> Result<Heard, DataError> {
        let files = self.files(instrument, Kind::Trades, within)?;
        Heard::open(&self.folder, files, (instrument, Kind::Trades), within, Some(known))
    }
}

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Rows of one kind and instrument, out of all its files, in the order in which they were heard.
pub struct Heard {
    folder: PathBuf,
    meta: Meta,
    files: VecDeque<PathBuf>,
    within: Stretch,
    /// When trades count; of a book always.
    known: Option<Vec<Stretch>>,
    source: Option<Box<dyn Source>>,
    /// What numbers of the file at hand are multiplied by.
    scale: (i64, i64),
    /// Rows that are ready.
    ready: Batch,
    at: usize,
    /// Rows of an event of which not all are there.
    event: Vec<(i64, i64, i64, i32)>,
    /// As the rows so far tell it.
    book: Option<Book>,
    file_begins: bool,
    /// The newest number of a trade.
    newest: i64,
    remarks: Remarks,
    bytes: u64,
}

impl Heard {
    fn open(
        folder: &Path,
        files: Vec<PathBuf>,
        (instrument, kind): (InstrumentId, Kind),
        within: Stretch,
        known: Option<Vec<Stretch>>,
    ) -> Result<Heard, DataError> {
        let mut grid: Option<Grid> = None;
        for file in &files {
            let of = data_of(file)?.meta().grid;
            grid = Some(grid.map_or(of, |grid| grid.joined(of)));
        }
        let meta = Meta {
            kind,
            instrument: Some(instrument),
            grid: grid.unwrap_or(Grid { price_decimals: 0, qty_decimals: 0 }),
            interval: Duration::ZERO,
            has_received: true,
            consecutive_ids: false,
            layout: "recording",
            rows: None,
            span: None,
        };
        Ok(Heard {
            folder: folder.to_owned(),
            meta,
            files: files.into(),
            within,
            known,
            source: None,
            scale: (1, 1),
            ready: Batch::new(kind),
            at: 0,
            event: Vec::new(),
            book: None,
            file_begins: false,
            newest: 0,
            remarks: Remarks::default(),
            bytes: 0,
        })
    }

    /// Makes rows ready; false when there are no more.
    fn fill(&mut self) -> Result<bool, DataError> {
        self.ready.clear();
        self.at = 0;
        while self.ready.is_empty() {
            if self.source.is_none() {
                let Some(file) = self.files.pop_front() else { return Ok(false) };
                let source = data_of(&file)?;
                let factor =
                    |from: u8, to: u8| 10i64.pow(u32::from(to.saturating_sub(from)).min(18));
                let (from, to) = (source.meta().grid, self.meta.grid);
                self.scale = (
                    factor(from.price_decimals, to.price_decimals),
                    factor(from.qty_decimals, to.qty_decimals),
                );
                self.source = Some(source);
                self.file_begins = true;
            }
            match self.meta.kind {
                Kind::Trades => self.fill_trades()?,
                Kind::Book | Kind::Bars | Kind::Quotes => self.fill_book()?,
            }
        }
        Ok(true)
    }

    /// All of one file.
    fn fill_trades(&mut self) -> Result<(), DataError> {
        let Some(mut source) = self.source.take() else { return Ok(()) };
        let mut all = Batch::new(Kind::Trades);
        let mut batch = Batch::new(Kind::Trades);
        while source.next_batch(&mut batch)? {
            all.append(&batch, 0..batch.len());
        }
        self.bytes += source.bytes_read();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|row| all.received.get(*row).copied());
        let Columns::Trades(trades) = &all.columns else { return Ok(()) };
        let mut keep = Vec::new();
        for row in order {
            let id = trades.id[row];
            let is_late = id != 0 && id < self.newest;
            self.newest = self.newest.max(id);
            let Some(received) = all.received.get(row).copied() else { continue };
            let known = self.known.as_ref();
            let counts = known.is_none_or(|known| known.iter().any(|known| known.holds(received)));
            if !is_late && counts && self.within.holds(received) {
                keep.push((row, received));
            }
        }
        for (row, received) in keep {
            self.ready.append(&all, row..row + 1);
            if let Some(time) = self.ready.time.last_mut() {
                *time = received;
            }
        }
        let (price, qty) = self.scale;
        if let Columns::Trades(trades) = &mut self.ready.columns {
            trades.price.iter_mut().for_each(|number| *number = number.saturating_mul(price));
            trades.qty.iter_mut().for_each(|number| *number = number.saturating_mul(qty));
        }
        Ok(())
    }

    /// The next rows of a file.
    fn fill_book(&mut self) -> Result<(), DataError> {
        let Some(mut source) = self.source.take() else { return Ok(()) };
        let mut batch = Batch::new(Kind::Book);
        if !source.next_batch(&mut batch)? {
            self.bytes += source.bytes_read();
            return Ok(());
        }
        self.source = Some(source);
        let Columns::Book(rows) = &batch.columns else { return Ok(()) };
        let (price, qty) = self.scale;
        for row in 0..batch.len() {
            let Some(received) = batch.received.get(row).copied() else { continue };
            if !self.within.holds(received) {
                continue;
            }
            let scaled = (rows.price[row].saturating_mul(price), rows.qty[row].saturating_mul(qty));
            self.event.push((received, scaled.0, scaled.1, rows.flags[row]));
            if rows.flags[row] & LAST != 0 {
                self.event_is_whole();
            }
        }
        Ok(())
    }

    fn event_is_whole(&mut self) {
        let event = std::mem::take(&mut self.event);
        let begins = std::mem::take(&mut self.file_begins);
        let clears = event.iter().any(|(.., flags)| flags & CLEAR != 0);
        let lost = event.iter().any(|(.., flags)| flags & LOST != 0);
        // A change is made in the book that there is.
        let before = if clears { None } else { self.book.take() };
        let mut book = before.unwrap_or_default();
        for (_, price, qty, flags) in &event {
            let side = if flags & ASK != 0 { Side::Sell } else { Side::Buy };
            if *price > 0 {
                book.set(side, GridPrice(*price), GridQty(*qty));
            }
        }
        let goes_on = begins && clears && !lost && self.book.as_ref() == Some(&book);
        self.book = (!lost).then_some(book);
        if !goes_on {
            for (received, price, qty, flags) in &event {
                self.ready.push_level(*received, (*price, *qty), *flags);
                self.ready.received.push(*received);
            }
        }
        self.event = event;
        self.event.clear();
    }
}

fn data_of(file: &Path) -> Result<Box<dyn Source>, DataError> {
    crate::open(file, &Options::default())
}

impl Source for Heard {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        batch.clear();
        if self.at >= self.ready.len() && !self.fill()? {
            return Ok(false);
        }
        let end = self.ready.len().min(self.at + BATCH_ROWS);
        batch.append(&self.ready, self.at..end);
        self.at = end;
        Ok(true)
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        &self.folder
    }

    fn bytes_read(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind, PublicTrade};

    use super::*;
    use crate::record::{Recorder, Rotation};

    const ALL: Stretch = Stretch { from: 0, until: i64::MAX };

    fn id() -> InstrumentId {
        "BTC-USDT".parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * SECOND)
    }

    fn trade(id: u64, second: i64) -> PublicTrade {
        let (price, qty) = (GridPrice(100), GridQty(1));
        PublicTrade { id, price, qty, taker_side: Side::Buy, time: at(second) }
    }

    fn book(snapshot: bool, qty: i64) -> MarketKind {
        let level = LevelUpdate { side: Side::Buy, price: GridPrice(99), qty: GridQty(qty) };
        MarketKind::Book(BookUpdate { snapshot, levels: vec![level] })
    }

    /// Records these events, each with the second at which it is heard, in files of ten seconds.
    fn recorded(events: Vec<(i64, MarketKind)>) -> (tempfile::TempDir, Recording) {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { every: Duration::from_secs(10), ..Rotation::default() };
        let (mut recorder, _) = Recorder::open(folder.path(), "sim", rotation).unwrap();
        recorder.follow(id(), Grid { price_decimals: 2, qty_decimals: 3 }).unwrap();
        let last = events.last().map_or(0, |(second, _)| *second);
        for (second, kind) in events {
            recorder.flush(at(second), false).unwrap();
            let event = MarketEvent { instrument: id(), venue_time: at(second), kind };
            recorder.take(at(second), &event).unwrap();
        }
        let mut files = recorder.closed();
        files.extend(recorder.end(at(last + 1)).unwrap().unfinished);
        files.iter().for_each(|file| drop(file.finish().unwrap()));
        let recording = Recording::of(folder.path(), "sim");
        (folder, recording)
    }

    fn times(mut heard: Heard) -> Vec<i64> {
        let mut batch = Batch::new(heard.meta().kind);
        let mut all = Vec::new();
        while heard.next_batch(&mut batch).unwrap() {
            all.extend(batch.time.iter().map(|time| time / SECOND));
        }
        all
    }

    #[test]
    fn a_book_that_goes_on_in_the_next_file_is_told_once() {
        let events = vec![
            (101, book(true, 1)),
            (105, book(false, 2)),
            (111, book(false, 3)),
            (125, book(false, 4)),
        ];
        let (_folder, recording) = recorded(events);
        assert!(recording.files(id(), Kind::Book, ALL).unwrap().len() >= 3);
        // One row an event, and the end.
        assert_eq!(times(recording.book(id(), ALL).unwrap()), [101, 105, 111, 125, 126]);
        let within = Stretch { from: at(104).nanos(), until: at(112).nanos() };
        assert_eq!(times(recording.book(id(), within).unwrap()), [105, 111]);
        assert!(recording.begins_within(id(), within).unwrap());
        let later = Stretch { from: at(200).nanos(), until: i64::MAX };
        assert!(!recording.begins_within(id(), later).unwrap());
    }

    #[test]
    fn trades_are_in_the_order_in_which_they_were_heard_without_those_that_nobody_could_trade_on() {
        let trade_at = |number, second| MarketKind::Trade(trade(number, second));
        let events = vec![
            (100, trade_at(1, 100)),
            (101, book(true, 1)),
            // Dated later than the one that is heard after it.
            (102, trade_at(2, 109)),
            (103, trade_at(3, 103)),
            (104, MarketKind::BookLost),
            (105, trade_at(6, 105)),
            (106, book(true, 1)),
            (107, MarketKind::LateTrade(trade(4, 104))),
            (108, trade_at(7, 108)),
        ];
        let (_folder, recording) = recorded(events);
        let known = recording.known(id(), ALL).unwrap();
        let seconds = known.iter().map(|known| (known.from / SECOND, known.until / SECOND));
        assert_eq!(seconds.collect::<Vec<_>>(), [(101, 104), (106, 109)]);
        assert_eq!(times(recording.trades(id(), ALL, known).unwrap()), [102, 103, 108]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let recording = Recording::of(Path::new("/nowhere/at/all"), "sim");
        let error = recording.files(id(), Kind::Book, ALL).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}

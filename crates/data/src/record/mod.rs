//! Records what a market feed says: trades and books of any number of instruments, to files of ours.
//!
//! A plain struct that is fed with events and the times at which they were received; it has no clock and no
//! thread, so whoever has them (`plimsoll data record`, a gateway beside its order path) decides where the
//! disk is waited for. What is recorded goes to an unfinished file of each kind and instrument
//! (`draft.rs`), which a killed process leaves whole up to its last whole event. When one is large or old
//! enough it is closed, and whoever has the time makes a file of ours from it ([`Unfinished::finish`]).
//!
//! - **Each file stands alone.** One of a book begins with the whole book, and ends with a row that says
//!   [`LOST`] unless the next one goes on from there.
//! - **What is not known is not made up.** From the loss of a book to the next snapshot nothing of it is
//!   recorded but that it was lost; a book that is crossed counts as lost.
//! - **Order.** Times of receipt rise from event to event over all files of one recorder, so they are the
//!   sequence in which everything was heard. Rows of a book keep that order even where the venue's times do not:
//!   an event that says it is older than the one before it gets that one's time.

mod draft;
mod error;
mod finish;
mod folder;
mod heard;
mod read;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use model::market::{Book, BookUpdate, Grid, MarketEvent, MarketKind, PublicTrade};
use model::{InstrumentId, Side, Timestamp};

use self::draft::{Draft, Holds, Row};
use self::folder::Folder;
use crate::batch::{ASK, BUY, CLEAR, Kind, LAST, LOST, SELL};

pub(crate) use self::draft::MAGIC;
pub use self::error::RecordError;
pub use self::finish::{Finished, Unfinished};
pub use self::heard::{Heard, Recording, Stretch};
pub(crate) use self::read::open;

/// When a file is closed and another one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes of an unfinished file, before it is packed.
    pub bytes: u64,
    /// At each whole multiple of this time since 1970, so that all files end at one moment. Zero for never.
    pub every: Duration,
}

impl Default for Rotation {
    /// An hour, or 64 MiB.
    fn default() -> Rotation {
        Rotation { bytes: 64 << 20, every: Duration::from_secs(3_600) }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is recorded.
    Recorded,
    /// It is none of those that are: another instrument, a candle, a change to a book that is not known.
    Passed,
    /// The book is crossed, so it counts as lost: its feed has to begin anew with it.
    Crossed,
}

/// What was recorded so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Trades.
    pub trades: u64,
    /// Those among them that were missed and fetched afterwards.
    pub late: u64,
    /// Messages that changed a book.
    pub changes: u64,
    /// Whole books that the feed told.
    pub snapshots: u64,
    /// Times that a book was lost.
    pub gaps: u64,
    /// Rows in all files, those of books that a new file begins with among them.
    pub rows: u64,
    /// Bytes before they are packed.
    pub bytes: u64,
}

/// Records market data to a folder.
#[derive(Debug)]
pub struct Recorder {
    folder: Folder,
    venue: String,
    rotation: Rotation,
    markets: BTreeMap<InstrumentId, Market>,
    last_received: i64,
    closed: Vec<Unfinished>,
    counts: Counts,
    rows: Vec<Row>,
}

/// From here on nobody knows the book.
const NO_BOOK: Row = Row { id: 0, price: 0, qty: 0, small: CLEAR | LAST | LOST };

/// What is known of an instrument, and its files.
#[derive(Debug)]
struct Market {
    grid: Grid,
    /// `None` while it is not known.
    book: Option<Book>,
    /// Of the last row of the book.
    book_time: i64,
    files: [Option<Open>; 2],
}

#[derive(Debug)]
struct Open {
    draft: Draft,
    becomes: Unfinished,
    /// When it began.
    since: Timestamp,
}

/// Which of a market's files.
const fn slot(kind: Kind) -> usize {
    match kind {
        Kind::Trades => 0,
        Kind::Book | Kind::Bars | Kind::Quotes => 1,
    }
}

impl Recorder {
    /// Opens a folder, which is made if it is not there, for events of a venue of this name. Also names what a
    /// recorder left unfinished that was killed: to be finished by the caller, now or beside the recording.
    pub fn open(
        folder: &Path,
        venue: &str,
        rotation: Rotation,
    ) -> Result<(Recorder, Vec<Unfinished>), RecordError> {
        let folder = Folder::open(folder)?;
        let left = folder.left()?;
        let recorder = Recorder {
            folder,
            venue: venue.to_owned(),
            rotation,
            markets: BTreeMap::new(),
            last_received: i64::MIN,
            closed: Vec::new(),
            counts: Counts::default(),
            rows: Vec::new(),
        };
        Ok((recorder, left))
    }

    /// Records this instrument from now on. On another grid than before its files begin anew, and its book is
    /// not known.
    pub fn follow(&mut self, instrument: InstrumentId, grid: Grid) -> Result<(), RecordError> {
        if self.markets.get(&instrument).is_some_and(|market| market.grid == grid) {
            return Ok(());
        }
        let at = self.behind_the_last(Timestamp::from_nanos(self.last_received));
        // No earlier than the last that was known of it.
        self.says_lost(instrument, at)?;
        if let Some(mut market) = self.markets.remove(&instrument) {
            let mut files = market.files.iter_mut().filter_map(Option::take);
            files.try_for_each(|open| close(open, &mut self.closed))?;
        }
        let market = Market { grid, book: None, book_time: i64::MIN, files: [None, None] };
        self.markets.insert(instrument, market);
        Ok(())
    }

    /// Records an event. After an error no more can be recorded.
    pub fn take(&mut self, received: Timestamp, event: &MarketEvent) -> Result<Taken, RecordError> {
        if !self.markets.contains_key(&event.instrument) {
            return Ok(Taken::Passed);
        }
        let at = self.moment(received, event.venue_time.nanos());
        match &event.kind {
            MarketKind::Trade(trade) => self.trade(event.instrument, at, trade),
            MarketKind::LateTrade(trade) => {
                self.counts.late += 1;
                self.trade(event.instrument, at, trade)
            }
            MarketKind::Book(update) => self.book(event.instrument, at, update),
            MarketKind::BookLost => self.lost(event.instrument, at),
            MarketKind::Quote(_) | MarketKind::Candle(_) => Ok(Taken::Passed),
        }
    }

    /// The connection is gone: no book is known.
    pub fn all_lost(
        &mut self,
        received: Timestamp,
        venue_now: Timestamp,
    ) -> Result<(), RecordError> {
        let at = self.moment(received, venue_now.nanos());
        let ids: Vec<InstrumentId> = self.markets.keys().copied().collect();
        for id in ids {
            self.lost(id, at)?;
        }
        Ok(())
    }

    /// Writes what is still in memory, to the disk itself where `sync` is set, and closes files that have become
    /// too old. To be called about once a second.
    pub fn flush(&mut self, now: Timestamp, sync: bool) -> Result<(), RecordError> {
        let ids: Vec<InstrumentId> = self.markets.keys().copied().collect();
        for id in ids {
            // What is received next may have been on its way here when this was called.
            let at = self.behind_the_last(now);
            self.goes_on_if_due(id, at)?;
        }
        for open in self.markets.values_mut().flat_map(|market| &mut market.files) {
            if open.as_ref().is_some_and(|open| is_due(self.rotation, open, now)) {
                open.take().map_or(Ok(()), |open| close(open, &mut self.closed))?;
            }
            let Some(Open { draft, .. }) = open else { continue };
            let done = if sync { draft.sync() } else { draft.flush() };
            done.map_err(|error| RecordError::write(draft.path(), error))?;
        }
        Ok(())
    }

    /// Files that were closed since this was asked for last.
    pub fn closed(&mut self) -> Vec<Unfinished> {
        std::mem::take(&mut self.closed)
    }

    /// What was recorded so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Ends the recording. No book is known from its last change on: whoever records next may see the venue's
    /// clock a little otherwise, and what it hears must not come before this.
    pub fn end(mut self, now: Timestamp) -> Result<Ended, RecordError> {
        let at = self.moment(now, i64::MIN);
        let ids: Vec<InstrumentId> = self.markets.keys().copied().collect();
        for id in ids {
            self.says_lost(id, at)?;
        }
        for mut market in std::mem::take(&mut self.markets).into_values() {
            let mut files = market.files.iter_mut().filter_map(Option::take);
            files.try_for_each(|open| close(open, &mut self.closed))?;
        }
        let hold = Hold { _folder: self.folder };
        Ok(Ended { unfinished: self.closed, counts: self.counts, hold })
    }

    /// Ends it where it is, as a crash would.
    pub fn abandon(self) -> Hold {
        Hold { _folder: self.folder }
    }

    /// Something is received.
    fn moment(&mut self, received: Timestamp, venue: i64) -> Moment {
        let received = self.next_received(received);
        Moment { received, venue, clock: Timestamp::from_nanos(received) }
    }

    /// Nothing is received, and it is this time.
    const fn behind_the_last(&self, clock: Timestamp) -> Moment {
        Moment { received: self.last_received, venue: i64::MIN, clock }
    }

    /// Rising, so that it tells the order of all events.
    fn next_received(&mut self, received: Timestamp) -> i64 {
        self.last_received = received.nanos().max(self.last_received.saturating_add(1));
        self.last_received
    }

    fn trade(
        &mut self,
        id: InstrumentId,
        at: Moment,
        trade: &PublicTrade,
    ) -> Result<Taken, RecordError> {
        let row = Row {
            // A number beyond 63 bits is none.
            id: i64::try_from(trade.id).unwrap_or(0),
            price: trade.price.0,
            qty: trade.qty.0,
            small: if trade.taker_side == Side::Buy { BUY } else { SELL },
        };
        self.counts.trades += 1;
        self.add(id, Kind::Trades, Moment { venue: trade.time.nanos(), ..at }, &[row])?;
        Ok(Taken::Recorded)
    }

    fn book(
        &mut self,
        id: InstrumentId,
        at: Moment,
        update: &BookUpdate,
    ) -> Result<Taken, RecordError> {
        let Some(market) = self.markets.get_mut(&id) else { return Ok(Taken::Passed) };
        if update.snapshot {
            let mut whole = Book::default();
            whole.apply(update);
            if whole.is_crossed() {
                self.lost(id, at)?;
                return Ok(Taken::Crossed);
            }
            market.book = Some(whole);
        } else {
            if market.book.is_none() || update.levels.is_empty() {
                return Ok(Taken::Passed);
            }
            self.goes_on(id, at)?;
            let Some(market) = self.markets.get_mut(&id) else { return Ok(Taken::Passed) };
            let book = market.book.get_or_insert_default();
            book.apply(update);
            if book.is_crossed() {
                // What stands in the file is still the book before this.
                market.book = None;
                self.counts.gaps += 1;
                self.add(id, Kind::Book, at, &[NO_BOOK])?;
                return Ok(Taken::Crossed);
            }
        }
        if update.snapshot {
            self.counts.snapshots += 1;
            self.whole_book(id, at)?;
        } else {
            self.counts.changes += 1;
            let levels = update.levels.iter();
            let levels = levels.map(|level| (level.side, level.price.0, level.qty.0));
            let mut rows = std::mem::take(&mut self.rows);
            fill(&mut rows, levels, false);
            let added = self.add(id, Kind::Book, at, &rows);
            self.rows = rows;
            added?;
        }
        Ok(Taken::Recorded)
    }

    /// Where a new file of a known book begins, it begins with the book.
    fn goes_on(&mut self, id: InstrumentId, at: Moment) -> Result<(), RecordError> {
        let market = self.markets.get(&id);
        if market.is_some_and(|market| market.files[slot(Kind::Book)].is_none()) {
            // It is as old as it is.
            return self.whole_book(id, Moment { venue: i64::MIN, ..at });
        }
        self.goes_on_if_due(id, at)
    }

    fn goes_on_if_due(&mut self, id: InstrumentId, at: Moment) -> Result<(), RecordError> {
        let now = at.clock;
        let open = self.markets.get(&id).and_then(|market| market.files[slot(Kind::Book)].as_ref());
        if open.is_some_and(|open| is_due(self.rotation, open, now)) {
            self.whole_book(id, Moment { venue: i64::MIN, ..at })?;
        }
        Ok(())
    }

    fn whole_book(&mut self, id: InstrumentId, at: Moment) -> Result<(), RecordError> {
        let book = self.markets.get(&id).and_then(|market| market.book.as_ref());
        let Some(book) = book else { return Ok(()) };
        let mut rows = std::mem::take(&mut self.rows);
        let bids = book.bids().map(|level| (Side::Buy, level.price.0, level.qty.0));
        let asks = book.asks().map(|level| (Side::Sell, level.price.0, level.qty.0));
        fill(&mut rows, bids.chain(asks), true);
        let added = self.add(id, Kind::Book, at, &rows);
        self.rows = rows;
        added
    }

    fn lost(&mut self, id: InstrumentId, at: Moment) -> Result<Taken, RecordError> {
        let is_news = self.says_lost(id, at)?;
        self.counts.gaps += u64::from(is_news);
        Ok(if is_news { Taken::Recorded } else { Taken::Passed })
    }

    /// False where it was not known before.
    fn says_lost(&mut self, id: InstrumentId, at: Moment) -> Result<bool, RecordError> {
        if self.markets.get(&id).is_none_or(|market| market.book.is_none()) {
            return Ok(false);
        }
        // Where the file before was closed, nothing in it says so.
        self.goes_on(id, at)?;
        self.add(id, Kind::Book, at, &[NO_BOOK])?;
        if let Some(market) = self.markets.get_mut(&id) {
            market.book = None;
        }
        Ok(true)
    }

    fn add(
        &mut self,
        id: InstrumentId,
        kind: Kind,
        at: Moment,
        rows: &[Row],
    ) -> Result<(), RecordError> {
        let Some(market) = self.markets.get_mut(&id) else { return Ok(()) };
        let holds = Holds { kind, instrument: id, grid: market.grid };
        let mut time = at.venue;
        if kind == Kind::Book {
            time = time.max(market.book_time);
            market.book_time = time;
        }
        let now = at.clock;
        let open = &mut market.files[slot(kind)];
        // A change to a book goes on in the file that has the book.
        let may_begin = kind == Kind::Trades
            || rows.iter().any(|row| row.small & CLEAR != 0 && row.small & LOST == 0);
        let is_due = open.as_ref().is_some_and(|open| is_due(self.rotation, open, now));
        let before = if may_begin && is_due { open.take() } else { None };
        let open = match open {
            Some(open) => open,
            None => open.insert(begin(&self.folder, &self.venue, holds, now)?),
        };
        let bytes = open.draft.bytes();
        let mut added = open.draft.add(time, at.received, rows);
        if before.is_some() {
            // Only when the disk has the beginning of this one does the other end as if all was well.
            added = added.and_then(|()| open.draft.sync());
        }
        added.map_err(|error| RecordError::write(open.draft.path(), error))?;
        self.counts.bytes += open.draft.bytes() - bytes;
        self.counts.rows += rows.len() as u64;
        if let Some(before) = before {
            close(before, &mut self.closed)?;
        }
        Ok(())
    }
}

/// A recording that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Files that are to be finished yet.
    pub unfinished: Vec<Unfinished>,
    /// All that was recorded.
    pub counts: Counts,
    /// To be kept until they are.
    pub hold: Hold,
}

/// Keeps other recorders out of a folder in which files are still to be finished.
#[derive(Debug)]
pub struct Hold {
    _folder: Folder,
}

/// When something happened, by both clocks, nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Moment {
    received: i64,
    venue: i64,
    /// What the clock shows, which files begin and end by.
    clock: Timestamp,
}

/// The levels of one event. An event of no level is a book without any: a row that only clears it.
fn fill(rows: &mut Vec<Row>, levels: impl Iterator<Item = (Side, i64, i64)>, whole: bool) {
    rows.clear();
    rows.extend(levels.map(|(side, price, qty)| {
        let small = if side == Side::Sell { ASK } else { 0 };
        Row { id: 0, price, qty, small }
    }));
    if rows.is_empty() {
        rows.push(Row { id: 0, price: 0, qty: 0, small: 0 });
    }
    if let Some(first) = rows.first_mut().filter(|_| whole) {
        first.small |= CLEAR;
    }
    if let Some(last) = rows.last_mut() {
        last.small |= LAST;
    }
}

fn is_due(rotation: Rotation, open: &Open, now: Timestamp) -> bool {
    let is_old = !rotation.every.is_zero()
        && open.since.floor_to(rotation.every) != now.floor_to(rotation.every);
    is_old || open.draft.bytes() >= rotation.bytes
}

fn begin(folder: &Folder, venue: &str, holds: Holds, now: Timestamp) -> Result<Open, RecordError> {
    let failed = |path: &Path, error| RecordError::write(path, error);
    let becomes = folder
        .free(venue, holds.instrument, holds.kind, now)
        .map_err(|error| failed(folder.path(), error))?;
    let draft =
        Draft::create(&becomes.path, holds).map_err(|error| failed(&becomes.path, error))?;
    Ok(Open { draft, becomes, since: now })
}

fn close(mut open: Open, closed: &mut Vec<Unfinished>) -> Result<(), RecordError> {
    open.draft.end().map_err(|error| RecordError::write(open.draft.path(), error))?;
    closed.push(open.becomes);
    Ok(())
}

#[cfg(test)]
mod tests;

//! The loop of a sink: read behind the cursor, hand over, be acknowledged, write the cursor down.
//!
//! Back-pressure is that it reads no further: what a slow target has not taken waits in the journal, where it
//! is kept anyway, and one batch is all that is held in memory. Every failure, of the journal as of the target,
//! ends in the same way: everything is let go of and begun again at the cursor, after a pause that grows.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use journal::{Address, JournalReader, StoreError};
use model::{Entry, StoreTag, Timestamp};

use crate::clickhouse::ClickHouse;
use crate::cursor::Cursor;
use crate::elastic::Elastic;
use crate::fold::Fold;
use crate::otlp::Otlp;
use crate::parquet::Parquet;
use crate::row::{Missing, Row, What};
use crate::settings::{Kind, Settings};
use crate::state::{self, SinkState, Trouble};
use crate::target::{Bounds, Target, TargetError};

/// How long new records are gathered before they are handed over: a target likes few large writes.
const GATHER: Duration = Duration::from_secs(1);
/// First pause after a failure; each next one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// Longest pause after a failure: a target that is back is used again within this.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// How often a trouble that goes on is said again.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// Attempts in a row after which a sink that is to end by itself gives up.
const ATTEMPTS_MAX: u64 = 5;
/// How soon a pause is over when the sink is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the state is written while there is nothing to do.
const STATE_EVERY: Duration = Duration::from_secs(5);
/// Entries that are read at once where only what they come to is wanted.
const FOLDED_AT_ONCE: u64 = 10_000;

/// When a sink ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Told,
    /// When it has handed over all there is.
    Done,
}

/// How a sink ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it was to.
    Well,
    /// It gave up.
    GaveUp(String),
}

/// One sink at work.
pub struct Sink {
    journal: Address,
    directory: PathBuf,
    target: Box<dyn Target>,
    state: SinkState,
    written: Option<Instant>,
    said: Option<Instant>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("name", &self.state.name).finish()
    }
}

/// A place in the journal, and what the entries up to it come to.
#[derive(Clone)]
struct Point {
    seq: u64,
    /// Time of that entry; zero where that is not known.
    at: Timestamp,
    fold: Fold,
}

/// What was read.
struct Batch {
    rows: Vec<Row>,
    /// Is there nothing behind it for now?
    is_last: bool,
}

impl Sink {
    /// A sink of this journal that keeps its state in this directory, whose lock is held.
    pub fn new(settings: &Settings, journal: Address, directory: &Path) -> Result<Sink, String> {
        let target: Box<dyn Target> = match &settings.kind {
            Kind::ClickHouse { url, database, table, login } => {
                let login = login.clone();
                Box::new(ClickHouse::new(url, database, table, login)?)
            }
            Kind::Elasticsearch { url, stream, is_data_stream, auth } => {
                let dead = directory.join(format!("{}.dead.jsonl", settings.name));
                Box::new(Elastic::new(url, (stream, *is_data_stream), auth.as_ref(), dead)?)
            }
            Kind::Otlp { url, header } => {
                let dead = directory.join(format!("{}.dead.jsonl", settings.name));
                Box::new(Otlp::new(url, header.as_ref(), dead)?)
            }
            Kind::Parquet { dir, file_rows, file_time } => {
                Box::new(Parquet::new(dir, *file_rows, *file_time))
            }
        };
        let known = state::read(directory, &settings.name).unwrap_or_default();
        let state = SinkState {
            name: settings.name.clone(),
            kind: settings.kind.word().to_owned(),
            process: std::process::id(),
            ..known
        };
        let directory = directory.to_owned();
        Ok(Sink { journal, directory, target, state, written: None, said: None })
    }

    /// Works until it is to end.
    pub fn run(mut self, until: Until, stop: &dyn Fn() -> bool) -> Ended {
        loop {
            let error = match self.session(until, stop) {
                Ok(()) => return Ended::Well,
                Err(TargetError(error)) => error,
            };
            let attempts = self.failed(&error);
            if stop() {
                return Ended::Well;
            }
            if until == Until::Done && attempts >= ATTEMPTS_MAX {
                return Ended::GaveUp(error);
            }
            let times = u32::try_from(attempts.min(16)).unwrap_or(16) - 1;
            pause((PAUSE_MIN * 2u32.pow(times)).min(PAUSE_MAX), stop);
        }
    }

    /// From the cursor on, until it is to end or something fails.
    fn session(&mut self, until: Until, stop: &dyn Fn() -> bool) -> Result<(), TargetError> {
        let reader = JournalReader::of(&self.journal).map_err(journal)?;
        let tag = reader.tag().map_err(journal)?;
        let tag = tag.ok_or_else(|| {
            TargetError(format!("{}: no gateway has started on it yet", self.journal))
        })?;
        let mut point = self.begin(&reader, tag)?;
        // What the target says is there is there, though no cursor knew.
        self.acknowledged(tag, point.clone());
        let mut span = None;
        loop {
            let before = point.clone();
            let batch = match stop() {
                true => Batch { rows: Vec::new(), is_last: true },
                false => self.read(&reader, tag, &mut point)?,
            };
            self.state.last = reader.last().map_err(journal)?.max(point.seq);
            let new_span = batch.rows.first().map(|row| self.target.span(row.at));
            let turns = new_span.is_some() && span.is_some() && span != new_span;
            let ends = batch.rows.is_empty() && (stop() || until == Until::Done);
            if self.target.is_open() && (turns || ends || self.target.is_due()) {
                self.target.finish()?;
                self.acknowledged(tag, before);
            }
            if let Some(first) = batch.rows.first() {
                let at = first.at;
                self.target.write(&batch.rows)?;
                span = new_span;
                self.state.waiting_since.get_or_insert(at);
                if self.target.is_due() {
                    self.target.finish()?;
                }
                if !self.target.is_open() {
                    self.acknowledged(tag, point.clone());
                }
                let missing = batch.rows.iter().filter_map(Row::missed);
                self.state.missing +=
                    missing.map(|missing| missing.last - missing.first + 1).sum::<u64>();
            }
            self.works()?;
            if ends {
                return Ok(());
            }
            if batch.is_last {
                pause(GATHER, stop);
            }
        }
    }

    /// Where to begin: the cursor, or what the target says is there.
    fn begin(&mut self, reader: &JournalReader, tag: StoreTag) -> Result<Point, TargetError> {
        let (journal_tag, place) = (tag.to_string(), self.target.place());
        let known = &self.state.cursor;
        if known.journal != journal_tag || known.place != place {
            self.state.cursor = Cursor { journal: journal_tag, place, ..Cursor::default() };
            self.state.missing = 0;
        }
        self.is_same_journal(reader)?;
        let Cursor { had, had_at: at, mut fold, .. } = self.state.cursor.clone();
        fold.follow(self.target.follows_orders());
        let there = self.target.open(tag, had)?;
        if there > reader.last().map_err(journal)? {
            return Err(self.other_journal(there));
        }
        if there >= had {
            return fold_up_to(reader, there, Point { seq: had, at, fold });
        }
        tracing::warn!(
            sink = self.state.name,
            "the target has lost what it had acknowledged: it ends with entry {there} and not {had}; the rest is \
             sent again"
        );
        let mut fold = Fold::default();
        fold.follow(self.target.follows_orders());
        let start = Point { seq: 0, at: Timestamp::from_nanos(0), fold };
        fold_up_to(reader, there, start)
    }

    /// That the journal has the entry that was handed over last: one that was put back to an older copy gives
    /// its numbers to other records, and they would have the ids of those that are there.
    fn is_same_journal(&self, reader: &JournalReader) -> Result<(), TargetError> {
        let Cursor { had, had_at, .. } = &self.state.cursor;
        if *had == 0 {
            return Ok(());
        }
        let mut found = None;
        let look = &mut |seq, _: &str, entry: Entry| {
            found = Some((seq, entry.at));
            Ok(())
        };
        reader.lines(had - 1, 1, look).map_err(journal)?;
        let is_behind = found.is_none() && reader.last().map_err(journal)? < *had;
        let is_known = had_at.nanos() != 0;
        let is_other = found.is_some_and(|(seq, at)| is_known && seq == *had && at != *had_at);
        if is_behind || is_other { Err(self.other_journal(*had)) } else { Ok(()) }
    }

    fn other_journal(&self, had: u64) -> TargetError {
        TargetError(format!(
            "{}: is not the journal that this sink has followed: entry {had} is another one, or is missing; it was \
             put back to an older copy. Restore the newest one, or give the sink another table, stream or dir, \
             which starts from the beginning",
            self.journal
        ))
    }

    /// The next rows, of one span, within the target's bounds.
    fn read(
        &self,
        reader: &JournalReader,
        tag: StoreTag,
        point: &mut Point,
    ) -> Result<Batch, TargetError> {
        let Bounds { rows: rows_max, bytes: bytes_max } = self.target.bounds();
        let mut rows: Vec<Row> = Vec::new();
        let (mut bytes, mut enough, mut read) = (0, false, 0);
        let mut span = None;
        let done = reader.lines(point.seq, rows_max, &mut |seq, text, entry| {
            let of = self.target.span(entry.at);
            bytes += text.len();
            if *span.get_or_insert(of) != of || bytes > bytes_max && !rows.is_empty() {
                enough = true;
                return Err(StoreError::Lost("enough".to_owned()));
            }
            if seq > point.seq + 1 {
                point.fold.missed();
                let missing = Missing { first: point.seq + 1, last: seq - 1 };
                rows.push(Row::missing(tag, missing, entry.at));
            }
            (point.seq, point.at) = (seq, entry.at);
            let row = Row::of(tag, seq, text, entry, &point.fold);
            if let What::Entry(entry) = &row.what {
                point.fold.pass(entry);
            }
            rows.push(row);
            read += 1;
            Ok(())
        });
        if !enough {
            done.map_err(journal)?;
        }
        Ok(Batch { rows, is_last: !enough && read < rows_max })
    }

    /// What was handed over up to here is kept.
    fn acknowledged(&mut self, tag: StoreTag, Point { seq: had, at: had_at, fold }: Point) {
        let place = self.target.place();
        self.state.cursor = Cursor { journal: tag.to_string(), place, had, had_at, fold };
        self.state.waiting_since = None;
        self.written = None;
    }

    /// It works: what was wrong is over, and the state is written when it is time.
    fn works(&mut self) -> Result<(), TargetError> {
        if let Some(trouble) = self.state.trouble.take() {
            self.written = None;
            self.said = None;
            tracing::info!(
                sink = self.state.name,
                attempts = trouble.attempts,
                "the sink works again"
            );
        }
        self.state.dead_letters = self.target.dead_letters();
        if self.written.is_none_or(|written| written.elapsed() >= STATE_EVERY) {
            self.keep().map_err(|error| {
                TargetError(format!("{}: cannot be written: {error}", self.directory.display()))
            })?;
        }
        Ok(())
    }

    /// Something failed; returns how often in a row.
    fn failed(&mut self, what: &str) -> u64 {
        let since = self.state.trouble.as_ref().map_or_else(state::now, |known| known.since);
        let attempts = self.state.trouble.as_ref().map_or(0, |known| known.attempts) + 1;
        self.state.trouble = Some(Trouble { what: what.to_owned(), since, attempts });
        self.state.dead_letters = self.target.dead_letters();
        self.look();
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            let (sink, behind) = (&self.state.name, self.state.behind());
            tracing::warn!(sink, attempts, behind, "the sink does not work: {what}");
        }
        if let Err(error) = self.keep() {
            tracing::warn!(directory = %self.directory.display(), "cannot be written: {error}");
        }
        attempts
    }

    /// How far behind it is, as far as the journal can be read.
    fn look(&mut self) {
        let Ok(reader) = JournalReader::of(&self.journal) else { return };
        self.state.last = reader.last().unwrap_or(self.state.last);
        let mut first = None;
        let looked = reader.lines(self.state.cursor.had, 1, &mut |_, _, entry| {
            first = Some(entry.at);
            Ok(())
        });
        if looked.is_ok() {
            self.state.waiting_since = first;
        }
    }

    fn keep(&mut self) -> std::io::Result<()> {
        self.state.written_at = state::now();
        self.written = Some(Instant::now());
        state::write(&self.directory, &self.state)
    }
}

/// What is there already is not sent again, but what it comes to is needed.
fn fold_up_to(reader: &JournalReader, there: u64, mut point: Point) -> Result<Point, TargetError> {
    let mut is_past = false;
    while point.seq < there && !is_past {
        let (from, max) = (point.seq, (there - point.seq).min(FOLDED_AT_ONCE));
        let each = &mut |seq, _: &str, entry: Entry| {
            if seq > point.seq + 1 {
                point.fold.missed();
            }
            if seq > there {
                is_past = true;
                return Ok(());
            }
            point.fold.pass(&entry);
            (point.seq, point.at) = (seq, entry.at);
            Ok(())
        };
        reader.lines(from, max, each).map_err(journal)?;
        is_past |= point.seq == from;
    }
    point.seq = there;
    Ok(point)
}

fn journal(error: StoreError) -> TargetError {
    TargetError(error.to_string())
}

fn pause(how_long: Duration, stop: &dyn Fn() -> bool) {
    let end = Instant::now() + how_long;
    while !stop() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
}

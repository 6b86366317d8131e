//! A session with its feed, driven by a recording in virtual time, and the judgement on what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::market::{Level, MarketKind, Markets};
use model::venue::MarketRequest;
use model::{FeedNotice, Input, Instrument, InstrumentId, Outcome, Timestamp};
use plimsoll_venues::session::{ConnId, Done, Happened, Protocol, Session, Stamp};

use crate::archive::Archive;
use crate::chance::Chance;
use crate::fold::DIGITS;

/// Whole books are compared after so many messages.
const COMPARE_EVERY: u64 = 10;
/// Longest time that an answer takes, milliseconds.
const ANSWER_MS_MAX: u64 = 300;
/// One question in so many fails, where questions fail.
const FAILED_ONE_IN: u64 = 6;
/// A recording is short: pauses that grow to seconds would leave nothing of it.
const PAUSE_MAX: Duration = Duration::from_millis(300);
/// A venue that is not ready to answer is asked again after this pause.
const NOT_READY: Duration = Duration::from_millis(20);

/// A venue as a recording tells of it.
pub(crate) trait Venue {
    type Feed: Protocol;

    fn feed(&self) -> Self::Feed;

    fn instruments(&self) -> Vec<Instrument>;

    /// When the next message was recorded.
    fn next_at(&self) -> Option<Timestamp>;

    /// How many messages are left.
    fn left(&self) -> u64;

    /// The next message happens; it is what every connection hears.
    fn happen(&mut self) -> Said;

    /// What a new connection hears first, with so many of the last messages again.
    fn greet(&mut self, replay: usize) -> Vec<Said>;

    /// The answer to a question as of now, and what it covers; `None` while the recording has none.
    fn answer(&mut self, request: &MarketRequest) -> Option<(Outcome, Covers)>;

    fn archive(&mut self, instrument: InstrumentId) -> &mut Archive;
}

/// What a message is to the book of an instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Covers {
    /// The change of this number.
    Change(InstrumentId, u64),
    /// All changes before this number.
    Whole(InstrumentId, u64),
    Nothing,
}

/// A message and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) covers: Covers,
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    None,
    Lost,
    Twice,
    /// It comes after the next one.
    Late,
    /// It is lost with its connection; the next connection hears so many messages again.
    Cut {
        replay: usize,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Changes of books that happened.
    pub(crate) changes: u64,
    /// Trades told, at once or late.
    pub(crate) trades: u64,
    /// Trades told late.
    pub(crate) late: u64,
    /// Trades that a notice called missed.
    pub(crate) missed: u64,
    /// Notices of a gap.
    pub(crate) gaps: u64,
    /// Times that a book became live.
    pub(crate) resyncs: u64,
    /// Messages and trades that were heard before.
    pub(crate) duplicates: u64,
    pub(crate) cuts: u64,
    pub(crate) hand_overs: u64,
    /// Whole books compared.
    pub(crate) compared: u64,
    /// Levels in all books at the end.
    pub(crate) levels: usize,
}

/// Up to where a connection has heard the changes of one book.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Everything before this number was heard, or is in a snapshot.
    before: Option<u64>,
    /// Heard beyond that.
    beyond: BTreeSet<u64>,
}

impl Known {
    fn heard(&mut self, number: u64) {
        self.beyond.insert(number);
        self.join();
    }

    fn whole(&mut self, before: u64) {
        self.before = self.before.max(Some(before));
        self.join();
    }

    fn join(&mut self) {
        let Some(before) = &mut self.before else { return };
        self.beyond.retain(|number| number >= before);
        while self.beyond.remove(before) {
            *before += 1;
        }
    }

    /// Up to where the book can be known; `None` if something is missing.
    fn whole_before(&self) -> Option<u64> {
        self.before.filter(|_| self.beyond.is_empty())
    }
}

struct Conn {
    id: ConnId,
    known: BTreeMap<InstrumentId, Known>,
}

/// A question on its way there, or its answer on its way back.
struct Waiting {
    due: Timestamp,
    conn: ConnId,
    request: MarketRequest,
    answer: Option<(Outcome, Covers)>,
}

pub(crate) struct Driver<V: Venue> {
    venue: V,
    session: Session<V::Feed>,
    instruments: Vec<Instrument>,
    markets: Markets,
    now: Timestamp,
    wake: Option<Timestamp>,
    dialled: Vec<ConnId>,
    conns: Vec<Conn>,
    waiting: Vec<Waiting>,
    /// How often each trade was told.
    told: BTreeMap<(InstrumentId, u64), u32>,
    live: BTreeSet<InstrumentId>,
    chance: Chance,
    failing: bool,
    replay: usize,
    tally: Tally,
}

impl<V: Venue> Driver<V> {
    pub(crate) fn new(venue: V, seed: u64) -> Driver<V> {
        let instruments = venue.instruments();
        let mut markets = Markets::default();
        instruments.iter().for_each(|instrument| markets.follow(instrument.clone()));
        let mut driver = Driver {
            session: Session::new(venue.feed(), seed).with_pause_max(PAUSE_MAX),
            now: venue.next_at().unwrap(),
            venue,
            instruments,
            markets,
            wake: None,
            dialled: Vec::new(),
            conns: Vec::new(),
            waiting: Vec::new(),
            told: BTreeMap::new(),
            live: BTreeSet::new(),
            chance: Chance(seed),
            failing: false,
            replay: 0,
            tally: Tally::default(),
        };
        driver.apply(Happened::Wake);
        driver
    }

    /// Some questions fail.
    pub(crate) fn failing(mut self) -> Driver<V> {
        self.failing = true;
        self
    }

    pub(crate) fn is_up(&self) -> bool {
        self.session.is_up()
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Plays all of it. What is done to a message is decided by how many are left.
    pub(crate) fn run(mut self, mut damage: impl FnMut(u64, &mut Chance) -> Damage) -> Tally {
        let mut late: Option<Said> = None;
        let mut count = 0;
        while let Some(at) = self.venue.next_at() {
            self.pass(at);
            let said = self.venue.happen();
            let left = self.venue.left();
            self.tally.changes += u64::from(matches!(said.covers, Covers::Change(..)));
            match damage(left, &mut self.chance) {
                Damage::None => self.say(&said),
                Damage::Lost => {}
                Damage::Twice => {
                    self.say(&said);
                    self.say(&said);
                }
                Damage::Late if late.is_none() => {
                    late = Some(said);
                    continue;
                }
                Damage::Late => self.say(&said),
                Damage::Cut { replay } => {
                    self.tally.cuts += 1;
                    self.replay = replay;
                    for conn in std::mem::take(&mut self.conns) {
                        self.apply(Happened::Closed(conn.id, "cut".to_owned()));
                    }
                    late = None;
                }
            }
            if let Some(said) = late.take() {
                self.say(&said);
            }
            count += 1;
            self.judge(count % COMPARE_EVERY == 0);
        }
        // Answers that are still on their way; nobody is silent for so short a time.
        self.pass(self.now.after(Duration::from_secs(4)));
        self.judge(true);
        self.judge_end();
        self.tally
    }

    /// One message on every connection, which nobody judges.
    pub(crate) fn hear(&mut self, text: &str) {
        let said = Said { text: text.to_owned(), covers: Covers::Nothing };
        self.say(&said);
    }

    fn say(&mut self, said: &Said) {
        let ids: Vec<ConnId> = self.conns.iter().map(|conn| conn.id).collect();
        ids.into_iter().for_each(|id| self.say_to(id, said));
    }

    fn say_to(&mut self, id: ConnId, said: &Said) {
        // It may have been closed since.
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else { return };
        match said.covers {
            Covers::Change(instrument, number) => {
                conn.known.entry(instrument).or_default().heard(number);
            }
            Covers::Whole(instrument, before) => {
                conn.known.entry(instrument).or_default().whole(before);
            }
            Covers::Nothing => {}
        }
        self.apply(Happened::Text(id, &said.text));
    }

    /// Lets time pass: alarms, questions and answers that are due.
    fn pass(&mut self, until: Timestamp) {
        loop {
            let due = self.waiting.iter().map(|waiting| waiting.due).chain(self.wake).min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            if self.wake.is_some_and(|wake| wake <= self.now) {
                self.wake = None;
                self.apply(Happened::Wake);
            }
            if let Some(at) = self.waiting.iter().position(|waiting| waiting.due <= self.now) {
                let waiting = self.waiting.swap_remove(at);
                self.arrive(waiting);
            }
        }
        self.now = self.now.max(until);
    }

    fn arrive(&mut self, waiting: Waiting) {
        let Waiting { conn, request, answer, .. } = waiting;
        match answer {
            Some((outcome, covers)) => {
                if let Covers::Whole(instrument, before) = covers
                    && let Some(conn) = self.conns.iter_mut().find(|open| open.id == conn)
                {
                    conn.known.entry(instrument).or_default().whole(before);
                }
                self.apply(Happened::Answer(conn, request, outcome));
                self.judge(false);
            }
            None => {
                let failed = self.failing && self.chance.below(FAILED_ONE_IN) == 0;
                let answer = if failed {
                    Some((Outcome::InDoubt("no answer".to_owned()), Covers::Nothing))
                } else {
                    self.venue.answer(&request)
                };
                let lag = match answer {
                    Some(_) => Duration::from_millis(self.chance.below(ANSWER_MS_MAX)),
                    None => NOT_READY,
                };
                let due = self.now.after(lag);
                self.waiting.push(Waiting { due, conn, request, answer });
            }
        }
    }

    fn apply(&mut self, happened: Happened<'_>) {
        let mut done = Vec::new();
        self.session.apply(self.now, happened, &mut done);
        for thing in done {
            match thing {
                Done::Emit(input) => self.told(&input),
                Done::Ask(conn, request, after) => {
                    let due = self.now.after(after);
                    self.waiting.push(Waiting { due, conn, request, answer: None });
                }
                Done::Open(id, _) => self.dialled.push(id),
                Done::Close(id) => self.conns.retain(|conn| conn.id != id),
                Done::WakeAt(at) => self.wake = Some(self.wake.map_or(at, |set| set.min(at))),
                Done::Say(..) | Done::Hold(..) => {}
            }
        }
        while let Some(id) = self.dialled.pop() {
            self.conns.push(Conn { id, known: BTreeMap::new() });
            self.apply(Happened::Opened(id, Stamp { venue_now: self.now, nonce: 7, ticket: None }));
            let replay = std::mem::take(&mut self.replay);
            for said in self.venue.greet(replay) {
                self.say_to(id, &said);
            }
        }
    }

    fn told(&mut self, input: &Input) {
        match input {
            Input::Market(event) => {
                self.markets.apply(self.now, event);
                let (trade, late) = match &event.kind {
                    MarketKind::Trade(trade) => (trade, false),
                    MarketKind::LateTrade(trade) => (trade, true),
                    _ => return,
                };
                self.tally.trades += 1;
                self.tally.late += u64::from(late);
                *self.told.entry((event.instrument, trade.id)).or_default() += 1;
            }
            Input::Feed(FeedNotice::Gap { .. }) => self.tally.gaps += 1,
            Input::Feed(FeedNotice::MissedTrades { count, .. }) => self.tally.missed += count,
            Input::Feed(FeedNotice::Duplicates(count)) => self.tally.duplicates += count,
            Input::Feed(FeedNotice::HandedOver(_)) => self.tally.hand_overs += 1,
            _ => {}
        }
    }

    /// Every book that is live must be the one made by hand, as of what was heard.
    fn judge(&mut self, all_levels: bool) {
        for index in 0..self.instruments.len() {
            let (id, grid) = (self.instruments[index].id, self.instruments[index].grid());
            let view = self.markets.get(id).unwrap();
            if !view.is_live() {
                self.live.remove(&id);
                continue;
            }
            let known = |conn: &Conn| conn.known.get(&id)?.whole_before();
            let before = self.conns.iter().filter_map(known).max();
            let before = before.unwrap_or_else(|| panic!("{id} is live on a book with a gap"));
            let by_hand = self.venue.archive(id).before(before);
            let scale = |decimals: u8| 10_i64.pow(DIGITS - u32::from(decimals));
            let (prices, quantities) = (scale(grid.price_decimals), scale(grid.qty_decimals));
            let plain = |level: Level| (level.price.0 * prices, level.qty.0 * quantities);
            let book = view.book();
            let best = [book.best_bid().map(plain), book.best_ask().map(plain)];
            // Quantities with more digits than the lot, of orders older than it, lose the rest.
            let cut = |qty: i64| (qty - qty % quantities).max(quantities);
            let level = |(price, qty): (&i64, &i64)| (*price, cut(*qty));
            let [bids, asks] = &by_hand.sides;
            let by_hand_best =
                [bids.last_key_value().map(level), asks.first_key_value().map(level)];
            assert_eq!(best, by_hand_best, "{id} before change {before}");
            assert!(!book.is_crossed(), "{id} before change {before}");
            let resynced = self.live.insert(id);
            self.tally.resyncs += u64::from(resynced);
            if !(all_levels || resynced) {
                continue;
            }
            assert!(book.bids().map(plain).eq(bids.iter().rev().map(level)), "{id} at {before}");
            assert!(book.asks().map(plain).eq(asks.iter().map(level)), "{id} at {before}");
            self.tally.compared += 1;
        }
    }

    /// Everything has healed, and every trade was told once.
    fn judge_end(&mut self) {
        for index in 0..self.instruments.len() {
            let id = self.instruments[index].id;
            let archive = self.venue.archive(id);
            let Some(head) = archive.head() else { continue };
            self.tally.levels += head.sides.iter().map(BTreeMap::len).sum::<usize>();
            assert!(self.live.contains(&id), "{id} did not come back");
            assert_eq!(archive.before(archive.next()).clone(), archive.head().unwrap().clone());
            let known = |conn: &Conn| conn.known.get(&id)?.whole_before();
            let before = self.conns.iter().filter_map(known).max();
            assert_eq!(before, Some(archive.next()), "{id} is behind");
            let told = || self.told.range((id, 0)..=(id, u64::MAX)).map(|((_, id), _)| *id);
            let (Some(first), Some(last)) = (told().next(), told().next_back()) else { continue };
            let happened: Vec<u64> =
                archive.trades.range(first..=last).map(|(id, _)| *id).collect();
            assert_eq!(told().collect::<Vec<_>>(), happened, "trades of {id}");
        }
        let twice: Vec<_> = self.told.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "told more than once: {twice:?}");
    }
}

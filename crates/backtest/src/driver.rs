//! The loop: what is next, at the exchange or at the gateway. What happens at the exchange is in `exchange.rs`,
//! what each kind of row does in `rows.rs`.

use std::collections::VecDeque;

use data::{Columns, Source};
use engine::{Engine, Pace, Strategy};
use model::market::LevelUpdate;
use model::venue::{AccountRequest, Request, VenueEvent};
use model::{
    AccountId, Effect, Effects, Entry, Input, Instrument, Link, Outcome, RequestId, Timestamp,
};
use sim_venue::SimVenue;

use crate::delay::Way;
use crate::equity::Equity;
use crate::failed::Failed;
use crate::failing::State;
use crate::feed::{END, Feed, Market};
use crate::memory::Memory;
use crate::path::Intrabar;
use crate::report::{FeeTierReached, Report};
use crate::setup::Setup;
use crate::startup::{Parts, parts};
use crate::tally::Tally;
use crate::waits::Waiting;
use crate::wire::{Under, Wire};

/// Rows between two looks at how far it is.
const LOOK_ROWS: u64 = 65_536;
/// The gateway's alarms have this resolution, nanoseconds.
const TICK: i64 = 1_000_000;

/// What is done with each record of the gateway.
pub type Journal = Box<dyn FnMut(&Entry) + Send>;

/// A gateway, a strategy, an exchange and what was recorded.
pub struct Backtest<S> {
    pub(crate) engine: Engine<S>,
    pub(crate) venue: SimVenue,
    pub(crate) account: AccountId,
    /// `None` while it is being read from. Files take turns with every few rows, and in a box they move as a pointer.
    feeds: Vec<Option<Box<Feed>>>,
    pub(crate) markets: Vec<Market>,
    instruments: Vec<Instrument>,
    pub(crate) intrabar: Intrabar,
    pub(crate) wire: Wire,
    pub(crate) ways: Ways,
    /// What of the exchange fails.
    pub(crate) trouble: State,
    /// How much the exchange remembers.
    pub(crate) memory: Memory,
    /// Market data on its way to the gateway.
    pub(crate) lagged: VecDeque<(i64, Input)>,
    /// Changes of a book that are told as one.
    pub(crate) waiting: Waiting,
    /// Requests that arrived between two bars, by market.
    pub(crate) held: VecDeque<(usize, RequestId, Box<AccountRequest>)>,
    wake: i64,
    effects: Effects,
    pub(crate) events: Vec<VenueEvent>,
    pub(crate) spare: Vec<Vec<LevelUpdate>>,
    tally: Tally,
    pub(crate) equity: Equity,
    journal: Option<Journal>,
    pub(crate) rows: u64,
    pub(crate) bars: u64,
    pub(crate) now: i64,
    /// The market is told as it was recorded, whatever the account did to it.
    pub(crate) as_recorded: bool,
}

/// The three ways that messages take.
pub(crate) struct Ways {
    pub(crate) feed: Way,
    pub(crate) entry: Way,
    pub(crate) response: Way,
    pub(crate) feed_is_instant: bool,
}

impl<S: Strategy> Backtest<S> {
    /// A backtest that is about to begin. `make` gets the instruments that the files are of; `journal` gets every
    /// record of the gateway.
    pub fn new(
        setup: &Setup,
        sources: Vec<Box<dyn Source>>,
        journal: Option<Journal>,
        make: impl FnOnce(&[Instrument]) -> S,
    ) -> Result<Backtest<S>, Failed> {
        let (parts, begin) = parts(setup, sources, make)?;
        let Parts { engine, venue, account, feeds, first, markets, instruments, effects } = parts;
        let seed = |way: u64| setup.seed.wrapping_mul(3).wrapping_add(way);
        let feed = Way::new(setup.latency.feed, seed(0));
        let ways = Ways {
            feed_is_instant: feed.is_instant(),
            feed,
            entry: Way::new(setup.latency.entry, seed(1)),
            response: Way::new(setup.latency.response, seed(2)),
        };
        let equity = Equity::new(&venue, account, &instruments, begin);
        let mut backtest = Backtest {
            engine,
            venue,
            account,
            feeds: feeds.into_iter().map(Box::new).map(Some).collect(),
            markets,
            instruments,
            intrabar: setup.intrabar,
            wire: Wire::default(),
            ways,
            trouble: State::new(&setup.trouble, first, setup.seed),
            memory: Memory::default(),
            lagged: VecDeque::new(),
            waiting: Waiting::default(),
            held: VecDeque::new(),
            wake: END,
            effects,
            events: Vec::new(),
            spare: Vec::new(),
            tally: Tally::default(),
            equity,
            journal,
            rows: 0,
            bars: 0,
            now: begin.nanos(),
            as_recorded: setup.of_run.is_some(),
        };
        backtest.carry_out();
        backtest.gateway_hears(&Input::Clock { ahead_ms: 0 });
        for link in [Link::Account, Link::Market] {
            let cause = "the backtest begins".to_owned();
            backtest.gateway_hears(&Input::Link { link, up: true, cause });
        }
        Ok(backtest)
    }

    /// What the strategy wants reaches the gateway when this says.
    pub fn paced_by(&mut self, pace: Pace) {
        self.engine.paced_by(pace);
    }

    /// The gateway and the strategy.
    pub fn engine(&self) -> &Engine<S> {
        &self.engine
    }

    /// Bytes of the files that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.feeds.iter().flatten().map(|feed| feed.bytes_read()).sum()
    }

    /// Runs to the end of all files. `look` is called now and then, with the bytes and rows read so far.
    pub fn run(&mut self, mut look: impl FnMut(u64, u64)) -> Result<(), Failed> {
        let mut looked = 0;
        while self.advance()? {
            if self.rows - looked >= LOOK_ROWS {
                looked = self.rows;
                look(self.bytes_read(), self.rows);
            }
        }
        self.finish();
        Ok(())
    }

    /// What came of it.
    pub fn report(&mut self) -> Report {
        let tier = self.venue.fee_tier(Timestamp::from_nanos(self.now), self.account);
        let report = Report::of(&self.tally, &self.equity, &self.instruments, self.rows, self.bars);
        let trouble = self.trouble.is_on.then_some(self.trouble.counts);
        Report { fee_tier: tier.map(FeeTierReached::of), trouble, ..report }
    }

    /// The rows of one file up to where another one, or something else, is next. False at the end of all.
    fn advance(&mut self) -> Result<bool, Failed> {
        let mut first: Option<(i64, usize)> = None;
        let mut limit = END;
        for (at, feed) in self.feeds.iter_mut().enumerate() {
            let Some(feed) = feed else { continue };
            feed.refill()?;
            let next = feed.next_at();
            match first {
                // A tie stays with the file named before.
                Some((time, _)) if next < time => {
                    limit = limit.min(time - 1);
                    first = Some((next, at));
                }
                Some(_) => limit = limit.min(next),
                None => first = Some((next, at)),
            }
        }
        let Some((next, at)) = first.filter(|(next, _)| *next != END) else { return Ok(false) };
        self.pass_until(next);
        let Some(mut feed) = self.feeds.get_mut(at).and_then(Option::take) else {
            return Ok(false);
        };
        let done = match feed.batch.columns {
            Columns::Trades(_) => self.trades(&mut feed, limit),
            Columns::Bars(_) => self.bars(&mut feed, limit),
            Columns::Quotes(_) => self.quotes(&mut feed, limit),
            Columns::Book(_) => self.book(&mut feed, limit),
        };
        self.feeds[at] = Some(feed);
        done.map(|()| true)
    }

    /// The next time at which something else than a row is due.
    pub(crate) fn due(&self) -> i64 {
        let lagged = self.lagged.front().map_or(END, |(at, _)| *at);
        let wanted = self.engine.next_intent_at().map_or(END, Timestamp::nanos);
        self.wire.next_at().min(self.wake).min(lagged).min(self.trouble.next).min(wanted)
    }

    /// Everything that is due before a row at this time. Rows go first of what has one time.
    pub(crate) fn pass_until(&mut self, row: i64) {
        loop {
            let due = self.due();
            if due >= row {
                return;
            }
            self.now = self.now.max(due);
            if self.trouble.next == due {
                self.tell_what_waits();
                self.trouble_turns();
            } else if self.lagged.front().is_some_and(|(at, _)| *at == due) {
                if let Some((_, mut input)) = self.lagged.pop_front() {
                    self.gateway_hears(&input);
                    self.keep_levels(&mut input);
                }
            } else if self.engine.next_intent_at().is_some_and(|at| at.nanos() == due) {
                self.tell_what_waits();
                self.engine.deliver(Timestamp::from_nanos(self.now), &mut self.effects);
                self.carry_out();
            } else if self.wake == due {
                self.wake = END;
                self.gateway_hears(&Input::Wake);
            } else if let Some((_, what)) = self.wire.take() {
                self.is_there(what);
            }
        }
    }

    /// All that was under way is there, and nothing new is asked for: the data has ended.
    fn finish(&mut self) {
        let last = self.now;
        self.tell_what_waits();
        // What was sent in the last moment is answered by the market as it was then.
        self.pass_until(last.saturating_add(1));
        self.equity.ends(last);
    }

    /// The gateway takes something into account, and what it wants is done.
    pub(crate) fn gateway_hears(&mut self, input: &Input) {
        self.tell_what_waits();
        self.engine.apply(Timestamp::from_nanos(self.now), input, &mut self.effects);
        if !self.effects.is_empty() {
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        // Most are read where they lie: they are large.
        for effect in &effects {
            match effect {
                Effect::Persist(entry) => {
                    self.tally.take(entry);
                    if let Some(journal) = &mut self.journal {
                        journal(entry);
                    }
                }
                Effect::Send { id, request: Request::Account(request), .. } => {
                    self.sends(*id, Box::new(request.clone()));
                }
                Effect::Send { id, request: Request::Market(_), .. } => {
                    let outcome = Outcome::NotSent("nothing public is asked for".to_owned());
                    self.trouble.is_asked(*id);
                    self.wire.send(self.now, Under::Answer(*id, Box::new(outcome)));
                }
                Effect::WakeAt(at) => self.wake = self.wake.min(at.nanos().max(self.now + TICK)),
                // Nothing is lost on the way, and nobody is there to be told.
                Effect::Distrust { .. } | Effect::Notify(_) => {}
            }
        }
        effects.clear();
        self.effects = effects;
    }
}

#[cfg(test)]
mod tests;

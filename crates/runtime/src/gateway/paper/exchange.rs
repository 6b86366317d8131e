//! The exchange of a paper run: a simulated one whose market is what the live feeds tell.
//!
//! What the market does is done here when the gateway hears of it. A request arrives after its latency and meets
//! the book as it is known then; its answer and what it did to the account leave at once and are under way as
//! long. Of the simulated exchange only the account is told: the market is the live one, as it was heard.
//!
//! All that happens here has one order, and times that rise: a request is there its latency after it was decided (or at
//! once, where it took longer to come here), and what is heard of the market is heard behind all that was done before.
//! The recording has those times, and the journal those of the decisions, so a replay of both meets the same book
//! with every request (`docs/gap.md`).
//!
//! A book that is not known is empty. Nothing fills on it, and a trade printed meanwhile fills nothing either: who
//! stood before whom nobody knows.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ::budget::{Charge, Counted, Limit, Usage};
use gateway::Books;
use model::market::{Grid, MarketEvent, MarketKind};
use model::venue::{
    AccountEvent, AccountRequest, Execution, OrderKey, Response, VenueError, VenueEvent, VenueOrder,
};
use model::{
    AccountId, ClientOrderId, Input, Instrument, InstrumentId, Link, Liquidity, Outcome, RequestId,
    Timestamp, TradingMode,
};
use sim_venue::{FeeSchedule, MarketNumber, SimConfig, SimVenue};
use tokio::sync::oneshot;
use venues::server::{HttpRequest, HttpResponse, Step};

use super::before::put_back;
use super::counter::{Counter, Lets, Pending};
use super::meter::{Meter, Stop};
use venues::client::Cost;

use crate::config::{PaperConfig, VenueKind};

/// The account's name at the exchange.
const ACCOUNT: &str = "paper";
/// Numbers that each start of a gateway has for orders and trades of its own: no trade of a later one is taken for
/// one of an earlier one.
const NUMBERS: u64 = 1_000_000_000;
/// What was over for so long is forgotten, and how often.
const KEPT: Duration = Duration::from_secs(3_600);
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// The live exchange's clock is followed in steps of more than this, so that what this one tells is in the journal by
/// our own clock and a whole number of milliseconds.
const AHEAD_STEP_MS: u64 = 250;
/// Two things never happen at one time.
const TURN: Duration = Duration::from_nanos(1);

/// The number of what the core did not decide: it goes behind what the core decided for the same time.
const ASKED_BESIDE: RequestId = RequestId(u64::MAX);

/// What has left the exchange for the gateway.
pub(super) enum Leaves {
    Answer(oneshot::Sender<Told>, Told),
    Report(AccountEvent),
}

/// An answer, and what the exchange tells of its limits beside it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    /// What it has counted.
    pub(crate) used: Vec<Usage>,
    /// It says stop.
    pub(crate) stop: Option<Stop>,
}

/// When a request leaves.
#[derive(Clone, Copy)]
pub(super) struct Leaving {
    pub(super) now: Timestamp,
    pub(super) venue_now: Timestamp,
    /// When it was decided, and its number.
    pub(super) decided: Option<(Timestamp, RequestId)>,
}

/// A request on its way.
struct Request {
    /// Of what is there at one time the lower number goes first.
    number: RequestId,
    request: AccountRequest,
    cost: Cost,
    reply: oneshot::Sender<Told>,
}

/// Whose account it is.
pub(crate) struct Of<'a> {
    pub(crate) paper: &'a PaperConfig,
    /// The venue whose market and whose limits it has.
    pub(crate) venue: VenueKind,
    pub(crate) instruments: &'a [Instrument],
    /// What outlived the process before.
    pub(crate) books: &'a Books,
    pub(crate) session: u64,
    /// What opens the counter, where somebody watches: shared with the kill switch.
    pub(crate) token: Option<&'a str>,
}

struct Market {
    number: MarketNumber,
    /// The grid of its book.
    grid: Grid,
    /// Is what stands in its book what the live one has?
    is_known: bool,
    /// It is counted in another grid by now.
    is_outgrown: bool,
}

/// The exchange. Times are ours; what it tells is in the time of the live exchange, `ahead` of ours.
pub(super) struct Exchange {
    venue: SimVenue,
    account: AccountId,
    meter: Meter,
    /// Where the kill switch asks, if there is one.
    counter: Option<Counter>,
    /// Lists of orders that it has to ask for until it knows what has ended; `None` before it asked for one.
    unheard: Option<usize>,
    markets: BTreeMap<InstrumentId, Market>,
    latency: Duration,
    /// By when they are there, oldest first.
    coming: VecDeque<(Timestamp, Request)>,
    leaving: VecDeque<(Timestamp, Leaves)>,
    /// What was open when the gateway ended and cannot stand any more.
    gone: BTreeMap<ClientOrderId, VenueOrder>,
    events: Vec<VenueEvent>,
    /// The newest time that was told, in the time of the live exchange.
    told: Timestamp,
    ahead_ms: Option<i64>,
    /// When the last thing happened, by our clock.
    turn: Timestamp,
    forgot: Timestamp,
}

impl Exchange {
    /// An exchange with the account of these books and what rests by them; what they have never heard of did not
    /// happen.
    pub(super) fn open(
        Of { paper, venue: kind, instruments, books, session, token }: Of<'_>,
        venue_now: Timestamp,
    ) -> Exchange {
        let config = SimConfig {
            instruments: instruments.to_vec(),
            fees: paper.fees,
            fees_in: paper.fees_in,
        };
        let mut venue = SimVenue::new(config);
        venue.assume(paper.assumptions);
        venue.charge_by(venue_now, FeeSchedule::flat(paper.fees));
        venue.keep_no_tape();
        venue.number_behind(session.saturating_mul(NUMBERS));
        let account = AccountId::new(ACCOUNT).expect("a valid constant");
        let counted = books.counts();
        venue.add_account(account, if counted.is_empty() { &paper.cash } else { counted });
        let gone = put_back(&mut venue, account, books, venue_now);
        let fees = paper.fees;
        let counter = token.and_then(|token| {
            let lets = Lets { venue: kind, instruments, fees, account, token };
            let mut counter = Counter::open(lets)?;
            counter.hears(venue_now, &standing(&mut venue, account, venue_now), &venue);
            Some(counter)
        });
        let markets = instruments.iter().filter_map(|instrument| {
            let number = venue.number_of(instrument.id)?;
            let grid = instrument.grid();
            let market = Market { number, grid, is_known: false, is_outgrown: false };
            Some((instrument.id, market))
        });
        Exchange {
            markets: markets.collect(),
            venue,
            account,
            meter: Meter::new(kind),
            counter,
            unheard: None,
            latency: paper.latency,
            coming: VecDeque::new(),
            leaving: VecDeque::new(),
            gone,
            events: Vec::new(),
            told: venue_now,
            ahead_ms: None,
            turn: Timestamp::EPOCH,
            forgot: venue_now,
        }
    }

    /// The live exchange's clock shows this at a time of ours.
    fn is(&mut self, now: Timestamp, venue_now: Timestamp) {
        let ahead_ms = venue_now.millis().saturating_sub(now.millis());
        if self.ahead_ms.is_none_or(|before| before.abs_diff(ahead_ms) > AHEAD_STEP_MS) {
            self.ahead_ms = Some(ahead_ms);
        }
    }

    /// The time that is told, which never goes back.
    fn venue_time(&mut self, now: Timestamp) -> Timestamp {
        self.told = self.told.max(now.shifted_ms(self.ahead_ms.unwrap_or(0)));
        self.told
    }

    /// A request leaves for the exchange. Its latency counts from its decision, so that what the disk takes is a
    /// part of it; what took longer than that to come here is there at once.
    pub(super) fn sends(
        &mut self,
        Leaving { now, venue_now, decided }: Leaving,
        (request, cost): (AccountRequest, Cost),
        reply: oneshot::Sender<Told>,
    ) {
        self.is(now, venue_now);
        let number = decided.map_or(ASKED_BESIDE, |(_, number)| number);
        let decided = decided.map(|(at, _)| at);
        self.comes(now, decided, Request { number, request, cost, reply });
    }

    fn comes(&mut self, now: Timestamp, decided: Option<Timestamp>, request: Request) {
        let decided = decided.unwrap_or(now).min(now);
        let at = decided.after(self.latency).max(self.turn.after(TURN));
        let behind =
            |(there, other): &(Timestamp, Request)| (*there, other.number) <= (at, request.number);
        let place = self.coming.partition_point(behind);
        self.coming.insert(place, (at, request));
    }

    /// A request at the counter: answered, or what the exchange is to be asked for it. `None` where there is no counter.
    pub(super) fn hears_at_door(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
    ) -> Option<Step<HttpResponse, Pending>> {
        self.pass(now);
        let time = self.venue_time(now);
        if self.counter.as_ref().is_some_and(|counter| counter.lists_orders(request)) {
            self.unheard = Some(self.unheard.unwrap_or(self.markets.len()).saturating_sub(1));
        }
        let Exchange { counter, venue, .. } = self;
        Some(counter.as_mut()?.http(time, request, venue))
    }

    /// Does the kill switch know of every order that has ended, if it is there?
    pub(super) fn is_heard(&self) -> bool {
        self.unheard.unwrap_or(0) == 0
    }

    /// What the counter asks leaves for the exchange. It counts by itself.
    pub(super) fn sends_from_door(
        &mut self,
        now: Timestamp,
        request: AccountRequest,
        reply: oneshot::Sender<Told>,
    ) {
        let cost = Cost { charge: Charge::default(), free_when_it_works: None, places: false };
        self.comes(now, None, Request { number: ASKED_BESIDE, request, cost, reply });
    }

    /// The exchange's answer at the counter.
    pub(super) fn replies_at_door(
        &mut self,
        now: Timestamp,
        pending: Pending,
        done: Result<Response, VenueError>,
    ) -> Option<Step<HttpResponse, Pending>> {
        let time = self.venue_time(now);
        Some(self.counter.as_mut()?.reply(time, pending, done))
    }

    /// The venue's metadata say what it allows.
    pub(super) fn learn(&mut self, limits: &[Limit]) {
        self.meter.learn(limits);
    }

    /// Something was heard of the live exchange. Returns when that was in the order of all that happens here.
    pub(super) fn hears(
        &mut self,
        (now, venue_now): (Timestamp, Timestamp),
        input: &Input,
    ) -> Timestamp {
        self.is(now, venue_now);
        match input {
            Input::Market(event) => {
                let now = self.takes_a_turn(now);
                self.moves(now, event);
                now
            }
            Input::Link { link: Link::Market, up: false, .. } => {
                let now = self.takes_a_turn(now);
                let all: Vec<InstrumentId> = self.markets.keys().copied().collect();
                all.into_iter().for_each(|id| self.book_is_lost(now, id));
                now
            }
            Input::Instruments { found, gone } => {
                let now = self.takes_a_turn(now);
                found.iter().for_each(|found| self.has_rules(now, found));
                gone.iter().for_each(|id| self.venue.set_mode(*id, TradingMode::Halted));
                now
            }
            // Nothing of the market.
            _ => now,
        }
    }

    /// The time of something that happens now, behind all that is there by then.
    fn takes_a_turn(&mut self, now: Timestamp) -> Timestamp {
        self.pass(now);
        self.turn = now.max(self.turn.after(TURN));
        self.turn
    }

    fn moves(&mut self, now: Timestamp, event: &MarketEvent) {
        let time = self.venue_time(now);
        let Some(market) = self.markets.get_mut(&event.instrument) else { return };
        if market.is_outgrown {
            return;
        }
        match &event.kind {
            MarketKind::Book(update) if update.snapshot || market.is_known => {
                market.is_known = true;
                let number = market.number;
                let (clear, levels) = (update.snapshot, update.levels.as_slice());
                self.venue.recorded_book(time, number, clear, levels, &mut self.events);
                self.publish(now);
            }
            MarketKind::Trade(trade) if market.is_known => {
                let (number, print) = (market.number, (trade.price, trade.qty));
                let side = trade.taker_side;
                self.venue.recorded_trade_of(time, number, print, side, &mut self.events);
                self.publish(now);
            }
            MarketKind::BookLost => self.book_is_lost(now, event.instrument),
            // Changes to a book that is not known, trades of long ago, and what says nothing new.
            MarketKind::Book(_)
            | MarketKind::Trade(_)
            | MarketKind::LateTrade(_)
            | MarketKind::Quote(_)
            | MarketKind::Candle(_) => {}
        }
    }

    /// From here to the next snapshot there is nobody to trade with.
    fn book_is_lost(&mut self, now: Timestamp, id: InstrumentId) {
        let time = self.venue_time(now);
        let Some(market) = self.markets.get_mut(&id) else { return };
        market.is_known = false;
        let number = market.number;
        self.venue.recorded_book(time, number, true, &[], &mut self.events);
        self.publish(now);
    }

    /// The rules of an instrument, in the steps of the grid that its book has. In a finer one nothing can be
    /// counted here: nothing trades until the gateway is started again.
    fn has_rules(&mut self, now: Timestamp, found: &Instrument) {
        let Some(market) = self.markets.get_mut(&found.id) else { return };
        let is_finer = market.grid.joined(found.grid()) != market.grid;
        if is_finer && !std::mem::replace(&mut market.is_outgrown, true) {
            tracing::error!(
                instrument = %found.id,
                "the exchange has made its steps finer: this paper account cannot trade it until the gateway is \
                 started again"
            );
            self.book_is_lost(now, found.id);
        }
        let is_outgrown = self.markets.get(&found.id).is_some_and(|market| market.is_outgrown);
        let set = self.venue.set_rules(found.id, found.tick, found.lot, found.limits);
        let is_open = set.is_some() && !is_outgrown;
        let mode = if is_open { found.mode } else { TradingMode::Halted };
        self.venue.set_mode(found.id, mode);
    }

    /// Everything that is there by now.
    pub(super) fn pass(&mut self, now: Timestamp) {
        while let Some((at, Request { request, cost, reply, .. })) =
            self.coming.pop_front_if(|(at, _)| *at <= now)
        {
            self.turn = self.turn.max(at);
            let time = self.venue_time(at);
            let (done, stop) = self.admits(time, &request, &cost);
            // Before what is counted is told.
            self.publish(at);
            let used = self.meter.told(time);
            let outcome = match done {
                Ok(response) => Outcome::Done(response),
                Err(refusal) => Outcome::Refused(refusal),
            };
            let told = Told { outcome, used, stop };
            self.leaving.push_back((at.after(self.latency), Leaves::Answer(reply, told)));
        }
        if now.since(self.forgot) > FORGET_EVERY {
            self.forgot = now;
            let time = self.venue_time(now);
            self.venue.forget(time.before(KEPT));
        }
    }

    /// Counts what has arrived, and answers it unless there was too much before it.
    fn admits(
        &mut self,
        time: Timestamp,
        request: &AccountRequest,
        cost: &Cost,
    ) -> (Result<Response, VenueError>, Option<Stop>) {
        if let Err((refusal, stop)) = self.meter.charge(time, &cost.charge) {
            return (Err(refusal), Some(stop));
        }
        let done = self.answers(time, request);
        let free = cost.free_when_it_works.filter(|_| done.is_ok());
        let none = (cost.places && done.is_err()).then_some((Counted::Order, 1));
        for (counts, amount) in free.into_iter().chain(none) {
            self.meter.give_back(time, counts, amount);
        }
        (done, None)
    }

    fn answers(
        &mut self,
        time: Timestamp,
        request: &AccountRequest,
    ) -> Result<Response, VenueError> {
        if let AccountRequest::Order { order, .. } = request
            && let Some(order) = self.gone_by(order)
        {
            return Ok(Response::Order(order.clone()));
        }
        self.venue.execute(time, self.account, request, &mut self.events)
    }

    fn gone_by(&self, key: &OrderKey) -> Option<&VenueOrder> {
        match key {
            OrderKey::Venue(id) => self.gone.values().find(|order| order.id == *id),
            OrderKey::Client(id) => self.gone.get(id),
            OrderKey::Both(id, name) => self.gone.get(name).filter(|order| order.id == *id),
        }
    }

    /// What the account is told leaves.
    fn publish(&mut self, at: Timestamp) {
        let arrives = at.after(self.latency);
        // Nothing overtakes what left before it.
        let arrives = self.leaving.back().map_or(arrives, |(last, _)| arrives.max(*last));
        let time = self.told;
        if let Some(counter) = &mut self.counter {
            counter.hears(time, &self.events, &self.venue);
        }
        for event in self.events.drain(..) {
            if let VenueEvent::Account { event, .. } = event {
                if let AccountEvent::Order { order, .. } = &event
                    && !order.status.is_open()
                    && let Some(unheard) = &mut self.unheard
                {
                    *unheard = self.markets.len();
                }
                if let AccountEvent::Order { order, execution: Execution::Trade(fill), .. } = &event
                    && order.filled == fill.qty
                {
                    let made = fill.liquidity == Liquidity::Maker;
                    self.meter.first_execution(fill.venue_time, made);
                }
                self.leaving.push_back((arrives, Leaves::Report(event)));
            }
        }
    }

    /// The next thing that is at the gateway by now.
    pub(super) fn leaves(&mut self, now: Timestamp) -> Option<Leaves> {
        self.leaving.pop_front_if(|(at, _)| *at <= now).map(|(_, leaves)| leaves)
    }

    /// When something is there next.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let coming = self.coming.front().map(|(at, _)| *at);
        let leaving = self.leaving.front().map(|(at, _)| *at);
        coming.into_iter().chain(leaving).min()
    }
}

/// What is open, as the exchange would have told when it came.
fn standing(venue: &mut SimVenue, account: AccountId, now: Timestamp) -> Vec<VenueEvent> {
    let mut events = Vec::new();
    let open = venue.execute(now, account, &AccountRequest::OpenOrders(None), &mut events);
    let Ok(Response::Orders(open)) = open else { return Vec::new() };
    let told = open.into_iter().zip(1..).map(|(order, execution_id)| {
        let (time, execution) = (order.created, Execution::New);
        let event = AccountEvent::Order { order, execution, execution_id, time };
        VenueEvent::Account { account, event }
    });
    told.collect()
}

#[cfg(test)]
mod tests;

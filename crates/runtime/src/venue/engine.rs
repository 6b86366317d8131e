//! The exchange as it is asked by accounts: with its own clock, a memory of the recent past, and
//! what stands in line while it is stalled.

use std::time::Duration;

use model::venue::{AccountRequest, Response, VenueError, VenueEvent};
use model::{
    AccountId, Decimal, Fill, Instrument, InstrumentId, Notional, OrderLimits, Price, Qty, Side,
    Step, Timestamp, TradeId, TradingMode, VenueOrderId,
};
use sim_venue::{Background, SimVenue};

use super::faults::{Conditions, FaultId, Faults, FilterChange, LAG_MAX_MS};
use super::history::History;
use super::reads::{self, Question};

/// The exchange behind the dialect.
pub(super) struct Engine {
    pub(super) exchange: SimVenue,
    pub(super) history: History,
    /// What has happened and has not been told yet.
    pub(super) events: Vec<VenueEvent>,
    /// Orders that are only pretended, with the real time of their rejection.
    rejections: Vec<(Timestamp, VenueOrderId)>,
    conditions: Conditions,
    /// The rules on orders while no fault changes them.
    usual: Vec<Instrument>,
    time: Timestamp,
}

impl Engine {
    pub(super) fn new(exchange: SimVenue) -> Engine {
        let kept = Duration::from_millis(LAG_MAX_MS.unsigned_abs());
        let usual = exchange.instruments().cloned().collect();
        let history = History::new(kept, exchange.oracle().balances);
        Engine {
            exchange,
            history,
            events: Vec::new(),
            rejections: Vec::new(),
            conditions: Conditions::default(),
            usual,
            time: Timestamp::EPOCH,
        }
    }

    /// The venue's clock, which may be wrong.
    pub(super) fn venue_time(&self, now: Timestamp) -> Timestamp {
        let skew = Duration::from_millis(self.conditions.skew_ms.unsigned_abs());
        if self.conditions.skew_ms < 0 { now.before(skew) } else { now.after(skew) }
    }

    /// The time by which the exchange works: the venue's, but it never goes back.
    fn engine_time(&mut self, now: Timestamp) -> Timestamp {
        self.time = self.time.max(self.venue_time(now));
        self.time
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.conditions.stalled
    }

    /// Makes the exchange what the faults under way want it to be.
    pub(super) fn set_conditions(&mut self, now: Timestamp, conditions: Conditions) {
        let before = std::mem::replace(&mut self.conditions, conditions);
        if before.mode != conditions.mode {
            self.set_mode(conditions.mode);
        }
        if before.filters != conditions.filters {
            self.set_rules(conditions.filters);
        }
        if (before.no_bids, before.no_asks) != (conditions.no_bids, conditions.no_asks) {
            let time = self.engine_time(now);
            let Engine { exchange, events, .. } = self;
            exchange.hide_background(time, Side::Buy, conditions.no_bids, events);
            exchange.hide_background(time, Side::Sell, conditions.no_asks, events);
        }
    }

    /// Opens, restricts or halts trading of every instrument.
    fn set_mode(&mut self, mode: TradingMode) {
        let all: Vec<InstrumentId> = self.exchange.instruments().map(|i| i.id).collect();
        all.into_iter().for_each(|instrument| self.exchange.set_mode(instrument, mode));
    }

    /// Multiplies the usual rules on orders for every instrument. What cannot be represented stays.
    fn set_rules(&mut self, times: FilterChange) {
        for usual in &self.usual {
            let Some((tick, lot, limits)) = multiplied(usual, times) else { continue };
            // On the usual grid, for they are multiples of the usual steps.
            let _ = self.exchange.set_rules(usual.id, tick, lot, limits);
        }
    }

    /// Must this request stand in line? Questions are answered from what is known.
    pub(super) fn must_wait(&self, request: &AccountRequest) -> bool {
        self.conditions.stalled && !reads::is_read(request)
    }

    /// Takes back every order of an account.
    pub(super) fn take_all_back(&mut self, now: Timestamp, account: AccountId) {
        let time = self.engine_time(now);
        let all: Vec<InstrumentId> = self.exchange.instruments().map(|i| i.id).collect();
        for instrument in all {
            let request = AccountRequest::CancelAll(instrument);
            // Nothing open is no failure, and nothing else can fail.
            let _ = self.exchange.execute(time, account, &request, &mut self.events);
        }
    }

    /// Carries out a request of an account, or tells what faults make of its answer.
    pub(super) fn ask(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &AccountRequest,
        route: &str,
        faults: &mut Faults,
    ) -> Result<Response, VenueError> {
        let time = self.engine_time(now);
        if let AccountRequest::Place(order) = request
            && let Some((id, after)) = faults.pretends(now, route)
        {
            let answer = self.exchange.pretend(time, account, order);
            if let Ok(Response::Placed { order, .. }) = &answer {
                faults.fired(id);
                self.rejections.push((now.after(after), order.id));
            }
            return answer;
        }
        if !reads::is_read(request) {
            return self.exchange.execute(time, account, request, &mut self.events);
        }
        let reading = faults.reading(now, route);
        let put = reads::capped(request, &reading);
        let truth = self.exchange.execute(time, account, &put, &mut self.events);
        let history = &self.history;
        let question = Question { now: time, account, request, reading: &reading, history };
        let (told, fired): (_, Vec<FaultId>) = question.told(truth);
        fired.into_iter().for_each(|id| faults.fired(id));
        told
    }

    /// The market around the accounts moves.
    pub(super) fn background(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        event: &Background,
    ) {
        let time = self.engine_time(now);
        self.exchange.background(time, instrument, event, &mut self.events);
    }

    /// Orders that last until a date end when it comes.
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        let time = self.engine_time(now);
        self.exchange.pass_time(time, &mut self.events);
    }

    /// A deposit, or a withdrawal of at most what is free.
    pub(super) fn transfer(
        &mut self,
        now: Timestamp,
        account: AccountId,
        asset: model::Asset,
        amount: model::Amount,
    ) {
        let time = self.engine_time(now);
        self.exchange.transfer(time, account, asset, amount, &mut self.events);
    }

    /// Takes an execution of an account back, the newest where none is named.
    pub(super) fn bust(
        &mut self,
        now: Timestamp,
        account: AccountId,
        trade: Option<TradeId>,
    ) -> Option<Fill> {
        let time = self.engine_time(now);
        self.exchange.bust(time, account, trade, &mut self.events)
    }

    /// Executes one lot more of the account's newest order that is filled.
    pub(super) fn overfill(&mut self, now: Timestamp, account: AccountId) -> Option<Fill> {
        let time = self.engine_time(now);
        self.exchange.overfill(time, account, &mut self.events)
    }

    /// Rejects the pretended orders that are due.
    pub(super) fn reject_due(&mut self, now: Timestamp) {
        let time = self.engine_time(now);
        let Engine { rejections, exchange, events, .. } = self;
        rejections.retain(|(at, id)| {
            let is_due = *at <= now;
            if is_due {
                exchange.reject(time, *id, events);
            }
            !is_due
        });
    }
}

/// The rules of an instrument, multiplied; `None` when they cannot be represented.
fn multiplied(usual: &Instrument, by: FilterChange) -> Option<(Step, Step, OrderLimits)> {
    let times = |number: Decimal, by: u32| number.checked_times(i64::from(by));
    let step = |step: Step, by| Step::try_from(times(step.get(), by)?).ok();
    let (tick, lot) = (step(usual.tick, by.tick)?, step(usual.lot, by.lot)?);
    let notional_min = Notional::try_from(times(usual.limits.notional_min.get(), by.notional)?);
    let qty_min = usual.limits.qty_min.max(Qty::try_from(lot.get()).ok()?);
    let price_min = usual.limits.price_min.map(|min| min.get().max(tick.get()));
    let price_min = price_min.map(Price::try_from).transpose().ok()?;
    let notional_min = notional_min.ok()?;
    Some((tick, lot, OrderLimits { notional_min, qty_min, price_min, ..usual.limits }))
}

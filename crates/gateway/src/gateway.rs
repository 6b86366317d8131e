//! The gateway itself: what it knows, and the one function that everything goes through.
//!
//! The work behind each input has a file of its own, by the question that it answers: `ARCHITECTURE.md` has the
//! table. What is done next by time alone is in `quiet.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::market::Markets;
use model::venue::{AccountEvent, AccountRequest, KeyAudit, Profile, Request};
use model::{
    AgentEvent, AgentId, Alert, AlertKey, ByInstrument, ClientOrderId, Command, Effect, Effects,
    Entry, FeedHealth, FeedNotice, GateOverride, Input, Instrument, InstrumentId, LimitsVersion,
    Link, Notice, OrderIdSequence, Record, RequestId, StoreTag, Timestamp, TradingState,
};

use crate::books::{Books, TrackedOrder};
use crate::breakers::Breakers;
use crate::defects::Defect;
use crate::doubts::Doubts;
use crate::equity::Equity;
use crate::flattening::Flatten;
use crate::foreign_orders::ForeignOrders;
use crate::headroom::Headroom;
use crate::hearing::Hearing;
use crate::late_stops::{LateStops, Stops};
use crate::limits::Limits;
use crate::parts::{Parts, WHOLE};
use crate::purpose::Purpose;
use crate::readings::{BalancesDue, Reading};
use crate::references::References;
use crate::resuming::Resume;
use crate::risk::Refusals;
use crate::schedule::Ramp;
use crate::stakes::Stakes;
use crate::surveys::Surveys;
use crate::told::Told;
use crate::watched::Watchdog;

/// Whose orders the gateway's own are: those by which it closes positions. No agent can have this name.
pub const OWN_AGENT: &str = "plimsoll";

/// What a gateway is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The limits that every order is held to.
    pub limits: Limits,
    /// How the venue behaves.
    pub profile: Profile,
    /// What is done about orders on the account that this gateway did not place.
    pub foreign_orders: ForeignOrders,
    /// What is done about a protective stop that should be done and is not.
    pub late_stops: LateStops,
    /// Is there a watchdog? Then nothing that adds risk is sent without its lease.
    pub watched: bool,
    /// Is the account a paper account, which no exchange has?
    pub paper: bool,
    /// How much of the limits holds how soon; `None` where all of them hold from the start.
    pub ramp: Option<Ramp>,
    /// Gates that are not met, and that a person has opened.
    pub overridden: Vec<GateOverride>,
    /// How often the books are compared with the venue's while nothing is wrong.
    pub reconcile_every: Duration,
    /// Version of the binary, for the journal.
    pub version: String,
    /// The effective configuration without secrets, for the journal.
    pub text: String,
}

/// The order firewall of one account at one venue.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) config: Config,
    /// What of the limits holds by the ramp and while throttled.
    pub(crate) parts: Parts,
    /// Whose orders the gateway's own slices are.
    pub(crate) own: Option<AgentId>,
    pub(crate) books: Books,
    pub(crate) markets: Markets,
    pub(crate) ids: OrderIdSequence,
    /// Names the limits of `config`.
    pub(crate) limits_version: LimitsVersion,
    pub(crate) references: References,
    pub(crate) headroom: Headroom,
    /// The account was valued since that was counted.
    pub(crate) headroom_is_old: bool,
    /// What of it is spoken for.
    pub(crate) stakes: Stakes,
    pub(crate) refusals: BTreeMap<InstrumentId, Refusals>,
    /// What is followed and not listed by the venue any more.
    pub(crate) gone: BTreeSet<InstrumentId>,
    pub(crate) outstanding: BTreeMap<RequestId, Purpose>,
    pub(crate) doubts: Doubts,
    pub(crate) surveys: Surveys,
    pub(crate) reading: Reading,
    pub(crate) balances: BalancesDue,
    /// Time of this start: what executed before it and is not ours is history, not news.
    pub(crate) started_at: Timestamp,
    next_request: u64,
    pub(crate) market_up: bool,
    pub(crate) account_up: bool,
    /// How each instrument's data was when it was last looked at, and since when.
    pub(crate) feeds: ByInstrument<(FeedHealth, Timestamp)>,
    pub(crate) hearing: Hearing,
    pub(crate) told: Told,
    /// The venue's clock minus ours, milliseconds, as last measured.
    pub(crate) venue_ahead_ms: i64,
    /// The last two measurements of that differ too much.
    pub(crate) clock_unsure: bool,
    /// The key as it was last told.
    pub(crate) audited: Option<KeyAudit>,
    pub(crate) equity: Equity,
    pub(crate) breakers: Breakers,
    pub(crate) resume: Resume,
    pub(crate) flatten: Flatten,
    pub(crate) stops: Stops,
    /// How far the selling instead of late stops is.
    pub(crate) cover: Flatten,
    pub(crate) watchdog: Watchdog,
    pub(crate) state: TradingState,
    pub(crate) cause: String,
    /// The state that people were last told of, and its cause.
    pub(crate) level_told: (TradingState, String),
    pub(crate) wake_at: Option<Timestamp>,
    /// Until then nothing is done by time alone (`quiet.rs`).
    pub(crate) quiet_until: Timestamp,
}

impl Gateway {
    /// Takes over an account: with the books of earlier sessions (replayed from the journal), the
    /// tag of its store and a session number that was never used before.
    ///
    /// What had been written down and not answered when the last session ended is in doubt now.
    pub fn start(
        config: Config,
        mut books: Books,
        store: StoreTag,
        session: u64,
        instruments: Vec<Instrument>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Gateway {
        let record = Record::Started {
            session,
            version: config.version.clone(),
            config: config.text.clone(),
            paper: config.paper,
        };
        let entry = Entry { at: now, record };
        books.apply(&entry);
        effects.push(Effect::Persist(entry));
        let mut equity = Equity::new(config.limits.breakers.valuation, &instruments);
        if let Some((mark, _)) = books.equity_mark() {
            equity.were_priced(&mark.assets);
        }
        let breakers =
            Breakers::of(&config.limits.breakers, config.profile.order_validity, &books, now);
        let parts = Parts::of(&config.limits, books.ramped().percent().unwrap_or(WHOLE));
        let mut markets = Markets::default();
        for instrument in instruments {
            let known = books.instrument(instrument.id).cloned();
            // It may have changed while nobody looked.
            let instrument = instrument.on_grid_of(known.as_ref());
            if known.is_some_and(|known| known != instrument) {
                let record = Record::Rules { instrument: Box::new(instrument.clone()) };
                let entry = Entry { at: now, record };
                books.apply(&entry);
                effects.push(Effect::Persist(entry));
            }
            markets.follow(instrument);
        }
        let limits_version = config.limits.version();
        let mut gateway = Gateway {
            parts,
            own: AgentId::new(OWN_AGENT).ok(),
            watchdog: Watchdog::new(config.watched, now),
            config,
            books,
            markets,
            ids: OrderIdSequence { store, session, used: 0 },
            limits_version,
            references: References::default(),
            headroom: Headroom::default(),
            headroom_is_old: false,
            stakes: Stakes::default(),
            refusals: BTreeMap::new(),
            gone: BTreeSet::new(),
            outstanding: BTreeMap::new(),
            doubts: Doubts::default(),
            surveys: Surveys::default(),
            reading: Reading::default(),
            balances: BalancesDue::default(),
            started_at: now,
            next_request: 0,
            market_up: false,
            account_up: false,
            feeds: ByInstrument::default(),
            hearing: Hearing::default(),
            told: Told::default(),
            venue_ahead_ms: 0,
            clock_unsure: false,
            resume: Resume::default(),
            flatten: Flatten::default(),
            stops: Stops::default(),
            cover: Flatten::default(),
            equity,
            breakers,
            audited: None,
            state: TradingState::Starting,
            cause: "not yet reconciled with the venue".to_owned(),
            level_told: (TradingState::Starting, "not yet reconciled with the venue".to_owned()),
            wake_at: None,
            quiet_until: Timestamp::EPOCH,
        };
        gateway.stake_all();
        gateway.write_overrides(now, effects);
        gateway.write_limits(now, effects);
        gateway.drop_covers(now, effects);
        gateway.doubt_everything_unanswered(now, effects);
        gateway.resume_cancels(now);
        gateway.cancel_when_due(now, effects);
        gateway.resume_foreign(now, effects);
        gateway.reconsider(now, effects);
        gateway.ask_to_be_woken(effects);
        gateway
    }

    /// Takes one input into account. Total: never fails, never waits. What cannot be done becomes
    /// an effect that says so.
    pub fn apply(&mut self, now: Timestamp, input: &Input, effects: &mut Effects) {
        let said = effects.len();
        self.doubts.live.take(now, input);
        // What comes in the moment after its end is judged without it.
        if self.lease_runs_out(now) {
            self.reconsider(now, effects);
        }
        if self.headroom_is_old && !matches!(input, Input::Market(_)) {
            self.count_headroom();
        }
        match input {
            Input::Market(event) if self.only_tells_prices(now, event) => return,
            Input::Market(event) => {
                let turns_stale = self.market(now, event, effects);
                if effects.len() == said && self.stays_quiet(now, turns_stale, effects) {
                    return;
                }
            }
            Input::Account(event) => self.account(now, event, effects),
            Input::Reply(reply) => self.reply(now, reply, effects),
            Input::Intent(intent) => self.submit(now, intent, effects),
            Input::Link { link, up, cause } => self.link(now, *link, *up, cause, effects),
            Input::Feed(notice) => self.feed(now, notice, effects),
            Input::Instruments { found, gone } => self.rules_read(now, found, gone, effects),
            Input::Clock { ahead_ms } => self.clocks_compared(now, *ahead_ms, effects),
            Input::Watchdog(notice) => self.watchdog_says(now, notice, effects),
            Input::Key(audit) => self.key_audited(now, audit, effects),
            Input::Operator(command) => self.operator(now, command, effects),
            Input::Wake => {
                self.wake_at = None;
                self.judge_feeds(now, effects);
            }
        }
        self.cancel_when_due(now, effects);
        self.cancel_foreign_when_due(now, effects);
        self.ask_about_doubts(now, effects);
        self.listen(now, effects);
        self.read_when_due(now, effects);
        self.ask_for_balances_when_due(now, effects);
        self.flatten_when_due(now, effects);
        self.look_at_stops(now, effects);
        self.cover_when_due(now, effects);
        self.watch(now, effects);
        self.reconsider(now, effects);
        self.write_down_alerts(now, said, effects);
        self.ask_to_be_woken(effects);
    }

    /// Of this instrument nobody tells the book; see [`Markets::price_by_prints`].
    pub fn price_by_prints(&mut self, instrument: InstrumentId) {
        self.markets.price_by_prints(instrument);
    }

    /// What is known of the market.
    pub fn markets(&self) -> &Markets {
        &self.markets
    }

    /// Our books.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Open orders that could add risk: what has to be gone when nobody watches any more.
    pub fn entries(&self) -> impl Iterator<Item = &TrackedOrder> {
        self.books.entries()
    }

    /// What is let through, and why not more.
    pub fn state(&self) -> (TradingState, &str) {
        (self.state, &self.cause)
    }

    /// Is this deliberate bug in here? See `defects.rs`.
    pub(crate) fn is(&self, defect: Defect) -> bool {
        self.books.planted.is(defect)
    }

    /// When the last complete comparison of the books began.
    pub fn compared_from(&self) -> Timestamp {
        self.reading.concluded_from
    }

    /// Requests that have not been answered yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Writes a fact down: into the books now, into the journal before anything that follows.
    pub(crate) fn record(&mut self, now: Timestamp, record: Record, effects: &mut Effects) {
        if matches!(record, Record::Filled { .. } | Record::Ended { .. }) {
            self.balances_are_due(now);
        }
        let unrecorded = self.is(Defect::Unrecorded)
            && matches!(record, Record::CancelRejected { .. } | Record::InDoubt { .. });
        let entry = Entry { at: now, record };
        self.books.apply(&entry);
        self.venue_answered(&entry, effects);
        self.note(&entry);
        self.note_stakes(&entry.record);
        if !unrecorded {
            effects.push(Effect::Persist(entry));
        }
    }

    /// Asks the venue something; the answer comes back with `purpose`.
    pub(crate) fn send(
        &mut self,
        purpose: Purpose,
        request: AccountRequest,
        effects: &mut Effects,
    ) {
        self.send_until(None, purpose, request, effects);
    }

    /// The same, but not later than `not_after`.
    pub(crate) fn send_until(
        &mut self,
        not_after: Option<Timestamp>,
        purpose: Purpose,
        request: AccountRequest,
        effects: &mut Effects,
    ) {
        let routine = matches!(purpose, Purpose::Read { .. }) && self.reading.routine;
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.outstanding.insert(id, purpose);
        effects.push(Effect::Send { id, request: Request::Account(request), not_after, routine });
    }

    /// Tells an order's agent where it is in its life.
    pub(crate) fn tell(&self, id: &ClientOrderId, effects: &mut Effects) {
        if let Some(order) = self.books.order(id) {
            let event = AgentEvent::Order {
                intent: order.intent,
                client_order_id: *id,
                state: order.state,
                filled: order.filled,
            };
            effects.push(Effect::Notify(Notice::Agent(order.agent, event)));
        }
    }

    fn account(&mut self, now: Timestamp, event: &AccountEvent, effects: &mut Effects) {
        self.hearing.heard(now);
        match event {
            AccountEvent::Order { order, execution, .. } => {
                self.reported(now, order, execution, effects);
            }
            AccountEvent::Balances { balances, time } => {
                let balances = balances.iter().copied().collect();
                let record = Record::Balances { balances, venue_time: *time, partial: true };
                self.record(now, record, effects);
            }
            AccountEvent::Transfer { asset, amount, time } => {
                self.told_of_a_transfer(now, (*asset, *amount), *time, effects);
            }
        }
    }

    fn link(&mut self, now: Timestamp, link: Link, up: bool, cause: &str, effects: &mut Effects) {
        let current = match link {
            Link::Market => &mut self.market_up,
            Link::Account => &mut self.account_up,
        };
        if *current == up {
            return;
        }
        *current = up;
        self.record(now, Record::Link { link, up, cause: cause.to_owned() }, effects);
        match (link, up) {
            // What happened while it was down is only known by asking; what was read meanwhile was read
            // before the stream could have told the rest.
            (Link::Account, true) => {
                self.hearing.starts_again(now);
                self.reading_is_void(now);
                self.read_soon(now);
                if self.is(Defect::NeverAgain) && self.books.balances_since().is_some() {
                    self.reading.due = None;
                }
            }
            (Link::Account, false) => self.reading_is_void(now),
            (Link::Market, _) => {}
        }
        self.judge_feeds(now, effects);
    }

    fn feed(&mut self, now: Timestamp, notice: &FeedNotice, effects: &mut Effects) {
        let record = match notice {
            FeedNotice::Gap { instrument, detail } => {
                Record::Gap { instrument: *instrument, detail: detail.clone() }
            }
            FeedNotice::Duplicates(dropped) => Record::Duplicates { dropped: *dropped },
            FeedNotice::MissedTrades { instrument, count } => {
                Record::MissedTrades { instrument: *instrument, count: *count }
            }
            FeedNotice::HandedOver(link) => {
                // Nothing should have been lost; a look costs little.
                if *link == Link::Account {
                    self.read_soon(now);
                }
                Record::HandedOver { link: *link }
            }
            FeedNotice::PassedOver { symbol } => {
                let text = format!(
                    "somebody trades {symbol} on this account, which this gateway does not follow: \
                     its orders and executions are passed over"
                );
                return self.raise(Alert::warning(AlertKey::Foreign, symbol, text), effects);
            }
            FeedNotice::NotUnderstood(row) => {
                // It does tell, if not in words that are known.
                self.hearing.heard(now);
                // Somebody's program may be told in such words without end.
                if self.not_understood(now, row, effects) {
                    self.read_soon(now);
                }
                return;
            }
            FeedNotice::RateLimited { wait, detail } => {
                Record::RateLimited { wait: *wait, detail: detail.clone() }
            }
            FeedNotice::BudgetWait { limiter, wait, requests } => {
                Record::BudgetWait { limiter: limiter.clone(), wait: *wait, requests: *requests }
            }
        };
        self.record(now, record, effects);
    }

    fn operator(&mut self, now: Timestamp, command: &Command, effects: &mut Effects) {
        match command {
            Command::Halt { level, cause } => self.halt_to(now, *level, cause.clone(), effects),
            Command::ResumeRequested { code } => self.resume_requested(now, code, effects),
            Command::ResumeConfirmed { code } => self.resume_confirmed(now, code, effects),
            Command::Stop => self.record(now, Record::Stopped, effects),
            Command::Reconcile => self.read_soon(now),
            Command::AcceptDifferences => self.accept_differences(now, effects),
            Command::SetLimits { limits } => self.set_limits(now, limits, effects),
            Command::EnableAgent { agent } => self.enable_agent(now, *agent, effects),
            Command::AgentUp { agent, version } => {
                let (event, version) = ("up".to_owned(), *version);
                let record = Record::Agent { agent: *agent, event, version };
                self.record(now, record, effects);
                let trading = AgentEvent::Trading { state: self.state, cause: self.cause.clone() };
                effects.push(Effect::Notify(Notice::Agent(*agent, trading)));
            }
            Command::AgentGone { agent, cause } => {
                let (event, version) = (cause.clone(), None);
                let record = Record::Agent { agent: *agent, event, version };
                self.record(now, record, effects);
                self.cancel_entries(now, Some(*agent), effects);
            }
        }
    }
}

#[cfg(test)]
mod chaos_tests;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod id_trials;
#[cfg(test)]
mod limits_hold;
#[cfg(test)]
mod sums_tests;
#[cfg(test)]
mod tests;

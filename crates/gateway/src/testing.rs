//! A world for the gateway: a small honest venue, a wire that loses what it is told to lose, and a
//! journal that is checked at every step.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::market::{
    BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind, PublicTrade,
};
use model::venue::{
    AccountEvent, AccountRequest, CancelAllScope, IdClass, OrderKey, Profile, Request,
};
use model::{
    Action, AgentId, ClientOrderId, Effect, Effects, Entry, Input, Instrument, InstrumentId,
    Intent, IntentId, Link, Notice, OrderKind, OrderSpec, Outcome, Record, Reply, RequestId, Side,
    StoreTag, TimeInForce, Timestamp, TradingState,
};

use crate::books::Books;
use crate::foreign_orders::ForeignOrders;
use crate::gateway::{Config, Gateway};
use crate::limits::Limits;

mod venue;

pub(crate) use venue::Venue;

pub(crate) fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

pub(crate) fn instrument() -> Instrument {
    let mut btc =
        Instrument::spot(number("BTC"), number("USDT"), number("0.01"), number("0.001")).unwrap();
    btc.limits.notional_min = number("5");
    btc
}

/// A second one, in worlds that follow two.
pub(crate) fn ether() -> Instrument {
    let mut ether =
        Instrument::spot(number("ETH"), number("USDT"), number("0.01"), number("0.001")).unwrap();
    ether.limits.notional_min = number("5");
    ether
}

pub(crate) fn id() -> InstrumentId {
    instrument().id
}

pub(crate) fn agent() -> AgentId {
    number("trend")
}

pub(crate) fn limits() -> Limits {
    let mut limits = Limits::wide([id()]);
    (limits.orders.open_max, limits.orders.rate_max) = (8, 100);
    for limits in limits.instrument.values_mut() {
        limits.qty_max = number("2");
        limits.notional_max = number("250");
        limits.position_max = number("5");
    }
    limits
}

/// A limit order around the middle, which is 100.
pub(crate) fn spec(side: Side, qty: &str, price: &str) -> OrderSpec {
    OrderSpec {
        instrument: id(),
        side,
        kind: OrderKind::Limit { price: number(price) },
        qty: number(qty),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        effect: None,
    }
}

/// A venue that tells everything, as Binance does.
pub(crate) const TELLS_ALL: Profile = Profile {
    id_class: IdClass::UniqueWhileOpen,
    client_id_max: 36,
    order_validity: Some(Duration::from_secs(2)),
    finds_by_client_id: true,
    cancels_by_client_id: true,
    pushes_executions: true,
    pushes_balances: true,
    trade_ids_count: true,
    fills_page: 1_000,
    order_ids_count: true,
    orders_page: 1_000,
    tells_key_scopes: true,
    tells_key_addresses: true,
    dead_man: None,
    cancel_all: CancelAllScope::Instrument,
};

/// A venue that tells how orders stand and no more, as Coinbase does.
pub(crate) const TELLS_SUMS: Profile = Profile {
    id_class: IdClass::FirstOrder,
    client_id_max: 36,
    order_validity: Some(Duration::from_secs(120)),
    finds_by_client_id: false,
    cancels_by_client_id: false,
    pushes_executions: false,
    pushes_balances: false,
    trade_ids_count: false,
    fills_page: 3,
    order_ids_count: false,
    orders_page: 1_000,
    tells_key_scopes: true,
    tells_key_addresses: false,
    dead_man: None,
    cancel_all: CancelAllScope::Named(100),
};

pub(crate) fn store() -> StoreTag {
    StoreTag::new(1)
}

fn config(profile: Profile, foreign_orders: ForeignOrders, limits: Limits) -> Config {
    Config {
        limits,
        profile,
        foreign_orders,
        late_stops: crate::LateStops::Say,
        watched: false,
        paper: false,
        ramp: None,
        overridden: Vec::new(),
        reconcile_every: Duration::from_secs(30),
        version: String::new(),
        text: String::new(),
    }
}

/// When the first gateway starts.
pub(crate) const START: Timestamp = Timestamp::from_nanos(1_000_000_000_000);
/// From one input to the next.
const STEP: Duration = Duration::from_micros(10);

/// What the wire does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Carries it there and the answer back.
    Whole,
    /// Loses it on the way there.
    LosesRequest,
    /// Loses the answer.
    LosesAnswer,
}

/// Gateway, wire and venue.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    profile: Profile,
    instruments: Vec<Instrument>,
    pub(crate) foreign_orders: ForeignOrders,
    pub(crate) venue: Venue,
    pub(crate) entries: Vec<Entry>,
    /// The fold over them, made apart from the gateway.
    folded: Books,
    pub(crate) requests: VecDeque<(RequestId, AccountRequest)>,
    /// All that was asked.
    pub(crate) asked: Vec<AccountRequest>,
    /// Which of it was routine.
    pub(crate) routine: Vec<bool>,
    /// Until when each request may leave.
    pub(crate) deadlines: BTreeMap<RequestId, Option<Timestamp>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) distrusted: Vec<Link>,
    pub(crate) now: Timestamp,
    pub(crate) wake: Option<Timestamp>,
    /// With each input everything is looked at (`quiet.rs`).
    pub(crate) never_quiet: bool,
    store: StoreTag,
    session: u64,
    next_intent: u64,
    limits: Limits,
    /// Where the market last was, in hundredths.
    middle: i64,
}

impl World {
    /// Connected, reconciled, with a book of 99.99 to 100.01 and money on both sides.
    pub(crate) fn new() -> World {
        World::at(TELLS_ALL)
    }

    /// The same at a venue of this kind.
    pub(crate) fn at(profile: Profile) -> World {
        World::with_policy(profile, ForeignOrders::Adopt)
    }

    /// The same, with what is done about orders of others.
    pub(crate) fn with_policy(profile: Profile, foreign_orders: ForeignOrders) -> World {
        let balances =
            BTreeMap::from([(number("USDT"), number("1000")), (number("BTC"), number("10"))]);
        let venue = Venue { balances, sums: !profile.pushes_executions, ..Venue::default() };
        World::with(profile, vec![instrument()], foreign_orders, limits(), venue)
    }

    /// The same with a second instrument, whose orders the venue numbers by themselves.
    pub(crate) fn of_two(profile: Profile, foreign_orders: ForeignOrders) -> World {
        let held = [("USDT", "1000"), ("BTC", "10"), ("ETH", "10")];
        let balances = held.map(|(asset, amount)| (number(asset), number(amount))).into();
        let venue = Venue { balances, sums: !profile.pushes_executions, ..Venue::default() };
        World::with(profile, vec![instrument(), ether()], foreign_orders, limits(), venue)
    }

    /// The same, with room for hundreds of open orders and the money for them.
    pub(crate) fn with_room(profile: Profile) -> World {
        let balances =
            BTreeMap::from([(number("USDT"), number("10000")), (number("BTC"), number("10"))]);
        let venue = Venue { balances, sums: !profile.pushes_executions, ..Venue::default() };
        let mut limits = limits();
        limits.orders.open_max = 400;
        limits.instrument.values_mut().for_each(|limits| limits.position_max = number("50"));
        World::with(profile, vec![instrument()], ForeignOrders::Adopt, limits, venue)
    }

    /// The same, at a venue where something may have happened before.
    pub(crate) fn with_history(venue: Venue) -> World {
        World::with(TELLS_ALL, vec![instrument()], ForeignOrders::Adopt, limits(), venue)
    }

    /// The same with all of it said.
    pub(crate) fn with(
        profile: Profile,
        instruments: Vec<Instrument>,
        foreign_orders: ForeignOrders,
        limits: Limits,
        venue: Venue,
    ) -> World {
        let now = START;
        let mut effects = Effects::new();
        let gateway = Gateway::start(
            config(profile, foreign_orders, limits.clone()),
            Books::default(),
            store(),
            1,
            instruments.clone(),
            now,
            &mut effects,
        );
        let mut world = World {
            gateway,
            profile,
            instruments,
            foreign_orders,
            venue,
            entries: Vec::new(),
            folded: Books::default(),
            requests: VecDeque::new(),
            asked: Vec::new(),
            routine: Vec::new(),
            deadlines: BTreeMap::new(),
            notices: Vec::new(),
            distrusted: Vec::new(),
            now,
            wake: None,
            never_quiet: false,
            store: store(),
            session: 1,
            next_intent: 1,
            limits,
            middle: 10_000,
        };
        world.carry_out(effects);
        world.connect();
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        world
    }

    /// Other limits, without a record of them.
    pub(crate) fn change_limits(&mut self, change: impl FnOnce(&mut Limits)) {
        let gateway = &mut self.gateway;
        change(&mut gateway.config.limits);
        gateway.parts = crate::parts::Parts::of(&gateway.config.limits, gateway.parts.percent);
    }

    /// Both streams come up, the book is there, and what is asked is answered.
    pub(crate) fn connect(&mut self) {
        self.link(Link::Market, true);
        self.book();
        self.link(Link::Account, true);
        self.answer_all();
    }

    pub(crate) fn book(&mut self) {
        self.book_of(self.now.after(STEP));
    }

    /// A public trade at the middle.
    pub(crate) fn trade(&mut self) {
        let (price, qty) = (GridPrice(10_000), GridQty(1));
        let trade = PublicTrade { id: 1, price, qty, taker_side: Side::Buy, time: self.now };
        let kind = MarketKind::Trade(trade);
        self.apply(&Input::Market(MarketEvent { instrument: id(), venue_time: self.now, kind }));
    }

    /// The book as the venue made it at this time.
    pub(crate) fn book_of(&mut self, venue_time: Timestamp) {
        self.book_around(self.middle, venue_time);
    }

    /// The same around another middle, in hundredths.
    pub(crate) fn book_around(&mut self, middle: i64, venue_time: Timestamp) {
        self.book_with(id(), middle, venue_time);
    }

    /// The same of another instrument, as it is now.
    pub(crate) fn book_for(&mut self, instrument: InstrumentId, middle: i64) {
        self.book_with(instrument, middle, self.now.after(STEP));
    }

    fn book_with(&mut self, instrument: InstrumentId, middle: i64, venue_time: Timestamp) {
        if instrument == id() {
            self.middle = middle;
        }
        let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(1) };
        let levels = vec![level(Side::Buy, middle - 1), level(Side::Sell, middle + 1)];
        let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
        self.apply(&Input::Market(MarketEvent { instrument, venue_time, kind }));
    }

    pub(crate) fn link(&mut self, link: Link, up: bool) {
        self.apply(&Input::Link { link, up, cause: "test".to_owned() });
    }

    /// One input; everything that must hold after it is checked.
    pub(crate) fn apply(&mut self, input: &Input) {
        // No two things happen at the same instant.
        self.now = self.now.after(STEP);
        let mut effects = Effects::new();
        if self.never_quiet {
            self.gateway.equity.is_to_be_gathered();
            self.gateway.stake_all();
            self.gateway.quiet_until = Timestamp::EPOCH;
        }
        self.gateway.apply(self.now, input, &mut effects);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Persist(entry) => {
                    self.folded.apply(&entry);
                    self.entries.push(entry);
                }
                Effect::Send { id, request: Request::Account(request), not_after, routine } => {
                    self.routine.push(routine);
                    self.check_written(&request);
                    self.deadlines.insert(id, not_after);
                    self.asked.push(request.clone());
                    self.requests.push_back((id, request));
                }
                Effect::Send { request: Request::Market(request), .. } => panic!("{request:?}"),
                Effect::WakeAt(at) => self.wake = Some(self.wake.map_or(at, |w| w.min(at))),
                Effect::Notify(notice) => self.notices.push(notice),
                Effect::Distrust { link, .. } => self.distrusted.push(link),
            }
        }
        assert_eq!(self.folded, *self.gateway.books(), "books are a fold over the journal");
        self.check_limits();
    }

    /// What is sent has been written down before.
    fn check_written(&self, request: &AccountRequest) {
        let written = |wanted: ClientOrderId, cancel: bool| {
            self.entries.iter().any(|entry| match &entry.record {
                Record::Prepared { order, .. } if !cancel => order.client_order_id == wanted,
                Record::CancelPrepared { client_order_id, .. } if cancel => {
                    *client_order_id == wanted
                }
                _ => false,
            })
        };
        match request {
            AccountRequest::Place(order) => assert!(written(order.client_order_id, false)),
            AccountRequest::Cancel { order: OrderKey::Client(id), .. } => {
                assert!(written(*id, true));
            }
            _ => {}
        }
    }

    /// The worst case of everything open is within the position limit.
    fn check_limits(&self) {
        let books = self.gateway.books();
        let mut worst = [books.position(id()).map_or(model::NetQty::ZERO, |p| p.net()); 2];
        for order in books.open_orders() {
            let at = usize::from(order.order.side == Side::Sell);
            let leaves = model::NetQty::of(order.order.side, order.leaves());
            worst[at] = worst[at].checked_add(leaves).unwrap();
        }
        for (side, net) in [Side::Buy, Side::Sell].into_iter().zip(&mut worst) {
            let shadow = model::NetQty::of(side, books.shadow(self.now, id(), side));
            *net = net.checked_add(shadow).unwrap();
        }
        for net in worst {
            let most = self.limits.instrument[&id()].position_max;
            assert!(net.size() <= most, "worst case {net}");
        }
    }

    fn replayed(&self) -> Books {
        let mut books = Books::default();
        self.entries.iter().for_each(|entry| books.apply(entry));
        books
    }

    /// The books of a start that reads a snapshot of the first so many entries, and the rest.
    pub(crate) fn through_a_snapshot(&self, of: usize) -> Books {
        let mut books = Books::default();
        self.entries[..of].iter().for_each(|entry| books.apply(entry));
        let body = serde_json::to_string(&books).unwrap();
        let mut books: Books = serde_json::from_str(&body).unwrap();
        self.entries[of..].iter().for_each(|entry| books.apply(entry));
        books
    }

    /// Time passes: alarms ring when they are due, and every question is answered as it comes.
    pub(crate) fn pass_answering(&mut self, seconds: u64) {
        self.pass(seconds, Wire::Whole);
        self.book();
    }

    /// The same, with what the wire does with every question, and without news of the market.
    pub(crate) fn pass(&mut self, seconds: u64, wire: Wire) {
        for _ in 0..seconds * 10 {
            self.now = self.now.after(Duration::from_millis(100));
            if self.wake.is_some_and(|at| at <= self.now) {
                self.wake = None;
                self.apply(&Input::Wake);
            }
            for _ in 0..self.requests.len() {
                self.answer(wire);
            }
            if wire == Wire::Whole {
                self.answer_all();
            }
        }
    }

    /// Time passes without a word: only the alarm that was asked for rings.
    pub(crate) fn pass_alarms(&mut self, time: Duration) {
        self.now = self.now.after(time);
        if self.wake.is_some_and(|at| at <= self.now) {
            self.wake = None;
            self.apply(&Input::Wake);
        }
    }

    pub(crate) fn intend(&mut self, action: Action) -> IntentId {
        self.intend_of(agent(), action)
    }

    /// The same of another agent.
    pub(crate) fn intend_of(&mut self, agent: AgentId, action: Action) -> IntentId {
        let intent = Intent {
            id: IntentId(self.next_intent),
            agent,
            action,
            reason: "test".to_owned(),
            expires: self.now.after(Duration::from_secs(2)),
        };
        self.next_intent += 1;
        self.apply(&Input::Intent(intent.clone()));
        intent.id
    }

    /// Wants an order and returns its name, if the guardrails let it through.
    pub(crate) fn place(&mut self, spec: OrderSpec) -> Option<ClientOrderId> {
        self.place_of(agent(), spec)
    }

    /// The same of another agent.
    pub(crate) fn place_of(&mut self, agent: AgentId, spec: OrderSpec) -> Option<ClientOrderId> {
        let intent = self.intend_of(agent, Action::Place(spec));
        self.gateway.books().order_of(agent, intent).map(|order| order.order.client_order_id)
    }

    /// Takes the oldest request off the wire.
    pub(crate) fn answer(&mut self, wire: Wire) {
        let Some((request, asked)) = self.requests.pop_front() else { return };
        let outcome = match wire {
            Wire::LosesRequest => Outcome::InDoubt("timed out".to_owned()),
            Wire::LosesAnswer => {
                let _ = self.venue.execute(self.now, &asked);
                Outcome::InDoubt("connection broke".to_owned())
            }
            Wire::Whole => match self.venue.execute(self.now, &asked) {
                Ok(response) => Outcome::Done(self.venue.with_strange(&asked, response)),
                Err(error) => self.venue.strange_order(&asked, error),
            },
        };
        self.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
    }

    pub(crate) fn answer_all(&mut self) {
        for _ in 0..20_000 {
            if self.requests.is_empty() {
                return;
            }
            self.answer(Wire::Whole);
        }
        panic!("the gateway asks without end");
    }

    /// The venue tells what happened on the account's stream.
    pub(crate) fn report(&mut self, event: AccountEvent) {
        self.apply(&Input::Account(event));
    }

    /// Power cut: what was under way is gone, a new gateway starts on the journal.
    pub(crate) fn restart(&mut self) {
        self.session += 1;
        self.requests.clear();
        self.deadlines.clear();
        self.wake = None;
        let mut effects = Effects::new();
        let (books, instruments) = (self.replayed(), self.instruments.clone());
        assert_eq!(self.through_a_snapshot(self.entries.len() * 2 / 3), books);
        let Config { late_stops, ramp, overridden, .. } = self.gateway.config.clone();
        let config = config(self.profile, self.foreign_orders, self.limits.clone());
        self.gateway = Gateway::start(
            Config { late_stops, ramp, overridden, ..config },
            books,
            self.store,
            self.session,
            instruments,
            self.now,
            &mut effects,
        );
        self.carry_out(effects);
    }

    /// Requests of this life so far.
    pub(crate) fn requests_made(&self) -> u64 {
        self.deadlines.keys().map(|id| id.0).max().unwrap_or(0)
    }

    /// The store is lost: a new gateway starts on an empty one with this tag.
    pub(crate) fn restart_without_a_journal(&mut self, store: StoreTag) {
        (self.session, self.store) = (0, store);
        self.entries.clear();
        self.folded = Books::default();
        self.restart();
    }

    /// An older copy of the journal takes its place, with the count of sessions as it was then.
    pub(crate) fn restart_on_a_copy(&mut self, entries: usize, session: u64) {
        self.session = session - 1;
        self.entries.truncate(entries);
        self.folded = self.replayed();
        self.restart();
    }

    pub(crate) fn state_of(&self, id: &ClientOrderId) -> model::OrderState {
        self.gateway.books().order(id).unwrap().state
    }

    pub(crate) fn count(&self, is: impl Fn(&Record) -> bool) -> usize {
        self.entries.iter().filter(|entry| is(&entry.record)).count()
    }
}

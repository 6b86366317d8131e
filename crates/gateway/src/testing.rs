//! A world for the gateway: a small honest venue, a wire that loses what it is told to lose, and a
//! journal that is checked at every step.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::market::{
    BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind, PublicTrade,
};
use model::venue::{
    AccountEvent, AccountRequest, AccountSnapshot, Execution, IdClass, OrderKey, PageCursor,
    Profile, Request, Response, TradesFrom, Unread, VenueError, VenueOrder, VenueOrderStatus,
};
use model::{
    Action, AgentId, Amount, Asset, Balance, ClientOrderId, Effect, Effects, Entry, Fee, Fill,
    Input, Instrument, InstrumentId, Intent, IntentId, Link, Liquidity, NewOrder, Notice, Notional,
    OrderKind, OrderQty, OrderSpec, Outcome, Price, Qty, Record, Reply, RequestId, Rounding,
    SelfTradePrevention, Side, StoreTag, TimeInForce, Timestamp, TradeId, TradingState,
    VenueOrderId,
};

use crate::books::Books;
use crate::foreign_orders::ForeignOrders;
use crate::gateway::{Config, Gateway};
use crate::limits::{InstrumentLimits, Limits, OrderFlowLimits};

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
    let instrument = InstrumentLimits {
        qty_max: number("2"),
        notional_max: number("250"),
        position_max: number("5"),
        collar_bps: 1_000,
    };
    Limits {
        reference_age_max_ms: 5_000,
        orders: OrderFlowLimits { open_max: 8, rate_max: 100, rate_window_ms: 1_000 },
        instrument: [(id(), instrument)].into(),
    }
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
    }
}

/// A venue that tells everything, as Binance does.
pub(crate) const TELLS_ALL: Profile = Profile {
    id_class: IdClass::UniqueWhileOpen,
    order_validity: Some(Duration::from_secs(2)),
    finds_by_client_id: true,
    cancels_by_client_id: true,
    pushes_executions: true,
    pushes_balances: true,
    trade_ids_count: true,
    fills_page: 1_000,
    order_ids_count: true,
    orders_page: 1_000,
};

/// A venue that tells how orders stand and no more, as Coinbase does.
pub(crate) const TELLS_SUMS: Profile = Profile {
    id_class: IdClass::FirstOrder,
    order_validity: Some(Duration::from_secs(120)),
    finds_by_client_id: false,
    cancels_by_client_id: false,
    pushes_executions: false,
    pushes_balances: false,
    trade_ids_count: false,
    fills_page: 3,
    order_ids_count: false,
    orders_page: 1_000,
};

pub(crate) fn store() -> StoreTag {
    StoreTag::new(1)
}

fn config(profile: Profile, foreign_orders: ForeignOrders, limits: Limits) -> Config {
    Config {
        limits,
        profile,
        foreign_orders,
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

/// The venue's own books, kept without any of the gateway's code.
#[derive(Default)]
pub(crate) struct Venue {
    pub(crate) orders: Vec<VenueOrder>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) balances: BTreeMap<Asset, Amount>,
    /// How often each id was placed.
    pub(crate) places: BTreeMap<ClientOrderId, u32>,
    /// Shows its orders and lets go of none, as an exchange does that is halted.
    pub(crate) frozen: bool,
    pub(crate) changed: Timestamp,
    /// Takes cancels for processing and lists executions newest first, in pages.
    pub(crate) sums: bool,
    /// What it does with an id that was used before.
    pub(crate) id_class: Option<IdClass>,
    /// What each execution costs.
    pub(crate) fee: Option<Fee>,
    /// Tells this of the account, which is older than what it executes.
    pub(crate) lagging: Option<AccountSnapshot>,
    /// Executions in a list, whatever is asked for.
    pub(crate) page_cap: Option<usize>,
    /// Denies every order that it is asked for.
    pub(crate) denies: bool,
    /// Refuses lists of orders in any state.
    pub(crate) no_lists: bool,
    /// Rows of its lists that nobody understands: orders, and among the executions.
    pub(crate) strange: Vec<Unread>,
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
    wake: Option<Timestamp>,
    store: StoreTag,
    session: u64,
    next_intent: u64,
    limits: Limits,
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
            store: store(),
            session: 1,
            next_intent: 1,
            limits,
        };
        world.carry_out(effects);
        world.connect();
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        world
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
        let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(1) };
        let levels = vec![level(Side::Buy, 9_999), level(Side::Sell, 10_001)];
        let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
        let event = MarketEvent { instrument: id(), venue_time, kind };
        self.apply(&Input::Market(event));
    }

    pub(crate) fn link(&mut self, link: Link, up: bool) {
        self.apply(&Input::Link { link, up, cause: "test".to_owned() });
    }

    /// One input; everything that must hold after it is checked.
    pub(crate) fn apply(&mut self, input: &Input) {
        // No two things happen at the same instant.
        self.now = self.now.after(STEP);
        let mut effects = Effects::new();
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
                Record::CancelPrepared { client_order_id } if cancel => *client_order_id == wanted,
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
        let intent = Intent {
            id: IntentId(self.next_intent),
            agent: agent(),
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
        let intent = self.intend(Action::Place(spec));
        self.gateway.books().order_of(agent(), intent).map(|order| order.order.client_order_id)
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
        self.apply(&Input::Reply(Reply { request, outcome }));
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
        self.gateway = Gateway::start(
            config(self.profile, self.foreign_orders, self.limits.clone()),
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

impl Venue {
    pub(crate) fn order(&self, id: &ClientOrderId) -> Option<&VenueOrder> {
        self.orders.iter().rev().find(|order| order.client_order_id == *id)
    }

    fn order_mut(&mut self, id: &ClientOrderId) -> Option<&mut VenueOrder> {
        self.orders.iter_mut().rev().find(|order| order.client_order_id == *id)
    }

    pub(crate) fn execute(
        &mut self,
        now: Timestamp,
        asked: &AccountRequest,
    ) -> Result<Response, VenueError> {
        match asked {
            AccountRequest::Order { .. } if self.denies => Err(VenueError::UnknownOrder),
            AccountRequest::OpenOrders(_) if self.denies => Ok(Response::Orders(Vec::new())),
            AccountRequest::Place(new) => self.place(now, new),
            AccountRequest::Cancel { order: OrderKey::Client(id), .. } => self.cancel(now, id),
            AccountRequest::Order { order: OrderKey::Client(id), .. } => {
                self.order(id).cloned().map(Response::Order).ok_or(VenueError::UnknownOrder)
            }
            AccountRequest::Cancel { instrument, order: OrderKey::Venue(id), .. } => {
                let id = self.named(*instrument, *id)?.client_order_id;
                let done = self.cancel(now, &id)?;
                let Response::Canceled { order, .. } = done else { panic!("{done:?}") };
                Ok(Response::CancelTaken(order.id))
            }
            AccountRequest::Order { instrument, order: OrderKey::Both(id, name), .. } => {
                let found = self.named(*instrument, *id)?;
                assert_eq!(found.client_order_id, *name);
                Ok(Response::Order(found.clone()))
            }
            AccountRequest::Order { instrument, order: OrderKey::Venue(id), .. } => {
                self.named(*instrument, *id).cloned().map(Response::Order)
            }
            AccountRequest::OpenOrders(of) => {
                let open = self.orders.iter().filter(|order| {
                    order.status.is_open() && of.is_none_or(|of| of == order.instrument)
                });
                Ok(Response::Orders(open.cloned().collect()))
            }
            AccountRequest::Orders { .. } if self.no_lists => Err(VenueError::Unsupported),
            AccountRequest::Orders { from, start, end, limit, .. } => {
                let number = |id: VenueOrderId| id.as_str().parse::<u64>().unwrap();
                let wanted = |order: &&VenueOrder| {
                    from.is_none_or(|from| number(order.id) >= number(from))
                        && start.is_none_or(|start| order.created >= start)
                        && end.is_none_or(|end| order.created <= end)
                };
                let shown = self.orders.iter().filter(wanted).take(*limit as usize);
                Ok(Response::Orders(shown.cloned().collect()))
            }
            AccountRequest::Fills { instrument, order, from, limit, page } if self.sums => {
                let limit = self.page_cap.unwrap_or(*limit as usize);
                Ok(self.page_of_fills(*instrument, *order, *from, limit, page.as_ref()))
            }
            AccountRequest::Fills { instrument, order, from, limit, .. } => {
                let (first, start) = match from {
                    TradesFrom::Id(first) => (*first, None),
                    TradesFrom::Time { start, .. } => (0, *start),
                    TradesFrom::Newest => (0, None),
                };
                let wanted = |fill: &&Fill| {
                    fill.instrument == *instrument
                        && order.is_none_or(|order| order == fill.venue_order_id)
                        && fill.trade_id.as_str().parse::<u64>().unwrap() >= first
                        && start.is_none_or(|start| fill.venue_time >= start)
                };
                // History names an execution by the venue's order alone.
                let told = |fill: &Fill| Fill { client_order_id: None, ..*fill };
                let mut page: Vec<Fill> = self.fills.iter().filter(wanted).map(told).collect();
                let limit = self.page_cap.unwrap_or(usize::MAX).min(*limit as usize);
                if *from == TradesFrom::Newest {
                    page.drain(..page.len().saturating_sub(limit));
                }
                page.truncate(limit);
                Ok(Response::Fills(page))
            }
            AccountRequest::Account => {
                let lagging = self.lagging.clone();
                Ok(Response::Account(lagging.unwrap_or_else(|| self.account())))
            }
            other => panic!("the gateway should not ask {other:?}"),
        }
    }

    fn named(&self, instrument: InstrumentId, id: VenueOrderId) -> Result<&VenueOrder, VenueError> {
        let wanted = (instrument, id);
        let order = self.orders.iter().find(|order| (order.instrument, order.id) == wanted);
        order.ok_or(VenueError::UnknownOrder)
    }

    /// An answer with the rows that nobody understands.
    fn with_strange(&self, asked: &AccountRequest, response: Response) -> Response {
        let is_in = |row: &&Unread| match asked {
            AccountRequest::OpenOrders(_) => row.trade.is_none(),
            AccountRequest::Fills { order: None, .. } => row.trade.is_some(),
            AccountRequest::Fills { order, .. } => row.trade.is_some() && row.order == *order,
            _ => false,
        };
        response.and_unread(self.strange.iter().filter(is_in).cloned().collect())
    }

    /// The answer about an order that is not in the books: nobody may understand it.
    fn strange_order(&self, asked: &AccountRequest, refusal: VenueError) -> Outcome {
        let is = |row: &&Unread| match asked {
            AccountRequest::Order { order: OrderKey::Client(id), .. } => {
                row.client_order_id == Some(*id)
            }
            AccountRequest::Order {
                order: OrderKey::Venue(id) | OrderKey::Both(id, _), ..
            } => row.order == Some(*id),
            _ => false,
        };
        let row = self.strange.iter().filter(|row| row.trade.is_none()).find(is);
        match row {
            Some(row) => Outcome::Done(Response::Orders(Vec::new()).and_unread(vec![row.clone()])),
            None => Outcome::Refused(refusal),
        }
    }

    /// Newest first, in pages: the cursor is how many came before.
    fn page_of_fills(
        &self,
        instrument: InstrumentId,
        order: Option<VenueOrderId>,
        from: TradesFrom,
        limit: usize,
        page: Option<&PageCursor>,
    ) -> Response {
        let start = match from {
            TradesFrom::Newest => Timestamp::EPOCH,
            TradesFrom::Time { start, end: None } => start.unwrap_or_default(),
            TradesFrom::Time { .. } | TradesFrom::Id(_) => panic!("{from:?}"),
        };
        let told = self.fills.iter().rev().filter(|fill| {
            fill.instrument == instrument
                && fill.venue_time >= start
                && order.is_none_or(|order| order == fill.venue_order_id)
        });
        let skip = page.map_or(0, |page| page.0.parse().unwrap());
        let mut fills: Vec<Fill> =
            told.skip(skip).map(|fill| Fill { client_order_id: None, ..*fill }).collect();
        let more = fills.len() > limit;
        fills.truncate(limit);
        fills.reverse();
        if more {
            let next = PageCursor((skip + limit).to_string());
            return Response::FillsPage { fills, next };
        }
        Response::Fills(fills)
    }

    pub(crate) fn account(&self) -> AccountSnapshot {
        let held = |(asset, total): (&Asset, &Amount)| {
            let locked = self.locked(*asset);
            (*asset, Balance { free: total.checked_sub(locked).unwrap(), locked })
        };
        AccountSnapshot {
            rights: None,
            updated: self.changed,
            balances: self.balances.iter().map(held).collect(),
        }
    }

    fn locked(&self, asset: Asset) -> Amount {
        let open = self.orders.iter().filter(|order| order.status.is_open());
        open.fold(Amount::ZERO, |sum, order| {
            let price = order.kind.price().unwrap();
            let (base, quote) = order.instrument.assets().unwrap();
            let lock = match order.side {
                Side::Buy if asset == quote => {
                    Amount::from(price.notional(order.leaves(), Rounding::Up).unwrap())
                }
                Side::Sell if asset == base => Amount::from(order.leaves()),
                Side::Buy | Side::Sell => Amount::ZERO,
            };
            sum.checked_add(lock).unwrap()
        })
    }

    pub(crate) fn place(&mut self, now: Timestamp, new: &NewOrder) -> Result<Response, VenueError> {
        *self.places.entry(new.client_order_id).or_default() += 1;
        let OrderQty::Base(qty) = new.qty else { panic!("base quantities only") };
        let before = self.order(&new.client_order_id);
        match (before, self.id_class.unwrap_or(IdClass::UniqueWhileOpen)) {
            (None, _) | (Some(_), IdClass::Unchecked) => {}
            (Some(first), IdClass::FirstOrder) => {
                return Ok(Response::Placed { order: first.clone(), fills: Vec::new() });
            }
            (Some(first), IdClass::UniqueWhileOpen) if !first.status.is_open() => {}
            (Some(_), IdClass::UniqueWhileOpen | IdClass::UniqueForUnknownTime) => {
                return Err(VenueError::DuplicateClientOrderId);
            }
        }
        let others = self.orders.iter().filter(|order| order.instrument == new.instrument).count();
        let order = VenueOrder {
            id: VenueOrderId::from_number(others as u64 + 1),
            client_order_id: new.client_order_id,
            instrument: new.instrument,
            side: new.side,
            kind: new.kind,
            ordered: new.qty,
            qty,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            self_trade_prevention: SelfTradePrevention::None,
            status: VenueOrderStatus::New,
            filled: Qty::ZERO,
            filled_notional: Notional::ZERO,
            prevented: Qty::ZERO,
            created: now,
            updated: now,
            working_since: new.kind.trigger().is_none().then_some(now),
            expiry: None,
        };
        self.changed = now;
        self.orders.push(order.clone());
        Ok(Response::Placed { order, fills: Vec::new() })
    }

    fn cancel(&mut self, now: Timestamp, id: &ClientOrderId) -> Result<Response, VenueError> {
        self.changed = now;
        let cancel_id = number("a-cancel");
        if self.frozen {
            return Err(VenueError::MarketClosed);
        }
        let order = self.order_mut(id).filter(|order| order.status.is_open());
        let order = order.ok_or(VenueError::UnknownOrder)?;
        order.status = VenueOrderStatus::Canceled;
        order.updated = now;
        Ok(Response::Canceled { order: order.clone(), cancel_id })
    }

    /// The market takes some of an order; returns what the stream would tell.
    pub(crate) fn fill(
        &mut self,
        now: Timestamp,
        id: &ClientOrderId,
        qty: &str,
    ) -> Option<AccountEvent> {
        let last = self.fills.last().map_or(0, |fill| fill.trade_id.as_str().parse().unwrap());
        let trade_id = TradeId::from_number(last + 1);
        let fee = self.fee;
        let order = self.order_mut(id).filter(|order| order.status.is_open())?;
        let qty = order.leaves().min(number(qty));
        let price: Price = order.kind.price().unwrap();
        let notional = price.notional(qty, Rounding::Down).unwrap();
        order.filled = order.filled.checked_add(qty).unwrap();
        order.filled_notional = order.filled_notional.checked_add(notional).unwrap();
        order.updated = now;
        order.status = if order.filled == order.qty {
            VenueOrderStatus::Filled
        } else {
            VenueOrderStatus::PartiallyFilled
        };
        let fill = Fill {
            trade_id,
            venue_order_id: order.id,
            client_order_id: Some(order.client_order_id),
            instrument: order.instrument,
            side: order.side,
            price,
            qty,
            fee,
            liquidity: Liquidity::Maker,
            venue_time: now,
        };
        let order = order.clone();
        self.settle(&fill, notional);
        self.changed = now;
        self.fills.push(fill);
        let execution = Execution::Trade(fill);
        Some(AccountEvent::Order { order, execution, execution_id: 0, time: now })
    }

    fn settle(&mut self, fill: &Fill, notional: Notional) {
        let (base, quote) = fill.instrument.assets().unwrap();
        let (got, gave) = match fill.side {
            Side::Buy => ((base, Amount::from(fill.qty)), (quote, Amount::from(notional))),
            Side::Sell => ((quote, Amount::from(notional)), (base, Amount::from(fill.qty))),
        };
        let got_now = self.balances.entry(got.0).or_insert(Amount::ZERO);
        *got_now = got_now.checked_add(got.1).unwrap();
        let gave_now = self.balances.entry(gave.0).or_insert(Amount::ZERO);
        *gave_now = gave_now.checked_sub(gave.1).unwrap();
        if let Some(fee) = fill.fee {
            let paid = self.balances.entry(fee.asset).or_insert(Amount::ZERO);
            *paid = paid.checked_sub(fee.amount).unwrap();
        }
    }

    /// Takes an execution back: it is in no list any more, and the funds are as before it.
    pub(crate) fn bust(&mut self, trade: TradeId) {
        let at = self.fills.iter().position(|fill| fill.trade_id == trade).unwrap();
        let fill = self.fills.remove(at);
        let notional = fill.price.notional(fill.qty, Rounding::Down).unwrap();
        let fee = fill
            .fee
            .map(|fee| Fee { amount: Amount::ZERO.checked_sub(fee.amount).unwrap(), ..fee });
        self.settle(&Fill { side: fill.side.opposite(), fee, ..fill }, notional);
    }

    /// Funds come, or go.
    pub(crate) fn transfer(&mut self, asset: &str, amount: &str) {
        let held = self.balances.entry(number(asset)).or_insert(Amount::ZERO);
        *held = held.checked_add(number(amount)).unwrap();
    }

    /// Somebody else places an order on the account.
    pub(crate) fn foreign(&mut self, now: Timestamp, name: &str, spec: &OrderSpec) -> VenueOrderId {
        let new = NewOrder {
            client_order_id: number(name),
            instrument: spec.instrument,
            side: spec.side,
            kind: spec.kind,
            qty: OrderQty::Base(spec.qty),
            time_in_force: spec.time_in_force,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let Ok(Response::Placed { order, .. }) = self.place(now, &new) else { panic!("{new:?}") };
        order.id
    }

    /// Net quantity of all executions.
    pub(crate) fn net(&self) -> model::NetQty {
        let nets = self.fills.iter().map(|fill| model::NetQty::of(fill.side, fill.qty));
        nets.fold(model::NetQty::ZERO, |sum, net| sum.checked_add(net).unwrap())
    }

    /// What the stream would tell of an order as it is.
    pub(crate) fn told(&self, id: &ClientOrderId, execution: Execution) -> AccountEvent {
        let order = self.order(id).unwrap().clone();
        let time = order.updated;
        AccountEvent::Order { order, execution, execution_id: 0, time }
    }
}

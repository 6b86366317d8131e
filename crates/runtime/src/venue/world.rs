//! The dialect, the exchange, the open sockets and the faults, behind one lock.

mod delivery;
mod turns;

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::venue::{AccountRequest, PublicMarket, Response, VenueError};
use model::{AccountId, Amount, Asset, Fill, InstrumentId, Timestamp, TradeId};
use sim_venue::{Background, SimVenue};
use tokio::sync::{oneshot, watch};
use venues::server::{
    AnyDialect, AnyPending, ConnId, Frame, HttpRequest, HttpResponse, LimitChange, Step, Telling,
};

use super::counts::Counts;
use super::engine::Engine;
use super::faults::{FaultId, Faults, Verdict};
use super::reads::Capped;
use super::sockets::{Opened, Sockets};
use crate::clock;

/// Requests that stand in line while the exchange is stalled; the connection of one more is cut,
/// or nothing is said to it.
const LINE_MAX: usize = 10_000;
/// Answers remembered for stale reads; when they are too many all are forgotten.
const STALE_MAX: usize = 1_000;

/// Everything that may be changed, and changes only under the lock.
pub(super) struct World {
    dialect: AnyDialect,
    engine: Engine,
    pub(super) faults: Faults,
    pub(super) counts: Counts,
    pub(super) market: MarketStatus,
    sockets: Sockets,
    frames: Vec<Frame>,
    limits: LimitChange,
    line: VecDeque<InLine<AnyPending>>,
    /// First answers to a question, with when they were given.
    stale: BTreeMap<String, (Timestamp, Vec<u8>)>,
}

/// A request that waits for the exchange.
struct InLine<P> {
    account: AccountId,
    request: AccountRequest,
    route: String,
    pending: P,
    way: Way,
}

/// Where an answer goes.
enum Way {
    Http(oneshot::Sender<HttpResponse>),
    Socket(ConnId),
}

/// An answer, or where it will come from.
pub(super) enum Answered {
    Now(HttpResponse),
    Later(oneshot::Receiver<HttpResponse>),
}

/// How far the market around the accounts is.
#[derive(Clone, Debug, Default)]
pub(super) struct MarketStatus {
    pub(super) source: String,
    pub(super) events: u64,
    pub(super) finished: bool,
    pub(super) error: Option<String>,
}

/// What every task of the server holds.
pub(super) struct Shared {
    world: Mutex<World>,
    /// Counts cuts: every connection that sees it change is gone.
    pub(super) cut: watch::Sender<u64>,
    next_conn: AtomicU64,
}

impl Shared {
    pub(super) fn new(world: World) -> Shared {
        let world = Mutex::new(world);
        Shared { world, cut: watch::Sender::new(0), next_conn: AtomicU64::new(1) }
    }

    /// The world. A panic under the lock leaves it usable: every step is complete in itself.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn new_conn(&self) -> ConnId {
        ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed))
    }

    /// Cuts every connection that there is.
    pub(super) fn cut_all(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    /// Starts and ends faults that are due.
    pub(super) fn turn(&self) {
        if self.world().turn(clock::now()) {
            self.cut_all();
        }
    }
}

impl World {
    pub(super) fn new(dialect: AnyDialect, exchange: SimVenue, faults: Faults) -> World {
        World {
            dialect,
            engine: Engine::new(exchange),
            faults,
            counts: Counts::default(),
            market: MarketStatus::default(),
            sockets: Sockets::default(),
            frames: Vec::new(),
            limits: LimitChange::default(),
            line: VecDeque::new(),
            stale: BTreeMap::new(),
        }
    }

    /// A deposit, or a withdrawal of at most what is free.
    pub(super) fn transfer(&mut self, account: AccountId, asset: Asset, amount: Amount) {
        let now = clock::now();
        self.engine.transfer(now, account, asset, amount);
        self.publish(now);
    }

    /// Takes an execution of an account back, the newest where none is named.
    pub(super) fn bust(&mut self, account: AccountId, trade: Option<TradeId>) -> Option<Fill> {
        let now = clock::now();
        let busted = self.engine.bust(now, account, trade);
        self.publish(now);
        busted
    }

    /// Executes one lot more of the account's newest order that is filled.
    pub(super) fn overfill(&mut self, account: AccountId) -> Option<Fill> {
        let now = clock::now();
        let fill = self.engine.overfill(now, account);
        self.publish(now);
        fill
    }

    pub(super) fn exchange(&self) -> &SimVenue {
        &self.engine.exchange
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.engine.is_stalled()
    }

    /// A request has come: what faults make of it.
    pub(super) fn judge(&mut self, route: &str, peer: IpAddr) -> Verdict {
        self.counts.request(route);
        self.faults.request(clock::now(), route, peer)
    }

    /// A REST request, answered in full.
    pub(super) fn http(&mut self, request: &HttpRequest<'_>, route: &str) -> Answered {
        let now = clock::now();
        let time = self.engine.venue_time(now);
        let (dialect, exchange) = (&mut self.dialect, &self.engine.exchange);
        let step = with_market(&mut self.faults, now, route, exchange, |market| {
            dialect.http(time, request, market)
        });
        match step {
            Step::Done(response) => Answered::Now(self.retold(now, request, route, response)),
            Step::Ask { account, request, pending } => {
                if self.engine.must_wait(&request) {
                    let (sender, receiver) = oneshot::channel();
                    let (route, way) = (route.to_owned(), Way::Http(sender));
                    self.stand(InLine { account, request, route, pending, way });
                    return Answered::Later(receiver);
                }
                Answered::Now(self.carry_out(now, account, &request, pending, route))
            }
        }
    }

    /// An answer of the dialect's own, as faults tell it: the parts that change something are counted.
    fn retold(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        route: &str,
        mut response: HttpResponse,
    ) -> HttpResponse {
        if response.status != 200 || !self.faults.watches_reads(now) {
            return response;
        }
        let time = self.engine.venue_time(now);
        let told = |dialect: &AnyDialect, telling: &Telling| dialect.retold(time, request, telling);
        let Some(mut before) = told(&self.dialect, &Telling::default()) else { return response };
        for (fault, telling) in self.faults.reading(now, route).tellings(time) {
            let Some(after) = told(&self.dialect, &telling) else { continue };
            if after.status != before.status || after.body != before.body {
                self.faults.fired(fault);
            }
            before = after;
        }
        // The headers say what was used, and stay.
        (response.status, response.body) = (before.status, before.body);
        response
    }

    /// Asks the exchange, as often as the dialect needs for its one answer.
    fn carry_out(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &AccountRequest,
        pending: AnyPending,
        route: &str,
    ) -> HttpResponse {
        let time = self.engine.venue_time(now);
        let answer = self.ask(now, account, request, route);
        let mut step = self.dialect.http_reply(time, pending, answer);
        loop {
            match step {
                Step::Done(response) => return response,
                Step::Ask { account, request, pending } => {
                    let answer = self.ask(now, account, &request, route);
                    step = self.dialect.http_reply(time, pending, answer);
                }
            }
        }
    }

    fn ask(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &AccountRequest,
        route: &str,
    ) -> Result<Response, VenueError> {
        let answer = self.engine.ask(now, account, request, route, &mut self.faults);
        self.publish(now);
        answer
    }

    fn stand(&mut self, last: InLine<AnyPending>) {
        if self.line.len() < LINE_MAX {
            self.line.push_back(last);
        }
    }

    /// Carries out, in their order, the requests that stood in line.
    fn drain(&mut self, now: Timestamp) {
        let time = self.engine.venue_time(now);
        for InLine { account, request, route, pending, way } in std::mem::take(&mut self.line) {
            match way {
                Way::Http(sender) => {
                    let response = self.carry_out(now, account, &request, pending, &route);
                    // Who asked may have gone away; it was done all the same.
                    let _ = sender.send(response);
                }
                Way::Socket(conn) => {
                    let answer = self.ask(now, account, &request, &route);
                    self.dialect.socket_reply(time, conn, pending, answer, &mut self.frames);
                    self.deliver(now, true);
                }
            }
        }
    }

    pub(super) fn connect(
        &mut self,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<Opened, HttpResponse> {
        let now = clock::now();
        let time = self.engine.venue_time(now);
        if let Err(refusal) = self.dialect.connect(time, conn, request) {
            self.counts.sockets.refused += 1;
            return Err(refusal);
        }
        self.counts.sockets.opened += 1;
        let gate = self.faults.gate(now, None);
        let opened = self.sockets.open(now, conn, request.peer, gate);
        self.classify(now, conn);
        Ok(opened)
    }

    /// A connection may have shown, or changed, what it is for.
    fn classify(&mut self, now: Timestamp, conn: ConnId) {
        let before = self.sockets.class(conn);
        let Some(class) = self.dialect.socket_class(conn).filter(|c| Some(*c) != before) else {
            return;
        };
        self.sockets.is_for(conn, class, self.faults.gate(now, Some(class)));
        // How long it lives is drawn once.
        if before.is_none()
            && let Some(peer) = self.sockets.peer(conn)
            && let Some(life) = self.faults.life(now, class, peer)
        {
            self.sockets.close_later(now.after(life), &[conn]);
        }
    }

    pub(super) fn text(&mut self, conn: ConnId, text: &str) {
        let now = clock::now();
        let time = self.engine.venue_time(now);
        let route = format!("WS {}", self.dialect.method(text));
        self.counts.request(&route);
        if let Some(peer) = self.sockets.peer(conn) {
            self.faults.carried_out(&route, peer);
        }
        let (dialect, frames) = (&mut self.dialect, &mut self.frames);
        let exchange = &self.engine.exchange;
        let step = with_market(&mut self.faults, now, &route, exchange, |market| {
            dialect.text(time, conn, text, market, frames)
        });
        self.classify(now, conn);
        match step {
            Step::Done(()) => self.deliver(now, true),
            Step::Ask { account, request, pending } => {
                if self.engine.must_wait(&request) {
                    let way = Way::Socket(conn);
                    self.stand(InLine { account, request, route, pending, way });
                    return;
                }
                // What happened is told before the answer: at the venue, too, the two come by
                // separate ways, and a client that needs an order of them is wrong.
                let answer = self.ask(now, account, &request, &route);
                self.dialect.socket_reply(time, conn, pending, answer, &mut self.frames);
                self.deliver(now, true);
            }
        }
    }

    pub(super) fn control(&mut self, conn: ConnId, pong: bool) {
        let now = clock::now();
        let time = self.engine.venue_time(now);
        self.dialect.control(time, conn, pong, &mut self.frames);
        self.deliver(now, false);
    }

    pub(super) fn disconnect(&mut self, conn: ConnId) {
        if self.sockets.close(conn) {
            self.counts.sockets.closed += 1;
            self.dialect.disconnect(conn);
        }
    }

    /// The market around the accounts moves.
    pub(super) fn background(&mut self, instrument: InstrumentId, event: &Background) {
        let now = clock::now();
        self.engine.background(now, instrument, event);
        self.market.events += 1;
        self.publish(now);
    }

    /// Too many requests, in the venue's words.
    pub(super) fn throttled(&mut self, peer: IpAddr, wait: Duration) -> HttpResponse {
        self.dialect.throttled(self.engine.venue_time(clock::now()), peer, wait)
    }

    /// Banned, in the venue's words.
    pub(super) fn banned(&mut self, peer: IpAddr, wait: Duration) -> HttpResponse {
        self.dialect.banned(self.engine.venue_time(clock::now()), peer, wait)
    }

    /// An answer as a replica gives it that is at most so far behind: the first one to the same
    /// question that is not older than that.
    pub(super) fn stale(
        &mut self,
        request: &HttpRequest<'_>,
        (fault, age): (FaultId, Duration),
        mut response: HttpResponse,
    ) -> HttpResponse {
        if !self.dialect.only_asks(request) || response.status != 200 {
            return response;
        }
        let now = clock::now();
        let question = self.dialect.question(request);
        match self.stale.get(&question) {
            Some((given, body)) if now.since(*given) <= age => {
                self.faults.fired(fault);
                response.body = body.clone();
            }
            _ => {
                if self.stale.len() >= STALE_MAX {
                    self.stale.clear();
                }
                self.stale.insert(question, (now, response.body.clone()));
            }
        }
        response
    }

    fn tick(&mut self) {
        let now = clock::now();
        self.engine.reject_due(now);
        // Orders until a date end on a quiet market, too.
        self.engine.pass_time(now);
        self.publish(now);
        let time = self.engine.venue_time(now);
        for account in self.dialect.run_out(time) {
            self.take_all_back(now, account);
        }
        self.dialect.tick(time, &self.engine.exchange, &mut self.frames);
        self.deliver(now, false);
        self.sockets.tick(now);
    }

    /// A dead-man timer has run out. The venue itself does this: no fault of a route is in its way.
    fn take_all_back(&mut self, now: Timestamp, account: AccountId) {
        self.engine.take_all_back(now, account);
        self.publish(now);
    }

    fn publish(&mut self, now: Timestamp) {
        let Engine { events, history, .. } = &mut self.engine;
        if events.is_empty() {
            return;
        }
        history.observe(events);
        let time = self.engine.venue_time(now);
        let Engine { events, exchange, .. } = &mut self.engine;
        self.dialect.events(time, events, exchange, &mut self.frames);
        events.clear();
        self.deliver(now, false);
    }
}

/// Asks with the public market, or with one whose lists are cut.
fn with_market<T>(
    faults: &mut Faults,
    now: Timestamp,
    route: &str,
    exchange: &SimVenue,
    ask: impl FnOnce(&dyn PublicMarket) -> T,
) -> T {
    let Some((fault, rows)) = faults.public_rows(now, route) else { return ask(exchange) };
    let market = Capped { market: exchange, rows, has_cut: Cell::new(false) };
    let asked = ask(&market);
    if market.has_cut.get() {
        faults.fired(fault);
    }
    asked
}

/// Lets time pass for the dialect, and starts and ends faults when they are due.
pub(super) async fn tick(shared: Arc<Shared>, every: Duration, mut stopped: watch::Receiver<bool>) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            _ = stopped.changed() => return,
        }
        shared.turn();
        shared.world().tick();
    }
}

//! The dialect, the exchange and the open sockets, behind one lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::venue::VenueEvent;
use model::{AccountId, Amount, Asset, InstrumentId, Timestamp, TradingMode};
use sim_venue::{Background, SimVenue};
use tokio::sync::{mpsc, watch};
use venues::server::{ConnId, Dialect, Frame, HttpRequest, HttpResponse, Payload, Step};

use super::faults::Faults;
use crate::clock;

/// Frames that wait for one connection. A reader that is slower than this is cut off, as real
/// venues do, instead of holding everything up.
pub(super) const QUEUE: usize = 8_192;

/// Everything that may be changed, and changes only under the lock.
pub(super) struct World<D> {
    dialect: D,
    exchange: SimVenue,
    sockets: BTreeMap<ConnId, mpsc::Sender<Payload>>,
    events: Vec<VenueEvent>,
    frames: Vec<Frame>,
    pub(super) market: MarketStatus,
    mode: TradingMode,
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
pub(super) struct Shared<D> {
    world: Mutex<World<D>>,
    pub(super) faults: Mutex<Faults>,
    /// Counts cuts: every connection that sees it change is gone.
    pub(super) cut: watch::Sender<u64>,
    next_conn: AtomicU64,
}

impl<D: Dialect> Shared<D> {
    pub(super) fn new(world: World<D>, faults: Faults) -> Shared<D> {
        Shared {
            world: Mutex::new(world),
            faults: Mutex::new(faults),
            cut: watch::Sender::new(0),
            next_conn: AtomicU64::new(1),
        }
    }

    /// The world. A panic under the lock leaves it usable: every step is complete in itself.
    pub(super) fn world(&self) -> MutexGuard<'_, World<D>> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn new_conn(&self) -> ConnId {
        ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed))
    }

    /// Cuts every connection that there is.
    pub(super) fn cut_all(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

impl<D: Dialect> World<D> {
    pub(super) fn new(dialect: D, exchange: SimVenue) -> World<D> {
        World {
            dialect,
            exchange,
            sockets: BTreeMap::new(),
            events: Vec::new(),
            frames: Vec::new(),
            market: MarketStatus::default(),
            mode: TradingMode::Live,
        }
    }

    /// Opens, restricts or halts trading of every instrument.
    fn set_mode(&mut self, mode: TradingMode) {
        if std::mem::replace(&mut self.mode, mode) == mode {
            return;
        }
        let all: Vec<InstrumentId> = self.exchange.instruments().map(|i| i.id).collect();
        all.into_iter().for_each(|instrument| self.exchange.set_mode(instrument, mode));
    }

    /// A deposit, or a withdrawal of at most what is free.
    pub(super) fn transfer(&mut self, account: AccountId, asset: Asset, amount: Amount) {
        let now = clock::now();
        self.exchange.transfer(now, account, asset, amount, &mut self.events);
        self.publish(now);
    }

    pub(super) fn exchange(&self) -> &SimVenue {
        &self.exchange
    }

    /// A REST request, answered in full.
    pub(super) fn http(&mut self, request: &HttpRequest<'_>) -> HttpResponse {
        let now = clock::now();
        let mut step = self.dialect.http(now, request, &self.exchange);
        loop {
            match step {
                Step::Done(response) => return response,
                Step::Ask { account, request, pending } => {
                    let answer = self.exchange.execute(now, account, &request, &mut self.events);
                    self.publish(now);
                    step = self.dialect.http_reply(now, pending, answer);
                }
            }
        }
    }

    pub(super) fn connect(
        &mut self,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<mpsc::Receiver<Payload>, HttpResponse> {
        self.dialect.connect(clock::now(), conn, request)?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.sockets.insert(conn, sender);
        Ok(receiver)
    }

    pub(super) fn text(&mut self, conn: ConnId, text: &str) {
        let now = clock::now();
        match self.dialect.text(now, conn, text, &self.exchange, &mut self.frames) {
            Step::Done(()) => self.deliver(),
            Step::Ask { account, request, pending } => {
                let answer = self.exchange.execute(now, account, &request, &mut self.events);
                // What happened is told before the answer: at the venue, too, the two come by
                // separate ways, and a client that needs an order of them is wrong.
                self.publish(now);
                self.dialect.socket_reply(now, conn, pending, answer, &mut self.frames);
                self.deliver();
            }
        }
    }

    pub(super) fn control(&mut self, conn: ConnId, pong: bool) {
        self.dialect.control(clock::now(), conn, pong, &mut self.frames);
        self.deliver();
    }

    pub(super) fn disconnect(&mut self, conn: ConnId) {
        if self.sockets.remove(&conn).is_some() {
            self.dialect.disconnect(conn);
        }
    }

    /// The market around the accounts moves.
    pub(super) fn background(&mut self, instrument: InstrumentId, event: &Background) {
        let now = clock::now();
        self.exchange.background(now, instrument, event, &mut self.events);
        self.market.events += 1;
        self.publish(now);
    }

    fn tick(&mut self) {
        let now = clock::now();
        // Orders until a date end on a quiet market, too.
        self.exchange.pass_time(now, &mut self.events);
        self.publish(now);
        self.dialect.tick(now, &self.exchange, &mut self.frames);
        self.deliver();
    }

    fn publish(&mut self, now: Timestamp) {
        if !self.events.is_empty() {
            self.dialect.events(now, &self.events, &self.exchange, &mut self.frames);
            self.events.clear();
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        for Frame { conn, payload } in self.frames.drain(..) {
            let Some(socket) = self.sockets.get(&conn) else { continue };
            if socket.try_send(payload).is_err() {
                // Too slow, or gone: its task sees the closed queue and ends.
                self.sockets.remove(&conn);
                self.dialect.disconnect(conn);
            }
        }
    }
}

/// Lets time pass for the dialect, and starts and ends faults when they are due.
pub(super) async fn tick<D: Dialect>(
    shared: Arc<Shared<D>>,
    every: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            _ = stopped.changed() => return,
        }
        let now = clock::now();
        let (cut, mode) = {
            let mut faults = shared.faults();
            (faults.due(now), faults.mode(now))
        };
        if cut {
            shared.cut_all();
        }
        let mut world = shared.world();
        world.set_mode(mode);
        world.tick();
    }
}

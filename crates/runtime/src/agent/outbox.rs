//! What waits to be told to an agent, and what a new process of it would have to be told.
//!
//! The gateway's loop drops news here and never waits. Market data may be condensed: when too much
//! waits, it is all forgotten and each instrument's book is sent whole instead, once the agent
//! reads again. News of the agent's own orders is never dropped; too much of it waiting ends the
//! process, because the next one starts with everything in its hello.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::AgentBooks;
use engine::protocol::{Hello, ToAgent};
use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind, MarketView, Markets};
use model::{AgentEvent, Instrument, InstrumentId, Intent, IntentId, Side, Timestamp};
use tokio::sync::Notify;

/// Market events that may wait.
pub(super) const MARKET_WAITING_MAX: usize = 2_048;
/// News of orders that may wait.
pub(super) const NEWS_WAITING_MAX: usize = 16_384;

/// Shared by the gateway's loop, which fills it, and by the conversation, which empties it.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug)]
struct State {
    hello: Hello,
    markets: Markets,
    books: AgentBooks,
    /// Is there a process to tell anything?
    connected: bool,
    waiting: VecDeque<Waiting>,
    market_waiting: usize,
    timer_waiting: bool,
    /// Instruments to be sent whole before anything else.
    stale: BTreeSet<InstrumentId>,
    condensed: u64,
    now: Timestamp,
    seq: u64,
}

#[derive(Debug)]
enum Waiting {
    Market(Timestamp, MarketEvent),
    News(Timestamp, AgentEvent),
    Timer(Timestamp),
}

impl Outbox {
    pub(super) fn new(hello: Hello) -> Outbox {
        let mut markets = Markets::default();
        hello.instruments.iter().for_each(|instrument| markets.follow(instrument.clone()));
        let state = State {
            markets,
            books: hello.books(),
            connected: false,
            waiting: VecDeque::new(),
            market_waiting: 0,
            timer_waiting: false,
            stale: BTreeSet::new(),
            condensed: 0,
            now: hello.now,
            seq: 0,
            hello,
        };
        Outbox { state: Mutex::new(state), filled: Notify::new() }
    }

    /// The market moved.
    pub(super) fn market(&self, now: Timestamp, event: &MarketEvent) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        state.markets.apply(now, event);
        if !state.connected || state.stale.contains(&event.instrument) {
            return;
        }
        if state.market_waiting >= MARKET_WAITING_MAX {
            state.condense();
        } else {
            state.market_waiting += 1;
            state.waiting.push_back(Waiting::Market(now, event.clone()));
        }
        drop(state);
        self.filled.notify_one();
    }

    /// The gateway has news for the agent.
    pub(super) fn news(&self, now: Timestamp, event: &AgentEvent) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        state.books.apply(event);
        if let AgentEvent::Instrument(instrument) = event {
            state.rules(instrument);
        }
        if state.connected {
            state.waiting.push_back(Waiting::News(now, event.clone()));
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Time passed. One that still waits is not joined by another.
    pub(super) fn timer(&self, now: Timestamp) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        let now = state.now;
        if state.connected && !state.timer_waiting {
            state.timer_waiting = true;
            state.waiting.push_back(Waiting::Timer(now));
        }
        drop(state);
        self.filled.notify_one();
    }

    /// An intent of the agent is on its way to the gateway.
    pub(super) fn placed(&self, intent: &Intent) {
        let mut state = self.lock();
        state.books.placed(intent);
        state.hello.next_intent = IntentId(intent.id.0.saturating_add(1));
    }

    /// First number that the agent's next intent may have.
    pub(super) fn next_intent(&self) -> IntentId {
        self.lock().hello.next_intent
    }

    /// A new process listens: what it is to be told first. The markets follow whole.
    pub(super) fn connect(&self, now: Timestamp) -> Hello {
        let mut state = self.lock();
        state.forget_waiting();
        state.now = state.now.max(now);
        state.connected = true;
        state.seq = 0;
        let known = state.markets.iter().filter(|market| market.updated().is_some());
        state.stale = known.map(|market| market.instrument().id).collect();
        let hello = Hello {
            now: state.now,
            positions: state.books.positions().clone(),
            open_orders: state.books.open_orders().cloned().collect(),
            trading: state.books.trading(),
            ..state.hello.clone()
        };
        drop(state);
        self.filled.notify_one();
        hello
    }

    /// Nobody listens any more.
    pub(super) fn disconnect(&self) {
        let mut state = self.lock();
        state.connected = false;
        state.forget_waiting();
        state.stale.clear();
    }

    /// Does more news wait than can be held for a process that does not read?
    pub(super) fn is_overfull(&self) -> bool {
        let state = self.lock();
        state.waiting.len() - state.market_waiting > NEWS_WAITING_MAX
    }

    /// How often market data was condensed since the last question.
    pub(super) fn take_condensed(&self) -> u64 {
        std::mem::take(&mut self.lock().condensed)
    }

    /// The next lines, numbered; at most `max` and as many books as are stale. Waits for the first.
    pub(super) async fn take(&self, max: usize, lines: &mut Vec<ToAgent>) {
        loop {
            self.lock().take(max, lines);
            if !lines.is_empty() {
                return;
            }
            self.filled.notified().await;
        }
    }

    /// A panic elsewhere while the lock was held cannot leave the state half changed in a way that
    /// is worse than stopping the agent's gateway.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// New rules: of the markets as they are told, and of what the next process begins with.
    fn rules(&mut self, new: &Instrument) {
        if self.markets.get(new.id).is_some_and(|market| market.instrument().grid() != new.grid()) {
            // Its book is begun anew, in its turn.
            self.stale.remove(&new.id);
        }
        self.markets.follow(new.clone());
        let known = self.hello.instruments.iter_mut().find(|known| known.id == new.id);
        known.into_iter().for_each(|known| *known = new.clone());
    }

    /// Forgets all market events that wait; the books go out whole instead.
    fn condense(&mut self) {
        self.waiting.retain(|waiting| !matches!(waiting, Waiting::Market(..)));
        self.market_waiting = 0;
        self.condensed += 1;
        self.stale = self.markets.iter().map(|market| market.instrument().id).collect();
    }

    fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.market_waiting = 0;
        self.timer_waiting = false;
    }

    /// The rules that a whole book is counted by go out before it.
    fn rules_first(&mut self, lines: &mut Vec<ToAgent>) {
        let mut others = VecDeque::new();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::News(now, event @ AgentEvent::Instrument(_)) => {
                    self.seq += 1;
                    lines.push(ToAgent::Agent { seq: self.seq, now, event });
                }
                Waiting::News(..) | Waiting::Market(..) | Waiting::Timer(_) => {
                    others.push_back(waiting);
                }
            }
        }
        self.waiting = others;
    }

    fn take(&mut self, max: usize, lines: &mut Vec<ToAgent>) {
        if !self.stale.is_empty() {
            self.rules_first(lines);
        }
        for instrument in std::mem::take(&mut self.stale) {
            let Some(market) = self.markets.get(instrument) else { continue };
            for event in whole(market, self.now) {
                self.seq += 1;
                lines.push(ToAgent::Market { seq: self.seq, now: self.now, event });
            }
        }
        while lines.len() < max
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.seq += 1;
            let seq = self.seq;
            lines.push(match waiting {
                Waiting::Market(now, event) => {
                    self.market_waiting -= 1;
                    ToAgent::Market { seq, now, event }
                }
                Waiting::News(now, event) => ToAgent::Agent { seq, now, event },
                Waiting::Timer(now) => {
                    self.timer_waiting = false;
                    ToAgent::Timer { seq, now }
                }
            });
        }
    }
}

/// A market as events that bring anybody to where it is now.
fn whole(market: &MarketView, now: Timestamp) -> Vec<MarketEvent> {
    let of = |kind| MarketEvent { instrument: market.instrument().id, venue_time: now, kind };
    let level =
        |side| move |l: model::market::Level| LevelUpdate { side, price: l.price, qty: l.qty };
    let mut events = Vec::new();
    if let Some(trade) = market.last_trade() {
        let event = MarketEvent { venue_time: trade.time, ..of(MarketKind::Trade(*trade)) };
        events.push(event);
    }
    events.push(of(if market.is_live() {
        let bids = market.book().bids().map(level(Side::Buy));
        let levels = bids.chain(market.book().asks().map(level(Side::Sell))).collect();
        MarketKind::Book(BookUpdate { snapshot: true, levels })
    } else {
        MarketKind::BookLost
    }));
    let best = market.best();
    if !market.is_live() && (best.bid.is_some() || best.ask.is_some()) {
        events.push(of(MarketKind::Quote(best)));
    }
    events
}

#[cfg(test)]
mod tests;

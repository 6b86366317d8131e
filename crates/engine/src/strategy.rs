//! What a strategy is: something that looks at events and wants orders.

use model::market::{MarketEvent, MarketView, Markets};
use model::{AgentEvent, InstrumentId, Timestamp, TradingState};

use crate::books::AgentBooks;
use crate::intents::Intents;

/// One trading idea. Deterministic: the same events give the same intents, so what a backtest did
/// is what the strategy does. No clock, randomness, file or socket; time comes with the view.
pub trait Strategy: Send {
    /// Something happened; `view` already includes it. What is wanted goes into `intents`.
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents);
}

impl<S: Strategy + ?Sized> Strategy for Box<S> {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        (**self).on_event(view, event, intents);
    }
}

/// What can happen to a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It was started, perhaps again: positions and open orders of an earlier life are in the view.
    Started,
    /// Something happened in the public market.
    Market(&'a MarketEvent),
    /// Something happened to its own orders, or to what it may do.
    Agent(&'a AgentEvent),
    /// Time passed. Comes about once a second, also while the market is silent.
    Timer,
}

/// What a strategy knows.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// When the event reached the gateway. The strategy's only clock.
    pub now: Timestamp,
    /// The public market.
    pub markets: &'a Markets,
    /// Its own positions and open orders.
    pub books: &'a AgentBooks,
}

impl<'a> View<'a> {
    /// The market of an instrument, if its book can be relied on and the gateway lets new orders
    /// through: the state in which it makes sense to want something.
    pub fn tradable(&self, instrument: InstrumentId) -> Option<&'a MarketView> {
        let active = self.books.trading() == TradingState::Active;
        self.markets.get(instrument).filter(|market| active && market.is_live())
    }
}

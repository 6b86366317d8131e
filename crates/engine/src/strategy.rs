//! What a strategy is: something that looks at events and wants orders.

use model::market::{MarketEvent, MarketView, Markets};
use model::{AgentEvent, InstrumentId, Timestamp};

use crate::books::AgentBooks;
use crate::intents::Intents;

/// One trading idea. Deterministic: the same events give the same intents, so what a backtest did
/// is what the strategy does. No clock, randomness, file or socket; time comes with the view.
pub trait Strategy: Send {
    /// Something happened; `view` already includes it. What is wanted goes into `intents`.
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents);

    /// For how long changes of a book would change nothing in it and make it want nothing. Who drives it in the same
    /// process (a backtest) may then put them together and show it one of many. Whatever else happens ends the rest: it
    /// is asked again after every event that it is shown. One that looks at each change never rests, which is how it
    /// is unless it says otherwise.
    fn rest(&self, view: &View<'_>) -> Rest {
        let _ = view;
        Rest::NONE
    }
}

/// For how long a strategy need not be shown changes of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Until before this time.
    pub until: Timestamp,
    /// And as long as the best prices of both sides stay what they are.
    pub while_best_stays: bool,
    /// Nor would public trades of it change anything in the strategy or make it want something.
    pub trades_too: bool,
}

impl Rest {
    /// It wants to see everything.
    pub const NONE: Rest =
        Rest { until: Timestamp::EPOCH, while_best_stays: false, trades_too: false };
}

impl<S: Strategy + ?Sized> Strategy for Box<S> {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        (**self).on_event(view, event, intents);
    }

    fn rest(&self, view: &View<'_>) -> Rest {
        (**self).rest(view)
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
        let active = self.books.trading().adds_risk();
        self.markets.get(instrument).filter(|market| active && market.is_live())
    }
}

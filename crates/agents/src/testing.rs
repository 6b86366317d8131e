//! A stage for strategies: a market that moves by hand, and a gateway that agrees or not.

use std::collections::BTreeMap;

use engine::{AgentBooks, Event, Intents, Strategy, View};
use model::market::{
    BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind, Markets,
};
use model::{
    Action, AgentEvent, AgentId, Asset, ClientOrderId, Ending, Fill, Instrument, Intent, IntentId,
    Liquidity, OrderState, Refusal, Side, Timestamp, TradeId, TradingState, VenueOrderId,
};

use crate::info::StrategyInfo;
use crate::params::{BuildError, Params};

pub(crate) fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

pub(crate) fn build(
    info: &StrategyInfo,
    params: &[(&str, &str)],
) -> Result<Box<dyn Strategy>, BuildError> {
    let params: BTreeMap<String, String> =
        params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let instruments = [instrument()];
    (info.make)(&Params::new(info.name, info.params, &params, &instruments)?)
}

/// One strategy and its world. Every event is a second after the one before.
pub(crate) struct Stage {
    strategy: Box<dyn Strategy>,
    markets: Markets,
    books: AgentBooks,
    intents: Intents,
    now: i64,
    trades: u64,
}

impl Stage {
    pub(crate) fn new(strategy: Box<dyn Strategy>) -> Stage {
        let mut markets = Markets::default();
        markets.follow(instrument());
        let intents = Intents::new(AgentId::new("test").unwrap(), IntentId(1));
        let books = AgentBooks::restored(BTreeMap::new(), [], TradingState::Active);
        Stage { strategy, markets, books, intents, now: 1_000, trades: 0 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.now * 1_000_000_000)
    }

    fn show(&mut self, event: &Event<'_>) -> Vec<Intent> {
        let now = self.now();
        self.intents.set_now(now);
        let view = View { now, markets: &self.markets, books: &self.books };
        self.strategy.on_event(&view, event, &mut self.intents);
        let wanted: Vec<Intent> = self.intents.drain().collect();
        wanted.iter().for_each(|intent| self.books.placed(intent));
        wanted
    }

    /// The book is now half a unit below and above this price, a second later.
    pub(crate) fn price(&mut self, price: i64) -> Vec<Intent> {
        self.now += 1;
        let level = |side, cents| LevelUpdate { side, price: GridPrice(cents), qty: GridQty(1) };
        let levels = vec![level(Side::Buy, price * 100 - 50), level(Side::Sell, price * 100 + 50)];
        let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
        let event = MarketEvent { instrument: instrument().id, venue_time: self.now(), kind };
        self.markets.apply(self.now(), &event);
        self.show(&Event::Market(&event))
    }

    fn tell(&mut self, event: AgentEvent) {
        self.books.apply(&event);
        let more = self.show(&Event::Agent(&event));
        // What it wants at once is not part of these stories, but must not be lost silently.
        assert!(more.iter().all(|i| matches!(i.action, Action::Place(_) | Action::Cancel(_))));
        for intent in more {
            if let Action::Place(_) = intent.action {
                self.books.apply(&AgentEvent::Refused {
                    intent: intent.id,
                    because: Refusal::Unrepresentable,
                });
            }
        }
    }

    fn order(&mut self, intent: &Intent, state: OrderState, filled: model::Qty) {
        let client_order_id = ClientOrderId::new(&format!("test-{}", intent.id.0)).unwrap();
        self.tell(AgentEvent::Order { intent: intent.id, client_order_id, state, filled });
    }

    pub(crate) fn side(&self, intent: &Intent) -> Side {
        match &intent.action {
            Action::Place(spec) => spec.side,
            other => panic!("{other:?} is no order"),
        }
    }

    /// The venue takes the order.
    pub(crate) fn accept(&mut self, intent: &Intent) {
        self.order(intent, OrderState::Working, model::Qty::ZERO);
    }

    /// The order is taken back.
    pub(crate) fn end(&mut self, intent: &Intent) {
        self.order(intent, OrderState::Done(Ending::Canceled), model::Qty::ZERO);
    }

    /// The order fills at its price, without a fee.
    pub(crate) fn fill(&mut self, intent: &Intent) {
        let Action::Place(spec) = &intent.action else { panic!("{intent:?} is no order") };
        self.trades += 1;
        let fill = Fill {
            trade_id: TradeId::from_number(self.trades),
            venue_order_id: VenueOrderId::from_number(self.trades),
            client_order_id: None,
            instrument: spec.instrument,
            side: spec.side,
            price: spec.kind.price().unwrap(),
            qty: spec.qty,
            fee: None,
            liquidity: Liquidity::Maker,
            venue_time: self.now(),
        };
        self.books.apply(&AgentEvent::Fill { intent: intent.id, fill });
        let qty = spec.qty;
        self.order(intent, OrderState::Done(Ending::Filled), qty);
    }

    /// A guardrail says no.
    pub(crate) fn refuse(&mut self, intent: &Intent) {
        self.tell(AgentEvent::Refused { intent: intent.id, because: Refusal::Unrepresentable });
    }
}

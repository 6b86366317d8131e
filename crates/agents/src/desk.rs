//! What all strategies that trade one instrument share: when to look, when to hold still, and how to
//! say an order.

use std::time::Duration;

use engine::{Event, View};
use model::market::MarketView;
use model::{
    Instrument, InstrumentId, OrderKind, OrderSpec, Price, Qty, Side, TimeInForce, Timestamp,
};

/// After a refusal nothing new is wanted for this long: what was refused would be refused again.
const REFUSED_PAUSE: Duration = Duration::from_secs(2);

/// One instrument, as a strategy deals with it.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) instrument: Instrument,
    sample_every: Duration,
    sampled: Option<Timestamp>,
    quiet_until: Timestamp,
}

impl Desk {
    pub(crate) fn new(instrument: &Instrument, sample_ms: u64) -> Desk {
        Desk {
            instrument: instrument.clone(),
            sample_every: Duration::from_millis(sample_ms),
            sampled: None,
            quiet_until: Timestamp::EPOCH,
        }
    }

    pub(crate) fn id(&self) -> InstrumentId {
        self.instrument.id
    }

    /// Notes a refusal, and new rules of the instrument.
    pub(crate) fn hear(&mut self, now: Timestamp, event: &Event<'_>) {
        if let Event::Agent(model::AgentEvent::Instrument(instrument)) = event
            && instrument.id == self.id()
        {
            self.instrument = (**instrument).clone();
        }
        if let Event::Agent(model::AgentEvent::Refused { because, .. }) = event
            && *because != model::Refusal::NothingToCancel
        {
            self.quiet_until = now.after(REFUSED_PAUSE);
        }
    }

    /// Has a refusal been too recent to want something new?
    pub(crate) fn is_quiet(&self, now: Timestamp) -> bool {
        now < self.quiet_until
    }

    /// The middle of a live book, once every sample interval of event time. Only the market counts: when a timer or
    /// news of an order comes is in no recording, and a backtest of a run is to see the same samples.
    pub(crate) fn sample(&mut self, view: &View<'_>, event: &Event<'_>) -> Option<f64> {
        if !matches!(event, Event::Market(_)) {
            return None;
        }
        // Most events come between two samples.
        if self.sampled.is_some_and(|at| view.now.since(at) < self.sample_every) {
            return None;
        }
        let price = self.market(view)?.reference_price()?;
        self.sampled = Some(view.now);
        Some(price.get().to_f64())
    }

    /// When the next sample is due.
    pub(crate) fn next_sample(&self) -> Timestamp {
        self.sampled.map_or(Timestamp::EPOCH, |at| at.after(self.sample_every))
    }

    /// The market, while its book can be relied on.
    pub(crate) fn market<'a>(&self, view: &View<'a>) -> Option<&'a MarketView> {
        view.markets.get(self.id()).filter(|market| market.is_live())
    }

    /// The best price on one side of the book.
    pub(crate) fn best(&self, market: &MarketView, side: Side) -> Option<Price> {
        let level = match side {
            Side::Buy => market.book().best_bid(),
            Side::Sell => market.book().best_ask(),
        };
        self.instrument.grid().price(level?.price)
    }

    /// What can be sold of a long position: what was bought less what fees took of it, in whole lots.
    pub(crate) fn sellable(&self, view: &View<'_>) -> Qty {
        let Some(position) = view.books.positions().get(&self.id()) else { return Qty::ZERO };
        let held = position.net();
        if held.side() != Some(Side::Buy) {
            return Qty::ZERO;
        }
        let fees = position.fees().get(&self.instrument.base).map(|fee| fee.get());
        let left = held.get().checked_sub(fees.unwrap_or_default()).unwrap_or_default();
        Qty::try_from(left).unwrap_or(Qty::ZERO).on_grid(self.instrument.lot)
    }

    /// A limit order, of whole lots.
    pub(crate) fn limit(
        &self,
        side: Side,
        qty: Qty,
        price: Price,
        time_in_force: TimeInForce,
        post_only: bool,
    ) -> OrderSpec {
        OrderSpec {
            instrument: self.id(),
            side,
            kind: OrderKind::Limit { price },
            qty: qty.on_grid(self.instrument.lot),
            time_in_force,
            post_only,
            reduce_only: false,
            effect: None,
        }
    }

    /// An order that takes at once, at most `slippage_bps` beyond the best price.
    pub(crate) fn taking(
        &self,
        market: &MarketView,
        side: Side,
        qty: Qty,
        slippage_bps: i64,
    ) -> Option<OrderSpec> {
        let (touch, worse) = match side {
            Side::Buy => (self.best(market, Side::Sell)?, slippage_bps),
            Side::Sell => (self.best(market, Side::Buy)?, -slippage_bps),
        };
        let price = touch.shifted_bps(worse)?.on_grid(self.instrument.tick, side)?;
        Some(self.limit(side, qty, price, TimeInForce::Ioc, false))
    }
}

//! Two agents of the simulation alone: one that wants everything it should not, and one that places a
//! small order far from the market, so that it can be seen whether the system trades at all.

use engine::{Event, Intents, Strategy, View};
use model::market::GridPrice;
use model::{InstrumentId, IntentId, OrderKind, OrderSpec, Price, Side, TimeInForce, Timestamp};

use crate::dice::Dice;
use crate::setup::{GRID, price, qty, ticks};

/// Orders of its own that the hostile agent leaves open.
const OPEN_MAX: usize = 3;

/// Wants too much, too often, at wrong prices, off the grid, too late, and back again.
pub(crate) struct Hostile {
    dice: Dice,
    instrument: InstrumentId,
    /// Things wanted at each look, on average, in thousandths.
    eagerness: u64,
    last: Option<IntentId>,
    /// Looks at which it wants much at once.
    pub(crate) halts: bool,
}

impl Hostile {
    pub(crate) const fn new(
        dice: Dice,
        instrument: InstrumentId,
        eagerness: u64,
        halts: bool,
    ) -> Hostile {
        Hostile { dice, instrument, eagerness, last: None, halts }
    }

    fn act(&mut self, view: &View<'_>, intents: &mut Intents) {
        let open: Vec<IntentId> =
            view.books.open_in(self.instrument).map(|order| order.intent).collect();
        let oldest = open.first().copied();
        match self.dice.below(100) {
            _ if open.len() > OPEN_MAX => {
                if let Some(oldest) = oldest {
                    intents.cancel(oldest, "too many");
                }
            }
            0..20 => {
                if let Some(intent) = oldest.or(self.last) {
                    intents.cancel(intent, "changed its mind");
                }
            }
            20..23 => {
                intents.cancel_all(self.instrument, "changed its mind about all");
            }
            23..25 if self.halts => {
                intents.halt("wants to stop");
            }
            25..28 => {
                intents.cancel(IntentId(7), "never was");
            }
            _ => {
                let spec = self.order(view);
                self.last = spec.map(|spec| intents.place(spec, "because it can"));
            }
        }
    }

    fn order(&mut self, view: &View<'_>) -> Option<OrderSpec> {
        let side = if self.dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let market = view.markets.get(self.instrument)?;
        let middle = market.reference_price().and_then(ticks).unwrap_or(10_000);
        let lots = match self.dice.below(20) {
            0 => 5_000,
            1 => 1,
            2 => 2_001,
            _ => 60 + i64::try_from(self.dice.below(900)).unwrap_or(0),
        };
        let away = match self.dice.below(12) {
            0 => 800,
            1 => -800,
            2 => 499,
            _ => i64::try_from(self.dice.below(120)).unwrap_or(0) - 30,
        };
        let outward = if side == Side::Buy { -1 } else { 1 };
        let at = |ticks: i64| -> Option<Price> { price(ticks.max(1)) };
        let limit = at(middle + outward * middle * away / 10_000)?;
        let trigger = at(middle - outward * middle * away.abs().max(5) / 10_000)?;
        let profit = at(middle + outward * middle * away.abs().max(5) / 10_000)?;
        let kind = match self.dice.below(10) {
            0 => OrderKind::Market,
            1 => OrderKind::StopLoss { trigger },
            2 => OrderKind::StopLimit { trigger, price: trigger },
            3 => OrderKind::TakeProfit { trigger: profit },
            _ => OrderKind::Limit { price: limit },
        };
        let time_in_force = match self.dice.below(8) {
            0 => TimeInForce::Ioc,
            1 => TimeInForce::Fok,
            _ => TimeInForce::Gtc,
        };
        let off_grid = self.dice.below(40) == 0;
        let size = if off_grid { "0.0005".parse().unwrap_or(qty(1)) } else { qty(lots) };
        Some(OrderSpec {
            instrument: self.instrument,
            side,
            kind,
            qty: size,
            time_in_force,
            post_only: self.dice.below(6) == 0,
            reduce_only: self.dice.below(10) == 0,
            effect: None,
        })
    }
}

impl Strategy for Hostile {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        if *event != Event::Timer {
            return;
        }
        if self.dice.below(1_000) < self.eagerness {
            self.act(view, intents);
        }
    }
}

/// Many things at once, as a burst of the agent that is hit by one.
pub(crate) fn burst(dice: &mut Dice, instrument: InstrumentId, view: &View<'_>) -> Vec<OrderSpec> {
    let middle = view.markets.get(instrument).and_then(|m| m.reference_price());
    let middle = middle.and_then(|price| GRID.grid_price(price)).unwrap_or(GridPrice(10_000)).0;
    let count = 5 + dice.below(20);
    let order = |number: u64| {
        let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let away = 30 + i64::try_from(number).unwrap_or(0);
        let outward = if side == Side::Buy { -1 } else { 1 };
        Some(OrderSpec {
            instrument,
            side,
            kind: OrderKind::Limit { price: price(middle + outward * away)? },
            qty: qty(200 + i64::try_from(number).unwrap_or(0) * 40),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            effect: None,
        })
    };
    (0..count).filter_map(order).collect()
}

/// Places a small order far from the market every few seconds and takes it back.
pub(crate) struct Probe {
    instrument: InstrumentId,
    side: Side,
    due: Timestamp,
}

impl Probe {
    const EVERY: std::time::Duration = std::time::Duration::from_secs(6);

    pub(crate) const fn new(instrument: InstrumentId) -> Probe {
        Probe { instrument, side: Side::Buy, due: Timestamp::EPOCH }
    }
}

impl Strategy for Probe {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        if *event != Event::Timer || view.now < self.due {
            return;
        }
        self.due = view.now.after(Probe::EVERY);
        let open: Vec<IntentId> = view
            .books
            .open_in(self.instrument)
            .filter(|order| order.cancel.is_none())
            .map(|order| order.intent)
            .collect();
        open.into_iter().for_each(|intent| {
            intents.cancel(intent, "the probe is over");
        });
        if !view.books.trading().adds_risk() {
            return;
        }
        let Some(market) = view.tradable(self.instrument) else { return };
        let Some(middle) = market.reference_price().and_then(ticks) else { return };
        self.side = self.side.opposite();
        let outward = if self.side == Side::Buy { -1 } else { 1 };
        let Some(price) = price(middle + outward * middle * 3 / 100) else { return };
        let order = OrderSpec {
            instrument: self.instrument,
            side: self.side,
            kind: OrderKind::Limit { price },
            qty: qty(60),
            time_in_force: TimeInForce::Gtc,
            post_only: true,
            reduce_only: false,
            effect: None,
        };
        intents.place(order, "does it trade?");
    }
}

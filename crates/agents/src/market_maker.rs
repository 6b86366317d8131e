//! Quotes both sides around the middle and earns the difference, if the market comes to both.
//!
//! Post-only: it never takes. What it holds moves both quotes away from holding more, and beyond a
//! limit it quotes one side only. A quote is renewed when the market has moved, at most so often; it
//! is taken back first and placed again when it is over, so that there are never two of a side.

use std::time::Duration;

use engine::{Event, Intents, Rest, Strategy, View};
use model::market::{GridPrice, MarketView};
use model::{NetQty, OrderKind, Price, Qty, Side, TimeInForce, Timestamp};

use crate::desk::Desk;
use crate::info::StrategyInfo;
use crate::params::{BuildError, INSTRUMENT, ParamInfo, ParamKind, Params, QTY};

pub(crate) const INFO: StrategyInfo = StrategyInfo {
    name: "market-maker",
    about: "quotes both sides around the middle of the book, post-only",
    params: PARAMS,
    source: crate::info::source!("market_maker.rs"),
    make,
};

const PARAMS: &[ParamInfo] = &[
    ParamInfo {
        name: "half_spread_bps",
        kind: ParamKind::Number { min_milli: 0, max_milli: 1_000_000 },
        default: Some("5"),
        about: "distance of each quote from the middle, hundredths of a percent",
    },
    QTY,
    ParamInfo {
        name: "requote_every",
        kind: ParamKind::Whole { min: 50, max: 86_400_000 },
        default: Some("1000"),
        about: "shortest life of a quote, milliseconds",
    },
    ParamInfo {
        name: "skew_bps",
        kind: ParamKind::Number { min_milli: 0, max_milli: 1_000_000 },
        default: Some("1"),
        about: "how far each quote moves per quote held, hundredths of a percent",
    },
    ParamInfo {
        name: "quotes_held_max",
        kind: ParamKind::Whole { min: 1, max: 1_000 },
        default: Some("5"),
        about: "with this many times qty held it quotes only the other side",
    },
    INSTRUMENT,
];

fn make(params: &Params<'_>) -> Result<Box<dyn Strategy>, BuildError> {
    let instrument = params.instrument()?;
    Ok(Box::new(MarketMaker {
        desk: Desk::new(instrument, 0),
        half_spread: params.number("half_spread_bps")? / 10_000.0,
        skew: params.number("skew_bps")? / 10_000.0,
        qty: params.qty("qty", instrument)?,
        quotes_held_max: params.whole("quotes_held_max")? as f64,
        requote_every: Duration::from_millis(params.whole("requote_every")?),
        quoted: [Timestamp::EPOCH; 2],
        decided: [None; 2],
    }))
}

struct MarketMaker {
    desk: Desk,
    /// Fraction of the middle.
    half_spread: f64,
    /// Fraction of the middle, per quote held.
    skew: f64,
    qty: Qty,
    quotes_held_max: f64,
    requote_every: Duration,
    /// When each side was quoted last.
    quoted: [Timestamp; 2],
    /// What each side was last decided by, where that asked for nothing.
    decided: [Option<DecidedBy>; 2],
}

/// All that a quote depends on besides the time: best prices, and the books by how often they have changed.
type DecidedBy = (GridPrice, GridPrice, u64);

impl Strategy for MarketMaker {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        self.desk.hear(view.now, event);
        let Some(market) = view.tradable(self.desk.id()) else { return };
        for side in [Side::Buy, Side::Sell] {
            self.quote(view, market, side, intents);
        }
    }

    fn rest(&self, view: &View<'_>) -> Rest {
        let by = self.desk.market(view).and_then(|market| decided_by(view, market));
        let requote = self.quoted.map(|at| at.after(self.requote_every));
        let until = |at: usize| match self.decided[at] {
            _ if view.now < requote[at] => requote[at],
            decided if decided.is_some() && decided == by => Timestamp::MAX,
            _ => Timestamp::EPOCH,
        };
        // A quote that is too young to be renewed stays, wherever the best prices go.
        let while_best_stays = requote.into_iter().any(|at| view.now >= at);
        Rest { until: until(0).min(until(1)), while_best_stays, trades_too: true }
    }
}

fn decided_by(view: &View<'_>, market: &MarketView) -> Option<DecidedBy> {
    let (bid, ask) = market.book().best_bid().zip(market.book().best_ask())?;
    Some((bid.price, ask.price, view.books.changes()))
}

impl MarketMaker {
    fn quote(&mut self, view: &View<'_>, market: &MarketView, side: Side, intents: &mut Intents) {
        let at = usize::from(side == Side::Sell);
        if view.now.since(self.quoted[at]) < self.requote_every {
            return;
        }
        // Nearly every event is behind the best prices.
        let by = decided_by(view, market);
        if by.is_some() && self.decided[at] == by {
            return;
        }
        self.decided[at] = by.filter(|_| !self.desk.is_quiet(view.now));
        let held = view.books.position(self.desk.id());
        let wanted = self.price(market, side, held);
        let mut open = view.books.open_in(self.desk.id()).filter(|order| order.spec.side == side);
        if let Some(order) = open.next() {
            let stands = wanted.is_some_and(|price| order.spec.kind == OrderKind::Limit { price });
            if !stands && order.cancel.is_none() {
                intents.cancel(order.intent, "the market has moved");
            }
            return;
        }
        let wanted = wanted.filter(|_| !self.desk.is_quiet(view.now));
        if let Some(price) = wanted.filter(|price| !self.meets_own(view, side, *price)) {
            let order = self.desk.limit(side, self.qty, price, TimeInForce::Gtc, true);
            intents.place(order, format!("quote around the middle, holding {held}"));
            self.quoted[at] = view.now;
        }
    }

    /// Would it meet the quote of the other side? That one is older, and goes first.
    fn meets_own(&self, view: &View<'_>, side: Side, price: Price) -> bool {
        let mut others = view.books.open_in(self.desk.id()).filter(|order| order.spec.side != side);
        others.any(|order| match (side, order.spec.kind.price()) {
            (_, None) => false,
            (Side::Buy, Some(other)) => price >= other,
            (Side::Sell, Some(other)) => price <= other,
        })
    }

    /// The price of a quote; `None` when there is none to be made.
    fn price(&self, market: &MarketView, side: Side, held: NetQty) -> Option<Price> {
        let middle = market.reference_price()?.get().to_f64();
        let quotes_held = held.get().to_f64() / self.qty.get().to_f64();
        let (away, more) = match side {
            Side::Buy => (-self.half_spread, quotes_held),
            Side::Sell => (self.half_spread, -quotes_held),
        };
        if more >= self.quotes_held_max {
            return None;
        }
        let instrument = &self.desk.instrument;
        let price = middle * (1.0 + away - self.skew * quotes_held);
        // Onto the grid: from here on it is money, and exact.
        let scale = 10f64.powi(i32::from(instrument.grid().price_decimals));
        let count = GridPrice((price * scale).round() as i64);
        let price = instrument.grid().price(count)?.on_grid(instrument.tick, side)?;
        // It must not take: at most one tick inside the other side's best price.
        let tick = instrument.tick.get();
        let (bid, ask) = (self.desk.best(market, Side::Buy)?, self.desk.best(market, Side::Sell)?);
        let inside = match side {
            Side::Buy => price.min(Price::try_from(ask.get().checked_sub(tick)?).ok()?),
            Side::Sell => price.max(Price::try_from(bid.get().checked_add(tick)?).ok()?),
        };
        // The others' orders may be older than the tick.
        inside.on_grid(instrument.tick, side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Stage, build};
    use model::{Action, Intent};

    fn stage() -> Stage {
        let params =
            [("half_spread_bps", "10"), ("requote_every", "1000"), ("quotes_held_max", "2")];
        Stage::new(build(&INFO, &params).unwrap())
    }

    fn price(intent: &Intent) -> (Side, Price) {
        match &intent.action {
            Action::Place(spec) => (spec.side, spec.kind.price().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quotes_both_sides_once_and_again_when_the_market_moves() {
        let mut stage = stage();
        let quotes = stage.price(1_000);
        let prices: Vec<_> = quotes.iter().map(price).collect();
        assert_eq!(
            prices,
            [(Side::Buy, "999".parse().unwrap()), (Side::Sell, "1001".parse().unwrap())]
        );
        quotes.iter().for_each(|quote| stage.accept(quote));
        assert!(stage.price(1_000).is_empty(), "they stand");
        let cancels = stage.price(1_010);
        assert_eq!(cancels.len(), 2);
        assert!(stage.price(1_010).is_empty(), "asked for once");
        quotes.iter().for_each(|quote| stage.end(quote));
        assert_eq!(stage.price(1_010).len(), 2, "placed again when they are over");
    }

    /// The market leaps over a quote that is being taken back: the other side waits until that is over.
    #[test]
    fn it_does_not_meet_itself() {
        let mut stage = stage();
        let quotes = stage.price(1_000);
        quotes.iter().for_each(|quote| stage.accept(quote));
        assert_eq!(stage.price(1_010).len(), 2, "both are taken back");
        stage.end(&quotes[0]);
        assert!(stage.price(1_010).is_empty(), "at 1009 it would buy from the quote at 1001");
        stage.end(&quotes[1]);
        assert_eq!(stage.price(1_010).len(), 2);
    }

    #[test]
    fn what_it_holds_moves_the_quotes_and_at_the_limit_ends_one_side() {
        let mut stage = stage();
        let quotes = stage.price(1_000);
        stage.fill(&quotes[0]);
        let renewed = stage.price(1_000);
        assert_eq!(price(&renewed[0]), (Side::Buy, "998.9".parse().unwrap()), "one skew lower");
        stage.fill(&renewed[0]);
        let sides: Vec<Side> = stage
            .price(1_000)
            .iter()
            .filter_map(|i| match &i.action {
                Action::Place(spec) => Some(spec.side),
                _ => None,
            })
            .collect();
        assert!(!sides.contains(&Side::Buy), "two quotes are held: {sides:?}");
    }

    #[test]
    fn never_at_a_price_that_takes() {
        let mut stage = Stage::new(build(&INFO, &[("half_spread_bps", "0")]).unwrap());
        let quotes = stage.price(1_000);
        // The book is 999.5 to 1000.5.
        assert!(price(&quotes[0]).1 < "1000.5".parse().unwrap());
        assert!(price(&quotes[1]).1 > "999.5".parse().unwrap());
    }
}

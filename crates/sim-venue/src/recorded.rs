//! What was recorded of a market, as a backtest passes it on: a message at a time, and without a word of
//! the exchange's own where nothing happened but what was recorded. That is so nearly always, and then
//! this costs a search in a short array.
//!
//! Where prints were recorded and no book ([`SimVenue::follow_prints`]), the last price is the market: takers
//! trade at it, and an order that rests is filled when prints go beyond its price. A bar is a path of prints:
//! on its way from one to the next the price passes every trigger between them.

use model::market::{GridPrice, GridQty, LevelUpdate, PublicTrade};
use model::venue::VenueEvent;
use model::{
    AccountId, Asset, Balance, InstrumentId, Liquidity, Side, Timestamp, TradeId, TradingMode,
};

use crate::assumptions::PrintsOnly;
use crate::background::Background;
use crate::matching::Step;
use crate::venue::SimVenue;

/// One of the instruments of an exchange, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketNumber(usize);

impl SimVenue {
    /// The number of an instrument; `None` where it is not traded here.
    pub fn number_of(&self, instrument: InstrumentId) -> Option<MarketNumber> {
        self.by_id.get(&instrument).copied().map(MarketNumber)
    }

    /// Nobody asks for the public tape: only its last trade is kept from now on.
    pub fn keep_no_tape(&mut self) {
        self.markets.iter_mut().for_each(|market| market.tape.shorten());
    }

    /// Of this instrument prints are recorded, and no book.
    pub fn follow_prints(&mut self, MarketNumber(at): MarketNumber) {
        self.markets[at].prints_only = Some(PrintsOnly::default());
    }

    /// Of this instrument only the best of the book is recorded: what is not shown may be there all the same, so
    /// nothing is known of who stands before whom.
    pub fn follow_part_of_book(&mut self, MarketNumber(at): MarketNumber) {
        self.markets[at].is_partial = true;
    }

    /// Of this instrument no trades are recorded: stops are triggered by the best price of the side that they
    /// would meet.
    pub fn trigger_by_book(&mut self, MarketNumber(at): MarketNumber) {
        self.markets[at].triggers_by_book = true;
    }

    /// Best bid and best ask of a book that has both sides.
    #[inline]
    pub fn best(&self, MarketNumber(at): MarketNumber) -> Option<(GridPrice, GridPrice)> {
        let book = &self.markets[at].book;
        Some((book.best(Side::Buy)?, book.best(Side::Sell)?))
    }

    /// The middle of a book that has both sides.
    #[inline]
    pub fn middle(&self, number: MarketNumber) -> Option<GridPrice> {
        let (bid, ask) = self.best(number)?;
        Some(GridPrice(bid.0.midpoint(ask.0)))
    }

    /// Does nothing of an account wait here?
    pub fn is_idle(&self, MarketNumber(at): MarketNumber) -> bool {
        let market = &self.markets[at];
        market.stops.is_empty() && self.dated.is_empty() && market.book.has_no_orders()
    }

    /// What an account has; nothing where there is no such account.
    pub fn balances_of(&self, account: AccountId) -> Vec<(Asset, Balance)> {
        let index = self.accounts.index(&account);
        index.map(|index| self.accounts.funds(index).all().collect()).unwrap_or_default()
    }

    /// A message that sets levels, after `clear` of a whole book; without a level after that the book is lost, and
    /// in the one that is found again accounts' orders stand behind everything else. True when the book that the exchange
    /// shows changed by just these levels, of which the events then say nothing.
    pub fn recorded_book(
        &mut self,
        now: Timestamp,
        number: MarketNumber,
        clear: bool,
        levels: &[LevelUpdate],
        events: &mut Vec<VenueEvent>,
    ) -> bool {
        let at = number.0;
        let by_book = self.markets[at].triggers_by_book && !self.markets[at].stops.is_empty();
        if clear || by_book || !self.is_plain(at) {
            self.book_by_steps(now, at, clear, levels, events);
            if clear {
                self.is_lost_or_found(at, levels);
            }
            return false;
        }
        if !self.dated.is_empty() {
            self.pass_time(now, events);
        }
        let book = &mut self.markets[at].book;
        let mut plain = 0;
        let mut is_set = |level: &LevelUpdate| {
            plain += 1;
            let is_sound = level.price.0 > 0 && level.qty.0 >= 0;
            is_sound && book.set_plain(level.side, level.price, level.qty.0).is_some()
        };
        let is_plain = match levels {
            // Most messages.
            [level] => is_set(level),
            // What goes goes first: in one message nothing crosses that is not to stay.
            _ => {
                let gone = levels.iter().filter(|level| level.qty.0 == 0);
                let set = levels.iter().filter(|level| level.qty.0 != 0);
                gone.chain(set).all(is_set)
            }
        };
        if is_plain {
            return true;
        }
        self.rest_by_steps(now, at, plain - 1, levels, events);
        false
    }

    fn is_lost_or_found(&mut self, at: usize, levels: &[LevelUpdate]) {
        let is_empty = levels.iter().all(|level| level.qty.0 <= 0);
        let was_lost = std::mem::replace(&mut self.markets[at].was_lost, is_empty);
        if was_lost && !is_empty {
            self.markets[at].book.forget_places();
        }
    }

    fn is_plain(&self, at: usize) -> bool {
        let market = &self.markets[at];
        let hides = market.is_hidden(Side::Buy) || market.is_hidden(Side::Sell);
        market.instrument.mode == TradingMode::Live && !market.behind && !hides
    }

    /// The levels of a message of which so many, removals first, are set already.
    fn rest_by_steps(
        &mut self,
        now: Timestamp,
        at: usize,
        done: usize,
        levels: &[LevelUpdate],
        events: &mut Vec<VenueEvent>,
    ) {
        let gone = levels.iter().filter(|level| level.qty.0 == 0);
        let set = levels.iter().filter(|level| level.qty.0 != 0);
        let mut step = Step::new(now, events);
        for (count, level) in gone.chain(set).enumerate() {
            if count < done {
                self.markets[at].touch(level.side, level.price);
            } else {
                self.set_level(at, *level, &mut step);
            }
        }
        self.trigger_stops(at, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, at, balances, events);
    }

    fn book_by_steps(
        &mut self,
        now: Timestamp,
        at: usize,
        clear: bool,
        levels: &[LevelUpdate],
        events: &mut Vec<VenueEvent>,
    ) {
        let instrument = self.markets[at].instrument.id;
        if !clear {
            for level in levels {
                self.background(now, instrument, &Background::Level(*level), events);
            }
            return self.book_triggers(now, at, events);
        }
        let side = |side: Side| {
            let of = levels.iter().filter(move |level| level.side == side && level.qty.0 > 0);
            of.map(|level| model::market::Level { price: level.price, qty: level.qty }).collect()
        };
        let snapshot = Background::Snapshot { bids: side(Side::Buy), asks: side(Side::Sell) };
        self.background(now, instrument, &snapshot, events);
        self.book_triggers(now, at, events);
    }

    /// Orders whose trigger the book has reached, where no trades tell.
    fn book_triggers(&mut self, now: Timestamp, at: usize, events: &mut Vec<VenueEvent>) {
        let market = &mut self.markets[at];
        if !market.triggers_by_book || market.stops.is_empty() {
            return;
        }
        let (bid, ask) = (market.book.best(Side::Buy), market.book.best(Side::Sell));
        let Some((bid, ask)) = bid.or(ask).zip(ask.or(bid)) else { return };
        market.printed = Some((bid, ask));
        let mut step = Step::new(now, events);
        self.trigger_stops(at, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, at, balances, events);
    }

    /// Somebody traded, where a book is recorded too. The trade, when nothing else happened; it is among the
    /// events otherwise. A print of nothing is none.
    pub fn recorded_trade_of(
        &mut self,
        now: Timestamp,
        number: MarketNumber,
        (price, qty): (GridPrice, GridQty),
        taker_side: Side,
        events: &mut Vec<VenueEvent>,
    ) -> Option<PublicTrade> {
        let at = number.0;
        let waits = !self.markets[at].stops.is_empty() || !self.dated.is_empty();
        if !waits && self.is_plain(at) && price.0 > 0 && qty.0 > 0 {
            let market = &mut self.markets[at];
            if market.book.print_plain(taker_side.opposite(), price, qty.0).is_some() {
                self.next_taker += 1;
                let taker = self.next_taker;
                return Some(market.tape.print(price, qty, taker_side, now, taker));
            }
        }
        let instrument = self.markets[at].instrument.id;
        self.background(now, instrument, &Background::Trade { price, qty, taker_side }, events);
        None
    }

    /// Somebody traded, where no book is recorded: the last price is this one now. Without a `taker_side`
    /// orders of both sides are reached.
    pub fn printed(
        &mut self,
        now: Timestamp,
        number: MarketNumber,
        (price, qty): (GridPrice, GridQty),
        taker_side: Option<Side>,
        events: &mut Vec<VenueEvent>,
    ) -> PublicTrade {
        let at = number.0;
        let share = self.assumptions.share_percent.map(|_| self.share_of(qty.0));
        if let Some(prints) = &mut self.markets[at].prints_only {
            prints.left = share;
        }
        self.print_at(now, at, price, Some(qty.0), taker_side, events);
        let side = taker_side.unwrap_or(Side::Buy);
        let id = self.markets[at].tape.last().map_or(0, |last| last.id);
        PublicTrade { id, price, qty, taker_side: side, time: now }
    }

    /// A bar begins, with so much traded in it: what accounts may have of it is counted from here.
    pub fn bar_begins(&mut self, MarketNumber(at): MarketNumber, volume: GridQty) {
        let share = self.assumptions.share_percent.map(|_| self.share_of(volume.0));
        if let Some(prints) = &mut self.markets[at].prints_only {
            prints.left = share;
        }
    }

    /// The price leaps to another one, with nothing between them.
    pub fn leaps_to(
        &mut self,
        now: Timestamp,
        MarketNumber(at): MarketNumber,
        price: GridPrice,
        events: &mut Vec<VenueEvent>,
    ) {
        self.print_at(now, at, price, None, None, events);
    }

    /// The price moves to another one through all between them.
    pub fn moves_to(
        &mut self,
        now: Timestamp,
        MarketNumber(at): MarketNumber,
        price: GridPrice,
        events: &mut Vec<VenueEvent>,
    ) {
        // Each trigger on the way wakes its order once, so this ends.
        while let Some(next) = self.next_trigger(at, price) {
            self.print_at(now, at, next, None, None, events);
        }
        self.print_at(now, at, price, None, None, events);
    }

    /// The first trigger on the way to a price that is not reached yet.
    fn next_trigger(&self, at: usize, to: GridPrice) -> Option<GridPrice> {
        let market = &self.markets[at];
        let from = market.tape.last()?.price;
        let triggers = market.stops.iter().filter_map(|index| {
            let order = &self.orders[*index];
            let price = order.kind.trigger().and_then(|price| market.grid.grid_price(price))?;
            let is_upward = order.kind.triggers_upward(order.side)?;
            let is_between = match is_upward {
                true => from < price && price < to,
                false => to < price && price < from,
            };
            is_between.then_some(price)
        });
        if to > from { triggers.min() } else { triggers.max() }
    }

    fn print_at(
        &mut self,
        now: Timestamp,
        at: usize,
        price: GridPrice,
        qty: Option<i64>,
        taker_side: Option<Side>,
        events: &mut Vec<VenueEvent>,
    ) {
        if price.0 <= 0 {
            return;
        }
        let side = taker_side.unwrap_or(Side::Buy);
        let market = &mut self.markets[at];
        let waits = !self.dated.is_empty() || !market.stops.is_empty();
        if !waits && market.book.has_no_orders() {
            market.tape.print(price, GridQty(qty.unwrap_or(0)), side, now, 0);
            return;
        }
        self.pass_time(now, events);
        let mut step = Step::new(now, events);
        self.reach(at, price, qty, taker_side, &mut step);
        let market = &mut self.markets[at];
        market.tape.print(price, GridQty(qty.unwrap_or(0)), side, now, 0);
        market.printed = Some((price, price));
        self.trigger_stops(at, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, at, balances, events);
    }

    /// Orders that rest and that a print reaches are filled, each at its own price.
    fn reach(
        &mut self,
        at: usize,
        price: GridPrice,
        qty: Option<i64>,
        taker_side: Option<Side>,
        step: &mut Step<'_>,
    ) {
        let mut left = qty.unwrap_or(i64::MAX);
        for side in [Side::Buy, Side::Sell] {
            if taker_side == Some(side) {
                continue;
            }
            for (index, limit) in self.reached_orders(at, side, price) {
                let share = self.markets[at].prints_only.and_then(|prints| prints.left);
                let leaves = self.orders[index].leaves().0;
                let most = if self.is_touch_enough() { i64::MAX } else { left };
                let fill = GridQty(leaves.min(most).min(share.unwrap_or(i64::MAX)));
                if fill.0 <= 0 {
                    break;
                }
                self.fill_unseen(index, limit, fill, step);
                left = left.saturating_sub(fill.0).max(0);
            }
        }
    }

    /// An order that rests is filled at its price; no print of it is public, for the record has its own.
    fn fill_unseen(&mut self, index: usize, price: GridPrice, qty: GridQty, step: &mut Step<'_>) {
        let (at, side) = (self.orders[index].market, self.orders[index].side);
        let market = &mut self.markets[at];
        market.book.take_order(side, price, index, Some(qty));
        if let Some(prints) = &mut market.prints_only {
            prints.left = prints.left.map(|left| left - qty.0);
        }
        let trade = TradeId::from_number(market.tape.number());
        self.book_one_side(index, price, qty, trade, Liquidity::Maker, step);
    }
}

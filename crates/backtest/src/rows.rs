//! What each kind of row does to the exchange, and what the gateway hears of it.

use data::{BarRow, Columns};
use engine::Strategy;
use model::market::{
    BookUpdate, Candle, GridPrice, GridQty, Interval, Level, LevelUpdate, MarketKind, PublicTrade,
};
use model::{Side, Timestamp};

use crate::driver::Backtest;
use crate::failed::Failed;
use crate::feed::{Bar, BarStep, Feed};

impl<S: Strategy> Backtest<S> {
    /// The next row of a file is at this time, unless that is beyond the limit.
    fn comes(&mut self, time: i64, limit: i64) -> bool {
        if time > limit {
            return false;
        }
        if self.due() < time {
            self.pass_until(time);
        }
        self.now = time;
        true
    }

    pub(crate) fn trades(&mut self, feed: &mut Feed, limit: i64) -> Result<(), Failed> {
        let market = feed.market;
        let (number, has_book) = (self.markets[market].number, self.markets[market].has_book);
        while feed.at < feed.batch.len() && self.comes(feed.batch.time[feed.at], limit) {
            let Columns::Trades(trades) = &feed.batch.columns else { return Ok(()) };
            let row = trades.row(feed.at);
            let received = feed.received(feed.at);
            let (price, qty) = (row.price.0, row.qty.0);
            let (price, qty) = self.scaled(feed, price, qty)?;
            feed.at += 1;
            self.rows += 1;
            let now = Timestamp::from_nanos(self.now);
            let trade = if has_book {
                // Where the file does not say, who paid more than the middle was in a hurry to buy.
                let middle = || self.venue.middle(number).unwrap_or(price);
                let by_price = || if price >= middle() { Side::Buy } else { Side::Sell };
                let side = row.taker.unwrap_or_else(by_price);
                self.venue.recorded_trade_of(now, number, (price, qty), side, &mut self.events)
            } else {
                Some(self.venue.printed(now, number, (price, qty), row.taker, &mut self.events))
            };
            self.publish(received);
            let as_recorded = || {
                let taker_side = row.taker.unwrap_or(Side::Buy);
                PublicTrade { id: row.id, price, qty, taker_side, time: now }
            };
            match trade.or_else(|| self.as_recorded.then(as_recorded)) {
                Some(trade) if has_book => self.trade_happens(received, market, trade),
                Some(trade) => self.tell(received, market, MarketKind::Trade(trade)),
                None => {}
            }
            if !has_book {
                self.equity.priced(self.now, market, price.0);
            }
        }
        Ok(())
    }

    /// Price and quantity on the instrument's grid.
    fn scaled(&self, feed: &Feed, price: i64, qty: i64) -> Result<(GridPrice, GridQty), Failed> {
        if feed.scale == (1, 1) {
            return Ok((GridPrice(price), GridQty(qty)));
        }
        let scaled = price.checked_mul(feed.scale.0).zip(qty.checked_mul(feed.scale.1));
        let scaled = scaled.map(|(price, qty)| (GridPrice(price), GridQty(qty)));
        scaled.ok_or_else(|| Failed::TooLarge {
            instrument: self.markets[feed.market].id,
            at: Timestamp::from_nanos(self.now),
        })
    }

    pub(crate) fn quotes(&mut self, feed: &mut Feed, limit: i64) -> Result<(), Failed> {
        let market = feed.market;
        while feed.at < feed.batch.len() && self.comes(feed.batch.time[feed.at], limit) {
            let Columns::Quotes(quotes) = &feed.batch.columns else { return Ok(()) };
            let mut quote = quotes.row(feed.at);
            for level in [&mut quote.bid, &mut quote.ask].into_iter().flatten() {
                let (price, qty) = self.scaled(feed, level.price.0, level.qty.0)?;
                *level = Level { price, qty };
            }
            let received = feed.received(feed.at);
            let before = std::mem::replace(&mut self.markets[market].quote, quote);
            feed.at += 1;
            self.rows += 1;
            let mut levels = std::mem::take(&mut feed.message.levels);
            for (side, was, is) in
                [(Side::Buy, before.bid, quote.bid), (Side::Sell, before.ask, quote.ask)]
            {
                let gone = was.filter(|was| is.is_none_or(|is| is.price != was.price));
                let gone = gone.map(|was| LevelUpdate { side, price: was.price, qty: GridQty(0) });
                levels.extend(gone);
                levels.extend(is.map(|is| LevelUpdate { side, price: is.price, qty: is.qty }));
            }
            self.book_moves(market, (false, true), &levels, received);
            levels.clear();
            feed.message.levels = levels;
        }
        Ok(())
    }

    pub(crate) fn book(&mut self, feed: &mut Feed, limit: i64) -> Result<(), Failed> {
        let market = feed.market;
        while feed.at < feed.batch.len() && self.comes(feed.batch.time[feed.at], limit) {
            let received = feed.received(feed.at);
            if let Some(level) = self.lone_level(feed)? {
                self.book_moves(market, (false, true), &[level], received);
                continue;
            }
            if !self.reads_message(feed)? {
                // The rest of it is in the next batch.
                return Ok(());
            }
            let clear = std::mem::take(&mut feed.message.clear);
            let mut levels = std::mem::take(&mut feed.message.levels);
            let lost = std::mem::take(&mut feed.message.lost);
            // Of a run that heard no more than that it was lost.
            let is_told = !(lost && self.as_recorded);
            self.book_moves(market, (clear, is_told), &levels, received);
            levels.clear();
            feed.message.levels = levels;
            if lost {
                self.book_is_lost(market, received);
            }
        }
        Ok(())
    }

    /// As in trading: from here to the next snapshot nobody may rely on the book. The exchange has shown an
    /// empty one by then, so of the snapshot all is news.
    fn book_is_lost(&mut self, market: usize, received: Option<i64>) {
        self.tell_what_waits();
        self.markets[market].has_begun = false;
        self.tell(received, market, MarketKind::BookLost);
    }

    /// The next row, where it is a whole message and sets a level: most are. Nothing is read otherwise.
    fn lone_level(&mut self, feed: &mut Feed) -> Result<Option<LevelUpdate>, Failed> {
        let Columns::Book(rows) = &feed.batch.columns else { return Ok(None) };
        let row = rows.row(feed.at);
        let is_lone = row.last && !row.clear && !row.lost && feed.message.levels.is_empty();
        if !is_lone {
            return Ok(None);
        }
        let (price, qty) = self.scaled(feed, row.level.price.0, row.level.qty.0)?;
        feed.at += 1;
        self.rows += 1;
        Ok(Some(LevelUpdate { side: row.side, price, qty }))
    }

    /// Reads rows up to the last one of a message; false where the batch ends before.
    fn reads_message(&mut self, feed: &mut Feed) -> Result<bool, Failed> {
        let Columns::Book(rows) = &feed.batch.columns else { return Ok(true) };
        while feed.at < feed.batch.len() {
            let row = rows.row(feed.at);
            let (price, qty) = self.scaled(feed, row.level.price.0, row.level.qty.0)?;
            if row.clear {
                feed.message.clear = true;
                feed.message.levels.clear();
            }
            feed.message.lost |= row.lost;
            feed.message.levels.push(LevelUpdate { side: row.side, price, qty });
            feed.at += 1;
            self.rows += 1;
            if row.last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn book_moves(
        &mut self,
        market: usize,
        (clear, is_told): (bool, bool),
        levels: &[LevelUpdate],
        received: Option<i64>,
    ) {
        let number = self.markets[market].number;
        let now = Timestamp::from_nanos(self.now);
        let as_recorded = self.venue.recorded_book(now, number, clear, levels, &mut self.events);
        self.publish(received);
        if is_told && self.as_recorded && clear {
            self.tell_what_waits();
            self.markets[market].has_begun = true;
            let update = BookUpdate { snapshot: true, levels: levels.to_vec() };
            self.tell(received, market, MarketKind::Book(update));
        } else if is_told && (as_recorded || self.as_recorded) {
            self.book_changes(received, market, levels);
        }
        if self.equity.is_interested(self.now)
            && let Some(middle) = self.venue.middle(number)
        {
            self.equity.priced(self.now, market, middle.0);
        }
    }

    pub(crate) fn bars(&mut self, feed: &mut Feed, limit: i64) -> Result<(), Failed> {
        while feed.at < feed.batch.len() && self.comes(feed.next_at(), limit) {
            match feed.step {
                BarStep::Open => self.bar_opens(feed, limit)?,
                BarStep::First => self.bar_reaches(feed, 0, BarStep::Second),
                BarStep::Second => self.bar_reaches(feed, 1, BarStep::Close),
                BarStep::Close => self.bar_closes(feed),
            }
        }
        Ok(())
    }

    fn bar_opens(&mut self, feed: &mut Feed, limit: i64) -> Result<(), Failed> {
        let market = feed.market;
        let number = self.markets[market].number;
        let Columns::Bars(bars) = &feed.batch.columns else { return Ok(()) };
        let bar = bars.row(feed.at);
        let (open, volume) = self.scaled(feed, bar.open.0, bar.volume.0)?;
        let (high, low) = (self.scaled(feed, bar.high.0, 0)?.0, self.scaled(feed, bar.low.0, 0)?.0);
        let close = self.scaled(feed, bar.close.0, 0)?.0;
        let end = feed.batch.time[feed.at];
        let row = BarRow { open, high, low, close, volume };
        self.markets[market].bar = Some(Bar::new(row, self.now, end));
        let now = Timestamp::from_nanos(self.now);
        self.venue.bar_begins(number, volume);
        self.venue.leaps_to(now, number, open, &mut self.events);
        self.publish(None);
        self.equity.priced(self.now, market, open.0);
        self.first_price(market, open);
        self.release(market);
        // Nothing can happen on the way when nothing waits for it and nothing comes before the end of it.
        let is_idle = self.venue.is_idle(number) && self.due() >= end && limit >= end;
        feed.step = BarStep::First;
        if is_idle {
            for price in self.extremes(market) {
                self.equity.priced(self.now, market, price.0);
            }
            feed.step = BarStep::Close;
        }
        Ok(())
    }

    fn extremes(&mut self, market: usize) -> [GridPrice; 2] {
        let held = self.equity.held(market);
        let bar = self.markets[market].bar.as_mut();
        bar.map(|bar| bar.extremes(self.intrabar, held)).unwrap_or_default()
    }

    fn bar_reaches(&mut self, feed: &mut Feed, extreme: usize, next: BarStep) {
        let market = feed.market;
        let to = self.extremes(market)[extreme];
        let now = Timestamp::from_nanos(self.now);
        self.venue.moves_to(now, self.markets[market].number, to, &mut self.events);
        self.publish(None);
        self.equity.priced(self.now, market, to.0);
        feed.step = next;
    }

    fn bar_closes(&mut self, feed: &mut Feed) {
        let market = feed.market;
        let received = feed.received(feed.at);
        feed.step = BarStep::Open;
        feed.ended = self.now;
        feed.at += 1;
        self.rows += 1;
        self.bars += 1;
        let Some(Bar { row, end, .. }) = self.markets[market].bar.take() else { return };
        let now = Timestamp::from_nanos(self.now);
        self.venue.moves_to(now, self.markets[market].number, row.close, &mut self.events);
        self.publish(None);
        self.equity.priced(self.now, market, row.close.0);
        let candle = candle(row, end.saturating_sub(feed.interval), feed.interval);
        self.tell(received, market, MarketKind::Candle(candle));
    }

    /// The very first price of all is told, so that what the account is worth is known by the first close.
    fn first_price(&mut self, market: usize, price: GridPrice) {
        if std::mem::replace(&mut self.markets[market].has_begun, true) {
            return;
        }
        let time = Timestamp::from_nanos(self.now);
        let trade = PublicTrade { id: 0, price, qty: GridQty(0), taker_side: Side::Buy, time };
        self.tell(None, market, MarketKind::Trade(trade));
    }
}

fn candle(bar: BarRow, begin: i64, interval: i64) -> Candle {
    let seconds = u32::try_from(interval / 1_000_000_000).unwrap_or(u32::MAX);
    let quote_volume = i128::from(bar.close.0) * i128::from(bar.volume.0);
    Candle {
        start: Timestamp::from_nanos(begin),
        interval: Interval::Seconds(seconds),
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
        quote_volume,
        taker_buy_volume: GridQty(0),
        taker_buy_quote_volume: 0,
        trades: 0,
        first_trade: 0,
        last_trade: 0,
        closed: true,
    }
}

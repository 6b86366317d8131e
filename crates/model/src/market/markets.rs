//! All that is known of the public market, instrument by instrument.
//!
//! The gateway keeps one to measure orders by, and an agent's process keeps another to decide by;
//! both are a fold over the same [`MarketEvent`]s.

use super::book::Book;
use super::candle::Quote;
use super::event::{MarketEvent, MarketKind};
use super::grid::GridPrice;
use super::trade::PublicTrade;
use crate::by_instrument::ByInstrument;
use crate::ids::InstrumentId;
use crate::instrument::Instrument;
use crate::money::Price;
use crate::time::Timestamp;

/// What is known of one instrument.
#[derive(Clone, Debug)]
pub struct MarketView {
    instrument: Instrument,
    book: Book,
    book_live: bool,
    last_trade: Option<PublicTrade>,
    quote: Option<Quote>,
    updated: Option<Timestamp>,
    book_at: Option<BookTime>,
    /// Of the last book that had both sides, and when it was so.
    middle: Option<(GridPrice, BookTime)>,
    /// Set where nobody tells the book: a tick on either side of the last price stands for it.
    by_prints: Option<i64>,
}

/// When the book last changed, by both clocks.
#[derive(Clone, Copy, Debug)]
struct BookTime {
    received: Timestamp,
    venue: Timestamp,
}

impl BookTime {
    fn by_our_clock(self, ahead_ms: i64) -> Timestamp {
        self.received.min(self.venue.shifted_ms(ahead_ms.saturating_neg()))
    }
}

impl MarketView {
    /// Knows the instrument and nothing else.
    pub fn new(instrument: Instrument) -> MarketView {
        MarketView {
            instrument,
            book: Book::default(),
            book_live: false,
            last_trade: None,
            quote: None,
            updated: None,
            book_at: None,
            middle: None,
            by_prints: None,
        }
    }

    /// Grid, limits and mode.
    pub fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// The book. Stale, and only good for a look, while [`MarketView::is_live`] is false.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Does the last price stand for the book? See [`Markets::price_by_prints`].
    pub fn is_priced_by_prints(&self) -> bool {
        self.by_prints.is_some()
    }

    /// Is the book complete up to the last message?
    pub fn is_live(&self) -> bool {
        self.book_live
    }

    /// The last public trade.
    pub fn last_trade(&self) -> Option<&PublicTrade> {
        self.last_trade.as_ref()
    }

    /// When the market was last heard of, by our clock.
    pub fn updated(&self) -> Option<Timestamp> {
        self.updated
    }

    /// The time, by our clock, that the book is as of: when the venue made its last change, and not
    /// later than when that was received. Trades do not make a book newer, and a change that waited on its
    /// way is as old as it is. `ahead_ms` is the venue's clock minus ours, milliseconds.
    pub fn book_as_of(&self, ahead_ms: i64) -> Option<Timestamp> {
        Some(self.book_at?.by_our_clock(ahead_ms))
    }

    /// Best prices: of the book while it is live, else the last quote heard.
    pub fn best(&self) -> Quote {
        if self.book_live {
            Quote { bid: self.book.best_bid(), ask: self.book.best_ask() }
        } else {
            self.quote.unwrap_or(Quote { bid: None, ask: None })
        }
    }

    /// The price that orders are measured by: the middle of the book, rounded down to the grid. Where one
    /// side is empty, the middle as it last was: not the last trade, which one print far away moves
    /// anywhere. `None` while the book is not live, or has never had two sides.
    pub fn reference_price(&self) -> Option<Price> {
        let (price, _) = self.middle.filter(|_| self.book_live)?;
        self.instrument.grid().price(price)
    }

    /// The time, by our clock, that [`MarketView::reference_price`] is as of; see
    /// [`MarketView::book_as_of`].
    pub fn reference_as_of(&self, ahead_ms: i64) -> Option<Timestamp> {
        let (_, at) = self.middle.filter(|_| self.book_live)?;
        Some(at.by_our_clock(ahead_ms))
    }

    /// Takes an event into account; `now` is the receive time.
    pub fn apply(&mut self, now: Timestamp, event: &MarketEvent) {
        match &event.kind {
            MarketKind::Book(update) => {
                self.book.apply(update);
                self.book_live |= update.snapshot;
                let at = BookTime { received: now, venue: event.venue_time };
                self.book_at = Some(at);
                if let (Some(bid), Some(ask)) = (self.book.best_bid(), self.book.best_ask()) {
                    self.middle = Some((GridPrice(bid.price.0.midpoint(ask.price.0)), at));
                }
            }
            MarketKind::Trade(trade) => {
                self.last_trade = Some(*trade);
                self.priced_at(now, event.venue_time, trade.price);
            }
            // History, and no sign that the market is heard now.
            MarketKind::LateTrade(trade) => {
                if self.last_trade.is_none_or(|last| last.id < trade.id) {
                    self.last_trade = Some(*trade);
                }
                return;
            }
            MarketKind::Quote(quote) => self.quote = Some(*quote),
            MarketKind::Candle(candle) => self.priced_at(now, event.venue_time, candle.close),
            MarketKind::BookLost => {
                self.book.clear();
                self.book_live = false;
                self.middle = None;
                return;
            }
        }
        self.updated = Some(now);
    }

    /// Where nobody tells the book, this price is its middle.
    fn priced_at(&mut self, now: Timestamp, venue: Timestamp, price: GridPrice) {
        let Some(tick) = self.by_prints else { return };
        let at = BookTime { received: now, venue };
        self.book.stand_around(price, tick);
        (self.book_live, self.book_at, self.middle) = (true, Some(at), Some((price, at)));
    }
}

/// What is known of every instrument that is followed.
#[derive(Clone, Debug, Default)]
pub struct Markets {
    views: ByInstrument<MarketView>,
}

impl Markets {
    /// Follows an instrument from now on. New rules keep what is known; a new grid does not, for what is
    /// known is counted in the old one.
    pub fn follow(&mut self, instrument: Instrument) {
        match self.views.get_mut(instrument.id) {
            Some(view) if view.instrument.grid() == instrument.grid() => {
                view.instrument = instrument
            }
            Some(_) | None => {
                self.views.insert(instrument.id, MarketView::new(instrument));
            }
        }
    }

    /// Of this instrument nobody tells the book, as in a recording of bars or of trades alone: from now on a
    /// tick on either side of the last price stands for it.
    pub fn price_by_prints(&mut self, instrument: InstrumentId) {
        if let Some(view) = self.views.get_mut(instrument) {
            let (grid, tick) = (view.instrument.grid(), view.instrument.tick.get());
            view.by_prints = tick.mantissa_at(u32::from(grid.price_decimals));
        }
    }

    /// What is known of one instrument.
    pub fn get(&self, instrument: InstrumentId) -> Option<&MarketView> {
        self.views.get(instrument)
    }

    /// All that are followed, by name.
    pub fn iter(&self) -> impl Iterator<Item = &MarketView> {
        self.views.values()
    }

    /// Takes an event into account; one of an instrument that is not followed is ignored.
    pub fn apply(&mut self, now: Timestamp, event: &MarketEvent) {
        if let Some(view) = self.views.get_mut(event.instrument) {
            view.apply(now, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{BookUpdate, LevelUpdate};
    use super::*;
    use crate::market::GridQty;
    use crate::side::Side;

    fn view() -> MarketView {
        let step = |text: &str| text.parse().unwrap();
        let asset = |name: &str| crate::ids::Asset::new(name).unwrap();
        let (btc, usdt) = (asset("BTC"), asset("USDT"));
        MarketView::new(Instrument::spot(btc, usdt, step("0.01"), step("0.001")).unwrap())
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).unwrap()
    }

    /// A print far away, and a side that is gone: the price that orders are measured by stays, and ages.
    #[test]
    fn no_print_moves_the_reference() {
        let mut view = view();
        let id = view.instrument().id;
        let mut apply = |ms, kind| {
            view.apply(at(ms), &MarketEvent { instrument: id, venue_time: at(ms), kind });
            (view.reference_price().map(|price| price.to_string()), view.reference_as_of(0))
        };
        let level =
            |side, price, qty| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
        let book = |snapshot, levels| MarketKind::Book(BookUpdate { snapshot, levels });
        let (bid, ask) = (level(Side::Buy, 9_900, 5), level(Side::Sell, 10_100, 5));
        assert_eq!(apply(1, book(true, vec![bid])), (None, None), "one side is no middle");
        let middle = (Some("100".to_owned()), Some(at(2)));
        assert_eq!(apply(2, book(false, vec![ask])), middle);
        let print = PublicTrade {
            id: 1,
            price: GridPrice(10),
            qty: GridQty(1),
            taker_side: Side::Sell,
            time: at(3),
        };
        assert_eq!(apply(3, MarketKind::Trade(print)), middle);
        assert_eq!(apply(4, book(false, vec![level(Side::Buy, 9_900, 0)])), middle);
        assert_eq!(apply(5, MarketKind::Trade(PublicTrade { id: 2, ..print })), middle);
        assert_eq!(apply(6, MarketKind::BookLost), (None, None));
    }

    #[test]
    fn a_book_is_as_old_as_its_last_change() {
        let mut view = view();
        let id = view.instrument().id;
        assert_eq!(view.book_as_of(0), None);
        let book = || MarketKind::Book(BookUpdate { snapshot: true, levels: Vec::new() });
        let event = |ms, kind| MarketEvent { instrument: id, venue_time: at(ms), kind };
        // Received, by the venue's clock, the venue's clock minus ours, and as of when.
        for (received, venue, ahead_ms, as_of) in [
            (10_000, 9_990, 0, 9_990),
            (10_000, 2_000, 0, 2_000),
            (10_000, 13_000, 3_000, 10_000),
            (10_000, 11_000, 3_000, 8_000),
            (10_000, 6_900, -3_000, 9_900),
            (10_000, 10_500, 0, 10_000),
        ] {
            view.apply(at(received), &event(venue, book()));
            assert_eq!(view.book_as_of(ahead_ms), Some(at(as_of)), "{received} {venue} {ahead_ms}");
        }
        let trade = PublicTrade {
            id: 1,
            price: GridPrice(1),
            qty: GridQty(1),
            taker_side: Side::Buy,
            time: at(20_000),
        };
        view.apply(at(20_000), &event(20_000, MarketKind::Trade(trade)));
        assert_eq!(view.updated(), Some(at(20_000)));
        assert_eq!(view.book_as_of(0), Some(at(10_000)), "a trade tells nothing of the book");
    }
}

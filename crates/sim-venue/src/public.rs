//! Answers about the public market.

use std::time::Duration;

use model::market::{GridQty, Level, Quote, Ticker};
use model::venue::{
    BookSnapshot, InstrumentTicker, MarketRequest, PublicMarket, Response, VenueError,
};
use model::{InstrumentId, Side, Timestamp};

use crate::venue::{AVERAGE_OVER, Market, SimVenue};

impl PublicMarket for SimVenue {
    fn read(&self, now: Timestamp, request: &MarketRequest) -> Result<Response, VenueError> {
        match request {
            MarketRequest::Ping => Ok(Response::Pong),
            MarketRequest::Time => Ok(Response::Time(now)),
            MarketRequest::Instruments(wanted) => {
                let markets = self.selected(wanted)?;
                let instruments = markets.iter().map(|market| market.instrument.clone());
                Ok(Response::Instruments(instruments.collect()))
            }
            MarketRequest::Book { instrument, depth } => {
                let market = self.find_market(*instrument)?;
                Ok(Response::Book(market.snapshot(*depth as usize)))
            }
            MarketRequest::Trades { instrument, from, limit } => {
                let tape = &self.find_market(*instrument)?.tape;
                Ok(Response::Trades(tape.trades(*from, *limit as usize)))
            }
            MarketRequest::AggregateTrades { instrument, from, limit } => {
                let tape = &self.find_market(*instrument)?.tape;
                Ok(Response::AggregateTrades(tape.aggregates(*from, *limit as usize)))
            }
            MarketRequest::Candles { instrument, interval, start, end, limit } => {
                let tape = &self.find_market(*instrument)?.tape;
                let candles = tape.candles(now, *interval, *start, *end, *limit as usize);
                Ok(Response::Candles(candles))
            }
            MarketRequest::Tickers { instruments, window_s } => {
                let window = Duration::from_secs(u64::from(*window_s));
                let markets = self.selected(instruments)?;
                let tickers = markets.iter().map(|market| market.ticker(now, window));
                Ok(Response::Tickers(tickers.collect()))
            }
            MarketRequest::AveragePrice(instrument) => {
                let market = self.find_market(*instrument)?;
                let average = market.average_price(now);
                Ok(Response::AveragePrice {
                    price: average.and_then(|price| market.grid.price(price)),
                    minutes: u32::try_from(AVERAGE_OVER.as_secs() / 60).unwrap_or(0),
                    at: market.tape.last().map_or(now, |trade| trade.time),
                })
            }
        }
    }
}

impl SimVenue {
    fn find_market(&self, instrument: InstrumentId) -> Result<&Market, VenueError> {
        self.market(instrument).map(|index| &self.markets[index])
    }

    fn selected(&self, instruments: &[InstrumentId]) -> Result<Vec<&Market>, VenueError> {
        if instruments.is_empty() {
            return Ok(self.markets.iter().collect());
        }
        instruments.iter().map(|instrument| self.find_market(*instrument)).collect()
    }
}

impl Market {
    fn snapshot(&self, depth: usize) -> BookSnapshot {
        let side = |side: Side| {
            let levels = self.book.levels(side).take(depth);
            levels.map(|queue| Level { price: queue.price(), qty: GridQty(queue.total()) })
        };
        BookSnapshot {
            instrument: self.instrument.id,
            update_id: self.update_id,
            bids: side(Side::Buy).collect(),
            asks: side(Side::Sell).collect(),
        }
    }

    fn ticker(&self, now: Timestamp, window: Duration) -> InstrumentTicker {
        let quote =
            Quote { bid: self.book.best_level(Side::Buy), ask: self.book.best_level(Side::Sell) };
        let ticker = self.tape.window(now, window).zip(self.tape.last());
        let ticker = ticker.map(|((window, previous_close), last)| Ticker {
            window,
            end: now,
            previous_close,
            last_qty: last.qty,
            quote,
        });
        InstrumentTicker { instrument: self.instrument.id, ticker, quote }
    }
}

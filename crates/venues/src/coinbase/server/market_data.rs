//! Public questions and their answers.
//!
//! Source: list-products.md, get-product-book.md, get-product-candles.md, get-market-trades.md,
//! read 2026-08-08.

use std::collections::BTreeMap;

use model::market::{Candle, GridPrice, GridQty, Level, PublicTrade, Quote};
use model::venue::{
    BookSnapshot, InstrumentTicker, MarketRequest, PublicMarket, Response, TradesFrom,
};
use model::{Decimal, Instrument, InstrumentId, Rounding, Timestamp, TradingMode};
use serde::Serialize;

use super::calls::Call;
use super::errors::ApiError;
use super::orders::quote_increment;
use super::params::Params;
use crate::coinbase::symbols::{Row, Symbols};
use crate::coinbase::wire::{self, Num, Time};
use crate::coinbase::{CANDLES_MAX, vocabulary};

const DAY_S: u32 = 86_400;
/// Levels a side when the question does not say: all there are.
const DEPTH_MAX: u32 = u32::MAX;
/// Trades in one answer (unverified).
const TRADES_MAX: u32 = 1_000;

/// What a public question is answered from.
#[derive(Clone, Copy)]
pub(super) struct Public<'a> {
    pub(super) now: Timestamp,
    pub(super) symbols: &'a Symbols,
    pub(super) market: &'a dyn PublicMarket,
}

/// JSON text of a value made of our own structs, which cannot fail to print.
pub(super) fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn price(row: &Row, price: GridPrice) -> Decimal {
    Decimal::new(price.0, u32::from(row.grid.price_decimals))
}

pub(super) fn qty(row: &Row, qty: GridQty) -> Decimal {
    Decimal::new(qty.0, u32::from(row.grid.qty_decimals))
}

impl Public<'_> {
    /// Answers a public call; `None` for one that is not public.
    pub(super) fn answer(
        &self,
        call: Call,
        name: &str,
        params: &Params,
    ) -> Option<Result<String, ApiError>> {
        Some(match call {
            Call::Time => Ok(self.time()),
            Call::Products => self.products(params),
            Call::Product => self.product_named(name),
            Call::Book => self.book_of(params),
            Call::Candles => self.candles(name, params),
            Call::Trades => self.trades(name, params),
            Call::BestBidAsk => self.best_prices(params),
            Call::AppTime
            | Call::AppCurrencies
            | Call::AppCrypto
            | Call::AppRates
            | Call::AppAccounts
            | Call::Accounts
            | Call::Account
            | Call::Place
            | Call::Preview
            | Call::Cancel
            | Call::Edit
            | Call::EditPreview
            | Call::Orders
            | Call::Order
            | Call::Fills
            | Call::Summary
            | Call::Permissions => return None,
        })
    }

    pub(super) fn read(&self, request: &MarketRequest) -> Result<Response, ApiError> {
        self.market.read(self.now, request).map_err(|_| ApiError::product())
    }

    /// The product of a path or a parameter.
    fn row(&self, product_id: &str) -> Result<&Row, ApiError> {
        self.symbols.find(product_id).ok_or_else(ApiError::product)
    }

    fn time(&self) -> String {
        text(&wire::ServerTime {
            iso: self.now.into(),
            epoch_seconds: self.now.millis().div_euclid(1_000).to_string(),
            epoch_millis: self.now.millis().to_string(),
        })
    }

    /// The rows that `product_ids` names; all when none is named.
    fn selected(&self, params: &Params) -> Result<Vec<&Row>, ApiError> {
        let named: Vec<&str> = params.all(&["product_ids", "product_id"]).collect();
        if named.is_empty() {
            return Ok(self.symbols.iter().collect());
        }
        named.into_iter().map(|name| self.row(name)).collect()
    }

    fn products(&self, params: &Params) -> Result<String, ApiError> {
        let rows = match params.get("product_type") {
            None | Some("SPOT" | "UNKNOWN_PRODUCT_TYPE") => self.selected(params)?,
            // Nothing else is traded here.
            Some("FUTURE") => Vec::new(),
            Some(other) => return Err(ApiError::no_value("product_type", other)),
        };
        let mut products = self.list(&rows)?;
        // The sort is stable: what has no volume stays in the order of the table.
        products.sort_by_key(|product| {
            std::cmp::Reverse(product.approximate_quote_24h_volume.or_zero())
        });
        let count = products.len() as i64;
        let offset = params.number("offset")?.unwrap_or(0) as usize;
        let limit = params.limit(u32::MAX)?;
        let products = products.into_iter().skip(offset).take(limit).collect();
        Ok(text(&wire::Products { products, num_products: count, pagination: None }))
    }

    fn product_named(&self, name: &str) -> Result<String, ApiError> {
        let row = self.row(name)?;
        let products = self.list(&[row])?;
        products.first().map(text).ok_or_else(ApiError::product)
    }

    /// Instruments as they are now, with their last day.
    pub(super) fn list(&self, rows: &[&Row]) -> Result<Vec<wire::Product>, ApiError> {
        if rows.is_empty() {
            // An empty list would ask for all.
            return Ok(Vec::new());
        }
        let ids: Vec<InstrumentId> = rows.iter().map(|row| row.instrument.id).collect();
        let Response::Instruments(instruments) =
            self.read(&MarketRequest::Instruments(ids.clone()))?
        else {
            return Err(ApiError::internal());
        };
        let tickers = self.tickers(ids)?;
        let all = rows.iter().zip(&instruments).zip(&tickers);
        Ok(all.map(|((row, instrument), ticker)| product(row, instrument, ticker)).collect())
    }

    pub(super) fn tickers(
        &self,
        instruments: Vec<InstrumentId>,
    ) -> Result<Vec<InstrumentTicker>, ApiError> {
        match self.read(&MarketRequest::Tickers { instruments, window_s: DAY_S })? {
            Response::Tickers(tickers) => Ok(tickers),
            _ => Err(ApiError::internal()),
        }
    }

    pub(super) fn book(&self, id: InstrumentId, depth: u32) -> Result<BookSnapshot, ApiError> {
        match self.read(&MarketRequest::Book { instrument: id, depth })? {
            Response::Book(book) => Ok(book),
            _ => Err(ApiError::internal()),
        }
    }

    fn book_of(&self, params: &Params) -> Result<String, ApiError> {
        let row = self.row(params.required("product_id")?)?;
        let depth = params.limit(DEPTH_MAX)?;
        let step = params.step("aggregation_price_increment")?;
        // Aggregated levels are cut after they are added up.
        let read = if step.is_some() { DEPTH_MAX } else { depth as u32 };
        let book = self.book(row.instrument.id, read)?;
        let (best_bid, best_ask) = (book.bids.first(), book.asks.first());
        let best = |level: Option<&Level>| level.map(|level| price(row, level.price));
        let (mid, spread) = middle(best(best_bid), best(best_ask));
        let side = |levels: &[Level], up: bool| -> Vec<wire::Level> {
            let levels = levels.iter().map(|level| wire::Level {
                price: price(row, level.price),
                size: qty(row, level.qty),
            });
            match step {
                None => levels.collect(),
                Some(step) => aggregated(levels, step, up).into_iter().take(depth).collect(),
            }
        };
        let bps = mid.zip(spread).and_then(|(mid, spread)| {
            let times = spread.checked_times(10_000)?;
            times.checked_div(mid, Rounding::Down)?.round_to(4, Rounding::Down)
        });
        Ok(text(&wire::ProductBook {
            pricebook: wire::PriceBook {
                product_id: row.instrument.symbol.clone(),
                bids: side(&book.bids, false),
                asks: side(&book.asks, true),
                time: self.now.into(),
            },
            last: Num(self.last(row)?),
            mid_market: Num(mid),
            spread_bps: Num(bps),
            spread_absolute: Num(spread),
        }))
    }

    fn best_prices(&self, params: &Params) -> Result<String, ApiError> {
        let books = self.selected(params)?.into_iter().map(|row| {
            let book = self.book(row.instrument.id, 1)?;
            let side = |levels: &[Level]| {
                let levels = levels.iter().take(1).map(|level| wire::Level {
                    price: price(row, level.price),
                    size: qty(row, level.qty),
                });
                levels.collect()
            };
            Ok(wire::PriceBook {
                product_id: row.instrument.symbol.clone(),
                bids: side(&book.bids),
                asks: side(&book.asks),
                time: self.now.into(),
            })
        });
        let pricebooks = books.collect::<Result<_, ApiError>>()?;
        Ok(text(&wire::BestBidAsk { pricebooks }))
    }

    /// Price of the last trade.
    fn last(&self, row: &Row) -> Result<Option<Decimal>, ApiError> {
        let trades = self.last_trades(row, TradesFrom::Newest, 1)?;
        Ok(trades.last().map(|trade| price(row, trade.price)))
    }

    /// Oldest first.
    pub(super) fn last_trades(
        &self,
        row: &Row,
        from: TradesFrom,
        limit: u32,
    ) -> Result<Vec<PublicTrade>, ApiError> {
        let instrument = row.instrument.id;
        match self.read(&MarketRequest::Trades { instrument, from, limit })? {
            Response::Trades(trades) => Ok(trades),
            _ => Err(ApiError::internal()),
        }
    }

    fn trades(&self, name: &str, params: &Params) -> Result<String, ApiError> {
        let row = self.row(name)?;
        let limit = params.limit(TRADES_MAX)? as u32;
        let (start, end) = (params.seconds("start")?, params.seconds("end")?);
        let from = match (start, end) {
            (None, None) => TradesFrom::Newest,
            (start, end) => TradesFrom::Time { start, end },
        };
        let trades = self.last_trades(row, from, limit)?;
        let book = self.book(row.instrument.id, 1)?;
        let best = |levels: &[Level]| Num(levels.first().map(|level| price(row, level.price)));
        let name = &row.instrument.symbol;
        Ok(text(&wire::MarketTrades {
            trades: trades
                .iter()
                .rev()
                .map(|trade_| wire::Trade {
                    bid: Some(String::new()),
                    ask: Some(String::new()),
                    exchange: Some("coinbase".to_owned()),
                    ..trade(row, name, trade_)
                })
                .collect(),
            best_bid: best(&book.bids),
            best_ask: best(&book.asks),
        }))
    }

    fn candles(&self, name: &str, params: &Params) -> Result<String, ApiError> {
        let row = self.row(name)?;
        let word = params.required("granularity")?;
        let interval = vocabulary::parse_granularity(word)
            .ok_or_else(|| ApiError::no_value("granularity", word))?;
        let required = |name: &str| {
            let missing = || ApiError::invalid(format!("{name} is required"));
            params.seconds(name)?.ok_or_else(missing)
        };
        let (start, end) = (required("start")?, required("end")?);
        let length = interval.end(start).since(interval.start(start)).as_secs().max(1);
        if end.since(start).as_secs() / length > u64::from(CANDLES_MAX) {
            let text = format!("number of candles requested should be less than {CANDLES_MAX}");
            return Err(ApiError::invalid(text));
        }
        let request = MarketRequest::Candles {
            instrument: row.instrument.id,
            interval,
            start: Some(start),
            end: Some(end),
            limit: params.limit(CANDLES_MAX)? as u32,
        };
        let Response::Candles(candles) = self.read(&request)? else {
            return Err(ApiError::internal());
        };
        let candles = candles.iter().rev().map(|candle| candle_row(row, candle)).collect();
        Ok(text(&wire::Candles { candles }))
    }
}

fn candle_row(row: &Row, candle: &Candle) -> wire::CandleRow {
    wire::CandleRow {
        start: candle.start.millis().div_euclid(1_000).to_string(),
        low: price(row, candle.low),
        high: price(row, candle.high),
        open: price(row, candle.open),
        close: price(row, candle.close),
        volume: qty(row, candle.volume),
    }
}

/// A public trade under this product's name; its side is the maker's.
pub(super) fn trade(row: &Row, name: &str, trade: &PublicTrade) -> wire::Trade {
    wire::Trade {
        trade_id: trade.id.to_string(),
        product_id: name.to_owned(),
        price: price(row, trade.price),
        size: qty(row, trade.qty),
        time: trade.time.into(),
        side: vocabulary::side(trade.taker_side.opposite()).to_owned(),
        bid: None,
        ask: None,
        exchange: None,
    }
}

/// Levels added up on a coarser grid: bids downwards, asks upwards.
fn aggregated(
    levels: impl Iterator<Item = wire::Level>,
    step: Decimal,
    up: bool,
) -> Vec<wire::Level> {
    let mut sums: BTreeMap<Decimal, Decimal> = BTreeMap::new();
    for level in levels {
        let below = level.price.down_to(step).unwrap_or(level.price);
        let at = if up && below < level.price {
            below.checked_add(step).unwrap_or(level.price)
        } else {
            below
        };
        let sum = sums.entry(at).or_default();
        *sum = sum.checked_add(level.size).unwrap_or(*sum);
    }
    let levels = sums.into_iter().map(|(price, size)| wire::Level { price, size });
    if up { levels.collect() } else { levels.rev().collect() }
}

/// The middle of the best prices and what lies between them.
pub(super) fn middle(
    bid: Option<Decimal>,
    ask: Option<Decimal>,
) -> (Option<Decimal>, Option<Decimal>) {
    let Some((bid, ask)) = bid.zip(ask) else { return (None, None) };
    let sum = bid.checked_add(ask);
    let middle = sum.and_then(|sum| sum.checked_mul(Decimal::new(5, 1), Rounding::Down));
    (middle, ask.checked_sub(bid))
}

/// Best prices of a quote.
pub(super) fn best(row: &Row, quote: &Quote) -> (Option<Decimal>, Option<Decimal>) {
    let of = |level: Option<Level>| level.map(|level| price(row, level.price));
    (of(quote.bid), of(quote.ask))
}

/// By how many percent the price has changed over the window.
pub(super) fn change_percent(row: &Row, candle: &Candle) -> Option<Decimal> {
    let (open, close) = (price(row, candle.open), price(row, candle.close));
    let change = close.checked_sub(open)?.checked_times(100)?;
    change.checked_div(open, Rounding::Down)?.round_to(8, Rounding::Down)
}

fn product(row: &Row, instrument: &Instrument, found: &InstrumentTicker) -> wire::Product {
    let limits = &instrument.limits;
    let (bid, ask) = best(row, &found.quote);
    let (mid, _) = middle(bid, ask);
    let window = found.ticker.as_ref().map(|ticker| &ticker.window);
    let last = window.map(|window| price(row, window.close));
    let volume = window.map(|window| qty(row, window.volume));
    let decimals = u32::from(row.grid.price_decimals) + u32::from(row.grid.qty_decimals);
    let quote_volume = window.and_then(|w| Decimal::from_mantissa(w.quote_volume, decimals));
    let (base, quote) = (instrument.base.to_string(), instrument.quote.to_string());
    let change = window.and_then(|window| change_percent(row, window));
    wire::Product {
        product_id: instrument.symbol.clone(),
        price: Num(last.or(mid)),
        price_percentage_change_24h: Num(change).to_string(),
        volume_24h: volume.unwrap_or(Decimal::ZERO).into(),
        volume_percentage_change_24h: String::new(),
        base_increment: instrument.lot.get().into(),
        quote_increment: quote_increment(row).into(),
        quote_min_size: limits.notional_min.get().into(),
        quote_max_size: Num(limits.notional_max.map(|max| max.get())),
        base_min_size: limits.qty_min.get().into(),
        base_max_size: Num(limits.qty_max.map(|max| max.get())),
        base_name: base.clone(),
        quote_name: quote.clone(),
        watched: false,
        is_disabled: false,
        new: false,
        status: "online".to_owned(),
        cancel_only: instrument.mode == TradingMode::CancelOnly,
        limit_only: false,
        post_only: false,
        trading_disabled: instrument.mode == TradingMode::Halted,
        auction_mode: false,
        product_type: "SPOT".to_owned(),
        quote_currency_id: quote.clone(),
        base_currency_id: base.clone(),
        mid_market_price: Num(mid),
        alias: if row.book == instrument.symbol { String::new() } else { row.book.clone() },
        alias_to: Vec::new(),
        base_display_symbol: base.clone(),
        quote_display_symbol: quote.clone(),
        view_only: false,
        price_increment: instrument.tick.get().into(),
        display_name: format!("{base}-{quote}"),
        product_venue: "CBE".to_owned(),
        approximate_quote_24h_volume: quote_volume.unwrap_or(Decimal::ZERO).into(),
        new_at: Time(None),
        best_bid_price: Num(bid),
        best_ask_price: Num(ask),
    }
}

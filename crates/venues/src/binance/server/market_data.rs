//! Public questions and their answers.

use model::market::Candle;
use model::venue::{
    AggregateTrade, BookSnapshot, InstrumentTicker, MarketRequest, PublicMarket, Response,
};
use model::{Instrument, InstrumentId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::calls::Call;
use super::config::ServerConfig;
use super::errors::{ApiError, Asked, refusal};
use super::exchange_info::{status_word, symbol_info};
use super::limits::limiters;
use super::orders;
use super::params::Params;
use super::render::{self, ZERO, best, grid_price, grid_qty, grid_quote};
use super::tickers;
use crate::binance::symbols::{Row, Symbols};
use crate::binance::vocabulary;
use crate::binance::wire::{self, Fixed8};

const DAY_S: u32 = 86_400;
/// Symbols that one question about a window may name (rest-api.md).
const NAMED_MAX: usize = 100;

/// What a public question is answered from.
pub(super) struct Public<'a> {
    pub(super) now: Timestamp,
    pub(super) symbols: &'a Symbols,
    pub(super) config: &'a ServerConfig,
    pub(super) market: &'a dyn PublicMarket,
}

/// JSON text of a value made of our own structs, which cannot fail to print.
pub(super) fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Public<'_> {
    /// Answers a public call.
    pub(super) fn answer(&self, call: Call, params: &Params) -> Result<String, ApiError> {
        match call {
            Call::Ping => Ok("{}".to_owned()),
            Call::Time => Ok(text(&wire::ServerTime { server_time: self.now.millis() })),
            Call::ExchangeInfo => self.exchange_info(params),
            Call::ExecutionRules => Ok(json!({"symbolRules": []}).to_string()),
            Call::ReferencePrice => Err(ApiError::bad(-2043, "No reference price.")),
            Call::Depth => self.depth(params),
            Call::Trades | Call::HistoricalTrades => self.trades(params),
            Call::AggTrades => self.aggregates(params),
            Call::Klines => self.klines(params),
            Call::AvgPrice => self.average(params),
            Call::Ticker24h => self.tickers(params, DAY_S, true),
            Call::TickerTradingDay => {
                let day = self.now.floor_to(std::time::Duration::from_secs(u64::from(DAY_S)));
                let since = u32::try_from(self.now.since(day).as_secs()).unwrap_or(DAY_S);
                self.tickers(params, since.max(1), false)
            }
            Call::TickerWindow => window(params).and_then(|s| self.tickers(params, s, false)),
            Call::TickerPrice => self.prices(params),
            Call::TickerBook => self.best_prices(params),
            Call::EmptyList => Ok("[]".to_owned()),
            Call::NoSymbols => Ok(json!({
                "timezone": "UTC", "serverTime": self.now.millis(),
                "rateLimits": [], "exchangeFilters": [], "assets": [], "symbols": [],
                "optionSymbols": [], "optionContracts": [], "optionAssets": [],
            })
            .to_string()),
            Call::NoLists => {
                Err(ApiError::bad(-2010, "OCO orders are not supported for this symbol"))
            }
            Call::NotOffered => Err(ApiError::bad(-1020, "This operation is not supported.")),
            Call::Place
            | Call::Test
            | Call::Cancel
            | Call::CancelAll
            | Call::CancelReplace
            | Call::Query
            | Call::OpenOrders
            | Call::AllOrders
            | Call::MyTrades
            | Call::Account
            | Call::Commission
            | Call::OrderLimits
            | Call::PreventedMatches
            | Call::Allocations
            | Call::MyFilters
            | Call::ApiRestrictions
            | Call::TradeFee => Err(ApiError::not_found()),
        }
    }

    pub(super) fn read(&self, request: &MarketRequest) -> Result<Response, ApiError> {
        self.market.read(self.now, request).map_err(|error| refusal(&error, Asked::Question))
    }

    /// The rows that `symbol` or `symbols` names; all when neither is there. And is it one?
    fn selected(&self, params: &Params) -> Result<(Vec<&Row>, bool), ApiError> {
        let status = symbol_status(params)?;
        if params.get("symbol").is_some() {
            if params.get("symbols").is_some() {
                return Err(ApiError::combination());
            }
            let row = orders::symbol(params, self.symbols)?;
            self.check_status(row, status)?;
            return Ok((vec![row], true));
        }
        let mut rows: Vec<&Row> = match params.list("symbols")? {
            None => self.symbols.iter().collect(),
            Some(names) => {
                let found: Option<_> = names.iter().map(|name| self.symbols.find(name)).collect();
                found.ok_or_else(ApiError::symbol)?
            }
        };
        if status.is_some() {
            let instruments = self.instruments(&rows)?;
            let mut kept = instruments.iter().map(|found| Some(status_word(found)) == status);
            rows.retain(|_| kept.next().unwrap_or(false));
        }
        Ok((rows, false))
    }

    /// One symbol that is not in the state asked for is an error; in a list it is left out.
    fn check_status(&self, row: &Row, status: Option<&str>) -> Result<(), ApiError> {
        let Some(wanted) = status else { return Ok(()) };
        let found = self.instruments(&[row])?;
        if found.iter().all(|found| status_word(found) == wanted) {
            return Ok(());
        }
        let text = "The symbol's status does not match the requested symbolStatus.";
        Err(ApiError::bad(-1220, text))
    }

    fn instruments(&self, rows: &[&Row]) -> Result<Vec<Instrument>, ApiError> {
        let ids = rows.iter().map(|row| row.instrument.id).collect();
        match self.read(&MarketRequest::Instruments(ids))? {
            Response::Instruments(instruments) => Ok(instruments),
            other => Err(unexpected(&other)),
        }
    }

    fn exchange_info(&self, params: &Params) -> Result<String, ApiError> {
        let named = params.get("symbol").or(params.get("symbols")).is_some();
        let filtered = params.get("symbolStatus").or(params.get("permissions")).is_some();
        if named && filtered {
            return Err(ApiError::combination());
        }
        let (rows, _) = self.selected(params)?;
        // An empty list would ask for all.
        let instruments = if rows.is_empty() { Vec::new() } else { self.instruments(&rows)? };
        Ok(text(&wire::ExchangeInfo {
            timezone: "UTC".to_owned(),
            server_time: self.now.millis(),
            rate_limits: limiters(self.config),
            exchange_filters: Vec::new(),
            symbols: instruments.iter().map(symbol_info).collect(),
        }))
    }

    pub(super) fn book(&self, id: InstrumentId, depth: u32) -> Result<BookSnapshot, ApiError> {
        match self.read(&MarketRequest::Book { instrument: id, depth })? {
            Response::Book(book) => Ok(book),
            other => Err(unexpected(&other)),
        }
    }

    fn depth(&self, params: &Params) -> Result<String, ApiError> {
        let row = orders::symbol(params, self.symbols)?;
        self.check_status(row, symbol_status(params)?)?;
        let book = self.book(row.instrument.id, params.limit(100, 5_000)?)?;
        Ok(text(&depth(row, &book)))
    }

    fn trades(&self, params: &Params) -> Result<String, ApiError> {
        let row = orders::symbol(params, self.symbols)?;
        let request = MarketRequest::Trades {
            instrument: row.instrument.id,
            from: params.trades_from()?,
            limit: params.limit(500, 1_000)?,
        };
        let Response::Trades(trades) = self.read(&request)? else { return Ok("[]".to_owned()) };
        let trades = trades.iter().map(|trade| wire::Trade {
            id: trade.id,
            price: grid_price(row, trade.price),
            qty: grid_qty(row, trade.qty),
            quote_qty: grid_quote(row, i128::from(trade.price.0) * i128::from(trade.qty.0)),
            time: trade.time.millis(),
            is_buyer_maker: trade.taker_side == model::Side::Sell,
            is_best_match: true,
        });
        Ok(text(&trades.collect::<Vec<_>>()))
    }

    fn aggregates(&self, params: &Params) -> Result<String, ApiError> {
        let row = orders::symbol(params, self.symbols)?;
        params.not_both("fromId", &["startTime", "endTime"])?;
        let request = MarketRequest::AggregateTrades {
            instrument: row.instrument.id,
            from: params.trades_from()?,
            limit: params.limit(500, 1_000)?,
        };
        let Response::AggregateTrades(trades) = self.read(&request)? else {
            return Ok("[]".to_owned());
        };
        Ok(text(&trades.iter().map(|trade| aggregate(row, trade)).collect::<Vec<_>>()))
    }

    fn klines(&self, params: &Params) -> Result<String, ApiError> {
        let row = orders::symbol(params, self.symbols)?;
        let word = params.required("interval")?;
        let interval = vocabulary::parse_interval(word)
            .ok_or_else(|| ApiError::bad(-1120, "Invalid interval."))?;
        let request = MarketRequest::Candles {
            instrument: row.instrument.id,
            interval,
            start: params.time("startTime")?,
            end: params.time("endTime")?,
            limit: params.limit(500, 1_000)?,
        };
        let Response::Candles(candles) = self.read(&request)? else { return Ok("[]".to_owned()) };
        Ok(text(&candles.iter().map(|candle| kline(row, candle)).collect::<Vec<_>>()))
    }

    fn average(&self, params: &Params) -> Result<String, ApiError> {
        let row = orders::symbol(params, self.symbols)?;
        let average = self.average_price(row.instrument.id)?;
        Ok(text(&average))
    }

    pub(super) fn average_price(&self, id: InstrumentId) -> Result<wire::AvgPrice, ApiError> {
        match self.read(&MarketRequest::AveragePrice(id))? {
            Response::AveragePrice { price, minutes, at } => Ok(wire::AvgPrice {
                mins: minutes,
                price: price.map_or(ZERO, Fixed8::from),
                close_time: at.millis(),
            }),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn ticker_list(
        &self,
        ids: Vec<InstrumentId>,
        window_s: u32,
    ) -> Result<Vec<InstrumentTicker>, ApiError> {
        match self.read(&MarketRequest::Tickers { instruments: ids, window_s })? {
            Response::Tickers(tickers) => Ok(tickers),
            other => Err(unexpected(&other)),
        }
    }

    fn tickers(&self, params: &Params, window_s: u32, full: bool) -> Result<String, ApiError> {
        let (rows, one) = self.selected(params)?;
        let mini = match params.get("type") {
            None | Some("FULL") => false,
            Some("MINI") => true,
            Some(_) => return Err(ApiError::bad(-1139, "Invalid ticker type.")),
        };
        let is_named = params.get("symbol").or(params.get("symbols")).is_some();
        if !full && !is_named {
            return Err(ApiError::either("symbol", "symbols"));
        }
        if !full && rows.len() > NAMED_MAX {
            return Err(ApiError::invalid("symbols"));
        }
        let ids: Vec<_> = rows.iter().map(|row| row.instrument.id).collect();
        // An empty list would ask for all.
        let tickers = if ids.is_empty() { Vec::new() } else { self.ticker_list(ids, window_s)? };
        let mut values = Vec::with_capacity(rows.len());
        for (row, found) in rows.iter().zip(&tickers) {
            let ticker = tickers::ticker(row, found, self.now, window_s, full);
            values.push(if mini { value(&tickers::mini_ticker(&ticker)) } else { value(&ticker) });
        }
        Ok(one_or_list(values, one))
    }

    fn prices(&self, params: &Params) -> Result<String, ApiError> {
        let (rows, one) = self.selected(params)?;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let symbol = row.instrument.symbol.clone();
            values.push(value(&wire::TickerPrice { symbol, price: self.last_price(row)? }));
        }
        Ok(one_or_list(values, one))
    }

    /// The last price; before the first trade the middle of the book, so that clients have one.
    fn last_price(&self, row: &Row) -> Result<Fixed8, ApiError> {
        let request = MarketRequest::Trades {
            instrument: row.instrument.id,
            from: model::venue::TradesFrom::Newest,
            limit: 1,
        };
        if let Response::Trades(trades) = self.read(&request)?
            && let Some(last) = trades.last()
        {
            return Ok(grid_price(row, last.price));
        }
        let book = self.book(row.instrument.id, 1)?;
        Ok(match (book.bids.first(), book.asks.first()) {
            (Some(bid), Some(ask)) => {
                let middle = bid.price.0.midpoint(ask.price.0);
                grid_price(row, model::market::GridPrice(middle))
            }
            (Some(level), None) | (None, Some(level)) => grid_price(row, level.price),
            (None, None) => ZERO,
        })
    }

    fn best_prices(&self, params: &Params) -> Result<String, ApiError> {
        let (rows, one) = self.selected(params)?;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let book = self.book(row.instrument.id, 1)?;
            let (bid_price, bid_qty) = best(row, book.bids.first());
            let (ask_price, ask_qty) = best(row, book.asks.first());
            let symbol = row.instrument.symbol.clone();
            values.push(value(&wire::BookTicker {
                symbol,
                bid_price,
                bid_qty,
                ask_price,
                ask_qty,
            }));
        }
        Ok(one_or_list(values, one))
    }
}

fn unexpected(response: &Response) -> ApiError {
    debug_assert!(false, "the exchange answered another question: {response:?}");
    ApiError::internal()
}

fn value<T: Serialize>(row: &T) -> Value {
    serde_json::to_value(row).unwrap_or(Value::Null)
}

fn one_or_list(mut values: Vec<Value>, one: bool) -> String {
    if one {
        values.pop().unwrap_or(Value::Null).to_string()
    } else {
        Value::from(values).to_string()
    }
}

/// `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.
fn window(params: &Params) -> Result<u32, ApiError> {
    let Some(word) = params.get("windowSize") else { return Ok(DAY_S) };
    tickers::window_seconds(word).ok_or_else(|| ApiError::invalid("windowSize"))
}

pub(super) fn depth(row: &Row, book: &BookSnapshot) -> wire::Depth {
    wire::Depth {
        last_update_id: book.update_id,
        bids: book.bids.iter().map(|level| render::level(row, level)).collect(),
        asks: book.asks.iter().map(|level| render::level(row, level)).collect(),
    }
}

fn aggregate(row: &Row, trade: &AggregateTrade) -> wire::AggTrade {
    wire::AggTrade {
        id: trade.id,
        price: grid_price(row, trade.price),
        qty: grid_qty(row, trade.qty),
        first: trade.first,
        last: trade.last,
        time: trade.time.millis(),
        buyer_is_maker: trade.taker_side == model::Side::Sell,
        best_match: true,
    }
}

/// Last millisecond of a candle.
pub(super) fn close_time(candle: &Candle) -> i64 {
    candle.interval.end(candle.start).millis() - 1
}

fn kline(row: &Row, candle: &Candle) -> wire::Kline {
    (
        candle.start.millis(),
        grid_price(row, candle.open),
        grid_price(row, candle.high),
        grid_price(row, candle.low),
        grid_price(row, candle.close),
        grid_qty(row, candle.volume),
        close_time(candle),
        grid_quote(row, candle.quote_volume),
        candle.trades,
        grid_qty(row, candle.taker_buy_volume),
        grid_quote(row, candle.taker_buy_quote_volume),
        "0".to_owned(),
    )
}

/// The state that symbols are wanted in.
fn symbol_status(params: &Params) -> Result<Option<&str>, ApiError> {
    match params.get("symbolStatus") {
        Some(word) if !matches!(word, "TRADING" | "HALT" | "BREAK" | "CANCEL_ONLY") => {
            Err(ApiError::bad(-1122, "Invalid symbolStatus."))
        }
        other => Ok(other),
    }
}

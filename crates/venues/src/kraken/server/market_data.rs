//! Public questions and their answers.
//!
//! Source: REST reference, "Market data", read 2026-08-21.

use model::market::{Candle, GridPrice, Interval, Level, PublicTrade};
use model::venue::{
    BookSnapshot, InstrumentTicker, MarketRequest, PublicMarket, Response, TradesFrom,
};
use model::{Decimal, Instrument, InstrumentId, Rounding, Side, Timestamp, TradingMode};
use serde_json::{Map, Value, json};

use super::calls::Call;
use super::params::Params;
use super::render::{self, fixed, invalid};
use crate::kraken::symbols::{Row, Symbols, rest_name, short_name};
use crate::kraken::vocabulary;

const DAY_S: u32 = 86_400;
/// Levels a side in one answer.
const LEVELS_MAX: u64 = 500;
/// Trades in one answer.
const TRADES_MAX: u64 = 1_000;
/// Candles in one answer (unverified).
const CANDLES_MAX: u32 = 720;

/// What a public question is answered from.
#[derive(Clone, Copy)]
pub(super) struct Public<'a> {
    pub(super) now: Timestamp,
    pub(super) symbols: &'a Symbols,
    pub(super) market: &'a dyn PublicMarket,
    /// Of whoever has just opened an account, in percent: taker and maker.
    pub(super) percent: (Decimal, Decimal),
}

/// An object with one entry.
fn one(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

impl Public<'_> {
    /// Answers a public call; `None` for one that is not public.
    pub(super) fn answer(&self, call: Call, params: &Params) -> Option<Result<Value, String>> {
        Some(match call {
            Call::Time => Ok(json!({
                "unixtime": self.now.millis().div_euclid(1_000),
                "rfc1123": self.now.to_string(),
            })),
            Call::SystemStatus => {
                Ok(json!({"status": self.status(), "timestamp": self.now.to_string()}))
            }
            Call::Assets => Ok(self.assets()),
            Call::AssetPairs => self.pairs(params),
            Call::Ticker => self.tickers(params),
            Call::Ohlc => self.candles(params),
            Call::Depth => self.depth(params),
            Call::Trades => self.trades(params),
            Call::Spread => self.spread(params),
            _ => return None,
        })
    }

    pub(super) fn read(&self, request: &MarketRequest) -> Result<Response, String> {
        let error = |_| "EQuery:Unknown asset pair".to_owned();
        self.market.read(self.now, request).map_err(error)
    }

    fn row(&self, params: &Params) -> Result<&Row, String> {
        let name = params.required("pair")?;
        self.symbols.find(name).ok_or_else(|| "EQuery:Unknown asset pair".to_owned())
    }

    /// The rows that are named; all when none is.
    fn rows(&self, params: &Params) -> Result<Vec<&Row>, String> {
        let named = params.all("pair");
        if named.is_empty() {
            return Ok(self.symbols.iter().collect());
        }
        let row = |name: &str| {
            self.symbols.find(name).ok_or_else(|| "EQuery:Unknown asset pair".to_owned())
        };
        named.into_iter().map(row).collect()
    }

    /// Instruments as they are now.
    pub(super) fn instruments(&self, rows: &[&Row]) -> Result<Vec<Instrument>, String> {
        if rows.is_empty() {
            // An empty list would ask for all.
            return Ok(Vec::new());
        }
        let ids = rows.iter().map(|row| row.instrument.id).collect();
        match self.read(&MarketRequest::Instruments(ids))? {
            Response::Instruments(found) => Ok(found),
            _ => Err("EGeneral:Internal error".to_owned()),
        }
    }

    /// Of the whole venue: what the least restricted pair allows.
    pub(super) fn status(&self) -> &'static str {
        let rows: Vec<&Row> = self.symbols.iter().collect();
        let found = self.instruments(&rows).unwrap_or_default();
        let any = |mode| found.iter().any(|instrument| instrument.mode == mode);
        if found.is_empty() || any(TradingMode::Live) {
            "online"
        } else if any(TradingMode::CancelOnly) {
            "cancel_only"
        } else {
            "maintenance"
        }
    }

    fn assets(&self) -> Value {
        let mut told = Map::new();
        for row in self.symbols.iter() {
            for name in [row.instrument.base, row.instrument.quote] {
                let (id, short) = (rest_name(name.as_str()), short_name(name.as_str()).to_owned());
                let decimals = if matches!(name.as_str(), "USD" | "EUR") { 4 } else { 10 };
                let one = json!({
                    "aclass": "currency", "altname": short, "decimals": decimals,
                    "display_decimals": 5, "status": "enabled",
                });
                told.insert(id, one);
            }
        }
        told.into()
    }

    fn pairs(&self, params: &Params) -> Result<Value, String> {
        let rows = self.rows(params)?;
        let found = self.instruments(&rows)?;
        let (taker, maker) = self.percent;
        let percent = |rate: Decimal| json!([[0, rate.to_f64()]]);
        let pairs = rows.iter().zip(&found).map(|(row, instrument)| {
            let (base, quote) = (instrument.base.to_string(), instrument.quote.to_string());
            let limits = &instrument.limits;
            let told = json!({
                "altname": row.instrument.symbol,
                "wsname": format!("{}/{}", short_name(&base), short_name(&quote)),
                "aclass_base": "currency",
                "base": rest_name(&base),
                "aclass_quote": "currency",
                "quote": rest_name(&quote),
                "lot": "unit",
                "cost_decimals": render::COST_DECIMALS,
                "pair_decimals": row.grid.price_decimals,
                "lot_decimals": row.grid.qty_decimals,
                "lot_multiplier": 1,
                "leverage_buy": [],
                "leverage_sell": [],
                "fees": percent(taker),
                "fees_maker": percent(maker),
                "fee_volume_currency": "ZUSD",
                "margin_call": 80,
                "margin_stop": 40,
                "ordermin": limits.qty_min.get().max(instrument.lot.get()).to_string(),
                "costmin": limits.notional_min.to_string(),
                "tick_size": instrument.tick.get().to_string(),
                "status": pair_status(instrument.mode),
            });
            (row.id.clone(), told)
        });
        Ok(pairs.collect::<Map<_, _>>().into())
    }

    pub(super) fn book(&self, id: InstrumentId, depth: u32) -> Result<BookSnapshot, String> {
        match self.read(&MarketRequest::Book { instrument: id, depth })? {
            Response::Book(book) => Ok(book),
            _ => Err("EGeneral:Internal error".to_owned()),
        }
    }

    fn depth(&self, params: &Params) -> Result<Value, String> {
        let row = self.row(params)?;
        let count = params.number("count")?.unwrap_or(100);
        if count == 0 || count > LEVELS_MAX {
            return Err(invalid("count"));
        }
        let book = self.book(row.instrument.id, count as u32)?;
        let at = self.now.millis().div_euclid(1_000);
        let side = |levels: &[Level]| -> Vec<Value> {
            let level = |level: &Level| {
                json!([render::price(row, level.price), render::qty(row, level.qty), at])
            };
            levels.iter().map(level).collect()
        };
        let told = json!({"asks": side(&book.asks), "bids": side(&book.bids)});
        Ok(one(&row.id, told).into())
    }

    pub(super) fn last_trades(
        &self,
        row: &Row,
        from: TradesFrom,
        limit: u32,
    ) -> Result<Vec<PublicTrade>, String> {
        let instrument = row.instrument.id;
        match self.read(&MarketRequest::Trades { instrument, from, limit })? {
            Response::Trades(trades) => Ok(trades),
            _ => Err("EGeneral:Internal error".to_owned()),
        }
    }

    fn trades(&self, params: &Params) -> Result<Value, String> {
        let row = self.row(params)?;
        let count = params.number("count")?.unwrap_or(TRADES_MAX).min(TRADES_MAX) as u32;
        // Nanoseconds since the epoch, or seconds; exclusive.
        let since = match params.number("since")? {
            None | Some(0) => None,
            Some(since) if since < 10_000_000_000 => Some(since.saturating_mul(1_000_000_000)),
            Some(nanos) => Some(nanos),
        };
        let from = since.map_or(TradesFrom::Newest, |nanos| TradesFrom::Time {
            start: Some(Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX) + 1)),
            end: None,
        });
        let trades = self.last_trades(row, from, count)?;
        let last = trades.last().map_or(since.unwrap_or(0) as i64, |trade| trade.time.nanos());
        let told: Vec<Value> = trades
            .iter()
            .map(|trade| {
                let side = if trade.taker_side == Side::Buy { "b" } else { "s" };
                let (price, qty) = (render::price(row, trade.price), render::qty(row, trade.qty));
                json!([price, qty, render::seconds(trade.time), side, "l", "", trade.id])
            })
            .collect();
        let mut answer = one(&row.id, told.into());
        answer.insert("last".to_owned(), last.to_string().into());
        Ok(answer.into())
    }

    pub(super) fn last_candles(
        &self,
        row: &Row,
        minutes: u32,
        start: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<Candle>, String> {
        let (instrument, interval) = (row.instrument.id, Interval::Seconds(minutes * 60));
        let request = MarketRequest::Candles { instrument, interval, start, end: None, limit };
        match self.read(&request)? {
            Response::Candles(candles) => Ok(candles),
            _ => Err("EGeneral:Internal error".to_owned()),
        }
    }

    fn candles(&self, params: &Params) -> Result<Value, String> {
        let row = self.row(params)?;
        let minutes = params.number("interval")?.unwrap_or(1) as u32;
        if !vocabulary::CANDLE_MINUTES.contains(&minutes) {
            return Err(invalid("interval"));
        }
        let since = params.seconds("since")?;
        let candles = self.last_candles(row, minutes, since, CANDLES_MAX)?;
        let seconds = |at: Timestamp| at.millis().div_euclid(1_000);
        let last = candles.iter().rev().nth(1).map_or(0, |candle| seconds(candle.start));
        let told: Vec<Value> = candles
            .iter()
            .map(|candle| {
                let price = |price| render::price(row, price);
                json!([
                    seconds(candle.start),
                    price(candle.open),
                    price(candle.high),
                    price(candle.low),
                    price(candle.close),
                    vwap(row, candle),
                    render::qty(row, candle.volume),
                    candle.trades,
                ])
            })
            .collect();
        let mut answer = one(&row.id, told.into());
        answer.insert("last".to_owned(), last.into());
        Ok(answer.into())
    }

    pub(super) fn windows(&self, rows: &[&Row]) -> Result<Vec<InstrumentTicker>, String> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let instruments = rows.iter().map(|row| row.instrument.id).collect();
        match self.read(&MarketRequest::Tickers { instruments, window_s: DAY_S })? {
            Response::Tickers(tickers) => Ok(tickers),
            _ => Err("EGeneral:Internal error".to_owned()),
        }
    }

    fn tickers(&self, params: &Params) -> Result<Value, String> {
        let rows = self.rows(params)?;
        let found = self.windows(&rows)?;
        let told = rows.iter().zip(&found).map(|(row, found)| {
            let best = |level: Option<Level>| match level {
                Some(level) => {
                    let qty = render::qty(row, level.qty);
                    let whole = qty.split('.').next().unwrap_or_default().to_owned();
                    json!([render::price(row, level.price), whole, qty])
                }
                None => json!(["0", "0", "0"]),
            };
            let window = found.ticker.as_ref().map(|ticker| &ticker.window);
            let price = |of: fn(&Candle) -> GridPrice| {
                window.map_or_else(|| "0".to_owned(), |window| render::price(row, of(window)))
            };
            let twice = |text: String| json!([text.clone(), text]);
            let volume = window.map_or_else(|| "0".to_owned(), |w| render::qty(row, w.volume));
            let last_qty = found.ticker.as_ref().map(|ticker| render::qty(row, ticker.last_qty));
            let told = json!({
                "a": best(found.quote.ask),
                "b": best(found.quote.bid),
                "c": [price(|c| c.close), last_qty.unwrap_or_else(|| "0".to_owned())],
                "v": twice(volume),
                "p": twice(window.map_or_else(|| "0".to_owned(), |window| vwap(row, window))),
                "t": [window.map_or(0, |w| w.trades), window.map_or(0, |w| w.trades)],
                "l": twice(price(|c| c.low)),
                "h": twice(price(|c| c.high)),
                "o": price(|c| c.open),
            });
            (row.id.clone(), told)
        });
        Ok(told.collect::<Map<_, _>>().into())
    }

    fn spread(&self, params: &Params) -> Result<Value, String> {
        let row = self.row(params)?;
        let book = self.book(row.instrument.id, 1)?;
        let at = self.now.millis().div_euclid(1_000);
        let best = |levels: &[Level]| levels.first().map(|level| render::price(row, level.price));
        let rows = match (best(&book.bids), best(&book.asks)) {
            (Some(bid), Some(ask)) => json!([[at, bid, ask]]),
            _ => json!([]),
        };
        let mut answer = one(&row.id, rows);
        answer.insert("last".to_owned(), at.into());
        Ok(answer.into())
    }
}

/// What a pair's state is called.
pub(super) const fn pair_status(mode: TradingMode) -> &'static str {
    match mode {
        TradingMode::Live => "online",
        TradingMode::CancelOnly => "cancel_only",
        _ => "maintenance",
    }
}

/// The average price of a candle, by volume; its last price where nothing traded.
pub(super) fn vwap(row: &Row, candle: &Candle) -> String {
    let decimals = u32::from(row.grid.price_decimals);
    let digits = decimals + u32::from(row.grid.qty_decimals);
    let quote = Decimal::from_mantissa(candle.quote_volume, digits);
    let base = Decimal::new(candle.volume.0, u32::from(row.grid.qty_decimals));
    let average =
        quote.filter(|_| !base.is_zero()).and_then(|q| q.checked_div(base, Rounding::Down));
    average.map_or_else(|| render::price(row, candle.close), |average| fixed(average, decimals))
}

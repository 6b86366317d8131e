//! Binance spot, as much of it as a kill switch needs.
//!
//! Source: rest-api.md of the Binance Spot API docs, read 2026-07-21. Weights: open orders 6 for a symbol
//! and 80 for all, account 20, best prices 2 or 4, executions 20, cancels 1 and nothing when they
//! succeed. There is no cancel of the whole account and no dead-man timer on spot.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;

use super::budget::{Budget, Purpose};
use super::error::{StartError, VenueError};
use super::grid::Grid;
use super::http::{Answer, Ask, Http, read};
use super::sign::{BinanceKey, KeyError, encoded};
use crate::amount::Amount;
use crate::core::effect::Cancel;
use crate::core::flatten::Sale;
use crate::core::ledger::Cursors;
use crate::core::words::{Balance, Family, Fill, Instrument, Order, Side, Top};

/// Weight a minute and address, until the exchange says otherwise (rest-api.md, 2023-08-25).
const WEIGHT_PER_MINUTE: u32 = 6_000;
/// A stop without a time: the docs name two minutes as the shortest ban.
const PAUSE_UNLESS_TOLD: Duration = Duration::from_secs(120);
/// How long a request may be under way, ms.
const RECV_WINDOW_MS: u32 = 5_000;
/// Weight of a list of open orders: of one symbol, and of all.
const LIST_COST: u32 = 6;
const LIST_OF_ALL_COST: u32 = 80;
/// Cancels of single orders under way at once.
const CANCELS_AT_ONCE: usize = 16;
/// Executions in one page, and pages in one reading.
const FILLS_PAGE: usize = 1_000;
const FILLS_PAGES_MAX: usize = 10;
/// Symbols outside of the configuration that are remembered for having had orders.
const SYMBOLS_MAX: usize = 64;

/// The client.
#[derive(Debug)]
pub struct Binance {
    http: Http,
    key_name: String,
    key: BinanceKey,
    instruments: Vec<Instrument>,
    /// Symbols that had orders in the last list of all.
    others: Mutex<BTreeSet<String>>,
    /// Executions, as far as they were read.
    reading: Mutex<Option<Reading>>,
}

/// A reading of executions that is not at its end.
#[derive(Debug)]
struct Reading {
    /// What was asked for.
    since: Cursors,
    cursors: Cursors,
    fills: Vec<Fill>,
    /// Instruments that were read.
    read: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderRow {
    symbol: String,
    order_id: u64,
    #[serde(default = "no_list")]
    order_list_id: i64,
    client_order_id: String,
    price: Amount,
    #[serde(default)]
    stop_price: Amount,
    orig_qty: Amount,
    executed_qty: Amount,
    #[serde(rename = "type")]
    kind: String,
    side: String,
}

const fn no_list() -> i64 {
    -1
}

impl OrderRow {
    fn order(self) -> Order {
        let family = match self.kind.as_str() {
            "STOP_LOSS" | "STOP_LOSS_LIMIT" => Family::Stop,
            "TAKE_PROFIT" | "TAKE_PROFIT_LIMIT" => Family::Target,
            // A type that nobody here has heard of is no protection.
            _ => Family::Plain,
        };
        let prices = [self.price, self.stop_price];
        Order {
            symbol: self.symbol,
            id: self.order_id.to_string(),
            client_id: self.client_order_id,
            side: if self.side == "SELL" { Side::Sell } else { Side::Buy },
            family,
            price: prices.into_iter().find(|price| price.is_positive()),
            leaves: self.orig_qty.checked_sub(self.executed_qty),
            list: (self.order_list_id >= 0).then(|| self.order_list_id.to_string()),
        }
    }
}

#[derive(Deserialize)]
struct Account {
    balances: Vec<BalanceRow>,
}

#[derive(Deserialize)]
struct BalanceRow {
    asset: String,
    free: Amount,
    locked: Amount,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker {
    symbol: String,
    bid_price: Amount,
    bid_qty: Amount,
    ask_price: Amount,
    ask_qty: Amount,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TradeRow {
    id: u64,
    qty: Amount,
    quote_qty: Amount,
    commission: Amount,
    commission_asset: String,
    is_buyer: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Time {
    server_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    rate_limits: Vec<RateLimit>,
    symbols: Vec<SymbolInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: String,
    interval: String,
    interval_num: u32,
    limit: u32,
}

#[derive(Deserialize)]
struct SymbolInfo {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    filter_type: String,
    #[serde(default)]
    tick_size: Amount,
    #[serde(default)]
    step_size: Amount,
    #[serde(default)]
    min_qty: Amount,
    #[serde(default)]
    min_notional: Amount,
}

impl Binance {
    pub(crate) fn new(
        base: &str,
        local: Option<IpAddr>,
        key: &str,
        secret: &str,
        instruments: Vec<Instrument>,
    ) -> Result<Binance, StartError> {
        if key.trim().is_empty() {
            return Err(KeyError::Empty.into());
        }
        let budget = Budget::new(WEIGHT_PER_MINUTE, Duration::from_secs(60));
        Ok(Binance {
            http: Http::new(base, local, budget, PAUSE_UNLESS_TOLD)?,
            key_name: key.trim().to_owned(),
            key: BinanceKey::new(secret)?,
            instruments,
            others: Mutex::default(),
            reading: Mutex::default(),
        })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    async fn public(
        &self,
        target: &str,
        cost: u32,
        purpose: Purpose,
    ) -> Result<Answer, VenueError> {
        let ask =
            Ask { method: Method::GET, target, headers: Vec::new(), body: None, cost, purpose };
        self.http.send(ask).await
    }

    /// A signed request; its time is the exchange's.
    async fn signed(
        &self,
        method: Method,
        path: &str,
        query: &str,
        cost: u32,
        purpose: Purpose,
    ) -> Result<Answer, VenueError> {
        if self.http.clock_is_old() {
            // One that cannot be asked is no reason not to try with the host's own time.
            if let Err(problem) = self.set_clock().await {
                tracing::debug!(%problem, "the exchange's time is not known");
            }
        }
        let and = if query.is_empty() { "" } else { "&" };
        let now = self.http.venue_ms();
        let query = format!("{query}{and}recvWindow={RECV_WINDOW_MS}&timestamp={now}");
        let target = format!("{path}?{}", self.key.signed(&query));
        let headers = vec![("x-mbx-apikey", self.key_name.clone())];
        let ask = Ask { method, target: &target, headers, body: None, cost, purpose };
        let answer = self.http.send(ask).await?;
        // -1021: outside of the receive window.
        if answer.status == 400 && answer.body.windows(5).any(|part| part == b"-1021") {
            self.http.doubt_clock();
        }
        Ok(answer)
    }

    async fn set_clock(&self) -> Result<(), VenueError> {
        let asked = Instant::now();
        let headers = Vec::new();
        let (method, target) = (Method::GET, "/api/v3/time");
        let ask = Ask { method, target, headers, body: None, cost: 1, purpose: Purpose::Kill };
        let time: Time = read("time", &self.http.send(ask).await?)?;
        self.http.set_clock(time.server_time, asked);
        Ok(())
    }

    pub(crate) async fn orders(
        &self,
        all: bool,
        purpose: Purpose,
    ) -> Result<Vec<Order>, VenueError> {
        let path = "/api/v3/openOrders";
        let mut symbols = self.others.lock().unwrap_or_else(PoisonError::into_inner).clone();
        symbols.extend(self.instruments.iter().map(|instrument| instrument.symbol.clone()));
        let each = u32::try_from(symbols.len()).unwrap_or(u32::MAX).saturating_mul(LIST_COST);
        if all || each > LIST_OF_ALL_COST {
            let answer = self.signed(Method::GET, path, "", LIST_OF_ALL_COST, purpose).await?;
            let rows: Vec<OrderRow> = read("open orders", &answer)?;
            let symbols: BTreeSet<String> =
                rows.iter().map(|row| row.symbol.clone()).take(SYMBOLS_MAX).collect();
            *self.others.lock().unwrap_or_else(PoisonError::into_inner) = symbols;
            return Ok(rows.into_iter().map(OrderRow::order).collect());
        }
        self.http.pay(each, purpose)?;
        let mut orders = Vec::new();
        for symbol in symbols {
            let query = format!("symbol={}", encoded(&symbol));
            let answer = self.signed(Method::GET, path, &query, 0, purpose).await?;
            let rows: Vec<OrderRow> = read("open orders", &answer)?;
            orders.extend(rows.into_iter().map(OrderRow::order));
        }
        Ok(orders)
    }

    pub(crate) async fn balances(&self) -> Result<Vec<Balance>, VenueError> {
        let (path, query) = ("/api/v3/account", "omitZeroBalances=true");
        let answer = self.signed(Method::GET, path, query, 20, Purpose::Watch).await?;
        let account: Account = read("account", &answer)?;
        let balance = |BalanceRow { asset, free, locked }| {
            let total = free.checked_add(locked).ok_or(VenueError::Unreadable {
                what: "account",
                problem: "a balance is larger than any number here".into(),
            })?;
            Ok(Balance { asset, free, total })
        };
        account.balances.into_iter().map(balance).collect()
    }

    pub(crate) async fn prices(&self) -> Result<Vec<Top>, VenueError> {
        let path = "/api/v3/ticker/bookTicker";
        let rows: Vec<Ticker> = if let [only] = self.instruments.as_slice() {
            let target = format!("{path}?symbol={}", encoded(&only.symbol));
            vec![read("best prices", &self.public(&target, 2, Purpose::Watch).await?)?]
        } else {
            let symbols: Vec<&str> = self.instruments.iter().map(|i| i.symbol.as_str()).collect();
            let list = serde_json::Value::from(symbols).to_string();
            let target = format!("{path}?symbols={}", encoded(&list));
            read("best prices", &self.public(&target, 4, Purpose::Watch).await?)?
        };
        let side = |price: Amount, qty: Amount| price.is_positive().then_some((price, qty));
        Ok(rows
            .into_iter()
            .map(|row| Top {
                bid: side(row.bid_price, row.bid_qty),
                ask: side(row.ask_price, row.ask_qty),
                symbol: row.symbol,
            })
            .collect())
    }

    /// Symbol after symbol. What was read before there was no room for more is kept for the next attempt.
    pub(crate) async fn fills(&self, since: &Cursors) -> Result<(Vec<Fill>, Cursors), VenueError> {
        let kept = self.reading.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut reading = kept.filter(|kept| kept.since == *since).unwrap_or_else(|| Reading {
            since: since.clone(),
            cursors: since.clone(),
            fills: Vec::new(),
            read: 0,
        });
        while let Some(instrument) = self.instruments.get(reading.read) {
            if let Err(problem) = self.fills_of(instrument, &mut reading).await {
                *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
                return Err(problem);
            }
            reading.read += 1;
        }
        Ok((reading.fills, reading.cursors))
    }

    async fn fills_of(
        &self,
        instrument: &Instrument,
        reading: &mut Reading,
    ) -> Result<(), VenueError> {
        let symbol = encoded(&instrument.symbol);
        for _ in 0..FILLS_PAGES_MAX {
            let known = reading.cursors.get(&instrument.symbol);
            let known = known.and_then(|id| id.parse::<u64>().ok());
            let query = match known {
                Some(id) => format!("symbol={symbol}&fromId={}&limit={FILLS_PAGE}", id + 1),
                None => format!("symbol={symbol}&limit=1"),
            };
            let path = "/api/v3/myTrades";
            let answer = self.signed(Method::GET, path, &query, 20, Purpose::Explain).await?;
            let rows: Vec<TradeRow> = read("executions", &answer)?;
            let (full, newest) = (rows.len() >= FILLS_PAGE, rows.iter().map(|row| row.id).max());
            // Nothing was ever traded: begin before the first.
            let newest = newest.or(known).unwrap_or(0);
            reading.cursors.insert(instrument.symbol.clone(), newest.to_string());
            if known.is_some() {
                reading.fills.extend(rows.into_iter().map(|row| fill(instrument, row)));
            }
            if !full {
                return Ok(());
            }
        }
        Err(VenueError::Endless("executions"))
    }

    pub(crate) async fn cancel(&self, cancel: &Cancel) -> Result<usize, VenueError> {
        let symbol = encoded(&cancel.symbol);
        if cancel.whole {
            let query = format!("symbol={symbol}");
            let path = "/api/v3/openOrders";
            let answer = self.signed(Method::DELETE, path, &query, 1, Purpose::Cancel).await?;
            return match read::<Vec<serde_json::Value>>("cancel of all", &answer) {
                Ok(reports) => Ok(reports.len()),
                // Nothing is open there any more.
                Err(VenueError::Refused { said, .. }) if said.contains("-2011") => Ok(0),
                Err(problem) => Err(problem),
            };
        }
        let (mut taken, mut first_problem) = (0, None);
        for some in cancel.ids.chunks(CANCELS_AT_ONCE) {
            let one = |id: &String| {
                let query = format!("symbol={symbol}&orderId={}", encoded(id));
                async move {
                    let path = "/api/v3/order";
                    let answer =
                        self.signed(Method::DELETE, path, &query, 1, Purpose::Cancel).await?;
                    read::<serde_json::Value>("cancel", &answer)
                }
            };
            for told in join_all(some.iter().map(one)).await {
                match told {
                    Ok(_) => taken += 1,
                    // -2011 is said of orders that are over, too: the next list tells.
                    Err(VenueError::Refused { said, .. }) if said.contains("-2011") => {}
                    Err(problem) => first_problem = first_problem.or(Some(problem)),
                }
            }
        }
        match first_problem {
            Some(problem) if taken == 0 => Err(problem),
            Some(_) | None => Ok(taken),
        }
    }

    pub(crate) async fn sell(&self, sale: &Sale, name: &str) -> Result<String, VenueError> {
        let symbol = encoded(&sale.symbol);
        let target = format!("/api/v3/exchangeInfo?symbol={symbol}");
        let info: Info = read("rules", &self.public(&target, 20, Purpose::Cancel).await?)?;
        self.learn(&info);
        let (qty, price) = grid(&info).fit(sale)?;
        let query = format!(
            "symbol={symbol}&side=SELL&type=LIMIT&timeInForce=IOC&quantity={qty}&price={price}\
             &newClientOrderId={name}&newOrderRespType=RESULT"
        );
        let path = "/api/v3/order";
        let answer = self.signed(Method::POST, path, &query, 1, Purpose::Cancel).await?;
        let told: serde_json::Value = read("sale", &answer)?;
        let sold = told["executedQty"].as_str().unwrap_or("an unknown part");
        Ok(format!("sold {sold} of {qty} {} at {price} or better", sale.symbol))
    }

    /// Asks what the exchange's limits are now.
    pub(crate) async fn learn_limits(&self) -> Result<(), VenueError> {
        let first = self.instruments.first().map_or("", |instrument| &instrument.symbol);
        let target = format!("/api/v3/exchangeInfo?symbol={}", encoded(first));
        let info: Info = read("rules", &self.public(&target, 20, Purpose::Watch).await?)?;
        self.learn(&info);
        Ok(())
    }

    fn learn(&self, info: &Info) {
        let per_minute = info.rate_limits.iter().find(|limit| {
            limit.rate_limit_type == "REQUEST_WEIGHT"
                && limit.interval == "MINUTE"
                && limit.interval_num == 1
        });
        if let Some(limit) = per_minute {
            self.http.learn_limit(limit.limit);
        }
    }
}

fn grid(info: &Info) -> Grid {
    let filters = || info.symbols.iter().flat_map(|symbol| &symbol.filters);
    let of = |kind: &str| filters().find(|filter| filter.filter_type == kind);
    let lot = of("LOT_SIZE");
    Grid {
        tick: of("PRICE_FILTER").map_or(Amount::ZERO, |filter| filter.tick_size),
        lot: lot.map_or(Amount::ZERO, |filter| filter.step_size),
        qty_min: lot.map_or(Amount::ZERO, |filter| filter.min_qty),
        notional_min: of("NOTIONAL")
            .or(of("MIN_NOTIONAL"))
            .map_or(Amount::ZERO, |f| f.min_notional),
    }
}

fn fill(instrument: &Instrument, row: TradeRow) -> Fill {
    let minus = |amount: Amount| Amount::ZERO.checked_sub(amount).unwrap_or_default();
    let (base, quote) = match row.is_buyer {
        true => (row.qty, minus(row.quote_qty)),
        false => (minus(row.qty), row.quote_qty),
    };
    let fee = (row.commission_asset, minus(row.commission));
    Fill { moved: vec![(instrument.base.clone(), base), (instrument.quote.clone(), quote), fee] }
}

/// All of them at once; they are few.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, done) in &mut pending {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests;
mod transfers;

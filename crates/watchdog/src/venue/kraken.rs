//! Kraken spot, as much of it as a kill switch needs, and its dead-man timer.
//!
//! Source: REST reference, "Account data" and "Trading", read 2026-08-21. Every private call is signed with a
//! nonce that has to grow, so one leaves after the other. The counter of calls falls by one in two seconds for
//! an account of the middle tier: 30 a minute. Lists are of the whole account. `CancelAll` would take protective
//! stops back, too, so orders are canceled by name, fifty at a time.
//!
//! The timer takes **all** orders back when nobody winds it up for a minute, protective ones among them; it is
//! wound up while the switch watches and nothing has tripped.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::budget::{Budget, Purpose};
use super::error::{StartError, VenueError};
use super::grid::Grid;
use super::http::{Answer, Ask, Http, read};
use super::sign::{KeyError, KrakenKey};
use crate::amount::Amount;
use crate::core::effect::Cancel;
use crate::core::flatten::Sale;
use crate::core::ledger::Cursors;
use crate::core::words::{Balance, Family, Fill, Instrument, Order, Side, Top};

/// Five times what the counter lets go in a minute, because a fifth of a limit is the switch's: the counter is
/// its key's own.
const CALLS_PER_MINUTE: u32 = 150;
/// A stop without a time.
const PAUSE_UNLESS_TOLD: Duration = Duration::from_secs(5);
/// Orders in one cancel.
const CANCELS_MAX: usize = 50;
/// Pages of one list.
const PAGES_MAX: usize = 40;
/// Where executions are read on from.
const CURSOR: &str = "fills";
/// The timer runs for so long, seconds, and is wound up so often.
const DEAD_MAN_S: u64 = 60;
const WOUND_UP_EVERY: Duration = Duration::from_secs(20);
/// Longest wait for the call before.
const TURN_MAX: Duration = Duration::from_secs(1);
/// Names of orders may be so long.
const NAME_MAX: usize = 18;

const OLD_COINS: [&str; 12] =
    ["ETC", "ETH", "ICN", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC"];
const OLD_CURRENCIES: [&str; 6] = ["AUD", "CAD", "EUR", "GBP", "JPY", "USD"];
/// What pays for pairs, longest names first.
const QUOTES: [&str; 21] = [
    "USDT", "USDC", "ZUSD", "ZEUR", "ZGBP", "ZCAD", "ZJPY", "ZAUD", "XXBT", "XETH", "USD", "EUR",
    "GBP", "CAD", "JPY", "AUD", "CHF", "DAI", "XBT", "ETH", "DOT",
];

/// The client.
#[derive(Debug)]
pub struct Kraken {
    http: Http,
    api_key: String,
    key: KrakenKey,
    nonce: AtomicU64,
    turns: tokio::sync::Mutex<()>,
    instruments: Vec<Instrument>,
    wound_up: Mutex<Option<Instant>>,
}

/// The pair's short name for `BTC-USD`.
pub(super) fn symbol(instrument: &str) -> String {
    let short = |asset: &str| match asset {
        "BTC" => "XBT".to_owned(),
        "DOGE" => "XDG".to_owned(),
        other => other.to_owned(),
    };
    instrument.split('-').map(short).collect()
}

/// The usual name of an asset; one that is set aside to earn keeps its own.
fn asset(name: &str) -> String {
    let old = |prefix: char, list: &[&'static str]| {
        let short = name.strip_prefix(prefix)?;
        list.iter().find(|old| **old == short).copied()
    };
    let short = old('X', &OLD_COINS).or_else(|| old('Z', &OLD_CURRENCIES)).unwrap_or(name);
    match short {
        "XBT" => "BTC".to_owned(),
        "XDG" => "DOGE".to_owned(),
        other => other.to_owned(),
    }
}

/// Base and quote of any name of a pair.
fn assets(pair: &str) -> Option<(String, String)> {
    QUOTES.iter().find_map(|quote| {
        let base = pair.strip_suffix(quote)?;
        (!base.is_empty()).then(|| (asset(base), asset(quote)))
    })
}

#[derive(Deserialize)]
struct Reply<T> {
    #[serde(default)]
    error: Vec<String>,
    #[serde(default = "none")]
    result: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

/// The result, or what the exchange says is wrong: with status 200, too.
fn result<T: DeserializeOwned>(what: &'static str, answer: &Answer) -> Result<T, VenueError> {
    let reply: Reply<T> = read(what, answer)?;
    let errors: Vec<String> = reply.error.into_iter().filter(|e| !e.starts_with('W')).collect();
    if !errors.is_empty() {
        return Err(VenueError::Refused { status: answer.status, said: errors.join(", ") });
    }
    let problem = "no result".to_owned();
    reply.result.ok_or(VenueError::Unreadable { what, problem })
}

#[derive(Deserialize)]
struct Open {
    open: BTreeMap<String, OrderRow>,
}

#[derive(Deserialize)]
struct OrderRow {
    #[serde(default)]
    cl_ord_id: Option<String>,
    descr: Descr,
    vol: Amount,
    vol_exec: Amount,
    #[serde(default)]
    oflags: String,
}

#[derive(Deserialize)]
struct Descr {
    pair: String,
    #[serde(rename = "type")]
    side: String,
    ordertype: String,
    #[serde(default)]
    price: Amount,
    #[serde(default)]
    price2: Amount,
}

impl OrderRow {
    fn order(self, id: String) -> Order {
        let family = match self.descr.ordertype.as_str() {
            kind if kind.starts_with("stop-loss") || kind.starts_with("trailing-stop") => {
                Family::Stop
            }
            kind if kind.starts_with("take-profit") => Family::Target,
            // A kind that nobody here has heard of is no protection.
            _ => Family::Plain,
        };
        let prices = [self.descr.price2, self.descr.price];
        let in_quote = self.oflags.split(',').any(|flag| flag == "viqc");
        Order {
            symbol: self.descr.pair,
            id,
            client_id: self.cl_ord_id.unwrap_or_default(),
            side: if self.descr.side == "sell" { Side::Sell } else { Side::Buy },
            family,
            price: prices.into_iter().find(|price| price.is_positive()),
            leaves: if in_quote { None } else { self.vol.checked_sub(self.vol_exec) },
            list: None,
        }
    }
}

#[derive(Deserialize)]
struct Held {
    balance: Amount,
    #[serde(default)]
    hold_trade: Amount,
}

#[derive(Deserialize)]
struct Ticker {
    a: Vec<Amount>,
    b: Vec<Amount>,
}

#[derive(Deserialize)]
struct Trades {
    trades: BTreeMap<String, TradeRow>,
    #[serde(default)]
    count: usize,
}

#[derive(Deserialize)]
struct TradeRow {
    pair: String,
    time: f64,
    #[serde(rename = "type")]
    side: String,
    vol: Amount,
    cost: Amount,
    fee: Amount,
}

impl TradeRow {
    /// `None` where it cannot be computed. Fees are taken in quote unless an order asks for something else,
    /// which its executions do not tell.
    fn fill(&self) -> Option<Fill> {
        let (base, quote) = assets(&self.pair)?;
        let minus = |amount: Amount| Amount::ZERO.checked_sub(amount);
        let (in_base, in_quote) = match self.side.as_str() {
            "sell" => (minus(self.vol)?, self.cost),
            _ => (self.vol, minus(self.cost)?),
        };
        Some(Fill { moved: vec![(base, in_base), (quote, in_quote.checked_sub(self.fee)?)] })
    }
}

#[derive(Deserialize)]
struct Count {
    count: usize,
}

#[derive(Deserialize)]
struct Time {
    unixtime: i64,
}

#[derive(Deserialize)]
struct Pair {
    lot_decimals: u32,
    tick_size: Amount,
    ordermin: Amount,
    #[serde(default)]
    costmin: Amount,
}

impl Kraken {
    pub(crate) fn new(
        base: &str,
        local: Option<IpAddr>,
        key: &str,
        secret: &str,
        instruments: Vec<Instrument>,
    ) -> Result<Kraken, StartError> {
        if key.trim().is_empty() {
            return Err(KeyError::Empty.into());
        }
        let budget = Budget::new(CALLS_PER_MINUTE, Duration::from_secs(60));
        Ok(Kraken {
            http: Http::new(base, local, budget, PAUSE_UNLESS_TOLD)?,
            api_key: key.trim().to_owned(),
            key: KrakenKey::new(secret)?,
            nonce: AtomicU64::new(0),
            turns: tokio::sync::Mutex::new(()),
            instruments,
            wound_up: Mutex::new(None),
        })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Larger than the last one, whatever a clock does.
    fn next_nonce(&self) -> u64 {
        let now = u64::try_from(self.http.venue_ms()).unwrap_or(0).saturating_mul(1_000_000);
        let next = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.nonce.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now.max(last.unwrap_or_else(|last| last).saturating_add(1))
    }

    async fn public(&self, target: &str, purpose: Purpose) -> Result<Answer, VenueError> {
        let (method, headers, body) = (Method::GET, Vec::new(), None);
        // What is public has a limit of its own, by the address.
        self.http.send(Ask { method, target, headers, body, cost: 0, purpose }).await
    }

    /// A private call. What the matching engine counts costs nothing of the counter of calls.
    async fn ask(
        &self,
        name: &str,
        mut params: Value,
        (cost, purpose): (u32, Purpose),
    ) -> Result<Answer, VenueError> {
        if self.http.clock_is_old() {
            // One that cannot be asked is no reason not to try with the host's own time.
            if let Err(problem) = self.set_clock().await {
                tracing::debug!(%problem, "the exchange's time is not known");
            }
        }
        let target = format!("/0/private/{name}");
        // Who has waited too long for its turn goes: the exchange may refuse it, which does no harm.
        let _turn = tokio::time::timeout(TURN_MAX, self.turns.lock()).await.ok();
        let nonce = self.next_nonce().to_string();
        params["nonce"] = nonce.as_str().into();
        let body = params.to_string();
        let headers = vec![
            ("api-key", self.api_key.clone()),
            ("api-sign", self.key.sign(&target, &nonce, &body)),
        ];
        let (method, body) = (Method::POST, Some(body));
        let ask = Ask { method, target: &target, headers, body, cost, purpose };
        let answer = self.http.send(ask).await?;
        if let Ok(Reply::<Value> { error, .. }) = read("answer", &answer) {
            let says = |word: &str| error.iter().any(|error| error.contains(word));
            if says("Invalid nonce") {
                self.http.doubt_clock();
            }
            if says("Rate limit") || says("Throttled") || says("Too many") || says("lockout") {
                self.http.stop(PAUSE_UNLESS_TOLD);
            }
        }
        Ok(answer)
    }

    async fn set_clock(&self) -> Result<(), VenueError> {
        let asked = Instant::now();
        let answer = self.public("/0/public/Time", Purpose::Kill).await?;
        let Time { unixtime } = result("time", &answer)?;
        // Whole seconds: what was thought to be the time is believed where it lies in this one.
        let second = unixtime.saturating_mul(1_000);
        let thought = self.http.venue_ms();
        self.http.set_clock(thought.clamp(second, second.saturating_add(999)), asked);
        Ok(())
    }

    pub(crate) async fn orders(&self, purpose: Purpose) -> Result<Vec<Order>, VenueError> {
        let answer = self.ask("OpenOrders", json!({}), (1, purpose)).await?;
        let told: Open = result("open orders", &answer)?;
        if purpose == Purpose::Watch {
            self.wind_up().await;
        }
        Ok(told.open.into_iter().map(|(id, row)| row.order(id)).collect())
    }

    /// Winds up the exchange's own timer, which takes all orders back when the switch is gone.
    async fn wind_up(&self) {
        let now = Instant::now();
        let due = {
            let wound_up = self.wound_up.lock().unwrap_or_else(PoisonError::into_inner);
            wound_up.is_none_or(|at| now.duration_since(at) >= WOUND_UP_EVERY)
        };
        if !due {
            return;
        }
        let params = json!({"timeout": DEAD_MAN_S});
        let told = self.ask("CancelAllOrdersAfter", params, (1, Purpose::Watch)).await;
        match told.and_then(|answer| result::<Value>("timer", &answer)) {
            Ok(_) => {
                *self.wound_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            Err(problem) => {
                tracing::warn!(%problem, "the exchange's dead-man timer could not be wound up");
            }
        }
    }

    pub(crate) async fn balances(&self) -> Result<Vec<Balance>, VenueError> {
        let answer = self.ask("BalanceEx", json!({}), (1, Purpose::Watch)).await?;
        let told: BTreeMap<String, Held> = result("balances", &answer)?;
        told.into_iter()
            .map(|(name, held)| {
                let free = held.balance.checked_sub(held.hold_trade);
                let free = free.ok_or(VenueError::Unreadable {
                    what: "balances",
                    problem: "one is larger than any number here".into(),
                })?;
                Ok(Balance { asset: asset(&name), free, total: held.balance })
            })
            .collect()
    }

    pub(crate) async fn prices(&self) -> Result<Vec<Top>, VenueError> {
        let names: Vec<&str> = self.instruments.iter().map(|i| i.symbol.as_str()).collect();
        let target = format!("/0/public/Ticker?pair={}", names.join(","));
        let answer = self.public(&target, Purpose::Watch).await?;
        let told: BTreeMap<String, Ticker> = result("best prices", &answer)?;
        // Price, whole lots, quantity.
        let best = |side: &[Amount]| match side {
            [price, _, qty] if price.is_positive() => Some((*price, *qty)),
            _ => None,
        };
        let tops = told.iter().filter_map(|(pair, ticker)| {
            let (base, quote) = assets(pair)?;
            let of = |i: &&Instrument| i.base == base && i.quote == quote;
            let symbol = self.instruments.iter().find(of)?.symbol.clone();
            Some(Top { symbol, bid: best(&ticker.b), ask: best(&ticker.a) })
        });
        Ok(tops.collect())
    }

    /// The cursor is the second of the newest execution and the names of all since the one before it.
    pub(crate) async fn fills(&self, since: &Cursors) -> Result<(Vec<Fill>, Cursors), VenueError> {
        let known = since.get(CURSOR);
        let mut known = known.map(|cursor| cursor.split(' ')).into_iter().flatten();
        let from: Option<i64> = known.next().and_then(|second| second.parse().ok());
        let seen: Vec<&str> = known.collect();
        let mut rows: BTreeMap<String, TradeRow> = BTreeMap::new();
        for page in 0.. {
            if page == PAGES_MAX {
                return Err(VenueError::Endless("executions"));
            }
            // The start is exclusive.
            let mut params = json!({"ofs": rows.len()});
            if let Some(from) = from {
                params["start"] = (from - 1).into();
            }
            let told = self.ask("TradesHistory", params, (2, Purpose::Explain)).await?;
            let told: Trades = result("executions", &told)?;
            let (before, is_last) = (rows.len(), told.trades.is_empty());
            rows.extend(told.trades);
            // Without a cursor only the newest matters, and it comes first.
            if is_last || rows.len() >= told.count || rows.len() == before || from.is_none() {
                break;
            }
        }
        let fresh = rows.iter().filter(|(name, _)| !seen.contains(&name.as_str()));
        let fills = fresh
            .filter(|_| from.is_some())
            .map(|(_, row)| {
                row.fill().ok_or(VenueError::Unreadable {
                    what: "executions",
                    problem: format!("one of {} cannot be computed", row.pair),
                })
            })
            .collect::<Result<_, _>>()?;
        let second = |row: &TradeRow| row.time.floor() as i64;
        let newest = rows.values().map(second).chain(from).max().unwrap_or(0);
        // Whole seconds: of the last two the names are kept.
        let mut names: Vec<&str> = rows
            .iter()
            .filter(|(_, row)| second(row) >= newest - 1)
            .map(|(name, _)| name.as_str())
            .collect();
        if from == Some(newest) {
            names.extend(&seen);
        }
        names.sort_unstable();
        names.dedup();
        let newest = newest.to_string();
        let text = [vec![newest.as_str()], names].concat().join(" ");
        Ok((fills, Cursors::from([(CURSOR.to_owned(), text)])))
    }

    pub(crate) async fn cancel(&self, cancel: &Cancel) -> Result<usize, VenueError> {
        let (mut taken, mut first_problem) = (0, None);
        // An attempt that did not do it is followed by a smaller one.
        let size = if cancel.whole { CANCELS_MAX } else { CANCELS_MAX / 10 };
        for some in cancel.ids.chunks(size) {
            let params = json!({"orders": some});
            let told = self.ask("CancelOrderBatch", params, (0, Purpose::Cancel)).await;
            match told.and_then(|answer| result::<Count>("cancel", &answer)) {
                Ok(told) => taken += told.count,
                Err(problem) => first_problem = first_problem.or(Some(problem)),
            }
        }
        match first_problem {
            Some(problem) if taken == 0 => Err(problem),
            Some(_) | None => Ok(taken),
        }
    }

    pub(crate) async fn sell(&self, sale: &Sale, name: &str) -> Result<String, VenueError> {
        let target = format!("/0/public/AssetPairs?pair={}", sale.symbol);
        let answer = self.public(&target, Purpose::Cancel).await?;
        let told: BTreeMap<String, Pair> = result("pair", &answer)?;
        let problem = "no such pair".to_owned();
        let pair =
            told.into_values().next().ok_or(VenueError::Unreadable { what: "pair", problem })?;
        let lot = (0..pair.lot_decimals)
            .try_fold(Amount::whole(1), |lot, _| lot.checked_div(Amount::whole(10)));
        let grid = Grid {
            tick: pair.tick_size,
            lot: lot.unwrap_or(Amount::whole(1)),
            qty_min: pair.ordermin,
            notional_min: pair.costmin,
        };
        let (qty, price) = grid.fit(sale)?;
        let mut params = json!({
            "ordertype": "limit", "type": "sell", "pair": sale.symbol, "volume": qty.to_string(),
            "price": price.to_string(), "timeinforce": "IOC", "oflags": "fciq",
        });
        if name.len() <= NAME_MAX {
            params["cl_ord_id"] = name.into();
        }
        let told = self.ask("AddOrder", params, (0, Purpose::Cancel)).await?;
        result::<Value>("sale", &told)?;
        Ok(format!("sells {qty} {} at {price} or better", sale.symbol))
    }
}

#[cfg(test)]
mod tests;

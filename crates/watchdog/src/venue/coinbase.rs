//! Coinbase Advanced Trade, spot, as much of it as a kill switch needs.
//!
//! Source: list-orders.md, cancel-order.md, list-accounts.md, get-best-bid-ask.md, list-fills.md, read
//! 2026-08-08. There is no cancel of all and no dead-man timer: orders are listed and canceled a hundred
//! at a time. `OPEN` leaves out orders that are pending or queued and can still be canceled, and may not be
//! asked for together with other states, so a list is two questions. Every path has a token; the public
//! twins are behind a cache and counted by address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::budget::{Budget, Purpose};
use super::error::{StartError, VenueError};
use super::grid::Grid;
use super::http::{Answer, Ask, Http, read};
use super::sign::{COINBASE_HOST, CoinbaseKey, KeyError, encoded, hex};
use crate::amount::Amount;
use crate::chance;
use crate::core::effect::Cancel;
use crate::core::flatten::Sale;
use crate::core::ledger::Cursors;
use crate::core::words::{Balance, Family, Fill, Instrument, Order, Side, Top};

/// Requests a second and user; the pages print none, this is the historical official figure.
const REQUESTS_PER_S: u32 = 30;
/// A stop without a time.
const PAUSE_UNLESS_TOLD: Duration = Duration::from_secs(1);
/// Orders in one cancel.
const CANCELS_MAX: usize = 100;
/// Pages of one list.
const PAGES_MAX: usize = 40;
/// Where executions are read on from.
const CURSOR: &str = "fills";
const ROOT: &str = "/api/v3/brokerage";

/// The client.
#[derive(Debug)]
pub struct Coinbase {
    http: Http,
    key_name: String,
    key: CoinbaseKey,
    instruments: Vec<Instrument>,
}

#[derive(Deserialize)]
struct Orders {
    orders: Vec<OrderRow>,
    #[serde(default)]
    has_next: bool,
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize)]
struct OrderRow {
    order_id: String,
    product_id: String,
    #[serde(default)]
    client_order_id: String,
    side: String,
    #[serde(default)]
    filled_size: Num,
    #[serde(default)]
    order_configuration: Option<BTreeMap<String, Option<Configuration>>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Configuration {
    base_size: Num,
    limit_price: Num,
    stop_price: Num,
    stop_trigger_price: Num,
    stop_direction: String,
}

/// A number that may be absent, and then is an empty text.
#[derive(Clone, Copy, Debug, Default)]
struct Num(Option<Amount>);

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Num, D::Error> {
        let text = Option::<String>::deserialize(from)?.unwrap_or_default();
        if text.is_empty() {
            return Ok(Num(None));
        }
        let amount = Amount::parse(&text);
        amount
            .map(|amount| Num(Some(amount)))
            .ok_or_else(|| serde::de::Error::custom("is no decimal number"))
    }
}

impl OrderRow {
    fn order(self) -> Order {
        let kinds = self.order_configuration.unwrap_or_default();
        let (kind, numbers) = kinds
            .into_iter()
            .find_map(|(kind, numbers)| Some((kind, numbers?)))
            .unwrap_or_default();
        let family = if kind.starts_with("stop_limit") {
            match numbers.stop_direction.as_str() {
                "STOP_DIRECTION_STOP_UP" => Family::Target,
                _ => Family::Stop,
            }
        } else if kind.starts_with("trigger_bracket") {
            Family::Bracket
        } else {
            // A kind that nobody here has heard of is no protection.
            Family::Plain
        };
        let prices = [numbers.limit_price, numbers.stop_price, numbers.stop_trigger_price];
        let filled = self.filled_size.0.unwrap_or_default();
        Order {
            symbol: self.product_id,
            id: self.order_id,
            client_id: self.client_order_id,
            side: if self.side == "SELL" { Side::Sell } else { Side::Buy },
            family,
            price: prices.into_iter().find_map(|price| price.0),
            leaves: numbers.base_size.0.and_then(|size| size.checked_sub(filled)),
            list: None,
        }
    }
}

#[derive(Deserialize)]
struct Accounts {
    accounts: Vec<AccountRow>,
    #[serde(default)]
    has_next: bool,
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize)]
struct AccountRow {
    currency: String,
    available_balance: Money,
    hold: Option<Money>,
}

#[derive(Deserialize)]
struct Money {
    value: Amount,
}

#[derive(Deserialize)]
struct Books {
    pricebooks: Vec<Book>,
}

#[derive(Deserialize)]
struct Book {
    product_id: String,
    #[serde(default)]
    bids: Vec<Row>,
    #[serde(default)]
    asks: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    price: Amount,
    size: Amount,
}

#[derive(Deserialize)]
struct Fills {
    fills: Vec<FillRow>,
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize)]
struct FillRow {
    entry_id: String,
    price: Amount,
    size: Amount,
    #[serde(default)]
    commission: Num,
    product_id: String,
    sequence_timestamp: String,
    #[serde(default)]
    size_in_quote: bool,
    side: String,
}

impl FillRow {
    /// `None` where it cannot be computed.
    fn fill(&self) -> Option<Fill> {
        let (base, quote) = self.product_id.split_once('-')?;
        let size = if self.size_in_quote { self.size.checked_div(self.price)? } else { self.size };
        let cost = size.checked_mul(self.price)?;
        let minus = |amount: Amount| Amount::ZERO.checked_sub(amount);
        let (in_base, in_quote) =
            if self.side == "SELL" { (minus(size)?, cost) } else { (size, minus(cost)?) };
        let in_quote = in_quote.checked_sub(self.commission.0.unwrap_or_default())?;
        Some(Fill { moved: vec![(base.to_owned(), in_base), (quote.to_owned(), in_quote)] })
    }
}

#[derive(Deserialize)]
struct Canceled {
    results: Vec<CanceledRow>,
}

#[derive(Deserialize)]
struct CanceledRow {
    success: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Time {
    epoch_millis: String,
}

#[derive(Deserialize)]
struct Product {
    base_increment: Amount,
    quote_increment: Amount,
    #[serde(default)]
    price_increment: Num,
    base_min_size: Amount,
    #[serde(default)]
    quote_min_size: Num,
}

impl Coinbase {
    pub(crate) fn new(
        base: &str,
        local: Option<IpAddr>,
        key: &str,
        secret: &str,
        instruments: Vec<Instrument>,
    ) -> Result<Coinbase, StartError> {
        if key.trim().is_empty() {
            return Err(KeyError::Empty.into());
        }
        let budget = Budget::new(REQUESTS_PER_S, Duration::from_secs(1));
        Ok(Coinbase {
            http: Http::new(base, local, budget, PAUSE_UNLESS_TOLD)?,
            key_name: key.trim().to_owned(),
            key: CoinbaseKey::new(secret)?,
            instruments,
        })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<String>,
        purpose: Purpose,
    ) -> Result<Answer, VenueError> {
        if self.http.clock_is_old() {
            // One that cannot be asked is no reason not to try with the host's own time.
            if let Err(problem) = self.set_clock().await {
                tracing::debug!(%problem, "the exchange's time is not known");
            }
        }
        let path = format!("{ROOT}{path}");
        let uri = format!("{method} {COINBASE_HOST}{path}");
        let now = self.http.venue_ms().div_euclid(1_000);
        let token = self.key.token(&self.key_name, &uri, now, &hex(&chance::bytes::<32>()));
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let answer = self
            .http
            .send(Ask { method, target: &target, headers, body, cost: 1, purpose })
            .await?;
        if answer.status == 401 {
            self.http.doubt_clock();
        }
        Ok(answer)
    }

    async fn set_clock(&self) -> Result<(), VenueError> {
        let asked = Instant::now();
        let (method, target) = (Method::GET, &*format!("{ROOT}/time"));
        let purpose = Purpose::Kill;
        let ask = Ask { method, target, headers: Vec::new(), body: None, cost: 1, purpose };
        let time: Time = read("time", &self.http.send(ask).await?)?;
        let at = time.epoch_millis.parse().map_err(|_| VenueError::Unreadable {
            what: "time",
            problem: "epochMillis is no number".into(),
        })?;
        self.http.set_clock(at, asked);
        Ok(())
    }

    pub(crate) async fn orders(&self, purpose: Purpose) -> Result<Vec<Order>, VenueError> {
        let queued = "order_status=PENDING&order_status=QUEUED&order_status=CANCEL_QUEUED\
                      &order_status=EDIT_QUEUED";
        let mut orders = Vec::new();
        for states in ["order_status=OPEN", queued] {
            let mut cursor = String::new();
            for page in 0.. {
                if page == PAGES_MAX {
                    return Err(VenueError::Endless("open orders"));
                }
                let query = format!("{states}&limit=1000{}", next(&cursor));
                let path = "/orders/historical/batch";
                let answer = self.ask(Method::GET, path, &query, None, purpose).await?;
                let told: Orders = read("open orders", &answer)?;
                orders.extend(told.orders.into_iter().map(OrderRow::order));
                if !told.has_next || told.cursor.is_empty() {
                    break;
                }
                cursor = told.cursor;
            }
        }
        // An order that moved from one state to the other meanwhile is in both lists.
        orders.sort_by(|a: &Order, b: &Order| a.id.cmp(&b.id));
        orders.dedup_by(|a, b| a.id == b.id);
        Ok(orders)
    }

    pub(crate) async fn balances(&self) -> Result<Vec<Balance>, VenueError> {
        let mut found: BTreeMap<String, (Amount, Amount)> = BTreeMap::new();
        let mut cursor = String::new();
        for page in 0.. {
            if page == PAGES_MAX {
                return Err(VenueError::Endless("accounts"));
            }
            let query = format!("limit=250{}", next(&cursor));
            let answer = self.ask(Method::GET, "/accounts", &query, None, Purpose::Watch).await?;
            let told: Accounts = read("accounts", &answer)?;
            for AccountRow { currency, available_balance, hold } in told.accounts {
                let (free, total) = found.entry(currency).or_default();
                let held = hold.map_or(Amount::ZERO, |hold| hold.value);
                let sum = |a: Amount, b: Amount| {
                    a.checked_add(b).ok_or(VenueError::Unreadable {
                        what: "accounts",
                        problem: "a balance is larger than any number here".into(),
                    })
                };
                *free = sum(*free, available_balance.value)?;
                *total = sum(sum(*total, available_balance.value)?, held)?;
            }
            if !told.has_next || told.cursor.is_empty() {
                break;
            }
            cursor = told.cursor;
        }
        let balance = |(asset, (free, total))| Balance { asset, free, total };
        Ok(found.into_iter().map(balance).collect())
    }

    pub(crate) async fn prices(&self) -> Result<Vec<Top>, VenueError> {
        let ids = self.instruments.iter().map(|i| format!("product_ids={}", encoded(&i.symbol)));
        let query = ids.collect::<Vec<_>>().join("&");
        let answer = self.ask(Method::GET, "/best_bid_ask", &query, None, Purpose::Watch).await?;
        let books: Books = read("best prices", &answer)?;
        let first = |rows: &[Row]| {
            rows.first().filter(|row| row.price.is_positive()).map(|row| (row.price, row.size))
        };
        Ok(books
            .pricebooks
            .into_iter()
            .map(|book| Top {
                bid: first(&book.bids),
                ask: first(&book.asks),
                symbol: book.product_id,
            })
            .collect())
    }

    /// The cursor is the time of the newest execution and the names of all that have this time.
    pub(crate) async fn fills(&self, since: &Cursors) -> Result<(Vec<Fill>, Cursors), VenueError> {
        let known = since.get(CURSOR);
        let mut known = known.map(|cursor| cursor.split(' ')).into_iter().flatten();
        let from = known.next();
        let seen: Vec<&str> = known.collect();
        let mut rows: Vec<FillRow> = Vec::new();
        let mut cursor = String::new();
        for page in 0.. {
            if page == PAGES_MAX {
                return Err(VenueError::Endless("executions"));
            }
            let start = from.filter(|from| !from.is_empty());
            let start = start.map(|at| format!("&start_sequence_timestamp={}", encoded(at)));
            let query = format!("limit=100{}{}", start.unwrap_or_default(), next(&cursor));
            let path = "/orders/historical/fills";
            let answer = self.ask(Method::GET, path, &query, None, Purpose::Explain).await?;
            let told: Fills = read("executions", &answer)?;
            rows.extend(told.fills);
            // Without a cursor only the newest matters, and it comes first.
            if told.cursor.is_empty() || from.is_none() {
                break;
            }
            cursor = told.cursor;
        }
        let fresh = rows.iter().filter(|row| !seen.contains(&row.entry_id.as_str()));
        let fills = fresh
            .filter(|_| from.is_some())
            .map(|row| {
                row.fill().ok_or(VenueError::Unreadable {
                    what: "executions",
                    problem: "one cannot be computed".into(),
                })
            })
            .collect::<Result<_, _>>()?;
        let times = rows.iter().map(|row| row.sequence_timestamp.as_str()).chain(from);
        let newest = times.max_by_key(|at| sortable(at));
        let newest = newest.unwrap_or_default();
        let mut names: Vec<&str> = rows
            .iter()
            .filter(|row| row.sequence_timestamp == newest)
            .map(|row| row.entry_id.as_str())
            .collect();
        if Some(newest) == from {
            names.extend(&seen);
        }
        names.sort_unstable();
        names.dedup();
        let text = [vec![newest], names].concat().join(" ");
        Ok((fills, Cursors::from([(CURSOR.to_owned(), text)])))
    }

    pub(crate) async fn cancel(&self, cancel: &Cancel) -> Result<usize, VenueError> {
        let (mut taken, mut first_problem) = (0, None);
        // An attempt that did not do it is followed by a smaller one.
        let size = if cancel.whole { CANCELS_MAX } else { CANCELS_MAX / 10 };
        for some in cancel.ids.chunks(size) {
            let body = json!({"order_ids": some}).to_string();
            let path = "/orders/batch_cancel";
            let told = self.ask(Method::POST, path, "", Some(body), Purpose::Cancel).await;
            match told.and_then(|answer| read::<Canceled>("cancel", &answer)) {
                Ok(told) => taken += told.results.iter().filter(|row| row.success).count(),
                Err(problem) => first_problem = first_problem.or(Some(problem)),
            }
        }
        match first_problem {
            Some(problem) if taken == 0 => Err(problem),
            Some(_) | None => Ok(taken),
        }
    }

    pub(crate) async fn sell(&self, sale: &Sale, name: &str) -> Result<String, VenueError> {
        let path = format!("/products/{}", encoded(&sale.symbol));
        let answer = self.ask(Method::GET, &path, "", None, Purpose::Cancel).await?;
        let product: Product = read("product", &answer)?;
        let grid = Grid {
            tick: product.price_increment.0.unwrap_or(product.quote_increment),
            lot: product.base_increment,
            qty_min: product.base_min_size,
            notional_min: product.quote_min_size.0.unwrap_or_default(),
        };
        let (qty, price) = grid.fit(sale)?;
        let numbers = json!({"base_size": qty, "limit_price": price});
        let body = json!({
            "client_order_id": name, "product_id": sale.symbol, "side": "SELL",
            "order_configuration": {"sor_limit_ioc": numbers},
        });
        let purpose = Purpose::Cancel;
        let answer = self.ask(Method::POST, "/orders", "", Some(body.to_string()), purpose).await?;
        let told: serde_json::Value = read("sale", &answer)?;
        if told["success"] == true {
            return Ok(format!("sells {qty} {} at {price} or better", sale.symbol));
        }
        let why = &told["error_response"];
        let said = format!("{} {}", why["error"], why["preview_failure_reason"]);
        Err(VenueError::Refused { status: answer.status, said })
    }
}

/// A time whose text sorts as the time does: fractions of a second have no fixed number of digits.
fn sortable(at: &str) -> String {
    let (second, part) = at.trim_end_matches('Z').split_once('.').unwrap_or((at, ""));
    format!("{}.{part:0<9}", second.trim_end_matches('Z'))
}

fn next(cursor: &str) -> String {
    if cursor.is_empty() { String::new() } else { format!("&cursor={}", encoded(cursor)) }
}

#[cfg(test)]
mod tests;

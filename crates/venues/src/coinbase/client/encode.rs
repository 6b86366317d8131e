//! Requests as REST calls.

use std::fmt::Write as _;

use model::venue::{AccountRequest, MarketRequest, OrderKey, Request, TradesFrom};
use model::{InstrumentId, NewOrder, OrderKind, OrderQty, Side, TimeInForce, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::coinbase::sign::{Nonce, SigningKey, Target};
use crate::coinbase::wire::{CancelOrders, Configuration, CreateOrder, OrderConfiguration, Time};
use crate::coinbase::{
    ACCOUNTS_PAGE_MAX, CANDLES_MAX, FILLS_PAGE_MAX, ORDERS_PAGE_MAX, PREFIX, REST_HOST, Symbols,
    vocabulary,
};

/// What a URL may carry as it is; everything else is percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One nanosecond: bounds that the venue takes as "after" and "before" are widened by it, because
/// ours are inclusive.
const TICK: std::time::Duration = std::time::Duration::from_nanos(1);

/// Who asks.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Name of the key: stands in every token.
    pub name: String,
    /// Never leaves.
    pub key: SigningKey,
}

/// A token is good from this long before now: what the venue's clock is to ours is known to a part of
/// the time that a question takes, and a token that begins a millisecond too late is refused.
const CLOCK_MARGIN: std::time::Duration = std::time::Duration::from_secs(5);

impl Credentials {
    /// A token for this call, or for a socket; `now` is the venue's time as well as we know it.
    pub(super) fn token(
        &self,
        target: Option<&Target<'_>>,
        now: Timestamp,
        nonce: Nonce,
    ) -> String {
        self.key.token(&self.name, target, now.before(CLOCK_MARGIN), nonce)
    }
}

/// One REST call, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark; not signed.
    pub query: String,
    /// JSON, or empty; not signed. Goes with `content-type: application/json`.
    pub body: String,
    /// For `authorization: Bearer`. `None` for public calls, which go with `cache-control: no-cache`,
    /// or they are answered from a cache of a second, and count against the address's limit.
    pub token: Option<String>,
}

/// Why a request cannot be said to Coinbase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The instrument is not in the table.
    #[error("instrument {0} is not known here")]
    Instrument(InstrumentId),
    /// The venue has no words for it.
    #[error("Coinbase has no {0}")]
    Unsupported(&'static str),
}

/// Turns a request into a call. `now` is the venue's time as well as we know it: the token is good
/// for two minutes, almost, from then on. The nonce must be new for each call.
pub fn encode(
    request: &Request,
    symbols: &Symbols,
    credentials: Option<&Credentials>,
    now: Timestamp,
    nonce: Nonce,
) -> Result<HttpCall, EncodeError> {
    let draft = match request {
        Request::Market(request) => market(request, symbols, now)?,
        Request::Account(request) => account(request, symbols)?,
    };
    let Draft { method, path, query, body, private } = draft;
    let token = if private {
        let key = credentials.ok_or(EncodeError::Unsupported("private call without a key"))?;
        let target = Target { method, host: REST_HOST, path: &path };
        Some(key.token(Some(&target), now, nonce))
    } else {
        None
    };
    Ok(HttpCall { method, path, query: query.text, body, token })
}

/// A call before it is signed.
struct Draft {
    method: &'static str,
    path: String,
    query: Query,
    body: String,
    private: bool,
}

fn get(path: &str, query: Query, private: bool) -> Draft {
    let path = format!("{PREFIX}{path}");
    Draft { method: "GET", path, query, body: String::new(), private }
}

fn post(path: &str, body: &impl serde::Serialize) -> Draft {
    // Texts and numbers always serialize.
    let body = serde_json::to_string(body).unwrap_or_default();
    let path = format!("{PREFIX}{path}");
    Draft { method: "POST", path, query: Query::default(), body, private: true }
}

/// Parameters in their order, percent-encoded. Lists repeat their name.
#[derive(Default)]
struct Query {
    text: String,
}

impl Query {
    fn text(mut self, name: &str, value: &str) -> Query {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{name}={}", utf8_percent_encode(value, UNRESERVED));
        self
    }

    fn number(self, name: &str, value: impl ToString) -> Query {
        self.text(name, &value.to_string())
    }

    fn maybe(self, name: &str, value: Option<impl ToString>) -> Query {
        match value {
            Some(value) => self.text(name, &value.to_string()),
            None => self,
        }
    }
}

fn product(symbols: &Symbols, id: InstrumentId) -> Result<&str, EncodeError> {
    let row = symbols.get(id).ok_or(EncodeError::Instrument(id))?;
    Ok(&row.instrument.symbol)
}

/// A path with a name of theirs in it. Names are letters, digits and dashes; anything else would end
/// up in another place of the URL.
fn path_with(before: &str, name: &str, after: &str) -> String {
    format!("{before}{}{after}", utf8_percent_encode(name, UNRESERVED))
}

const fn seconds(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

fn market(
    request: &MarketRequest,
    symbols: &Symbols,
    now: Timestamp,
) -> Result<Draft, EncodeError> {
    let query = Query::default();
    Ok(match request {
        // There is no ping; the clock is the cheapest question.
        MarketRequest::Ping | MarketRequest::Time => get("/time", query, false),
        // The table is made from this answer, so it may not be asked for one of its rows: for spot our
        // name is Coinbase's.
        MarketRequest::Instruments(wanted) => {
            let query = query.text("product_type", "SPOT");
            let query = wanted.iter().fold(query, |q, id| q.text("product_ids", id.as_str()));
            get("/market/products", query, false)
        }
        MarketRequest::Book { instrument, depth } => {
            let query = query.text("product_id", product(symbols, *instrument)?);
            get("/market/product_book", query.number("limit", depth), false)
        }
        MarketRequest::Trades { instrument, from, limit } => {
            let path = path_with("/market/products/", product(symbols, *instrument)?, "/ticker");
            let query = query.number("limit", limit);
            let query = match from {
                TradesFrom::Newest => query,
                TradesFrom::Time { start, end } => query
                    .maybe("start", start.map(seconds))
                    // Whole seconds: the next one, so that nothing is left out.
                    .maybe("end", end.map(|end| seconds(end) + 1)),
                TradesFrom::Id(_) => {
                    return Err(EncodeError::Unsupported("list of trades from a number on"));
                }
            };
            get(&path, query, false)
        }
        MarketRequest::Candles { instrument, interval, start, end, limit } => {
            let name = vocabulary::granularity(*interval)
                .ok_or(EncodeError::Unsupported("candles of this length"))?;
            let path = path_with("/market/products/", product(symbols, *instrument)?, "/candles");
            let limit = (*limit).min(CANDLES_MAX);
            // Both ends are required there.
            let (start, end) = match (*start, *end) {
                (Some(start), None) => {
                    let ends = (0..limit).fold(start, |at, _| interval.end(at));
                    (start, ends.min(now.max(start)))
                }
                (start, end) => {
                    let end = end.unwrap_or(now);
                    let first = || {
                        (1..limit)
                            .fold(interval.start(end), |at, _| interval.start(at.before(TICK)))
                    };
                    (start.unwrap_or_else(first), end)
                }
            };
            let query = query
                .number("start", seconds(start))
                .number("end", seconds(end))
                .text("granularity", name)
                .number("limit", limit);
            get(&path, query, false)
        }
        MarketRequest::AggregateTrades { .. } => {
            return Err(EncodeError::Unsupported("trades added up"));
        }
        MarketRequest::Tickers { .. } => {
            return Err(EncodeError::Unsupported("rolling windows over REST"));
        }
        MarketRequest::AveragePrice(_) => return Err(EncodeError::Unsupported("average price")),
    })
}

fn account(request: &AccountRequest, symbols: &Symbols) -> Result<Draft, EncodeError> {
    let query = Query::default();
    Ok(match request {
        AccountRequest::Place(order) => {
            let client_order_id = order.client_order_id.to_string();
            post("/orders", &CreateOrder { client_order_id, ..new_order(order, symbols)? })
        }
        AccountRequest::Test(order) => post("/orders/preview", &new_order(order, symbols)?),
        AccountRequest::Cancel { only: Some(_), .. } => {
            return Err(EncodeError::Unsupported("cancel of orders in one state only"));
        }
        // A cancel has no name of its own there.
        AccountRequest::Cancel { order, only: None, .. } => match order {
            OrderKey::Venue(id) | OrderKey::Both(id, _) => {
                post("/orders/batch_cancel", &CancelOrders { order_ids: vec![id.to_string()] })
            }
            OrderKey::Client(_) => {
                return Err(EncodeError::Unsupported("cancel by client order id"));
            }
        },
        AccountRequest::CancelAll(_) => {
            return Err(EncodeError::Unsupported("cancel of all orders"));
        }
        AccountRequest::CancelReplace(_) => {
            return Err(EncodeError::Unsupported("cancel and replace in one"));
        }
        AccountRequest::Order { instrument, order, since } => match order {
            OrderKey::Venue(id) | OrderKey::Both(id, _) => {
                get(&path_with("/orders/historical/", id.as_str(), ""), query, true)
            }
            // No look-up by our name: the newest orders are read, and searched in the answer.
            OrderKey::Client(_) => {
                let query = query.text("product_ids", product(symbols, *instrument)?);
                let query = query.maybe("start_date", *since).number("limit", ORDERS_PAGE_MAX);
                get("/orders/historical/batch", query, true)
            }
        },
        AccountRequest::OpenOrders(instrument) => {
            // Open ones may not be asked for together with other states, so orders that are still on
            // their way to the book are missing; see `quirks.md`.
            let query = query.text("order_status", "OPEN");
            let product = instrument.map(|id| product(symbols, id)).transpose()?;
            let query = query.maybe("product_ids", product).number("limit", ORDERS_PAGE_MAX);
            get("/orders/historical/batch", query, true)
        }
        AccountRequest::Orders { from: Some(_), .. } => {
            return Err(EncodeError::Unsupported("list of orders from one on"));
        }
        AccountRequest::Orders { instrument, from: None, start, end, limit } => {
            let query = query
                .text("product_ids", product(symbols, *instrument)?)
                .maybe("start_date", *start)
                .maybe("end_date", end.map(|end| end.after(TICK)))
                .number("limit", limit.min(&ORDERS_PAGE_MAX));
            get("/orders/historical/batch", query, true)
        }
        AccountRequest::Fills { instrument, order, from, limit, page } => {
            let query = query.text("product_ids", product(symbols, *instrument)?);
            let query = query.maybe("order_ids", *order);
            let query = match from {
                TradesFrom::Newest => query,
                TradesFrom::Time { start, end } => query
                    .maybe("start_sequence_timestamp", start.map(|start| start.before(TICK)))
                    .maybe("end_sequence_timestamp", end.map(|end| end.after(TICK))),
                TradesFrom::Id(_) => {
                    return Err(EncodeError::Unsupported("list of executions from a number on"));
                }
            };
            let query = query.number("limit", limit.min(&FILLS_PAGE_MAX));
            let query = query.maybe("cursor", page.as_ref().map(|page| &page.0));
            get("/orders/historical/fills", query, true)
        }
        AccountRequest::Account => get("/accounts", query.number("limit", ACCOUNTS_PAGE_MAX), true),
        AccountRequest::AccountAfter(page) => {
            let query = query.number("limit", ACCOUNTS_PAGE_MAX).text("cursor", &page.0);
            get("/accounts", query, true)
        }
        AccountRequest::Rights | AccountRequest::Scopes => get("/key_permissions", query, true),
        // What is said on the connection is signed.
        AccountRequest::Ticket => return Err(EncodeError::Unsupported("ticket for a connection")),
        AccountRequest::Fees(_) => {
            get("/transaction_summary", query.text("product_type", "SPOT"), true)
        }
    })
}

/// An order without its name.
fn new_order(order: &NewOrder, symbols: &Symbols) -> Result<CreateOrder, EncodeError> {
    let NewOrder { instrument, side, kind, qty, time_in_force, post_only, .. } = *order;
    let key = vocabulary::configuration_key(kind, time_in_force)
        .ok_or(EncodeError::Unsupported("order of this kind and time in force"))?;
    if order.self_trade_prevention.is_some() {
        return Err(EncodeError::Unsupported("choice of self-trade prevention"));
    }
    if order.reduce_only {
        // Spot has no such flag, and a spot sell cannot exceed what is held. The gateway has checked
        // that the order reduces.
    }
    let mut numbers = Configuration::default();
    match (qty, kind, side) {
        (OrderQty::Base(qty), _, _) => numbers.base_size = qty.into(),
        (OrderQty::Quote(notional), OrderKind::Market, Side::Buy) => {
            numbers.quote_size = notional.into();
        }
        (OrderQty::Quote(_), _, _) => {
            return Err(EncodeError::Unsupported("quote quantity but for market buys"));
        }
    }
    if let Some(price) = kind.price() {
        numbers.limit_price = price.into();
    }
    if let (Some(trigger), Some(upward)) = (kind.trigger(), kind.triggers_upward(side)) {
        numbers.stop_price = trigger.into();
        numbers.stop_direction = Some(vocabulary::stop_direction(upward).to_owned());
    }
    if let TimeInForce::Gtd(end) = time_in_force {
        numbers.end_time = Some(Time::from(end));
    }
    match (kind, time_in_force) {
        (OrderKind::Limit { .. }, TimeInForce::Gtc | TimeInForce::Gtd(_)) => {
            numbers.post_only = Some(post_only);
        }
        _ if post_only => return Err(EncodeError::Unsupported("post-only order of this kind")),
        _ => {}
    }
    Ok(CreateOrder {
        product_id: product(symbols, instrument)?.to_owned(),
        side: vocabulary::side(side).to_owned(),
        order_configuration: OrderConfiguration::of(key, numbers),
        ..CreateOrder::default()
    })
}

#[cfg(test)]
mod tests;

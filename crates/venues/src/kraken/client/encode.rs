//! Requests as REST calls.

use model::venue::{AccountRequest, MarketRequest, OrderKey, Request, TradesFrom};
use model::{Instrument, InstrumentId, NewOrder, OrderQty, Side, TimeInForce, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::kraken::sign::SigningKey;
use crate::kraken::symbols::{Symbols, pair_name};
use crate::kraken::{ORDER_VALIDITY, vocabulary};

/// What a form may carry as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Trades in one answer.
const TRADES_MAX: u32 = 1_000;
/// Levels a side in one answer.
const LEVELS_MAX: u32 = 500;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The public half: `API-Key`.
    pub api_key: String,
    /// Never leaves.
    pub key: SigningKey,
}

/// One REST call, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// `GET` for what is public, `POST` for an account.
    pub method: &'static str,
    /// With the query, where there is one.
    pub path: String,
    /// A form, or empty.
    pub body: String,
    /// For `API-Sign`; `None` for what is public.
    pub signature: Option<String>,
}

/// Why a request cannot be said to Kraken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The instrument is not in the table.
    #[error("instrument {0} is not known here")]
    Instrument(InstrumentId),
    /// The venue has no words for it.
    #[error("Kraken has no {0}")]
    Unsupported(&'static str),
}

/// Turns a request into a call. `now` is the venue's time as well as we know it: an order is good for two
/// seconds from then on. The nonce must be larger than that of any call before.
pub fn encode(
    request: &Request,
    symbols: &Symbols,
    credentials: Option<&Credentials>,
    now: Timestamp,
    nonce: u64,
) -> Result<HttpCall, EncodeError> {
    match request {
        Request::Market(request) => {
            let (name, form) = market(request, symbols)?;
            let query =
                if form.text.is_empty() { String::new() } else { format!("?{}", form.text) };
            let path = format!("/0/public/{name}{query}");
            Ok(HttpCall { method: "GET", path, body: String::new(), signature: None })
        }
        Request::Account(request) => {
            let nonce = nonce.to_string();
            let (name, form) = account(request, symbols, now)?;
            let by = credentials.ok_or(EncodeError::Unsupported("private call without a key"))?;
            let path = format!("/0/private/{name}");
            let rest = if form.text.is_empty() { String::new() } else { format!("&{}", form.text) };
            let body = format!("nonce={nonce}{rest}");
            let signature = Some(by.key.sign(&path, &nonce, body.as_bytes()));
            Ok(HttpCall { method: "POST", path, body, signature })
        }
    }
}

/// Parameters in their order, percent-encoded.
#[derive(Default)]
struct Form {
    text: String,
}

impl Form {
    fn with(mut self, name: &str, value: impl ToString) -> Form {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(name);
        self.text.push('=');
        self.text.extend(utf8_percent_encode(&value.to_string(), UNRESERVED));
        self
    }

    fn maybe(self, name: &str, value: Option<impl ToString>) -> Form {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

fn instrument(symbols: &Symbols, id: InstrumentId) -> Result<&Instrument, EncodeError> {
    let row = symbols.get(id).ok_or(EncodeError::Instrument(id))?;
    Ok(&row.instrument)
}

fn pair(symbols: &Symbols, id: InstrumentId) -> Result<&str, EncodeError> {
    instrument(symbols, id).map(|instrument| instrument.symbol.as_str())
}

const fn seconds(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

type Named = (&'static str, Form);

fn market(request: &MarketRequest, symbols: &Symbols) -> Result<Named, EncodeError> {
    let form = Form::default();
    Ok(match request {
        MarketRequest::Ping | MarketRequest::Time => ("Time", form),
        // The table is made from this answer, so it may not be asked for one of its rows.
        MarketRequest::Instruments(wanted) => {
            let names: Vec<String> = wanted
                .iter()
                .filter_map(InstrumentId::assets)
                .map(|(base, quote)| pair_name(base.as_str(), quote.as_str()))
                .collect();
            ("AssetPairs", form.maybe("pair", (!names.is_empty()).then(|| names.join(","))))
        }
        MarketRequest::Book { instrument, depth } => {
            let form = form.with("pair", pair(symbols, *instrument)?);
            ("Depth", form.with("count", depth.min(&LEVELS_MAX)))
        }
        MarketRequest::Trades { instrument, from, limit } => {
            let form = form.with("pair", pair(symbols, *instrument)?);
            let form = match from {
                TradesFrom::Newest => form,
                // In nanoseconds, and exclusive.
                TradesFrom::Time { start: Some(start), .. } => {
                    form.with("since", start.nanos() - 1)
                }
                TradesFrom::Time { start: None, .. } | TradesFrom::Id(_) => {
                    return Err(EncodeError::Unsupported("list of trades but from a time on"));
                }
            };
            ("Trades", form.with("count", limit.min(&TRADES_MAX)))
        }
        MarketRequest::Candles { instrument, interval, start, .. } => {
            let model::market::Interval::Seconds(length) = interval else {
                return Err(EncodeError::Unsupported("candles of this length"));
            };
            let minutes = length / 60;
            if !length.is_multiple_of(60) || !vocabulary::CANDLE_MINUTES.contains(&minutes) {
                return Err(EncodeError::Unsupported("candles of this length"));
            }
            let form = form.with("pair", pair(symbols, *instrument)?).with("interval", minutes);
            ("OHLC", form.maybe("since", start.map(|start| seconds(start) - 1)))
        }
        MarketRequest::AggregateTrades { .. } => {
            return Err(EncodeError::Unsupported("trades added up"));
        }
        MarketRequest::Tickers { .. } => {
            return Err(EncodeError::Unsupported("rolling windows of a chosen length"));
        }
        MarketRequest::AveragePrice(_) => return Err(EncodeError::Unsupported("average price")),
    })
}

fn account(
    request: &AccountRequest,
    symbols: &Symbols,
    now: Timestamp,
) -> Result<Named, EncodeError> {
    let form = Form::default();
    Ok(match request {
        AccountRequest::Place(order) => ("AddOrder", new_order(order, symbols, now)?),
        AccountRequest::Test(order) => {
            ("AddOrder", new_order(order, symbols, now)?.with("validate", "true"))
        }
        AccountRequest::Cancel { only: Some(_), .. } => {
            return Err(EncodeError::Unsupported("cancel of orders in one state only"));
        }
        // A cancel has no name of its own there.
        AccountRequest::Cancel { order, only: None, .. } => {
            let form = match order {
                OrderKey::Venue(id) | OrderKey::Both(id, _) => form.with("txid", id),
                OrderKey::Client(id) => form.with("cl_ord_id", id),
            };
            ("CancelOrder", form)
        }
        // It takes back more than one instrument's.
        AccountRequest::CancelAll(_) => {
            return Err(EncodeError::Unsupported("cancel of all orders of one instrument"));
        }
        AccountRequest::CancelReplace(_) => {
            return Err(EncodeError::Unsupported("cancel and replace in one"));
        }
        AccountRequest::Order { order, .. } => {
            let form = match order {
                OrderKey::Venue(id) | OrderKey::Both(id, _) => form.with("txid", id),
                OrderKey::Client(id) => form.with("cl_ord_id", id),
            };
            ("QueryOrders", form)
        }
        AccountRequest::OpenOrders(_) => ("OpenOrders", form),
        AccountRequest::Orders { from: Some(_), .. } => {
            return Err(EncodeError::Unsupported("list of orders from one on"));
        }
        AccountRequest::Orders { from: None, start, end, .. } => {
            let form = form.maybe("start", start.map(|start| seconds(start) - 1));
            let form = form.maybe("end", end.map(|end| seconds(end) + 1));
            // By when they were made, as it was asked.
            ("ClosedOrders", form.with("closetime", "open"))
        }
        AccountRequest::Fills { from, page, .. } => {
            let form = match from {
                TradesFrom::Newest => form,
                // Whole seconds, and the start is exclusive: what is too much is left out when it is read.
                TradesFrom::Time { start, end } => form
                    .maybe("start", start.map(|start| seconds(start) - 1))
                    .maybe("end", end.map(|end| seconds(end) + 1)),
                TradesFrom::Id(_) => {
                    return Err(EncodeError::Unsupported("list of executions from a number on"));
                }
            };
            ("TradesHistory", form.maybe("ofs", page.as_ref().map(|page| &page.0)))
        }
        AccountRequest::Account => ("BalanceEx", form),
        AccountRequest::AccountAfter(_) => {
            return Err(EncodeError::Unsupported("cursor in lists of balances"));
        }
        AccountRequest::Rights | AccountRequest::Scopes => ("GetApiKeyInfo", form),
        AccountRequest::Fees(id) => ("TradeVolume", form.with("pair", pair(symbols, *id)?)),
        AccountRequest::Ticket => ("GetWebSocketsToken", form),
    })
}

fn new_order(order: &NewOrder, symbols: &Symbols, now: Timestamp) -> Result<Form, EncodeError> {
    let NewOrder { instrument: id, side, kind, qty, time_in_force, post_only, .. } = *order;
    let mut flags = vec!["fciq"];
    let volume = match (qty, kind, side) {
        (OrderQty::Base(qty), _, _) => qty.to_string(),
        (OrderQty::Quote(notional), model::OrderKind::Market, Side::Buy) => {
            flags.push("viqc");
            notional.to_string()
        }
        (OrderQty::Quote(_), _, _) => {
            return Err(EncodeError::Unsupported("quote quantity but for market buys"));
        }
    };
    if post_only {
        if !matches!(kind, model::OrderKind::Limit { .. }) {
            return Err(EncodeError::Unsupported("post-only order of this kind"));
        }
        flags.push("post");
    }
    if kind.trigger().is_some() && !matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd(_))
    {
        return Err(EncodeError::Unsupported("stop order with this time in force"));
    }
    // Spot has no reduce-only without margin, and a spot sell cannot exceed what is held. The gateway has
    // checked that the order reduces.
    let form = Form::default()
        .with("ordertype", vocabulary::kind(kind))
        .with("type", vocabulary::side(side))
        .with("volume", volume)
        .with("pair", pair(symbols, id)?)
        .maybe("price", kind.trigger().or(kind.price()))
        .maybe("price2", kind.trigger().and(kind.price()))
        .with("oflags", flags.join(","))
        .with("cl_ord_id", order.client_order_id);
    let form = match (kind, time_in_force) {
        (model::OrderKind::Market, _) => form,
        (_, TimeInForce::Gtd(end)) => {
            form.with("timeinforce", "GTD").with("expiretm", seconds(end))
        }
        (_, other) => form.with("timeinforce", vocabulary::time_in_force(other)),
    };
    let prevention = order.self_trade_prevention.map(|how| {
        vocabulary::self_trades(how).ok_or(EncodeError::Unsupported("such self-trade prevention"))
    });
    let form = form.maybe("stptype", prevention.transpose()?);
    Ok(form.with("deadline", now.after(ORDER_VALIDITY)))
}

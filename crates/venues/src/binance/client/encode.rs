//! Requests as REST calls.

use std::fmt::Write as _;

use model::venue::{
    AccountRequest, CancelReplace, CancelRestriction, MarketRequest, OrderKey, Request, TradesFrom,
};
use model::{InstrumentId, NewOrder, OrderQty, Timestamp};

use crate::binance::sign::{SigningKey, percent_encode};
use crate::binance::{ORDER_WINDOW_MS, QUERY_WINDOW_MS, Symbols, vocabulary, weights};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Goes in a header.
    pub api_key: String,
    /// Never leaves.
    pub key: SigningKey,
}

/// One REST call, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// Path without the query.
    pub path: &'static str,
    /// Query with its signature; parameters go there for every method.
    pub query: String,
    /// Carries the API key header?
    pub signed: bool,
    /// What it costs of the address's weight.
    pub weight: u32,
    /// Costs no weight when it works: orders and cancels, since 2026-04-02 (CHANGELOG.md).
    pub free_when_it_works: bool,
    /// Counts as a new order of the account.
    pub places: bool,
}

/// Why a request cannot be said to Binance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The instrument is not in the table.
    #[error("instrument {0} is not known here")]
    Instrument(InstrumentId),
    /// The venue has no words for it.
    #[error("Binance spot has no {0}")]
    Unsupported(&'static str),
}

/// Turns a request into a call. `now` is the venue's time as well as we know it; a signed call is
/// valid for a short while from then on.
pub fn encode(
    request: &Request,
    symbols: &Symbols,
    credentials: Option<&Credentials>,
    now: Timestamp,
) -> Result<HttpCall, EncodeError> {
    let (draft, mut query) = draft(request, symbols)?;
    if draft.signed {
        let credentials =
            credentials.ok_or(EncodeError::Unsupported("signed call without a key"))?;
        query.number("recvWindow", u64::from(draft.window_ms));
        query.number("timestamp", u64::try_from(now.millis()).unwrap_or(0));
        let signed = query.text.len();
        query.key("signature");
        // The payload is everything before the signature.
        let mut signature = String::with_capacity(128);
        credentials.key.sign_into(&query.text.as_bytes()[..signed], &mut signature);
        query.text.push_str(&signature);
    }
    let CallCost { weight, free_when_it_works, places } = costs(request, &draft);
    let Draft { method, path, signed, .. } = draft;
    Ok(HttpCall { method, path, query: query.text, signed, weight, free_when_it_works, places })
}

/// What a call costs, whoever makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCost {
    /// Of the address's weight.
    pub weight: u32,
    /// Nothing of that when it works.
    pub free_when_it_works: bool,
    /// One more order of the account.
    pub places: bool,
}

/// What a request costs. Nothing is signed for it, and no key is needed.
pub fn cost(request: &Request, symbols: &Symbols) -> Result<CallCost, EncodeError> {
    let (draft, _) = draft(request, symbols)?;
    Ok(costs(request, &draft))
}

fn costs(request: &Request, draft: &Draft) -> CallCost {
    let free_when_it_works = matches!(
        request,
        Request::Account(
            AccountRequest::Place(_)
                | AccountRequest::Cancel { .. }
                | AccountRequest::CancelAll(_)
                | AccountRequest::CancelReplace(_)
        )
    );
    let places = matches!(
        request,
        Request::Account(AccountRequest::Place(_) | AccountRequest::CancelReplace(_))
    );
    CallCost { weight: draft.weight, free_when_it_works, places }
}

/// The call and its parameters, before it is signed.
pub(super) fn draft(request: &Request, symbols: &Symbols) -> Result<(Draft, Query), EncodeError> {
    let mut query = Query { text: String::with_capacity(320) };
    let draft = match request {
        Request::Market(request) => market(request, symbols, &mut query)?,
        Request::Account(request) => account(request, symbols, &mut query)?,
    };
    Ok((draft, query))
}

pub(super) struct Draft {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    weight: u32,
    pub(super) signed: bool,
    pub(super) window_ms: u32,
}

const fn public(path: &'static str, weight: u32) -> Draft {
    Draft { method: "GET", path, weight, signed: false, window_ms: 0 }
}

const fn signed(method: &'static str, path: &'static str, weight: u32) -> Draft {
    Draft { method, path, weight, signed: true, window_ms: QUERY_WINDOW_MS }
}

/// Orders are valid for a shorter time than questions: a late order is worse than none.
const fn order(path: &'static str) -> Draft {
    Draft { method: "POST", path, weight: weights::PLAIN, signed: true, window_ms: ORDER_WINDOW_MS }
}

/// Parameters in their order, percent-encoded.
pub(super) struct Query {
    pub(super) text: String,
}

impl Query {
    fn key(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(name);
        self.text.push('=');
    }

    /// A value of letters, digits and points, which needs no encoding.
    fn plain(&mut self, name: &str, value: &str) {
        self.key(name);
        self.text.push_str(value);
    }

    fn encoded(&mut self, name: &str, value: &str) {
        self.key(name);
        percent_encode(value, &mut self.text);
    }

    fn number(&mut self, name: &str, value: u64) {
        self.key(name);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    fn decimal(&mut self, name: &str, value: impl std::fmt::Display) {
        self.key(name);
        let _ = write!(self.text, "{value}");
    }

    fn time(&mut self, name: &str, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.number(name, u64::try_from(at.millis()).unwrap_or(0));
        }
    }

    fn symbol(&mut self, symbols: &Symbols, id: InstrumentId) -> Result<(), EncodeError> {
        let row = symbols.get(id).ok_or(EncodeError::Instrument(id))?;
        self.encoded("symbol", &row.instrument.symbol);
        Ok(())
    }

    fn trades_from(&mut self, from: TradesFrom) {
        match from {
            TradesFrom::Newest => {}
            TradesFrom::Id(id) => self.number("fromId", id),
            TradesFrom::Time { start, end } => {
                self.time("startTime", start);
                self.time("endTime", end);
            }
        }
    }

    fn order_key(&mut self, key: &OrderKey, venue: &'static str, client: &'static str) {
        match key {
            OrderKey::Venue(id) => self.encoded(venue, id.as_str()),
            OrderKey::Client(id) => self.encoded(client, id.as_str()),
            OrderKey::Both(id, own) => {
                self.encoded(venue, id.as_str());
                self.encoded(client, own.as_str());
            }
        }
    }
}

fn market(
    request: &MarketRequest,
    symbols: &Symbols,
    query: &mut Query,
) -> Result<Draft, EncodeError> {
    Ok(match request {
        MarketRequest::Ping => public("/api/v3/ping", weights::PLAIN),
        MarketRequest::Time => public("/api/v3/time", weights::PLAIN),
        // The table is made from this answer, so it may not be asked for one of its rows: names
        // are turned into symbols by leaving the dash out, which is Binance's rule.
        MarketRequest::Instruments(wanted) => {
            if !wanted.is_empty() {
                let names: Vec<String> = wanted
                    .iter()
                    .map(|id| format!("\"{}\"", id.as_str().replace('-', "")))
                    .collect();
                query.encoded("symbols", &format!("[{}]", names.join(",")));
            }
            public("/api/v3/exchangeInfo", weights::EXCHANGE_INFO)
        }
        MarketRequest::Book { instrument, depth } => {
            query.symbol(symbols, *instrument)?;
            query.number("limit", u64::from(*depth));
            public("/api/v3/depth", weights::depth(*depth))
        }
        MarketRequest::Trades { instrument, from, limit } => {
            query.symbol(symbols, *instrument)?;
            query.trades_from(*from);
            query.number("limit", u64::from(*limit));
            match from {
                TradesFrom::Newest => public("/api/v3/trades", weights::TRADES),
                _ => public("/api/v3/historicalTrades", weights::TRADES),
            }
        }
        MarketRequest::AggregateTrades { instrument, from, limit } => {
            query.symbol(symbols, *instrument)?;
            query.trades_from(*from);
            query.number("limit", u64::from(*limit));
            public("/api/v3/aggTrades", weights::AGGREGATE_TRADES)
        }
        MarketRequest::Candles { instrument, interval, start, end, limit } => {
            query.symbol(symbols, *instrument)?;
            let name = vocabulary::interval(*interval);
            query
                .plain("interval", name.ok_or(EncodeError::Unsupported("candles of this length"))?);
            query.time("startTime", *start);
            query.time("endTime", *end);
            query.number("limit", u64::from(*limit));
            public("/api/v3/klines", weights::CANDLES)
        }
        MarketRequest::Tickers { instruments, window_s: _ } => match instruments.as_slice() {
            [one] => {
                query.symbol(symbols, *one)?;
                public("/api/v3/ticker/24hr", weights::ticker_24h(Some(1)))
            }
            _ => public("/api/v3/ticker/24hr", weights::ticker_24h(None)),
        },
        MarketRequest::AveragePrice(instrument) => {
            query.symbol(symbols, *instrument)?;
            public("/api/v3/avgPrice", weights::AVERAGE_PRICE)
        }
    })
}

fn account(
    request: &AccountRequest,
    symbols: &Symbols,
    query: &mut Query,
) -> Result<Draft, EncodeError> {
    Ok(match request {
        AccountRequest::Place(new) => {
            new_order(new, symbols, query)?;
            order("/api/v3/order")
        }
        AccountRequest::Test(new) => {
            new_order(new, symbols, query)?;
            order("/api/v3/order/test")
        }
        AccountRequest::Cancel { instrument, order, cancel_id, only } => {
            query.symbol(symbols, *instrument)?;
            query.order_key(order, "orderId", "origClientOrderId");
            if let Some(id) = cancel_id {
                query.encoded("newClientOrderId", id.as_str());
            }
            restriction(*only, query);
            signed("DELETE", "/api/v3/order", weights::PLAIN)
        }
        AccountRequest::CancelAll(instrument) => {
            query.symbol(symbols, *instrument)?;
            signed("DELETE", "/api/v3/openOrders", weights::PLAIN)
        }
        AccountRequest::CancelReplace(replace) => {
            cancel_replace(replace, symbols, query)?;
            order("/api/v3/order/cancelReplace")
        }
        AccountRequest::Order { instrument, order, since: _ } => {
            query.symbol(symbols, *instrument)?;
            query.order_key(order, "orderId", "origClientOrderId");
            signed("GET", "/api/v3/order", weights::ORDER)
        }
        AccountRequest::OpenOrders(instrument) => {
            if let Some(instrument) = instrument {
                query.symbol(symbols, *instrument)?;
            }
            signed("GET", "/api/v3/openOrders", weights::open_orders(instrument.is_some()))
        }
        AccountRequest::Orders { instrument, from, start, end, limit } => {
            query.symbol(symbols, *instrument)?;
            if let Some(id) = from {
                query.encoded("orderId", id.as_str());
            }
            query.time("startTime", *start);
            query.time("endTime", *end);
            query.number("limit", u64::from(*limit));
            signed("GET", "/api/v3/allOrders", weights::ALL_ORDERS)
        }
        AccountRequest::Fills { page: Some(_), .. } => {
            return Err(EncodeError::Unsupported("cursor in lists of executions"));
        }
        AccountRequest::Fills { instrument, order, from, limit, page: None } => {
            query.symbol(symbols, *instrument)?;
            if let Some(id) = order {
                query.encoded("orderId", id.as_str());
            }
            query.trades_from(*from);
            query.number("limit", u64::from(*limit));
            signed("GET", "/api/v3/myTrades", weights::my_trades(order.is_some()))
        }
        AccountRequest::AccountAfter(_) => {
            return Err(EncodeError::Unsupported("cursor in lists of balances"));
        }
        AccountRequest::Scopes => {
            signed("GET", "/sapi/v1/account/apiRestrictions", weights::KEY_RIGHTS)
        }
        // The account says whether it may trade; its key may be allowed less.
        AccountRequest::Account | AccountRequest::Rights => {
            signed("GET", "/api/v3/account", weights::ACCOUNT)
        }
        // What is said on the connection is signed.
        AccountRequest::Ticket => return Err(EncodeError::Unsupported("ticket for a connection")),
        AccountRequest::Fees(instrument) => {
            query.symbol(symbols, *instrument)?;
            signed("GET", "/api/v3/account/commission", weights::COMMISSION)
        }
    })
}

fn restriction(only: Option<CancelRestriction>, query: &mut Query) {
    match only {
        None => {}
        Some(CancelRestriction::OnlyNew) => query.plain("cancelRestrictions", "ONLY_NEW"),
        Some(CancelRestriction::OnlyPartlyFilled) => {
            query.plain("cancelRestrictions", "ONLY_PARTIALLY_FILLED");
        }
    }
}

fn new_order(order: &NewOrder, symbols: &Symbols, query: &mut Query) -> Result<(), EncodeError> {
    query.symbol(symbols, order.instrument)?;
    query.plain("side", vocabulary::side(order.side));
    query.plain("type", vocabulary::kind(order.kind, order.post_only));
    // A type with a price has a time in force, except post-only, which always rests.
    if order.kind.price().is_some() && !order.post_only {
        let tif = vocabulary::time_in_force(order.time_in_force);
        query.plain("timeInForce", tif.ok_or(EncodeError::Unsupported("good till date"))?);
    }
    if order.reduce_only {
        // Binance spot has no such flag, and a spot sell cannot exceed what is held. The gateway
        // has checked that the order reduces; see `quirks.md`.
    }
    match order.qty {
        OrderQty::Base(qty) => query.decimal("quantity", qty),
        OrderQty::Quote(notional) => query.decimal("quoteOrderQty", notional),
    }
    if let Some(price) = order.kind.price() {
        query.decimal("price", price);
    }
    if let Some(trigger) = order.kind.trigger() {
        query.decimal("stopPrice", trigger);
    }
    query.encoded("newClientOrderId", order.client_order_id.as_str());
    query.plain("newOrderRespType", "FULL");
    if let Some(mode) = order.self_trade_prevention {
        query.plain("selfTradePreventionMode", vocabulary::stp(mode));
    }
    Ok(())
}

fn cancel_replace(
    replace: &CancelReplace,
    symbols: &Symbols,
    query: &mut Query,
) -> Result<(), EncodeError> {
    new_order(&replace.order, symbols, query)?;
    let mode = if replace.stop_on_failure { "STOP_ON_FAILURE" } else { "ALLOW_FAILURE" };
    query.plain("cancelReplaceMode", mode);
    query.order_key(&replace.cancel, "cancelOrderId", "cancelOrigClientOrderId");
    if let Some(id) = replace.cancel_id {
        query.encoded("cancelNewClientOrderId", id.as_str());
    }
    restriction(replace.only, query);
    Ok(())
}

/// Subscribes a market connection to the books and trades of every instrument.
pub fn subscribe_market(symbols: &Symbols, id: u64) -> String {
    let streams: Vec<String> = symbols
        .iter()
        .flat_map(|row| {
            [format!("\"{}@depth@100ms\"", row.stream), format!("\"{}@trade\"", row.stream)]
        })
        .collect();
    format!("{{\"method\":\"SUBSCRIBE\",\"params\":[{}],\"id\":{id}}}", streams.join(","))
}

/// Subscribes a connection of the WebSocket API to the account's events. Takes every kind of key.
pub fn subscribe_account(credentials: &Credentials, now: Timestamp, id: u64) -> String {
    let Credentials { api_key, key } = credentials;
    let (window, time) = (QUERY_WINDOW_MS, now.millis());
    // Sorted by name, values as they are.
    let payload = format!("apiKey={api_key}&recvWindow={window}&timestamp={time}");
    let signature = key.sign(payload.as_bytes());
    serde_json::json!({
        "id": id.to_string(),
        "method": "userDataStream.subscribe.signature",
        "params": {
            "apiKey": api_key,
            "recvWindow": window,
            "timestamp": time,
            "signature": signature,
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use model::{ClientOrderId, OrderKind, SelfTradePrevention, Side, TimeInForce};

    use super::*;
    use crate::binance::client::testing::symbols;

    fn limit() -> NewOrder {
        NewOrder {
            client_order_id: ClientOrderId::new("agent-7-000001").unwrap(),
            instrument: InstrumentId::new("BTC-USDT").unwrap(),
            side: Side::Buy,
            kind: OrderKind::Limit { price: "61234.50".parse().unwrap() },
            qty: OrderQty::Base("0.002".parse().unwrap()),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: Some(SelfTradePrevention::ExpireMaker),
        }
    }

    #[test]
    fn an_order_is_one_signed_line() {
        let secret = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
        let credentials =
            Credentials { api_key: "k".into(), key: SigningKey::new(secret).unwrap() };
        let now = Timestamp::from_millis(1_767_225_600_000).unwrap();
        let request = Request::Account(AccountRequest::Place(limit()));
        let call = encode(&request, &symbols(), Some(&credentials), now).unwrap();
        let (payload, signature) = call.query.split_once("&signature=").unwrap();
        assert_eq!(
            payload,
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.002&price=61234.5\
             &newClientOrderId=agent-7-000001&newOrderRespType=FULL\
             &selfTradePreventionMode=EXPIRE_MAKER&recvWindow=2000&timestamp=1767225600000"
        );
        assert_eq!(signature, credentials.key.sign(payload.as_bytes()));
        assert_eq!((call.method, call.path, call.weight), ("POST", "/api/v3/order", 1));
    }

    #[test]
    fn post_only_and_market_orders_have_their_own_parameters() {
        let credentials = Credentials { api_key: "k".into(), key: SigningKey::new("s").unwrap() };
        let query = |order: NewOrder| {
            let request = Request::Account(AccountRequest::Place(order));
            encode(&request, &symbols(), Some(&credentials), Timestamp::EPOCH).map(|c| c.query)
        };
        let maker = query(NewOrder { post_only: true, ..limit() }).unwrap();
        assert!(maker.contains("type=LIMIT_MAKER") && !maker.contains("timeInForce"));
        let market = query(NewOrder { kind: OrderKind::Market, ..limit() }).unwrap();
        assert!(market.contains("type=MARKET&quantity=0.002") && !market.contains("price"));
        let gtd = TimeInForce::Gtd(Timestamp::EPOCH);
        assert!(query(NewOrder { time_in_force: gtd, ..limit() }).is_err());
    }
}

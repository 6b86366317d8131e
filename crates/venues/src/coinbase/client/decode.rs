//! REST answers in our words.
//!
//! The rule for what is not a plain success: a refusal is believed only where `refusals.rs` knows
//! it as proof; everything else leaves the outcome open. An answer of 200 that cannot be read is
//! open, too: the venue did something, and we do not know what. A list that was cut is no answer to a
//! question that only the whole list answers. Of a list that is whole one row may not be understood: the
//! others are read, and that one is passed on as such.

use std::collections::BTreeMap;
use std::time::Duration;

use model::market::{Candle, Interval, Level, PublicTrade};
use model::venue::{
    AccountRequest, AccountSnapshot, BookSnapshot, FeeRates, KeyRights, KeyScopes, MarketRequest,
    OrderKey, PageCursor, Request, Response, Unread, VenueError, VenueOrder, VenueOrderStatus,
};
use model::{
    Balance, ClientOrderId, InstrumentId, NewOrder, Notional, OrderQty, Outcome, Qty,
    SelfTradePrevention, Timestamp, VenueOrderId,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::convert::{self, amount, grid_price, time};
use super::refusals::{self, CancelFailure};
use super::{DecodeError, instruments};
use crate::coinbase::symbols::{Row, Symbols};
use crate::coinbase::{vocabulary, wire};
use crate::rows::{self, Keys};

/// How an order over REST names itself, and how an execution does.
const ORDER: Keys =
    Keys { symbol: "product_id", order: "order_id", client: "client_order_id", trade: &[] };
const FILL: Keys = Keys { trade: &["entry_id", "trade_id"], ..ORDER };

/// An answer as it came, and the times between which the venue made it. Where an answer carries no
/// time of its own, the end that promises less is taken.
#[derive(Clone, Copy, Debug)]
pub struct HttpAnswer<'a> {
    /// HTTP's.
    pub status: u16,
    /// At most what the caller read.
    pub body: &'a [u8],
    /// When the request was sent, by the venue's clock as well as we know it.
    pub asked: Timestamp,
    /// When the answer came, by the same clock.
    pub answered: Timestamp,
}

/// What the answer to `request` means.
pub fn decode_reply(request: &Request, answer: &HttpAnswer<'_>, symbols: &Symbols) -> Outcome {
    let HttpAnswer { status, body, .. } = *answer;
    if status == 200 {
        let read = match request {
            Request::Market(request) => market(request, body, symbols).map(Outcome::Done),
            Request::Account(request) => account(request, answer, symbols),
        };
        return read.unwrap_or_else(|error| Outcome::InDoubt(format!("status 200, but {error}")));
    }
    if let (404, Request::Account(AccountRequest::Scopes)) = (status, request) {
        return Outcome::Done(Response::Scopes(None));
    }
    let of_order = matches!(request, Request::Account(AccountRequest::Order { .. }));
    let Ok(error) = serde_json::from_slice::<wire::ErrorBody>(body) else {
        return match refusals::proven_text(status, body) {
            Some(refusal) => Outcome::Refused(refusal),
            None => Outcome::InDoubt(format!("status {status} without a readable reason")),
        };
    };
    match refusals::proven(status, &error, of_order) {
        Some(refusal) => Outcome::Refused(refusal),
        None => Outcome::InDoubt(format!("status {status}: {}", refusals::words(&error))),
    }
}

/// What the headers say about our use of the venue's limits. The units of `reset` are unverified, so
/// it is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateNotice {
    /// Requests allowed in the window.
    pub limit: Option<u32>,
    /// Requests left in it.
    pub remaining: Option<u32>,
    /// Hold still for this long.
    pub retry_after: Option<Duration>,
}

/// Reads the headers of an answer; names in lower case.
pub fn rate_notice<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> RateNotice {
    let mut notice = RateNotice::default();
    for (name, value) in headers {
        match name {
            "x-ratelimit-limit" => notice.limit = value.parse().ok(),
            "x-ratelimit-remaining" => notice.remaining = value.parse().ok(),
            "retry-after" => notice.retry_after = value.parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    notice
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| DecodeError::Shape(error.to_string()))
}

fn known(symbols: &Symbols, id: InstrumentId) -> Result<&Row, DecodeError> {
    symbols.get(id).ok_or_else(|| DecodeError::Product(id.to_string()))
}

/// What a key may do (get-api-key-permissions.md, read 2026-08-08). One right covers sending funds away
/// and moving them between portfolios; that a key is bound to addresses is shown in the portal alone, and
/// receiving takes nothing away.
const fn scopes(key: &wire::KeyPermissions) -> KeyScopes {
    KeyScopes {
        trade: Some(key.can_trade),
        withdraw: None,
        transfer: Some(key.can_transfer),
        leverage: None,
        ip_bound: None,
        expires: None,
    }
}

fn never_asked(what: &str) -> DecodeError {
    DecodeError::Shape(format!("nobody here asks for {what}"))
}

fn market(
    request: &MarketRequest,
    body: &[u8],
    symbols: &Symbols,
) -> Result<Response, DecodeError> {
    Ok(match request {
        MarketRequest::Ping | MarketRequest::Time => {
            let answer: wire::ServerTime = parse(body)?;
            let millis = answer.epoch_millis.parse().ok().and_then(Timestamp::from_millis);
            let at = millis.ok_or(DecodeError::Number(answer.epoch_millis))?;
            match request {
                MarketRequest::Ping => Response::Pong,
                _ => Response::Time(at),
            }
        }
        MarketRequest::Instruments(_) => Response::Instruments(instruments::read(&parse(body)?)?),
        MarketRequest::Book { instrument, .. } => {
            Response::Book(book(known(symbols, *instrument)?, &parse(body)?)?)
        }
        MarketRequest::Trades { instrument, .. } => {
            let row = known(symbols, *instrument)?;
            let answer: wire::MarketTrades = parse(body)?;
            let mut trades = each(&answer.trades, |trade| public_trade(row, trade))?;
            // Newest first there.
            trades.sort_by_key(|trade| trade.id);
            Response::Trades(trades)
        }
        MarketRequest::Candles { instrument, interval, .. } => {
            let row = known(symbols, *instrument)?;
            let answer: wire::Candles = parse(body)?;
            let mut candles = each(&answer.candles, |candle| rest_candle(row, *interval, candle))?;
            candles.sort_by_key(|candle| candle.start);
            Response::Candles(candles)
        }
        MarketRequest::AggregateTrades { .. } => return Err(never_asked("trades added up")),
        MarketRequest::Tickers { .. } => return Err(never_asked("rolling windows")),
        MarketRequest::AveragePrice(_) => return Err(never_asked("an average price")),
    })
}

fn account(
    request: &AccountRequest,
    answer: &HttpAnswer<'_>,
    symbols: &Symbols,
) -> Result<Outcome, DecodeError> {
    let body = answer.body;
    let response = match request {
        AccountRequest::Place(order) => return placed(order, answer),
        AccountRequest::Test(_) => return tested(&parse(body)?),
        AccountRequest::Cancel { order, .. } => return canceled(order, &parse(body)?),
        AccountRequest::CancelAll(_) => return Err(never_asked("all cancels at once")),
        AccountRequest::CancelReplace(_) => return Err(never_asked("a cancel and replace")),
        AccountRequest::Order { order: OrderKey::Client(id), .. } => {
            return found(*id, &parse(body)?, symbols);
        }
        AccountRequest::Order { order, .. } => {
            let answer: wire::OneOrder<Box<RawValue>> = parse(body)?;
            let read = match one_order(answer.order, symbols) {
                Response::Order(read) => read,
                answer => return Ok(Outcome::Done(answer)),
            };
            match order {
                OrderKey::Both(_, own) if read.client_order_id != *own => {
                    return Ok(Outcome::Refused(VenueError::OrderNamesDiffer));
                }
                OrderKey::Venue(id) | OrderKey::Both(id, _) if read.id != *id => {
                    return Err(DecodeError::Shape("another order than asked for".to_owned()));
                }
                _ => Response::Order(read),
            }
        }
        AccountRequest::OpenOrders(_) | AccountRequest::Orders { .. } => {
            let list: wire::Orders<Box<RawValue>> = parse(body)?;
            if list.has_next {
                return Err(DecodeError::Cut(list.orders.len()));
            }
            let (mut orders, strange) = orders(&list.orders, symbols);
            orders.sort_by_key(|order| order.created);
            Response::Orders(orders).and_unread(strange)
        }
        AccountRequest::Fills { .. } => {
            let list: wire::Fills<Box<RawValue>> = parse(body)?;
            let (mut fills, strange) = rows::each(
                &list.fills,
                |fill: &wire::Fill| convert::fill(fill, symbols),
                |row, error| unread(row, error, &FILL, symbols),
            );
            fills.sort_by_key(|fill| fill.venue_time);
            // An empty page is the last one, whatever cursor it carries.
            let page = if list.cursor.is_empty() || list.fills.is_empty() {
                Response::Fills(fills)
            } else {
                Response::FillsPage { fills, next: PageCursor(list.cursor) }
            };
            page.and_unread(strange)
        }
        AccountRequest::Account | AccountRequest::AccountAfter(_) => {
            balances(&parse(body)?, answer.asked)?
        }
        AccountRequest::Rights => {
            let key: wire::KeyPermissions = parse(body)?;
            Response::Rights(KeyRights { can_trade: key.can_trade, can_withdraw: key.can_transfer })
        }
        AccountRequest::Scopes => Response::Scopes(Some(scopes(&parse(body)?))),
        AccountRequest::Ticket => return Err(never_asked("a ticket")),
        AccountRequest::Fees(_) => {
            let summary: wire::TransactionSummary = parse(body)?;
            let rate = |rate: wire::Num| {
                rate.0.ok_or_else(|| DecodeError::Shape("a fee rate is missing".to_owned()))
            };
            Response::Fees(FeeRates {
                maker: rate(summary.fee_tier.maker_fee_rate)?,
                taker: rate(summary.fee_tier.taker_fee_rate)?,
            })
        }
    };
    Ok(Outcome::Done(response))
}

fn unread(row: &RawValue, error: &dyn std::fmt::Display, keys: &Keys, symbols: &Symbols) -> Unread {
    rows::unread(row, error, keys, |product| Some(symbols.find(product)?.instrument.id))
}

fn orders(rows: &[Box<RawValue>], symbols: &Symbols) -> (Vec<VenueOrder>, Vec<Unread>) {
    rows::each(
        rows,
        |order: &wire::Order| convert::order(order, symbols),
        |row, error| unread(row, error, &ORDER, symbols),
    )
}

/// One order, or the answer to a question about one that is there and not understood.
fn one_order(row: Box<RawValue>, symbols: &Symbols) -> Response {
    let (mut read, strange) = orders(&[row], symbols);
    match read.pop() {
        Some(order) => Response::Order(order),
        None => Response::Orders(read).and_unread(strange),
    }
}

fn each<T, U>(
    rows: &[T],
    read: impl FnMut(&T) -> Result<U, DecodeError>,
) -> Result<Vec<U>, DecodeError> {
    rows.iter().map(read).collect()
}

/// Success means taken for processing. The answer says the venue's name and nothing of what has become
/// of the order, so the order stands as it was sent, with nothing executed.
fn placed(order: &NewOrder, answer: &HttpAnswer<'_>) -> Result<Outcome, DecodeError> {
    let reply: wire::CreateOrderReply = parse(answer.body)?;
    if !reply.success {
        let error = reply.error_response.unwrap_or_default();
        return Ok(match refusals::reason(error.reason()) {
            Some(refusal) => Outcome::Refused(refusal),
            None => Outcome::InDoubt(format!("no success, and no listed reason: {error:?}")),
        });
    }
    let shape = |what: &str| DecodeError::Shape(what.to_owned());
    let made = reply.success_response.ok_or_else(|| shape("success without an order"))?;
    // An id that was used before is answered with the first order of this id.
    let ours =
        made.client_order_id.is_empty() || made.client_order_id == order.client_order_id.as_str();
    let side = made.side.is_empty() || made.side == vocabulary::side(order.side);
    if !ours || !side {
        return Err(shape("the answer names another order"));
    }
    let id = convert::order_id(&made.order_id)?;
    Ok(Outcome::Done(Response::Placed { order: standing(order, id, answer), fills: Vec::new() }))
}

/// The order as it was sent. The venue took it between question and answer: at the latest when the
/// answer came, so that a balance is not believed to show its funds too early.
fn standing(order: &NewOrder, id: VenueOrderId, answer: &HttpAnswer<'_>) -> VenueOrder {
    VenueOrder {
        id,
        client_order_id: order.client_order_id,
        instrument: order.instrument,
        side: order.side,
        kind: order.kind,
        ordered: order.qty,
        qty: match order.qty {
            OrderQty::Base(qty) => qty,
            OrderQty::Quote(_) => Qty::ZERO,
        },
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        self_trade_prevention: order
            .self_trade_prevention
            .unwrap_or(SelfTradePrevention::Decrement),
        status: VenueOrderStatus::New,
        filled: Qty::ZERO,
        filled_notional: Notional::ZERO,
        prevented: Qty::ZERO,
        created: answer.answered,
        updated: answer.answered,
        working_since: order.kind.trigger().is_none().then_some(answer.answered),
        expiry: None,
    }
}

fn tested(preview: &wire::Preview) -> Result<Outcome, DecodeError> {
    let Some(first) = preview.errs.first() else { return Ok(Outcome::Done(Response::Tested)) };
    // Nothing was to be done, so every reason is a refusal.
    let other = || VenueError::Other { code: 200, message: first.clone() };
    Ok(Outcome::Refused(refusals::reason(first).unwrap_or_else(other)))
}

fn canceled(key: &OrderKey, answer: &wire::CancelResults) -> Result<Outcome, DecodeError> {
    let (OrderKey::Venue(id) | OrderKey::Both(id, _)) = key else {
        return Err(never_asked("a cancel by client order id"));
    };
    let [result] = answer.results.as_slice() else {
        return Err(DecodeError::Shape("a cancel of one order has one result".to_owned()));
    };
    if !result.order_id.is_empty() && result.order_id != id.as_str() {
        return Err(DecodeError::Shape("the result names another order".to_owned()));
    }
    if result.success {
        return Ok(Outcome::Done(Response::CancelTaken(*id)));
    }
    Ok(match refusals::cancel_failure(&result.failure_reason) {
        Some(CancelFailure::Refused(refusal)) => Outcome::Refused(refusal),
        Some(CancelFailure::UnderWay) => Outcome::Done(Response::CancelTaken(*id)),
        None => Outcome::InDoubt(format!("the cancel failed: {:?}", result.failure_reason)),
    })
}

/// Looks for an order by our name in the newest orders. Not to be in a list that was cut proves
/// nothing. Orders that cannot be read are not ours, as long as their name is not.
fn found(
    id: ClientOrderId,
    list: &wire::Orders<Box<RawValue>>,
    symbols: &Symbols,
) -> Result<Outcome, DecodeError> {
    /// All that is read of an order before it is known whose it is.
    #[derive(serde::Deserialize)]
    struct Named {
        client_order_id: String,
    }
    for row in &list.orders {
        let named: Named = parse(row.get().as_bytes())?;
        if named.client_order_id == id.as_str() {
            return Ok(Outcome::Done(one_order(row.clone(), symbols)));
        }
    }
    if list.has_next {
        return Err(DecodeError::Cut(list.orders.len()));
    }
    Ok(Outcome::Refused(VenueError::UnknownOrder))
}

/// The REST book has no number: it cannot be joined with a stream, and says so with a zero.
fn book(row: &Row, answer: &wire::ProductBook) -> Result<BookSnapshot, DecodeError> {
    let level = |level: &wire::Level| {
        Ok(Level {
            price: grid_price(row, level.price)?,
            qty: convert::depth_qty(row, level.size)?,
        })
    };
    Ok(BookSnapshot {
        instrument: row.instrument.id,
        update_id: 0,
        bids: each(&answer.pricebook.bids, level)?,
        asks: each(&answer.pricebook.asks, level)?,
    })
}

/// A public trade; the side on the wire is the maker's.
pub(super) fn public_trade(row: &Row, trade: &wire::Trade) -> Result<PublicTrade, DecodeError> {
    let id = trade.trade_id.parse();
    Ok(PublicTrade {
        id: id.map_err(|_| DecodeError::Number(trade.trade_id.clone()))?,
        price: grid_price(row, trade.price)?,
        qty: convert::grid_qty(row, trade.size)?,
        taker_side: convert::side(&trade.side)?.opposite(),
        time: time(trade.time)?,
    })
}

/// A candle of history. Whether it has ended is for the reader's clock to say; how many trades made it
/// and what they were worth in quote is not told.
fn rest_candle(
    row: &Row,
    interval: Interval,
    candle: &wire::CandleRow,
) -> Result<Candle, DecodeError> {
    let wire::CandleRow { start, low, high, open, close, volume } = candle;
    let price = |value| grid_price(row, value);
    Ok(Candle {
        open: price(*open)?,
        high: price(*high)?,
        low: price(*low)?,
        volume: convert::depth_qty(row, *volume)?,
        ..Candle::empty(interval, convert::seconds(start)?, price(*close)?)
    })
}

/// Balances, and where their list goes on.
fn balances(answer: &wire::Accounts, asked: Timestamp) -> Result<Response, DecodeError> {
    let account = snapshot(answer, asked)?;
    match (answer.has_next, answer.cursor.as_str()) {
        (false, _) => Ok(Response::Account(account)),
        // It goes on, and nobody knows where.
        (true, "") => Err(DecodeError::Cut(answer.accounts.len())),
        (true, cursor) => {
            Ok(Response::AccountPage { account, next: PageCursor(cursor.to_owned()) })
        }
    }
}

/// Balances, as of some time after they were asked for.
fn snapshot(answer: &wire::Accounts, asked: Timestamp) -> Result<AccountSnapshot, DecodeError> {
    let mut balances: BTreeMap<_, Balance> = BTreeMap::new();
    for account in &answer.accounts {
        let free = amount(account.available_balance.value)?;
        let held = Balance { free, locked: amount(account.hold.value)? };
        // Names that are not ours to trade may have letters we do not take, and are worth a failure
        // only when something is held of them.
        let asset = match convert::asset(&account.currency) {
            Ok(asset) => asset,
            Err(_) if held == Balance::ZERO => continue,
            Err(error) => return Err(error),
        };
        // A currency may have several accounts; orders take from all that is available.
        let sum = balances.entry(asset).or_insert(Balance::ZERO);
        *sum = sum.checked_add(held).ok_or_else(|| DecodeError::Number(held.free.to_string()))?;
    }
    Ok(AccountSnapshot { rights: None, updated: asked, balances })
}

#[cfg(test)]
mod tests;

//! REST answers in our words.
//!
//! Status 200 says nothing: a list of errors does. A refusal is believed only where `refusals.rs` knows it as
//! proof; everything else leaves the outcome open, an answer that cannot be read, too. A list that was cut is
//! no answer to a question that only the whole list answers.

use std::collections::BTreeMap;

use model::market::{Candle, Interval, Level, PublicTrade};
use model::venue::{
    AccountRequest, AccountSnapshot, BookSnapshot, FeeRates, KeyRights, KeyScopes, MarketRequest,
    OrderKey, PageCursor, Request, Response, Ticket, TradesFrom, Unread, VenueError, VenueOrder,
    VenueOrderStatus,
};
use model::{
    Balance, Decimal, Fill, InstrumentId, NewOrder, Notional, OrderQty, Outcome, Qty, Rounding,
    Timestamp,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::convert::{self, grid_price};
use super::{DecodeError, instruments, refusals};
use crate::kraken::PAGE;
use crate::kraken::symbols::{Row, Symbols, asset};
use crate::kraken::wire::{self, Num, Reply};
use crate::rows::{self, Keys};

/// How an order over REST names itself, and how an execution does.
const ORDER: Keys = Keys { symbol: "pair", order: "txid", client: "cl_ord_id", trade: &[] };
const TRADE: Keys =
    Keys { symbol: "pair", order: "ordertxid", client: "cl_ord_id", trade: &["txid"] };

/// An answer as it came, and the times between which the venue made it.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// HTTP's.
    pub status: u16,
    /// At most what the caller read.
    pub body: &'a [u8],
    /// When the request was sent, by the venue's clock as well as we know it.
    pub asked: Timestamp,
    /// When the answer came, by the same clock.
    pub answered: Timestamp,
}

/// What the answer to `request` means, and the error that it names.
pub fn decode_reply(
    request: &Request,
    answer: &Answered<'_>,
    symbols: &Symbols,
) -> (Outcome, Option<String>) {
    /// What of an answer is read before anything else.
    #[derive(serde::Deserialize)]
    struct Errors {
        #[serde(default)]
        error: Vec<String>,
    }
    let Answered { status, body, .. } = *answer;
    let Ok(Errors { error }) = serde_json::from_slice(body) else {
        return (Outcome::InDoubt(format!("status {status}, and no readable answer")), None);
    };
    let mut errors = error.into_iter().filter(|error| !error.starts_with('W'));
    if let Some(error) = errors.next() {
        let is_alone = errors.next().is_none();
        let proven =
            refusals::proven(&error).filter(|_| is_alone && !may_be_the_echo(request, &error));
        let outcome = match proven {
            Some(refusal) if status == 200 => Outcome::Refused(refusal),
            _ => Outcome::InDoubt(format!("status {status}: {error}")),
        };
        return (outcome, Some(error));
    }
    if status != 200 {
        return (Outcome::InDoubt(format!("status {status} without a reason")), None);
    }
    let read = match request {
        Request::Market(request) => market(request, answer, symbols).map(Outcome::Done),
        Request::Account(request) => account(request, answer, symbols),
    };
    let outcome = read.unwrap_or_else(|error| Outcome::InDoubt(format!("status 200, but {error}")));
    (outcome, None)
}

/// Whoever stands between us and the venue may send a request twice. The second one is refused for its nonce, which
/// says nothing of the order that the first one placed.
fn may_be_the_echo(request: &Request, error: &str) -> bool {
    matches!(request, Request::Account(AccountRequest::Place(_))) && error == refusals::NONCE
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let shape = |error: serde_json::Error| DecodeError::Shape(error.to_string());
    let reply: Reply<T> = serde_json::from_slice(body).map_err(shape)?;
    reply.result.ok_or_else(|| DecodeError::Shape("no result".to_owned()))
}

fn known(symbols: &Symbols, id: InstrumentId) -> Result<&Row, DecodeError> {
    symbols.get(id).ok_or_else(|| DecodeError::Pair(id.to_string()))
}

fn never_asked(what: &str) -> DecodeError {
    DecodeError::Shape(format!("nobody here asks for {what}"))
}

/// The venue's clock shows whole seconds. What was thought to be its time is believed where it lies in this
/// second, and moved to the nearest end of it where not: so the clock does not jump by what nobody can see,
/// and what is wrong with it gets smaller with each reading.
fn within(second: Timestamp, answer: &Answered<'_>) -> Timestamp {
    let Answered { asked, answered, .. } = *answer;
    let halfway = asked.after(answered.since(asked) / 2);
    halfway.clamp(second, second.after_ms(999))
}

/// The entry of an answer that has one entry for the pair, and perhaps others that are no pair's.
fn of_pair<T: DeserializeOwned>(body: &[u8], row: &Row) -> Result<T, DecodeError> {
    let mut all: BTreeMap<String, Box<RawValue>> = parse(body)?;
    let entry = all.remove(&row.id).or_else(|| all.remove(&row.instrument.symbol));
    let entry = entry.ok_or_else(|| DecodeError::Shape(format!("nothing of {}", row.id)))?;
    serde_json::from_str(entry.get()).map_err(|error| DecodeError::Shape(error.to_string()))
}

fn market(
    request: &MarketRequest,
    answer: &Answered<'_>,
    symbols: &Symbols,
) -> Result<Response, DecodeError> {
    let body = answer.body;
    Ok(match request {
        MarketRequest::Ping => parse::<wire::Time>(body).map(|_| Response::Pong)?,
        MarketRequest::Time => {
            let wire::Time { unixtime } = parse(body)?;
            let second = unixtime.checked_mul(1_000).and_then(Timestamp::from_millis);
            Response::Time(within(second.ok_or_else(|| convert::off(unixtime))?, answer))
        }
        MarketRequest::Instruments(wanted) => {
            let mut found = instruments::read(&parse(body)?)?;
            found.retain(|found| wanted.is_empty() || wanted.contains(&found.id));
            Response::Instruments(found)
        }
        MarketRequest::Book { instrument, .. } => {
            let row = known(symbols, *instrument)?;
            Response::Book(book(row, &of_pair(body, row)?)?)
        }
        MarketRequest::Trades { instrument, .. } => {
            let row = known(symbols, *instrument)?;
            let told: Vec<wire::TradeRow> = of_pair(body, row)?;
            Response::Trades(each(&told, |trade| public_trade(row, trade))?)
        }
        MarketRequest::Candles { instrument, interval, .. } => {
            let row = known(symbols, *instrument)?;
            let told: Vec<wire::CandleRow> = of_pair(body, row)?;
            Response::Candles(each(&told, |candle| read_candle(row, *interval, candle))?)
        }
        MarketRequest::AggregateTrades { .. } => return Err(never_asked("trades added up")),
        MarketRequest::Tickers { .. } => return Err(never_asked("rolling windows")),
        MarketRequest::AveragePrice(_) => return Err(never_asked("an average price")),
    })
}

fn account(
    request: &AccountRequest,
    answer: &Answered<'_>,
    symbols: &Symbols,
) -> Result<Outcome, DecodeError> {
    let body = answer.body;
    let response = match request {
        AccountRequest::Place(order) => placed(order, &parse(body)?, answer.answered)?,
        AccountRequest::Test(_) => parse::<wire::Added>(body).map(|_| Response::Tested)?,
        AccountRequest::Cancel { order, .. } => canceled(order, &parse(body)?)?,
        AccountRequest::CancelAll(_) => return Err(never_asked("all cancels at once")),
        AccountRequest::CancelReplace(_) => return Err(never_asked("a cancel and replace")),
        AccountRequest::Order { order, .. } => return one(order, &parse(body)?, symbols),
        AccountRequest::OpenOrders(wanted) => {
            let told: wire::OpenOrders = parse(body)?;
            orders(told.open, symbols, |order| wanted.is_none_or(|id| order.instrument == id))
        }
        AccountRequest::Orders { instrument, .. } => {
            let told: wire::ClosedOrders = parse(body)?;
            if told.count > told.closed.len() || told.closed.len() > PAGE as usize {
                return Err(DecodeError::Cut(told.closed.len()));
            }
            orders(told.closed, symbols, |order| order.instrument == *instrument)
        }
        AccountRequest::Fills { instrument, order, from, page, .. } => {
            let wanted = |fill: &Fill| {
                fill.instrument == *instrument
                    && order.is_none_or(|id| fill.venue_order_id == id)
                    && in_time(fill.venue_time, *from)
            };
            fills(parse(body)?, page.as_ref(), symbols, wanted)?
        }
        AccountRequest::Account => Response::Account(balances(&parse(body)?, answer.asked)?),
        AccountRequest::AccountAfter(_) => return Err(never_asked("pages of balances")),
        AccountRequest::Rights => {
            let key = scopes(&parse(body)?);
            Response::Rights(KeyRights {
                can_trade: key.trade == Some(true),
                can_withdraw: key.withdraw == Some(true),
            })
        }
        AccountRequest::Scopes => Response::Scopes(Some(scopes(&parse(body)?))),
        AccountRequest::Fees(id) => Response::Fees(fees(&parse(body)?, known(symbols, *id)?)?),
        AccountRequest::Ticket => {
            let wire::Token { token } = parse(body)?;
            Response::Ticket(Ticket::new(token))
        }
    };
    Ok(Outcome::Done(response))
}

fn in_time(at: Timestamp, from: TradesFrom) -> bool {
    match from {
        TradesFrom::Newest | TradesFrom::Id(_) => true,
        TradesFrom::Time { start, end } => {
            start.is_none_or(|start| at >= start) && end.is_none_or(|end| at <= end)
        }
    }
}

fn each<T, U>(
    rows: &[T],
    read: impl FnMut(&T) -> Result<U, DecodeError>,
) -> Result<Vec<U>, DecodeError> {
    rows.iter().map(read).collect()
}

/// Lists are objects by name: each row gets its name back.
fn named(list: BTreeMap<String, Box<RawValue>>) -> Vec<Box<RawValue>> {
    let name = |(name, row): (String, Box<RawValue>)| {
        let rest = row.get().trim_start().strip_prefix('{').map(str::trim_start);
        let text = match rest {
            Some(rest) if !rest.starts_with('}') => {
                // A text always prints.
                let name = serde_json::to_string(&name).unwrap_or_default();
                format!("{{\"txid\":{name},{rest}")
            }
            // Whatever it is, it is not understood.
            _ => return row,
        };
        RawValue::from_string(text).unwrap_or(row)
    };
    list.into_iter().map(name).collect()
}

fn unread(row: &RawValue, error: &dyn std::fmt::Display, keys: &Keys, symbols: &Symbols) -> Unread {
    rows::unread(row, error, keys, |name| Some(symbols.find(name)?.instrument.id))
}

/// Orders of pairs that are followed, oldest first.
fn orders(
    list: BTreeMap<String, Box<RawValue>>,
    symbols: &Symbols,
    wanted: impl Fn(&VenueOrder) -> bool,
) -> Response {
    let (read, strange) = rows::each(
        &named(list),
        |order: &wire::Order| convert::order(order, symbols),
        |row, error| unread(row, error, &ORDER, symbols),
    );
    let mut orders: Vec<VenueOrder> = read.into_iter().flatten().filter(wanted).collect();
    orders.sort_by_key(|order| order.created);
    Response::Orders(orders).and_unread(strange)
}

/// The order that was asked for. By our name there may be several, one after the other: the newest is meant.
fn one(
    key: &OrderKey,
    list: &BTreeMap<String, Box<RawValue>>,
    symbols: &Symbols,
) -> Result<Outcome, DecodeError> {
    let (found, strange) = orders(list.clone(), symbols, |_| true).split();
    let Response::Orders(mut found) = found else { return Err(never_asked("anything else")) };
    if !strange.is_empty() {
        return Ok(Outcome::Done(Response::Orders(Vec::new()).and_unread(strange)));
    }
    if let OrderKey::Client(id) = key {
        found.retain(|order| order.client_order_id == *id);
    }
    let Some(read) = found.pop() else {
        // One of a pair that is not followed would be there and not read.
        return if list.is_empty() {
            Ok(Outcome::Refused(VenueError::UnknownOrder))
        } else {
            Err(DecodeError::Shape("another order than asked for".to_owned()))
        };
    };
    match key {
        OrderKey::Both(_, own) if read.client_order_id != *own => {
            Ok(Outcome::Refused(VenueError::OrderNamesDiffer))
        }
        OrderKey::Venue(id) | OrderKey::Both(id, _) if read.id != *id => {
            Err(DecodeError::Shape("another order than asked for".to_owned()))
        }
        _ => Ok(Outcome::Done(Response::Order(read))),
    }
}

/// Executions of one page, oldest first, and where the list goes on. New ones come first, so a page that is
/// read later may tell some again and leaves none out.
fn fills(
    told: wire::TradesHistory,
    page: Option<&PageCursor>,
    symbols: &Symbols,
    wanted: impl Fn(&Fill) -> bool,
) -> Result<Response, DecodeError> {
    let before: usize = match page {
        None => 0,
        Some(PageCursor(text)) => text.parse().map_err(|_| convert::off(text))?,
    };
    let behind = before.saturating_add(told.trades.len());
    let goes_on = !told.trades.is_empty() && behind < told.count;
    let (read, strange) = rows::each(
        &named(told.trades),
        |trade: &wire::Trade| convert::trade(trade, symbols),
        |row, error| unread(row, error, &TRADE, symbols),
    );
    let mut fills: Vec<Fill> = read.into_iter().flatten().filter(wanted).collect();
    fills.sort_by_key(|fill| fill.venue_time);
    let response = if goes_on {
        Response::FillsPage { fills, next: PageCursor(behind.to_string()) }
    } else {
        Response::Fills(fills)
    };
    Ok(response.and_unread(strange))
}

/// Success means taken for processing: the answer says the venue's name and nothing of what has become of the
/// order, so it stands as it was sent, with nothing executed.
fn placed(order: &NewOrder, told: &wire::Added, at: Timestamp) -> Result<Response, DecodeError> {
    let [txid] = told.txid.as_slice() else {
        return Err(DecodeError::Shape("a new order has one name".to_owned()));
    };
    let order = VenueOrder {
        id: convert::order_id(txid)?,
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
        self_trade_prevention: order.self_trade_prevention.unwrap_or(convert::SELF_TRADES),
        status: VenueOrderStatus::New,
        filled: Qty::ZERO,
        filled_notional: Notional::ZERO,
        prevented: Qty::ZERO,
        created: at,
        updated: at,
        working_since: order.kind.trigger().is_none().then_some(at),
        expiry: None,
    };
    Ok(Response::Placed { order, fills: Vec::new() })
}

/// A cancel by our name is answered with a count alone: how the order ends is told by the stream, and the
/// venue's name for it is not known here.
fn canceled(key: &OrderKey, told: &wire::Canceled) -> Result<Response, DecodeError> {
    if told.count != 1 {
        return Err(DecodeError::Shape(format!("one cancel took {} orders back", told.count)));
    }
    let id = match key {
        OrderKey::Venue(id) | OrderKey::Both(id, _) => *id,
        OrderKey::Client(id) => convert::order_id(id.as_str())?,
    };
    Ok(Response::CancelTaken(id))
}

fn book(row: &Row, told: &wire::Depth) -> Result<BookSnapshot, DecodeError> {
    let level = |(price, qty, _): &(Num, Num, serde::de::IgnoredAny)| {
        Ok(Level { price: grid_price(row, *price)?, qty: convert::depth_qty(row, *qty)? })
    };
    Ok(BookSnapshot {
        instrument: row.instrument.id,
        // It has no number, so it cannot be joined with a stream.
        update_id: 0,
        bids: each(&told.bids, level)?,
        asks: each(&told.asks, level)?,
    })
}

/// A public trade; the side is the taker's.
fn public_trade(row: &Row, told: &wire::TradeRow) -> Result<PublicTrade, DecodeError> {
    let (price, qty, time, side, _, _, id) = told;
    Ok(PublicTrade {
        id: *id,
        price: grid_price(row, *price)?,
        qty: convert::grid_qty(row, *qty)?,
        taker_side: convert::side(side)?,
        time: time.seconds().ok_or_else(|| convert::off(time))?,
    })
}

fn read_candle(
    row: &Row,
    interval: Interval,
    told: &wire::CandleRow,
) -> Result<Candle, DecodeError> {
    let (start, open, high, low, close, _, volume, count) = told;
    let millis = start.checked_mul(1_000).and_then(Timestamp::from_millis);
    let start = millis.ok_or_else(|| convert::off(start))?;
    // A candle in which nobody traded has its prices all the same.
    Ok(Candle {
        open: grid_price(row, *open)?,
        high: grid_price(row, *high)?,
        low: grid_price(row, *low)?,
        volume: convert::depth_qty(row, *volume)?,
        trades: *count,
        ..Candle::empty(interval, start, grid_price(row, *close)?)
    })
}

/// Balances, as of some time after they were asked for.
fn balances(
    told: &BTreeMap<String, wire::Balance>,
    asked: Timestamp,
) -> Result<AccountSnapshot, DecodeError> {
    let mut balances: BTreeMap<_, Balance> = BTreeMap::new();
    for (name, held) in told {
        // What earns is not there to trade with, see `quirks.md`.
        let Some(asset) = asset(name) else { continue };
        let (all, locked) = (convert::amount(held.balance)?, convert::amount(held.hold_trade)?);
        let free = all.checked_sub(locked).ok_or_else(|| convert::off(held.balance))?;
        let sum = balances.entry(asset).or_insert(Balance::ZERO);
        let added = sum.checked_add(Balance { free, locked });
        *sum = added.ok_or_else(|| convert::off(held.balance))?;
    }
    Ok(AccountSnapshot { rights: None, updated: asked, balances })
}

/// What a key may do (GetApiKeyInfo). Moving funds between accounts takes the right to withdraw; margin has no
/// right of its own.
fn scopes(key: &wire::KeyInfo) -> KeyScopes {
    let may = |right: &str| Some(key.permissions.iter().any(|has| has == right));
    KeyScopes {
        trade: may("modify-trades"),
        withdraw: may("withdraw-funds"),
        transfer: None,
        leverage: None,
        ip_bound: key.ip_allowlist.as_ref().map(|list| !list.is_empty()),
        expires: key.valid_until.and_then(Num::seconds),
    }
}

/// Rates are in percent.
fn fees(told: &wire::TradeVolume, row: &Row) -> Result<FeeRates, DecodeError> {
    let rate = |of: &BTreeMap<String, wire::Fee>| {
        let told = of.get(&row.id).or_else(|| of.get(&row.instrument.symbol));
        let told = told.ok_or_else(|| DecodeError::Shape("a fee rate is missing".to_owned()))?;
        told.fee
            .0
            .checked_div(Decimal::new(100, 0), Rounding::Up)
            .ok_or_else(|| convert::off(told.fee))
    };
    let taker = rate(&told.fees)?;
    // Pairs without a rate of their own for makers have one for both.
    Ok(FeeRates { maker: rate(&told.fees_maker).unwrap_or(taker), taker })
}

//! REST answers in our words.
//!
//! The rule for what is not a plain success: a refusal is believed only where `refusals.rs` knows
//! it as proof; everything else leaves the outcome open. An answer of 200 that cannot be read is
//! open, too: the venue did something, and we do not know what. Of a list one row may not be understood:
//! the others are read, and that one is passed on as such.

use std::collections::BTreeMap;

use model::market::{Candle, Interval, Level, PublicTrade, Quote, Ticker};
use model::venue::{
    AccountRequest, AccountSnapshot, AggregateTrade, BookSnapshot, FeeRates, InstrumentTicker,
    KeyRights, KeyScopes, MarketRequest, Replaced, Request, Response, Unread, VenueOrder,
};
use model::{Amount, Balance, InstrumentId, Outcome, Price, Side};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::convert::{self, row, time};
use super::{DecodeError, instruments, refusals};
use crate::binance::symbols::{Row, Symbols};
use crate::binance::wire::{self, Fixed8};
use crate::rows::{self, Keys};

/// How an order names itself, and how an execution does.
const ORDER: Keys =
    Keys { symbol: "symbol", order: "orderId", client: "clientOrderId", trade: &[] };
const FILL: Keys = Keys { trade: &["id"], ..ORDER };

/// What the answer to `request` means. `status` is HTTP's; `body` is at most what the caller read.
pub fn decode_reply(request: &Request, status: u16, body: &[u8], symbols: &Symbols) -> Outcome {
    if status == 200 {
        return match answer(request, body, symbols) {
            Ok(response) => Outcome::Done(response),
            Err(error) => Outcome::InDoubt(format!("status 200, but {error}")),
        };
    }
    // The test networks have none of the wallet's calls.
    if let (404, Request::Account(AccountRequest::Scopes)) = (status, request) {
        return Outcome::Done(Response::Scopes(None));
    }
    if let Request::Account(AccountRequest::CancelReplace(_)) = request
        && let Some(outcome) = half_replaced(body, symbols)
    {
        return outcome;
    }
    let Ok(error) = serde_json::from_slice::<wire::ErrorBody>(body) else {
        return Outcome::InDoubt(format!("status {status} without a readable reason"));
    };
    match refusals::proven(status, &error) {
        Some(refusal) => Outcome::Refused(refusal),
        None => Outcome::InDoubt(format!("status {status}, code {}: {}", error.code, error.msg)),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| DecodeError::Shape(error.to_string()))
}

fn answer(request: &Request, body: &[u8], symbols: &Symbols) -> Result<Response, DecodeError> {
    match request {
        Request::Market(request) => market(request, body, symbols),
        Request::Account(request) => account(request, body, symbols),
    }
}

fn known(symbols: &Symbols, id: InstrumentId) -> Result<&Row, DecodeError> {
    symbols.get(id).ok_or_else(|| DecodeError::Symbol(id.to_string()))
}

fn market(
    request: &MarketRequest,
    body: &[u8],
    symbols: &Symbols,
) -> Result<Response, DecodeError> {
    Ok(match request {
        MarketRequest::Ping => Response::Pong,
        MarketRequest::Time => {
            let answer: wire::ServerTime = parse(body)?;
            Response::Time(time(answer.server_time)?)
        }
        MarketRequest::Instruments(_) => {
            let info: wire::ExchangeInfo = parse(body)?;
            Response::Instruments(instruments::read(&info)?)
        }
        MarketRequest::Book { instrument, .. } => {
            Response::Book(book(known(symbols, *instrument)?, &parse(body)?)?)
        }
        MarketRequest::Trades { instrument, .. } => {
            let row = known(symbols, *instrument)?;
            let trades: Vec<wire::Trade> = parse(body)?;
            Response::Trades(each(&trades, |trade| public_trade(row, trade))?)
        }
        MarketRequest::AggregateTrades { instrument, .. } => {
            let row = known(symbols, *instrument)?;
            let trades: Vec<wire::AggTrade> = parse(body)?;
            Response::AggregateTrades(each(&trades, |trade| aggregate_trade(row, trade))?)
        }
        MarketRequest::Candles { instrument, interval, .. } => {
            let row = known(symbols, *instrument)?;
            let candles: Vec<wire::Kline> = parse(body)?;
            Response::Candles(each(&candles, |kline| candle(row, *interval, kline))?)
        }
        MarketRequest::Tickers { .. } => {
            let tickers: OneOrMany<wire::Ticker> = parse(body)?;
            Response::Tickers(each(&tickers.into_vec(), |t| ticker(symbols, t))?)
        }
        MarketRequest::AveragePrice(_) => {
            let average: wire::AvgPrice = parse(body)?;
            Response::AveragePrice {
                price: Price::try_from(average.price.0).ok(),
                minutes: average.mins,
                at: time(average.close_time)?,
            }
        }
    })
}

fn account(
    request: &AccountRequest,
    body: &[u8],
    symbols: &Symbols,
) -> Result<Response, DecodeError> {
    Ok(match request {
        AccountRequest::Place(_) => {
            let (order, fills) = convert::placed(&parse(body)?, symbols)?;
            Response::Placed { order, fills }
        }
        AccountRequest::Test(_) => {
            parse::<serde::de::IgnoredAny>(body)?;
            Response::Tested
        }
        AccountRequest::Cancel { .. } => {
            let (order, cancel_id) = convert::canceled(&parse(body)?, symbols)?;
            Response::Canceled { order, cancel_id }
        }
        AccountRequest::CancelAll(_) => {
            let all: Vec<wire::CancelResult> = parse(body)?;
            Response::CanceledAll(each(&all, |one| convert::canceled(one, symbols))?)
        }
        AccountRequest::CancelReplace(_) => {
            let both: wire::CancelReplaceResult = parse(body)?;
            let replaced = replaced(&both, symbols)?;
            let unread = || DecodeError::Shape("a half that proves nothing".to_owned());
            Response::Replaced(Box::new(replaced.ok_or_else(unread)?))
        }
        AccountRequest::Order { .. } => {
            let (mut orders, strange) = orders(&[parse(body)?], symbols);
            match orders.pop() {
                Some(order) => Response::Order(order),
                None => Response::Orders(orders).and_unread(strange),
            }
        }
        AccountRequest::OpenOrders(_) | AccountRequest::Orders { .. } => {
            let (orders, strange) = orders(&parse::<Vec<_>>(body)?, symbols);
            Response::Orders(orders).and_unread(strange)
        }
        AccountRequest::Fills { .. } => {
            let (fills, strange) = rows::each(
                &parse::<Vec<Box<RawValue>>>(body)?,
                |trade: &wire::MyTrade| convert::my_trade(trade, symbols),
                |row, error| unread(row, error, &FILL, symbols),
            );
            Response::Fills(fills).and_unread(strange)
        }
        AccountRequest::Account | AccountRequest::AccountAfter(_) => {
            Response::Account(snapshot(&parse(body)?)?)
        }
        AccountRequest::Rights => Response::Rights(rights(&parse(body)?)),
        AccountRequest::Scopes => Response::Scopes(Some(scopes(&parse(body)?)?)),
        AccountRequest::Ticket => {
            return Err(DecodeError::Shape("nobody here asks for a ticket".to_owned()));
        }
        AccountRequest::Fees(_) => {
            let fees: wire::Commission = parse(body)?;
            Response::Fees(FeeRates {
                maker: fees.standard_commission.maker.0,
                taker: fees.standard_commission.taker.0,
            })
        }
    })
}

fn orders(rows: &[Box<RawValue>], symbols: &Symbols) -> (Vec<VenueOrder>, Vec<Unread>) {
    rows::each(
        rows,
        |order: &wire::Order| convert::order(order, symbols),
        |row, error| unread(row, error, &ORDER, symbols),
    )
}

fn unread(row: &RawValue, error: &dyn std::fmt::Display, keys: &Keys, symbols: &Symbols) -> Unread {
    rows::unread(row, error, keys, |symbol| Some(symbols.find(symbol)?.instrument.id))
}

fn each<T, U>(
    rows: &[T],
    read: impl FnMut(&T) -> Result<U, DecodeError>,
) -> Result<Vec<U>, DecodeError> {
    rows.iter().map(read).collect()
}

/// Binance answers a question for one instrument with an object and for many with a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(Box<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            OneOrMany::Many(many) => many,
            OneOrMany::One(one) => vec![*one],
        }
    }
}

fn book(row: &Row, depth: &wire::Depth) -> Result<BookSnapshot, DecodeError> {
    let level = |(price, qty): &wire::Level| {
        Ok(Level { price: convert::grid_price(row, *price)?, qty: convert::depth_qty(row, *qty)? })
    };
    Ok(BookSnapshot {
        instrument: row.instrument.id,
        update_id: depth.last_update_id,
        bids: each(&depth.bids, level)?,
        asks: each(&depth.asks, level)?,
    })
}

const fn taker(buyer_is_maker: bool) -> Side {
    if buyer_is_maker { Side::Sell } else { Side::Buy }
}

fn public_trade(row: &Row, trade: &wire::Trade) -> Result<PublicTrade, DecodeError> {
    Ok(PublicTrade {
        id: trade.id,
        price: convert::grid_price(row, trade.price)?,
        qty: convert::grid_qty(row, trade.qty)?,
        taker_side: taker(trade.is_buyer_maker),
        time: time(trade.time)?,
    })
}

fn aggregate_trade(row: &Row, trade: &wire::AggTrade) -> Result<AggregateTrade, DecodeError> {
    Ok(AggregateTrade {
        id: trade.id,
        price: convert::grid_price(row, trade.price)?,
        qty: convert::grid_qty(row, trade.qty)?,
        first: trade.first,
        last: trade.last,
        taker_side: taker(trade.buyer_is_maker),
        time: time(trade.time)?,
    })
}

/// A candle of history. Whether it has ended is for the reader's clock to say; the last row of an
/// answer may still grow, so `closed` says only that it is not known to.
fn candle(row: &Row, interval: Interval, kline: &wire::Kline) -> Result<Candle, DecodeError> {
    let (start, open, high, low, close, volume, _end, quote, trades, taker_base, taker_quote, _) =
        kline;
    Ok(Candle {
        start: time(*start)?,
        interval,
        open: convert::grid_price(row, *open)?,
        high: convert::grid_price(row, *high)?,
        low: convert::grid_price(row, *low)?,
        close: convert::grid_price(row, *close)?,
        volume: convert::grid_qty(row, *volume)?,
        quote_volume: convert::grid_quote(row, *quote)?,
        taker_buy_volume: convert::grid_qty(row, *taker_base)?,
        taker_buy_quote_volume: convert::grid_quote(row, *taker_quote)?,
        trades: *trades,
        first_trade: 0,
        last_trade: 0,
        closed: false,
    })
}

fn ticker(symbols: &Symbols, wire: &wire::Ticker) -> Result<InstrumentTicker, DecodeError> {
    let row = row(symbols, &wire.symbol)?;
    let level = |price: Option<Fixed8>, qty: Option<Fixed8>| match (price, qty) {
        (Some(price), Some(qty)) if !price.0.is_zero() => Ok(Some(Level {
            price: convert::grid_price(row, price)?,
            qty: convert::depth_qty(row, qty)?,
        })),
        _ => Ok(None),
    };
    let quote = Quote {
        bid: level(wire.bid_price, wire.bid_qty)?,
        ask: level(wire.ask_price, wire.ask_qty)?,
    };
    let (start, end) = (time(wire.open_time)?, time(wire.close_time)?);
    let seconds = u32::try_from(end.since(start).as_secs()).unwrap_or(u32::MAX);
    let traded = || {
        let window = Candle {
            start,
            interval: Interval::Seconds(seconds),
            open: convert::grid_price(row, wire.open_price)?,
            high: convert::grid_price(row, wire.high_price)?,
            low: convert::grid_price(row, wire.low_price)?,
            close: convert::grid_price(row, wire.last_price)?,
            volume: convert::grid_qty(row, wire.volume)?,
            quote_volume: convert::grid_quote(row, wire.quote_volume)?,
            taker_buy_volume: model::market::GridQty(0),
            taker_buy_quote_volume: 0,
            trades: wire.count,
            first_trade: u64::try_from(wire.first_id).unwrap_or(0),
            last_trade: u64::try_from(wire.last_id).unwrap_or(0),
            closed: false,
        };
        let previous_close = match wire.prev_close_price {
            Some(price) if !price.0.is_zero() => Some(convert::grid_price(row, price)?),
            _ => None,
        };
        let last_qty = convert::grid_qty(row, wire.last_qty.unwrap_or_default())?;
        Ok(Ticker { window, end, previous_close, last_qty, quote })
    };
    let ticker = if wire.count == 0 { None } else { Some(traded()?) };
    Ok(InstrumentTicker { instrument: row.instrument.id, ticker, quote })
}

const fn rights(account: &wire::Account) -> KeyRights {
    KeyRights { can_trade: account.can_trade, can_withdraw: account.can_withdraw }
}

/// What the wallet says of a key (developers.binance.com, "Get API Key Permission", read 2026-07-21).
fn scopes(key: &wire::ApiRestrictions) -> Result<KeyScopes, DecodeError> {
    let leverage = key.enable_margin
        || key.enable_futures
        || key.enable_vanilla_options
        || key.enable_portfolio_margin_trading;
    Ok(KeyScopes {
        trade: Some(key.enable_spot_and_margin_trading),
        withdraw: Some(key.enable_withdrawals),
        transfer: Some(key.enable_internal_transfer || key.permits_universal_transfer),
        leverage: Some(leverage),
        ip_bound: Some(key.ip_restrict),
        expires: key.trading_authority_expiration_time.map(time).transpose()?,
    })
}

fn snapshot(account: &wire::Account) -> Result<AccountSnapshot, DecodeError> {
    let mut balances = BTreeMap::new();
    for balance in &account.balances {
        let amount = |value: Fixed8| {
            Amount::try_from(value.0).map_err(|_| DecodeError::Number(value.to_string()))
        };
        let held = Balance { free: amount(balance.free)?, locked: amount(balance.locked)? };
        // Accounts list every asset the venue knows; names that are not ours to trade may have
        // letters we do not take, and are worth a failure only when something is held of them.
        match convert::asset(&balance.asset) {
            Ok(asset) => {
                balances.insert(asset, held);
            }
            Err(_) if held == Balance::ZERO => {}
            Err(error) => return Err(error),
        }
    }
    Ok(AccountSnapshot {
        rights: Some(rights(account)),
        updated: time(account.update_time)?,
        balances,
    })
}

/// Both halves in our words; `None` when a failed half has no proven reason.
fn replaced(
    both: &wire::CancelReplaceResult,
    symbols: &Symbols,
) -> Result<Option<Replaced>, DecodeError> {
    let refusal = |error: &wire::ErrorBody| refusals::proven(400, error);
    let cancel = match &both.cancel_response {
        wire::Half::Done(done) => Ok(convert::canceled(done, symbols)?),
        wire::Half::Error(error) => match refusal(error) {
            Some(refusal) => Err(refusal),
            None => return Ok(None),
        },
        wire::Half::Ack(_) => return Ok(None),
    };
    let new = match &both.new_order_response {
        None => None,
        Some(wire::Half::Done(done)) => Some(Ok(convert::placed(done, symbols)?)),
        Some(wire::Half::Error(error)) => match refusal(error) {
            Some(refusal) => Some(Err(refusal)),
            None => return Ok(None),
        },
        Some(wire::Half::Ack(_)) => return Ok(None),
    };
    Ok(Some(Replaced { cancel, new }))
}

/// A cancel-replace that did not fully succeed says in `data` what became of each half.
fn half_replaced(body: &[u8], symbols: &Symbols) -> Option<Outcome> {
    #[derive(Deserialize)]
    struct Failure {
        data: wire::CancelReplaceResult,
    }
    let failure: Failure = serde_json::from_slice(body).ok()?;
    Some(match replaced(&failure.data, symbols) {
        Ok(Some(replaced)) => Outcome::Done(Response::Replaced(Box::new(replaced))),
        Ok(None) => Outcome::InDoubt("a half of the cancel-replace proves nothing".to_owned()),
        Err(error) => Outcome::InDoubt(format!("cancel-replace: {error}")),
    })
}

#[cfg(test)]
mod tests;

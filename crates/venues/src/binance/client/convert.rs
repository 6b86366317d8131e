//! Binance's structs in our words: what replies and stream events have in common.

use model::market::{GridPrice, GridQty};
use model::venue::{ExpiryReason, VenueOrder, VenueOrderStatus};
use model::{
    Amount, Asset, ClientOrderId, Fee, Fill, Liquidity, Notional, OrderKind, OrderQty, Price, Qty,
    Rounding, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, VenueOrderId,
};

use super::DecodeError;
use crate::binance::symbols::{Row, Symbols};
use crate::binance::vocabulary;
use crate::binance::wire::{self, Fixed8};

pub(super) fn row<'a>(symbols: &'a Symbols, symbol: &str) -> Result<&'a Row, DecodeError> {
    symbols.find(symbol).ok_or_else(|| DecodeError::Symbol(symbol.to_owned()))
}

pub(super) fn time(millis: i64) -> Result<Timestamp, DecodeError> {
    Timestamp::from_millis(millis).ok_or_else(|| DecodeError::Number(millis.to_string()))
}

fn number(value: Fixed8) -> DecodeError {
    DecodeError::Number(value.to_string())
}

/// A price that must be there.
pub(super) fn price(value: Fixed8) -> Result<Price, DecodeError> {
    Price::try_from(value.0).map_err(|_| number(value))
}

/// A price that Binance prints as zero when there is none.
fn price_or_none(value: Fixed8) -> Result<Option<Price>, DecodeError> {
    if value.0.is_zero() { Ok(None) } else { price(value).map(Some) }
}

pub(super) fn qty(value: Fixed8) -> Result<Qty, DecodeError> {
    Qty::try_from(value.0).map_err(|_| number(value))
}

pub(super) fn notional(value: Fixed8) -> Result<Notional, DecodeError> {
    Notional::try_from(value.0).map_err(|_| number(value))
}

pub(super) fn asset(name: &str) -> Result<Asset, DecodeError> {
    Asset::new(name).map_err(|_| DecodeError::Word { what: "asset", word: name.to_owned() })
}

pub(super) fn client_id(id: &str) -> Result<ClientOrderId, DecodeError> {
    ClientOrderId::new(id)
        .map_err(|_| DecodeError::Word { what: "client order id", word: id.to_owned() })
}

pub(super) fn side(word: &str) -> Result<Side, DecodeError> {
    vocabulary::parse_side(word).ok_or_else(|| unknown("side", word))
}

pub(super) fn unknown(what: &'static str, word: &str) -> DecodeError {
    DecodeError::Word { what, word: word.to_owned() }
}

/// A count of the instrument's price grid; none is below zero.
pub(super) fn grid_price(row: &Row, value: Fixed8) -> Result<GridPrice, DecodeError> {
    let decimals = u32::from(row.grid.price_decimals);
    let count = value.0.mantissa_at(decimals).filter(|count| *count >= 0);
    count.map(GridPrice).ok_or_else(|| number(value))
}

/// A count of the instrument's quantity grid; none is below zero.
pub(super) fn grid_qty(row: &Row, value: Fixed8) -> Result<GridQty, DecodeError> {
    let decimals = u32::from(row.grid.qty_decimals);
    let count = value.0.mantissa_at(decimals).filter(|count| *count >= 0);
    count.map(GridQty).ok_or_else(|| number(value))
}

/// A level of a book: digits beyond the grid are cut off, see [`model::market::Grid::parse_depth`].
pub(super) fn depth_qty(row: &Row, value: Fixed8) -> Result<GridQty, DecodeError> {
    let decimals = u32::from(row.grid.qty_decimals);
    let cut = value.0.round_to(decimals, Rounding::Down).and_then(|cut| cut.mantissa_at(decimals));
    match cut {
        Some(0) if value.0.signum() > 0 => Ok(GridQty(1)),
        Some(qty) if qty >= 0 => Ok(GridQty(qty)),
        _ => Err(number(value)),
    }
}

/// A quote volume as a count of both grids' product. Averages make more digits; they are cut off.
pub(super) fn grid_quote(row: &Row, value: Fixed8) -> Result<i128, DecodeError> {
    let decimals = u32::from(row.grid.price_decimals) + u32::from(row.grid.qty_decimals);
    let cut = value.0.round_to(decimals.min(18), Rounding::Down);
    let count = cut.and_then(|cut| cut.mantissa_at(decimals.min(18)));
    let scale = 10i128.pow(decimals.saturating_sub(18));
    count.map(|count| i128::from(count) * scale).ok_or_else(|| number(value))
}

/// What all of Binance's order objects say, whatever their shape.
pub(super) struct OrderWords<'a> {
    pub(super) symbol: &'a str,
    pub(super) id: u64,
    pub(super) client_id: &'a str,
    pub(super) side: &'a str,
    pub(super) kind: &'a str,
    pub(super) time_in_force: &'a str,
    pub(super) stp: &'a str,
    pub(super) status: &'a str,
    pub(super) price: Fixed8,
    pub(super) trigger: Fixed8,
    pub(super) qty: Fixed8,
    pub(super) quote_qty: Fixed8,
    pub(super) filled: Fixed8,
    pub(super) filled_quote: Fixed8,
    pub(super) prevented: Fixed8,
    pub(super) created: i64,
    pub(super) updated: i64,
    /// `None` or not above zero while it waits for its trigger.
    pub(super) working: Option<i64>,
    pub(super) expiry: Option<&'a str>,
}

/// What becomes of words that are not in our tables.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strange {
    /// The order is not read.
    Refused,
    /// The nearest known word stands for it.
    Passed,
}

impl OrderWords<'_> {
    /// An order that is ours: of every word we know what it means.
    pub(super) fn read(&self, symbols: &Symbols) -> Result<VenueOrder, DecodeError> {
        self.read_with(symbols, Strange::Refused)
    }

    /// An order of anybody on the account. We send only what is in our tables, so a kind, a time in
    /// force, a self-trade prevention or a name that is not (trailing stops without a price, pegged orders,
    /// what the venue invents next) belongs to somebody else, and one such order must not hide the others.
    /// A state that is not is said to be unknown. Its side and its quantities are still read by the letter.
    pub(super) fn read_any(&self, symbols: &Symbols) -> Result<VenueOrder, DecodeError> {
        self.read_with(symbols, Strange::Passed)
    }

    fn read_with(&self, symbols: &Symbols, strange: Strange) -> Result<VenueOrder, DecodeError> {
        let row = row(symbols, self.symbol)?;
        let (kind, post_only) = self.kind(strange)?;
        let quote = notional(self.quote_qty)?;
        let ordered = if kind == OrderKind::Market && quote > Notional::ZERO {
            OrderQty::Quote(quote)
        } else {
            OrderQty::Base(qty(self.qty)?)
        };
        let status = self.status(strange)?;
        let id = VenueOrderId::from_number(self.id);
        Ok(VenueOrder {
            id,
            client_order_id: match client_id(self.client_id) {
                // The venue's name stands for one that ours cannot be.
                Err(_) if strange == Strange::Passed => client_id(id.as_str())?,
                read => read?,
            },
            instrument: row.instrument.id,
            side: side(self.side)?,
            kind,
            ordered,
            qty: qty(self.qty)?,
            time_in_force: self.time_in_force(strange)?,
            post_only,
            self_trade_prevention: self.stp(strange)?,
            status,
            filled: qty(self.filled)?,
            filled_notional: self.filled_notional(strange)?,
            prevented: qty(self.prevented)?,
            created: time(self.created)?,
            updated: time(self.updated)?,
            working_since: match self.working {
                Some(at) if at > 0 => Some(time(at)?),
                _ => None,
            },
            expiry: self.expiry(status),
        })
    }

    fn status(&self, strange: Strange) -> Result<VenueOrderStatus, DecodeError> {
        match vocabulary::parse_status(self.status) {
            Some(known) => Ok(known),
            None if strange == Strange::Passed => Ok(VenueOrderStatus::Unknown),
            None => Err(unknown("order status", self.status)),
        }
    }

    fn kind(&self, strange: Strange) -> Result<(OrderKind, bool), DecodeError> {
        let (price, trigger) = (price_or_none(self.price)?, price_or_none(self.trigger)?);
        match vocabulary::parse_kind(self.kind, price, trigger) {
            Some(known) => Ok(known),
            None if strange == Strange::Passed => {
                Ok((price.map_or(OrderKind::Market, |price| OrderKind::Limit { price }), false))
            }
            None => Err(unknown("order type", self.kind)),
        }
    }

    fn time_in_force(&self, strange: Strange) -> Result<TimeInForce, DecodeError> {
        match vocabulary::parse_time_in_force(self.time_in_force) {
            Some(known) => Ok(known),
            None if strange == Strange::Passed => Ok(TimeInForce::Gtc),
            None => Err(unknown("time in force", self.time_in_force)),
        }
    }

    /// A very old order's is below zero, which means unknown.
    fn filled_notional(&self, strange: Strange) -> Result<Notional, DecodeError> {
        match strange {
            Strange::Passed if self.filled_quote.0.signum() < 0 => Ok(Notional::ZERO),
            Strange::Passed | Strange::Refused => notional(self.filled_quote),
        }
    }

    /// Absent in old orders, where nothing was prevented.
    fn stp(&self, strange: Strange) -> Result<SelfTradePrevention, DecodeError> {
        if self.stp.is_empty() {
            return Ok(SelfTradePrevention::None);
        }
        match vocabulary::parse_stp(self.stp) {
            Some(known) => Ok(known),
            None if strange == Strange::Passed => Ok(SelfTradePrevention::None),
            None => Err(unknown("self-trade prevention", self.stp)),
        }
    }

    /// The reason is optional on the wire; an expired order without one ended by the venue.
    fn expiry(&self, status: VenueOrderStatus) -> Option<ExpiryReason> {
        match status {
            VenueOrderStatus::Expired => {
                Some(self.expiry.and_then(vocabulary::parse_expiry).unwrap_or(ExpiryReason::Venue))
            }
            _ => None,
        }
    }
}

pub(super) fn order(order: &wire::Order, symbols: &Symbols) -> Result<VenueOrder, DecodeError> {
    OrderWords {
        symbol: &order.symbol,
        id: order.order_id,
        client_id: &order.client_order_id,
        side: &order.side,
        kind: &order.kind,
        time_in_force: &order.time_in_force,
        stp: &order.self_trade_prevention_mode,
        status: &order.status,
        price: order.price,
        trigger: order.stop_price,
        qty: order.orig_qty,
        quote_qty: order.orig_quote_order_qty,
        filled: order.executed_qty,
        filled_quote: order.cummulative_quote_qty,
        prevented: order.prevented_quantity.unwrap_or_default(),
        created: order.time,
        updated: order.update_time,
        working: order.is_working.then_some(order.working_time),
        expiry: order.expiry_reason.as_deref(),
    }
    .read_any(symbols)
}

/// A new order's answer with what filled at once.
pub(super) fn placed(
    result: &wire::OrderResult,
    symbols: &Symbols,
) -> Result<(VenueOrder, Vec<Fill>), DecodeError> {
    let order = OrderWords {
        symbol: &result.symbol,
        id: result.order_id,
        client_id: &result.client_order_id,
        side: &result.side,
        kind: &result.kind,
        time_in_force: &result.time_in_force,
        stp: &result.self_trade_prevention_mode,
        status: &result.status,
        price: result.price,
        trigger: result.stop_price.unwrap_or_default(),
        qty: result.orig_qty,
        quote_qty: result.orig_quote_order_qty,
        filled: result.executed_qty,
        filled_quote: result.cummulative_quote_qty,
        prevented: result.prevented_quantity.unwrap_or_default(),
        created: result.transact_time,
        updated: result.transact_time,
        working: result.working_time,
        expiry: result.expiry_reason.as_deref(),
    }
    .read(symbols)?;
    let fills = result.fills.iter().flatten().map(|fill| {
        Ok(Fill {
            trade_id: TradeId::from_number(fill.trade_id),
            venue_order_id: order.id,
            client_order_id: Some(order.client_order_id),
            instrument: order.instrument,
            side: order.side,
            price: price(fill.price)?,
            qty: qty(fill.qty)?,
            fee: fee(fill.commission, Some(&fill.commission_asset))?,
            // What executes before the answer goes out took.
            liquidity: Liquidity::Taker,
            venue_time: order.updated,
        })
    });
    let fills = fills.collect::<Result<Vec<_>, DecodeError>>()?;
    Ok((order, fills))
}

/// A cancel's answer: the order and the cancel's own name.
pub(super) fn canceled(
    result: &wire::CancelResult,
    symbols: &Symbols,
) -> Result<(VenueOrder, ClientOrderId), DecodeError> {
    let order = OrderWords {
        symbol: &result.symbol,
        id: result.order_id,
        client_id: &result.orig_client_order_id,
        side: &result.side,
        kind: &result.kind,
        time_in_force: &result.time_in_force,
        stp: &result.self_trade_prevention_mode,
        status: &result.status,
        price: result.price,
        trigger: result.stop_price.unwrap_or_default(),
        qty: result.orig_qty,
        quote_qty: result.orig_quote_order_qty,
        filled: result.executed_qty,
        filled_quote: result.cummulative_quote_qty,
        prevented: result.prevented_quantity.unwrap_or_default(),
        created: result.transact_time,
        updated: result.transact_time,
        working: None,
        expiry: None,
    }
    .read(symbols)?;
    Ok((order, client_id(&result.client_order_id)?))
}

pub(super) fn my_trade(trade: &wire::MyTrade, symbols: &Symbols) -> Result<Fill, DecodeError> {
    Ok(Fill {
        trade_id: TradeId::from_number(trade.id),
        venue_order_id: VenueOrderId::from_number(trade.order_id),
        client_order_id: None,
        instrument: row(symbols, &trade.symbol)?.instrument.id,
        side: if trade.is_buyer { Side::Buy } else { Side::Sell },
        price: price(trade.price)?,
        qty: qty(trade.qty)?,
        fee: fee(trade.commission, Some(&trade.commission_asset))?,
        liquidity: if trade.is_maker { Liquidity::Maker } else { Liquidity::Taker },
        venue_time: time(trade.time)?,
    })
}

/// A fee of nothing is no fee, in whatever asset.
pub(super) fn fee(amount: Fixed8, paid_in: Option<&str>) -> Result<Option<Fee>, DecodeError> {
    match paid_in {
        Some(name) if !amount.0.is_zero() => {
            let amount = Amount::try_from(amount.0).map_err(|_| number(amount))?;
            Ok(Some(Fee { asset: asset(name)?, amount }))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::client::testing::symbols;

    const OPEN: &str = r#"{"symbol":"BTCUSDT","orderId":7,"orderListId":-1,"clientOrderId":"web_1","price":"59000.00000000","origQty":"0.50000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767225600000,"updateTime":1767225600000,"isWorking":true,"workingTime":1767225600000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}"#;

    fn read(text: &str) -> Result<VenueOrder, DecodeError> {
        order(&serde_json::from_str(text).unwrap(), &symbols())
    }

    /// What others have on the account is read as far as it concerns us: that it is there, and how much.
    #[test]
    fn orders_that_we_would_not_send_are_read() {
        let plain = read(OPEN).unwrap();
        for (known, strange) in [
            // A trailing stop without a price of its own waits for one to follow.
            (r#""type":"LIMIT""#, r#""trailingDelta":100,"type":"STOP_LOSS_LIMIT""#),
            (r#""type":"LIMIT""#, r#""pegPriceType":"PRIMARY_PEG","type":"PEGGED""#),
            (r#""icebergQty":"0.00000000""#, r#""icebergQty":"0.10000000""#),
            (r#""orderListId":-1"#, r#""orderListId":55"#),
            (r#""timeInForce":"GTC""#, r#""timeInForce":"GTD""#),
            (r#""selfTradePreventionMode":"NONE""#, r#""selfTradePreventionMode":"NEWEST""#),
            (r#""cummulativeQuoteQty":"0.00000000""#, r#""cummulativeQuoteQty":"-1.00000000""#),
        ] {
            assert!(OPEN.contains(known), "{known}");
            assert_eq!(read(&OPEN.replace(known, strange)), Ok(plain.clone()), "{strange}");
        }
        let stop = OPEN.replace("\"LIMIT\"", "\"STOP_LOSS\"").replace("59000.0", "0.0");
        assert_eq!(read(&stop).unwrap().kind, OrderKind::Market);
    }

    /// It may be open, and it is somebody else's.
    #[test]
    fn what_is_not_known_of_an_order_is_the_worst_case() {
        let half = read(&OPEN.replace(r#""status":"NEW""#, r#""status":"HALF""#)).unwrap();
        assert_eq!((half.status, half.leaves()), (VenueOrderStatus::Unknown, half.qty));
        let named = read(&OPEN.replace("web_1", "web 1, and long")).unwrap();
        assert_eq!(named.client_order_id.as_str(), "7");
    }

    /// Which way it goes and how much it is for: nothing of that is guessed.
    #[test]
    fn what_counts_is_not_guessed() {
        for (known, strange) in
            [(r#""side":"SELL""#, r#""side":"BOTH""#), (r#""origQty":"0.5"#, r#""origQty":"-0.5"#)]
        {
            assert!(OPEN.contains(known), "{known}");
            assert!(read(&OPEN.replace(known, strange)).is_err(), "{strange}");
        }
    }
}

//! The kinds of which a line is a row: bars, trades, quotes. Each is where its columns are.

use model::Decimal;

use super::columns::Role;
use super::line::Line;
use super::values::{self, Bad, Scale};
use crate::batch::{self, BUY, SELL};
use crate::error::RowProblem;

/// Finds the column of a role; those that the kind needs are there (`columns::by_name`).
pub(crate) type Find<'a> = &'a dyn Fn(Role) -> usize;

pub(crate) struct Bars {
    open: usize,
    high: usize,
    low: usize,
    close: usize,
    volume: usize,
}

impl Bars {
    pub(crate) fn new(find: Find<'_>) -> Bars {
        Bars {
            open: find(Role::Open),
            high: find(Role::High),
            low: find(Role::Low),
            close: find(Role::Close),
            volume: find(Role::Qty),
        }
    }

    pub(crate) fn add(
        &self,
        line: &Line<'_>,
        scale: &Scale,
        bars: &mut batch::Bars,
    ) -> Result<(), Bad> {
        let price = |at: usize, column| values::price(line.field(at), scale, column);
        let (open, high) = (price(self.open, "open")?, price(self.high, "high")?);
        let (low, close) = (price(self.low, "low")?, price(self.close, "close")?);
        let volume = values::qty(line.field(self.volume), scale, "volume")?;
        if high < low {
            let decimals = u32::from(scale.grid.price_decimals);
            let text = |count| Decimal::new(count, decimals).to_string();
            return Err(RowProblem::HighBelowLow { high: text(high), low: text(low) }.into());
        }
        bars.open.push(open);
        bars.high.push(high);
        bars.low.push(low);
        bars.close.push(close);
        bars.volume.push(volume);
        Ok(())
    }
}

pub(crate) struct Trades {
    id: Option<usize>,
    price: usize,
    qty: usize,
    taker: Taker,
}

/// How the taker's side is told.
pub(crate) enum Taker {
    Unknown,
    Side(usize),
    BuyerMaker(usize),
}

impl Trades {
    pub(crate) fn new(find: Find<'_>, id: Option<usize>, taker: Taker) -> Trades {
        Trades { id, price: find(Role::Price), qty: find(Role::Qty), taker }
    }

    pub(crate) fn add(
        &self,
        line: &Line<'_>,
        scale: &Scale,
        trades: &mut batch::Trades,
    ) -> Result<(), Bad> {
        let price = values::price(line.field(self.price), scale, "price")?;
        let qty = values::qty(line.field(self.qty), scale, "qty")?;
        let taker = match self.taker {
            Taker::Unknown => 0,
            Taker::Side(at) => values::taker(line.field(at))?,
            Taker::BuyerMaker(at) => match values::truth(line.field(at), "is_buyer_maker")? {
                true => SELL,
                false => BUY,
            },
        };
        trades.id.push(self.id.map_or(0, |at| values::id(line.field(at))));
        trades.price.push(price);
        trades.qty.push(qty);
        trades.taker.push(taker);
        Ok(())
    }
}

pub(crate) struct Quotes {
    bid: (usize, usize),
    ask: (usize, usize),
}

impl Quotes {
    pub(crate) fn new(find: Find<'_>) -> Quotes {
        Quotes {
            bid: (find(Role::BidPrice), find(Role::BidQty)),
            ask: (find(Role::AskPrice), find(Role::AskQty)),
        }
    }

    pub(crate) fn add(
        &self,
        line: &Line<'_>,
        scale: &Scale,
        quotes: &mut batch::Quotes,
    ) -> Result<(), Bad> {
        let texts = |(price, qty)| (line.field(price), line.field(qty));
        let bid = values::side_of_quote(texts(self.bid), scale, ("bid_price", "bid_qty"))?;
        let ask = values::side_of_quote(texts(self.ask), scale, ("ask_price", "ask_qty"))?;
        quotes.bid_price.push(bid.0);
        quotes.bid_qty.push(bid.1);
        quotes.ask_price.push(ask.0);
        quotes.ask_qty.push(ask.1);
        Ok(())
    }
}

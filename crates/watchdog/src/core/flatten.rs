//! Selling what is held, where a person has asked for it beforehand (`flatten = true`).
//!
//! Only once no entry order is left, one slice after the other, each with a price below which it is not
//! sold. A spread wider than the collar, an empty side or a price that nobody has seen for a second is
//! held, not sold: in a thin book the sale would be the loss. What stops protect stays with them.

use super::words::{Balance, Instrument, Top};
use crate::amount::Amount;
use crate::limits::FlattenLimit;

/// One slice: what is not sold at once at this price or better is canceled by the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The exchange's text for what is sold.
    pub symbol: String,
    /// Base units, not yet on the exchange's grid.
    pub qty: Amount,
    /// Quote per base, not yet on the exchange's grid: the least that is taken.
    pub price: Amount,
}

/// What is to be done about one holding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slice {
    /// Nothing is free.
    Nothing,
    /// Sell.
    Sell(Sale),
    /// Better not now, and why.
    Hold(String),
}

/// The next slice of what is held of an instrument's base.
pub fn slice(
    limit: &FlattenLimit,
    instrument: &Instrument,
    balances: &[Balance],
    top: Option<&Top>,
) -> Slice {
    let symbol = &instrument.symbol;
    let free = balances.iter().find(|balance| balance.asset == instrument.base);
    let free = free.map_or(Amount::ZERO, |balance| balance.free);
    if !free.is_positive() {
        return Slice::Nothing;
    }
    let Some((bid, wanted)) = top.and_then(|top| top.bid) else {
        return Slice::Hold(format!("{symbol}: nobody bids"));
    };
    let Some(mid) = top.and_then(Top::mid) else {
        return Slice::Hold(format!("{symbol}: nobody asks, so there is no middle to sell near"));
    };
    let floor = mid.bps(limit.collar_bps).and_then(|collar| mid.checked_sub(collar));
    let (Some(floor), Some(most)) = (floor, limit.slice_max.checked_div(bid)) else {
        return Slice::Hold(format!("{symbol}: the slice cannot be computed"));
    };
    if bid < floor {
        return Slice::Hold(format!("{symbol}: the best bid {bid} is below the collar {floor}"));
    }
    let there = wanted.bps(limit.depth_max_percent * 100).unwrap_or_default();
    let qty = free.min(most).min(there);
    Slice::Sell(Sale { symbol: symbol.clone(), qty, price: floor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::instruments;

    #[test]
    fn slices_are_small_and_never_below_the_collar() {
        let amount = |text: &str| Amount::parse(text).unwrap();
        let limit =
            FlattenLimit { collar_bps: 100, slice_max: amount("500"), depth_max_percent: 50 };
        let instrument = &instruments()[0];
        let next = |free: &str, bid: Option<(&str, &str)>, ask: Option<&str>| {
            let free = amount(free);
            let balances = [Balance { asset: "BTC".into(), free, total: free }];
            let top = Top {
                symbol: "BTCUSDT".into(),
                bid: bid.map(|(price, qty)| (amount(price), amount(qty))),
                ask: ask.map(|price| (amount(price), Amount::whole(1))),
            };
            match slice(&limit, instrument, &balances, Some(&top)) {
                Slice::Nothing => "nothing".to_owned(),
                Slice::Sell(sale) => format!("{} at {}", sale.qty, sale.price),
                Slice::Hold(why) => why,
            }
        };
        assert_eq!(next("0", Some(("100", "9")), Some("101")), "nothing");
        assert_eq!(next("2", Some(("100", "90")), Some("100")), "2 at 99");
        assert_eq!(next("20", Some(("100", "90")), Some("100")), "5 at 99", "500 of quote");
        assert_eq!(next("20", Some(("100", "4")), Some("100")), "2 at 99", "half of what is there");
        assert!(next("2", None, Some("100")).contains("nobody bids"));
        assert!(next("2", Some(("100", "9")), None).contains("nobody asks"));
        assert!(next("2", Some(("90", "9")), Some("110")).contains("90 is below the collar 99"));
    }
}

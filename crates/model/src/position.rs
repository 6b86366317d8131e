//! A position: what we hold of an instrument, what it cost, and what closing parts of it brought.
//!
//! Average-cost accounting. The cost of the open quantity is kept as one sum and not as an average
//! price, so that nothing is lost by dividing: closing everything takes out exactly what was put
//! in. Closing a part takes out its share of the cost, rounded at the 18th digit.
//!
//! Fees are a ledger of their own, per asset: turning a fee in a third asset into quote needs a
//! price, and choosing one is not accounting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, Rounding};
use crate::fill::Fill;
use crate::ids::Asset;
use crate::money::{Amount, NetQty, Price, Qty};

/// Position in one instrument, of one agent or of the whole account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    net: Decimal,
    /// What the open quantity cost, quote units; never negative.
    cost: Decimal,
    realized: Decimal,
    fees: BTreeMap<Asset, Amount>,
}

/// A fill too large to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fill {0} does not fit the position's range")]
pub struct Uncountable(pub crate::ids::TradeId);

impl Position {
    /// Quantity held, above zero long, below zero short.
    pub fn net(&self) -> NetQty {
        NetQty::try_from(self.net).unwrap_or(NetQty::ZERO)
    }

    /// Average price of what is held; `None` when flat.
    pub fn entry_price(&self) -> Option<Price> {
        Price::try_from(self.cost.checked_div(self.net.abs(), Rounding::Down)?).ok()
    }

    /// Profit of what was closed, before fees, in quote units.
    pub fn realized(&self) -> Amount {
        Amount::try_from(self.realized).unwrap_or(Amount::ZERO)
    }

    /// Fees paid so far, per asset; below zero is a rebate.
    pub fn fees(&self) -> &BTreeMap<Asset, Amount> {
        &self.fees
    }

    /// Profit that closing everything at `mark` would add to [`Position::realized`].
    pub fn unrealized(&self, mark: Price) -> Option<Amount> {
        let value = mark.get().checked_mul(self.net, Rounding::Down)?;
        let signed_cost = if self.net.signum() < 0 { self.cost.checked_neg()? } else { self.cost };
        Amount::try_from(value.checked_sub(signed_cost)?).ok()
    }

    /// Takes one execution into account. All or nothing: on an error nothing has changed.
    pub fn apply(&mut self, fill: &Fill) -> Result<(), Uncountable> {
        self.clone().applied(fill).map(|next| *self = next).ok_or(Uncountable(fill.trade_id))
    }

    fn applied(mut self, fill: &Fill) -> Option<Position> {
        let delta = NetQty::of(fill.side, fill.qty).get();
        let value = fill.price.notional(fill.qty, Rounding::Down)?.get();
        let same_direction = self.net.signum() * delta.signum() >= 0;
        if same_direction {
            self.cost = self.cost.checked_add(value)?;
        } else {
            self.close(fill.qty, fill.price)?;
        }
        self.net = self.net.checked_add(delta)?;
        if let Some(fee) = fill.fee {
            let paid = self.fees.entry(fee.asset).or_insert(Amount::ZERO);
            *paid = paid.checked_add(fee.amount)?;
        }
        Some(self)
    }

    /// Against the position: realise the closed part, and what goes through zero opens anew.
    fn close(&mut self, qty: Qty, price: Price) -> Option<()> {
        let held = self.net.abs();
        let closed = qty.get().min(held);
        let cost = if closed == held {
            self.cost
        } else {
            self.cost.checked_mul(closed, Rounding::Down)?.checked_div(held, Rounding::Down)?
        };
        let proceeds = price.get().checked_mul(closed, Rounding::Down)?;
        let profit = match self.net.signum() {
            1 => proceeds.checked_sub(cost)?,
            _ => cost.checked_sub(proceeds)?,
        };
        self.realized = self.realized.checked_add(profit)?;
        let opened = qty.get().checked_sub(closed)?;
        self.cost = if opened.is_zero() {
            self.cost.checked_sub(cost)?
        } else {
            price.get().checked_mul(opened, Rounding::Down)?
        };
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fill::{Fee, Liquidity};
    use crate::ids::{InstrumentId, TradeId, VenueOrderId};
    use crate::side::Side;
    use crate::time::Timestamp;

    fn fill(side: Side, qty: &str, price: &str) -> Fill {
        Fill {
            trade_id: TradeId::from_number(1),
            venue_order_id: VenueOrderId::from_number(1),
            client_order_id: None,
            instrument: InstrumentId::new("BTC-USDT").unwrap(),
            side,
            price: price.parse().unwrap(),
            qty: qty.parse().unwrap(),
            fee: Some(Fee { asset: Asset::new("BNB").unwrap(), amount: "0.001".parse().unwrap() }),
            liquidity: Liquidity::Taker,
            venue_time: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_story_long_reduced_flipped_short_and_closed() {
        use Side::{Buy, Sell};
        // side, qty, price; then net, entry price, realised
        let story = [
            (Buy, "2", "100", "2", Some("100"), "0"),
            (Buy, "2", "110", "4", Some("105"), "0"),
            (Sell, "1", "115", "3", Some("105"), "10"),
            (Sell, "5", "95", "-2", Some("95"), "-20"),
            (Buy, "2", "90", "0", None, "-10"),
        ];
        let mut position = Position::default();
        for (side, qty, price, net, entry, realized) in story {
            position.apply(&fill(side, qty, price)).unwrap();
            assert_eq!(position.net().to_string(), net);
            assert_eq!(position.entry_price(), entry.map(|p| p.parse().unwrap()));
            assert_eq!(position.realized().to_string(), realized);
        }
        let bnb = Asset::new("BNB").unwrap();
        assert_eq!(position.fees()[&bnb].to_string(), "0.005");
    }

    proptest! {
        /// Money is conserved: what was paid and received equals realised plus open profit.
        #[test]
        fn cash_flow_equals_profit(trades in prop::collection::vec((any::<bool>(), 1i64..1_000_000, 1i64..10_000_000), 1..40)) {
            let mut position = Position::default();
            let mut cash = Decimal::ZERO;
            for (buy, qty, price) in trades {
                let side = if buy { Side::Buy } else { Side::Sell };
                let mut one = fill(side, "1", "1");
                one.qty = Qty::try_from(Decimal::new(qty, 5)).unwrap();
                one.price = Price::try_from(Decimal::new(price, 2)).unwrap();
                let value = one.price.notional(one.qty, Rounding::Down).unwrap().get();
                cash = if buy { cash.checked_sub(value) } else { cash.checked_add(value) }.unwrap();
                position.apply(&one).unwrap();
            }
            let mark: Price = "123.45".parse().unwrap();
            let held = mark.get().checked_mul(position.net().get(), Rounding::Down).unwrap();
            let total = position.realized().get().checked_add(position.unrealized(mark).unwrap().get()).unwrap();
            let error = cash.checked_add(held).unwrap().checked_sub(total).unwrap().abs();
            prop_assert!(error <= Decimal::new(40, 18), "off by {error}");
        }
    }
}

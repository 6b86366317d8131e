//! Fees: how much, in which asset, and what a buy sets aside for them.

use model::{Asset, Decimal, Liquidity, Rounding, Side};

use crate::accounts::more;
use crate::venue::{FeesIn, SimVenue};

/// Fees are cut to this many digits behind the point.
const FEE_DECIMALS: u32 = 8;

impl SimVenue {
    /// What an execution costs an account, and in which asset. Both amounts are those that change hands.
    pub(crate) fn fee(
        &self,
        account: usize,
        liquidity: Liquidity,
        side: Side,
        (base, base_qty): (Asset, Decimal),
        (quote, quote_qty): (Asset, Decimal),
    ) -> (Asset, Decimal) {
        let rate = match liquidity {
            Liquidity::Maker => self.fees.maker,
            Liquidity::Taker => self.fees.taker,
        };
        if let FeesIn::Third(asset, price) = self.fees_in
            && let Some(worth) = quote_qty.checked_div(price.get(), Rounding::Down)
        {
            let fee = fee_of(worth, rate, Rounding::Down);
            if fee <= self.accounts.funds(account).free(asset) {
                return (asset, fee);
            }
        }
        match (self.fees_in, side) {
            // Cut against the trader, as venues do that take it from what was received.
            (FeesIn::Received | FeesIn::Third(..), Side::Buy) => {
                (base, fee_of(base_qty, rate, Rounding::Up))
            }
            (FeesIn::Received | FeesIn::Third(..), Side::Sell) => {
                (quote, fee_of(quote_qty, rate, Rounding::Up))
            }
            // Cut the other way: many small fees must not be more than was set aside for one large.
            (FeesIn::Quote, _) => (quote, fee_of(quote_qty, rate, Rounding::Down)),
        }
    }

    /// What a buy of this much quote sets aside: it, and the dearer of the fees where they come on
    /// top.
    pub(crate) fn with_fee(&self, notional: Decimal) -> Decimal {
        match self.fees_in {
            FeesIn::Received | FeesIn::Third(..) => notional,
            FeesIn::Quote => more(notional, fee_of(notional, self.dearer(), Rounding::Up)),
        }
    }

    /// How much of an amount of quote is left for buying when its fee is paid from it, too.
    pub(crate) fn without_fee(&self, notional: Decimal) -> Decimal {
        match self.fees_in {
            FeesIn::Received | FeesIn::Third(..) => notional,
            FeesIn::Quote => {
                let whole = more(Decimal::ONE, self.dearer());
                notional.checked_div(whole, Rounding::Down).unwrap_or(notional)
            }
        }
    }

    fn dearer(&self) -> Decimal {
        self.fees.taker.max(self.fees.maker).max(Decimal::ZERO)
    }
}

/// The fee on an amount, never more than it. A rate below zero is a rebate, rounded the other way.
fn fee_of(amount: Decimal, rate: Decimal, rounding: Rounding) -> Decimal {
    let rounding = match rounding {
        Rounding::Up if rate < Decimal::ZERO => Rounding::Down,
        other => other,
    };
    let fee = amount.checked_mul(rate, rounding);
    let fee = fee.and_then(|fee| fee.round_to(FEE_DECIMALS, rounding));
    fee.unwrap_or(Decimal::ZERO).min(amount)
}

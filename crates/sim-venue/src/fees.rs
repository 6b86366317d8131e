//! Fees: how much, in which asset, and what a buy sets aside for them.

use model::venue::FeeRates;
use model::{AccountId, Asset, Decimal, Liquidity, Rounding, Side, Timestamp};

use crate::accounts::more;
use crate::tiers::{FeeSchedule, FeeTier, FeeTiers};
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
            Liquidity::Maker => self.rates(account).maker,
            Liquidity::Taker => self.rates(account).taker,
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
}

impl SimVenue {
    /// What trading costs from now on. What was traded before this does not count.
    pub fn charge_by(&mut self, now: Timestamp, schedule: FeeSchedule) {
        self.fees = schedule.lowest().rates;
        self.tiers = FeeTiers::new(now, schedule).map(Box::new);
    }

    /// The tier of an account and what it has traded in the last thirty days; `None` where fees do not depend on
    /// that.
    pub fn fee_tier(&mut self, now: Timestamp, account: AccountId) -> Option<(FeeTier, Decimal)> {
        let index = self.accounts.index(&account)?;
        self.volume_passes(now, index);
        self.tiers.as_ref()?.of(index)
    }

    /// What an execution of an account costs.
    pub(crate) fn rates(&self, account: usize) -> FeeRates {
        let tier = self.tiers.as_ref().and_then(|tiers| tiers.of(account));
        tier.map_or(self.fees, |(tier, _)| tier.rates)
    }

    /// The dearest that an execution may come to before its order is over.
    fn dearer(&self) -> Decimal {
        let flat = || self.fees.taker.max(self.fees.maker).max(Decimal::ZERO);
        self.tiers.as_ref().map_or_else(flat, |tiers| tiers.dearest())
    }

    /// What is thirty days old by now does not count any more.
    pub(crate) fn volume_passes(&mut self, now: Timestamp, account: usize) {
        if let Some(tiers) = &mut self.tiers {
            tiers.passes(now, account);
        }
    }

    /// An account has traded this much.
    pub(crate) fn volume_grows(&mut self, now: Timestamp, account: usize, notional: Decimal) {
        if let Some(tiers) = &mut self.tiers {
            tiers.grows(now, account, notional);
        }
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

#[cfg(test)]
mod tests;

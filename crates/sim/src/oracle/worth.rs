//! What the account is worth at the venue, and the most it ever was: by the balances that the venue's engine
//! tells, and by the middle that the market has.
//!
//! Deposits and withdrawals change the most by the factor by which they change the account.

use std::collections::BTreeMap;

use model::venue::AccountEvent;
use model::{Amount, Asset, Decimal, Rounding};

/// The gateway's prices are the middle of a book that its own orders are in.
const HIGH_SLACK_BPS: i64 = 30;

/// In quote units, and hundredths of a percent.
#[derive(Debug)]
pub(crate) struct Worth {
    base: Asset,
    quote: Asset,
    held: BTreeMap<Asset, Amount>,
    middle: Decimal,
    high: Option<Decimal>,
    /// The largest part of it that was ever lost.
    worst_bps: i64,
    /// What the journal last said the most is.
    marked: Option<Decimal>,
}

impl Worth {
    pub(super) fn new(base: Asset, quote: Asset, held: BTreeMap<Asset, Amount>) -> Worth {
        let (middle, high, marked) = (Decimal::ZERO, None, None);
        Worth { base, quote, held, middle, high, worst_bps: 0, marked }
    }

    /// The market is here now, in ticks of a hundredth.
    pub(super) fn market(&mut self, middle: i64) {
        self.middle = Decimal::new(middle, 2);
        self.look();
    }

    /// Something happened to the account.
    pub(super) fn happened(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Balances { balances, .. } => {
                let totals = balances.iter().filter_map(|(asset, b)| Some((*asset, b.total()?)));
                self.held.extend(totals);
                self.look();
            }
            AccountEvent::Transfer { asset, amount, .. } => {
                let before = self.equity();
                let held = self.held.entry(*asset).or_insert(Amount::ZERO);
                *held = held.checked_add(*amount).unwrap_or(*held);
                let after = self.equity();
                for high in [&mut self.high, &mut self.marked].into_iter().flatten() {
                    let product = high.checked_mul(after, Rounding::Up);
                    let scaled = product.and_then(|p| p.checked_div(before, Rounding::Up));
                    *high = scaled.unwrap_or(*high);
                }
            }
            AccountEvent::Order { .. } => {}
        }
    }

    /// The journal says so.
    pub(super) const fn is_marked(&mut self, high: Amount) {
        self.marked = Some(high.get());
    }

    /// The largest part of the most that was ever lost, hundredths of a percent.
    pub(super) const fn worst_bps(&self) -> i64 {
        self.worst_bps
    }

    /// The part that is lost now of what the journal says that the most is.
    pub(super) fn lost_bps(&self) -> i64 {
        self.marked.map_or(0, |high| lost_bps(high, self.equity()))
    }

    /// Does the journal say that it was more than it ever was?
    pub(super) fn is_marked_too_high(&self) -> bool {
        let both = self.marked.zip(self.high);
        both.is_some_and(|(marked, high)| lost_bps(marked, high) > HIGH_SLACK_BPS)
    }

    fn look(&mut self) {
        if self.middle == Decimal::ZERO {
            return;
        }
        let equity = self.equity();
        let high = self.high.map_or(equity, |high| high.max(equity));
        self.high = Some(high);
        self.worst_bps = self.worst_bps.max(lost_bps(high, equity));
    }

    fn equity(&self) -> Decimal {
        let held = |asset: Asset| self.held.get(&asset).map_or(Decimal::ZERO, |held| held.get());
        let base = held(self.base).checked_mul(self.middle, Rounding::Down);
        base.and_then(|base| base.checked_add(held(self.quote))).unwrap_or(Decimal::ZERO)
    }
}

fn lost_bps(high: Decimal, equity: Decimal) -> i64 {
    let gone = high.checked_sub(equity).and_then(|gone| gone.checked_times(10_000));
    let part = gone.and_then(|gone| gone.checked_div(high, Rounding::Down));
    part.and_then(|part| part.round_to(0, Rounding::Down)?.mantissa_at(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use model::{Balance, Timestamp};

    use super::*;

    #[test]
    fn what_is_lost_stays_lost_when_funds_go() {
        let asset = |name| Asset::new(name).unwrap();
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        let (base, quote) = (asset("BTC"), asset("USDT"));
        let held = BTreeMap::from([(base, amount("10")), (quote, amount("1000"))]);
        let mut worth = Worth::new(base, quote, held);
        worth.market(10_000);
        worth.is_marked(amount("2000"));
        worth.market(9_000);
        assert_eq!((worth.worst_bps(), worth.lost_bps()), (500, 500));
        let time = Timestamp::EPOCH;
        worth.happened(&AccountEvent::Transfer { asset: quote, amount: amount("-900"), time });
        let balance = Balance { free: amount("100"), locked: Amount::ZERO };
        worth.happened(&AccountEvent::Balances { balances: vec![(quote, balance)], time });
        assert_eq!((worth.worst_bps(), worth.lost_bps()), (500, 500));
        worth.market(10_000);
        assert!(worth.lost_bps() < 0, "more than it was");
    }

    #[test]
    fn a_most_that_never_was_is_seen() {
        let asset = |name| Asset::new(name).unwrap();
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        let held = BTreeMap::from([(asset("BTC"), amount("10")), (asset("USDT"), amount("1000"))]);
        let mut worth = Worth::new(asset("BTC"), asset("USDT"), held);
        worth.market(10_000);
        worth.is_marked(amount("2006"));
        assert!(!worth.is_marked_too_high(), "prices differ by a little");
        worth.is_marked(amount("2007"));
        assert!(worth.is_marked_too_high());
        worth.market(10_100);
        assert!(!worth.is_marked_too_high(), "now it was");
    }
}

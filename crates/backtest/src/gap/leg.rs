//! What an order came to on one of the two sides that are compared, exact.

use std::collections::BTreeMap;

use model::{
    Amount, Asset, Decimal, Fill, InstrumentId, Liquidity, Price, Qty, Rounding, Side, Timestamp,
};
use serde::Serialize;

/// A sum that no number here can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sum of this run is too large to be counted exactly")]
pub struct Uncountable;

pub(crate) fn plus(one: Decimal, other: Decimal) -> Result<Decimal, Uncountable> {
    one.checked_add(other).ok_or(Uncountable)
}

pub(crate) fn minus(one: Decimal, other: Decimal) -> Result<Decimal, Uncountable> {
    one.checked_sub(other).ok_or(Uncountable)
}

pub(crate) fn times(one: Decimal, other: Decimal) -> Result<Decimal, Uncountable> {
    one.checked_mul(other, Rounding::Down).ok_or(Uncountable)
}

/// What each asset is worth, in which asset it is counted.
pub(crate) type Marks = BTreeMap<InstrumentId, Price>;

/// What an order came to on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leg {
    /// Executions.
    pub fills: u32,
    /// Base units.
    pub filled: Qty,
    /// Price times quantity, quote units.
    pub notional: Decimal,
    /// What it cost, per asset.
    pub fees: BTreeMap<Asset, Decimal>,
    /// Average price.
    pub price: Option<Decimal>,
    /// Its first and last execution, nanoseconds by the clock of the gateway.
    pub times: Option<(i64, i64)>,
    /// All of it took.
    pub took: bool,
    /// How much at which price.
    #[serde(skip)]
    pub(crate) by_price: BTreeMap<Price, Qty>,
}

impl Leg {
    /// Of these executions, whose times are so much ahead of the gateway's clock, nanoseconds.
    pub(crate) fn of<'a>(
        fills: impl IntoIterator<Item = &'a Fill>,
        ahead: i64,
    ) -> Result<Leg, Uncountable> {
        let mut leg = Leg {
            fills: 0,
            filled: Qty::ZERO,
            notional: Decimal::ZERO,
            fees: BTreeMap::new(),
            price: None,
            times: None,
            took: true,
            by_price: BTreeMap::new(),
        };
        for fill in fills {
            leg.fills += 1;
            leg.filled = leg.filled.checked_add(fill.qty).ok_or(Uncountable)?;
            leg.notional = plus(leg.notional, times(fill.price.get(), fill.qty.get())?)?;
            leg.took &= fill.liquidity == Liquidity::Taker;
            if let Some(fee) = fill.fee {
                let sum = leg.fees.entry(fee.asset).or_default();
                *sum = plus(*sum, fee.amount.get())?;
            }
            let level = leg.by_price.entry(fill.price).or_insert(Qty::ZERO);
            *level = level.checked_add(fill.qty).ok_or(Uncountable)?;
            let at = fill.venue_time.nanos().saturating_sub(ahead);
            let (first, last) = leg.times.unwrap_or((at, at));
            leg.times = Some((first.min(at), last.max(at)));
        }
        leg.fees.retain(|_, sum| !sum.is_zero());
        leg.price = leg.notional.checked_div(leg.filled.get(), Rounding::Down);
        leg.took &= leg.fills > 0;
        Ok(leg)
    }

    /// When it executed last, by the gateway's clock.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.times.map(|(_, last)| Timestamp::from_nanos(last))
    }

    /// Is it the same trading, whenever it was and whatever it cost?
    pub(crate) fn trades_as(&self, other: &Leg) -> bool {
        self.by_price == other.by_price
    }

    /// What it changed in each asset.
    pub(crate) fn flows(
        &self,
        side: Side,
        (base, quote): (Asset, Asset),
    ) -> Result<BTreeMap<Asset, Decimal>, Uncountable> {
        let mut flows = BTreeMap::new();
        let mut add = |asset, sum: Decimal| {
            let flow: &mut Decimal = flows.entry(asset).or_default();
            plus(*flow, sum).map(|sum| *flow = sum)
        };
        let negative = |sum: Decimal| minus(Decimal::ZERO, sum);
        let (bought, paid) = match side {
            Side::Buy => (self.filled.get(), negative(self.notional)?),
            Side::Sell => (negative(self.filled.get())?, self.notional),
        };
        add(base, bought)?;
        add(quote, paid)?;
        for (asset, fee) in &self.fees {
            add(*asset, negative(*fee)?)?;
        }
        Ok(flows)
    }
}

/// What such changes are worth in an asset, at the last prices. What has no price in it is left over.
pub(crate) fn worth(
    flows: &BTreeMap<Asset, Decimal>,
    quote: Asset,
    marks: &Marks,
) -> Result<(Decimal, BTreeMap<Asset, Decimal>), Uncountable> {
    let mut sum = Decimal::ZERO;
    let mut left = BTreeMap::new();
    for (asset, flow) in flows {
        if *asset == quote {
            sum = plus(sum, *flow)?;
            continue;
        }
        let pair = InstrumentId::spot(*asset, quote).ok();
        match pair.and_then(|pair| marks.get(&pair)) {
            Some(mark) => sum = plus(sum, times(*flow, mark.get())?)?,
            None if flow.is_zero() => {}
            None => drop(left.insert(*asset, *flow)),
        }
    }
    Ok((sum, left))
}

/// One account less another.
pub(crate) fn change(
    from: &BTreeMap<Asset, Amount>,
    to: &BTreeMap<Asset, Amount>,
) -> Result<BTreeMap<Asset, Decimal>, Uncountable> {
    let mut change = BTreeMap::new();
    for asset in from.keys().chain(to.keys()) {
        let of =
            |sums: &BTreeMap<Asset, Amount>| sums.get(asset).map_or(Decimal::ZERO, |sum| sum.get());
        change.insert(*asset, minus(of(to), of(from))?);
    }
    Ok(change)
}

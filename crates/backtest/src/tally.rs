//! What a backtest counts: a fold over the gateway's records.

use std::collections::{BTreeMap, VecDeque};

use model::{Amount, Asset, Decimal, Entry, Fill, Record, Refusal, Rounding};

use crate::points::Trade;

/// Executions that are listed one by one, of the first ones and of the last ones; the rest is counted.
const TRADES_KEPT: usize = 50_000;

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) orders: u64,
    pub(crate) fills: u64,
    pub(crate) refused: u64,
    pub(crate) rejected: u64,
    pub(crate) refusals: BTreeMap<String, u64>,
    /// By asset.
    pub(crate) fees: BTreeMap<Asset, Amount>,
    /// All fees in quote units, those in the base at the price of their execution.
    pub(crate) fees_paid: Decimal,
    /// Price times quantity of all executions, quote units.
    pub(crate) turnover: Decimal,
    pub(crate) maker_fills: u64,
    first: Vec<Trade>,
    last: VecDeque<Trade>,
}

impl Tally {
    pub(crate) fn take(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Prepared { .. } => self.orders += 1,
            Record::Refused { because, .. } => {
                self.refused += 1;
                *self.refusals.entry(variant(because)).or_default() += 1;
            }
            Record::Rejected { .. } => self.rejected += 1,
            Record::Filled { fill, .. } => self.filled(fill),
            _ => {}
        }
    }

    /// Executions that are kept, oldest first.
    pub(crate) fn trades(&self) -> Vec<Trade> {
        self.first.iter().chain(&self.last).cloned().collect()
    }

    fn filled(&mut self, fill: &Fill) {
        self.fills += 1;
        self.maker_fills += u64::from(fill.liquidity == model::Liquidity::Maker);
        let add = |sum: &mut Decimal, more: Decimal| *sum = sum.checked_add(more).unwrap_or(*sum);
        if let Some(notional) = fill.price.notional(fill.qty, Rounding::Down) {
            add(&mut self.turnover, notional.get());
        }
        if let Some(fee) = fill.fee {
            let sum = self.fees.entry(fee.asset).or_insert(Amount::ZERO);
            *sum = sum.checked_add(fee.amount).unwrap_or(*sum);
            let base = fill.instrument.assets().map(|(base, _)| base);
            let worth = if base == Some(fee.asset) {
                fee.amount.get().checked_mul(fill.price.get(), Rounding::Up)
            } else {
                Some(fee.amount.get())
            };
            add(&mut self.fees_paid, worth.unwrap_or_default());
        }
        if self.first.len() < TRADES_KEPT {
            return self.first.push(Trade::of(fill));
        }
        if self.last.len() >= TRADES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Trade::of(fill));
    }
}

/// The bare name of a refusal, without its numbers.
fn variant(because: &Refusal) -> String {
    let text = format!("{because:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// Grid counts as a number for people.
pub(crate) fn float(count: i64, decimals: u8) -> f64 {
    count as f64 / 10f64.powi(i32::from(decimals))
}

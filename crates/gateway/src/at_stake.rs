//! What everything that is open could lose: the part of the room for losses that is spoken for.
//!
//! An order fits what may be lost yet only together with all orders that may still execute, in every instrument. Of
//! one side of an instrument it is assumed that all of it executes, each order at its own worst price, and that the
//! market then goes to the other end of the collar; of the two sides the worse one, for both together leave less.
//! What merely closes a position loses nothing by that, and who sells what the account held before the journal began is
//! not short: it loses at most from the reference to the lower end. It is kept up to date instrument by instrument, as
//! their orders and their prices change, so that an order reads two figures and adds up none; what is open of only one
//! waits until it is asked for.

use model::{Effects, InstrumentId, Notional, Price, Qty, Record, Rounding, Side};

use crate::books::{Costs, Exposure};
use crate::equity::At;
use crate::gateway::Gateway;
use crate::stakes::Stake;

impl Gateway {
    /// What was written down may have changed what is open.
    pub(crate) fn note_stakes(&mut self, record: &Record) {
        let id = match record {
            Record::Prepared { order, .. } => return self.stake(order.instrument),
            Record::Filled { fill, .. } | Record::Busted { fill, .. } => {
                return self.stake(fill.instrument);
            }
            Record::Foreign { order } => return self.stake(order.instrument),
            Record::ForeignGone { .. } | Record::Started { .. } => return self.stake_all(),
            // What is owned may be more, or less.
            Record::Transferred { .. } | Record::Balances { partial: false, .. } => {
                return self.stake_all();
            }
            Record::Accepted { client_order_id, .. }
            | Record::Rejected { client_order_id, .. }
            | Record::CancelRejected { client_order_id, .. }
            | Record::InDoubt { client_order_id, .. }
            | Record::Ended { client_order_id, .. } => client_order_id,
            // No other makes an order more or less open.
            _ => return,
        };
        if let Some(instrument) = self.books.order(id).map(|order| order.order.instrument) {
            self.stake(instrument);
        }
    }

    /// Orders, prices or limits of all instruments may be others.
    pub(crate) fn stake_all(&mut self) {
        let all: Vec<InstrumentId> = self.books.exposures().map(|(id, _)| id).collect();
        all.into_iter().for_each(|instrument| self.stake(instrument));
    }

    /// The market of this one moved. What could not be told of another may be told by it, and what is paid in an asset
    /// that it values is worth another sum.
    pub(crate) fn stake_by_market(&mut self, instrument: InstrumentId) {
        // Where nothing is open a price changes nothing.
        if self.stakes.are_none() {
            return;
        }
        // Nearly every change of a book is behind the best prices, and what is open loses no more by it.
        let counted = self.stakes.counted_at(instrument);
        let in_valuation = self.quote(instrument) == self.equity.valuation();
        let has_moved = counted.is_none_or(|at| at != self.middle_of_range(instrument));
        if in_valuation && self.stakes.are_only_of(instrument) {
            return self.stakes.has_moved(instrument, has_moved);
        }
        if !in_valuation || has_moved {
            self.stake(instrument);
        }
        if self.stakes.are_only_of(instrument) {
            return;
        }
        let is_paid_in_it = |id: &InstrumentId| {
            let quote = self.quote(*id);
            quote.is_some_and(|quote| self.equity.is_valued_by(quote, instrument))
        };
        let others = self.stakes.all().filter(|id| *id != instrument && is_paid_in_it(id));
        let others: Vec<InstrumentId> = others.chain(self.stakes.unknown()).collect();
        others.into_iter().for_each(|instrument| self.stake(instrument));
    }

    /// An order was refused because nobody knows what some other one could lose: says once of each instrument that it
    /// is this one, for the refusal names none.
    pub(crate) fn say_unknown_stakes(&mut self, effects: &mut Effects) {
        self.count_moved();
        for instrument in self.stakes.not_yet_said() {
            let text = format!(
                "nobody knows what the sells of {instrument} that are open could lose: there is no price of it yet, and more is \
                 ordered than the account has; no order that adds risk is let through in any instrument until there is one, or \
                 they are taken back"
            );
            self.alert(text, effects);
        }
    }

    /// Orders or prices of this one may be others.
    pub(crate) fn stake(&mut self, instrument: InstrumentId) {
        // It may not be the only one any more.
        if self.stakes.moved().is_some_and(|moved| moved != instrument) {
            self.count_moved();
        }
        self.count(instrument);
    }

    /// What counts beside an order of this side of an instrument.
    pub(crate) fn beside(&self, instrument: InstrumentId, side: Side) -> Option<Notional> {
        let Some(moved) = self.stakes.moved() else { return self.stakes.beside(instrument, side) };
        self.stake_of(moved)?.beside((instrument == moved).then_some(side))
    }

    fn count_moved(&mut self) {
        if let Some(moved) = self.stakes.moved() {
            self.count(moved);
        }
    }

    fn count(&mut self, instrument: InstrumentId) {
        let stake = self.stake_of(instrument);
        self.stakes.is(instrument, stake);
        if stake.is_some() {
            self.stakes.is_counted_at(instrument, self.middle_of_range(instrument));
        }
    }

    /// What the open orders of one could lose; `None` where there are none.
    fn stake_of(&self, instrument: InstrumentId) -> Option<Stake> {
        let exposure = self.books.exposure(instrument);
        let is_open = !(exposure.working_buys.is_zero() && exposure.working_sells.is_zero());
        is_open.then(|| {
            let costs = self.books.costs(instrument);
            let range = self.range(instrument);
            let owned = self.owned(instrument);
            let lost = |side| could_lose(side, &exposure, &costs, (range, owned));
            let of = |side| self.in_valuation(instrument, lost(side));
            Stake { buys: of(Side::Buy), sells: of(Side::Sell) }
        })
    }

    /// How much of its base there is by our own count, locked or not.
    fn owned(&self, instrument: InstrumentId) -> Qty {
        let base = match self.markets.get(instrument) {
            Some(market) => Some(market.instrument().base),
            None => instrument.assets().map(|(base, _)| base),
        };
        let counted = base.and_then(|base| self.books.counted(base));
        counted.and_then(|amount| Qty::try_from(amount.get()).ok()).unwrap_or(Qty::ZERO)
    }

    /// Both ends of the collar around the last reference price.
    fn range(&self, instrument: InstrumentId) -> Range {
        if self.markets.get(instrument).is_none() {
            return Range::Nothing;
        }
        let limits = self.config.limits.instrument.get(&instrument);
        let bps = limits.map_or(10_000, |limits| i64::from(limits.collar_bps));
        let Some(reference) = self.middle_of_range(instrument) else { return Range::Unknown };
        // A collar of 100 % and more has no lower edge.
        reference.shifted_bps(bps).map_or(Range::Unknown, |high| Range::Known {
            low: reference.shifted_bps(-bps),
            reference,
            high,
        })
    }

    /// The reference price that the collar is around.
    fn middle_of_range(&self, instrument: InstrumentId) -> Option<Price> {
        let shown = || self.markets.get(instrument)?.reference_price();
        self.mark(instrument).or_else(shown)
    }

    fn in_valuation(&self, instrument: InstrumentId, lost: Option<Notional>) -> Option<Notional> {
        let (lost, quote) = (lost?, self.quote(instrument)?);
        if lost == Notional::ZERO || Some(quote) == self.equity.valuation() {
            return Some(lost);
        }
        let worth = self.equity.worth_of(quote, lost.get().try_into().ok()?, At::Highest)?;
        Notional::try_from(worth.get()).ok()
    }
}

/// Where the price of an instrument may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Known {
        low: Option<Price>,
        reference: Price,
        high: Price,
    },
    /// There was no price yet.
    Unknown,
    /// It is not followed, so what is held of it counts for nothing.
    Nothing,
}

/// What one side could lose, quote units. `owned` is what there is of the base.
fn could_lose(
    side: Side,
    exposure: &Exposure,
    costs: &Costs,
    (range, owned): (Range, Qty),
) -> Option<Notional> {
    let qty = match side {
        Side::Buy => exposure.working_buys,
        Side::Sell => exposure.working_sells,
    };
    let closes = if exposure.position.side() == Some(side.opposite()) {
        exposure.position.size()
    } else {
        Qty::ZERO
    };
    let opens = qty.saturating_sub(closes);
    if opens.is_zero() {
        return Some(Notional::ZERO);
    }
    // Of what opens by the books: the part that is not there to be sold.
    let short = match side {
        Side::Buy => opens,
        Side::Sell => opens.min(qty.saturating_sub(owned)),
    };
    let (low, reference, high) = match (range, side) {
        (Range::Known { low, reference, high }, _) => (low, reference, high),
        (Range::Nothing, Side::Sell) => return Some(Notional::ZERO),
        // What has no price counts for nothing in what the account is worth.
        (Range::Unknown, Side::Sell) if short.is_zero() => return Some(Notional::ZERO),
        (Range::Unknown, Side::Sell) => return None,
        // All that is paid.
        (Range::Unknown | Range::Nothing, Side::Buy) => return Some(costs.of(Side::Buy)),
    };
    let at_low = |qty: Qty| match low {
        Some(low) => low.notional(qty, Rounding::Down),
        None => Some(Notional::ZERO),
    };
    let at_high = |qty: Qty| high.notional(qty, Rounding::Up);
    let less = |more: Notional, less: Notional| more.checked_sub(less).unwrap_or(Notional::ZERO);
    let all = match side {
        Side::Buy => less(costs.of(Side::Buy), at_low(qty)?),
        Side::Sell => less(at_high(qty)?, costs.of(Side::Sell)),
    };
    // Which of the orders close nobody knows, but nothing that opens loses more than from one end to the other, and
    // nothing that was owned more than from where it is.
    let owned = reference.notional(opens.saturating_sub(short), Rounding::Up)?;
    let widest = less(at_high(short)?.checked_add(owned)?, at_low(opens)?);
    Some(all.min(widest))
}

#[cfg(test)]
mod tests;

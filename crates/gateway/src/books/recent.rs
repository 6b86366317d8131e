//! What the books remember of the recent past: how each count of an asset came about, and the executions
//! themselves.
//!
//! A venue may show an older picture of an account than it has told by its stream: such a balance is no
//! difference as long as it is one that we have counted lately. And a venue may take an execution back
//! long after: then it takes the execution itself to know what is to be undone. Both are bounded.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{Amount, Asset, ClientOrderId, Fill, InstrumentId, Rounding, Side, Timestamp, TradeId};
use serde::{Deserialize, Serialize};

/// How far behind a balance may be that the venue shows: lists of accounts have been seen to be a minute
/// late (`faults.md`, EXS-03); twice that.
pub(crate) const LAG_MAX: Duration = Duration::from_secs(120);
/// Changes of counts that are remembered. In a burst of more than these a late picture may not be known
/// for one, and the comparison waits until the venue has caught up.
const CHANGES_MAX: usize = 8_192;
/// Executions that can still be undone. An older one that the venue takes back shows as a difference of
/// balances that nobody explains.
const FILLS_MAX: usize = 4_096;

/// The recent past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recent {
    changes: VecDeque<Change>,
    fills: VecDeque<KnownFill>,
}

/// A count went up, or down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    at: Timestamp,
    venue_time: Timestamp,
    asset: Asset,
    amount: Amount,
}

/// An execution as it was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFill {
    /// When it was counted, by our clock.
    pub at: Timestamp,
    /// Of which order of ours; `None` for somebody else's.
    pub client_order_id: Option<ClientOrderId>,
    /// The execution.
    pub fill: Fill,
    /// Another id that the venue gives it.
    pub also: Option<TradeId>,
}

impl KnownFill {
    /// All ids that the venue gives it.
    pub(crate) fn names(&self) -> impl Iterator<Item = TradeId> {
        std::iter::once(self.fill.trade_id).chain(self.also)
    }
}

impl Recent {
    pub(super) fn changed(
        &mut self,
        (at, venue_time): (Timestamp, Timestamp),
        asset: Asset,
        amount: Amount,
    ) {
        let is_old = |change: &Change| at.since(change.at) > LAG_MAX;
        while self.changes.len() >= CHANGES_MAX || self.changes.front().is_some_and(is_old) {
            self.changes.pop_front();
        }
        self.changes.push_back(Change { at, venue_time, asset, amount });
    }

    /// A session begins, by whatever clock, and the last entry of the one before was written then: all is as
    /// old as it was, for nobody knows how long there was none.
    pub(super) fn is_read_at(&mut self, seen: Timestamp, now: Timestamp) {
        let again = |at: Timestamp| now.before(seen.since(at));
        self.changes.iter_mut().for_each(|change| change.at = again(change.at));
        self.fills.iter_mut().for_each(|fill| fill.at = again(fill.at));
    }

    pub(super) fn executed(&mut self, known: KnownFill) {
        self.fills.push_back(known);
        if self.fills.len() > FILLS_MAX {
            self.fills.pop_front();
        }
    }

    /// The venue gives an execution another id, too.
    pub(super) fn also_named(&mut self, instrument: InstrumentId, trade: TradeId, also: TradeId) {
        let is_it =
            |f: &&mut KnownFill| (f.fill.instrument, f.fill.trade_id) == (instrument, trade);
        if let Some(known) = self.fills.iter_mut().find(is_it) {
            known.also = Some(also);
        }
    }

    pub(super) fn undone(&mut self, instrument: InstrumentId, trade: TradeId) {
        self.fills.retain(|f| (f.fill.instrument, f.fill.trade_id) != (instrument, trade));
    }

    pub(super) fn fills(&self) -> impl Iterator<Item = &KnownFill> {
        self.fills.iter()
    }

    /// Was this the count of the asset at some time not longer ago than [`LAG_MAX`], when it is `counted`
    /// now? What happened at the venue before `dated` is in the picture for certain.
    pub(super) fn was(
        &self,
        (now, dated): (Timestamp, Option<Timestamp>),
        asset: Asset,
        counted: Amount,
        told: Amount,
    ) -> bool {
        let lately = self.changes.iter().rev().take_while(|c| now.since(c.at) <= LAG_MAX);
        let may_be_missing = |c: &&Change| dated.is_none_or(|dated| c.venue_time > dated);
        let mut then = counted;
        for change in lately.filter(|c| c.asset == asset).take_while(may_be_missing) {
            let Some(before) = then.checked_sub(change.amount) else { return false };
            if before == told {
                return true;
            }
            then = before;
        }
        false
    }
}

/// What an execution does to the two assets and to the one that pays the fee, below zero for what goes.
/// `None` where a sum has no room, or the instrument is none of two assets.
pub(crate) fn effects_of(fill: &Fill) -> Option<BTreeMap<Asset, Amount>> {
    let (base, quote) = fill.instrument.assets()?;
    let notional = Amount::from(fill.price.notional(fill.qty, Rounding::Down)?);
    let qty = Amount::from(fill.qty);
    let (qty, notional) = match fill.side {
        Side::Buy => (qty, negative(notional)?),
        Side::Sell => (negative(qty)?, notional),
    };
    let mut effects = BTreeMap::from([(base, qty), (quote, notional)]);
    if let Some(fee) = fill.fee {
        let paid = effects.entry(fee.asset).or_insert(Amount::ZERO);
        *paid = paid.checked_sub(fee.amount)?;
    }
    Some(effects)
}

/// The same amount with the other sign.
pub(super) fn negative(amount: Amount) -> Option<Amount> {
    Amount::ZERO.checked_sub(amount)
}

//! Reconciliation: the difference between our books and the venue's, as a pure function.
//!
//! It says what differs and leaves the correction to whoever asked: reports go through the same
//! merge as any other report, absent orders are asked for one by one, a balance is looked at twice.
//! No difference is ever corrected by sending an order. `docs/reconciliation.md` has the whole table.

use std::collections::{BTreeMap, BTreeSet};

use model::venue::{AccountSnapshot, VenueOrder, VenueOrderStatus};
use model::{Amount, Asset, ClientOrderId, Instrument, Rounding, Timestamp};

use crate::books::{Books, KnownFill, LAG_MAX, VenueKey, effects_of};

/// Smallest steps of dust that are taken over of one asset in all. What leaks a little at a time is a
/// leak.
const DUST_STEPS_MAX: i64 = 100;

/// What was read from the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VenueSnapshot {
    /// When the reading began: an order written down later may rightly be missing from it.
    pub started: Timestamp,
    /// When it was complete.
    pub read: Timestamp,
    /// Of which time its balances are, by the venue's clock, where it says so.
    pub dated: Option<Timestamp>,
    /// Open orders of every instrument.
    pub open: Vec<VenueOrder>,
    /// Balances, read last.
    pub account: AccountSnapshot,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The venue has this order open, and our books do not, or not in this state.
    AtVenue(VenueOrder),
    /// We believe that this order is open, and the venue does not show it.
    NotAtVenue(ClientOrderId),
    /// An order of somebody else was open, and the venue does not show it any more.
    ForeignNotAtVenue(VenueKey),
    /// Our own count of an asset is not the venue's, and was not lately.
    Balance {
        /// Which asset.
        asset: Asset,
        /// Counted.
        ours: Amount,
        /// Told.
        theirs: Amount,
    },
}

/// All differences. `in_flight` names orders with a request under way: their answer comes by itself.
pub(crate) fn differences(
    books: &Books,
    venue: &VenueSnapshot,
    in_flight: &BTreeSet<ClientOrderId>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut at_venue = BTreeSet::new();
    for order in &venue.open {
        let ours = books.order(&order.client_order_id).filter(|ours| ours.is(order));
        let agrees = match ours {
            Some(ours) => {
                at_venue.insert(ours.order.client_order_id);
                let is_known = order.status != VenueOrderStatus::Unknown;
                ours.state.is_open()
                    && is_known
                    && ours.accepted_at.is_some()
                    && ours.is_filled_as(order.filled)
                    && !ours.is_triggered_by(order)
            }
            None => books.foreign_order((order.instrument, order.id)).is_some_and(|known| {
                (known.status, known.filled, known.qty) == (order.status, order.filled, order.qty)
            }),
        };
        if !agrees {
            found.push(Difference::AtVenue(order.clone()));
        }
    }
    for order in books.open_orders() {
        let id = order.order.client_order_id;
        // Written down in the future: by an earlier session, whose clock was ahead of ours.
        let earlier = order.prepared_at < venue.started || order.prepared_at > venue.read;
        let expected = earlier && !in_flight.contains(&id);
        if expected && !at_venue.contains(&id) {
            found.push(Difference::NotAtVenue(id));
        }
    }
    let key = |order: &VenueOrder| (order.instrument, order.id);
    let shown: BTreeSet<VenueKey> = venue.open.iter().map(key).collect();
    let gone = books.foreign_orders().map(key).filter(|theirs| !shown.contains(theirs));
    found.extend(gone.map(Difference::ForeignNotAtVenue));
    found.extend(balances(books, venue));
    found
}

fn balances<'a>(
    books: &'a Books,
    venue: &'a VenueSnapshot,
) -> impl Iterator<Item = Difference> + 'a {
    let told = &venue.account.balances;
    // Before the first balance there is no count to compare with. What a venue does not list it has
    // nothing of.
    let counts = books.counts().iter().filter_map(|(asset, ours)| {
        let theirs = told.get(asset).map_or(Some(Amount::ZERO), |balance| balance.total())?;
        Some((*asset, *ours, theirs))
    });
    counts
        .filter(|(asset, _, theirs)| {
            !books.counted_lately(venue.read, venue.dated, *asset, *theirs)
        })
        .map(|(asset, ours, theirs)| Difference::Balance { asset, ours, theirs })
}

/// All balances that are not what we count now, ours and theirs.
pub(crate) fn apart(books: &Books, account: &AccountSnapshot) -> BTreeMap<Asset, (Amount, Amount)> {
    let counts = books.counts().iter().filter_map(|(asset, ours)| {
        let told = account.balances.get(asset);
        Some((*asset, *ours, told.map_or(Some(Amount::ZERO), |balance| balance.total())?))
    });
    let apart = counts.filter(|(_, ours, theirs)| ours != theirs);
    apart.map(|(asset, ours, theirs)| (asset, (ours, theirs))).collect()
}

/// What a difference of balances is, once every execution is counted and it has been seen twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Less than a step.
    Dust,
    /// More than we know of.
    Gain,
    /// Less than we know of.
    Loss,
}

/// The kind of one difference. `step` is the smallest part of the asset that can be traded.
pub(crate) fn kind(delta: Amount, step: Option<Amount>, dust_so_far: Amount) -> Kind {
    let size = if delta < Amount::ZERO { Amount::ZERO.checked_sub(delta) } else { Some(delta) };
    let is_dust = step.zip(size).is_some_and(|(step, size)| {
        let most = step.get().checked_times(DUST_STEPS_MAX);
        let sum = dust_so_far.checked_add(size);
        size < step && most.zip(sum).is_some_and(|(most, sum)| sum.get() <= most)
    });
    match (is_dust, delta < Amount::ZERO) {
        (true, _) => Kind::Dust,
        (false, true) => Kind::Loss,
        (false, false) => Kind::Gain,
    }
}

/// The smallest part of an asset that any of these instruments moves: a lot of the base, a tick of a lot
/// of the quote.
pub(crate) fn step<'a>(
    asset: Asset,
    instruments: impl Iterator<Item = &'a Instrument>,
) -> Option<Amount> {
    let steps = instruments.filter_map(|instrument| {
        let (tick, lot) = (instrument.tick.get(), instrument.lot.get());
        if instrument.base == asset {
            return Amount::try_from(lot).ok();
        }
        let value = tick.checked_mul(lot, Rounding::Up)?;
        (instrument.quote == asset).then(|| Amount::try_from(value).ok()).flatten()
    });
    steps.min()
}

/// Until when one of these executions, which the venue's history does not show, is so young that the venue may
/// only be late. Where its balances are of a time after an execution, it is not.
pub(crate) fn young_until(dated: Option<Timestamp>, absent: &[KnownFill]) -> Option<Timestamp> {
    let may_be_late = |known: &&KnownFill| dated.is_none_or(|dated| known.fill.venue_time >= dated);
    absent.iter().filter(may_be_late).map(|known| known.at.after(LAG_MAX)).max()
}

/// Does the absence of these executions explain the differences of the balances exactly?
pub(crate) fn explain(absent: &[KnownFill], deltas: &BTreeMap<Asset, Amount>) -> bool {
    let mut explained: BTreeMap<Asset, Amount> = BTreeMap::new();
    for known in absent {
        let Some(effects) = effects_of(&known.fill) else { return false };
        for (asset, amount) in effects {
            let sum = explained.entry(asset).or_insert(Amount::ZERO);
            let Some(less) = sum.checked_sub(amount) else { return false };
            *sum = less;
        }
    }
    explained.retain(|_, amount| *amount != Amount::ZERO);
    explained == *deltas
}

#[cfg(test)]
mod tests;

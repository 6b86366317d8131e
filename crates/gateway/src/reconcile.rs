//! Reconciliation: the difference between our books and the venue's, as a pure function.
//!
//! It says what differs and leaves the correction to whoever asked: reports go through the same
//! merge as any other report, absent orders are asked for one by one, a balance is looked at twice.
//! No difference is ever corrected by sending an order.

use std::collections::BTreeSet;

use model::venue::{AccountSnapshot, VenueOrder};
use model::{Amount, Asset, ClientOrderId, Timestamp};

use crate::books::Books;

/// What was read from the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VenueSnapshot {
    /// When the reading began: an order written down later may rightly be missing from it.
    pub started: Timestamp,
    /// When it was complete.
    pub read: Timestamp,
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
    /// Our own count of an asset is not the venue's.
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
        at_venue.extend(ours.map(|ours| ours.order.client_order_id));
        let agrees = ours.is_some_and(|o| {
            o.state.is_open() && o.accepted_at.is_some() && o.filled == order.filled
        });
        if !agrees && !books.knows_foreign(&order.id) {
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
    found.extend(balances(books, &venue.account));
    found
}

fn balances<'a>(
    books: &'a Books,
    account: &'a AccountSnapshot,
) -> impl Iterator<Item = Difference> + 'a {
    let told = account.balances.iter().filter_map(|(asset, b)| Some((*asset, b.total()?)));
    told.filter_map(|(asset, theirs)| {
        // Before the first balance there is no count to compare with.
        let ours = books.counted(asset)?;
        (ours != theirs).then_some(Difference::Balance { asset, ours, theirs })
    })
}

#[cfg(test)]
mod tests;

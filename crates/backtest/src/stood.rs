//! What stood at the exchange when a gateway's process ended: it stands there on, and the books of the process are the only
//! ones that outlived it.

use gateway::{Books, TrackedOrder};
use model::VenueOrderId;
use sim_venue::StoodOrder;

/// Orders that are open by these books and that the exchange has answered, in the order in which it took them.
pub(crate) fn stood(books: &Books) -> Vec<(&TrackedOrder, StoodOrder)> {
    let known = books.open_orders().filter_map(|known| Some((known, known.venue_order_id?)));
    let mut known: Vec<(&TrackedOrder, VenueOrderId)> = known.collect();
    known.sort_by_key(|(_, id)| (id.as_str().len(), *id));
    let stood = known.into_iter().map(|(known, id)| {
        let order = StoodOrder {
            id,
            order: known.order.clone(),
            filled: known.filled,
            created: known.accepted_at.unwrap_or(known.prepared_at),
            triggered: known.triggered,
        };
        (known, order)
    });
    stood.collect()
}

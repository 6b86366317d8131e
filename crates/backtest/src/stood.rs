//! What stood at the exchange when a gateway's process ended: it stands there on, and the books of the process are the only
//! ones that outlived it.

use gateway::{Books, TrackedOrder};
use sim_venue::StoodOrder;

/// Orders that are open by these books and that the exchange has answered, in the order in which it took them.
pub(crate) fn stood(books: &Books) -> Vec<(&TrackedOrder, StoodOrder)> {
    let stood = books.answered_orders().into_iter().map(|(known, id)| {
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

//! What stood at the exchange when the gateway's process before this one ended. At a real exchange it stands on, so
//! here it stands again, by the gateway's own books: they are the only ones that outlived the process.

use std::collections::BTreeMap;

use gateway::{Books, TrackedOrder};
use model::venue::{ExpiryReason, VenueOrder, VenueOrderStatus};
use model::{
    AccountId, ClientOrderId, Notional, Qty, SelfTradePrevention, Timestamp, VenueOrderId,
};
use sim_venue::{SimVenue, StoodOrder};

/// Puts back the orders that were open, and tells how those ended that cannot stand any more. An order that was never
/// answered was never there: whoever asks for it is told that it is not known.
pub(super) fn put_back(
    venue: &mut SimVenue,
    account: AccountId,
    books: &Books,
    now: Timestamp,
) -> BTreeMap<ClientOrderId, VenueOrder> {
    let (mut stand, mut gone) = (0_u32, BTreeMap::new());
    for (known, id) in books.answered_orders() {
        let created = known.accepted_at.unwrap_or(now);
        let (order, filled) = (known.order.clone(), known.filled);
        let stood = StoodOrder { id, order, filled, created, triggered: known.triggered };
        if venue.put_back(account, &stood) {
            stand += 1;
        } else {
            gone.insert(known.order.client_order_id, ended(known, id, now));
        }
    }
    if stand > 0 {
        tracing::warn!(
            orders = stand,
            "paper: orders that were open when the gateway ended stand again, each behind everything at its price; \
             what the market did meanwhile is not known, and fills and triggers none of them"
        );
    }
    if !gone.is_empty() {
        let orders = gone.len();
        tracing::warn!(
            orders,
            "paper: orders of before cannot stand here any more and have expired"
        );
    }
    gone
}

/// An order that went with the process, with what the books know to have executed.
fn ended(known: &TrackedOrder, id: VenueOrderId, now: Timestamp) -> VenueOrder {
    let order = &known.order;
    VenueOrder {
        id,
        client_order_id: order.client_order_id,
        instrument: order.instrument,
        side: order.side,
        kind: order.kind,
        ordered: order.qty,
        qty: known.qty(),
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        self_trade_prevention: order.self_trade_prevention.unwrap_or(SelfTradePrevention::None),
        status: VenueOrderStatus::Expired,
        filled: known.filled,
        filled_notional: Notional::ZERO,
        prevented: Qty::ZERO,
        created: known.accepted_at.unwrap_or(now),
        updated: now,
        working_since: None,
        expiry: Some(ExpiryReason::Venue),
    }
}

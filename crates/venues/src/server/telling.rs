//! What an account has done, as it is told by who lies behind or lies.
//!
//! The past is worked out from the ledger: an order that changed later was open, with what had been
//! executed by then.

use std::collections::BTreeMap;

use model::venue::VenueOrderStatus;
use model::{Decimal, Fill, Notional, Qty, Rounding, Timestamp, VenueOrderId};

use super::Telling;
use super::ledger::{Desk, Entry};

impl Desk {
    /// The same, told so; `only_open` where orders that are open are asked for.
    pub(crate) fn told(&self, telling: &Telling, only_open: bool) -> Desk {
        let is_past = |at: Timestamp| telling.as_of.is_none_or(|then| at <= then);
        let fills: Vec<Fill> =
            self.fills.iter().filter(|fill| is_past(fill.venue_time)).copied().collect();
        let mut executed: BTreeMap<VenueOrderId, Vec<&Fill>> = BTreeMap::new();
        for fill in &fills {
            executed.entry(fill.venue_order_id).or_default().push(fill);
        }
        let is_shown = |entry: &&Entry| {
            let order = &entry.order;
            let waits = order.status.is_open() && order.kind.trigger().is_some();
            is_past(order.created)
                && telling.unseen_after.is_none_or(|then| order.created <= then)
                && !(telling.hides_stops && only_open && waits)
        };
        let told = self.orders.iter().filter(is_shown).map(|entry| {
            let mut entry = entry.clone();
            if !is_past(entry.order.updated) {
                let fills = executed.get(&entry.order.id).map_or(&[][..], Vec::as_slice);
                stood(&mut entry, fills);
            }
            if telling.lies && !entry.order.status.is_open() && !entry.order.filled.is_zero() {
                stood(&mut entry, &[]);
                entry.order.status = VenueOrderStatus::Canceled;
            }
            entry
        });
        Desk::of(told.collect(), fills)
    }
}

/// An order as it was when only this had been executed of it, and it was open.
fn stood(entry: &mut Entry, fills: &[&Fill]) {
    let (mut qty, mut notional, mut fees) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let add = |sum: &mut Decimal, part: Option<Decimal>| {
        *sum = part.and_then(|part| sum.checked_add(part)).unwrap_or(*sum);
    };
    for fill in fills {
        add(&mut qty, Some(fill.qty.get()));
        add(&mut notional, fill.price.get().checked_mul(fill.qty.get(), Rounding::Down));
        add(&mut fees, fill.fee.map(|fee| fee.amount.get()));
    }
    let order = &mut entry.order;
    order.filled = Qty::try_from(qty).unwrap_or(Qty::ZERO);
    order.filled_notional = Notional::try_from(notional).unwrap_or(Notional::ZERO);
    order.status =
        if fills.is_empty() { VenueOrderStatus::New } else { VenueOrderStatus::PartiallyFilled };
    order.updated = fills.last().map_or(order.created, |fill| fill.venue_time);
    order.expiry = None;
    entry.fees = fees;
    entry.fills = u32::try_from(fills.len()).unwrap_or(u32::MAX);
    entry.last_fill = fills.last().map(|fill| fill.venue_time);
    entry.rejected = None;
}

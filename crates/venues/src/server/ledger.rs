//! What every account has done, as the exchange's events told it: for dialects that answer questions about
//! the past themselves.
//!
//! An order at such a venue carries sums over its life that no single answer of the exchange behind
//! has: fees, number of executions, the time of the last. And its questions range over all products
//! at once. So what was told is kept here, and questions about the past are answered from it.
//! Nothing is forgotten, as at the simulated exchange itself.

use std::collections::{BTreeMap, BTreeSet};

use model::venue::{AccountEvent, Execution, VenueError, VenueOrder};
use model::{AccountId, ClientOrderId, Decimal, Fill, Timestamp, VenueOrderId};

/// An order and its sums.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As it was told last.
    pub(crate) order: VenueOrder,
    /// In the quote asset.
    pub(crate) fees: Decimal,
    pub(crate) fills: u32,
    pub(crate) last_fill: Option<Timestamp>,
    /// Why it was rejected, if it was.
    pub(crate) rejected: Option<VenueError>,
}

/// What one account has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    /// Oldest first.
    pub(crate) orders: Vec<Entry>,
    /// Oldest first.
    pub(crate) fills: Vec<Fill>,
    by_id: BTreeMap<VenueOrderId, usize>,
    by_client: BTreeMap<ClientOrderId, usize>,
    open: BTreeSet<usize>,
}

/// What all accounts have done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    desks: BTreeMap<AccountId, Desk>,
}

impl Ledger {
    /// What this account has done; nothing, where nobody has heard of it.
    pub(crate) fn desk(&self, account: AccountId) -> &Desk {
        static EMPTY: Desk = Desk {
            orders: Vec::new(),
            fills: Vec::new(),
            by_id: BTreeMap::new(),
            by_client: BTreeMap::new(),
            open: BTreeSet::new(),
        };
        self.desks.get(&account).unwrap_or(&EMPTY)
    }

    /// Books an event; the order as it stands now, where it was about one.
    pub(crate) fn book(&mut self, account: AccountId, event: &AccountEvent) -> Option<&Entry> {
        let AccountEvent::Order { order, execution, .. } = event else { return None };
        let desk = self.desks.entry(account).or_default();
        let index = desk.index_of(order);
        let entry = &mut desk.orders[index];
        entry.order = order.clone();
        match execution {
            Execution::Trade(fill) => {
                let fee = fill.fee.map_or(Decimal::ZERO, |fee| fee.amount.get());
                entry.fees = entry.fees.checked_add(fee).unwrap_or(entry.fees);
                entry.fills += 1;
                entry.last_fill = Some(fill.venue_time);
                desk.fills.push(*fill);
            }
            Execution::Rejected(error) => entry.rejected = Some(error.clone()),
            Execution::New
            | Execution::Canceled(_)
            | Execution::Expired
            | Execution::Triggered
            | Execution::Prevented
            // Said by venues that tell no single events; this exchange does.
            | Execution::Standing => {}
        }
        if order.status.is_open() {
            desk.open.insert(index);
        } else {
            desk.open.remove(&index);
        }
        Some(&self.desk(account).orders[index])
    }

    /// An order was answered as taken, and no event has told of it: it is known from now on.
    pub(crate) fn note(&mut self, account: AccountId, order: &VenueOrder) {
        self.desks.entry(account).or_default().index_of(order);
    }
}

impl Desk {
    /// These, oldest first.
    pub(crate) fn of(orders: Vec<Entry>, fills: Vec<Fill>) -> Desk {
        let mut desk = Desk { fills, ..Desk::default() };
        for (index, entry) in orders.iter().enumerate() {
            desk.by_id.insert(entry.order.id, index);
            desk.by_client.entry(entry.order.client_order_id).or_insert(index);
            if entry.order.status.is_open() {
                desk.open.insert(index);
            }
        }
        Desk { orders, ..desk }
    }

    fn index_of(&mut self, order: &VenueOrder) -> usize {
        if let Some(index) = self.by_id.get(&order.id) {
            return *index;
        }
        let index = self.orders.len();
        self.by_id.insert(order.id, index);
        // An id names the first order that had it, for ever.
        self.by_client.entry(order.client_order_id).or_insert(index);
        self.orders.push(Entry {
            order: order.clone(),
            fees: Decimal::ZERO,
            fills: 0,
            last_fill: None,
            rejected: None,
        });
        index
    }

    pub(crate) fn order(&self, id: VenueOrderId) -> Option<&Entry> {
        self.by_id.get(&id).map(|index| &self.orders[*index])
    }

    /// The first order that had this name.
    pub(crate) fn named(&self, id: ClientOrderId) -> Option<&Entry> {
        self.by_client.get(&id).map(|index| &self.orders[*index])
    }

    /// Oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Entry> {
        self.open.iter().map(|index| &self.orders[*index])
    }
}

//! How much of each order the venue has said to be executed. What is made of it is in `two_ids.rs`.

use std::collections::BTreeMap;

use model::{ClientOrderId, Qty};

/// Orders whose sums are remembered. Without its sum an order is asked for once more.
const ORDERS_MAX: usize = 16_384;

/// Executed so far, by order, as the venue has told it.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<ClientOrderId, Qty>);

impl Told {
    /// The venue says that so much of an order has executed. Older words come later than newer ones.
    pub(crate) fn heard(&mut self, id: ClientOrderId, filled: Qty) {
        if self.0.len() >= ORDERS_MAX && !self.0.contains_key(&id) {
            self.0.clear();
        }
        let most = self.0.entry(id).or_insert(filled);
        *most = filled.max(*most);
    }

    /// Has it said that at least so much has executed?
    pub(crate) fn is_at_least(&self, id: &ClientOrderId, filled: Option<Qty>) -> bool {
        self.0.get(id).zip(filled).is_some_and(|(told, filled)| filled <= *told)
    }
}

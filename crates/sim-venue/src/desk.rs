//! What one account has done in one instrument.
//!
//! Nothing is forgotten unless somebody says so ([`crate::SimVenue::forget`]): these are the books that every test
//! compares with. So memory grows with the number of orders and executions, by a few hundred bytes each.

use std::collections::{BTreeMap, BTreeSet};

use model::{ClientOrderId, Fill};

/// Orders and executions of one account in one instrument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    /// By index, oldest first.
    pub(crate) orders: Vec<usize>,
    pub(crate) open: BTreeSet<usize>,
    /// Newest order of each name.
    pub(crate) by_client: BTreeMap<ClientOrderId, usize>,
    /// Oldest first.
    pub(crate) fills: Vec<Fill>,
}

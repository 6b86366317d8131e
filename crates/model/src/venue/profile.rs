//! What differs between venues in a way that the gateway must know.
//!
//! Facts about behaviour, not about words: words are the codec's. Each venue states them once, with
//! source and date, and the gateway asks here instead of asking which venue it is.

use std::time::Duration;

/// How a venue behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What repeating a client order id does.
    pub id_class: IdClass,
    /// Longest client order id that it takes, characters.
    pub client_id_max: usize,
    /// How long after it was signed the venue still takes an order. `None` when it sets no bound, and
    /// then absence of an order never proves that it will not arrive.
    pub order_validity: Option<Duration>,
    /// Does it find an order by our name for it? Otherwise a list is read and may be cut.
    pub finds_by_client_id: bool,
    /// Does it take an order back by our name for it? Otherwise its own name must be known first.
    pub cancels_by_client_id: bool,
    /// Does it tell each execution when it happens? Otherwise it tells sums, and the executions are
    /// asked for.
    pub pushes_executions: bool,
    /// Does it tell balances when they change? Otherwise they are asked for.
    pub pushes_balances: bool,
    /// Do ids of executions count, so that a list can go on behind one? Otherwise it goes on by time.
    pub trade_ids_count: bool,
    /// Executions in one answer, at most.
    pub fills_page: u32,
    /// Do the venue's names of orders count, so that a list of orders can go on behind one? Otherwise it is
    /// whole or it is no answer.
    pub order_ids_count: bool,
    /// Orders in one answer, at most.
    pub orders_page: u32,
    /// Does it tell what a key may do?
    pub tells_key_scopes: bool,
    /// Does it tell whether a key is bound to addresses?
    pub tells_key_addresses: bool,
    /// Its own timer that takes orders back when nobody winds it up, at most this long. `None` where it
    /// has none.
    pub dead_man: Option<Duration>,
    /// What one request takes back at most.
    pub cancel_all: CancelAllScope,
}

/// How far one request to take all orders back reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAllScope {
    /// Every order of the account.
    Account,
    /// Every order of one instrument.
    Instrument,
    /// Orders that are named, so many at a time: those that nobody knows of are left.
    Named(u32),
}

/// What a venue does with a client order id that was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdClass {
    /// A: it places nothing and answers with the first order, whatever was asked.
    FirstOrder,
    /// B: it refuses it while the first order is open; after that it places a second one.
    UniqueWhileOpen,
    /// B2: it refuses it for a time that nobody names.
    UniqueForUnknownTime,
    /// C: it does not look.
    Unchecked,
}

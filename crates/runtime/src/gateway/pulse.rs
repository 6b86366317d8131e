//! What the loop shows of itself to the watchdog: how it stands, and that it gets on.
//!
//! The loop writes it after each round; the heartbeat's task reads it. A loop that is wedged writes nothing, so
//! its progress stands still, however regularly the task beats.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway::{Books, Gateway};
use model::{Amount, OrderState, TradingState};

/// The loop makes a round at least so often, where a watchdog looks at its progress.
pub(super) const ROUND_MAX: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Default)]
pub(super) struct Pulse(Arc<Mutex<Shown>>);

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) trading: Option<(TradingState, String)>,
    /// Known to be at the venue; see `open_orders`.
    pub(super) open_orders: u64,
    /// On their way there or in doubt: it may list them or not.
    pub(super) in_doubt: u64,
    pub(super) equity: Option<Amount>,
    pub(super) progress: u64,
}

impl Pulse {
    /// The loop has made a round.
    pub(super) fn beats(&self, gateway: &Gateway) {
        #[cfg(feature = "defects")]
        super::planted::wedge();
        let (state, cause) = gateway.state();
        let mut shown = self.shown();
        shown.progress += 1;
        shown.open_orders = open_orders(gateway.books());
        shown.in_doubt = in_doubt(gateway.books());
        shown.equity = gateway.equity_to_compare();
        if !shown.trading.as_ref().is_some_and(|(was, why)| *was == state && why == cause) {
            shown.trading = Some((state, cause.to_owned()));
        }
    }

    pub(super) fn now(&self) -> Shown {
        let shown = self.shown().clone();
        #[cfg(feature = "defects")]
        let shown = match super::planted::lies() {
            true => Shown { open_orders: 0, in_doubt: 0, ..shown },
            false => shown,
        };
        shown
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Orders that are known to be at the venue, those of others among them: what the venue should list. One that
/// is in doubt may be there or not, and one that is on its way is not yet.
fn open_orders(books: &Books) -> u64 {
    let is_there = |state| match state {
        OrderState::Working | OrderState::PendingCancel => true,
        OrderState::PendingNew | OrderState::InDoubt | OrderState::Done(_) => false,
    };
    let ours = books.open_orders().filter(|order| is_there(order.state)).count();
    (ours + books.foreign_orders().count()) as u64
}

/// Orders that may be at the venue or not.
fn in_doubt(books: &Books) -> u64 {
    let may_be = |state| matches!(state, OrderState::PendingNew | OrderState::InDoubt);
    books.open_orders().filter(|order| may_be(order.state)).count() as u64
}

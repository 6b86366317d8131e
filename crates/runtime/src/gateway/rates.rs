//! What a request is worth, how long it may wait, and what of its cost is given back.

use std::time::Duration;

use ::budget::{Counted, Priority};
use arrayvec::ArrayVec;
use model::Outcome;
use model::venue::{AccountRequest, MarketRequest, Request};
use venues::binance::ORDER_WINDOW_MS;
use venues::client::Cost;

/// Longest wait of a cancel or a question; what would have to wait longer fails.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Who goes first.
pub(super) const fn priority(request: &Request) -> Priority {
    match request {
        Request::Account(request) => Priority::of(request),
        Request::Market(request) => match request {
            // Without the clock no order is accepted, and the limits stand beside the instruments.
            MarketRequest::Time | MarketRequest::Instruments(_) => Priority::Doubt,
            MarketRequest::Ping
            | MarketRequest::Book { .. }
            | MarketRequest::Tickers { .. }
            | MarketRequest::AveragePrice(_) => Priority::Market,
            MarketRequest::Trades { .. }
            | MarketRequest::AggregateTrades { .. }
            | MarketRequest::Candles { .. } => Priority::Backfill,
        },
    }
}

/// The same, where what is read may be read for routine: nothing is in doubt, and the reserve is for what
/// is. It goes with the orders whose books it keeps.
pub(super) const fn rank(request: &Request, routine: bool) -> Priority {
    match priority(request) {
        Priority::Doubt if routine => Priority::Order,
        priority => priority,
    }
}

/// Does it change nothing at the venue? Then it may be given up and asked again.
pub(super) const fn only_asks(request: &Request) -> bool {
    match request {
        Request::Account(request) => match request {
            AccountRequest::Place(_)
            | AccountRequest::Test(_)
            | AccountRequest::CancelReplace(_)
            | AccountRequest::Cancel { .. }
            | AccountRequest::CancelAll(_) => false,
            AccountRequest::Order { .. }
            | AccountRequest::OpenOrders(_)
            | AccountRequest::Orders { .. }
            | AccountRequest::Fills { .. }
            | AccountRequest::Account
            | AccountRequest::AccountAfter(_)
            | AccountRequest::Rights
            | AccountRequest::Scopes
            | AccountRequest::Fees(_)
            | AccountRequest::Ticket => true,
        },
        Request::Market(_) => true,
    }
}

/// How long it may wait for its turn. An order that would be late is worse than none.
pub(super) const fn wait_max(request: &Request) -> Duration {
    match priority(request) {
        Priority::Order => Duration::from_millis(ORDER_WINDOW_MS as u64),
        Priority::Kill | Priority::Doubt | Priority::Market | Priority::Backfill => WAIT_MAX,
    }
}

/// What turned out to be free: calls of orders that worked have no weight, and an order that was
/// proven not to exist is not counted as one.
pub(super) fn free(cost: &Cost, worked: bool, outcome: &Outcome) -> ArrayVec<(Counted, u32), 2> {
    let mut free = ArrayVec::new();
    if worked {
        free.extend(cost.free_when_it_works);
    }
    if cost.places && matches!(outcome, Outcome::Refused(_)) {
        free.push((Counted::Order, 1));
    }
    free
}

#[cfg(test)]
mod tests {
    use model::venue::{OrderKey, VenueError};
    use model::{ClientOrderId, InstrumentId};

    use super::*;

    fn instrument() -> InstrumentId {
        "BTC-USDT".parse().unwrap()
    }

    #[test]
    fn what_protects_goes_first_and_what_waits_is_bounded() {
        let order = OrderKey::Client(ClientOrderId::new("a").unwrap());
        let account = |request| priority(&Request::Account(request));
        let market = |request| priority(&Request::Market(request));
        let cancel =
            AccountRequest::Cancel { instrument: instrument(), order, cancel_id: None, only: None };
        assert_eq!(account(cancel), Priority::Kill);
        assert_eq!(account(AccountRequest::CancelAll(instrument())), Priority::Kill);
        let ask = AccountRequest::Order { instrument: instrument(), order, since: None };
        assert_eq!(account(ask), Priority::Doubt);
        assert_eq!(account(AccountRequest::Account), Priority::Doubt);
        // Reading for routine spends no reserve, and does not give up earlier for it.
        let read = Request::Account(AccountRequest::Account);
        assert_eq!([rank(&read, false), rank(&read, true)], [Priority::Doubt, Priority::Order]);
        assert!(!rank(&read, true).is_safety() && wait_max(&read) == WAIT_MAX);
        let book = MarketRequest::Book { instrument: instrument(), depth: 100 };
        assert_eq!(market(book.clone()), Priority::Market);
        assert_eq!(wait_max(&Request::Market(book)), WAIT_MAX);
        let trades = MarketRequest::Trades {
            instrument: instrument(),
            from: model::venue::TradesFrom::Newest,
            limit: 1,
        };
        assert_eq!(market(trades), Priority::Backfill);
    }

    #[test]
    fn only_proof_gives_an_order_back() {
        let cost = |free_when_it_works: Option<(Counted, u32)>, places| Cost {
            charge: ::budget::Charge::new(::budget::Keys::default()),
            free_when_it_works,
            places,
        };
        let refused = Outcome::Refused(VenueError::InsufficientBalance);
        let doubt = Outcome::InDoubt("status 200, but".to_owned());
        let free = |cost: Cost, status, outcome| free(&cost, status == 200, outcome).to_vec();
        assert_eq!(
            free(cost(Some((Counted::Weight, 1)), true), 400, &refused),
            [(Counted::Order, 1)]
        );
        assert_eq!(
            free(cost(Some((Counted::Weight, 1)), true), 200, &doubt),
            [(Counted::Weight, 1)]
        );
        assert_eq!(free(cost(Some((Counted::Weight, 1)), true), 504, &doubt), []);
        assert_eq!(free(cost(None, false), 400, &refused), []);
    }
}

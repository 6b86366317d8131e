//! What a request is worth, costs and may wait, and what an answer says about it, in the budget's
//! words.

use std::time::Duration;

use ::budget::{Charge, Counted, Keys, Limit, Priority, Usage, binance};
use arrayvec::ArrayVec;
use model::Outcome;
use model::venue::{AccountRequest, MarketRequest, Request};
use venues::binance::ORDER_WINDOW_MS;
use venues::binance::client::{CountedBy, HttpCall, RateLimit, RateNotice, RateStop, USAGES_MAX};

/// Hold still for this long when the venue says stop without saying how long.
const STOP_DEFAULT: Duration = Duration::from_secs(60);
/// Longest wait of a cancel or a question; what would have to wait longer fails.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Who goes first.
pub(super) const fn priority(request: &Request) -> Priority {
    match request {
        Request::Account(request) => match request {
            AccountRequest::Cancel { .. } | AccountRequest::CancelAll(_) => Priority::Kill,
            AccountRequest::Order { .. }
            | AccountRequest::OpenOrders(_)
            | AccountRequest::Orders { .. }
            | AccountRequest::Fills { .. }
            | AccountRequest::Account
            | AccountRequest::Rights => Priority::Doubt,
            AccountRequest::Place(_)
            | AccountRequest::Test(_)
            | AccountRequest::CancelReplace(_) => Priority::Order,
            AccountRequest::Fees(_) => Priority::Market,
        },
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

/// How long it may wait for its turn. An order that would be late is worse than none.
pub(super) const fn wait_max(request: &Request) -> Duration {
    match priority(request) {
        Priority::Order => Duration::from_millis(ORDER_WINDOW_MS as u64),
        Priority::Kill | Priority::Doubt | Priority::Market | Priority::Backfill => WAIT_MAX,
    }
}

/// What it costs.
pub(super) fn charge(call: &HttpCall, keys: Keys) -> Charge {
    binance::charge(call.weight, call.places, keys)
}

/// What turned out to be free: calls of orders that worked have no weight, and an order that was
/// proven not to exist is not counted as one.
pub(super) fn free(call: &HttpCall, status: u16, outcome: &Outcome) -> ArrayVec<(Counted, u32), 2> {
    let mut free = ArrayVec::new();
    if status == 200 && call.free_when_it_works {
        free.push((Counted::Weight, call.weight));
    }
    if call.places && matches!(outcome, Outcome::Refused(_)) {
        free.push((Counted::Order, 1));
    }
    free
}

const fn counted(by: CountedBy) -> Counted {
    match by {
        CountedBy::Weight => Counted::Weight,
        CountedBy::Requests => Counted::Request,
        CountedBy::Orders => Counted::Order,
    }
}

/// What the venue says is used.
pub(super) fn usage(notice: &RateNotice) -> ArrayVec<Usage, USAGES_MAX> {
    let usage = |limit: &RateLimit| {
        let RateLimit { counts, window_ms, figure } = *limit;
        Usage { counts: counted(counts), window_ms, used: figure }
    };
    notice.used.iter().map(usage).collect()
}

/// What the venue says is allowed.
pub(super) fn limits(limits: &[RateLimit]) -> Vec<Limit> {
    let limit = |limit: &RateLimit| {
        let RateLimit { counts, window_ms, figure } = *limit;
        Limit { counts: counted(counts), window_ms, limit: figure }
    };
    limits.iter().map(limit).collect()
}

/// What is stopped, and for how long.
pub(super) fn stop(stop: RateStop) -> (Option<Counted>, Duration) {
    (stop.orders_only.then_some(Counted::Order), stop.wait.unwrap_or(STOP_DEFAULT))
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
        let call = |free_when_it_works, places| HttpCall {
            method: "POST",
            path: "/",
            query: String::new(),
            signed: true,
            weight: 1,
            free_when_it_works,
            places,
        };
        let refused = Outcome::Refused(VenueError::InsufficientBalance);
        let doubt = Outcome::InDoubt("status 200, but".to_owned());
        let free = |call: HttpCall, status, outcome| free(&call, status, outcome).to_vec();
        assert_eq!(free(call(true, true), 400, &refused), [(Counted::Order, 1)]);
        assert_eq!(free(call(true, true), 200, &doubt), [(Counted::Weight, 1)]);
        assert_eq!(free(call(true, true), 504, &doubt), []);
        assert_eq!(free(call(false, false), 400, &refused), []);
    }

    #[test]
    fn a_stop_without_a_time_lasts_a_minute() {
        let all = RateStop { orders_only: false, wait: None };
        assert_eq!(stop(all), (None, STOP_DEFAULT));
        let orders = RateStop { orders_only: true, wait: Some(Duration::from_secs(3)) };
        assert_eq!(stop(orders), (Some(Counted::Order), Duration::from_secs(3)));
    }
}

//! Any bytes as Kraken's answer to each kind of question: an outcome, no panic; and nothing but a listed refusal
//! or a readable success is ever more than doubt.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::venue::{AccountRequest, MarketRequest, OrderKey, Request, TradesFrom};
use model::{NewOrder, OrderKind, OrderQty, Outcome, Side, TimeInForce, Timestamp};
use plimsoll_fuzz::kraken_symbols;
use venues::kraken::client::{Answered, decode_reply, stop};

fuzz_target!(|data: &[u8]| {
    let [kind, status, body @ ..] = data else { return };
    let symbols = kraken_symbols();
    let instrument = "BTC-USD".parse().expect("a short name");
    let order = OrderKey::Client("agent-1".parse().expect("a short name"));
    let place = || NewOrder {
        client_order_id: "agent-1".parse().expect("a short name"),
        instrument,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "1".parse().expect("a price") },
        qty: OrderQty::Base("1".parse().expect("a quantity")),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let from = TradesFrom::Newest;
    let request = match kind % 13 {
        0 => Request::Market(MarketRequest::Instruments(Vec::new())),
        1 => Request::Market(MarketRequest::Book { instrument, depth: 5 }),
        2 => Request::Market(MarketRequest::Trades { instrument, from, limit: 5 }),
        3 => Request::Market(MarketRequest::Time),
        4 => Request::Account(AccountRequest::Account),
        5 => Request::Account(AccountRequest::Order { instrument, order, since: None }),
        6 => Request::Account(AccountRequest::OpenOrders(None)),
        7 => Request::Account(AccountRequest::Cancel {
            instrument,
            order,
            cancel_id: None,
            only: None,
        }),
        8 => Request::Account(AccountRequest::Place(place())),
        9 => Request::Account(AccountRequest::Fees(instrument)),
        10 => Request::Account(AccountRequest::Scopes),
        11 => Request::Account(AccountRequest::Ticket),
        _ => Request::Account(AccountRequest::Fills {
            instrument,
            order: None,
            from,
            limit: 5,
            page: None,
        }),
    };
    let status = [200, 200, 200, 403, 429, 500, 503, 520][usize::from(status % 8)];
    let (asked, answered) = (Timestamp::EPOCH, Timestamp::EPOCH);
    let (outcome, error) =
        decode_reply(&request, &Answered { status, body, asked, answered }, &symbols);
    let _ = error.and_then(|error| stop(&error, 0));
    if status != 200 {
        assert!(matches!(outcome, Outcome::InDoubt(_)), "{status} proves nothing: {outcome:?}");
    }
});

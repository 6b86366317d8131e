//! Any bytes as Coinbase's answer to each kind of question: an outcome, no panic; and nothing but a
//! listed refusal or a readable success is ever more than doubt.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::venue::{AccountRequest, MarketRequest, OrderKey, Request, TradesFrom};
use model::{NewOrder, OrderKind, OrderQty, Outcome, Side, TimeInForce, Timestamp};
use plimsoll_fuzz::coinbase_symbols;
use venues::coinbase::client::{HttpAnswer, decode_reply};

fuzz_target!(|data: &[u8]| {
    let [kind, status, body @ ..] = data else { return };
    let symbols = coinbase_symbols();
    let instrument = "BTC-USD".parse().expect("a short name");
    let order = OrderKey::Venue(model::VenueOrderId::from_number(1));
    let account = |request| Request::Account(request);
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
    let request = match kind % 12 {
        0 => Request::Market(MarketRequest::Instruments(Vec::new())),
        1 => Request::Market(MarketRequest::Book { instrument, depth: 5 }),
        2 => {
            let from = TradesFrom::Newest;
            Request::Market(MarketRequest::Trades { instrument, from, limit: 5 })
        }
        3 => account(AccountRequest::Account),
        4 => account(AccountRequest::Order { instrument, order, since: None }),
        5 => {
            let order = OrderKey::Client("agent-1".parse().expect("a short name"));
            account(AccountRequest::Order { instrument, order, since: None })
        }
        6 => account(AccountRequest::OpenOrders(None)),
        7 => account(AccountRequest::Cancel { instrument, order, cancel_id: None, only: None }),
        8 => account(AccountRequest::Place(place())),
        9 => account(AccountRequest::Fees(instrument)),
        10 => account(AccountRequest::Test(place())),
        _ => {
            let from = TradesFrom::Newest;
            account(AccountRequest::Fills { instrument, order: None, from, limit: 5, page: None })
        }
    };
    let status = [200, 400, 401, 403, 404, 429, 500, 503][usize::from(status % 8)];
    let (asked, answered) = (Timestamp::EPOCH, Timestamp::EPOCH);
    let answer = HttpAnswer { status, body, asked, answered };
    let outcome = decode_reply(&request, &answer, &symbols);
    if status >= 500 {
        assert!(matches!(outcome, Outcome::InDoubt(_)), "{status} proves nothing: {outcome:?}");
    }
});

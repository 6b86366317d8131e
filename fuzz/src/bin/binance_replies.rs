//! Any bytes as Binance's answer to each kind of question: an outcome, no panic; and nothing but a
//! listed refusal or a readable success is ever more than doubt. And as what it says about limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Outcome;
use model::venue::{AccountRequest, MarketRequest, OrderKey, Request, TradesFrom};
use plimsoll_fuzz::{instrument, symbols};
use venues::binance::client::{RateNotice, decode_reply, rate_limits, rate_notice, rate_stop};

fuzz_target!(|data: &[u8]| {
    let [kind, status, body @ ..] = data else { return };
    let instrument = instrument().id;
    let order = OrderKey::Venue(model::VenueOrderId::from_number(1));
    let account = |request| Request::Account(request);
    let request = match kind % 9 {
        0 => Request::Market(MarketRequest::Instruments(Vec::new())),
        1 => Request::Market(MarketRequest::Book { instrument, depth: 5 }),
        2 => Request::Market(MarketRequest::Tickers { instruments: Vec::new(), window_s: 86_400 }),
        3 => account(AccountRequest::Account),
        4 => account(AccountRequest::Order { instrument, order, since: None }),
        5 => account(AccountRequest::OpenOrders(None)),
        6 => account(AccountRequest::CancelAll(instrument)),
        7 => account(AccountRequest::Cancel { instrument, order, cancel_id: None, only: None }),
        _ => {
            let from = TradesFrom::Newest;
            account(AccountRequest::Fills { instrument, order: None, from, limit: 5, page: None })
        }
    };
    let status = [200, 400, 401, 409, 418, 429, 500, 503][usize::from(status % 8)];
    let outcome = decode_reply(&request, status, body, &symbols());
    if status >= 500 {
        assert!(matches!(outcome, Outcome::InDoubt(_)), "{status} proves nothing: {outcome:?}");
    }
    // Limits that cannot be read are none, and a stop is one by its status whatever the body says.
    drop(rate_limits(body));
    let stop = rate_stop(status, body, &RateNotice::default());
    assert_eq!(stop.is_some(), matches!(status, 418 | 429));
    if let Ok(text) = std::str::from_utf8(body)
        && let Some((name, value)) = text.split_once(' ')
    {
        let notice = rate_notice([(name, value)].into_iter());
        assert!(notice.used.iter().all(|used| used.window_ms > 0));
    }
});

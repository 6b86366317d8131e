//! Any text as a message of Kraken's channels: an error or a message, no panic; and a book that is followed has
//! never more levels than were subscribed to.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use model::Timestamp;
use plimsoll_fuzz::kraken_symbols;
use venues::kraken::client::{AccountFeed, Ladder, MarketFeed, MarketMessage, decode_market};
use venues::session::{Protocol as _, Stamp};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let symbols = Arc::new(kraken_symbols());
    let now = Timestamp::EPOCH;
    let stamp = || Stamp { venue_now: now, nonce: 1, ticket: None };
    let mut market = MarketFeed::new(String::new(), Arc::clone(&symbols));
    let mut account = AccountFeed::new(String::new(), Arc::clone(&symbols));
    let (mut said, mut heard) = (Vec::new(), Vec::new());
    let mut of_market = market.open(now, stamp(), &mut said);
    let mut of_account = account.open(now, stamp(), &mut said);
    let row = symbols.find("BTC/USD").expect("it is in the table");
    let mut ladder = Ladder::default();
    for line in text.lines() {
        market.text(now, &mut of_market, line, &mut heard);
        account.text(now, &mut of_account, line, &mut heard);
        if let Ok(MarketMessage::Books { snapshot, books }) = decode_market(line, &symbols) {
            for book in &books {
                let _ = ladder.take(row, book, snapshot);
            }
        }
    }
});

//! Any text as a message of Binance's streams: an error or a message, no panic; and what the book's
//! machine makes of depth messages never leaves it wedged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::venue::BookSnapshot;
use plimsoll_fuzz::{instrument, symbols};
use venues::binance::client::{BookSync, StreamMessage, decode_account, decode_market};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let symbols = symbols();
    let (mut sync, mut levels) = (BookSync::default(), Vec::new());
    for line in text.lines() {
        if let Ok(StreamMessage::Depth { first, last, .. }) =
            decode_market(line, &symbols, &mut levels)
        {
            sync.change(first, last, &levels);
        }
        let _ = decode_account(line, &symbols);
    }
    sync.lost();
    let empty =
        BookSnapshot { instrument: instrument().id, update_id: 1, bids: vec![], asks: vec![] };
    sync.snapshot(&empty);
    assert!(sync.is_synced(), "a fresh snapshot without changes is a book");
});

//! Any text as a message of Coinbase's channels: an error or a message, no panic; and what a message
//! says of books lies within its own batch.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::coinbase_symbols;
use venues::coinbase::client::{Batch, Books, Sequence, decode_account, decode_market};
use venues::coinbase::sign::Token;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let symbols = coinbase_symbols();
    let (mut sequence, mut books) = (Sequence::default(), Books::default());
    let mut batch = Batch::default();
    for line in text.lines() {
        if let Ok(message) = decode_market(line, &symbols, &mut batch) {
            let _ = message.sequence.map(|number| sequence.take(number));
            for change in &batch.books {
                books.take(change);
                assert_eq!(batch.levels_of(change).len(), change.levels.len());
            }
        }
        let _ = decode_account(line, &symbols);
        let _ = Token::read(line);
    }
});

//! Any bytes as a line between the gateway and an agent: an error or a line, no panic; and what was
//! read is written and read again as itself.

#![no_main]

use engine::protocol::{FromAgent, ToAgent, read_line, write_line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(line) = read_line::<FromAgent>(data) {
        let mut bytes = Vec::new();
        write_line(&line, &mut bytes).expect("what was read can be written");
        assert_eq!(read_line::<FromAgent>(&bytes).as_ref(), Ok(&line));
    }
    let _ = read_line::<ToAgent>(data);
});

//! Any text as a decimal number: no panic, and what was read prints and reads as itself.
//!
//! Every price and quantity of every venue comes through this function.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Decimal;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(number) = text.parse::<Decimal>() else { return };
    let printed = number.to_string();
    assert_eq!(printed.parse(), Ok(number), "{text:?} printed as {printed:?}");
    assert!(!printed.contains(['e', 'E', '+']), "{text:?} printed as {printed:?}");
});

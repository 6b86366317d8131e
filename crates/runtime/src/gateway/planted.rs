//! Deliberate bugs, so that the kill switch can be tried against a real gateway that has them: a loop that goes
//! round in itself, heartbeats that deny what is open, and ears that are deaf to a halt. Only in the build that has
//! the feature `defects`; `cargo xtask bench kill-processes` makes and uses it.
//!
//! Each begins when a file of its name appears in the directory that `PLIMSOLL_PLANTED` names, and ends with it.

use std::path::Path;

const DIRECTORY: &str = "PLIMSOLL_PLANTED";

/// Keeps whoever calls it busy for as long as the loop is to be wedged. Sockets, timers and heartbeats have tasks of
/// their own and go on.
pub(super) fn wedge() {
    while is_there("wedge") {
        std::hint::spin_loop();
    }
}

/// Whether its heartbeats deny what is open.
pub(super) fn lies() -> bool {
    is_there("lie")
}

/// Whether it does not hear that the kill switch has halted.
pub(super) fn is_deaf() -> bool {
    is_there("deaf")
}

fn is_there(name: &str) -> bool {
    std::env::var_os(DIRECTORY).is_some_and(|directory| Path::new(&directory).join(name).exists())
}

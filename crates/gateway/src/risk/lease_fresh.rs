//! Guardrail: the watchdog watches.
//!
//! Who could take everything back when this process is stuck has to be there before anything is sent that
//! adds risk. What only reduces passes.

use model::{Refusal, Timestamp};

use crate::lease::LeaseState;

/// Where no watchdog is configured there is nothing to be fresh.
pub(super) fn check(now: Timestamp, lease: LeaseState, reduce_only: bool) -> Result<(), Refusal> {
    if reduce_only { Ok(()) } else { lease.check(now) }
}

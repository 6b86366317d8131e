//! Faults on command: what the network and the venue's front do wrong, when, and how often.
//!
//! A fault is a row: kind, start, length, probability, where it strikes. Rows come from a scenario
//! file (`--scenario`) or at run time (`POST /_sim/faults`). Everything here is pure: which fault
//! strikes which request, message or connection follows from the time, the seed and the question
//! alone. Carrying it out is the business of the server and the world.
//!
//! Left out: names that do not resolve (a client's matter, never the venue's), and what only
//! derivatives have.

mod asks;
mod conditions;
mod error;
mod fault;
mod kinds;
mod messages;
mod parameters;
mod requests;
mod table;
#[cfg(test)]
mod tests;

pub use error::FaultError;
pub use fault::Scenario;

pub(super) use asks::Reading;
pub(super) use conditions::Conditions;
pub(super) use kinds::{Answer, FaultKind, FilterChange, LAG_MAX_MS, Schema};
pub(super) use messages::{Gate, Origin};
pub(super) use requests::{After, Before, Verdict};
pub(super) use table::{Begun, FaultId, Faults};

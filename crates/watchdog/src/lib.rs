//! The kill switch: a process that judges by what the exchange says, and can cancel and reduce alone.
//!
//! It shares no code with the gateway, and reads the exchange with clients of its own, so that one bug does
//! not blind both. `core` decides, without clock, socket, file or chance; `shell` waits and asks; `venue`
//! speaks with the exchange; `heartbeat` and `control` listen; `disk` keeps the latch. What it does and what
//! it does not is in `docs/watchdog.md`.

mod alerts;
mod amount;
mod chance;
pub mod config;
mod control;
pub mod core;
pub mod disk;
mod guests;
mod heartbeat;
pub mod limits;
mod metrics;
mod paper;
mod run;
mod sealed;
mod secret;
pub mod shell;
pub mod venue;
pub mod world;

pub use amount::Amount;
pub use run::{RunError, Watchdog};

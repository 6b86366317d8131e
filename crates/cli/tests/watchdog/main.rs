//! The kill switch, with real processes: alone against an exchange, where there is no gateway but a client of the
//! heartbeat that was written from the page, and beside a real one (`together.rs`).

#![expect(clippy::unwrap_used, reason = "tests")]

mod alone;
#[path = "../common/mod.rs"]
mod common;
mod forged;
mod many;
mod paper;
mod people;
mod stage;
mod steps;
mod together;
mod twelve;

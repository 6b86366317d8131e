//! How far a run was from its backtest: its journal beside a replay on its own recording.
//!
//! There are two replays. In one the run's own orders reach the exchange once more (`orders.rs`): what differs is the
//! exchange, so it tells how honest the models are. In the other the strategy decides once more (`strategy.rs`), through
//! the gateway and its guardrails: it tells whether the backtest would have been the run.
//!
//! Sums are exact: all differences together are what one account holds less what the other one does.

mod again;
mod cause;
mod error;
mod leg;
mod material;
mod orders;
mod pair;
mod session;
mod strategy;
#[cfg(test)]
mod tests;

pub use again::Models;
pub use cause::Cause;
pub use error::GapError;
pub use leg::{Leg, Uncountable};
pub use material::Material;
pub use orders::{FILLS, Orders, Suggested, Tried, orders, suggest};
pub use pair::{Comparison, Pair, Total};
pub use session::{Session, SessionSpan};
pub use strategy::{Replayed, Whose, strategy};

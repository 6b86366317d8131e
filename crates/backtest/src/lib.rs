//! A backtest: recorded market data through the same gateway, guardrails and simulated exchange as everything
//! else, in virtual time, on one thread.
//!
//! There are two clocks' worth of distance between a strategy and the exchange, and nothing else: what the
//! exchange shows reaches the gateway after the feed's latency, what the gateway sends reaches the exchange after
//! the order's, and an answer comes back after a third. Everything that happens has its time, and is done in that
//! order ([`Backtest::run`]):
//!
//! - of what has one time, **the market goes first**: an order meets the market as it is after all rows of the
//!   moment at which it arrives, never as it was when it was decided;
//! - **a bar is known at its end.** Decided on a bar's close without latency, an order meets the next bar's open;
//!   where a bar is missing it waits for the next one, for nothing is known of the time between;
//! - within a bar the price takes a stated path ([`Intrabar`]).
//!
//! No clock, thread or random number is in here that does not come with [`Setup`], so the same files and the same
//! setup give the same records, byte for byte.

mod delay;
mod driver;
mod equity;
mod exchange;
mod failed;
mod failing;
mod feed;
mod forgetting;
pub mod gap;
mod memory;
mod metrics;
mod outages;
mod path;
mod points;
mod report;
mod rows;
mod setup;
mod startup;
mod stood;
mod tally;
#[cfg(test)]
mod testing;
mod trouble;
mod waiting;
mod waits;
mod wire;

pub use delay::{Delay, Latency};
pub use driver::{Backtest, Journal};
pub use failed::Failed;
pub use failing::Troubles;
pub use metrics::Moments;
pub use outages::{Begins, Fails, Outage, RateLimit, Trouble};
pub use path::Intrabar;
pub use points::{Point, Trade};
pub use report::{FeeTierReached, Report};
pub use setup::{OfRun, Setup, SetupError, instruments_of};
pub use sim_venue::{Assumptions, FeeSchedule, FeeScheduleError, FeeTier, FeesIn, RestingFills};

//! The simulated exchange: a matching engine, its accounts, and the market around them. Pure.
//!
//! It speaks `model::venue`: it executes requests, answers questions about the public market and
//! reports what happened. Behind a dialect's server side it is `plimsoll venue`; behind a backtest it
//! fills orders. Its books are the oracle of every test: it shares no state or logic with the
//! gateway.
//!
//! The market around the accounts is **background** liquidity ([`Background`]): recorded or made up
//! levels and prints that stand in the same price-time queues as the accounts' orders. Accounts can
//! take it and be filled by it; nothing they do changes what was recorded, beyond their own fills.

mod accounts;
mod ask;
mod assumed;
mod assumptions;
mod background;
mod book;
mod cost;
mod dated;
mod desk;
mod execute;
mod fees;
mod filters;
mod forget;
mod matching;
mod oracle;
mod order;
mod orders;
mod profile;
mod public;
mod queue;
mod recorded;
mod restored;
mod stops;
pub mod synthetic;
mod tape;
mod tiers;
mod upsets;
mod venue;

pub use assumptions::{Assumptions, RestingFills};
pub use background::Background;
pub use oracle::{Oracle, OracleFill, OracleOrder};
pub use profile::PROFILE;
pub use recorded::MarketNumber;
pub use restored::StoodOrder;
pub use tiers::{FeeSchedule, FeeScheduleError, FeeTier};
pub use venue::{FeesIn, SimConfig, SimVenue};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod twin;

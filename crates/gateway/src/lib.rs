//! The order firewall: guardrails, order life cycle, reconciliation. One account at one venue.
//!
//! [`Gateway::apply`] is the core of the whole system: a total function from what happened to what
//! is to be done. It has no clock, socket, thread, file or random number in it. Backtest, paper and
//! live are drivers around it.
//!
//! Invariants that hold after every call:
//! - the books change only through journal records ([`Books::apply`]), so a restart is a replay;
//! - the record of an order comes before the `Send` that carries it;
//! - an order is over only by proof; until then its whole size counts in every worst case;
//! - a difference to the venue is repaired by reading, never by sending an order.

mod absence;
mod balances;
mod books;
mod cancels;
mod defects;
mod doubt;
mod doubts;
mod drift;
mod feeds;
mod foreign;
mod foreign_orders;
mod gateway;
mod ghost;
mod hearing;
mod history;
mod instruments;
mod limits;
mod listen;
mod live_time;
mod merge;
mod not_understood;
#[cfg(feature = "defects")]
mod planting;
mod purpose;
mod reading;
mod readings;
mod reconcile;
mod refusals;
mod replies;
pub mod risk;
mod submit;
mod survey;
mod surveys;
#[cfg(test)]
mod testing;
mod told;
mod two_ids;
mod venue_clock;

pub use books::{Books, Exposure, KnownFill, TrackedOrder, VenueKey};
pub use defects::Defect;
pub use foreign_orders::ForeignOrders;
pub use gateway::{Config, Gateway};
pub use limits::{InstrumentLimits, Limits, OrderFlowLimits};
pub use venue_clock::CLOCK_STEP_MAX_MS;

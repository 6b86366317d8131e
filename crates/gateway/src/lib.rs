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
mod at_stake;
mod balances;
mod books;
mod breakers;
mod cancels;
mod cover;
mod defects;
mod doubt;
mod doubts;
mod drift;
mod equity;
mod executions;
mod feeds;
mod flatten;
mod flattening;
mod foreign;
mod foreign_orders;
mod gateway;
mod gather;
mod ghost;
mod halt;
mod headroom;
mod hearing;
mod history;
mod instruments;
mod keys;
mod late_stops;
mod lease;
mod level;
mod limits;
mod listen;
mod live_time;
mod look_back;
mod merge;
mod not_understood;
mod parts;
#[cfg(feature = "defects")]
mod planting;
mod purpose;
mod quiet;
mod ramp;
mod reading;
mod readings;
mod reconcile;
mod references;
mod refusals;
mod replies;
mod resume;
mod resuming;
pub mod risk;
mod schedule;
mod set_limits;
mod slice;
mod stakes;
mod stops;
mod submit;
mod survey;
mod surveys;
#[cfg(test)]
mod testing;
mod told;
mod two_ids;
mod valuing;
mod venue_clock;
mod watchdog;
mod watched;
mod watching;
mod window;

pub use books::{Books, Exposure, KnownFill, Latch, Ramped, TrackedOrder, VenueKey};
pub use breakers::BreakerLimits;
pub use defects::Defect;
pub use equity::TRADES_LOOKED_AT;
pub use foreign_orders::ForeignOrders;
pub use gateway::{Config, Gateway, OWN_AGENT};
pub use headroom::Headroom;
pub use late_stops::LateStops;
pub use lease::LeaseState;
pub use limits::{
    AccountLimits, AgentLimits, COUNT_MAX, InstrumentLimits, Limits, OrderFlowLimits, WINDOW_MAX,
};
pub use schedule::{Ramp, RampStep};
pub use submit::LEAVES_WITHIN;
pub use venue_clock::CLOCK_STEP_MAX_MS;

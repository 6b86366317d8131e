//! The whole system in virtual time: the real gateway, the built-in agents and the simulated exchange, with
//! a network, a disk, clocks and processes that fail on command. One thread, and everything from one seed.
//!
//! [`run`] lives through one [`Plan`] and says whether every invariant held; [`tell`] does the same and
//! writes the story down; [`shrink`] makes a failing plan short. `plimsoll chaos` runs many of them;
//! `docs/chaos.md` says what is checked and what is not.
//!
//! The checkers (`oracle/`) keep books of their own and share no code with the gateway.

mod agenda;
mod clear;
mod dice;
mod disk;
mod faults;
mod front;
mod happens;
mod hostile;
mod hosts;
mod life;
mod market;
mod network;
mod oracle;
mod plan;
mod process;
mod rounds;
mod run;
mod said;
mod setup;
mod shrink;
mod story;
mod streams;
mod strikes;
mod sweep;
mod trial;
mod trial_kind;
mod trouble;
mod world;

pub use faults::{Fault, FaultSet, Fired};
#[cfg(feature = "defects")]
pub use gateway::Defect;
pub use oracle::{Seen, Violation};
pub use plan::{Agents, CrashAt, Kind, Plan, VenueClass};
#[cfg(feature = "defects")]
pub use run::run_with;
pub use run::{Report, run, tell};
pub use shrink::{Shrunk, shrink};
pub use sweep::{crash_at, reference_day};
pub use trial::trial;
pub use trial_kind::{Fate, Trial};

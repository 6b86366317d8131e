//! The crash sweep: a reference day with orders, executions, cancels and reconnects is lived through again
//! and again, and each time the gateway is killed at another boundary of writing or sending, before or
//! after it, with everything lost that was not durable. And once more with a second kill while it
//! recovers.

use std::time::Duration;

use crate::dice::Dice;
use crate::faults::{Fault, FaultSet};
use crate::plan::{Agents, CrashAt, Plan, VenueClass, concern};

/// Boundaries of a recovery in which the second kill falls.
const RECOVERY: u64 = 24;

/// The reference day at a venue: one round, everybody trades, connections are cut.
pub fn reference_day(venue: VenueClass) -> Plan {
    let faults = FaultSet::NONE.with(Fault::AccountClose).with(Fault::MarketClose);
    Plan {
        trial: None,
        seed: 42,
        time: Duration::from_secs(1),
        faults,
        venue,
        agents: Agents { maker: true, reversion: true, hostile: true },
        intents_max: None,
        only_round: None,
        crash: CrashAt::default(),
    }
}

/// The same day with a kill at boundary `k`; with `again`, and another one while it recovers.
pub fn crash_at(day: &Plan, k: u64, again: bool) -> Plan {
    let mut dice = Dice::new(k, concern::PROCESS);
    let second = 1 + dice.below(RECOVERY);
    let crash = CrashAt { first: Some(k), again: again.then_some(second) };
    Plan { crash, ..day.clone() }
}

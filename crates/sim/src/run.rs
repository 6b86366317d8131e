//! One world from its first event to its last, and what is to be said of it.

use std::time::Duration;

use crate::faults::Fired;
use crate::oracle::{Seen, Violation};
use crate::plan::Plan;
use crate::setup::BEGINNING;
use crate::world::World;

/// What became of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The invariant that did not hold, if one did not.
    pub violation: Option<Violation>,
    /// Simulated time.
    pub time: Duration,
    /// How often each kind of fault has changed something.
    pub fired: Fired,
    /// What there was to see.
    pub seen: Seen,
    /// Things that happened.
    pub events: u64,
    /// Writes and sends, before and after: where a crash can be put.
    pub boundaries: u64,
    /// The number that stands for all that has happened: the same each time.
    pub hash: u64,
}

/// Lives through a plan.
pub fn run(plan: &Plan) -> Report {
    let mut world = World::new(plan, false);
    world.run();
    report(&world)
}

/// The same, with a deliberate bug in the gateway.
#[cfg(feature = "defects")]
pub fn run_with(plan: &Plan, defect: gateway::Defect) -> Report {
    let mut world = World::new(plan, false);
    world.defect = Some(defect);
    world.disk.plant(defect);
    world.run();
    report(&world)
}

/// The same, and the story of it, oldest line first.
pub fn tell(plan: &Plan) -> (Report, Vec<String>) {
    let mut world = World::new(plan, true);
    world.run();
    let report = report(&world);
    (report, world.story())
}

fn report(world: &World) -> Report {
    Report {
        violation: world.oracle.violation.clone(),
        time: world.now.since(BEGINNING),
        fired: world.fired.clone(),
        seen: world.oracle.seen,
        events: world.happened,
        boundaries: world.boundaries,
        hash: world.hash,
    }
}

#[cfg(test)]
mod tests;

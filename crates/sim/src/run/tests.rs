//! Worlds of bounded length: what `plimsoll chaos` does with thousands, with a few.

use std::time::Duration;

use super::*;
use crate::faults::{Fault, FaultSet};
use crate::plan::VenueClass;
use crate::{crash_at, reference_day, trial};

const ROUND: Duration = Duration::from_secs(1);

fn holds(plan: &Plan) -> Report {
    let report = run(plan);
    assert_eq!(report.violation, None, "{plan:?}");
    report
}

/// G7: one seed, one story, to the last letter.
#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [3, 4] {
        let plan = Plan::of(seed, ROUND);
        let (first, story) = tell(&plan);
        assert_eq!((first.clone(), story), tell(&plan));
        assert_eq!(run(&plan), first, "whether it is told or not");
        assert_ne!(run(&Plan::of(seed + 10, ROUND)).hash, first.hash);
    }
}

#[test]
fn worlds_with_faults_keep_every_invariant() {
    let mut fired = Fired::default();
    let mut seen = Seen::default();
    for seed in 0..12 {
        let report = holds(&Plan::of(seed, ROUND));
        fired.add(&report.fired);
        seen.add(&report.seen);
    }
    assert!(fired.kinds() > 20, "{fired:?}");
    assert!(seen.orders > 500 && seen.fills > 100 && seen.doubts > 50, "{seen:?}");
    assert_eq!(seen.comparisons, 12);
}

/// One world in sixteen is halted by a person: a script lifts nothing, two steps with time between them do.
#[test]
fn a_person_lifts_a_halt_in_two_steps() {
    for seed in [3, 19] {
        let report = holds(&Plan { faults: FaultSet::NONE, ..Plan::of(seed, ROUND) });
        assert_eq!((report.seen.halts, report.seen.resumes), (1, 1), "{seed}");
    }
}

/// And a gateway that lets both steps come at once is found out.
#[cfg(feature = "defects")]
#[test]
fn a_halt_that_is_lifted_at_once_is_found_out() {
    let plan = Plan { faults: FaultSet::NONE, ..Plan::of(3, ROUND) };
    let violation = run_with(&plan, gateway::Defect::ResumesAtOnce).violation.unwrap();
    assert_eq!(violation.invariant, "I19");
}

/// So is one that does not look at how much was lost since the most there was: in an hour in which the market falls
/// by more than what is allowed.
#[cfg(feature = "defects")]
#[test]
fn a_drawdown_that_is_ignored_is_found_out() {
    let hour = Duration::from_secs(3_600);
    let plan = Plan { faults: FaultSet::NONE, ..Plan::of(61, hour) };
    assert!(holds(&plan).seen.halts > 0, "as it is it halts");
    let violation = run_with(&plan, gateway::Defect::DrawdownIgnored).violation.unwrap();
    assert_eq!(violation.invariant, "I30");
}

/// Without a fault nothing is in doubt, and it trades.
#[test]
fn a_quiet_world_trades() {
    for venue in VenueClass::ALL {
        let plan = Plan { faults: FaultSet::NONE, venue, ..Plan::of(1, ROUND) };
        let report = holds(&plan);
        assert_eq!((report.fired.kinds(), report.seen.doubts, report.seen.starts), (0, 0, 1));
        assert!(report.seen.fills > 0, "{venue:?}");
    }
}

/// Every kind strikes when it is on.
#[test]
fn every_kind_of_fault_fires() {
    let mut fired = Fired::default();
    for seed in 0..24 {
        let plan = Plan { faults: FaultSet::ALL, ..Plan::of(seed, ROUND) };
        fired.add(&holds(&plan).fired);
        fired.add(&holds(&Plan::of(100 + seed, ROUND)).fired);
    }
    let silent: Vec<Fault> =
        Fault::ALL.into_iter().filter(|fault| fired.count(*fault) == 0).collect();
    assert_eq!(silent, []);
}

/// I16, at a few of the boundaries: `plimsoll chaos --crash-sweep` takes all.
#[test]
fn a_kill_at_any_boundary_breaks_nothing() {
    for venue in &VenueClass::ALL[..2] {
        let day = reference_day(*venue);
        let boundaries = holds(&day).boundaries;
        assert!(boundaries > 1_000, "{boundaries}");
        // The last ones leave no time to be killed in once more.
        let step = usize::try_from(boundaries / 12).unwrap();
        for k in (1..boundaries).step_by(step).take(12) {
            for again in [false, true] {
                let report = holds(&crash_at(&day, k, again));
                assert_eq!(report.seen.starts, if again { 3 } else { 2 }, "{k} {again}");
            }
        }
    }
}

/// And a gateway that asks about nothing after a restart is found out by some of them.
#[cfg(feature = "defects")]
#[test]
fn doubts_that_a_kill_forgets_are_found_out_by_the_sweep() {
    let day = reference_day(VenueClass::ALL[0]);
    let defect = gateway::Defect::DoubtsForgotten;
    let broken = |k| run_with(&crash_at(&day, k, false), defect).violation;
    let violation = (1..200).find_map(broken).unwrap();
    assert!(["I5", "I12"].contains(&violation.invariant), "{violation:?}");
}

/// G8, a hundred of a million.
#[test]
fn lost_acknowledgements_are_settled_in_time() {
    let mut doubts = 0;
    for number in 0..120 {
        let report = holds(&trial(number));
        assert_eq!(report.seen.orders, 1, "{number}");
        doubts += report.seen.doubts;
    }
    assert!(doubts > 100, "nearly every one is in doubt: {doubts}");
}

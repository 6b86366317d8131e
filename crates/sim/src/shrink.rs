//! A failing plan is made shorter, as long as the same invariant fails: less time, fewer kinds of fault,
//! fewer agents, fewer intents. What is left is a story that somebody can read.

use std::time::Duration;

use crate::oracle::Violation;
use crate::plan::{Agents, Plan};
use crate::run::run;
use crate::setup::BEGINNING;

/// A plan that still fails, and how.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// What fails in it.
    pub violation: Violation,
    /// Worlds that were lived through to find it.
    pub tried: u32,
}

/// Makes a failing plan shorter, with at most so many tries. `None` if it does not fail.
pub fn shrink(plan: &Plan, tries_max: u32) -> Option<Shrunk> {
    let violation = run(plan).violation?;
    let mut shrunk = Shrunk { plan: plan.clone(), violation, tried: 1 };
    shrunk.end_at_the_violation();
    loop {
        let before = shrunk.plan.clone();
        shrunk.one_round();
        shrunk.fewer_agents(tries_max);
        shrunk.fewer_faults(tries_max);
        shrunk.fewer_intents(tries_max);
        if shrunk.plan == before || shrunk.tried >= tries_max {
            return Some(shrunk);
        }
    }
}

impl Shrunk {
    /// Takes the plan if the same invariant fails in it.
    fn takes(&mut self, plan: Plan) -> bool {
        self.tried += 1;
        match run(&plan).violation {
            Some(violation) if violation.invariant == self.violation.invariant => {
                (self.plan, self.violation) = (plan, violation);
                self.end_at_the_violation();
                true
            }
            _ => false,
        }
    }

    /// The rounds after it are of no use.
    fn end_at_the_violation(&mut self) {
        let (faulty, healed) = self.plan.phases();
        let took = self.violation.at.since(BEGINNING);
        let rounds = took.as_nanos() / (faulty + healed).as_nanos() + 1;
        let rounds = u32::try_from(rounds).unwrap_or(1);
        let time = (faulty + healed) * rounds - Duration::from_nanos(1);
        self.plan.time = self.plan.time.min(time);
    }

    fn one_round(&mut self) {
        if self.plan.only_round.is_some() {
            return;
        }
        for round in (0..self.plan.rounds()).rev() {
            if self.takes(Plan { only_round: Some(round), ..self.plan.clone() }) {
                return;
            }
        }
    }

    fn fewer_agents(&mut self, tries_max: u32) {
        let without: [fn(&mut Agents) -> &mut bool; 3] = [
            |agents| &mut agents.hostile,
            |agents| &mut agents.reversion,
            |agents| &mut agents.maker,
        ];
        for without in without {
            let mut plan = self.plan.clone();
            let runs = without(&mut plan.agents);
            if std::mem::replace(runs, false) && self.tried < tries_max {
                self.takes(plan);
            }
        }
    }

    fn fewer_faults(&mut self, tries_max: u32) {
        for fault in self.plan.faults.iter() {
            if self.tried >= tries_max {
                return;
            }
            let faults = self.plan.faults.without(fault);
            self.takes(Plan { faults, ..self.plan.clone() });
        }
    }

    /// The last intents first, by halves.
    fn fewer_intents(&mut self, tries_max: u32) {
        let mut most = self.plan.intents_max.unwrap_or_else(|| run(&self.plan).seen.intents);
        let mut cut = most / 2;
        while cut > 0 && self.tried < tries_max {
            let fewer = most - cut;
            if self.takes(Plan { intents_max: Some(fewer), ..self.plan.clone() }) {
                most = fewer;
            }
            cut = cut.min(most) / 2;
        }
    }
}

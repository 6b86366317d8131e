//! What is to be said of many worlds: a table for people, one JSON object for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sim::{Fault, Fired, Plan, Report, Seen};

/// The sums over many worlds.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) worlds: u64,
    pub(crate) violations: u64,
    by_invariant: BTreeMap<&'static str, u64>,
    /// The failing world of the lowest number.
    pub(crate) first: Option<(u64, Plan)>,
    pub(crate) fired: Fired,
    pub(crate) seen: Seen,
    simulated: Duration,
    events: u64,
    /// Fewest kinds of fault that fired in one world.
    kinds_min: usize,
    /// All worlds' hashes; the same for the same worlds.
    pub(crate) hash: u64,
    threads: usize,
    pub(crate) took: Duration,
}

impl Summary {
    pub(crate) fn new(threads: usize) -> Summary {
        Summary {
            worlds: 0,
            violations: 0,
            by_invariant: BTreeMap::new(),
            first: None,
            fired: Fired::default(),
            seen: Seen::default(),
            simulated: Duration::ZERO,
            events: 0,
            kinds_min: usize::MAX,
            hash: 0,
            threads,
            took: Duration::ZERO,
        }
    }

    pub(crate) fn add(&mut self, number: u64, plan: &Plan, report: &Report) {
        self.worlds += 1;
        self.fired.add(&report.fired);
        self.seen.add(&report.seen);
        self.simulated += report.time;
        self.events += report.events;
        self.kinds_min = self.kinds_min.min(report.fired.kinds());
        self.hash = self.hash.wrapping_add(report.hash.wrapping_mul(2 * number + 1));
        if let Some(violation) = &report.violation {
            self.violations += 1;
            *self.by_invariant.entry(violation.invariant).or_default() += 1;
            self.keep_first(number, plan.clone());
        }
    }

    fn keep_first(&mut self, number: u64, plan: Plan) {
        if self.first.as_ref().is_none_or(|(first, _)| number < *first) {
            self.first = Some((number, plan));
        }
    }

    pub(crate) fn merge(&mut self, other: Summary) {
        self.worlds += other.worlds;
        self.violations += other.violations;
        for (invariant, count) in other.by_invariant {
            *self.by_invariant.entry(invariant).or_default() += count;
        }
        self.fired.add(&other.fired);
        self.seen.add(&other.seen);
        self.simulated += other.simulated;
        self.events += other.events;
        self.kinds_min = self.kinds_min.min(other.kinds_min);
        self.hash = self.hash.wrapping_add(other.hash);
        if let Some((number, plan)) = other.first {
            self.keep_first(number, plan);
        }
    }

    /// Simulated time over real time, on each thread.
    pub(crate) fn speed(&self) -> f64 {
        let threads = f64::from(u32::try_from(self.threads).unwrap_or(1));
        self.simulated.as_secs_f64() / self.took.as_secs_f64().max(1e-9) / threads
    }

    pub(crate) fn json(&self, repeat: Option<&str>) -> Value {
        let fired: BTreeMap<&str, u64> =
            Fault::ALL.iter().map(|fault| (fault.name(), self.fired.count(*fault))).collect();
        let Seen { intents, orders, fills, doubts, starts, comparisons, busts, halts, resumes } =
            self.seen;
        json!({
            "seeds": self.worlds,
            "simulated_hours": round(self.simulated.as_secs_f64() / 3_600.0),
            "violations": self.violations,
            "by_invariant": self.by_invariant,
            "first_failing_seed": self.first.as_ref().map(|(_, plan)| plan.seed),
            "repeat": repeat,
            "faults_fired": fired,
            "kinds_fired_min": if self.worlds == 0 { 0 } else { self.kinds_min },
            "events": self.events,
            "intents": intents,
            "orders": orders,
            "fills": fills,
            "doubts": doubts,
            "starts": starts,
            "comparisons": comparisons,
            "busts": busts,
            "halts": halts,
            "resumes": resumes,
            "hash": format!("{:016x}", self.hash),
            "threads": self.threads,
            "run_seconds": round(self.took.as_secs_f64()),
            "speed_per_core": self.speed().round(),
        })
    }

    pub(crate) fn print(&self, json: bool, repeat: Option<&str>) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string(&self.json(repeat))?);
            return Ok(());
        }
        let hours = self.simulated.as_secs_f64() / 3_600.0;
        let Seen { intents, orders, fills, doubts, starts, comparisons, busts, halts, resumes } =
            self.seen;
        println!("worlds          {:>12}", self.worlds);
        println!("simulated hours {hours:>12.1}");
        println!("violations      {:>12}", self.violations);
        for (invariant, count) in &self.by_invariant {
            println!("  {invariant:<14}{count:>12}");
        }
        println!("intents {intents}, orders {orders}, fills {fills}, in doubt {doubts}");
        println!(
            "starts {starts}, comparisons of all books {comparisons}, busts {busts}, halts {halts}, of them \
             lifted {resumes}"
        );
        println!("speed           {:>12.0} x real time a core", self.speed());
        println!("faults that fired, in all worlds:");
        for pair in Fault::ALL.chunks(3) {
            let cell =
                |fault: &Fault| format!("{:<20}{:>9}", fault.name(), self.fired.count(*fault));
            println!("  {}", pair.iter().map(cell).collect::<Vec<_>>().join("  "));
        }
        if let Some(repeat) = repeat {
            println!("first failure: {repeat}");
        }
        Ok(())
    }
}

fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

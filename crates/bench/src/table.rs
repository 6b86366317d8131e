//! Rounds, medians, and the table they end in.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Rounds that count, after one that does not.
const ROUNDS: usize = 5;

/// One figure.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    pub(crate) target: &'static str,
    pub(crate) peer: &'static str,
}

/// Operations a second: the median over rounds, each of which says how many operations it did in
/// which time.
pub(crate) fn per_second(mut round: impl FnMut() -> (u64, Duration)) -> f64 {
    round();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (count, took) = round();
            count as f64 / took.as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

/// Nanoseconds of single operations.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Latencies {
        // Three digits from a nanosecond to a minute.
        Latencies(
            Histogram::new_with_bounds(1, 60_000_000_000, 3)
                .unwrap_or_else(|_| unreachable!("constant bounds are valid")),
        )
    }

    pub(crate) fn time<T>(&mut self, operation: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = operation();
        self.add(start.elapsed());
        result
    }

    pub(crate) fn add(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    /// In nanoseconds.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64
    }
}

pub(crate) fn print(rows: &[Row]) {
    let [what, measured, unit, target, peer] = ["what", "measured", "unit", "target", "peer"];
    println!("{what:<52}{measured:>14} {unit:<14}{target:<24}{peer}");
    for row in rows {
        let Row { what, measured, unit, target, peer } = row;
        let digits = if *measured < 100.0 { 2 } else { 0 };
        println!("{what:<52}{measured:>14.digits$} {unit:<14}{target:<24}{peer}");
    }
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "what": row.what, "measured": row.measured, "unit": row.unit,
            "target": row.target, "peer": row.peer,
        })
    };
    Value::from(rows.iter().map(row).collect::<Vec<_>>())
}

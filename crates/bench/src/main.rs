//! The measurements: one table of what was measured, the target, and the peer beside it.
//!
//! `cargo xtask bench [NAME…] [--json]`. `kill-processes [--runs=N]`, `backtest-memory`, `paper-day`, `record`, `sinks` and `scrapes`
//! run only when they are named. A figure is the median of several rounds after a warm-up
//! round; latencies are given as median and 99th percentile of single operations. Everything runs
//! the code that the product runs.

mod backtest_memory;
mod book_updates;
mod budget;
mod chaos;
mod core_events;
mod data;
mod durable;
mod guardrails;
mod journal_queries;
mod kill;
mod kill_processes;
mod matching;
mod message_to_order;
mod on_paper;
mod paper_day;
mod reconnect;
mod record;
mod restart;
mod samples;
mod scrapes;
mod sign;
mod sinks;
mod table;
mod venue_rest;

use std::process::ExitCode;

use table::Row;

/// A measurement: its name on the command line, and what it does.
type Benchmark = (&'static str, fn() -> anyhow::Result<Vec<Row>>);

/// Run only when they are named.
const LONG: [&str; 6] =
    ["kill-processes", "backtest-memory", "paper-day", "record", "sinks", "scrapes"];

const BENCHMARKS: [Benchmark; 21] = [
    ("matching", matching::run),
    ("book-updates", book_updates::run),
    ("guardrails", guardrails::run),
    ("core", core_events::run),
    ("budget", budget::run),
    ("sign", sign::run),
    ("message-to-order", message_to_order::run),
    ("venue-rest", venue_rest::run),
    ("durable", durable::run),
    ("restart", restart::run),
    ("journal-queries", journal_queries::run),
    ("reconnect", reconnect::run),
    ("kill", kill::run),
    (LONG[0], kill_processes::run),
    (LONG[1], backtest_memory::run),
    (LONG[2], paper_day::run),
    (LONG[3], record::run),
    (LONG[4], sinks::run),
    (LONG[5], scrapes::run),
    ("chaos", chaos::run),
    ("data", data::run),
];

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let known: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
    let unknown = names.iter().find(|name| !known.contains(&name.as_str()));
    if let Some(wrong) = unknown.or_else(|| flags.iter().find(|flag| !is_known(flag))) {
        let known = known.join(", ");
        eprintln!("error: no measurement {wrong:?}; there are: {known}, and --json, --runs=N");
        return ExitCode::from(2);
    }
    // Whoever opens a connection needs a provider, TLS or not; there can be only one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut rows = Vec::new();
    for (name, run) in BENCHMARKS {
        let is_named = names.iter().any(|wanted| wanted == name);
        if !is_named && (!names.is_empty() || LONG.contains(&name)) {
            continue;
        }
        eprintln!("measuring {name} …");
        match run() {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                eprintln!("error: {name}: {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    if flags.iter().any(|flag| flag == "--json") {
        println!("{}", table::json(&rows));
    } else {
        table::print(&rows);
    }
    let is_missed = |row: &&Row| {
        kill_processes::is_missed(row)
            || backtest_memory::is_missed(row)
            || paper_day::is_missed(row)
            || record::is_missed(row)
    };
    let missed: Vec<&Row> = rows.iter().filter(is_missed).collect();
    for Row { what, measured, unit, target, .. } in &missed {
        eprintln!("error: {what} is {measured:.0} {unit} and shall be {target}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_known(flag: &str) -> bool {
    flag == "--json" || flag.starts_with("--runs=")
}

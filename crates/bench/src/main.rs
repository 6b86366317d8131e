//! The measurements: one table of what was measured, the target, and the peer beside it.
//!
//! `cargo xtask bench [NAME…] [--json]`. A figure is the median of several rounds after a warm-up
//! round; latencies are given as median and 99th percentile of single operations. Everything runs
//! the code that the product runs.

mod book_updates;
mod budget;
mod chaos;
mod durable;
mod guardrails;
mod matching;
mod message_to_order;
mod reconnect;
mod restart;
mod samples;
mod sign;
mod table;
mod venue_rest;

use std::process::ExitCode;

use table::Row;

/// A measurement: its name on the command line, and what it does.
type Benchmark = (&'static str, fn() -> anyhow::Result<Vec<Row>>);

const BENCHMARKS: [Benchmark; 11] = [
    ("matching", matching::run),
    ("book-updates", book_updates::run),
    ("guardrails", guardrails::run),
    ("budget", budget::run),
    ("sign", sign::run),
    ("message-to-order", message_to_order::run),
    ("venue-rest", venue_rest::run),
    ("durable", durable::run),
    ("restart", restart::run),
    ("reconnect", reconnect::run),
    ("chaos", chaos::run),
];

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let known: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
    let unknown = names.iter().find(|name| !known.contains(&name.as_str()));
    if let Some(wrong) = unknown.or_else(|| flags.iter().find(|flag| *flag != "--json")) {
        eprintln!("error: no measurement {wrong:?}; there are: {}, and --json", known.join(", "));
        return ExitCode::from(2);
    }
    // Whoever opens a connection needs a provider, TLS or not; there can be only one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut rows = Vec::new();
    for (name, run) in BENCHMARKS {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
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
    if flags.is_empty() {
        table::print(&rows)
    } else {
        println!("{}", table::json(&rows))
    }
    ExitCode::SUCCESS
}

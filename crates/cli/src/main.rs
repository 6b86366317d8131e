//! The `plimsoll` binary: reads the command line and hands over.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused by a guard or gate.

mod agent;
mod alerts;
mod asked;
mod backtest;
mod beside;
mod chaos;
mod dashboard;
mod data;
mod demo;
mod doctor;
mod enable;
mod failure;
mod flatten;
mod gap;
mod halt;
mod limits;
mod log;
mod metrics;
mod private;
mod query;
mod reconcile;
mod report;
mod resume;
mod run;
mod secret;
mod signals;
mod sink;
mod sockets;
mod status;
mod sweep;
mod venue;
mod watchdog;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The load line for autonomous trading agents.
#[derive(Parser)]
#[command(name = "plimsoll", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How logs are written on standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    log_format: log::Format,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on one machine, with an outage in the middle.
    Demo(demo::Args),
    /// A simulated exchange that speaks a real exchange's wire protocol.
    Venue(venue::Args),
    /// The gateway and its agents.
    Run(run::Args),
    /// How a gateway is: sessions, feeds, comparisons, orders.
    Status(status::Args),
    /// What a gateway does, in a browser; of a finished run or a backtest, too. It can halt, and nothing else.
    Dashboard(dashboard::Args),
    /// How a gateway is, in numbers, for Prometheus.
    Metrics(metrics::Args),
    /// Whether all is as it should be: the layers of protection, the key, the store, the clock.
    Doctor(doctor::Args),
    /// The whole system in virtual time, with faults, and a checker for every invariant.
    Chaos(chaos::Args),
    /// A strategy on recorded market data, through the same gateway and guardrails.
    Backtest(backtest::Args),
    /// A backtest for every combination of parameters, on all cores.
    Sweep(sweep::Args),
    /// A run beside its backtest on its own recording: what differs, and why.
    Gap(gap::Args),
    /// Market data files: import them, look at them.
    Data(data::Args),
    /// The kill switch: watches the account on its own and needs nobody's permission.
    Watchdog(watchdog::Args),
    /// Compare the books with the exchange's now.
    Reconcile(reconcile::Args),
    /// The limits in force, or the limits file read again by the running gateway.
    Limits(limits::Args),
    /// Let an agent trade again that was disabled.
    Enable(enable::Args),
    /// Stop trading, whether a gateway answers or not.
    Halt(halt::Args),
    /// Lift a halt, in two steps.
    Resume(resume::Args),
    /// Stop trading and close positions in slices.
    Flatten(flatten::Args),
    /// Why an order came to what it came to: its whole story, out of the journal.
    Why(why::Args),
    /// A question in SQL about the journal; it can only read.
    Query(query::Args),
    /// Questions that are asked again and again, answered by name.
    Report(report::Args),
    /// Where alerts go, and whether they arrive there.
    Alerts(alerts::Args),
    /// The journal's records to ClickHouse, Elasticsearch, Parquet files or OpenTelemetry.
    Sink(sink::Args),
    /// Secrets in files that only a passphrase opens.
    Secret(secret::Args),
    /// One agent on standard input and output; the gateway starts it.
    #[command(hide = true)]
    Agent,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::begin(cli.log_format);
    // Two providers may be linked; ours is chosen here, once, before the first connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Venue(args) => venue::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Dashboard(args) => dashboard::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Gap(args) => gap::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Watchdog(args) => watchdog::run(&args),
        Command::Reconcile(args) => reconcile::run(&args),
        Command::Limits(args) => limits::run(&args),
        Command::Enable(args) => enable::run(&args),
        Command::Halt(args) => halt::run(&args),
        Command::Resume(args) => resume::run(&args),
        Command::Flatten(args) => flatten::run(&args),
        Command::Why(args) => why::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Sink(args) => sink::run(&args),
        Command::Secret(args) => secret::run(&args),
        Command::Agent => agent::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

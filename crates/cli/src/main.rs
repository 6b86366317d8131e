//! The `plimsoll` binary: reads the command line and hands over.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused by a guard or gate.

mod agent;
mod chaos;
mod demo;
mod failure;
mod reconcile;
mod run;
mod signals;
mod sockets;
mod status;
mod venue;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// The load line for autonomous trading agents.
#[derive(Parser)]
#[command(name = "plimsoll", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
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
    /// The whole system in virtual time, with faults, and a checker for every invariant.
    Chaos(chaos::Args),
    /// Compare the books with the exchange's now.
    Reconcile(reconcile::Args),
    /// One agent on standard input and output; the gateway starts it.
    #[command(hide = true)]
    Agent,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    // Two providers may be linked; ours is chosen here, once, before the first connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Venue(args) => venue::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Reconcile(args) => reconcile::run(&args),
        Command::Agent => agent::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Logs go to standard error; `RUST_LOG` chooses what is said.
fn log() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,plimsoll_runtime=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

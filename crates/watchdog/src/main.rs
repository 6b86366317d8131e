//! The `plimsoll-watchdog` binary: the kill switch alone, for a host of its own.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use plimsoll_watchdog::{RunError, Watchdog, config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// The kill switch for autonomous trading agents.
#[derive(Parser)]
#[command(name = "plimsoll-watchdog", version, about)]
struct Args {
    /// The configuration file, the gateway's own or one with [venue.*] and [watchdog].
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How logs are written on standard error: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,plimsoll_watchdog=info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(args.log_format == "text" && std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match args.log_format.as_str() {
        "json" => lines.json().flatten_event(true).init(),
        _ => lines.init(),
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%error, "a crash may leave a core with the kill switch's key in it");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "processes of this user may read the kill switch's memory");
    }
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.is_usage() { 2 } else { 1 })
        }
    }
}

fn start(args: Args) -> Result<(), RunError> {
    let mut config = config::load(&args.config)?;
    config.take_secrets();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let watchdog = Watchdog::open(config).await?;
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "heartbeat on {}, control on http://{}",
            watchdog.heartbeat, watchdog.control
        )?;
        out.flush()?;
        drop(out);
        let (stop, stopped) = watch::channel(false);
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            stop.send_replace(true);
        });
        watchdog.run(stopped).await
    })
}

//! `plimsoll watchdog`: the kill switch, from the same binary as everything else.
//!
//! Thin on purpose: all of it is in the watchdog crate, which knows none of the others.

use std::io::Write as _;
use std::path::PathBuf;

use watchdog::{RunError, Watchdog, config};

use crate::failure::Failure;
use crate::{private, signals, sockets};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file: the gateway's own.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    private::keep();
    let mut config = config::load(&args.config).map_err(Failure::usage)?;
    config.take_secrets();
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        let watchdog = Watchdog::open(config).await.map_err(failure)?;
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "heartbeat on {}, control on http://{}",
            watchdog.heartbeat, watchdog.control
        )?;
        out.flush()?;
        drop(out);
        watchdog.run(stop).await.map_err(failure)
    })
}

fn failure(error: RunError) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::Failed(error.into()) }
}

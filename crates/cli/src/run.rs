//! `plimsoll run`: the gateway and its agents.

use std::path::PathBuf;

use runtime::agent::AgentError;
use runtime::gateway::RunError;

use crate::failure::Failure;
use crate::{signals, sockets};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        runtime::gateway::run(config, stop).await.map_err(failure)
    })
}

/// What only another configuration can help is wrong usage.
fn failure(error: RunError) -> Failure {
    match &error {
        RunError::Secret { .. }
        | RunError::Key { .. }
        | RunError::Instrument { .. }
        | RunError::Agent { source: AgentError::Build(_) | AgentError::Setting { .. }, .. } => {
            Failure::usage(error)
        }
        RunError::Journal(_)
        | RunError::Budget(_)
        | RunError::Client(_)
        | RunError::Unreachable { .. }
        | RunError::Credentials { .. }
        | RunError::Agent { source: AgentError::Start { .. }, .. } => Failure::Failed(error.into()),
    }
}

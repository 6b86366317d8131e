//! `plimsoll run`: the gateway and its agents.

use std::path::PathBuf;

use runtime::agent::AgentError;
use runtime::gateway::RunError;
#[cfg(target_os = "linux")]
use rustix::process::DumpableBehavior;

use crate::failure::Failure;
use crate::{signals, sockets};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    private();
    let mut config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    config.take_secrets();
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        runtime::gateway::run(config, stop).await.map_err(failure)
    })
}

/// Other processes of the same user, agents among them, may not read this one's memory or the
/// environment it was started with.
pub(crate) fn private() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "processes of this user may read the gateway's memory and its key");
    }
}

/// What only another configuration can help is wrong usage.
pub(crate) fn failure(error: RunError) -> Failure {
    match &error {
        RunError::Store(_)
        | RunError::StorePassword(_)
        | RunError::Secret { .. }
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

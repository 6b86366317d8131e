//! `plimsoll run`: the gateway and its agents.

use std::path::PathBuf;

use runtime::agent::AgentError;
use runtime::gateway::RunError;
#[cfg(target_os = "linux")]
use rustix::process::DumpableBehavior;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::failure::Failure;
use crate::{dashboard, signals, sockets};

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
    let lines = dashboard::Lines::of(&config).map_err(Failure::usage)?;
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        // Beside the gateway, which waits for nothing of it.
        let dashboard =
            lines.map(|lines| tokio::spawn(dashboard::keep(args.config.clone(), lines)));
        let ended = runtime::gateway::run(config, stop).await.map_err(failure);
        if let Some(dashboard) = dashboard {
            dashboard.abort();
        }
        ended
    })
}

/// Other processes of the same user, agents among them, may not read this one's memory or the
/// environment it was started with, and no core is dumped when it crashes: a core holds the key.
pub(crate) fn private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may leave a core with the gateway's key in it");
    }
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
        | RunError::Paper { .. }
        | RunError::Secret { .. }
        | RunError::Alert { .. }
        | RunError::WatchdogToken(_)
        | RunError::PidFile { .. }
        | RunError::Record(::data::record::RecordError::Folder { .. })
        | RunError::Key { .. }
        | RunError::Instrument { .. }
        | RunError::Agent { source: AgentError::Build(_) | AgentError::Setting { .. }, .. } => {
            Failure::usage(error)
        }
        RunError::KeyScopes { .. } => Failure::Refused(error.into()),
        RunError::Journal(_)
        | RunError::Record(_)
        | RunError::Budget(_)
        | RunError::Client(_)
        | RunError::Unreachable { .. }
        | RunError::Credentials { .. }
        | RunError::Agent { source: AgentError::Start { .. }, .. } => Failure::Failed(error.into()),
    }
}

//! `plimsoll run`: the gateway and its agents.

use std::path::PathBuf;

use runtime::agent::AgentError;
use runtime::gateway::RunError;

use crate::failure::Failure;
use crate::{dashboard, private, signals, sockets};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    private::keep();
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
        | RunError::PaperListen { .. }
        | RunError::Record(::data::record::RecordError::Folder { .. })
        | RunError::Key { .. }
        | RunError::Instrument { .. }
        | RunError::Agent { source: AgentError::Build(_) | AgentError::Setting { .. }, .. } => {
            Failure::usage(error)
        }
        RunError::KeyScopes { .. }
        | RunError::Gates(_)
        | RunError::Agent { source: AgentError::Changed(_), .. } => Failure::Refused(error.into()),
        RunError::Journal(_)
        | RunError::Record(_)
        | RunError::Budget(_)
        | RunError::Client(_)
        | RunError::Unreachable { .. }
        | RunError::Credentials { .. }
        | RunError::Agent { source: AgentError::Start { .. }, .. } => Failure::Failed(error.into()),
    }
}

//! `plimsoll run`: the gateway and its agents.

use std::path::PathBuf;

use runtime::agent::AgentError;
use runtime::gateway::RunError;

use crate::failure::Failure;
use crate::{beside, private, signals, sockets};

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
    config.own_arguments = crate::log::arguments();
    let mut others = Vec::new();
    for table in [beside::DASHBOARD, beside::METRICS] {
        let lines = beside::Lines::of(&config, table).map_err(Failure::usage)?;
        others.extend(lines.map(|lines| (table, lines)));
    }
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        // Beside the gateway, which waits for nothing of them.
        let keep = |(table, lines)| tokio::spawn(beside::keep(table, args.config.clone(), lines));
        let others: Vec<_> = others.into_iter().map(keep).collect();
        let ended = runtime::gateway::run(config, stop).await.map_err(failure);
        others.iter().for_each(tokio::task::JoinHandle::abort);
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

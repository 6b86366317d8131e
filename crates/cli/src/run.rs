//! `plimsoll run`: the gateway and its agents.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::{runtime as start_runtime, signals};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    for (agent, settings) in &config.agents {
        check(settings).map_err(|error| {
            let file = args.config.display();
            Failure::Usage(anyhow::anyhow!("{file}: agent.{agent}: {error}"))
        })?;
    }
    start_runtime()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        Ok(runtime::gateway::run(config, stop).await?)
    })
}

/// A strategy's name and parameters are checked before anything starts; what a program of the
/// user's own makes of its parameters is its business.
fn check(settings: &runtime::config::AgentSettings) -> Result<(), agents::BuildError> {
    match &settings.program {
        runtime::config::AgentProgram::Strategy(name) => agents::check(name, &settings.params),
        runtime::config::AgentProgram::Command(_) => Ok(()),
    }
}

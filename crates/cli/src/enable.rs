//! `plimsoll enable`: a person has looked at what an agent did, and lets it trade again.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::anyhow;
use model::AgentId;
use runtime::control::{Answer, Ask};

use crate::failure::Failure;
use crate::limits::ask;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The agent, as the configuration names it.
    agent: AgentId,
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    if !config.agents.contains_key(&args.agent) {
        let agents: Vec<String> = config.agents.keys().map(ToString::to_string).collect();
        let problem = format!("there is no agent {}; there is {}", args.agent, agents.join(", "));
        return Err(Failure::usage(anyhow!(problem)));
    }
    let enabled = match ask(&config, &Ask::EnableAgent { agent: args.agent })? {
        Some(Answer::Enabled(enabled)) => enabled,
        Some(Answer::Error(problem)) => return Err(anyhow!(problem).into()),
        Some(_) => return Err(anyhow!("the gateway answers something else").into()),
        None => {
            let problem = "no gateway runs on this journal; start it, the agent stays disabled";
            return Err(anyhow!(problem).into());
        }
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&enabled)?)?;
        return Ok(());
    }
    match &enabled.was {
        Some(cause) => {
            writeln!(out, "agent {} may trade again; it was disabled: {cause}", args.agent)?
        }
        None => writeln!(out, "agent {} was not disabled", args.agent)?,
    }
    Ok(())
}

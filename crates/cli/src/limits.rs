//! `plimsoll limits`: which limits are in force; with `--reload` the running gateway reads the file again.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::anyhow;
use runtime::config::{Config, limits_text};
use runtime::control::{self, Answer, Ask, ControlError, LimitsShown};

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Have the running gateway read the limits file again. Nothing that is open is taken back by it.
    #[arg(long)]
    reload: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    let shown = match ask(&config, &Ask::Limits { reload: args.reload })? {
        Some(Answer::Limits(shown)) => *shown,
        Some(Answer::Error(problem)) => return Err(anyhow!(problem).into()),
        Some(_) => return Err(anyhow!("the gateway answers something else").into()),
        None if args.reload => {
            return Err(anyhow!("no gateway runs on this journal; its start reads the file").into());
        }
        None => LimitsShown {
            version: config.limits.version(),
            running: false,
            changed: false,
            limits: config.limits,
            disabled: [].into(),
        },
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&shown)?)?;
        return Ok(());
    }
    let how = match (shown.running, shown.changed) {
        (false, _) => "as a start would read them: no gateway runs on this journal",
        (true, true) => "in force from now on",
        (true, false) if args.reload => "in force, as before: the file says the same",
        (true, false) => "in force",
    };
    writeln!(out, "# limits {}: {how}", shown.version)?;
    for (agent, cause) in &shown.disabled {
        writeln!(out, "# agent {agent} is disabled: {cause}")?;
    }
    write!(out, "{}", limits_text(&shown.limits))?;
    Ok(())
}

/// Asks the gateway that runs on this journal; `None` when there is none.
pub(crate) fn ask(config: &Config, question: &Ask) -> Result<Option<Answer>, Failure> {
    let directory = runtime::budget::directory(config.state_dir.as_deref())?;
    let Ok(socket) = control::socket(&directory, &config.store) else { return Ok(None) };
    match control::ask(&socket, question) {
        Ok(answer) => Ok(Some(answer)),
        Err(ControlError::Nobody { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

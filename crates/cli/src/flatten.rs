//! `plimsoll flatten`: halts, and has the gateway close positions in slices within the price collar.
//!
//! Shows what would be closed and does nothing without `--yes`. Only a running gateway can do it.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::anyhow;
use model::TradingState;
use runtime::control::{self, Answer, Ask, ControlError};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::status;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Why; it goes into the journal and to everybody who is told.
    #[arg(long, value_name = "TEXT", default_value = "a person wants it flat")]
    reason: String,
    /// Do it; without this the positions are shown and nothing is done.
    #[arg(long)]
    yes: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    let directory = runtime::budget::directory(config.state_dir.as_deref())?;
    let positions = status::positions(&config)?;
    let socket = control::socket(&directory, &config.store).ok();
    let trading = match socket.filter(|_| args.yes) {
        None => None,
        Some(socket) => {
            match control::ask(&socket, &Ask::Flatten { reason: args.reason.clone() }) {
                Ok(Answer::Halted(trading)) => Some(trading),
                Ok(Answer::Error(problem)) => return Err(anyhow!(problem).into()),
                Ok(_) => return Err(anyhow!("the gateway answers something else").into()),
                Err(ControlError::Nobody { .. }) => None,
                Err(error) => return Err(error.into()),
            }
        }
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        let held = positions.iter().map(|(id, net)| (id.clone(), json!(net)));
        let held: Map<String, Value> = held.collect();
        writeln!(out, "{}", json!({"trading": trading, "positions": held}))?;
    } else {
        for (instrument, net) in &positions {
            writeln!(out, "position     {net} {instrument}")?;
        }
        if positions.is_empty() {
            writeln!(out, "position     none")?;
        }
        if let Some(trading) = &trading {
            let word = status::word(trading.state);
            writeln!(out, "trading      {word}: {}", trading.cause)?;
        }
    }
    match trading {
        Some(now) if now.state != TradingState::Flattening => Err(anyhow!(
            "nothing is sold: the gateway is {}, and only a person lifts that, with plimsoll resume",
            now.state.name()
        )
        .into()),
        Some(_) => Ok(()),
        None if args.yes => Err(anyhow!(
            "no gateway runs on this journal, and only one can close positions: start it with plimsoll run"
        )
        .into()),
        None => Err(Failure::Refused(anyhow!(
            "nothing was done: --yes halts and closes what is bought of these"
        ))),
    }
}

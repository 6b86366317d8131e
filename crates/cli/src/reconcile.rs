//! `plimsoll reconcile`: compares the books with the exchange's now, through the gateway that runs or, where
//! none does, by itself and without changing anything.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use runtime::config::Config;
use runtime::control::{self, Answer, Ask, Compared, ControlError};
use runtime::gateway::RunError;

use crate::failure::Failure;
use crate::{private, run, sockets, status};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Make so what is left: our counts become the exchange's. Needs a running gateway.
    #[arg(long)]
    accept: bool,
    /// How long to wait for the answer, 1 to 600.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=600))]
    wait: u32,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    let compared = match ask(args, &config)? {
        Some(compared) => compared,
        None if args.accept => {
            return Err(anyhow!("no gateway runs on this journal; start it and accept then").into());
        }
        None => without(args, config)?,
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&compared)?)?;
    } else {
        write!(out, "{}", text(&compared))?;
    }
    match compared.comparison.left.len() {
        0 => Ok(()),
        1 => Err(anyhow!("a difference is left").into()),
        left => Err(anyhow!("{left} differences are left").into()),
    }
}

/// Asks the gateway that runs on this journal; `None` when there is none.
fn ask(args: &Args, config: &Config) -> Result<Option<Compared>, Failure> {
    let directory = runtime::budget::directory(config.state_dir.as_deref())?;
    let Ok(socket) = control::socket(&directory, &config.store) else { return Ok(None) };
    let asked = Ask::Reconcile { accept: args.accept, wait_s: args.wait };
    match control::ask(&socket, &asked) {
        Ok(Answer::Compared(compared)) => Ok(Some(compared)),
        Ok(Answer::Error(problem)) => Err(anyhow!(problem).into()),
        Ok(_) => Err(anyhow!("the gateway answers something else").into()),
        Err(ControlError::Nobody { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Nobody runs: reads the exchange's books, and says what a start would do.
fn without(args: &Args, mut config: Config) -> Result<Compared, Failure> {
    private::keep();
    config.take_secrets();
    let wait = Duration::from_secs(u64::from(args.wait));
    let compared = sockets::threads()?.block_on(runtime::gateway::compare(config, wait));
    match compared {
        Ok(Some(compared)) => Ok(compared),
        Ok(None) => {
            let problem = format!(
                "the books could not be compared within {} s; --wait waits longer: an order whose \
                 absence has to be proven takes 20 s on Binance and 140 s on Coinbase",
                args.wait
            );
            Err(anyhow!(problem).into())
        }
        Err(RunError::Journal(error @ journal::StoreError::InUse { .. })) => {
            Err(anyhow!("{error}; its gateway does not answer on the control channel").into())
        }
        Err(error) => Err(run::failure(error)),
    }
}

fn text(compared: &Compared) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write_text(&mut text, compared);
    text
}

fn write_text(out: &mut String, compared: &Compared) -> std::fmt::Result {
    let Compared { running, comparison, accepted, trading, would } = compared;
    let (found, left) = (comparison.found, comparison.left.len());
    let what = if *running {
        "compared     by the running gateway"
    } else {
        "compared     without a gateway: nothing was changed at the exchange or written to the journal"
    };
    writeln!(out, "{what}")?;
    writeln!(out, "differences  {found} found, {left} left")?;
    status::write_differences(out, comparison)?;
    for accepted in accepted {
        writeln!(out, "  ACCEPTED   {}", accepted.what)?;
    }
    for would in would {
        writeln!(out, "  WOULD      {would}")?;
    }
    let why = if trading.cause.is_empty() { String::new() } else { format!(": {}", trading.cause) };
    let who = if *running { "trading     " } else { "a start is  " };
    writeln!(out, "{who} {}{why}", status::word(trading.state))
}

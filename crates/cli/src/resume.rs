//! `plimsoll resume`: lifts a halt, in two steps that a person takes with time between them.
//!
//! The first shows what halted, what is held, open and different, and what stands in the way; where nothing
//! does it prints a code. The second one brings the code back. The gateway decides both.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::anyhow;
use model::{HaltedBy, ResumeStep, Side};
use runtime::control::{self, Answer, Ask, ControlError, ResumeShown};

use crate::failure::Failure;
use crate::status;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The code that the first step printed: 30 to 120 seconds later, once.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let place = runtime::config::place(&args.config).map_err(Failure::usage)?;
    let directory = runtime::budget::directory(place.state_dir.as_deref())?;
    let nobody = || {
        anyhow!(
            "no gateway runs on this journal: start it with plimsoll run, it starts halted and takes no order"
        )
    };
    let socket = control::socket(&directory, &place.store).map_err(|_| nobody())?;
    let shown = match control::ask(&socket, &Ask::Resume { code: args.code.clone() }) {
        Ok(Answer::Resume(shown)) => shown,
        Ok(Answer::Error(problem)) => return Err(anyhow!(problem).into()),
        Ok(_) => return Err(anyhow!("the gateway answers something else").into()),
        Err(ControlError::Nobody { .. }) => return Err(nobody().into()),
        Err(error) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&shown)?)?;
    } else {
        write!(out, "{}", text(&shown, args))?;
    }
    if shown.refused.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused(anyhow!("refused: {}", shown.refused.join("; "))))
}

fn text(shown: &ResumeShown, args: &Args) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write_text(&mut text, shown, args);
    text
}

fn write_text(out: &mut String, shown: &ResumeShown, args: &Args) -> std::fmt::Result {
    let trading = &shown.trading;
    writeln!(out, "trading      {}: {}", status::word(trading.state), trading.cause)?;
    if let (Some(by), Some(since)) = (shown.by.map(HaltedBy::words), shown.since) {
        let was = if shown.resumed { "was halted" } else { "halted" };
        writeln!(out, "             {was} by {by} at {since}")?;
    }
    for (instrument, net) in &shown.positions {
        writeln!(out, "position     {net} {instrument}")?;
    }
    for order in &shown.open_orders {
        let side = if order.side == Side::Buy { "buy" } else { "sell" };
        let price = order.price.map(|price| format!(" at {price}")).unwrap_or_default();
        let trigger = order.trigger.map(|trigger| format!(", from {trigger} on"));
        let trigger = trigger.unwrap_or_default();
        let (agent, leaves, instrument) = (order.agent, order.leaves, order.instrument);
        writeln!(
            out,
            "order        {}: {agent}: {side} {leaves} {instrument}{price}{trigger}",
            order.client_order_id
        )?;
    }
    for difference in &shown.differences {
        writeln!(out, "  LEFT       {} ({})", difference.what, difference.correction)?;
    }
    for because in &shown.refused {
        writeln!(out, "  IN THE WAY {because}")?;
    }
    if let (ResumeStep::First, Some(code)) = (shown.step, &shown.code) {
        let config = args.config.display();
        writeln!(
            out,
            "next         read this; not before {} s and not after {} s from now:\n             \
             plimsoll resume --config {config} --code {code}",
            shown.not_before_s, shown.not_after_s
        )?;
    }
    Ok(())
}

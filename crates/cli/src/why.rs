//! `plimsoll why ID`: the whole story of one order, or of a decision that was refused.

use std::io::Write as _;
use std::path::PathBuf;

use crate::asked::{self, Journal, failed};
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A client order id, venue order id or trade id; AGENT/INTENT for a decision, #NUMBER for an entry.
    /// order:, venue: or trade: in front says which is meant.
    id: String,
    #[command(flatten)]
    journal: Journal,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Write it as a page, too, that needs no network.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let views = args.journal.open()?;
    let story = views.why(&args.id).map_err(failed)?;
    if let Some(file) = &args.html {
        asked::write(file, &story.html())?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", story.json())?;
    } else {
        write!(out, "{}", story.text())?;
    }
    Ok(())
}

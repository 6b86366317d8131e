//! `plimsoll report [NAME]`: questions that are asked again and again.

use std::io::Write as _;

use anyhow::anyhow;
use model::Timestamp;
use serde_json::json;
use views::report::{self, Of, Since};

use crate::asked::{Journal, failed};
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which report; without it all are listed.
    name: Option<String>,
    #[command(flatten)]
    journal: Option<Journal>,
    /// Only what happened since: a time before the journal's last entry (90s, 30m, 1h, 2d), or a moment
    /// (2026-01-15T12:00:00Z).
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Only this agent.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Longest list.
    #[arg(long, value_name = "N", default_value_t = 50)]
    rows: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let Some(name) = &args.name else {
        if args.json {
            let names = report::list().into_iter();
            let names = names.map(|(name, title)| json!({"report": name, "answers": title}));
            writeln!(out, "{}", json!({"reports": names.collect::<Vec<_>>()}))?;
            return Ok(());
        }
        for (name, title) in report::list() {
            writeln!(out, "{name:<22}{title}")?;
        }
        return Ok(());
    };
    if !report::list().iter().any(|(known, _)| known == name) {
        let known: Vec<&str> = report::list().into_iter().map(|(name, _)| name).collect();
        let known = known.join(", ");
        return Err(Failure::usage(anyhow!("there is no report {name:?}; there is: {known}")));
    }
    let Some(journal) = &args.journal else {
        return Err(Failure::usage(anyhow!("name a journal with --config FILE or --store URL")));
    };
    let views = journal.open()?;
    let of = Of { since: args.since, agent: args.agent.clone(), rows: args.rows };
    let report = report::make(&views, name, &of).map_err(failed)?;
    if args.json {
        writeln!(out, "{}", report.json())?;
    } else {
        write!(out, "{}", report.text())?;
    }
    Ok(())
}

fn since(text: &str) -> Result<Since, String> {
    if let Some(at) = Timestamp::parse_rfc3339(text.as_bytes()) {
        return Ok(Since::At(at));
    }
    let wrong = || "write 90s, 30m, 1h, 2d, or a moment like 2026-01-15T12:00:00Z".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1_i64,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let nanos = number.checked_mul(seconds).and_then(|s| s.checked_mul(1_000_000_000));
    nanos.filter(|_| number > 0).map(Since::Back).ok_or_else(wrong)
}

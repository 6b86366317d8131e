//! `plimsoll gap`: a run beside its backtest on its own recording, with the cause of each difference.
//!
//! Reads the journal and the recording, changes nothing, and may be asked while the gateway runs.

mod args;
mod html;
mod json;
mod report;
mod text;

use std::io::Write as _;

use ::backtest::gap::{Material, Session, SessionSpan, Whose, orders, strategy, suggest};
use anyhow::anyhow;
use data::record::Recording;
use engine::Strategy;
use journal::JournalReader;
use model::{Decimal, InstrumentId, Rounding, Timestamp};
use runtime::config::{AgentProgram, Config, PaperConfig};

pub(crate) use self::args::Args;
use self::report::{NotReplayed, Report};
use crate::failure::Failure;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    config.take_secrets();
    let report = look(args, &config)?;
    if let Some(file) = &args.report {
        let title = format!("Gap of session {}", report.span.number);
        let page = html::page(&title, &crate::backtest::command(), &report);
        crate::backtest::whole(file, &page)?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json::of(&report))?;
    } else {
        write!(out, "{}", text::of(&report))?;
    }
    match args.fail_above {
        Some(limit) => within(&report, limit),
        None => Ok(()),
    }
}

fn look(args: &Args, config: &Config) -> Result<Report, Failure> {
    let Some(assumed) = &config.assumed else {
        let problem = "there is no [paper] table in the configuration, which says what the exchange is assumed to do: \
                       write one; a live run does not look at it (docs/gap.md)";
        return Err(Failure::usage(anyhow!(problem)));
    };
    let models = args.models(assumed);
    let (venue, settings) = &config.venue;
    let folder = args.recording.as_ref().or(config.record.as_ref()).ok_or_else(|| {
        Failure::usage(anyhow!(
            "nothing says where the market was recorded: write `record` in the configuration, or --recording"
        ))
    })?;
    let recording = Recording::of(folder, venue.as_str());
    let reader = JournalReader::of(&config.journal().map_err(Failure::usage)?)?;
    let span = chosen(args, &reader, &recording, &settings.instruments)?;
    let mut session = Session::of(span.number);
    reader.replay(0, &mut |_, entry| {
        session.take(&entry);
        Ok(())
    })?;
    let since = args.since.unwrap_or(Timestamp::EPOCH);
    let PaperConfig { cash, latency, .. } = assumed;
    let material =
        Material::new(&session, span, &recording, &settings.instruments, cash, *latency)?;
    let asked = orders(&material, &models, since)?;
    let mut replayed = Vec::new();
    let mut not = Vec::new();
    for (agent, settings) in &config.agents {
        if args.agent.is_some_and(|only| only != *agent) {
            continue;
        }
        let AgentProgram::Strategy(name) = &settings.program else {
            let why = "it is a program of its own, whose decisions cannot be taken again: its orders are replayed as \
                       they were"
                .to_owned();
            not.push(NotReplayed { agent: *agent, why });
            continue;
        };
        let instruments = material.instruments();
        let strategy_of =
            |instruments: &[model::Instrument]| agents::build(name, &settings.params, instruments);
        strategy_of(instruments).map_err(Failure::usage)?;
        let whose = Whose {
            agent: *agent,
            limits: config.limits.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let make = |instruments: &[model::Instrument]| -> Box<dyn Strategy> {
            strategy_of(instruments).expect("it was built from the same just before")
        };
        replayed.push(strategy(&material, &models, (&whose, since), make)?);
    }
    if let Some(agent) = args.agent.filter(|agent| !config.agents.contains_key(agent)) {
        let problem = format!("--agent {agent}: the configuration has no such agent");
        return Err(Failure::usage(anyhow!(problem)));
    }
    let suggested = suggest(&material, &models, since, &asked)?;
    let folder = folder.display().to_string();
    Ok(Report { span, folder, models, orders: asked, replayed, not, suggested })
}

/// The session that was asked for, or the last one with a recording.
fn chosen(
    args: &Args,
    reader: &JournalReader,
    recording: &Recording,
    instruments: &[InstrumentId],
) -> Result<SessionSpan, Failure> {
    let mut spans = Vec::new();
    let mut first = None;
    reader.replay(0, &mut |seq, entry| {
        first.get_or_insert(seq);
        SessionSpan::note(&mut spans, &entry);
        Ok(())
    })?;
    if first.is_some_and(|first| first > 1) {
        let problem = "the beginning of the journal was removed (`keep_records`), so what the account held is not known: a gap \
                       needs all of it";
        return Err(anyhow!(problem).into());
    }
    if let Some(number) = args.session {
        let found = spans.iter().find(|span| span.number == number).copied();
        let last = spans.last().map_or(0, |span| span.number);
        return found.ok_or_else(|| {
            Failure::usage(anyhow!(
                "--session {number}: the journal has no such session; the last one is {last}"
            ))
        });
    }
    for span in spans.iter().rev() {
        for id in instruments {
            if recording.begins_within(*id, span.recorded())? {
                return Ok(*span);
            }
        }
    }
    let folder = recording.folder().display();
    Err(anyhow!(
        "{folder} has no recording of any of the {} sessions in the journal: a gap needs a run with `record` in its \
         configuration",
        spans.len()
    )
    .into())
}

/// Is what differs no more than so many hundredths of a percent of what was traded?
fn within(report: &Report, limit: Decimal) -> Result<(), Failure> {
    let found = &report.orders.comparison;
    for (asset, apart) in &found.apart {
        let traded = found.traded.get(asset).copied().unwrap_or_default();
        let bps =
            apart.checked_times(10_000).and_then(|part| part.checked_div(traded, Rounding::Up));
        if !apart.is_zero() && bps.is_none_or(|bps| bps > limit) {
            let bps = bps.map_or("more than can be said".to_owned(), |bps| bps.to_string());
            return Err(Failure::Refused(anyhow!(
                "{apart} {asset} differ, {bps} hundredths of a percent of what was traded; --fail-above is {limit}"
            )));
        }
    }
    Ok(())
}

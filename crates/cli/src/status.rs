//! `plimsoll status`: how a gateway is, by its journal; works whether it runs or not. A book is in no
//! journal: the gateway that runs is asked for it.

mod alerts;
mod book;
mod breakers;
mod ramp;
pub(crate) mod sinks;
mod watched;
mod words;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ::alerts::SinkState;
use gateway::{Books, Ramp};
use journal::{Address, Comparison, Health, JournalReader, Moments};
use model::{HaltedBy, InstrumentId, Link, NetQty, Timestamp, TradingState};
use runtime::budget::{BudgetUse, LimitUse, Of};
use runtime::config::Config;
use runtime::control::BreakersShown;
use runtime::state::State;
use serde_json::{Value, json};

pub(crate) use self::ramp::of as ramp;
pub(crate) use self::watched::Watched;
pub(crate) use self::words::ago;
use self::words::feed_word;
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Show this instrument's book instead, as the running gateway holds it.
    #[arg(long, value_name = "INSTRUMENT")]
    book: Option<InstrumentId>,
    /// Levels of each side of the book.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "book")]
    depth: usize,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    let mut out = std::io::stdout().lock();
    if let Some(instrument) = args.book {
        let shown = book::look(&config, instrument, args.depth)?;
        let now = runtime::clock::now();
        let text = if args.json { book::json(&shown)? } else { book::text(&shown, now) };
        write!(out, "{text}")?;
        return Ok(());
    }
    let status = Status::read(&config)?;
    if args.json {
        writeln!(out, "{}", status.json())?;
    } else {
        write!(out, "{}", status.text())?;
    }
    Ok(())
}

/// What is held, by instrument, by the journal.
pub(crate) fn positions(config: &Config) -> Result<Vec<(String, NetQty)>, Failure> {
    Ok(Status::read(config)?.positions())
}

struct Status {
    health: Health,
    books: Books,
    /// The process of the gateway that runs on this journal: its id, with its host where the store
    /// serves several.
    holder: Option<String>,
    /// What the account is worth and how far each breaker is, where a gateway runs on this host.
    breakers: Option<BreakersShown>,
    /// What this host has used of the venue's limits.
    budget: Option<BudgetUse>,
    /// How much of the limits holds how soon; `None` in a paper run.
    ramp: Option<Ramp>,
    /// How the sinks of alerts are doing, by the running gateway.
    alerts: Option<Vec<SinkState>>,
    /// How far the sinks of records are.
    sinks: Vec<sinks::Shown>,
    now: Timestamp,
}

impl Status {
    fn read(config: &Config) -> Result<Status, Failure> {
        let reader = JournalReader::of(&config.journal().map_err(Failure::usage)?)?;
        let restored =
            State::restore(reader.snapshots()?, &mut |after, each| reader.replay(after, each))?;
        let directory = runtime::budget::directory(config.state_dir.as_deref()).ok();
        Ok(Status::of(
            restored.state,
            reader.holder()?,
            directory.as_deref(),
            &config.store,
            Some(config),
        ))
    }

    /// What a journal comes to, and what is known besides: of the gateway that holds it, and of the host's budget.
    fn of(
        state: State,
        holder: Option<String>,
        directory: Option<&Path>,
        store: &Address,
        config: Option<&Config>,
    ) -> Status {
        let State { health, books } = state;
        let asked = holder.as_ref().and(directory);
        let alerts = asked.and_then(|directory| alerts::ask(directory, store));
        let breakers = asked.and_then(|directory| breakers::look(directory, store));
        let budget = config.and_then(budget);
        let ramp = config.and_then(|config| config.ramp.clone());
        let sinks = config.map(sinks::look).unwrap_or_default();
        let now = runtime::clock::now();
        Status { health, books, holder, breakers, budget, ramp, alerts, sinks, now }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let health = &self.health;
        let age = |since| ago(self.now, since);
        match &self.holder {
            Some(id) => writeln!(
                out,
                "gateway      running, process {id}, session {}, up {}",
                health.session,
                age(health.started_at)
            )?,
            None => writeln!(
                out,
                "gateway      NOT RUNNING; what follows was so {} ago, in session {}",
                age(health.last_at),
                health.session
            )?,
        }
        if self.books.is_paper() {
            writeln!(out, "account      ON PAPER: no order of it is at the exchange")?;
        }
        if let Some((state, cause, since)) = &health.trading {
            let why = if cause.is_empty() { String::new() } else { format!(": {cause}") };
            let level = state.row().level.map_or(String::new(), |level| format!(" (H{level})"));
            writeln!(out, "trading      {}{level} for {}{why}", word(*state), age(*since))?;
        }
        if let Some(latch) = self.books.latch() {
            let by = latch.by.map_or("it is not said by whom", HaltedBy::words);
            let since = format!(" {} ago", age(latch.since));
            let how = "plimsoll resume lifts it, in two steps";
            writeln!(out, "             halted by {by}{since}; {how}")?;
        }
        for (link, state) in &health.links {
            let name = name(*link);
            let up = if state.up { "up" } else { "DOWN" };
            writeln!(
                out,
                "{name:<12} {up} for {} ({}); lost {}; handed over {}",
                age(state.since),
                state.cause,
                self.count(&state.losses),
                self.count(&state.hand_overs)
            )?;
        }
        for (instrument, feed) in &health.feeds {
            writeln!(
                out,
                "{:<12} {} for {}; gaps {}, missed trades fetched {}",
                instrument.as_str(),
                feed_word(feed.health),
                age(feed.since),
                self.count(&feed.gaps),
                feed.missed_trades
            )?;
        }
        writeln!(out, "repeated     {} messages dropped", health.duplicates)?;
        let limit = health.rate_limit.as_deref().map_or(String::new(), |last| format!(": {last}"));
        writeln!(out, "rate limits  hit {}{limit}", self.count(&health.rate_limits))?;
        match health.comparisons.last() {
            Some(last) => {
                let (at, found, left) = (age(last.at), last.found, last.left.len());
                let differences = if found == 1 { "difference" } else { "differences" };
                writeln!(
                    out,
                    "reconciled   {at} ago, {found} {differences} since the time before, {left} left"
                )?;
                write_differences(out, last)?;
            }
            None => writeln!(out, "reconciled   NEVER in this session")?,
        }
        if let Some((at, found)) = &health.discrepancy {
            let (at, correction) = (age(*at), found.correction());
            writeln!(out, "             last difference {at} ago: {found} ({correction})")?;
        }
        ramp::write(out, self.ramp.as_ref(), &self.books, self.now)?;
        self.write_budget(out)?;
        breakers::write(out, self.breakers.as_ref(), health, self.now)?;
        let in_doubt = self.books.in_doubt().count();
        writeln!(out, "orders       {} open, {in_doubt} in doubt", self.books.open_count())?;
        for (agent, cause) in self.books.disabled_agents() {
            writeln!(out, "agent        {agent} DISABLED until a person enables it: {cause}")?;
        }
        for (instrument, net) in self.positions() {
            writeln!(out, "position     {net} {instrument}")?;
        }
        self.alerts.as_ref().map_or(Ok(()), |sinks| alerts::write(out, sinks, self.now))?;
        sinks::write(out, &self.sinks, self.now)
    }

    fn write_budget(&self, out: &mut String) -> std::fmt::Result {
        let Some(budget) = &self.budget else { return Ok(()) };
        for LimitUse { name, used, limit } in &budget.limits {
            writeln!(out, "budget       {name}: {used} of {limit} used by this host")?;
        }
        for (what, until) in &budget.stops {
            let left = ago(*until, self.now);
            writeln!(out, "budget       {what} STOPPED by the venue for {left} more")?;
        }
        Ok(())
    }

    fn positions(&self) -> Vec<(String, NetQty)> {
        let positions = self.books.positions().map(|(id, p)| (id.to_string(), p.net()));
        positions.filter(|(_, net)| *net != NetQty::ZERO).collect()
    }

    fn count(&self, moments: &Moments) -> String {
        let mut text = match moments.total() {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            total => format!("{total} times"),
        };
        if moments.total() > 0 {
            let _ = write!(text, ", {} in the last hour", moments.lately(self.now));
        }
        text
    }

    fn json(&self) -> Value {
        let health = &self.health;
        let moments = |moments: &Moments| {
            json!({
                "total": moments.total(),
                "last_hour": moments.lately(self.now),
                "last": moments.last(),
            })
        };
        let links: serde_json::Map<String, Value> = health
            .links
            .iter()
            .map(|(link, state)| {
                let value = json!({
                    "up": state.up,
                    "since": state.since,
                    "cause": state.cause,
                    "lost": moments(&state.losses),
                    "handed_over": moments(&state.hand_overs),
                });
                (name(*link).to_owned(), value)
            })
            .collect();
        let feeds: serde_json::Map<String, Value> = health
            .feeds
            .iter()
            .map(|(instrument, feed)| {
                let value = json!({
                    "health": feed.health,
                    "since": feed.since,
                    "gaps": moments(&feed.gaps),
                    "missed_trades": feed.missed_trades,
                    "as_of": self.breakers.as_ref().and_then(|shown| shown.books.get(instrument)),
                });
                (instrument.to_string(), value)
            })
            .collect();
        let positions: serde_json::Map<String, Value> =
            self.positions().into_iter().map(|(id, net)| (id, json!(net))).collect();
        let disabled = self.books.disabled_agents();
        let disabled: serde_json::Map<String, Value> =
            disabled.map(|(agent, cause)| (agent.to_string(), json!(cause))).collect();
        let budget = self.budget.as_ref().map(|budget| {
            let limits: serde_json::Map<String, Value> = budget
                .limits
                .iter()
                .map(|LimitUse { name, used, limit }| {
                    (name.clone(), json!({"used": used, "limit": limit}))
                })
                .collect();
            json!({"limits": limits, "stops": budget.stops})
        });
        let (ramp, versions) = ramp::json(self.ramp.as_ref(), &self.books);
        let (equity, breakers) = breakers::json(self.breakers.as_ref(), health);
        json!({
            "running": self.holder.is_some(),
            "process": self.holder,
            "session": health.session,
            "mode": if self.books.is_paper() { "paper" } else { "live" },
            "started": health.started_at,
            "last_entry": health.last_at,
            "trading": health.trading.as_ref().map(|(state, cause, since)| {
                json!({
                    "state": state,
                    "level": state.row().level,
                    "cause": cause,
                    "since": since,
                })
            }),
            "halt": self.books.latch().map(|latch| {
                json!({
                    "state": latch.state,
                    "cause": latch.cause,
                    "by": latch.by,
                    "since": latch.since,
                })
            }),
            "probation_until": self.books.probation_until().filter(|until| self.now < *until),
            "sessions": links,
            "feeds": feeds,
            "duplicates_dropped": health.duplicates,
            "rate_limits": moments(&health.rate_limits),
            "budget": budget,
            "reconciled": health.comparisons.last().map(|last| {
                json!({"at": last.at, "found": last.found})
            }),
            "comparison": health.comparisons.last(),
            "last_difference": health.discrepancy.as_ref().map(|(at, found)| {
                json!({"at": at, "found": found, "correction": found.correction()})
            }),
            "orders_open": self.books.open_count(),
            "orders_in_doubt": self.books.in_doubt().count(),
            "positions": positions,
            "alerts": self.alerts,
            "sinks": sinks::json(&self.sinks),
            "equity": equity,
            "breakers": breakers,
            "lease_until": self.breakers.as_ref().and_then(|shown| shown.lease_until),
            "agents_disabled": disabled,
            "agent_versions": versions,
            "ramp": ramp,
        })
    }
}

/// What a comparison found, what was done, and what it left.
pub(crate) fn write_differences(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    for difference in &comparison.differences {
        writeln!(out, "  found      {} ({})", difference.what, difference.correction)?;
    }
    let told = comparison.differences.len() as u64;
    if comparison.found > told {
        writeln!(out, "  found      and {} more: {:?}", comparison.found - told, comparison.kinds)?;
    }
    for difference in &comparison.left {
        writeln!(out, "  LEFT       {} ({})", difference.what, difference.correction)?;
    }
    Ok(())
}

/// The budget of this configuration's venue. Its key tells the account's part; where it is not at
/// hand, as in another shell than the gateway's, the address's part is told alone.
fn budget(config: &Config) -> Option<BudgetUse> {
    let (_, venue) = &config.venue;
    let directory = runtime::budget::directory(config.state_dir.as_deref()).ok()?;
    let key = venue.key.as_ref().and_then(|key| key.read().ok());
    let of = Of {
        venue: venue.kind,
        address: venue.rest_address(),
        account: key.as_ref().map_or("", |key| key.reveal()),
        shares: venue.rate_reserve_percent,
    };
    runtime::budget::look(&directory, &of)
}

const fn name(link: Link) -> &'static str {
    match link {
        Link::Market => "market",
        Link::Account => "account",
    }
}

pub(crate) const fn word(state: TradingState) -> &'static str {
    match state {
        TradingState::Starting => "starting (nothing that adds risk is sent)",
        TradingState::Active => "active",
        TradingState::Throttled => "THROTTLED (a quarter of the limits)",
        TradingState::Reducing => "reducing",
        TradingState::Halted => "HALTED",
        TradingState::Flattening => "HALTED, FLATTENING (positions are closed in slices)",
        TradingState::Dark => "HALTED, DARK (nothing is sent, no cancel either)",
    }
}

//! `plimsoll run`: the gateway in real time. Opens the journal, replays it, takes over the account,
//! connects, starts the agents, and runs the loop of `core.rs`.

mod adapter;
mod addresses;
mod admit;
mod audit;
mod begin;
mod clear;
mod clock_watch;
mod core;
mod epoch;
mod error;
mod examine;
mod feeds;
mod halt_file;
mod hands;
mod knock;
mod paper;
mod patience;
mod people;
mod pid_file;
#[cfg(feature = "defects")]
mod planted;
mod public;
mod pulse;
mod pump;
mod raise;
mod rates;
mod release;
mod rest;
mod rounds;
mod rules;
mod shown;
mod socket;
mod store;
mod tell;
mod venue_clock;
mod waiting;
mod watchdog;
mod without;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alerts::Alerts;
use data::record::{Recorder, Rotation};
use gateway::Gateway;
use journal::Address;
use model::venue::{KeyPolicy, MarketRequest, Request, Response, VenueError};
use model::{Command, HaltCause, HaltLevel, HaltedBy, Input, Instrument, InstrumentId, VenueId};
use tokio::sync::{mpsc, watch};

use self::adapter::Adapter;
pub use self::adapter::KeyError;
use self::addresses::Addresses;
use self::admit::Admitted;
use self::begin::{disown, start_agents, start_config};
use self::core::{Core, Distrusted};
pub use self::error::RunError;
pub use self::examine::{Examined, examine};
use self::feeds::{Distrusts, Pace};
use self::hands::Hands;
use self::knock::ask_at_start;
use self::paper::{Of, Paper};
use self::pid_file::PidFile;
pub use self::public::{Doubts, Heard, PublicMarket, PublicVenue};
use self::pulse::Pulse;
pub use self::raise::settings as alert_settings;
use self::release::Release;
use self::rest::Rest;
use self::rounds::Sources;
use self::rules::Streams;
use self::waiting::Waiting;
use self::watchdog::Link;
pub use self::without::compare;
use crate::budget::{self, BudgetError, HostBudget};
use crate::clock;
use crate::config::{Config, Secret, VenueConfig};
use crate::control;
use crate::record::{Ear, Keeper};
use crate::streaming;

/// Inputs that wait for the core. When it is full the connections wait, and the venue's streams
/// back up until the venue cuts them, which is seen as what it is.
const INPUTS_MAX: usize = 65_536;
/// Intents and news that wait from all agents together.
const AGENT_INPUTS_MAX: usize = 1_024;
/// How often the machine's time is compared with ours.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// How long it is quiet after a word about the machine's time.
const CLOCK_QUIET: Duration = Duration::from_secs(60);

/// Runs a gateway until `stop` turns true. What ends it otherwise is told to people before this returns.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let alerts = raise::open(&config)?;
    let ended = run_with(config, stop, &alerts).await;
    if let Err(error) = &ended {
        alerts.raise(raise::ended(error), alerts::Standing::default());
    }
    alerts.close().await;
    ended
}

async fn run_with(
    config: Config,
    mut stop: watch::Receiver<bool>,
    alerts: &Alerts,
) -> Result<(), RunError> {
    let token = watchdog_token(&config)?;
    let door = paper::door(&config).await?;
    let (venue, settings) = &config.venue;
    let (key, adapter) = match &config.paper {
        None => adapter(*venue, settings)?,
        // No key is read, so nothing can be signed.
        Some(_) => (String::new(), Adapter::public(settings.kind)),
    };
    let address = Addresses::of(settings);
    let (inputs, input_queue) = mpsc::channel(INPUTS_MAX);
    let directory = budget::directory(config.state_dir.as_deref()).map_err(BudgetError::from)?;
    let notices = Some(inputs.clone());
    let of = budget::Of {
        venue: settings.kind,
        address: &address.rest,
        account: &key,
        shares: settings.rate_reserve_percent,
    };
    let budget = HostBudget::open(&directory, &of, notices)?;
    let rest = Rest::new(&address.rest, adapter, budget, inputs.clone())?;
    let admitted = Admitted::ask(&config, &directory, &rest).await?;
    let journal = config.journal().map_err(RunError::StorePassword)?;
    let kept = store::Kept::of(&config, &directory);
    let Some(opened) = store::open(journal, kept, &directory, alerts, &mut stop)
        .await
        .map_err(RunError::opening)?
    else {
        return Ok(());
    };
    let record = |folder: &PathBuf| Recorder::open(folder, venue.as_str(), Rotation::default());
    let recorder = config.record.as_ref().map(record).transpose()?;
    // Whoever has the journal is the gateway that the watchdog means.
    let pid_file =
        config.watchdog.as_ref().and_then(|watchdog| watchdog.gateway_pid_file.as_deref());
    let _pid_file = pid_file.map(PidFile::write).transpose()?;
    let (failures, failed) = mpsc::channel(store::FAILURES_MAX);
    let kept = tokio::spawn(store::keep(opened.writer.handle(), failures.clone()));
    let found = instruments(*venue, &settings.instruments, &address.rest, &rest).await?;
    // Orders of a time when their steps were finer may stand in the book.
    let on_known_grid = |found: Instrument| {
        let known = opened.books.instrument(found.id);
        found.on_grid_of(known)
    };
    let instruments: Vec<Instrument> = found.into_iter().map(on_known_grid).collect();
    let rest = rest.following(instruments.clone());
    let clock_known = rest.measure_clock().await;
    let paper = match &config.paper {
        None => None,
        Some(paper) => {
            tracing::warn!(
                %venue,
                "paper mode: orders are filled in this process and none is sent; no key is used"
            );
            let (books, session) = (&opened.books, opened.session);
            let (venue, instruments) = (settings.kind, instruments.as_slice());
            let token = token.as_ref().map(|(_, token)| token.reveal());
            let of = Of { paper, venue, instruments, books, session, token };
            let budget = paper::own_budget(&config, &directory, inputs.clone())?;
            let paper = Paper::open(of, budget, rest.venue_now()).await;
            // They stand beside the instruments, which were read before.
            paper.learn(&rest.budget().limits()).await;
            Some(paper)
        }
    };
    let rest = rest.with_paper(paper.clone());
    let key_audit = match &paper {
        None => Some(audit::at_start(*venue, settings, &rest).await?),
        Some(_) => None,
    };
    let (overridden, pins) = admitted.with_key(&config, key_audit.as_ref())?;

    let mut effects = Vec::new();
    let started = clock::now();
    let crash_loop = opened.books.crash_loop(started);
    let mut gateway = Gateway::start(
        start_config(&config, &rest, overridden),
        opened.books,
        opened.tag,
        opened.session,
        instruments.clone(),
        started,
        &mut effects,
    );
    if let Some(audit) = key_audit {
        gateway.apply(clock::now(), &Input::Key(audit), &mut effects);
    }
    let by_itself = opened.rolled_back.map(|cause| HaltCause::new(HaltedBy::Journal, cause));
    let crashed = crash_loop.map(|cause| HaltCause::new(HaltedBy::CrashLoop, cause));
    if let Some(cause) = by_itself.or(crashed) {
        let halt = Input::Operator(Command::Halt { level: HaltLevel::Halted, cause });
        gateway.apply(clock::now(), &halt, &mut effects);
    }
    let halt_file = control::halt_file(&directory, &config.store).ok();
    let halted = halt_file.as_deref().and_then(halt_file::look);
    if let (Some(path), Some(_), None) = (&halt_file, &halted, gateway.latch()) {
        let halt = Command::halt(HaltedBy::Person, halt_file::cause(path));
        gateway.apply(clock::now(), &Input::Operator(halt), &mut effects);
    }
    disown(&mut gateway, &config, &mut effects);
    let (agent_inputs, agent_queue) = mpsc::channel(AGENT_INPUTS_MAX);
    let known = (opened.session, instruments.as_slice());
    let agents = start_agents(&config, &gateway, known, &pins, &agent_inputs)?;
    let (distrust_market, market_distrusted) = mpsc::channel(pump::DISTRUST_MAX);
    let (distrust_account, account_distrusted) = mpsc::channel(pump::DISTRUST_MAX);
    let distrust = Distrusted { market: distrust_market, account: distrust_account };
    let of_door = door.zip(paper.clone());
    // Of a paper account there is no stream that could be begun anew.
    let (of_stream, of_paper) = match &paper {
        None => (account_distrusted, None),
        Some(paper) => (mpsc::channel(1).1, Some((paper.clone(), account_distrusted))),
    };
    let distrusts = Distrusts::new(market_distrusted, of_stream);
    tracing::info!(%venue, address = address.rest, session = opened.session, "gateway has started");
    let journal = opened.writer.handle();
    let release = Release::new(rest.clone(), inputs.clone());
    let pulse = token.as_ref().map(|_| Pulse::default());
    let link = pulse.clone().zip(token).map(|(pulse, (address, token))| {
        release.gate().needs_lease();
        let gate = release.gate().clone();
        Link::new((address, token), opened.session, (pulse, gate), inputs.clone())
    });
    let keeper = recorder.map(|(recorder, left)| Keeper::start(recorder, left));
    let ear = keeper.as_ref().map(|keeper| Ear::new(keeper.events(), instruments.clone()));
    let looked_after = keeper.as_ref().map(|keeper| {
        let (ended, alerts) = (keeper.look_after(), alerts.clone());
        tokio::spawn(async move {
            if let Some(error) = ended.await {
                let alert = raise::not_recorded(&error);
                tell::alert(&alert);
                alerts.raise(alert, alerts::Standing::default());
            }
        })
    });
    let core = Core {
        gateway,
        journal,
        release,
        agents,
        failures,
        distrust,
        waiting: Waiting::default(),
        hands: Hands::new(halt_file.clone(), Some(opened.epoch)),
        alerts: alerts.clone(),
        pulse: pulse.clone(),
        ear,
        paper,
    };
    let (asks, asked) = mpsc::channel(control::ASKED_MAX);
    let beside = control::Beside {
        limits: Some(Arc::new(config.limits_file.clone())),
        flushes: opened.writer.flushes(),
    };
    let _listening = listen(&directory, &config.store, asks.clone(), beside);
    let sources =
        Sources { inputs: input_queue, agents: agent_queue, failures: failed, asked, stop };
    let key_audit_every = Duration::from_secs(settings.key_audit_every_s);
    let streams = Streams { addresses: address.streams, distrusts, pace: Pace::default() };
    let beside = [
        tokio::spawn(watch_clock(rest.clone())),
        tokio::spawn(rest.clone().watch_venue_clock(clock_known)),
        tokio::spawn(account(rest.clone(), of_paper, (audit::policy(settings), key_audit_every))),
        tokio::spawn(rules::keep(rest, streams)),
        kept,
        tokio::spawn(watch_halt_file(halt_file, halted, asks)),
        tokio::spawn(streaming::run(streaming::Plan::of(&config, &directory), alerts.clone())),
        tokio::spawn(async move {
            if let Some(link) = link {
                link.run().await;
            }
        }),
    ];
    let shown = of_door
        .map(|(listener, paper)| (tokio::spawn(paper::serve(listener, paper.clone())), paper));
    let ended = core.run(sources, effects).await;
    if let Some((door, paper)) = shown {
        paper.is_heard().await;
        door.abort();
    }
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    // Waits for the last write; answers that still come find nobody.
    drop(opened.writer);
    looked_after.iter().for_each(tokio::task::JoinHandle::abort);
    if let Some(keeper) = keeper {
        let kept = keeper.end(clock::now()).await;
        tracing::info!(files = kept.files, gaps = kept.counts.gaps, "market data was recorded");
    }
    ended
}

/// Looks after the account: asks what the key may do, or is the exchange itself where there is none.
async fn account(
    rest: Rest,
    paper: Option<(Paper, mpsc::Receiver<pump::Distrust>)>,
    (policy, every): (KeyPolicy, Duration),
) {
    match paper {
        None => audit::keep(rest, policy, every).await,
        Some((paper, distrusted)) => paper.run(rest.inputs().clone(), distrusted).await,
    }
}

/// Looks for the halt file, where there is a place for one.
async fn watch_halt_file(
    path: Option<PathBuf>,
    seen: Option<halt_file::Seen>,
    asks: mpsc::Sender<control::Asked>,
) {
    match path {
        Some(path) => halt_file::watch(path, seen, asks).await,
        None => {
            tracing::warn!("the state directory has no place for a halt file: none is looked for")
        }
    }
}

/// Where the watchdog listens, and the token that is shared with it; `None` where there is no watchdog.
fn watchdog_token(config: &Config) -> Result<Option<(String, Secret)>, RunError> {
    let Some(watchdog) = &config.watchdog else { return Ok(None) };
    let token = watchdog.token.read().map_err(RunError::WatchdogToken)?;
    Ok(Some((watchdog.heartbeat.clone(), token)))
}

/// Opens the control channel. A gateway without one trades all the same.
fn listen(
    directory: &Path,
    store: &Address,
    asks: mpsc::Sender<control::Asked>,
    beside: control::Beside,
) -> Option<control::Listening> {
    let listening = control::socket(directory, store)
        .and_then(|path| control::listen(&path, asks, beside).map(|listening| (path, listening)));
    match listening {
        Ok((path, listening)) => {
            tracing::debug!(path = %path.display(), "the control channel is open");
            Some(listening)
        }
        Err(error) => {
            tracing::warn!(
                %error,
                directory = %directory.display(),
                "there is no control channel: plimsoll reconcile and status --book will not reach this gateway; the \
                 path of the state directory may have 80 bytes at the most"
            );
            None
        }
    }
}

/// Says when the machine's time was set, or the machine slept; we go on by our own time. What the
/// venue's clock is to ours is then learned anew, for a sleep that we have not counted.
async fn watch_clock(rest: Rest) {
    let mut watch = clock::Watch::default();
    loop {
        let quiet = match watch.look() {
            Some(ahead_ms) => {
                tracing::warn!(
                    ahead_ms,
                    "the machine's clock was set; this gateway goes on by the time it started with"
                );
                rest.clock().doubt();
                CLOCK_QUIET
            }
            None => CLOCK_EVERY,
        };
        tokio::time::sleep(quiet).await;
    }
}

/// The client of a venue, with its key.
fn adapter(venue: VenueId, settings: &VenueConfig) -> Result<(String, Adapter), RunError> {
    let read = |source: &Option<crate::config::SecretSource>, what| {
        let source = source.as_ref().ok_or(RunError::Paper { venue })?;
        source.read().map_err(|source| RunError::Secret { venue, what, source })
    };
    let (key, secret) = (read(&settings.key, "key")?, read(&settings.secret, "secret")?);
    let key = key.reveal().to_owned();
    let adapter = Adapter::new(settings.kind, key.clone(), secret.reveal())
        .map_err(|source| RunError::Key { venue, source })?;
    Ok((key, adapter))
}

async fn instruments(
    venue: VenueId,
    wanted: &[InstrumentId],
    address: &str,
    rest: &Rest,
) -> Result<Vec<Instrument>, RunError> {
    let request = Request::Market(MarketRequest::Instruments(wanted.to_vec()));
    let found = match ask_at_start(venue, address, rest, request).await? {
        Ok(Response::Instruments(found)) => found,
        // It says no to all for one that it does not know; which one has to be found out to be said.
        Err(VenueError::UnknownInstrument) if wanted.len() > 1 => {
            let mut found = Vec::new();
            for id in wanted {
                found.extend(Box::pin(instruments(venue, &[*id], address, rest)).await?);
            }
            found
        }
        Err(VenueError::UnknownInstrument) => Vec::new(),
        other => {
            let cause = format!("unexpected answer about instruments: {other:?}");
            return Err(RunError::Unreachable { venue, address: address.to_owned(), cause });
        }
    };
    let missing = |id: &&InstrumentId| !found.iter().any(|instrument| instrument.id == **id);
    match wanted.iter().find(missing) {
        Some(instrument) => Err(RunError::Instrument { venue, instrument: *instrument }),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests;

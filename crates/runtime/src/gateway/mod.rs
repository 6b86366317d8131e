//! `plimsoll run`: the gateway in real time. Opens the journal, replays it, takes over the account,
//! connects, starts the agents, and runs the loop of `core.rs`.

mod adapter;
mod clear;
mod clock_watch;
mod core;
mod epoch;
mod error;
mod feeds;
mod patience;
mod pump;
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
mod without;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gateway::Gateway;
use journal::Address;
use model::venue::{AccountRequest, MarketRequest, Request, Response, VenueError};
use model::{AgentId, Command, Effects, Input, Instrument, InstrumentId, Outcome, VenueId};
use tokio::sync::{mpsc, watch};
use venues::session::Backoff;
use venues::{binance, coinbase};

use self::adapter::Adapter;
pub use self::adapter::KeyError;
use self::core::{Core, Distrusted};
pub use self::error::RunError;
use self::feeds::{Distrusts, Pace, StreamAddresses};
use self::release::Release;
use self::rest::Rest;
use self::rounds::Sources;
use self::rules::Streams;
use self::waiting::Waiting;
pub use self::without::compare;
use crate::agent::{AgentConfig, AgentHandle, Hello};
use crate::budget::{BudgetError, HostBudget, Of};
use crate::clock;
use crate::config::{Config, VenueConfig, VenueKind};
use crate::control;

/// Inputs that wait for the core. When it is full the connections wait, and the venue's streams
/// back up until the venue cuts them, which is seen as what it is.
const INPUTS_MAX: usize = 65_536;
/// Intents and news that wait from all agents together.
const AGENT_INPUTS_MAX: usize = 1_024;
/// Attempts to reach the venue at the start before giving up.
const START_ATTEMPTS: u32 = 8;
/// How often the machine's time is compared with ours.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// How long it is quiet after a word about the machine's time.
const CLOCK_QUIET: Duration = Duration::from_secs(60);

/// Runs a gateway until `stop` turns true.
pub async fn run(config: Config, mut stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let (venue, settings) = &config.venue;
    let (key, adapter) = adapter(*venue, settings)?;
    let address = Addresses::of(settings);
    let (inputs, input_queue) = mpsc::channel(INPUTS_MAX);
    let directory =
        crate::budget::directory(config.state_dir.as_deref()).map_err(BudgetError::from)?;
    let notices = Some(inputs.clone());
    let of = Of {
        venue: settings.kind,
        address: &address.rest,
        account: &key,
        shares: settings.rate_reserve_percent,
    };
    let budget = HostBudget::open(&directory, &of, notices)?;
    let rest = Rest::new(&address.rest, adapter, budget, inputs.clone())?;
    let journal = config.journal().map_err(RunError::StorePassword)?;
    let Some(opened) = store::open(journal, config.keep_records, &directory, &mut stop)
        .await
        .map_err(RunError::opening)?
    else {
        return Ok(());
    };
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
    check_key(*venue, &address.rest, &rest).await?;

    let mut effects = Vec::new();
    let started = clock::now();
    let crash_loop = opened.books.crash_loop(started);
    let mut gateway = Gateway::start(
        start_config(&config, &rest),
        opened.books,
        opened.tag,
        opened.session,
        instruments.clone(),
        started,
        &mut effects,
    );
    if let Some(cause) = opened.rolled_back.or(crash_loop) {
        let halt = Input::Operator(Command::Halt { cause });
        gateway.apply(clock::now(), &halt, &mut effects);
    }
    disown(&mut gateway, &config, &mut effects);
    let (agent_inputs, agent_queue) = mpsc::channel(AGENT_INPUTS_MAX);
    let agents = start_agents(&config, &gateway, opened.session, &instruments, &agent_inputs)?;
    let (distrust_market, market_distrusted) = mpsc::channel(pump::DISTRUST_MAX);
    let (distrust_account, account_distrusted) = mpsc::channel(pump::DISTRUST_MAX);
    let distrust = Distrusted { market: distrust_market, account: distrust_account };
    let distrusts = Distrusts::new(market_distrusted, account_distrusted);
    tracing::info!(%venue, address = address.rest, session = opened.session, "gateway has started");
    let journal = opened.writer.handle();
    let release = Release::new(rest.clone(), inputs.clone());
    let core =
        Core { gateway, journal, release, agents, failures, distrust, waiting: Waiting::default() };
    let (asks, asked) = mpsc::channel(control::ASKED_MAX);
    let _listening = listen(&directory, &config.store, asks);
    let sources =
        Sources { inputs: input_queue, agents: agent_queue, failures: failed, asked, stop };
    let streams = Streams { addresses: address.streams, distrusts, pace: Pace::default() };
    let beside = [
        tokio::spawn(watch_clock(rest.clone())),
        tokio::spawn(rest.clone().watch_venue_clock(clock_known)),
        tokio::spawn(rules::keep(rest, streams)),
        kept,
    ];
    let ended = core.run(sources, effects).await;
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    // Waits for the last write; answers that still come find nobody.
    drop(opened.writer);
    ended
}

/// What a gateway is started with.
fn start_config(config: &Config, rest: &Rest) -> gateway::Config {
    gateway::Config {
        limits: config.limits.clone(),
        profile: rest.adapter().profile(),
        foreign_orders: config.venue.1.foreign_orders,
        reconcile_every: Duration::from_secs(config.reconcile_every_s),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        text: config.text.clone(),
    }
}

/// Opens the control channel. A gateway without one trades all the same.
fn listen(
    directory: &Path,
    store: &Address,
    asks: mpsc::Sender<control::Asked>,
) -> Option<control::Listening> {
    let listening = control::socket(directory, store)
        .and_then(|path| control::listen(&path, asks).map(|listening| (path, listening)));
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
    let read = |source: &crate::config::SecretSource, what| {
        source.read().map_err(|source| RunError::Secret { venue, what, source })
    };
    let (key, secret) = (read(&settings.key, "key")?, read(&settings.secret, "secret")?);
    let key = key.reveal().to_owned();
    let adapter = Adapter::new(settings.kind, key.clone(), secret.reveal())
        .map_err(|source| RunError::Key { venue, source })?;
    Ok((key, adapter))
}

/// Where the venue is.
struct Addresses {
    rest: String,
    streams: StreamAddresses,
}

impl Addresses {
    /// An address that is given moves the others along: a simulated venue has one port for all.
    fn of(settings: &VenueConfig) -> Addresses {
        let (streams, api) = match settings.kind {
            VenueKind::BinanceSpot => (binance::STREAMS, binance::WS_API),
            VenueKind::CoinbaseAdvanced => (coinbase::STREAMS, coinbase::USER_STREAM),
        };
        // Where each is below the base of its sockets.
        let (streams_at, api_at) = match settings.kind {
            VenueKind::BinanceSpot => ("/ws", "/ws-api/v3"),
            VenueKind::CoinbaseAdvanced => ("", ""),
        };
        let sockets = settings.rest.as_ref().map(|rest| rest.replacen("http", "ws", 1));
        let sockets = sockets.as_deref().map(|base| base.trim_end_matches('/'));
        let market = match (&settings.streams, sockets) {
            (Some(streams), _) => streams.trim_end_matches('/'),
            (None, Some(base)) => base,
            (None, None) => streams,
        };
        let account = match (&settings.ws_api, sockets) {
            (Some(api), _) => api.clone(),
            (None, Some(base)) => format!("{base}{api_at}"),
            (None, None) => api.to_owned(),
        };
        Addresses {
            rest: settings.rest_address().to_owned(),
            streams: StreamAddresses { market: format!("{market}{streams_at}"), account },
        }
    }
}

/// Asks until the venue answers; a few times only, so that a wrong address is said soon.
async fn ask_at_start(
    venue: VenueId,
    address: &str,
    rest: &Rest,
    request: Request,
) -> Result<Result<Response, VenueError>, RunError> {
    let mut backoff = Backoff::new(pump::seed());
    let mut cause = String::new();
    for _ in 0..START_ATTEMPTS {
        match rest.ask(&request).await {
            Outcome::Done(response) => return Ok(Ok(response)),
            Outcome::Refused(refusal) => return Ok(Err(refusal)),
            Outcome::NotSent(failure) | Outcome::InDoubt(failure) => cause = failure,
        }
        let pause = backoff.pause(clock::now());
        tracing::warn!(%cause, pause_ms = pause.as_millis(), "the venue does not answer yet");
        tokio::time::sleep(pause).await;
    }
    Err(RunError::Unreachable { venue, address: address.to_owned(), cause })
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

/// A wrong key is said before anything starts.
async fn check_key(venue: VenueId, address: &str, rest: &Rest) -> Result<(), RunError> {
    let request = Request::Account(AccountRequest::Rights);
    match ask_at_start(venue, address, rest, request).await? {
        Ok(Response::Rights(rights)) if rights.can_trade => Ok(()),
        Ok(Response::Rights(_)) => {
            Err(RunError::Credentials { venue, refusal: VenueError::NotAllowed })
        }
        Ok(other) => {
            let cause = format!("unexpected answer about the account: {other:?}");
            Err(RunError::Unreachable { venue, address: address.to_owned(), cause })
        }
        Err(refusal) => Err(RunError::Credentials { venue, refusal }),
    }
}

/// Agents that were removed or renamed left orders that nobody would look after.
fn disown(gateway: &mut Gateway, config: &Config, effects: &mut Effects) {
    let mut orphans: BTreeMap<AgentId, u32> = BTreeMap::new();
    for order in gateway.books().open_orders() {
        if !config.agents.contains_key(&order.agent) {
            *orphans.entry(order.agent).or_default() += 1;
        }
    }
    for (agent, orders) in orphans {
        tracing::warn!(
            %agent,
            orders,
            "open orders of an agent that is not configured any more: those that could add risk are \
             taken back, stops that protect a position stay"
        );
        let cause = "it is not configured any more".to_owned();
        let gone = Input::Operator(Command::AgentGone { agent, cause });
        gateway.apply(clock::now(), &gone, effects);
    }
}

fn start_agents(
    config: &Config,
    gateway: &Gateway,
    session: u64,
    instruments: &[Instrument],
    inputs: &mpsc::Sender<(AgentId, crate::agent::FromAgent)>,
) -> Result<BTreeMap<AgentId, AgentHandle>, RunError> {
    let mut agents = BTreeMap::new();
    for (agent, settings) in &config.agents {
        let hello = Hello::new(*agent, settings, session, instruments, gateway.books());
        let started = AgentHandle::spawn(AgentConfig::new(*agent, settings), hello, inputs.clone());
        let handle = started.map_err(|source| RunError::Agent { agent: *agent, source })?;
        agents.insert(*agent, handle);
    }
    Ok(agents)
}

#[cfg(test)]
mod tests;

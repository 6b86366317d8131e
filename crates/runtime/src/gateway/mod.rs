//! `plimsoll run`: the gateway in real time. Opens the journal, replays it, takes over the account,
//! connects, starts the agents, and runs the loop of `core.rs`.

mod clear;
mod core;
mod error;
mod pump;
mod rest;
mod socket;

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::{Books, Gateway};
use journal::{JournalWriter, StoreError};
use model::venue::{AccountRequest, MarketRequest, Request, Response, VenueError};
use model::{AgentId, Instrument, InstrumentId, Outcome, StoreTag, VenueId};
use tokio::sync::{mpsc, watch};
use venues::binance::client::{AccountFeed, Credentials, MarketFeed};
use venues::binance::sign::SigningKey;
use venues::binance::{self, Symbols};
use venues::session::{Backoff, Session};

use self::core::{Core, Distrusted, Sources};
pub use self::error::RunError;
use self::rest::Rest;
use crate::agent::{AgentConfig, AgentHandle, Hello};
use crate::clock;
use crate::config::{Config, Store, VenueConfig};

/// Inputs that wait for the core. When it is full the connections wait, and the venue's streams
/// back up until the venue cuts them, which is seen as what it is.
const INPUTS_MAX: usize = 65_536;
/// Intents and news that wait from all agents together.
const AGENT_INPUTS_MAX: usize = 1_024;
/// Attempts to reach the venue at the start before giving up.
const START_ATTEMPTS: u32 = 8;

/// Runs a gateway until `stop` turns true.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let (venue, settings) = &config.venue;
    let credentials = credentials(*venue, settings)?;
    let address = Addresses::of(settings);
    let (inputs, input_queue) = mpsc::channel(INPUTS_MAX);
    let rest = Rest::new(&address.rest, credentials, inputs.clone())?;
    let opened = open_journal(&config.store)?;
    let instruments = instruments(*venue, &settings.instruments, &address.rest, &rest).await?;
    let rest = rest.with_symbols(Symbols::new(instruments.clone()));
    rest.measure_clock().await;
    check_key(*venue, &address.rest, &rest).await?;

    let mut effects = Vec::new();
    let gateway = Gateway::start(
        gateway::Config {
            limits: config.limits.clone(),
            reconcile_every: Duration::from_secs(config.reconcile_every_s),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            text: config.text.clone(),
        },
        opened.books,
        opened.tag,
        opened.session,
        instruments.clone(),
        clock::now(),
        &mut effects,
    );
    let (agent_inputs, agent_queue) = mpsc::channel(AGENT_INPUTS_MAX);
    let agents = start_agents(&config, &gateway, opened.session, &instruments, &agent_inputs)?;
    let (symbols, credentials) = (rest.symbols().clone(), rest.credentials().clone());
    let market = Session::new(MarketFeed::new(address.streams, symbols.clone()), pump::seed());
    let account = AccountFeed::new(address.ws_api, symbols, credentials);
    let account = Session::new(account, pump::seed());
    let (distrust_market, market_distrusted) = mpsc::channel(pump::DISTRUST_MAX);
    let (distrust_account, account_distrusted) = mpsc::channel(pump::DISTRUST_MAX);
    let distrust = Distrusted { market: distrust_market, account: distrust_account };
    tracing::info!(%venue, address = address.rest, session = opened.session, "gateway has started");
    let (failures, failed) = mpsc::unbounded_channel();
    let journal = opened.writer.handle();
    let flights = clear::Flights::default();
    let core = Core {
        gateway,
        journal,
        rest: rest.clone(),
        agents,
        inputs: inputs.clone(),
        failures,
        flights,
        distrust,
    };
    let sources = Sources { inputs: input_queue, agents: agent_queue, failures: failed, stop };
    // The account first: what executes while the market connects is heard then.
    let connections = [
        tokio::spawn(pump::run(account, rest.clone(), inputs.clone(), account_distrusted)),
        tokio::spawn(pump::run(market, rest, inputs, market_distrusted)),
    ];
    let ended = core.run(sources, effects).await;
    connections.iter().for_each(tokio::task::JoinHandle::abort);
    // Waits for the last write; answers that still come find nobody.
    drop(opened.writer);
    ended
}

fn credentials(venue: VenueId, settings: &VenueConfig) -> Result<Credentials, RunError> {
    let read = |source: &crate::config::SecretSource, what| {
        source.read().map_err(|source| RunError::Secret { venue, what, source })
    };
    let (key, secret) = (read(&settings.key, "key")?, read(&settings.secret, "secret")?);
    let signing =
        SigningKey::new(secret.reveal()).map_err(|source| RunError::Key { venue, source })?;
    Ok(Credentials { api_key: key.reveal().to_owned(), key: signing })
}

/// Where the venue is.
struct Addresses {
    rest: String,
    streams: String,
    ws_api: String,
}

impl Addresses {
    /// An address that is given moves the others along: a simulated venue has one port for all.
    fn of(settings: &VenueConfig) -> Addresses {
        let sockets = settings.rest.as_ref().map(|rest| rest.replacen("http", "ws", 1));
        let sockets = sockets.as_deref().map(|base| base.trim_end_matches('/'));
        let streams = match (&settings.streams, sockets) {
            (Some(streams), _) => streams.trim_end_matches('/').to_owned(),
            (None, Some(base)) => base.to_owned(),
            (None, None) => binance::STREAMS.to_owned(),
        };
        let ws_api = match (&settings.ws_api, sockets) {
            (Some(ws_api), _) => ws_api.clone(),
            (None, Some(base)) => format!("{base}/ws-api/v3"),
            (None, None) => binance::WS_API.to_owned(),
        };
        let rest = settings.rest.clone().unwrap_or_else(|| binance::REST.to_owned());
        Addresses { rest, streams: format!("{streams}/ws"), ws_api }
    }
}

struct Opened {
    writer: JournalWriter,
    books: Books,
    tag: StoreTag,
    session: u64,
}

fn open_journal(store: &Store) -> Result<Opened, StoreError> {
    let Store::Sqlite(path) = store;
    let mut storage = journal::Sqlite::open(path)?;
    let mut books = Books::default();
    journal::Storage::replay(&mut storage, 0, &mut |_, entry| {
        books.apply(&entry);
        Ok(())
    })?;
    let tag = journal::Storage::take_tag(&mut storage, StoreTag::new(pump::seed()))?;
    let session = journal::Storage::take_session(&mut storage)?;
    let writer = JournalWriter::spawn(Box::new(storage))
        .map_err(|error| StoreError::Lost(format!("no thread for the writer: {error}")))?;
    Ok(Opened { writer, books, tag, session })
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
    let request = Request::Account(AccountRequest::Account);
    match ask_at_start(venue, address, rest, request).await? {
        Ok(Response::Account(account)) if account.can_trade => Ok(()),
        Ok(Response::Account(_)) => {
            Err(RunError::Credentials { venue, refusal: VenueError::NotAllowed })
        }
        Ok(other) => {
            let cause = format!("unexpected answer about the account: {other:?}");
            Err(RunError::Unreachable { venue, address: address.to_owned(), cause })
        }
        Err(refusal) => Err(RunError::Credentials { venue, refusal }),
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

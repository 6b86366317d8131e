//! `plimsoll venue`: the simulated exchange behind a real port.
//!
//! One TCP port serves REST and WebSocket. What is said there is the dialect's business and what it
//! means is the exchange's; here are only sockets, time and faults. Everything that changes the
//! exchange happens under one lock, in the order in which it arrives. `docs/faults.md` lists what can be
//! made to go wrong.

mod answer;
mod body;
mod counts;
mod engine;
mod faults;
mod history;
mod market;
mod reads;
mod render;
pub mod replay;
mod schema;
mod server;
mod simulator;
mod socket;
mod sockets;
mod state;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::venue::FeeRates;
use model::{AccountId, Amount, Asset, Instrument};
use sim_venue::{SimConfig, SimVenue};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use faults::{FaultError, Scenario};
pub use market::MarketSource;
pub use sim_venue::FeesIn;
use world::{Shared, World};

use venues::server::AnyDialect;

use crate::clock;

/// What a simulated exchange is started with.
pub struct VenueConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// Fees of every account.
    pub fees: FeeRates,
    /// In which asset they are taken.
    pub fees_in: FeesIn,
    /// Accounts and what they start with.
    pub accounts: Vec<(AccountId, BTreeMap<Asset, Amount>)>,
    /// The market around the accounts.
    pub market: MarketSource,
    /// How much faster than recorded.
    pub speed: f64,
    /// Faults to come.
    pub scenario: Scenario,
    /// Seed of whatever is drawn by chance.
    pub seed: u64,
}

/// A simulated exchange that runs.
pub struct RunningVenue {
    /// Where it listens.
    pub addr: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

/// Why a simulated exchange could not be started.
#[derive(Debug, thiserror::Error)]
pub enum VenueStartError {
    /// The port is not to be had.
    #[error("cannot listen on {addr}: {source}; choose another address with --listen")]
    Listen {
        /// Which address.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The market source cannot be read.
    #[error(transparent)]
    Replay(#[from] replay::ReplayError),
}

/// Starts a simulated exchange that speaks this dialect.
pub async fn start(
    config: VenueConfig,
    dialect: AnyDialect,
) -> Result<RunningVenue, VenueStartError> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| VenueStartError::Listen { addr: config.listen, source })?;
    let addr = listener
        .local_addr()
        .map_err(|source| VenueStartError::Listen { addr: config.listen, source })?;
    let mut exchange = SimVenue::new(SimConfig {
        instruments: config.instruments.clone(),
        fees: config.fees,
        fees_in: config.fees_in,
    });
    for (account, balances) in &config.accounts {
        exchange.add_account(*account, balances);
    }
    let tick = Duration::from_millis(dialect.tick_ms().max(1));
    let faults = faults::Faults::new(clock::now(), config.scenario, config.seed);
    let shared = Arc::new(Shared::new(World::new(dialect, exchange, faults)));
    let (stop, stopped) = watch::channel(false);
    let feed = market::open(config.market, &config.instruments, config.seed)?;
    let tasks = vec![
        tokio::spawn(server::accept(listener, Arc::clone(&shared), stopped.clone())),
        tokio::spawn(world::tick(Arc::clone(&shared), tick, stopped.clone())),
        tokio::spawn(market::drive(Arc::clone(&shared), feed, config.speed, stopped)),
    ];
    Ok(RunningVenue { addr, tasks, stop })
}

impl RunningVenue {
    /// Closes every connection and ends.
    pub async fn stop(self) {
        // A receiver is gone only when its task has ended, which is what is wanted.
        let _ = self.stop.send(true);
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

//! The public market of a venue by itself: the same sessions, books, budget and clock as a gateway's, without a
//! key, an account or an order. Who records listens here.

use std::path::PathBuf;

use ::budget::Shares;
use model::{Input, Instrument, InstrumentId, Timestamp, VenueId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::adapter::Adapter;
use super::error::RunError;
use super::feeds::{Distrusts, Pace};
use super::pump::{self, Distrust};
use super::rest::Rest;
use super::rules::{self, Streams};
use super::{Addresses, INPUTS_MAX, instruments};
use crate::budget::{BudgetError, HostBudget, Of};
use crate::clock;
use crate::config::{Config, VenueKind};

/// A venue whose public market is listened to.
#[derive(Clone, Debug)]
pub struct PublicVenue {
    /// What it is called here.
    pub name: VenueId,
    /// What it speaks.
    pub kind: VenueKind,
    /// REST address; the venue's own when absent.
    pub rest: Option<String>,
    /// Market stream address; derived from `rest` when that is given, else the venue's own.
    pub streams: Option<String>,
    /// What is listened to.
    pub instruments: Vec<InstrumentId>,
    /// Part of each of the venue's limits that is left to others.
    pub shares: Shares,
    /// Where what all processes of the host share is kept; `None` leaves it to the environment.
    pub state_dir: Option<PathBuf>,
}

impl PublicVenue {
    /// The venue of a configuration, and all that is traded there.
    pub fn of(config: &Config) -> PublicVenue {
        let (name, settings) = &config.venue;
        PublicVenue {
            name: *name,
            kind: settings.kind,
            rest: settings.rest.clone(),
            streams: settings.streams.clone(),
            instruments: settings.instruments.clone(),
            shares: settings.rate_reserve_percent,
            state_dir: config.state_dir.clone(),
        }
    }
}

/// Something that was heard.
#[derive(Debug)]
pub struct Heard {
    /// When, by our clock.
    pub received: Timestamp,
    /// What the venue's clock shows then, as well as it is known.
    pub venue_now: Timestamp,
    /// What.
    pub input: Input,
}

/// A public market that is listened to, until this is dropped.
#[derive(Debug)]
pub struct PublicMarket {
    inputs: mpsc::Receiver<Input>,
    distrust: mpsc::Sender<Distrust>,
    clock: Clock,
    instruments: Vec<Instrument>,
    beside: [JoinHandle<()>; 2],
}

/// The way to what is known of the venue's clock.
struct Clock(Rest);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.0.venue_now())
    }
}

/// Who found that a book is not to be believed says so here.
#[derive(Clone, Debug)]
pub struct Doubts(mpsc::Sender<Distrust>);

impl Doubts {
    /// The book of this instrument begins anew. Where many doubts wait already this one is not needed.
    pub fn tell(&self, instrument: InstrumentId, cause: &str) {
        drop(self.0.try_send((Some(instrument), cause.to_owned())));
    }
}

impl PublicMarket {
    /// Asks the venue for its rules and its time, and begins to listen.
    pub async fn open(of: &PublicVenue) -> Result<PublicMarket, RunError> {
        let rest = of.rest.as_deref();
        let address = Addresses::at(of.kind, rest, of.streams.as_deref(), None);
        let (inputs, queue) = mpsc::channel(INPUTS_MAX);
        let directory =
            crate::budget::directory(of.state_dir.as_deref()).map_err(BudgetError::from)?;
        let shares = of.shares;
        // What is public is counted by the address of this host.
        let whose = Of { venue: of.kind, address: &address.rest, account: "", shares };
        let budget = HostBudget::open(&directory, &whose, None)?;
        let rest = Rest::new(&address.rest, Adapter::public(of.kind), budget, inputs)?;
        let found = instruments(of.name, &of.instruments, &address.rest, &rest).await?;
        let rest = rest.following(found.clone());
        let clock_known = rest.measure_clock().await;
        let (distrust, of_market) = mpsc::channel(pump::DISTRUST_MAX);
        // Nobody doubts an account that is not there.
        let (_, of_account) = mpsc::channel(1);
        let distrusts = Distrusts::new(of_market, of_account);
        let streams = Streams { addresses: address.streams, distrusts, pace: Pace::default() };
        let beside = [
            tokio::spawn(rest.clone().watch_venue_clock(clock_known)),
            tokio::spawn(rules::keep(rest.clone(), streams)),
        ];
        Ok(PublicMarket { inputs: queue, distrust, clock: Clock(rest), instruments: found, beside })
    }

    /// What is listened to, with the grid on which its events count.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Where doubts are told.
    pub fn doubts(&self) -> Doubts {
        Doubts(self.distrust.clone())
    }

    /// What the venue's clock shows at a time of ours, as well as it is known.
    pub fn venue_time(&self, ours: Timestamp) -> Timestamp {
        self.clock.0.clock().at(ours)
    }

    /// The next thing that is heard. Connections that break are made again by themselves, so this ends never.
    pub async fn next(&mut self) -> Option<Heard> {
        let input = self.inputs.recv().await?;
        if let Input::Instruments { found, .. } = &input {
            for known in &mut self.instruments {
                if let Some(found) = found.iter().find(|found| found.id == known.id) {
                    // As the sessions have it that follow this.
                    *known = found.clone().on_grid_of(Some(known));
                }
            }
        }
        let received = clock::now();
        Some(Heard { received, venue_now: self.venue_time(received), input })
    }
}

impl Drop for PublicMarket {
    fn drop(&mut self) {
        self.beside.iter().for_each(JoinHandle::abort);
    }
}

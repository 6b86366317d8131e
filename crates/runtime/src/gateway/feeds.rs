//! The two sessions of a gateway with its venue: the market's and the account's.

use std::sync::Arc;
use std::time::Duration;

use model::Input;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use venues::session::{PAUSE_MAX, Protocol, Session};
use venues::{binance, coinbase};

use super::adapter::Adapter;
use super::pump::{self, Distrust, Evidence};
use super::rest::Rest;

/// What the sessions are told by the core. Sessions that follow others take it over from them.
#[derive(Clone)]
pub(super) struct Distrusts {
    pub(super) market: Evidence,
    pub(super) account: Evidence,
}

impl Distrusts {
    pub(super) fn new(
        market: mpsc::Receiver<Distrust>,
        account: mpsc::Receiver<Distrust>,
    ) -> Distrusts {
        let evidence = |way| Arc::new(Mutex::new(way));
        Distrusts { market: evidence(market), account: evidence(account) }
    }
}

/// Where the streams are.
#[derive(Clone)]
pub(super) struct StreamAddresses {
    pub(super) market: String,
    pub(super) account: String,
}

/// When to come back and when to hand over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Longest pause before the next attempt to connect.
    pub(super) pause_max: Duration,
    /// Age at which a connection is handed over; `None` leaves it to the venue's protocol.
    pub(super) age_max: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { pause_max: PAUSE_MAX, age_max: None }
    }
}

impl Pace {
    fn session<P: Protocol>(self, protocol: P) -> Session<P> {
        let session = Session::new(protocol, pump::seed()).with_pause_max(self.pause_max);
        match self.age_max {
            Some(age_max) => session.with_age_max(age_max),
            None => session,
        }
    }
}

/// Starts both sessions. The account first: what executes while the market connects is heard then. Without a
/// key there is no account, and the market alone is started.
pub(super) fn start(
    rest: &Rest,
    addresses: StreamAddresses,
    inputs: &mpsc::Sender<Input>,
    distrusts: Distrusts,
    pace: Pace,
) -> Vec<JoinHandle<()>> {
    let StreamAddresses { market, account } = addresses;
    let Distrusts { market: of_market, account: of_account } = distrusts;
    let mut started = Vec::new();
    match rest.adapter() {
        Adapter::Binance(venue) => {
            let symbols = &venue.symbols;
            if let Some(key) = venue.credentials.clone() {
                let feed = binance::client::AccountFeed::new(account, symbols.clone(), key);
                started.push(one(rest, inputs, of_account, pace.session(feed)));
            }
            let feed = binance::client::MarketFeed::new(market, symbols.clone());
            started.push(one(rest, inputs, of_market, pace.session(feed)));
        }
        Adapter::Coinbase(venue) => {
            let (symbols, key) = (&venue.symbols, venue.credentials.clone());
            if let Some(key) = key.clone() {
                let feed = coinbase::client::AccountFeed::new(account, symbols.clone(), key);
                started.push(one(rest, inputs, of_account, pace.session(feed)));
            }
            let feed = coinbase::client::MarketFeed::new(market, symbols.clone(), key);
            started.push(one(rest, inputs, of_market, pace.session(feed)));
        }
    }
    started
}

fn one<P>(
    rest: &Rest,
    inputs: &mpsc::Sender<Input>,
    distrust: Evidence,
    session: Session<P>,
) -> JoinHandle<()>
where
    P: Protocol<Conn: Send + Sync> + Send + Sync + 'static,
{
    tokio::spawn(pump::run(session, rest.clone(), inputs.clone(), distrust))
}

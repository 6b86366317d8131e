//! The two sessions of a gateway with its venue: the market's and the account's.

use std::sync::Arc;
use std::time::Duration;

use model::Input;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use venues::session::PAUSE_MAX;

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
    let paced = || venues::session::Pace {
        seed: pump::seed(),
        pause_max: pace.pause_max,
        age_max: pace.age_max,
    };
    let client = rest.client();
    let start = |session, evidence| {
        tokio::spawn(pump::run(session, rest.clone(), inputs.clone(), evidence))
    };
    let account = client.account(account, paced());
    let account = account.map(|session| start(session, of_account));
    account.into_iter().chain([start(client.market(market, paced()), of_market)]).collect()
}

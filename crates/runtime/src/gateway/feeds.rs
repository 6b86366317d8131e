//! The two sessions of a gateway with its venue: the market's and the account's.

use model::Input;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use venues::session::Session;
use venues::{binance, coinbase};

use super::adapter::Adapter;
use super::pump::{self, Distrust};
use super::rest::Rest;

/// What the sessions are told by the core.
pub(super) struct Distrusts {
    pub(super) market: mpsc::Receiver<Distrust>,
    pub(super) account: mpsc::Receiver<Distrust>,
}

/// Where the streams are.
pub(super) struct StreamAddresses {
    pub(super) market: String,
    pub(super) account: String,
}

/// Starts both sessions. The account first: what executes while the market connects is heard then.
pub(super) fn start(
    rest: &Rest,
    addresses: StreamAddresses,
    inputs: &mpsc::Sender<Input>,
    distrusts: Distrusts,
) -> [JoinHandle<()>; 2] {
    let StreamAddresses { market, account } = addresses;
    match rest.adapter() {
        Adapter::Binance(venue) => {
            let (symbols, key) = (venue.symbols.clone(), venue.credentials.clone());
            let account = binance::client::AccountFeed::new(account, symbols.clone(), key);
            let market = binance::client::MarketFeed::new(market, symbols);
            both(rest, inputs, distrusts, account, market)
        }
        Adapter::Coinbase(venue) => {
            let (symbols, key) = (venue.symbols.clone(), venue.credentials.clone());
            let account = coinbase::client::AccountFeed::new(account, symbols.clone(), key.clone());
            let market = coinbase::client::MarketFeed::new(market, symbols, key);
            both(rest, inputs, distrusts, account, market)
        }
    }
}

fn both<A, M>(
    rest: &Rest,
    inputs: &mpsc::Sender<Input>,
    distrusts: Distrusts,
    account: A,
    market: M,
) -> [JoinHandle<()>; 2]
where
    A: venues::session::Protocol<Conn: Send + Sync> + Send + Sync + 'static,
    M: venues::session::Protocol<Conn: Send + Sync> + Send + Sync + 'static,
{
    let account = Session::new(account, pump::seed());
    let market = Session::new(market, pump::seed());
    [
        tokio::spawn(pump::run(account, rest.clone(), inputs.clone(), distrusts.account)),
        tokio::spawn(pump::run(market, rest.clone(), inputs.clone(), distrusts.market)),
    ]
}

//! `plimsoll venue`: the simulated exchange.

pub(crate) mod account;
mod instrument;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use account::AccountArg;
use anyhow::{Context as _, bail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use instrument::InstrumentArg;
use model::venue::FeeRates;
use model::{AccountId, Asset, Decimal, Instrument, Price};
use runtime::venue::{FeesIn, MarketSource, RunningVenue, Scenario, VenueConfig, VenueStartError};
use venues::server::Scopes;
use venues::{ServerError, ServerKey, Settings, VENUES, Venue};

use crate::failure::Failure;
use crate::{signals, sockets};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose wire protocol it speaks.
    #[arg(long, value_parser = dialects())]
    dialect: &'static Venue,
    /// Where REST and WebSocket are served; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:9000", value_name = "ADDR")]
    listen: SocketAddr,
    /// An account, as 'KEY:SECRET:10000 USDT,1 BTC'; the secret may be @FILE with a key in PEM, private
    /// or public: Ed25519, or P-256 at Coinbase; base64 at Kraken. May be repeated.
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<AccountArg>,
    /// Rights of an account's key, as KEY=trade,withdraw,transfer,leverage,no-ip: those that are named and
    /// looking; KEY=view only looks. Trades, from named addresses alone, unless told. May be repeated.
    #[arg(long = "scopes", value_name = "KEY=RIGHTS")]
    scopes: Vec<ScopesArg>,
    /// What is traded, as BTC-USDT or BTC-USDT:tick=0.01,lot=0.00001,min_notional=5,price=60000.
    /// May be repeated. BTC-USDT at Binance, BTC-USD elsewhere, unless told.
    #[arg(long = "instrument", value_name = "INSTRUMENT")]
    instruments: Vec<InstrumentArg>,
    /// The market around the accounts: replay:FILE, synthetic:SEED, or empty.
    #[arg(long, default_value = "synthetic:1", value_name = "MARKET")]
    market: MarketArg,
    /// How much faster than recorded.
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = parse_speed)]
    speed: f64,
    /// Faults to come: TOML with [[fault]] tables.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Seed of whatever is drawn by chance.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Fee of a resting order, hundredths of a percent: the venue's first tier unless told.
    #[arg(long, value_name = "BPS", allow_negative_numbers = true)]
    maker_bps: Option<Decimal>,
    /// Fee of a taking order, hundredths of a percent: the venue's first tier unless told.
    #[arg(long, value_name = "BPS", allow_negative_numbers = true)]
    taker_bps: Option<Decimal>,
    /// Pay fees in this asset, at so much quote for one of it, as in BNB=600, while an account has enough.
    /// Binance only.
    #[arg(long, value_name = "ASSET=PRICE")]
    fee_asset: Option<FeeAssetArg>,
    /// Unfilled orders that an account may place in ten seconds: 50 unless told. Binance only.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    orders_per_10s: Option<u32>,
    /// Serve POST, PUT and DELETE /api/v3/userDataStream as Binance did until February 2026.
    #[arg(long)]
    legacy_listen_key: bool,
}

/// Which key, and what it may do.
#[derive(Clone, Debug)]
struct ScopesArg(String, Scopes);

impl FromStr for ScopesArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<ScopesArg> {
        let form = "rights are written KEY=trade,withdraw";
        let (key, scopes) = text.split_once('=').context(form)?;
        Ok(ScopesArg(key.to_owned(), scopes.parse()?))
    }
}

#[derive(Clone, Copy, Debug)]
struct FeeAssetArg(Asset, Price);

impl FromStr for FeeAssetArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<FeeAssetArg> {
        let (asset, price) = text.split_once('=').context("a fee asset is written BNB=600")?;
        Ok(FeeAssetArg(asset.parse()?, price.parse()?))
    }
}

#[derive(Clone, Debug)]
enum MarketArg {
    Replay(PathBuf),
    Synthetic(u64),
    Empty,
}

impl FromStr for MarketArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<MarketArg> {
        match text.split_once(':') {
            None if text == "empty" => Ok(MarketArg::Empty),
            Some(("replay", file)) if !file.is_empty() => Ok(MarketArg::Replay(file.into())),
            Some(("synthetic", seed)) => seed
                .parse()
                .map(MarketArg::Synthetic)
                .with_context(|| format!("seed {seed:?} is not a whole number")),
            _ => bail!("{text:?} is not replay:FILE, synthetic:SEED or empty"),
        }
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed.is_finite() => Ok(speed),
        _ => Err(format!("{text:?} is not a number above zero")),
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    account::check_keys(&args.accounts).map_err(Failure::usage)?;
    instrument::check_names(&args.instruments).map_err(Failure::usage)?;
    if let Some(ScopesArg(key, _)) = args.scopes.iter().find(|scopes| !has_key(args, &scopes.0)) {
        let problem = anyhow::anyhow!("--scopes {key}: no --account has this key");
        return Err(Failure::usage(problem));
    }
    if !args.dialect.simulated.has_fee_asset && args.fee_asset.is_some() {
        let title = args.dialect.title;
        return Err(Failure::usage(anyhow::anyhow!("--fee-asset: {title} takes fees in quote")));
    }
    let scenario = scenario(args)?;
    sockets::threads()?.block_on(async {
        let mut stop = signals::stop_on_signal()?;
        let venue = start(args, scenario).await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on http://{}", venue.addr)?;
        out.flush()?;
        drop(out);
        // The sender lives as long as the signal task.
        let _ = stop.wait_for(|stop| *stop).await;
        venue.stop().await;
        Ok(())
    })
}

fn has_key(args: &Args, key: &str) -> bool {
    args.accounts.iter().any(|account| account.api_key == key)
}

fn scopes_of(args: &Args, key: &str) -> Scopes {
    let given = args.scopes.iter().rev().find(|given| given.0 == key);
    given.map_or_else(Scopes::default, |given| given.1)
}

fn scenario(args: &Args) -> Result<Scenario, Failure> {
    let Some(path) = &args.scenario else { return Ok(Scenario::default()) };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("scenario {name}"))
        .map_err(Failure::usage)?;
    Scenario::from_toml(&text).with_context(|| format!("scenario {name}")).map_err(Failure::usage)
}

async fn start(args: &Args, scenario: Scenario) -> Result<RunningVenue, Failure> {
    let mut traded = args.instruments.clone();
    if traded.is_empty() {
        traded.push(args.dialect.simulated.instrument.parse()?);
    }
    let start = traded.iter().map(|arg| arg.start).collect();
    let mut instruments: Vec<Instrument> = traded.into_iter().map(|arg| arg.instrument).collect();
    let usual = args.dialect.simulated;
    let fees = FeeRates {
        maker: bps(args.maker_bps.unwrap_or(usual.maker_bps))?,
        taker: bps(args.taker_bps.unwrap_or(usual.taker_bps))?,
    };
    let mut accounts = Vec::new();
    for (index, account) in args.accounts.iter().enumerate() {
        let id = AccountId::new(&format!("account-{}", index + 1))?;
        accounts.push((id, account.balances.clone()));
    }
    let market = match &args.market {
        MarketArg::Empty => MarketSource::Empty,
        MarketArg::Replay(file) => MarketSource::Replay(file.clone()),
        MarketArg::Synthetic(seed) => MarketSource::Synthetic { seed: *seed, start },
    };
    instruments.iter_mut().for_each(usual.adapt);
    let keys: Vec<ServerKey<'_>> = accounts
        .iter()
        .zip(&args.accounts)
        .map(|((id, _), account)| account.key(*id, scopes_of(args, &account.api_key)))
        .collect();
    let settings = Settings {
        orders_per_10s: args.orders_per_10s,
        legacy_listen_key: args.legacy_listen_key,
        ..Settings::usual(fees)
    };
    let dialect = (args.dialect.server)(&settings, instruments.clone(), &keys);
    let dialect = dialect.map_err(|error: ServerError| Failure::usage(error))?;
    let third = args.fee_asset.map(|FeeAssetArg(asset, price)| FeesIn::Third(asset, price));
    let fees_in = if usual.fees_in_quote { FeesIn::Quote } else { FeesIn::Received };
    let config = VenueConfig {
        listen: args.listen,
        instruments,
        fees,
        fees_in: third.unwrap_or(fees_in),
        accounts,
        market,
        speed: args.speed,
        scenario,
        seed: args.seed,
    };
    runtime::venue::start(config, dialect).await.map_err(failure)
}

/// The dialects there are, by name.
fn dialects() -> impl TypedValueParser<Value = &'static Venue> {
    let names = VENUES.map(|venue| PossibleValue::new(venue.dialect).help(venue.title));
    PossibleValuesParser::new(names).try_map(|name| venues::named(&name).ok_or("no such venue"))
}

/// A market that cannot be read is wrong usage; a port that is taken is not.
fn failure(error: VenueStartError) -> Failure {
    match error {
        VenueStartError::Replay(_) => Failure::usage(error),
        VenueStartError::Listen { .. } => Failure::Failed(error.into()),
    }
}

fn bps(bps: Decimal) -> Result<Decimal, Failure> {
    let fraction = bps.checked_mul(Decimal::new(1, 4), model::Rounding::Down);
    match fraction {
        Some(fraction) if fraction.abs() < Decimal::new(1, 0) => Ok(fraction),
        _ => Err(Failure::usage(anyhow::anyhow!("a fee of {bps} bps is more than everything"))),
    }
}

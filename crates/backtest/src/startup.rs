//! How a backtest begins: an exchange with an account, and a gateway that has just been started on it.

use std::time::Duration;

use data::{Kind, Source};
use engine::{Engine, Strategy};
use gateway::{Config, ForeignOrders, Gateway, LateStops};
use model::market::{Grid, Quote};
use model::{AccountId, Effects, Instrument, StoreTag, Timestamp};
use sim_venue::{PROFILE, SimConfig, SimVenue};

use crate::failed::Failed;
use crate::feed::{END, Feed, Market};
use crate::setup::{Setup, Traded, traded_in};
use crate::stood::stood;

/// The account's name at the simulated exchange.
const ACCOUNT: &str = "backtest";
/// Numbers of orders and trades that each session of a run has for itself.
pub(crate) const NUMBERS: u64 = 1_000_000_000;
/// How often the books are compared with the exchange's: nothing is ever lost on the way, so this is rare.
const RECONCILE_EVERY: Duration = Duration::from_secs(86_400);

/// All parts, before anything has happened.
pub(crate) struct Parts<S> {
    pub(crate) engine: Engine<S>,
    pub(crate) venue: SimVenue,
    pub(crate) account: AccountId,
    pub(crate) feeds: Vec<Feed>,
    /// When the first row is.
    pub(crate) first: Timestamp,
    pub(crate) markets: Vec<Market>,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) effects: Effects,
}

/// How long before the first row the gateway starts, at least, and in ways between it and the exchange: it
/// reads the account in a few questions one after another.
const BEFORE: Duration = Duration::from_secs(1);
const WAYS: u32 = 20;

/// Puts the parts together, and says when the gateway starts.
pub(crate) fn parts<S: Strategy>(
    setup: &Setup,
    sources: Vec<Box<dyn Source>>,
    make: impl FnOnce(&[Instrument]) -> S,
) -> Result<(Parts<S>, Timestamp), Failed> {
    let mut traded = traded_in(&sources)?;
    for known in setup.of_run.iter().flat_map(|run| &run.instruments) {
        let same = |traded: &&mut Traded| traded.instrument.id == known.id;
        if let Some(traded) = traded.iter_mut().find(same) {
            let grid = traded.instrument.grid().joined(known.grid());
            traded.instrument = Instrument { grid, ..known.clone() };
        }
    }
    let instruments: Vec<Instrument> = traded.iter().map(|t| t.instrument.clone()).collect();
    let (mut venue, account, markets) = exchange(setup, &traded);
    let mut feeds = feeds(sources, &instruments);
    // Of one instrument and time a trade goes before the book that shows what it took.
    feeds.sort_by_key(|feed| !matches!(feed.batch.kind(), Kind::Trades));
    feeds.iter_mut().try_for_each(Feed::refill)?;
    let first = feeds.iter().map(Feed::next_at).min().filter(|first| *first != END);
    let before = (setup.latency.longest() * WAYS).max(BEFORE);
    let first = Timestamp::from_nanos(first.ok_or(Failed::Empty)?);
    let begin = first.before(before);
    let begin = setup.of_run.as_ref().map_or(begin, |run| begin.max(run.begin));
    venue.charge_by(begin, setup.fees.clone());
    let config = Config {
        limits: setup.limits_for(&traded),
        profile: PROFILE,
        foreign_orders: ForeignOrders::Halt,
        late_stops: LateStops::Say,
        watched: false,
        ramp: None,
        overridden: Vec::new(),
        paper: setup.of_run.as_ref().is_some_and(|run| run.books.is_paper()),
        reconcile_every: RECONCILE_EVERY,
        version: setup.version.clone(),
        text: setup.text.clone(),
    };
    let mut effects = Effects::new();
    let mut gateway = Gateway::start(
        config,
        setup.of_run.as_ref().map(|run| run.books.clone()).unwrap_or_default(),
        StoreTag::new(setup.seed),
        setup.of_run.as_ref().map_or(1, |run| run.session),
        instruments.clone(),
        begin,
        &mut effects,
    );
    for traded in traded.iter().filter(|traded| !traded.has_book) {
        gateway.price_by_prints(traded.instrument.id);
    }
    let strategy = make(&instruments);
    let engine = Engine::start(gateway, setup.agent, strategy, None, begin, &mut effects);
    let parts = Parts { engine, venue, account, feeds, first, markets, instruments, effects };
    Ok((parts, begin))
}

fn exchange(setup: &Setup, traded: &[Traded]) -> (SimVenue, AccountId, Vec<Market>) {
    let instruments = traded.iter().map(|traded| traded.instrument.clone()).collect();
    let config = SimConfig { instruments, fees: setup.fees.lowest().rates, fees_in: setup.fees_in };
    let mut venue = SimVenue::new(config);
    venue.assume(setup.assumptions);
    venue.keep_no_tape();
    if let Some(run) = &setup.of_run {
        venue.number_behind(run.session.saturating_mul(NUMBERS));
    }
    let account = AccountId::new(ACCOUNT).expect("a valid constant");
    venue.add_account(account, &setup.cash);
    for (_, order) in setup.of_run.iter().flat_map(|run| stood(&run.books)) {
        // The gateway is told of one that cannot stand here when it reads what is open.
        venue.put_back(account, &order);
    }
    let markets = traded.iter().filter_map(|traded| {
        let id = traded.instrument.id;
        let number = venue.number_of(id)?;
        if !traded.has_book {
            venue.follow_prints(number);
        }
        if traded.is_partial {
            venue.follow_part_of_book(number);
        }
        if !traded.has_trades {
            venue.trigger_by_book(number);
        }
        Some(Market {
            id,
            number,
            has_bars: traded.bars.is_some(),
            bar: None,
            has_begun: false,
            has_book: traded.has_book,
            quote: Quote { bid: None, ask: None },
        })
    });
    let markets = markets.collect();
    (venue, account, markets)
}

fn feeds(sources: Vec<Box<dyn Source>>, instruments: &[Instrument]) -> Vec<Feed> {
    let feeds = sources.into_iter().filter_map(|source| {
        let meta = source.meta();
        let market = instruments.iter().position(|i| Some(i.id) == meta.instrument)?;
        let scale = scale(meta.grid, instruments[market].grid());
        Some(Feed::new(source, market, scale))
    });
    feeds.collect()
}

/// What numbers on one grid are multiplied by to lie on a finer one.
pub(crate) fn scale(from: Grid, to: Grid) -> (i64, i64) {
    let factor = |from: u8, to: u8| 10i64.pow(u32::from(to.saturating_sub(from)).min(18));
    (factor(from.price_decimals, to.price_decimals), factor(from.qty_decimals, to.qty_decimals))
}

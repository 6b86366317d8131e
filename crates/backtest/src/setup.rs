//! What a backtest is made of besides its data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use data::{Kind, Meta, Source};
use gateway::{Books, Limits};
use model::market::Grid;
use model::{AgentId, Amount, Asset, Decimal, Instrument, InstrumentId, Step, Timestamp};
use sim_venue::{Assumptions, FeeSchedule, FeesIn};

use crate::delay::Latency;
use crate::outages::Trouble;
use crate::path::Intrabar;

/// What a backtest is made of besides its data.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whose orders they are.
    pub agent: AgentId,
    /// What the account has at the beginning.
    pub cash: BTreeMap<Asset, Amount>,
    /// What trading costs, by how much of it there was in the last thirty days.
    pub fees: FeeSchedule,
    /// In which asset.
    pub fees_in: FeesIn,
    /// Where the recording does not say.
    pub assumptions: Assumptions,
    /// How long messages are under way.
    pub latency: Latency,
    /// The way through a bar.
    pub intrabar: Intrabar,
    /// What of the exchange fails.
    pub trouble: Trouble,
    /// The limits that every order is held to. With `None` they are so wide that nothing is refused by
    /// accident; every guardrail is asked all the same.
    pub limits: Option<Limits>,
    /// For what is drawn.
    pub seed: u64,
    /// Version of the binary, for the records.
    pub version: String,
    /// The whole configuration, for the records.
    pub text: String,
    /// It goes over a run again, on the recording of it.
    pub of_run: Option<OfRun>,
}

/// Where a run began that is gone over again on its recording. The market is then told as it was recorded, as a paper
/// run hears it: what the account takes of it nobody sees.
#[derive(Clone, Debug)]
pub struct OfRun {
    /// The rules of its instruments.
    pub instruments: Vec<Instrument>,
    /// The books as they were, without an order that is open.
    pub books: Books,
    /// The number of its session.
    pub session: u64,
    /// No earlier than this.
    pub begin: Timestamp,
}

/// Files that cannot be tested on together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A file does not say what it is of.
    #[error("{} does not say of which instrument it is: name it with --instrument BASE-QUOTE", .0.display())]
    NoInstrument(PathBuf),
    /// An instrument that is no pair.
    #[error("{0} is no BASE-QUOTE pair: only spot instruments can be tested on")]
    NoPair(InstrumentId),
    /// Prices finer than can be held.
    #[error(
        "{instrument}: a price with {price_decimals} and a quantity with {qty_decimals} digits behind the point cannot be counted together; 18 digits are the most"
    )]
    TooFine {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Digits of its prices.
        price_decimals: u8,
        /// Digits of its quantities.
        qty_decimals: u8,
    },
    /// Two recordings of the same thing.
    #[error(
        "{instrument} has {first} and {second}: one instrument can be tested on bars, or on quotes, or on a book, each of the last two with or without trades, but not on both"
    )]
    Both {
        /// Of which instrument.
        instrument: InstrumentId,
        /// What it has.
        first: &'static str,
        /// What it has too.
        second: &'static str,
    },
    /// Two lengths of bars.
    #[error("{instrument} has bars of {one} s and of {other} s: test on one of them")]
    Lengths {
        /// Of which instrument.
        instrument: InstrumentId,
        /// One length, seconds.
        one: u64,
        /// Another one.
        other: u64,
    },
    /// Sums in two assets.
    #[error(
        "{one} and {other} are priced in different assets: one report counts in one; test them apart"
    )]
    Quotes {
        /// An instrument.
        one: InstrumentId,
        /// Another one.
        other: InstrumentId,
    },
    /// Nothing to test on.
    #[error("no data: name at least one file with --data")]
    NoData,
}

/// One instrument of the files.
#[derive(Clone, Debug)]
pub(crate) struct Traded {
    pub(crate) instrument: Instrument,
    /// Length of its bars; `None` where it has none.
    pub(crate) bars: Option<Duration>,
    /// Is its book, or at least the best of it, recorded?
    pub(crate) has_book: bool,
    /// Only the best of it is: what is not shown may be there all the same.
    pub(crate) is_partial: bool,
    /// Are prints recorded, of which ones stops are triggered by?
    pub(crate) has_trades: bool,
}

/// Words in the names of layouts that hold the best levels of a book and not all of it.
const PARTIAL: [&str; 2] = ["snapshot", "depth"];

/// The instruments of files, as a strategy is made for them.
pub fn instruments_of(sources: &[Box<dyn Source>]) -> Result<Vec<Instrument>, SetupError> {
    Ok(traded_in(sources)?.into_iter().map(|traded| traded.instrument).collect())
}

/// The instruments of files, in the order in which they are named.
pub(crate) fn traded_in(sources: &[Box<dyn Source>]) -> Result<Vec<Traded>, SetupError> {
    let mut found: Vec<(InstrumentId, Grid, Vec<&Meta>)> = Vec::new();
    for source in sources {
        let meta = source.meta();
        let Some(id) = meta.instrument else {
            return Err(SetupError::NoInstrument(source.path().to_owned()));
        };
        match found.iter_mut().find(|(known, ..)| *known == id) {
            Some((_, grid, metas)) => {
                *grid = grid.joined(meta.grid);
                metas.push(meta);
            }
            None => found.push((id, meta.grid, vec![meta])),
        }
    }
    let traded = found.into_iter().map(|(id, grid, metas)| {
        let has = |kind: Kind| metas.iter().find(|meta| meta.kind == kind);
        let apart =
            [(Kind::Bars, Kind::Trades), (Kind::Bars, Kind::Quotes), (Kind::Bars, Kind::Book)];
        let apart = apart.into_iter().chain([(Kind::Quotes, Kind::Book)]);
        for (one, other) in apart {
            if has(one).is_some() && has(other).is_some() {
                let (first, second) = (one.name(), other.name());
                return Err(SetupError::Both { instrument: id, first, second });
            }
        }
        let bars = has(Kind::Bars).map(|meta| meta.interval);
        let lengths = metas.iter().filter(|meta| meta.kind == Kind::Bars).map(|meta| meta.interval);
        if let Some(other) = lengths.clone().find(|length| Some(*length) != bars) {
            return Err(SetupError::Lengths {
                instrument: id,
                one: bars.unwrap_or_default().as_secs(),
                other: other.as_secs(),
            });
        }
        let has_book = has(Kind::Quotes).is_some() || has(Kind::Book).is_some();
        let shows_part = |meta: &&Meta| {
            let is_cut = PARTIAL.iter().any(|word| meta.layout.contains(word));
            meta.kind == Kind::Quotes || (meta.kind == Kind::Book && is_cut)
        };
        Ok(Traded {
            instrument: spot(id, grid)?,
            bars,
            has_book,
            is_partial: metas.iter().copied().any(|meta| shows_part(&meta)),
            has_trades: !has_book || has(Kind::Trades).is_some(),
        })
    });
    let traded = traded.collect::<Result<Vec<_>, _>>()?;
    let first = traded.first().ok_or(SetupError::NoData)?;
    if let Some(other) = traded.iter().find(|t| t.instrument.quote != first.instrument.quote) {
        return Err(SetupError::Quotes { one: first.instrument.id, other: other.instrument.id });
    }
    Ok(traded)
}

/// An instrument with the steps that the recording has: its last digits.
pub(crate) fn spot(id: InstrumentId, grid: Grid) -> Result<Instrument, SetupError> {
    let (base, quote) = id.assets().ok_or(SetupError::NoPair(id))?;
    let Grid { price_decimals, qty_decimals } = grid;
    let step = |decimals: u8| {
        let step = (decimals <= 18).then(|| Decimal::new(1, u32::from(decimals)))?;
        Step::try_from(step).ok()
    };
    let steps = step(price_decimals).zip(step(qty_decimals));
    let steps = steps.filter(|_| price_decimals + qty_decimals <= 18);
    let too_fine = SetupError::TooFine { instrument: id, price_decimals, qty_decimals };
    let (tick, lot) = steps.ok_or(too_fine)?;
    Instrument::spot(base, quote, tick, lot).map_err(|_| SetupError::NoPair(id))
}

impl Setup {
    /// The limits that hold: those that were given, with what says how fresh prices must be no shorter than the
    /// data lets it be.
    pub(crate) fn limits_for(&self, traded: &[Traded]) -> Limits {
        let Some(mut limits) = self.limits.clone() else {
            let mut limits = Limits::wide(traded.iter().map(|traded| traded.instrument.id));
            limits.reference_age_max_ms = ANY_AGE_MS;
            limits.breakers.stale_ms = ANY_AGE_MS;
            return limits;
        };
        let bars = traded.iter().filter_map(|traded| traded.bars).max();
        let has_prints = traded.iter().any(|traded| !traded.has_book);
        // A bar's close is a whole bar old when the next one is known, and prints come when somebody trades.
        let longest = bars.map(|bar| bar * 2).or(has_prints.then_some(PRINT_AGE_MAX));
        if let Some(age) = longest {
            let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            limits.reference_age_max_ms = limits.reference_age_max_ms.max(age);
            limits.breakers.stale_ms = limits.breakers.stale_ms.max(age);
        }
        limits
    }
}

/// Without limits of its own a recording may have holes of any length: a hundred years.
const ANY_AGE_MS: u64 = 3_155_760_000_000;
/// As old may the last trade be of an instrument of which only trades are known.
const PRINT_AGE_MAX: Duration = Duration::from_secs(3_600);

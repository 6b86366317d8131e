//! The requests of a run once more, at the times at which they reached the exchange, on the recording of its market.
//!
//! No gateway and no strategy is in this: what was sent is sent again, and what differs is the exchange. It is the one
//! of paper trading, driven by what was heard in the order in which it was heard.

use std::collections::BTreeMap;

use data::{CLEAR, Columns, LAST, LOST, Merge, Source};
use model::market::{Grid, GridPrice, GridQty, LevelUpdate};
use model::venue::{
    AccountEvent, AccountRequest, Execution, FeeRates, OrderKey, VenueError, VenueEvent,
};
use model::{
    AccountId, Amount, Asset, ClientOrderId, Fill, Instrument, InstrumentId, Price, Side, Timestamp,
};
use sim_venue::{Assumptions, FeeSchedule, FeesIn, MarketNumber, SimConfig, SimVenue, StoodOrder};

use crate::failed::Failed;
use crate::startup::NUMBERS;

/// What an exchange is assumed to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Models {
    /// What trading costs, as fractions.
    pub fees: FeeRates,
    /// In which asset.
    pub fees_in: FeesIn,
    /// What the feeds do not tell.
    pub assumptions: Assumptions,
    /// How long a request takes, and as long its answer.
    pub latency: std::time::Duration,
}

/// A request, and when it reaches the exchange.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) at: Timestamp,
    pub(crate) request: Asked,
}

#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Place(Box<model::NewOrder>),
    Cancel(InstrumentId, ClientOrderId),
}

/// An exchange at the beginning of a run.
#[derive(Clone, Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) account: &'a BTreeMap<Asset, Amount>,
    pub(crate) instruments: &'a [Instrument],
    pub(crate) session: u64,
    /// What stands there already.
    pub(crate) stood: Vec<StoodOrder>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Again {
    /// Executions of each order, oldest first; their times are by the clock of who recorded.
    pub(crate) fills: BTreeMap<ClientOrderId, Vec<Fill>>,
    pub(crate) rejected: BTreeMap<ClientOrderId, VenueError>,
    /// The account has executions in it that are none of `fills`.
    pub(crate) is_untold: bool,
    /// What the account holds at the end, locked or not.
    pub(crate) account: BTreeMap<Asset, Amount>,
    /// The last price of each instrument: the middle of its book.
    pub(crate) marks: BTreeMap<InstrumentId, Price>,
    /// The first and the last time of the recording.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    pub(crate) rows: u64,
}

impl Again {
    /// Takes back what a gateway may not have heard of yet: no journal has it.
    pub(crate) fn hears_only(&mut self, is_told: impl Fn(ClientOrderId, &Fill) -> bool) {
        for (id, fills) in &mut self.fills {
            let all = fills.len();
            fills.retain(|fill| is_told(*id, fill));
            self.is_untold |= fills.len() < all;
        }
    }
}

struct Market {
    id: InstrumentId,
    number: MarketNumber,
    grid: Grid,
    scale: (i64, i64),
    levels: Vec<LevelUpdate>,
    clears: bool,
}

/// Does it all again. `asks` are in the order of their times.
pub(crate) fn again(
    opening: &Opening<'_>,
    models: &Models,
    sources: Vec<Box<dyn Source>>,
    asks: &[Ask],
) -> Result<Again, Failed> {
    let (mut venue, account) = exchange(opening, models);
    let mut merge = Merge::new(sources);
    let mut markets = Vec::new();
    for meta in merge.metas() {
        let found = meta.instrument.and_then(|id| Some((id, venue.number_of(id)?)));
        let grid = opening.instruments.iter().find(|known| Some(known.id) == meta.instrument);
        let scale = grid.map_or((1, 1), |known| crate::startup::scale(meta.grid, known.grid()));
        markets.push(found.map(|(id, number)| Market {
            id,
            number,
            grid: grid.map_or(meta.grid, Instrument::grid),
            scale,
            levels: Vec::new(),
            clears: false,
        }));
    }
    let mut stage =
        Stage { venue: &mut venue, account, events: Vec::new(), done: Again::default() };
    let mut asks = asks.iter().peekable();
    while let Some(run) = merge.next_run()? {
        let Some(market) = &mut markets[run.source] else { continue };
        for row in run.rows.clone() {
            let at = run.batch.time[row];
            let now = Timestamp::from_nanos(at);
            while let Some(ask) = asks.next_if(|ask| ask.at < now) {
                stage.asks(ask);
            }
            stage.hears(now);
            match &run.batch.columns {
                Columns::Trades(trades) => stage.prints(now, market, trades.row(row)),
                Columns::Book(book) => {
                    let flags = book.flags[row];
                    stage.level(now, market, book.row(row), flags);
                }
                Columns::Bars(_) | Columns::Quotes(_) => {}
            }
        }
    }
    let Stage { mut done, .. } = stage;
    for instrument in opening.instruments {
        if let Some(number) = venue.number_of(instrument.id)
            && let Some(middle) = venue.middle(number)
            && let Some(price) = instrument.grid().price(middle)
        {
            done.marks.insert(instrument.id, price);
        }
    }
    for (asset, balance) in venue.balances_of(account) {
        if let Some(total) = balance.free.checked_add(balance.locked) {
            done.account.insert(asset, total);
        }
    }
    Ok(done)
}

fn exchange(opening: &Opening<'_>, models: &Models) -> (SimVenue, AccountId) {
    let config = SimConfig {
        instruments: opening.instruments.to_vec(),
        fees: models.fees,
        fees_in: models.fees_in,
    };
    let mut venue = SimVenue::new(config);
    venue.assume(models.assumptions);
    venue.charge_by(Timestamp::EPOCH, FeeSchedule::flat(models.fees));
    venue.keep_no_tape();
    venue.number_behind(opening.session.saturating_mul(NUMBERS));
    let account = AccountId::new("again").expect("a valid constant");
    venue.add_account(account, opening.account);
    for order in &opening.stood {
        // One that cannot stand here could not in the run either, and has ended.
        venue.put_back(account, order);
    }
    (venue, account)
}

struct Stage<'a> {
    venue: &'a mut SimVenue,
    account: AccountId,
    events: Vec<VenueEvent>,
    done: Again,
}

impl Stage<'_> {
    fn hears(&mut self, now: Timestamp) {
        let (first, _) = self.done.span.unwrap_or((now, now));
        self.done.span = Some((first, now));
        self.done.rows += 1;
    }

    fn asks(&mut self, ask: &Ask) {
        let (id, request) = match &ask.request {
            Asked::Place(order) => {
                (Some(order.client_order_id), AccountRequest::Place((**order).clone()))
            }
            Asked::Cancel(instrument, id) => {
                let (instrument, order) = (*instrument, OrderKey::Client(*id));
                (None, AccountRequest::Cancel { instrument, order, cancel_id: None, only: None })
            }
        };
        // A cancel of what is over is refused, as it was.
        if let Err(refusal) = self.venue.execute(ask.at, self.account, &request, &mut self.events)
            && let Some(id) = id
        {
            self.done.rejected.insert(id, refusal);
        }
        self.takes_note();
    }

    fn prints(&mut self, now: Timestamp, market: &Market, row: data::TradeRow) {
        let price = GridPrice(row.price.0.saturating_mul(market.scale.0));
        let qty = GridQty(row.qty.0.saturating_mul(market.scale.1));
        let side = row.taker.unwrap_or(Side::Buy);
        self.venue.recorded_trade_of(now, market.number, (price, qty), side, &mut self.events);
        self.takes_note();
    }

    fn level(&mut self, now: Timestamp, market: &mut Market, row: data::BookRow, flags: i32) {
        if flags & CLEAR != 0 {
            market.clears = true;
            market.levels.clear();
        }
        let price = GridPrice(row.level.price.0.saturating_mul(market.scale.0));
        let qty = GridQty(row.level.qty.0.saturating_mul(market.scale.1));
        if flags & LOST == 0 && price.0 > 0 {
            market.levels.push(LevelUpdate { side: row.side, price, qty });
        }
        if flags & LAST == 0 {
            return;
        }
        if flags & LOST != 0 {
            self.marks(market);
        }
        let clears = std::mem::take(&mut market.clears);
        self.venue.recorded_book(now, market.number, clears, &market.levels, &mut self.events);
        market.levels.clear();
        self.takes_note();
    }

    /// The book is about to be forgotten.
    fn marks(&mut self, market: &Market) {
        if let Some(middle) = self.venue.middle(market.number)
            && let Some(price) = market.grid.price(middle)
        {
            self.done.marks.insert(market.id, price);
        }
    }

    fn takes_note(&mut self) {
        for event in self.events.drain(..) {
            if let VenueEvent::Account {
                event: AccountEvent::Order { order, execution: Execution::Trade(fill), .. },
                ..
            } = event
            {
                self.done.fills.entry(order.client_order_id).or_default().push(fill);
            }
        }
    }
}

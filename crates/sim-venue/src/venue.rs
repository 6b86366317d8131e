//! The exchange as a whole: instruments, accounts, orders, and the events of one step.

use std::collections::{BTreeMap, BTreeSet};

use model::market::{Grid, GridPrice, GridQty};
use model::venue::{AccountEvent, Execution, FeeRates, VenueEvent};
use model::{
    AccountId, Amount, Asset, Decimal, Instrument, InstrumentId, OrderLimits, Price, Side, Step,
    Timestamp, TradingMode,
};

use crate::accounts::Accounts;
use crate::assumptions::{Assumptions, PrintsOnly};
use crate::book::RestingBook;
use crate::desk::Desk;
use crate::orders::Orders;
use crate::tape::Tape;
use crate::tiers::FeeTiers;

/// What an exchange is opened with.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// Fees of every account, as fractions.
    pub fees: FeeRates,
    /// In which asset they are taken.
    pub fees_in: FeesIn,
}

/// In which asset a fee is taken: venues differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeesIn {
    /// In the asset received, rounded up; a buy gets less than it bought.
    Received,
    /// In the quote asset, rounded down; a buy pays more than it bought for, and sets that aside.
    Quote,
    /// In a third asset, of which one is worth so much quote, rounded down; as [`FeesIn::Received`] of an
    /// account that has too little of it.
    Third(Asset, Price),
}

/// The simulated exchange.
#[derive(Clone, Debug)]
pub struct SimVenue {
    pub(crate) fees: FeeRates,
    /// Set where fees depend on what was traded.
    pub(crate) tiers: Option<Box<FeeTiers>>,
    pub(crate) fees_in: FeesIn,
    pub(crate) assumptions: Assumptions,
    pub(crate) markets: Vec<Market>,
    pub(crate) by_id: BTreeMap<InstrumentId, usize>,
    pub(crate) accounts: Accounts,
    /// Order number n stands at n - 1.
    pub(crate) orders: Orders,
    /// By account, then by instrument.
    pub(crate) desks: Vec<Vec<Desk>>,
    /// Open orders that end by themselves, by when.
    pub(crate) dated: BTreeSet<(Timestamp, usize)>,
    pub(crate) next_execution: u64,
    pub(crate) next_cancel: u64,
    pub(crate) next_taker: u64,
    pub(crate) updated: Timestamp,
    /// What the background gave and took, and what was paid in fees: with the accounts' balances
    /// they always add up to what was deposited.
    pub(crate) market_ledger: BTreeMap<Asset, Decimal>,
    pub(crate) fee_ledger: BTreeMap<Asset, Decimal>,
}

/// One instrument with its book.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) instrument: Instrument,
    pub(crate) grid: Grid,
    pub(crate) tick: i64,
    pub(crate) lot: i64,
    pub(crate) book: RestingBook,
    pub(crate) tape: Tape,
    /// Set where no book was recorded.
    pub(crate) prints_only: Option<PrintsOnly>,
    /// Only the best of its book is recorded.
    pub(crate) is_partial: bool,
    /// No trades of it are recorded.
    pub(crate) triggers_by_book: bool,
    /// Orders that wait for their trigger, oldest first.
    pub(crate) stops: Vec<usize>,
    pub(crate) update_id: u64,
    /// Levels changed in this step, in order.
    pub(crate) touched: Vec<(Side, GridPrice)>,
    /// Lowest and highest print since the stops were last looked at.
    pub(crate) printed: Option<(GridPrice, GridPrice)>,
    /// A message has taken its whole book away: it was lost, and the next one is of another time.
    pub(crate) was_lost: bool,
    /// Levels were recorded while nothing traded, and are not shown yet.
    pub(crate) behind: bool,
    /// Sides from which the background is gone for now: bids, asks.
    hidden: (bool, bool),
}

impl SimVenue {
    /// Opens an exchange without accounts and with empty books.
    pub fn new(config: SimConfig) -> SimVenue {
        let markets: Vec<Market> = config.instruments.into_iter().map(Market::new).collect();
        let by_id = markets.iter().enumerate().map(|(i, m)| (m.instrument.id, i)).collect();
        SimVenue {
            fees: config.fees,
            tiers: None,
            fees_in: config.fees_in,
            assumptions: Assumptions::default(),
            markets,
            by_id,
            accounts: Accounts::default(),
            orders: Orders::default(),
            desks: Vec::new(),
            dated: BTreeSet::new(),
            next_execution: 0,
            next_cancel: 0,
            next_taker: 0,
            updated: Timestamp::EPOCH,
            market_ledger: BTreeMap::new(),
            fee_ledger: BTreeMap::new(),
        }
    }

    /// Opens an account with these funds; an account that exists gets them on top. Amounts below
    /// zero count as none.
    pub fn add_account(&mut self, account: AccountId, balances: &BTreeMap<Asset, Amount>) {
        let index = self.accounts.open(account);
        if index == self.desks.len() {
            self.desks.push(vec![Desk::default(); self.markets.len()]);
        }
        for (asset, amount) in balances {
            self.accounts.funds_mut(index).credit(*asset, amount.get().max(Decimal::ZERO));
        }
    }

    /// A deposit, or a withdrawal where the amount is below zero: at most what is free leaves, and
    /// the event says how much did. Nothing is reported when nothing moves.
    pub fn transfer(
        &mut self,
        now: Timestamp,
        account: AccountId,
        asset: Asset,
        amount: Amount,
        events: &mut Vec<VenueEvent>,
    ) {
        let Some(index) = self.accounts.index(&account) else { return };
        let free = self.accounts.funds(index).free(asset);
        let least = free.checked_neg().unwrap_or(Decimal::ZERO);
        let amount = crate::accounts::amount(amount.get().max(least));
        if amount == Amount::ZERO {
            return;
        }
        self.accounts.funds_mut(index).credit(asset, amount.get());
        self.updated = now;
        let event = AccountEvent::Transfer { asset, amount, time: now };
        events.push(VenueEvent::Account { account, event });
        self.tell_balances(now, vec![(index, asset)], events);
    }

    /// Opens, restricts or halts trading of an instrument. Unless it is live nothing trades there:
    /// prints of the background are dropped, and its levels are kept for the first event after.
    pub fn set_mode(&mut self, instrument: InstrumentId, mode: TradingMode) {
        if let Some(index) = self.by_id.get(&instrument) {
            self.markets[*index].instrument.mode = mode;
        }
    }

    /// Puts other rules on orders of an instrument from now on, in steps of the grid that its book has.
    /// Orders that stand are left as they are. `None`, and nothing changes, where the steps do not lie on
    /// the grid.
    pub fn set_rules(
        &mut self,
        instrument: InstrumentId,
        tick: Step,
        lot: Step,
        limits: OrderLimits,
    ) -> Option<()> {
        let market = &mut self.markets[*self.by_id.get(&instrument)?];
        let steps = steps(&market.grid, tick, lot)?;
        (market.tick, market.lot) = steps;
        let known = &mut market.instrument;
        (known.tick, known.lot, known.limits) = (tick, lot, limits);
        Some(())
    }

    /// The instruments as they are now.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.markets.iter().map(|market| &market.instrument)
    }

    /// Reports a change of an order to its owner.
    pub(crate) fn tell_order(
        &mut self,
        now: Timestamp,
        index: usize,
        execution: Execution,
        events: &mut Vec<VenueEvent>,
    ) {
        self.next_execution += 1;
        let order = &self.orders[index];
        let market = &self.markets[order.market];
        let event = AccountEvent::Order {
            order: order.tell(market.instrument.id, &market.grid),
            execution,
            execution_id: self.next_execution,
            time: now,
        };
        events.push(VenueEvent::Account { account: self.accounts.id(order.account), event });
    }

    /// Publishes the levels that this step has changed, then the balances it has touched.
    pub(crate) fn close_step(
        &mut self,
        now: Timestamp,
        market: usize,
        balances: Vec<(usize, Asset)>,
        events: &mut Vec<VenueEvent>,
    ) {
        self.publish_levels(now, market, events);
        self.tell_balances(now, balances, events);
    }

    pub(crate) fn publish_levels(
        &mut self,
        now: Timestamp,
        market: usize,
        events: &mut Vec<VenueEvent>,
    ) {
        let market = &mut self.markets[market];
        let mut touched = std::mem::take(&mut market.touched);
        once_each(&mut touched);
        for (side, price) in touched.drain(..) {
            market.update_id += 1;
            events.push(VenueEvent::Level {
                instrument: market.instrument.id,
                update_id: market.update_id,
                level: market.book.update(side, price),
                time: now,
            });
        }
        market.touched = touched;
    }

    pub(crate) fn tell_balances(
        &self,
        now: Timestamp,
        mut touched: Vec<(usize, Asset)>,
        events: &mut Vec<VenueEvent>,
    ) {
        touched.sort_unstable();
        touched.dedup();
        let mut rest = touched.iter().peekable();
        while let Some((account, asset)) = rest.next() {
            let funds = self.accounts.funds(*account);
            let mut balances = vec![(*asset, funds.balance(*asset))];
            while let Some((_, asset)) = rest.next_if(|(next, _)| next == account) {
                balances.push((*asset, funds.balance(*asset)));
            }
            let event = AccountEvent::Balances { balances, time: now };
            events.push(VenueEvent::Account { account: self.accounts.id(*account), event });
        }
    }
}

impl Market {
    fn new(instrument: Instrument) -> Market {
        let grid = instrument.grid();
        let (tick, lot) = steps(&grid, instrument.tick, instrument.lot).unwrap_or((1, 1));
        Market {
            instrument,
            grid,
            tick,
            lot,
            book: RestingBook::default(),
            tape: Tape::default(),
            prints_only: None,
            is_partial: false,
            triggers_by_book: false,
            stops: Vec::new(),
            update_id: 0,
            touched: Vec::new(),
            printed: None,
            was_lost: false,
            behind: false,
            hidden: (false, false),
        }
    }

    /// Is the background of this side gone for now?
    pub(crate) fn is_hidden(&self, side: Side) -> bool {
        match side {
            Side::Buy => self.hidden.0,
            Side::Sell => self.hidden.1,
        }
    }

    pub(crate) fn hidden_mut(&mut self, side: Side) -> &mut bool {
        match side {
            Side::Buy => &mut self.hidden.0,
            Side::Sell => &mut self.hidden.1,
        }
    }

    /// Remembers that a level has changed in this step.
    pub(crate) fn touch(&mut self, side: Side, price: GridPrice) {
        if self.touched.last() != Some(&(side, price)) {
            self.touched.push((side, price));
        }
    }

    /// The price that filters and stops measure by: the last trade, else the middle of the book.
    pub(crate) fn last_price(&self) -> Option<GridPrice> {
        let middle = || {
            let bid = self.book.best(Side::Buy)?;
            let ask = self.book.best(Side::Sell)?;
            Some(GridPrice(bid.0.midpoint(ask.0)))
        };
        self.tape.last().map(|trade| trade.price).or_else(middle)
    }

    /// Volume-weighted price of the last five minutes, else the last price.
    pub(crate) fn average_price(&self, now: Timestamp) -> Option<GridPrice> {
        let (quote, base) = self.tape.volume_since(now.before(AVERAGE_OVER));
        if base == 0 {
            return self.last_price();
        }
        i64::try_from(quote / base).ok().map(GridPrice)
    }
}

/// Steps as counts of the grid; `None` when they do not lie on it.
fn steps(grid: &Grid, tick: Step, lot: Step) -> Option<(i64, i64)> {
    let count = |step: Step, decimals: u8| step.get().mantissa_at(u32::from(decimals));
    Some((count(tick, grid.price_decimals)?, count(lot, grid.qty_decimals)?))
}

/// Prices for filters are averaged over this long.
pub(crate) const AVERAGE_OVER: std::time::Duration = std::time::Duration::from_secs(300);

/// Rounds a quantity down to the lot.
pub(crate) fn to_lot(qty: i64, lot: i64) -> GridQty {
    GridQty(qty - qty % lot.max(1))
}

/// Keeps the first of each, in order.
fn once_each(touched: &mut Vec<(Side, GridPrice)>) {
    if touched.len() < 2 {
        return;
    }
    let mut seen: Vec<(Side, GridPrice, usize)> =
        touched.iter().enumerate().map(|(at, (side, price))| (*side, *price, at)).collect();
    seen.sort_unstable();
    seen.dedup_by_key(|(side, price, _)| (*side, *price));
    seen.sort_unstable_by_key(|(_, _, at)| *at);
    touched.clear();
    touched.extend(seen.iter().map(|(side, price, _)| (*side, *price)));
}

impl SimVenue {
    pub(crate) fn desk(&self, account: usize, market: usize) -> &Desk {
        &self.desks[account][market]
    }

    pub(crate) fn desk_mut(&mut self, account: usize, market: usize) -> &mut Desk {
        &mut self.desks[account][market]
    }
}

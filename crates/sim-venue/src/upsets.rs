//! What an exchange does wrong on command: orders that are acknowledged and come to nothing, executions
//! that are taken back, orders that execute beyond their quantity, and sides of a book from which the market around the accounts is gone.
//!
//! Nothing here happens by itself; whoever drives the exchange asks for it.

use model::market::{GridQty, LevelUpdate};
use model::venue::{Execution, Response, VenueError, VenueEvent, VenueOrderStatus};
use model::{AccountId, Decimal, Fill, NewOrder, Rounding, Side, Timestamp, TradeId, VenueOrderId};

use crate::accounts::less;
use crate::matching::Step;
use crate::venue::SimVenue;

impl SimVenue {
    /// Acknowledges an order that never reaches the book: it is checked and numbered as any other,
    /// nothing is set aside for it, and it can be asked for by its names. It is reported to nobody
    /// until [`SimVenue::reject`] ends it; a cancel ends it, too.
    pub fn pretend(
        &mut self,
        now: Timestamp,
        account: AccountId,
        order: &NewOrder,
    ) -> Result<Response, VenueError> {
        let account = self.accounts.index(&account).ok_or(VenueError::NotAllowed)?;
        let mut admitted = self.admit(now, account, order)?;
        let index = self.orders.len();
        admitted.id = index as u64 + 1;
        admitted.working_since = Some(now);
        admitted.locked = Decimal::ZERO;
        let desk = self.desk_mut(account, admitted.market);
        desk.by_client.insert(admitted.client_order_id, index);
        desk.orders.push(index);
        self.orders.push(admitted);
        self.updated = now;
        Ok(Response::Placed { order: self.tell(index), fills: Vec::new() })
    }

    /// Rejects an order that was only pretended, and says so to its owner. An order that is over,
    /// or that does stand in the book, is left alone.
    pub fn reject(&mut self, now: Timestamp, id: VenueOrderId, events: &mut Vec<VenueEvent>) {
        let index = id.as_str().parse::<usize>().ok().and_then(|id| id.checked_sub(1));
        let Some(index) = index.filter(|index| self.orders.get(*index).is_some()) else { return };
        let (account, market) = (self.orders[index].account, self.orders[index].market);
        let is_real = self.desk(account, market).open.contains(&index);
        let order = &mut self.orders[index];
        if is_real || !order.status.is_open() {
            return;
        }
        order.status = VenueOrderStatus::Rejected;
        order.updated = now;
        self.updated = now;
        self.tell_order(now, index, Execution::Rejected(VenueError::NotAllowed), events);
    }

    /// Takes an execution of an account back, the newest where none is named: it is in no list any more,
    /// and what it moved, its fee too, has never moved. The exchange stands for the other side. Of its order
    /// the quantity stays executed, and nobody is told but of the balances.
    pub fn bust(
        &mut self,
        now: Timestamp,
        account: AccountId,
        trade: Option<TradeId>,
        events: &mut Vec<VenueEvent>,
    ) -> Option<Fill> {
        let account = self.accounts.index(&account)?;
        let is_it = |fill: &&Fill| trade.is_none_or(|trade| trade == fill.trade_id);
        let fills = self.desks[account].iter().flat_map(|desk| &desk.fills).filter(is_it);
        let busted = *fills.max_by_key(|fill| fill.venue_time)?;
        let (base, quote) = busted.instrument.assets()?;
        for desk in &mut self.desks[account] {
            desk.fills.retain(|fill| {
                (fill.instrument, fill.trade_id) != (busted.instrument, busted.trade_id)
            });
        }
        let qty = busted.qty.get();
        let value = busted.price.notional(busted.qty, Rounding::Down)?.get();
        let minus = |number: Decimal| number.checked_neg().unwrap_or(Decimal::ZERO);
        let (qty, value) = match busted.side {
            Side::Buy => (minus(qty), value),
            Side::Sell => (qty, minus(value)),
        };
        for (asset, amount) in [(base, qty), (quote, value)] {
            self.accounts.funds_mut(account).credit(asset, amount);
            let market = self.market_ledger.entry(asset).or_default();
            *market = less(*market, amount);
        }
        let mut touched = vec![(account, base), (account, quote)];
        if let Some(fee) = busted.fee {
            self.accounts.funds_mut(account).credit(fee.asset, fee.amount.get());
            let collected = self.fee_ledger.entry(fee.asset).or_default();
            *collected = less(*collected, fee.amount.get());
            touched.push((account, fee.asset));
        }
        self.updated = now;
        self.tell_balances(now, touched, events);
        Some(busted)
    }

    /// Executes one lot more of an order that is filled, at the price of its last execution: of the account's
    /// newest. The market around the accounts is the other side. `None` where it has no such order.
    pub fn overfill(
        &mut self,
        now: Timestamp,
        account: AccountId,
        events: &mut Vec<VenueEvent>,
    ) -> Option<Fill> {
        let account = self.accounts.index(&account)?;
        let fills = self.desks[account].iter().flat_map(|desk| &desk.fills);
        let last = *fills.max_by_key(|fill| fill.venue_time)?;
        let index = last.venue_order_id.as_str().parse::<usize>().ok()?.checked_sub(1)?;
        let order = self.orders.get(index)?;
        if order.status != VenueOrderStatus::Filled {
            return None;
        }
        let market = order.market;
        let price = self.markets[market].grid.grid_price(last.price)?;
        let lot = GridQty(self.markets[market].lot);
        let mut step = Step::new(now, events);
        self.filled_by_market(index, price, lot, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, market, balances, events);
        self.desk(account, market).fills.last().copied()
    }

    /// Takes the market around the accounts from a side of every book, or lets it come back as it
    /// is recorded by then. Accounts' own orders stay.
    pub fn hide_background(
        &mut self,
        now: Timestamp,
        side: Side,
        hidden: bool,
        events: &mut Vec<VenueEvent>,
    ) {
        for market in 0..self.markets.len() {
            let flag = self.markets[market].hidden_mut(side);
            if std::mem::replace(flag, hidden) == hidden {
                continue;
            }
            let levels: Vec<_> = self.markets[market].book.background(side).collect();
            let mut step = Step::new(now, events);
            for (price, qty) in levels {
                self.set_level(market, LevelUpdate { side, price, qty }, &mut step);
            }
            let Step { balances, .. } = step;
            self.close_step(now, market, balances, events);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::market::{GridPrice, Level};
    use model::venue::{
        AccountEvent, AccountRequest, FeeRates, MarketRequest, OrderKey, PublicMarket as _,
    };
    use model::{Asset, ClientOrderId, Instrument, OrderKind, OrderQty, TimeInForce, VenueOrderId};

    use super::*;
    use crate::{Background, FeesIn, SimConfig};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn account() -> AccountId {
        AccountId::new("a").unwrap()
    }

    fn venue() -> SimVenue {
        let asset = |name| Asset::new(name).unwrap();
        let (tick, lot) = ("0.01".parse().unwrap(), "0.001".parse().unwrap());
        let instrument = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap();
        let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
        let mut venue = SimVenue::new(SimConfig {
            instruments: vec![instrument],
            fees,
            fees_in: FeesIn::Received,
        });
        let funds = [(asset("USDT"), "1000".parse().unwrap())];
        venue.add_account(account(), &BTreeMap::from(funds));
        let level = |price, qty| Level { price: GridPrice(price), qty: GridQty(qty) };
        let (bids, asks) = (vec![level(9_900, 5), level(9_800, 7)], vec![level(10_100, 5)]);
        let id = venue.instruments().next().unwrap().id;
        venue.background(at(0), id, &Background::Snapshot { bids, asks }, &mut Vec::new());
        venue
    }

    fn order(venue: &SimVenue, client: &str, price: &str) -> NewOrder {
        NewOrder {
            client_order_id: ClientOrderId::new(client).unwrap(),
            instrument: venue.instruments().next().unwrap().id,
            side: Side::Buy,
            kind: OrderKind::Limit { price: price.parse().unwrap() },
            qty: OrderQty::Base("0.002".parse().unwrap()),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        }
    }

    fn depth(venue: &SimVenue) -> (usize, usize) {
        let instrument = venue.instruments().next().unwrap().id;
        let request = MarketRequest::Book { instrument, depth: 10 };
        match venue.read(at(1), &request).unwrap() {
            Response::Book(book) => (book.bids.len(), book.asks.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pretended_order_looks_accepted_and_ends_rejected() {
        let mut venue = venue();
        let wanted = order(&venue, "c1", "100");
        let before = venue.oracle();
        let Response::Placed { order: told, fills } =
            venue.pretend(at(1), account(), &wanted).unwrap()
        else {
            panic!("not placed")
        };
        assert_eq!((told.status, fills.len()), (VenueOrderStatus::New, 0));
        assert_eq!(venue.oracle().balances, before.balances, "nothing is set aside");
        assert_eq!(depth(&venue), (2, 1), "nothing is on the book");
        let request = AccountRequest::OpenOrders(None);
        let open = venue.execute(at(1), account(), &request, &mut Vec::new()).unwrap();
        assert_eq!(open, Response::Orders(Vec::new()));
        let mut events = Vec::new();
        venue.reject(at(2), told.id, &mut events);
        venue.reject(at(3), told.id, &mut events);
        let [VenueEvent::Account { event: AccountEvent::Order { order, execution, .. }, .. }] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(order.status, VenueOrderStatus::Rejected);
        assert!(matches!(execution, Execution::Rejected(_)));
    }

    #[test]
    fn what_is_refused_is_not_pretended_and_what_works_is_not_rejected() {
        let mut venue = venue();
        let dear = order(&venue, "c1", "1000000");
        let refused = venue.pretend(at(1), account(), &dear);
        assert_eq!(refused, Err(VenueError::InsufficientBalance));
        let real = AccountRequest::Place(order(&venue, "c2", "50"));
        venue.execute(at(1), account(), &real, &mut Vec::new()).unwrap();
        let mut events = Vec::new();
        venue.reject(at(2), VenueOrderId::from_number(1), &mut events);
        venue.reject(at(2), VenueOrderId::from_number(99), &mut events);
        assert_eq!(events, []);
    }

    #[test]
    fn a_pretended_order_can_be_taken_back() {
        let mut venue = venue();
        let wanted = order(&venue, "c1", "100");
        venue.pretend(at(1), account(), &wanted).unwrap();
        let key = OrderKey::Client(wanted.client_order_id);
        let (instrument, order) = (wanted.instrument, key);
        let cancel = AccountRequest::Cancel { instrument, order, cancel_id: None, only: None };
        assert!(venue.execute(at(2), account(), &cancel, &mut Vec::new()).is_ok());
        let mut events = Vec::new();
        venue.reject(at(3), VenueOrderId::from_number(1), &mut events);
        assert_eq!(events, []);
    }

    #[test]
    fn an_execution_that_is_taken_back_has_never_been() {
        let mut venue = venue();
        let before = venue.oracle();
        for (name, seconds) in [("c1", 1), ("c2", 2)] {
            let taker = AccountRequest::Place(order(&venue, name, "101"));
            venue.execute(at(seconds), account(), &taker, &mut Vec::new()).unwrap();
        }
        let after = venue.oracle();
        let [first, second] = [&after.fills[0].fill, &after.fills[1].fill];
        let mut events = Vec::new();
        assert_eq!(venue.bust(at(3), account(), None, &mut events).as_ref(), Some(second));
        let told = |event: &VenueEvent| {
            matches!(event, VenueEvent::Account { event: AccountEvent::Balances { .. }, .. })
        };
        assert!(!events.is_empty() && events.iter().all(told), "{events:?}");
        let trade = Some(first.trade_id);
        assert_eq!(venue.bust(at(4), account(), trade, &mut events).as_ref(), Some(first));
        assert_eq!(venue.bust(at(5), account(), trade, &mut events), None, "once");
        let end = venue.oracle();
        assert!(end.fills.is_empty());
        let totals = |oracle: &crate::Oracle| {
            let all = oracle.balances[&account()].iter();
            all.map(|(asset, b)| (*asset, b.total().unwrap()))
                .filter(|(_, total)| *total != model::Amount::ZERO)
                .collect::<Vec<_>>()
        };
        assert_eq!(totals(&end), totals(&before));
        assert!(end.market.values().chain(end.fees.values()).all(|sum| sum.is_zero()));
        assert_eq!(end.orders[0].order.status, VenueOrderStatus::Filled, "its quantity is used up");
    }

    #[test]
    fn one_lot_more_than_was_ordered_executes() {
        let mut venue = venue();
        let mut events = Vec::new();
        assert_eq!(venue.overfill(at(1), account(), &mut events), None, "nothing has executed");
        let taker = AccountRequest::Place(order(&venue, "c1", "101"));
        venue.execute(at(1), account(), &taker, &mut Vec::new()).unwrap();
        let first = venue.oracle().fills[0].fill;
        let more = venue.overfill(at(2), account(), &mut events).unwrap();
        assert_eq!((more.price, more.qty.to_string().as_str()), (first.price, "0.001"));
        assert_ne!(more.trade_id, first.trade_id);
        let end = venue.oracle();
        assert_eq!(end.orders[0].order.filled.to_string(), "0.003");
        assert_eq!(end.orders[0].order.status, VenueOrderStatus::Filled);
        let held = end.balances[&account()][&Asset::new("BTC").unwrap()];
        assert_eq!(held.free.to_string(), "0.003", "it is paid for and delivered");
        let told = |event: &VenueEvent| {
            matches!(event, VenueEvent::Account { event: AccountEvent::Order { execution: Execution::Trade(fill), .. }, .. }
                if *fill == more)
        };
        assert_eq!(events.iter().filter(|event| told(event)).count(), 1);
        let open = venue.execute(at(3), account(), &AccountRequest::OpenOrders(None), &mut events);
        assert_eq!(open, Ok(Response::Orders(Vec::new())));
    }

    #[test]
    fn a_hidden_side_comes_back_as_it_is_by_then() {
        let mut venue = venue();
        let mut events = Vec::new();
        venue.hide_background(at(1), Side::Buy, true, &mut events);
        assert_eq!((depth(&venue), events.len()), ((0, 1), 2), "each level is told");
        let instrument = venue.instruments().next().unwrap().id;
        let (side, price, qty) = (Side::Buy, GridPrice(9_700), GridQty(3));
        let level = Background::Level(LevelUpdate { side, price, qty });
        venue.background(at(2), instrument, &level, &mut events);
        let print = Background::Trade { price: GridPrice(9_900), qty, taker_side: Side::Sell };
        venue.background(at(2), instrument, &print, &mut events);
        assert_eq!((depth(&venue), events.len()), ((0, 1), 2), "nothing to hit, nothing shown");
        venue.hide_background(at(3), Side::Buy, false, &mut events);
        assert_eq!(depth(&venue), (3, 1));
    }
}

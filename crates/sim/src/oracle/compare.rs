//! After a healing, with nothing under way: all books are compared with the venue's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gateway::{Books, Gateway};
use model::venue::Response;
use model::{AgentId, Asset, Balance, ClientOrderId, NetQty, OrderState, Timestamp, TradingState};

use super::told::VenueBooks;
use super::{HUMAN, Oracle, signed};
use crate::setup::{limit, lots};

/// A cancel that was wanted for so long, on a healthy venue, is done.
const CANCELED_WITHIN: Duration = Duration::from_secs(20);
/// How long after an execution was taken back an older picture of the balances may explain it as well: what
/// a gateway allows for that, a reading, and a person who looks.
const BUST_IS_CLEAR: Duration = Duration::from_secs(180);
/// While the market rests the gateway's price differs from the middle by less than a tenth of a percent.
const STILL_SLACK_BPS: i64 = 30;
/// What the smallest agent orders, in lots.
const SMALLEST: i64 = 60;
/// Within this time agents want again what they were refused.
const WANTED_AGAIN: Duration = Duration::from_secs(20);
/// Questions under way at one time, at most (I25): one for each open order and its cancel, and a reading.
const OUTSTANDING_MAX: usize = 64;

impl Oracle {
    /// I31: with everything healed for a minute it has traded, or is latched.
    pub(crate) fn check_alive(&mut self, gateway: Option<&Gateway>, active: bool, wanted: bool) {
        if self.fold.halted || self.is_bust_unclear() || self.looks_older() {
            return;
        }
        match gateway.map(Gateway::state) {
            None => self.break_rule("I31", || "the gateway is not running".to_owned()),
            // A quarter of the limits may have no room for what agents want.
            Some((TradingState::Throttled, _)) if self.fold.resumed => {}
            Some(_) if active => {
                // Orders whose fate is open keep their places until the quiet time is over, and who was refused
                // for it does not ask again at once.
                let lately = |at: Timestamp| self.now.since(at) < WANTED_AGAIN;
                let freed = self.fold.orders.values().any(|l| l.absent.is_some_and(lately));
                let unknown = self
                    .fold
                    .open
                    .keys()
                    .any(|id| self.truth.get(id).is_none_or(|truth| truth.accepted == 0));
                if self.accepted == 0 && wanted && !unknown && !freed && !self.is_full() {
                    self.break_rule("I31", || "no order was taken for a minute".to_owned());
                }
            }
            Some((state, cause)) => {
                let cause = cause.to_owned();
                self.break_rule("I31", || format!("{state:?} a minute after healing: {cause}"));
            }
        }
    }

    /// An execution was taken back lately, or is not found yet and another one was counted lately: the balances as
    /// they are may be what was counted before that one.
    fn is_bust_unclear(&self) -> bool {
        let lately = |at: &Timestamp| self.now.since(*at) < BUST_IS_CLEAR;
        let is_counted = || self.busted.keys().any(|trade| self.fold.fills.contains_key(trade));
        self.busted_at.as_ref().is_some_and(lately)
            || (self.filled_at.as_ref().is_some_and(lately) && is_counted())
    }

    /// A deposit of just what was sold since looks as balances did before that, until that is long ago.
    fn looks_older(&self) -> bool {
        let mut since: Vec<_> = self
            .trades
            .values()
            .filter(|traded| self.now.since(traded.fill.venue_time) < BUST_IS_CLEAR)
            .map(|traded| (traded.fill.venue_time, signed(&traded.fill)))
            .collect();
        since.sort_unstable();
        let mut sold = 0;
        since.iter().rev().any(|(_, bought)| {
            sold -= bought;
            sold != 0 && self.moved.contains(&sold)
        })
    }

    /// Do orders that were lately proven absent leave no room on either side for the smallest order? A position of before
    /// the ramp went back may leave none on its own side.
    fn is_full(&self) -> bool {
        let part = self.fold.ramp.unwrap_or(100);
        let (working, shadows) = (self.fold.working(), self.fold.shadows(self.now));
        let human: i64 = self.human.values().sum();
        [self.fold.position, -self.fold.position].into_iter().enumerate().all(|(side, held)| {
            let reserved = held + working[side] + shadows[side] + human;
            let is_for_a_reason = shadows[side] > 0 || (part < 100 && held > 0);
            is_for_a_reason && reserved + SMALLEST > limit::POSITION * part / 100
        })
    }

    /// I25: what the gateway keeps under way is bounded.
    pub(crate) fn check_bounds(&mut self, gateway: &Gateway) {
        let outstanding = gateway.outstanding();
        if outstanding > OUTSTANDING_MAX {
            self.break_rule("I25", || format!("{outstanding} questions are under way"));
        }
    }

    /// I15: the live books are the fold over the journal.
    pub(crate) fn check_replay(&mut self, gateway: &Gateway, folded: &Books) {
        if gateway.books() != folded {
            let what =
                first_difference(&format!("{:#?}", gateway.books()), &format!("{folded:#?}"));
            self.break_rule("I15", || format!("the live books are not the journal's: {what}"));
        }
    }

    /// I5, I7, I9 to I13, I21: all books, with nothing under way.
    pub(crate) fn check_agreement(&mut self, gateway: &Gateway, venue: &VenueBooks) {
        self.seen.comparisons += 1;
        let books = gateway.books();
        let (state, cause) = gateway.state();
        let probation = self.fold.resumed && state == TradingState::Throttled;
        if state != TradingState::Active && !self.fold.halted && !probation {
            let cause = cause.to_owned();
            self.break_rule("I31", || format!("{state:?} long after healing: {cause}"));
        }
        self.losses_are_contained();
        self.book_is_whole();
        self.fills_agree();
        let net = books.position(self.instrument).map_or(NetQty::ZERO, |p| p.net());
        // Every execution is counted that must be; see above.
        let theirs = self.position + self.fold.human_position;
        let ours = net.get().mantissa_at(3);
        if ours != Some(theirs) {
            self.break_rule("I11", || format!("position {net}, and the venue's is {theirs} lots"));
        }
        self.agents_agree(books);
        self.orders_agree(books, &venue.open);
        self.balances_agree(books, &venue.account);
        self.cancels_are_done(books);
        if let Some(order) = books.in_doubt().next() {
            let id = order.order.client_order_id;
            self.break_rule("I5", || format!("{id} is still in doubt"));
        }
    }

    /// I30: who has lost more than the limit is halted.
    fn losses_are_contained(&mut self) {
        let (lost, limit) = (self.worth.lost_bps(), self.drawdown_bps);
        if !self.fold.halted && lost > limit + STILL_SLACK_BPS {
            self.break_rule("I30", || format!("{lost} bps are lost, the limit is {limit}"));
        }
    }

    fn fills_agree(&mut self) {
        let undone = self.busted.keys().find(|trade| self.fold.fills.contains_key(trade)).copied();
        if let Some(trade) = undone {
            self.break_rule("I10", || format!("trade {trade} was taken back and still counts"));
        }
        if self.fold.fills.len() == self.trades.len() {
            return;
        }
        // What a person did before the gateway's first look at the account is history.
        let missing = self
            .trades
            .iter()
            .find(|(trade, traded)| !traded.history && !self.fold.fills.contains_key(trade));
        if let Some((trade, traded)) = missing {
            let (trade, order) = (*trade, traded.order);
            self.break_rule("I10", || format!("trade {trade} of {order} was never counted"));
        }
    }

    /// Each agent holds what its own orders have executed.
    fn agents_agree(&mut self, books: &Books) {
        let mut theirs: BTreeMap<AgentId, i64> = BTreeMap::new();
        for traded in self.trades.values() {
            if let Some(line) = self.fold.orders.get(&traded.order) {
                *theirs.entry(line.agent).or_default() += signed(&traded.fill);
            }
        }
        for (agent, lots) in theirs {
            let ours = books.agent_position(agent, self.instrument);
            let net = ours.map_or(NetQty::ZERO, |position| position.net());
            if net.get().mantissa_at(3) != Some(lots) {
                self.break_rule("I11", || {
                    format!("{agent} holds {net}, and its orders executed {lots} lots")
                });
            }
        }
    }

    fn orders_agree(&mut self, books: &Books, told: &Response) {
        let Response::Orders(told) = told else { return };
        let theirs: BTreeMap<ClientOrderId, i64> = told
            .iter()
            .filter(|order| !order.client_order_id.as_str().starts_with(HUMAN))
            .map(|order| (order.client_order_id, lots(order.leaves()).unwrap_or(0)))
            .collect();
        let ours: BTreeMap<ClientOrderId, i64> = books
            .open_orders()
            .map(|order| (order.order.client_order_id, lots(order.leaves()).unwrap_or(-1)))
            .collect();
        if ours != theirs {
            self.break_rule("I12", || format!("open: {ours:?}; at the venue: {theirs:?}"));
        }
        let unknown = told.iter().find(|order| {
            order.client_order_id.as_str().starts_with(HUMAN)
                && !self.fold.foreign.contains_key(&order.id)
        });
        if let Some(order) = unknown {
            let id = order.id;
            self.break_rule("I9", || format!("order {id} of a person was not reported"));
        }
        if self.fold.halted {
            let entry = theirs
                .keys()
                .find(|id| self.fold.orders.get(id).is_some_and(|line| !line.has_trigger));
            if let Some(id) = entry.copied() {
                self.break_rule("I21", || format!("{id} stands at the venue, and it is halted"));
            }
        }
    }

    fn balances_agree(&mut self, books: &Books, told: &Response) {
        let Response::Account(account) = told else { return };
        let mut assets: BTreeSet<Asset> = account.balances.keys().copied().collect();
        assets.extend(books.balances().keys().copied());
        for asset in assets {
            let theirs = account.balances.get(&asset).copied().unwrap_or(Balance::ZERO);
            let ours = books.balances().get(&asset).copied().unwrap_or(Balance::ZERO);
            if ours != theirs {
                self.break_rule("I13", || format!("{asset}: {ours:?}; at the venue: {theirs:?}"));
            }
            let (counted, total) = (books.counted(asset), theirs.total());
            if counted.is_some() && counted != total {
                self.break_rule("I13", || {
                    format!("{asset}: counted {counted:?}; at the venue: {total:?}")
                });
            }
        }
    }

    fn cancels_are_done(&mut self, books: &Books) {
        let late = self.unwanted.iter().find(|((agent, intent), since)| {
            let order = books.order_of(*agent, *intent);
            let open = order
                .is_some_and(|order| order.state != OrderState::InDoubt && order.state.is_open());
            open && self.now.since(**since) > CANCELED_WITHIN
        });
        if let Some(((agent, intent), since)) = late {
            let (agent, intent, since) = (*agent, intent.0, self.now.since(*since));
            self.break_rule("I7", || {
                format!("intent {intent} of {agent} was to be taken back {since:?} ago and stands")
            });
        }
        self.unwanted.clear();
    }
}

/// The first line in which two texts differ.
fn first_difference(ours: &str, theirs: &str) -> String {
    let mut lines = ours.lines().zip(theirs.lines());
    match lines.find(|(ours, theirs)| ours != theirs) {
        Some((ours, theirs)) => format!("{} and not {}", ours.trim(), theirs.trim()),
        None => "one is longer".to_owned(),
    }
}

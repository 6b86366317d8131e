//! The resting book of one instrument: a queue per price level.
//!
//! In a queue wait accounts' orders and chunks of background liquidity, first come first served, so
//! time priority between an account and the recorded market is simply the order in the queue. A
//! chunk is kept with the order behind it, the last one as the queue's tail: a level that holds
//! background alone (nearly all do) needs no memory of its own.
//!
//! Two sorted arrays with the best price at the *end*: nearly every change happens near the best
//! price, so it moves only a few neighbours. What was recorded at a level and what accounts took of
//! it stands beside the queue, so that a level update is one search. A level whose background is
//! all taken stays, invisible, to remember that.

use std::collections::VecDeque;

use model::Side;
use model::market::{GridPrice, GridQty, Level, LevelUpdate};

/// How many levels from the best a search walks before it halves instead.
const NEAR: usize = 16;

/// Something that waits in a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Background liquidity.
    Market(GridQty),
    /// An account's order, by index, with what it still wants.
    Order(usize, GridQty),
}

/// An account's order, with the background between it and the order before it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    ahead: i64,
    order: usize,
    leaves: i64,
}

/// One price level.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) price: GridPrice,
    /// Background that can be taken, all chunks together.
    market: i64,
    /// Background behind the last order.
    tail: i64,
    /// What the orders here still want, together: more than 64 bits when many large ones meet.
    ordered: i128,
    /// The level as it was last recorded, less what was printed since.
    recorded: i64,
    /// What accounts took of it: zero to `recorded`.
    consumed: i64,
    waiting: VecDeque<Waiting>,
}

impl Queue {
    fn new(price: GridPrice) -> Queue {
        let waiting = VecDeque::new();
        Queue { price, market: 0, tail: 0, ordered: 0, recorded: 0, consumed: 0, waiting }
    }

    /// All that stands here; capped where 64 bits end.
    pub(crate) fn total(&self) -> i64 {
        i64::try_from(i128::from(self.market) + self.ordered).unwrap_or(i64::MAX)
    }

    fn is_visible(&self) -> bool {
        self.market > 0 || !self.waiting.is_empty()
    }

    fn is_needed(&self) -> bool {
        self.is_visible() || self.recorded > 0
    }

    fn front(&self) -> Option<Entry> {
        match self.waiting.front() {
            Some(first) if first.ahead == 0 => {
                Some(Entry::Order(first.order, GridQty(first.leaves)))
            }
            Some(first) => Some(Entry::Market(GridQty(first.ahead))),
            None => (self.tail > 0).then_some(Entry::Market(GridQty(self.tail))),
        }
    }

    /// All that waits, in the order of the queue.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let chunk = |qty: i64| (qty > 0).then_some(Entry::Market(GridQty(qty)));
        let waiting = self.waiting.iter().flat_map(move |w| {
            chunk(w.ahead).into_iter().chain([Entry::Order(w.order, GridQty(w.leaves))])
        });
        waiting.chain(chunk(self.tail))
    }

    /// Sets the background to a total: growth joins at the tail; what vanishes is taken from
    /// behind, so that what is ahead of an account stays ahead. Returns whether anything changed.
    fn set_market(&mut self, total: i64) -> bool {
        let mut less = self.market - total;
        self.market = total;
        if less <= 0 {
            self.tail -= less;
            return less < 0;
        }
        let from_tail = less.min(self.tail);
        self.tail -= from_tail;
        less -= from_tail;
        for waiting in self.waiting.iter_mut().rev() {
            let taken = less.min(waiting.ahead);
            waiting.ahead -= taken;
            less -= taken;
        }
        true
    }

    /// Records a quantity; returns what of it is left to take.
    fn record(&mut self, qty: i64) -> i64 {
        self.recorded = qty;
        self.consumed = self.consumed.min(qty);
        qty - self.consumed
    }

    /// Takes from what stands at the front, at most all of that.
    fn take_front(&mut self, taken: i64) {
        match self.waiting.front_mut() {
            Some(first) if first.ahead == 0 => {
                first.leaves -= taken;
                self.ordered -= i128::from(taken);
                if first.leaves == 0 {
                    self.waiting.pop_front();
                }
                return;
            }
            Some(first) => first.ahead -= taken,
            None => self.tail -= taken,
        }
        self.market -= taken;
    }

    /// Takes from one order, wherever it stands; returns whether it is here.
    fn take_order(&mut self, order: usize, taken: Option<i64>) -> bool {
        let Some(at) = self.waiting.iter().position(|w| w.order == order) else { return false };
        let waiting = &mut self.waiting[at];
        let taken = taken.unwrap_or(waiting.leaves);
        waiting.leaves -= taken;
        self.ordered -= i128::from(taken);
        if waiting.leaves == 0 {
            let ahead = waiting.ahead;
            self.waiting.remove(at);
            match self.waiting.get_mut(at) {
                Some(next) => next.ahead += ahead,
                None => self.tail += ahead,
            }
        }
        true
    }
}

/// Bids and asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct RestingBook {
    bids: Vec<Queue>,
    asks: Vec<Queue>,
}

impl RestingBook {
    fn side(&self, side: Side) -> &Vec<Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Vec<Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Where a price stands, or where it would.
    fn find(&self, side: Side, price: GridPrice) -> Result<usize, usize> {
        let queues = self.side(side);
        let is_worse = |queue: &Queue| match side {
            Side::Buy => queue.price < price,
            Side::Sell => queue.price > price,
        };
        let near = queues.iter().rev().take(NEAR).position(is_worse);
        let at = match near {
            Some(back) => queues.len() - back,
            None => queues.partition_point(is_worse),
        };
        if queues.get(at).is_some_and(|queue| queue.price == price) { Ok(at) } else { Err(at) }
    }

    fn get(&self, side: Side, price: GridPrice) -> Option<&Queue> {
        self.find(side, price).ok().map(|at| &self.side(side)[at])
    }

    fn get_or_add(&mut self, side: Side, price: GridPrice) -> &mut Queue {
        let at = match self.find(side, price) {
            Ok(at) => at,
            Err(at) => {
                self.side_mut(side).insert(at, Queue::new(price));
                at
            }
        };
        &mut self.side_mut(side)[at]
    }

    /// Changes a level that is there, and forgets it when nothing is left of it.
    fn change<T>(
        &mut self,
        side: Side,
        price: GridPrice,
        change: impl FnOnce(&mut Queue) -> T,
    ) -> Option<T> {
        let at = self.find(side, price).ok()?;
        let queues = self.side_mut(side);
        let result = change(&mut queues[at]);
        if !queues[at].is_needed() {
            queues.remove(at);
        }
        Some(result)
    }

    /// Levels of a side with something in them, best first.
    pub(crate) fn levels(&self, side: Side) -> impl Iterator<Item = &Queue> + '_ {
        self.side(side).iter().rev().filter(|queue| queue.is_visible())
    }

    /// Best price of a side.
    pub(crate) fn best(&self, side: Side) -> Option<GridPrice> {
        self.levels(side).next().map(|queue| queue.price)
    }

    /// Best price of a side that is remembered at all, be there something to take or not.
    pub(crate) fn edge(&self, side: Side) -> Option<GridPrice> {
        self.side(side).last().map(|queue| queue.price)
    }

    /// Best price and quantity of a side.
    pub(crate) fn best_level(&self, side: Side) -> Option<Level> {
        let queue = self.levels(side).next()?;
        Some(Level { price: queue.price, qty: GridQty(queue.total()) })
    }

    /// What stands first at the best price of a side.
    pub(crate) fn first(&self, side: Side) -> Option<(GridPrice, Entry)> {
        let queue = self.levels(side).next()?;
        queue.front().map(|entry| (queue.price, entry))
    }

    /// What stands first at a price.
    pub(crate) fn front(&self, side: Side, price: GridPrice) -> Option<Entry> {
        self.get(side, price).and_then(Queue::front)
    }

    /// A level as it is published.
    pub(crate) fn update(&self, side: Side, price: GridPrice) -> LevelUpdate {
        let total = self.get(side, price).map_or(0, Queue::total);
        LevelUpdate { side, price, qty: GridQty(total) }
    }

    /// An order joins its queue at the tail.
    pub(crate) fn rest(&mut self, side: Side, price: GridPrice, order: usize, leaves: GridQty) {
        let queue = self.get_or_add(side, price);
        let ahead = std::mem::take(&mut queue.tail);
        queue.waiting.push_back(Waiting { ahead, order, leaves: leaves.0 });
        queue.ordered += i128::from(leaves.0);
    }

    /// An order leaves its queue, or some of it does.
    pub(crate) fn take_order(
        &mut self,
        side: Side,
        price: GridPrice,
        order: usize,
        taken: Option<GridQty>,
    ) -> bool {
        let taken = taken.map(|qty| qty.0);
        self.change(side, price, |queue| queue.take_order(order, taken)).unwrap_or(false)
    }

    /// An account takes from the front of a level; background is counted as consumed.
    pub(crate) fn take_front(&mut self, side: Side, price: GridPrice, taken: GridQty) {
        self.change(side, price, |queue| {
            if matches!(queue.front(), Some(Entry::Market(_))) {
                queue.consumed = queue.recorded.min(queue.consumed.saturating_add(taken.0));
            }
            queue.take_front(taken.0);
        });
    }

    /// A recorded print takes from the front of a level.
    pub(crate) fn print_front(&mut self, side: Side, price: GridPrice, taken: GridQty) {
        self.change(side, price, |queue| queue.take_front(taken.0));
    }

    /// A print took from a level what was recorded there.
    pub(crate) fn print(&mut self, side: Side, price: GridPrice, qty: GridQty) {
        self.change(side, price, |queue| queue.record((queue.recorded - qty.0).max(0)));
    }

    /// Records the quantity of a level without showing it yet; returns what of it can be taken.
    pub(crate) fn record(&mut self, side: Side, price: GridPrice, qty: GridQty) -> i64 {
        if qty.0 > 0 {
            return self.get_or_add(side, price).record(qty.0);
        }
        self.change(side, price, |queue| queue.record(0));
        0
    }

    /// What of a recorded level accounts took otherwise than from its queue.
    pub(crate) fn consume(&mut self, side: Side, price: GridPrice, qty: GridQty) {
        self.change(side, price, |queue| {
            queue.consumed = queue.recorded.min(queue.consumed.saturating_add(qty.0));
        });
    }

    /// Shows so much background at a level; returns whether anything changed.
    pub(crate) fn show(&mut self, side: Side, price: GridPrice, total: i64) -> bool {
        if total > 0 {
            return self.get_or_add(side, price).set_market(total);
        }
        self.change(side, price, |queue| queue.set_market(0)).unwrap_or(false)
    }

    /// Prices at which background is recorded or shown, best first.
    pub(crate) fn background(&self, side: Side) -> impl Iterator<Item = (GridPrice, GridQty)> + '_ {
        let known = self.side(side).iter().rev().filter(|q| q.recorded > 0 || q.market > 0);
        known.map(|queue| (queue.price, GridQty(queue.recorded)))
    }
}

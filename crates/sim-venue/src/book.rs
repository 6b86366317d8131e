//! The resting book of one instrument: a queue per price level.
//!
//! In a queue wait accounts' orders and chunks of background liquidity, first come first served, so
//! time priority between an account and the recorded market is simply the order in the queue. A
//! chunk is kept with the order behind it, the last one as the queue's tail.
//!
//! Nearly all levels hold background alone: a price and a quantity, in a sorted array with the best
//! price at the *end*, because nearly every change happens near the best price and then moves only a
//! few neighbours of two words each. A level at which an order waits, or of which accounts took
//! something, has a [`Queue`] in an array of its own, which is short; it is in one of the two arrays
//! and never in both. One whose background is all taken stays, invisible, to remember that.

use model::Side;
use model::market::{GridPrice, GridQty, Level, LevelUpdate};

use crate::queue::{Entry, Queue, Stands};

/// How many levels from the best a search walks before it halves instead.
const NEAR: usize = 16;

/// One side.
#[derive(Clone, Debug, Default)]
struct Half {
    /// Levels that hold background alone; none is of zero.
    plain: Vec<Level>,
    queues: Vec<Queue>,
}

/// Bids and asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct RestingBook {
    bids: Half,
    asks: Half,
}

/// Where a price stands in an array with the best at the end, or where it would.
fn find<T>(
    levels: &[T],
    price_of: impl Fn(&T) -> GridPrice,
    side: Side,
    price: GridPrice,
) -> Result<usize, usize> {
    // Turned round, asks are in order as bids are.
    let turn = if side == Side::Sell { !0 } else { 0 };
    let wanted = price.0 ^ turn;
    let is_worse = |level: &T| price_of(level).0 ^ turn < wanted;
    let (far, near) = levels.split_at(levels.len().saturating_sub(NEAR));
    let at = match near.iter().rposition(is_worse) {
        Some(worse) => far.len() + worse + 1,
        None => far.partition_point(is_worse),
    };
    if levels.get(at).is_some_and(|level| price_of(level) == price) { Ok(at) } else { Err(at) }
}

/// Is one price of a side better than another?
fn is_better(side: Side, price: GridPrice, than: GridPrice) -> bool {
    match side {
        Side::Buy => price > than,
        Side::Sell => price < than,
    }
}

impl Half {
    fn find_plain(&self, side: Side, price: GridPrice) -> Result<usize, usize> {
        find(&self.plain, |level| level.price, side, price)
    }

    fn find_queue(&self, side: Side, price: GridPrice) -> Result<usize, usize> {
        find(&self.queues, |queue| queue.price, side, price)
    }

    /// The queue of a price; a level that had none gets one.
    fn queue(&mut self, side: Side, price: GridPrice) -> &mut Queue {
        let at = match self.find_queue(side, price) {
            Ok(at) => at,
            Err(at) => {
                let queue = match self.find_plain(side, price) {
                    Ok(plain) => Queue::of(self.plain.remove(plain)),
                    Err(_) => Queue::new(price),
                };
                self.queues.insert(at, queue);
                at
            }
        };
        &mut self.queues[at]
    }

    /// A queue that is needed no more goes, and one that holds background alone is a plain level again.
    fn tidy(&mut self, side: Side, price: GridPrice) {
        let Ok(at) = self.find_queue(side, price) else { return };
        let queue = &self.queues[at];
        if !queue.is_needed() {
            self.queues.remove(at);
        } else if let Some(level) = queue.plain() {
            self.queues.remove(at);
            if let Err(at) = self.find_plain(side, price) {
                self.plain.insert(at, level);
            }
        }
    }

    /// Both arrays, best first.
    fn all(&self, side: Side) -> impl Iterator<Item = Stands<'_>> + '_ {
        let mut plain = self.plain.iter().rev().peekable();
        let mut queues = self.queues.iter().rev().peekable();
        std::iter::from_fn(move || {
            let plain_first = match (plain.peek(), queues.peek()) {
                (Some(level), Some(queue)) => is_better(side, level.price, queue.price),
                (Some(_), None) => true,
                (None, _) => false,
            };
            if plain_first {
                plain.next().map(|level| Stands::Plain(*level))
            } else {
                queues.next().map(Stands::Queue)
            }
        })
    }

    fn edge(&self, side: Side) -> Option<GridPrice> {
        let plain = self.plain.last().map(|level| level.price);
        let queue = self.queues.last().map(|queue| queue.price);
        match (plain, queue) {
            (Some(plain), Some(queue)) if is_better(side, queue, plain) => Some(queue),
            (plain, queue) => plain.or(queue),
        }
    }
}

impl RestingBook {
    fn side(&self, side: Side) -> &Half {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Nobody knows who stands before whom any more.
    pub(crate) fn forget_places(&mut self) {
        let queues = self.bids.queues.iter_mut().chain(&mut self.asks.queues);
        queues.for_each(Queue::forget_places);
    }

    fn get(&self, side: Side, price: GridPrice) -> Option<Stands<'_>> {
        let half = self.side(side);
        if let Ok(at) = half.find_queue(side, price) {
            return Some(Stands::Queue(&half.queues[at]));
        }
        half.find_plain(side, price).ok().map(|at| Stands::Plain(half.plain[at]))
    }

    /// Changes a level, which is empty where there was none.
    fn change_or_add<T>(
        &mut self,
        side: Side,
        price: GridPrice,
        change: impl FnOnce(&mut Queue) -> T,
    ) -> T {
        let half = self.side_mut(side);
        let result = change(half.queue(side, price));
        half.tidy(side, price);
        result
    }

    /// Changes a level that is there.
    fn change<T>(
        &mut self,
        side: Side,
        price: GridPrice,
        change: impl FnOnce(&mut Queue) -> T,
    ) -> Option<T> {
        self.get(side, price)?;
        Some(self.change_or_add(side, price, change))
    }

    /// Levels of a side with something in them, best first.
    pub(crate) fn levels(&self, side: Side) -> impl Iterator<Item = Stands<'_>> + '_ {
        let is_visible = |level: &Stands<'_>| match level {
            Stands::Plain(_) => true,
            Stands::Queue(queue) => queue.is_visible(),
        };
        self.side(side).all(side).filter(is_visible)
    }

    /// Best price of a side.
    #[inline]
    pub(crate) fn best(&self, side: Side) -> Option<GridPrice> {
        let half = self.side(side);
        if half.queues.is_empty() {
            return half.plain.last().map(|level| level.price);
        }
        self.levels(side).next().map(|level| level.price())
    }

    /// Best price of a side that is remembered at all, be there something to take or not.
    pub(crate) fn edge(&self, side: Side) -> Option<GridPrice> {
        self.side(side).edge(side)
    }

    /// Best price and quantity of a side.
    pub(crate) fn best_level(&self, side: Side) -> Option<Level> {
        let level = self.levels(side).next()?;
        Some(Level { price: level.price(), qty: GridQty(level.total()) })
    }

    /// What stands first at the best price of a side.
    pub(crate) fn first(&self, side: Side) -> Option<(GridPrice, Entry)> {
        let level = self.levels(side).next()?;
        level.front().map(|entry| (level.price(), entry))
    }

    /// What stands first at a price.
    pub(crate) fn front(&self, side: Side, price: GridPrice) -> Option<Entry> {
        self.get(side, price).and_then(|level| level.front())
    }

    /// A level as it is published.
    pub(crate) fn update(&self, side: Side, price: GridPrice) -> LevelUpdate {
        let total = self.get(side, price).map_or(0, |level| level.total());
        LevelUpdate { side, price, qty: GridQty(total) }
    }

    /// An order joins its queue at the tail.
    pub(crate) fn rest(&mut self, side: Side, price: GridPrice, order: usize, leaves: GridQty) {
        self.change_or_add(side, price, |queue| queue.join(order, leaves));
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
            return self.change_or_add(side, price, |queue| queue.record(qty.0));
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
            return self.change_or_add(side, price, |queue| queue.set_market(total));
        }
        self.change(side, price, |queue| queue.set_market(0)).unwrap_or(false)
    }

    /// Records and shows a level at once, where it holds background alone before and after and crosses
    /// nothing: nearly always. `None`, and nothing is changed, where more has to be looked at.
    pub(crate) fn set_plain(&mut self, side: Side, price: GridPrice, qty: i64) -> Option<()> {
        let crosses = |edge: GridPrice| !is_better(side, edge, price);
        if qty > 0 && self.side(side.opposite()).edge(side.opposite()).is_some_and(crosses) {
            return None;
        }
        let half = self.side_mut(side);
        if !half.queues.is_empty() && half.find_queue(side, price).is_ok() {
            return None;
        }
        match (half.find_plain(side, price), qty) {
            (Ok(at), 0) => {
                half.plain.remove(at);
            }
            (Ok(at), qty) => half.plain[at].qty.0 = qty,
            (Err(_), 0) => {}
            (Err(at), qty) => half.plain.insert(at, Level { price, qty: GridQty(qty) }),
        }
        Some(())
    }

    /// A print of so much at a level with background alone; `None`, and nothing is changed, where an order
    /// waits at its price or a better one, or accounts took something there.
    pub(crate) fn print_plain(&mut self, side: Side, price: GridPrice, qty: i64) -> Option<()> {
        let half = self.side_mut(side);
        if half.queues.last().is_some_and(|queue| !is_better(side, price, queue.price)) {
            return None;
        }
        if let Ok(at) = half.find_plain(side, price) {
            if half.plain[at].qty.0 > qty {
                half.plain[at].qty.0 -= qty;
            } else {
                half.plain.remove(at);
            }
        }
        Some(())
    }

    /// Does no order wait here?
    pub(crate) fn has_no_orders(&self) -> bool {
        let is_free = |half: &Half| half.queues.iter().all(|queue| queue.waiting.is_empty());
        is_free(&self.bids) && is_free(&self.asks)
    }

    /// Prices at which background is recorded or shown, best first.
    pub(crate) fn background(&self, side: Side) -> impl Iterator<Item = (GridPrice, GridQty)> + '_ {
        self.side(side).all(side).filter_map(|level| match level {
            Stands::Plain(level) => Some((level.price, level.qty)),
            Stands::Queue(queue) if queue.recorded > 0 || queue.market > 0 => {
                Some((queue.price, GridQty(queue.recorded)))
            }
            Stands::Queue(_) => None,
        })
    }
}

//! What waits at one price: accounts' orders and chunks of background liquidity, first come first served.

use std::collections::VecDeque;

use model::market::{GridPrice, GridQty, Level};

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
pub(crate) struct Waiting {
    ahead: i64,
    order: usize,
    leaves: i64,
}

/// One price level.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) price: GridPrice,
    /// Background that can be taken, all chunks together.
    pub(crate) market: i64,
    /// Background behind the last order.
    pub(crate) tail: i64,
    /// What the orders here still want, together: more than 64 bits when many large ones meet.
    pub(crate) ordered: i128,
    /// The level as it was last recorded, less what was printed since.
    pub(crate) recorded: i64,
    /// What accounts took of it: zero to `recorded`.
    pub(crate) consumed: i64,
    pub(crate) waiting: VecDeque<Waiting>,
}

impl Queue {
    pub(crate) fn new(price: GridPrice) -> Queue {
        let waiting = VecDeque::new();
        Queue { price, market: 0, tail: 0, ordered: 0, recorded: 0, consumed: 0, waiting }
    }

    /// All that stands here; capped where 64 bits end.
    pub(crate) fn total(&self) -> i64 {
        i64::try_from(i128::from(self.market) + self.ordered).unwrap_or(i64::MAX)
    }

    pub(crate) fn is_visible(&self) -> bool {
        self.market > 0 || !self.waiting.is_empty()
    }

    pub(crate) fn is_needed(&self) -> bool {
        self.is_visible() || self.recorded > 0
    }

    /// Is it background alone, as it was recorded? Then its quantity says all.
    pub(crate) fn plain(&self) -> Option<Level> {
        let is_plain =
            self.waiting.is_empty() && self.consumed == 0 && self.market == self.recorded;
        is_plain.then_some(Level { price: self.price, qty: GridQty(self.market) })
    }

    pub(crate) fn of(level: Level) -> Queue {
        let qty = level.qty.0;
        Queue { market: qty, tail: qty, recorded: qty, ..Queue::new(level.price) }
    }

    pub(crate) fn front(&self) -> Option<Entry> {
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
    pub(crate) fn set_market(&mut self, total: i64) -> bool {
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
    pub(crate) fn record(&mut self, qty: i64) -> i64 {
        self.recorded = qty;
        self.consumed = self.consumed.min(qty);
        qty - self.consumed
    }

    /// Takes from what stands at the front, at most all of that.
    pub(crate) fn take_front(&mut self, taken: i64) {
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

    /// An order joins at the tail.
    pub(crate) fn join(&mut self, order: usize, leaves: GridQty) {
        let ahead = std::mem::take(&mut self.tail);
        self.waiting.push_back(Waiting { ahead, order, leaves: leaves.0 });
        self.ordered += i128::from(leaves.0);
    }

    /// Nobody knows who stands before whom any more: all background stands before every order.
    pub(crate) fn forget_places(&mut self) {
        let Some(first) = self.waiting.front_mut() else { return };
        first.ahead = self.market;
        self.waiting.iter_mut().skip(1).for_each(|waiting| waiting.ahead = 0);
        self.tail = 0;
    }

    /// Takes from one order, wherever it stands; returns whether it is here.
    pub(crate) fn take_order(&mut self, order: usize, taken: Option<i64>) -> bool {
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

/// A level with something in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stands<'a> {
    /// Background alone.
    Plain(Level),
    /// Whatever waits in a queue.
    Queue(&'a Queue),
}

impl<'a> Stands<'a> {
    pub(crate) fn price(&self) -> GridPrice {
        match self {
            Stands::Plain(level) => level.price,
            Stands::Queue(queue) => queue.price,
        }
    }

    /// All that stands here; capped where 64 bits end.
    pub(crate) fn total(&self) -> i64 {
        match self {
            Stands::Plain(level) => level.qty.0,
            Stands::Queue(queue) => queue.total(),
        }
    }

    pub(crate) fn front(&self) -> Option<Entry> {
        match self {
            Stands::Plain(level) => Some(Entry::Market(level.qty)),
            Stands::Queue(queue) => queue.front(),
        }
    }

    /// All that waits, in the order of the queue.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + use<'a> {
        let (plain, queue) = match self {
            Stands::Plain(level) => (Some(Entry::Market(level.qty)), None),
            Stands::Queue(queue) => (None, Some(queue.entries())),
        };
        plain.into_iter().chain(queue.into_iter().flatten())
    }
}

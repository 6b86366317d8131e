//! All orders of an exchange by their index, which is their number less one, and those that it may forget.
//!
//! An exchange that a test compares with forgets none. One that a long backtest trades on is told now and then what
//! nobody will ask for any more.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Index, IndexMut};

use model::Timestamp;

use crate::order::SimOrder;

/// Orders by index. Asking for one that was forgotten is a bug of who asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// From this index on all of them are in `young`.
    begin: usize,
    young: VecDeque<SimOrder>,
    /// Older ones that are still open.
    old: BTreeMap<usize, SimOrder>,
}

impl Orders {
    /// How many there ever were.
    pub(crate) fn len(&self) -> usize {
        self.begin + self.young.len()
    }

    /// The first order has this index; nothing changes once there is one.
    pub(crate) fn begin_at(&mut self, first: usize) {
        if self.len() == 0 {
            self.begin = first;
        }
    }

    pub(crate) fn push(&mut self, order: SimOrder) {
        self.young.push_back(order);
    }

    /// May an order of an exchange before this one stand here again? Numbers of its own are not given back.
    pub(crate) fn has_room_at(&self, index: usize) -> bool {
        index < self.begin && !self.old.contains_key(&index)
    }

    /// Puts an order of an exchange before this one where it stood.
    pub(crate) fn put_back(&mut self, index: usize, order: SimOrder) {
        self.old.insert(index, order);
    }

    /// `None` where there never was one, or it is forgotten.
    pub(crate) fn get(&self, index: usize) -> Option<&SimOrder> {
        match index.checked_sub(self.begin) {
            Some(place) => self.young.get(place),
            None => self.old.get(&index),
        }
    }

    /// Those that are not forgotten, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &SimOrder)> {
        let old = self.old.iter().map(|(index, order)| (*index, order));
        old.chain((self.begin..).zip(&self.young))
    }

    /// Forgets what is over and did not change since.
    pub(crate) fn forget(&mut self, before: Timestamp) {
        let is_over = |order: &SimOrder| !order.status.is_open() && order.updated < before;
        self.old.retain(|_, order| !is_over(order));
        // What came after one that is too young is hardly older.
        while let Some(order) = self.young.pop_front_if(|order| order.created < before) {
            if !is_over(&order) {
                self.old.insert(self.begin, order);
            }
            self.begin += 1;
        }
    }
}

impl Index<usize> for Orders {
    type Output = SimOrder;

    fn index(&self, index: usize) -> &SimOrder {
        match index.checked_sub(self.begin) {
            Some(place) => &self.young[place],
            None => &self.old[&index],
        }
    }
}

impl IndexMut<usize> for Orders {
    fn index_mut(&mut self, index: usize) -> &mut SimOrder {
        match index.checked_sub(self.begin) {
            Some(place) => &mut self.young[place],
            None => self.old.get_mut(&index).expect("an order that is over is not asked for"),
        }
    }
}

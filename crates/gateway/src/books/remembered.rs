//! What was seen lately: a set that forgets its oldest values beyond a bound.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Values that were seen, each once. In a snapshot they are a list, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remembered<T> {
    known: BTreeSet<T>,
    in_order: VecDeque<T>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Remembered<T> {
        Remembered { known: BTreeSet::new(), in_order: VecDeque::new() }
    }
}

impl<T: Ord + Copy> Remembered<T> {
    pub(super) fn knows(&self, value: &T) -> bool {
        self.known.contains(value)
    }

    /// Remembers a value and forgets the oldest beyond `kept_max`. Says whether it is news.
    pub(super) fn remember(&mut self, value: T, kept_max: usize) -> bool {
        if !self.known.insert(value) {
            return false;
        }
        self.in_order.push_back(value);
        if self.in_order.len() > kept_max
            && let Some(old) = self.in_order.pop_front()
        {
            self.known.remove(&old);
        }
        true
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.in_order.iter()
    }

    /// As if it had never been seen. As long as there are values; for what is rare.
    pub(super) fn forget(&mut self, value: &T) {
        if self.known.remove(value) {
            self.in_order.retain(|known| known != value);
        }
    }
}

impl<T: Serialize> Serialize for Remembered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.in_order.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Ord + Copy> Deserialize<'de> for Remembered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Remembered<T>, D::Error> {
        let in_order = VecDeque::<T>::deserialize(deserializer)?;
        Ok(Remembered { known: in_order.iter().copied().collect(), in_order })
    }
}

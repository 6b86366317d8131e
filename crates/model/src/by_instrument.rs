//! Something of each instrument that is followed, in the order of their names.
//!
//! A few are followed, most often one, and what is known of one is looked up with every event of the market: a short array
//! that is walked is faster than a tree. The order is that of a `BTreeMap`, so nothing depends on which of both it is.

use crate::ids::InstrumentId;

/// So many are walked; of more a half is left out each time.
const WALKED: usize = 8;

/// A map from instruments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByInstrument<T>(Vec<(InstrumentId, T)>);

impl<T> Default for ByInstrument<T> {
    fn default() -> ByInstrument<T> {
        ByInstrument(Vec::new())
    }
}

impl<T> FromIterator<(InstrumentId, T)> for ByInstrument<T> {
    fn from_iter<I: IntoIterator<Item = (InstrumentId, T)>>(all: I) -> ByInstrument<T> {
        let mut map = ByInstrument::default();
        all.into_iter().for_each(|(id, of)| drop(map.insert(id, of)));
        map
    }
}

impl<T> ByInstrument<T> {
    #[inline]
    fn place(&self, id: &InstrumentId) -> Option<usize> {
        if self.0.first().is_some_and(|(known, _)| known == id) {
            return Some(0);
        }
        self.place_behind(id)
    }

    fn place_behind(&self, id: &InstrumentId) -> Option<usize> {
        if self.0.len() <= WALKED {
            return self.0.iter().position(|(known, _)| known == id);
        }
        self.search(id).ok()
    }

    fn search(&self, id: &InstrumentId) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(id))
    }

    /// What is known of this one.
    #[inline]
    pub fn get(&self, id: InstrumentId) -> Option<&T> {
        self.0.get(self.place(&id)?).map(|(_, of)| of)
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: InstrumentId) -> Option<&mut T> {
        let at = self.place(&id)?;
        self.0.get_mut(at).map(|(_, of)| of)
    }

    /// The same; what is not there yet is made.
    pub fn get_or_insert_with(&mut self, id: InstrumentId, make: impl FnOnce() -> T) -> &mut T {
        let at = self.place(&id).unwrap_or_else(|| {
            let at = self.search(&id).unwrap_or_else(|at| at);
            self.0.insert(at, (id, make()));
            at
        });
        &mut self.0[at].1
    }

    /// This is known now; what was known before.
    pub fn insert(&mut self, id: InstrumentId, of: T) -> Option<T> {
        if let Some(known) = self.get_mut(id) {
            return Some(std::mem::replace(known, of));
        }
        let at = self.search(&id).unwrap_or_else(|at| at);
        self.0.insert(at, (id, of));
        None
    }

    /// Nothing is known of it any more; what was.
    pub fn remove(&mut self, id: InstrumentId) -> Option<T> {
        let at = self.place(&id)?;
        Some(self.0.remove(at).1)
    }

    /// Is something known of it?
    pub fn contains(&self, id: InstrumentId) -> bool {
        self.place(&id).is_some()
    }

    /// Of how many something is known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is nothing known of any?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (InstrumentId, &T)> {
        self.0.iter().map(|(id, of)| (*id, of))
    }

    /// What is known of all, by name.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter().map(|(_, of)| of)
    }

    /// The names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = InstrumentId> {
        self.0.iter().map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The twin: a tree.
        #[test]
        fn equals_an_ordered_map(changes in prop::collection::vec((0u8..20, 0u8..4, any::<u16>()), 0..200)) {
            let (mut map, mut tree) = (ByInstrument::default(), BTreeMap::new());
            for (name, what, value) in changes {
                let id = InstrumentId::new(&format!("A{name}-USDT")).unwrap();
                match what {
                    0 => prop_assert_eq!(map.remove(id), tree.remove(&id)),
                    1 => prop_assert_eq!(map.insert(id, value), tree.insert(id, value)),
                    2 => prop_assert_eq!(*map.get_or_insert_with(id, || value), *tree.entry(id).or_insert(value)),
                    _ => prop_assert_eq!(map.get_mut(id), tree.get_mut(&id)),
                }
                prop_assert_eq!((map.get(id), map.contains(id)), (tree.get(&id), tree.contains_key(&id)));
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert!(map.iter().eq(tree.iter().map(|(id, of)| (*id, of))));
                prop_assert!(map.keys().eq(tree.keys().copied()) && map.values().eq(tree.values()));
            }
        }
    }
}

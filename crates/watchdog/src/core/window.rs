//! The last second of a figure.
//!
//! One print may be wrong for some milliseconds (a wick), so nothing that a price moves is judged by one
//! look: only what all looks over at least a second agree on counts.

use std::collections::VecDeque;

use crate::amount::Amount;

/// How long a figure has to hold, ms.
pub const PERSISTS_MS: u64 = 1_000;
/// Looks that are kept at most; more within a second are left out.
const LOOKS_MAX: usize = 64;

/// The looks of the last second and the newest one before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window(VecDeque<(u64, Amount)>);

impl Window {
    /// Adds a look.
    pub fn look(&mut self, steady_ms: u64, figure: Amount) {
        while self.0.get(1).is_some_and(|(at, _)| steady_ms.saturating_sub(*at) >= PERSISTS_MS) {
            self.0.pop_front();
        }
        if self.0.len() == LOOKS_MAX {
            self.0.remove(LOOKS_MAX / 2);
        }
        self.0.push_back((steady_ms, figure));
    }

    /// Forgets all looks: what comes is not to be compared with what was.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The smallest and the largest figure of at least a second; `None` before that.
    pub fn bounds(&self) -> Option<(Amount, Amount)> {
        let ((first, _), (last, _)) = (self.0.front()?, self.0.back()?);
        if last - first < PERSISTS_MS {
            return None;
        }
        let figures = || self.0.iter().map(|(_, figure)| *figure);
        Some((figures().min()?, figures().max()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_looks_has_bounds() {
        let mut window = Window::default();
        let mut at = |ms, figure| {
            window.look(ms, Amount::whole(figure));
            window.bounds().map(|(low, high)| (low.to_string(), high.to_string()))
        };
        let said = |low: &str, high: &str| Some((low.to_owned(), high.to_owned()));
        assert_eq!(at(0, 100), None);
        assert_eq!(at(500, 10), None);
        assert_eq!(at(999, 20), None);
        assert_eq!(at(1_000, 30), said("10", "100"));
        // The first look is older than a second now, and there is a newer one that is, too.
        assert_eq!(at(1_500, 40), said("10", "40"));
        // After a pause the last look before it still counts: nobody saw anything better since.
        assert_eq!(at(9_000, 50), said("40", "50"));
    }
}

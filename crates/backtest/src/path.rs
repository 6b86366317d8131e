//! The way of a price through a bar of which only four points are known.

use model::market::GridPrice;

/// Which of its two extremes a bar reaches first. Of one bar nobody knows; it decides what becomes of a stop and
/// a limit that both lie inside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intrabar {
    /// The one that is worse for what is held: the low with a long position, the high with a short one. With
    /// none the one that is farther from the close, so that an order which opens one is under water the
    /// longer.
    #[default]
    Pessimistic,
    /// The other one.
    Optimistic,
    /// Always open, high, low, close.
    HighFirst,
    /// Always open, low, high, close.
    LowFirst,
}

impl Intrabar {
    /// All, by the word on the command line.
    pub const NAMED: [(&'static str, Intrabar); 4] = [
        ("pessimistic", Intrabar::Pessimistic),
        ("optimistic", Intrabar::Optimistic),
        ("high-first", Intrabar::HighFirst),
        ("low-first", Intrabar::LowFirst),
    ];

    /// The two extremes in the order in which they are reached. `held` is above zero for a long position.
    pub(crate) fn extremes(
        self,
        (high, low, close): (GridPrice, GridPrice, GridPrice),
        held: i64,
    ) -> [GridPrice; 2] {
        let low_is_far = close.0.saturating_sub(low.0) >= high.0.saturating_sub(close.0);
        let low_first = match (self, held.signum()) {
            (Intrabar::HighFirst, _) => false,
            (Intrabar::LowFirst, _) => true,
            (Intrabar::Pessimistic, 1) | (Intrabar::Optimistic, -1) => true,
            (Intrabar::Pessimistic, -1) | (Intrabar::Optimistic, 1) => false,
            (Intrabar::Pessimistic, _) => low_is_far,
            (Intrabar::Optimistic, _) => !low_is_far,
        };
        if low_first { [low, high] } else { [high, low] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_extreme_comes_first() {
        let bar = (GridPrice(110), GridPrice(90), GridPrice(105));
        let low_first = |path: Intrabar, held| path.extremes(bar, held)[0] == GridPrice(90);
        for (path, held, low) in [
            (Intrabar::Pessimistic, 5, true),
            (Intrabar::Pessimistic, -5, false),
            (Intrabar::Pessimistic, 0, true),
            (Intrabar::Optimistic, 5, false),
            (Intrabar::Optimistic, -5, true),
            (Intrabar::Optimistic, 0, false),
            (Intrabar::HighFirst, 5, false),
            (Intrabar::LowFirst, -5, true),
        ] {
            assert_eq!(low_first(path, held), low, "{path:?} {held}");
        }
    }
}

//! Pairs of numbers, one for each side of the market.

use model::Side;

/// Where a side stands in a pair.
pub(super) const fn at(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

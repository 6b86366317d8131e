//! What an account holds of all that counts, with how each of it is valued. It is gathered once and good until
//! something is written down: prices move a thousand times as often as holdings.

use model::{Amount, InstrumentId};

use super::routes::Route;

/// Amounts above or below zero, by how they are valued.
#[derive(Debug)]
pub(crate) struct Held {
    /// Of the valuation asset.
    itself: Amount,
    others: Vec<(Amount, Route)>,
}

impl Held {
    pub(super) fn of(amounts: impl Iterator<Item = (Amount, Route)>) -> Held {
        let mut held = Held { itself: Amount::ZERO, others: Vec::new() };
        for (amount, route) in amounts.filter(|(amount, _)| *amount != Amount::ZERO) {
            match route {
                // There is one such asset.
                Route::Itself => held.itself = amount,
                Route::By(_) | Route::Inverse(_) | Route::Over(..) => {
                    held.others.push((amount, route));
                }
            }
        }
        held
    }

    /// Of the valuation asset.
    pub(super) const fn itself(&self) -> Amount {
        self.itself
    }

    /// Of all others, and how each is valued.
    pub(super) fn others(&self) -> impl Iterator<Item = (Amount, Route)> {
        self.others.iter().copied()
    }

    /// Does the price in this instrument say what some of it is worth?
    pub(super) fn is_valued_by(&self, instrument: InstrumentId) -> bool {
        self.others.iter().any(|(_, route)| route.is_by(instrument))
    }
}

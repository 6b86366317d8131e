//! A book by hand: two ordered maps of exact numbers, without anything of the client's.

use std::collections::BTreeMap;

use serde_json::Value;

/// Digits behind the point of every number here; no venue prints more.
pub(crate) const DIGITS: u32 = 8;

/// Price and quantity in units of 10^-8.
pub(crate) type Levels = BTreeMap<i64, i64>;

/// One side's levels that were set, in the order in which they were; zero removes one.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) is_ask: bool,
    pub(crate) price: i64,
    pub(crate) qty: i64,
}

/// Bids and asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) sides: [Levels; 2],
}

impl Fold {
    pub(crate) fn apply(&mut self, change: &[Set]) {
        for Set { is_ask, price, qty } in change {
            let side = &mut self.sides[usize::from(*is_ask)];
            match qty {
                0 => side.remove(price),
                qty => side.insert(*price, *qty),
            };
        }
    }
}

/// A printed number in units of 10^-8; one with more digits is a mistake in the recording.
pub(crate) fn units(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let wide = DIGITS as usize;
    let (kept, lost) = fraction.split_at(fraction.len().min(wide));
    assert!(lost.bytes().all(|digit| digit == b'0'), "{text} has more digits than any venue");
    format!("{whole}{kept:0<wide$}").parse().unwrap()
}

/// The same printed again.
pub(crate) fn print(units: i64) -> String {
    let one = 10_i64.pow(DIGITS);
    format!("{}.{:08}", units / one, units % one)
}

/// Rows of `[price, quantity, …]`.
pub(crate) fn rows(value: &Value, is_ask: bool) -> impl Iterator<Item = Set> {
    value.as_array().unwrap().iter().map(move |row| Set {
        is_ask,
        price: units(row[0].as_str().unwrap()),
        qty: units(row[1].as_str().unwrap()),
    })
}

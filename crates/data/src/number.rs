//! Decimal numbers of a file, straight to counts on its grid.

use model::market::Grid;
use model::{Decimal, Rounding};

/// Counts stay below this, so that every one has at most 18 digits: what Parquet calls `DECIMAL(18)`.
pub(crate) const COUNT_END: i64 = 10i64.pow(18);

/// Why a text is no count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberProblem {
    /// No digits, or something else among them: `NaN`, `1,5`.
    NoNumber,
    /// Below zero.
    Negative,
    /// Needs so many digits behind the point, and there are fewer.
    Digits(u8),
    /// More than can be counted.
    Large,
    /// More digits behind the point than any grid has.
    Fine,
}

/// Reads a number that is not negative as a count of 10^-`decimals`.
pub(crate) fn parse(text: &[u8], decimals: u8) -> Result<i64, NumberProblem> {
    let grid = Grid { price_decimals: decimals, qty_decimals: decimals };
    match grid.parse_qty(text) {
        Ok(count) if count.0 < COUNT_END => Ok(count.0),
        _ => slowly(text, decimals),
    }
}

/// The same, rounded to the nearest count; the second is true when that changed the number. What is above
/// zero stays above zero, because a quantity of zero says something else than a small one. A number of
/// `kept` digits or fewer is never rounded: where they do not fit, the grid is too coarse.
pub(crate) fn parse_rounded(
    text: &[u8],
    decimals: u8,
    kept: u8,
) -> Result<(i64, bool), NumberProblem> {
    match parse(text, decimals) {
        Err(NumberProblem::Digits(needs)) if needs <= kept => {
            return Err(NumberProblem::Digits(needs));
        }
        Err(NumberProblem::Digits(_) | NumberProblem::Fine) => {}
        exact => return exact.map(|count| (count, false)),
    }
    let number = match exact(text) {
        // What no grid has is far below a half of the last digit, too.
        Err(NumberProblem::Fine) => exact(without_dust(text))?,
        number => number?,
    };
    let decimals = u32::from(decimals);
    let half = Decimal::from_mantissa(5, decimals + 1).unwrap_or(Decimal::ZERO);
    let raised = number.checked_add(half).ok_or(NumberProblem::Large)?;
    let rounded = raised.round_to(decimals, Rounding::Down).ok_or(NumberProblem::Large)?;
    match rounded.mantissa_at(decimals) {
        Some(count) if count < COUNT_END => Ok((count.max(1), true)),
        _ => Err(NumberProblem::Large),
    }
}

/// Without the digits beyond the eighteenth behind the point.
fn without_dust(text: &[u8]) -> &[u8] {
    let point = memchr::memchr(b'.', text).unwrap_or(text.len());
    &text[..text.len().min(point + 1 + model::SCALE as usize)]
}

/// Signs, exponents, and the reason why not.
fn slowly(text: &[u8], decimals: u8) -> Result<i64, NumberProblem> {
    let number = exact(text)?;
    if number < Decimal::ZERO {
        return Err(NumberProblem::Negative);
    }
    match number.mantissa_at(u32::from(decimals)) {
        Some(count) if count < COUNT_END => Ok(count),
        Some(_) => Err(NumberProblem::Large),
        None => match needs(number) {
            digits if digits > decimals => Err(NumberProblem::Digits(digits)),
            _ => Err(NumberProblem::Large),
        },
    }
}

fn exact(text: &[u8]) -> Result<Decimal, NumberProblem> {
    Decimal::parse(text).map_err(|problem| match problem {
        model::ParseDecimalError::Range if is_fine(text) => NumberProblem::Fine,
        model::ParseDecimalError::Range => NumberProblem::Large,
        _ => NumberProblem::NoNumber,
    })
}

/// A number that cannot be held because of its end, not of its beginning.
fn is_fine(text: &[u8]) -> bool {
    let point = text.iter().position(|byte| *byte == b'.');
    let behind = point.map_or(0, |point| text.len() - point - 1);
    behind > model::SCALE as usize || text.windows(2).any(|pair| matches!(pair, b"e-" | b"E-"))
}

fn needs(number: Decimal) -> u8 {
    u8::try_from(number.decimals()).unwrap_or(u8::MAX)
}

/// How many digits a number has behind the point (without zeros at the end) and before it.
pub(crate) fn shape(text: &[u8]) -> Option<(u8, u8)> {
    let number = exact(text).ok()?;
    let mut whole = number.abs().to_f64();
    let mut before = 0;
    while whole >= 1.0 {
        whole /= 10.0;
        before += 1;
    }
    Some((needs(number), before))
}

/// The shortest decimal number that a binary one stands for, as a text that `parse` reads.
pub(crate) fn of_binary(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_counts_and_says_why_not() {
        use NumberProblem::{Digits, Large, Negative, NoNumber};
        let cases: &[(&str, u8, Result<i64, NumberProblem>)] = &[
            ("0", 8, Ok(0)),
            ("61737.63000000", 2, Ok(6_173_763)),
            ("0.00000001", 8, Ok(1)),
            ("1e-8", 8, Ok(1)),
            ("1.5E3", 0, Ok(1500)),
            ("+2", 1, Ok(20)),
            ("1000000000000", 0, Ok(1_000_000_000_000)),
            ("1000000000000", 5, Ok(100_000_000_000_000_000)),
            ("1000000000000", 6, Err(Large)),
            ("999999999999999999", 0, Ok(999_999_999_999_999_999)),
            ("1000000000000000000", 0, Err(Large)),
            ("1e40", 0, Err(Large)),
            ("0.0000000000000000001", 8, Err(NumberProblem::Fine)),
            ("1e-19", 8, Err(NumberProblem::Fine)),
            ("0.1000000000000000000", 8, Ok(10_000_000)),
            ("0.001", 2, Err(Digits(3))),
            ("-1", 2, Err(Negative)),
            ("-0", 2, Ok(0)),
            ("NaN", 2, Err(NoNumber)),
            ("inf", 2, Err(NoNumber)),
            ("", 2, Err(NoNumber)),
            ("1,5", 2, Err(NoNumber)),
            ("1.2.3", 2, Err(NoNumber)),
        ];
        for (text, decimals, count) in cases {
            assert_eq!(parse(text.as_bytes(), *decimals), *count, "{text} at {decimals}");
        }
    }

    #[test]
    fn rounds_to_the_nearest_and_never_to_nothing() {
        let cases = [
            ("1.2867745400000001", 8, (128_677_454, true)),
            ("3.6859386599999997", 8, (368_593_866, true)),
            ("1.5", 8, (150_000_000, false)),
            ("0.005", 2, (1, true)),
            ("0.0049", 2, (1, true)),
            ("0.0000000000000000000001", 8, (1, true)),
            ("2.33333333333333333333333", 2, (233, true)),
            ("0", 2, (0, false)),
        ];
        for (text, decimals, rounded) in cases {
            let parsed = parse_rounded(text.as_bytes(), decimals, decimals);
            assert_eq!(parsed, Ok(rounded), "{text}");
        }
        assert_eq!(parse_rounded(b"0.12345", 2, 8), Err(NumberProblem::Digits(5)));
        assert_eq!(parse_rounded(b"-0.001", 2, 2), Err(NumberProblem::Negative));
        assert_eq!(parse_rounded(b"x", 2, 2), Err(NumberProblem::NoNumber));
    }

    #[test]
    fn the_shape_leaves_zeros_out() {
        assert_eq!(shape(b"61737.63000000"), Some((2, 5)));
        assert_eq!(shape(b"0.00000001"), Some((8, 0)));
        assert_eq!(shape(b"1e12"), Some((0, 13)));
        assert_eq!(shape(b"x"), None);
    }

    proptest! {
        /// Binary numbers of a file come back as the decimals that were meant.
        #[test]
        fn a_binary_number_is_the_decimal_that_was_meant(count in 0i64..1_000_000_000_000_000, decimals in 0u8..9) {
            let text = Decimal::new(count, u32::from(decimals)).to_string();
            let binary: f64 = text.parse().unwrap();
            prop_assert_eq!(parse(of_binary(binary).as_bytes(), decimals), Ok(count));
        }
    }
}

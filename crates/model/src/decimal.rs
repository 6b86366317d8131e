//! Exact decimal numbers: an `i128` count of 10⁻¹⁸.
//!
//! One fixed scale instead of one per number: adding and comparing are single machine operations,
//! equal numbers have equal bytes, and a value that cannot be held exactly is an error and not a
//! rounded surprise. The range is ±1.7 × 10²⁰ with 18 digits behind the point: prices of 10⁻⁸ and
//! quantities of 10¹² both fit, and so does a fee with more digits than the lot size.
//!
//! Left out on purpose: conversion from binary floating point and operators that can overflow
//! silently. `to_f64` exists for indicators and reports; nothing on the order path calls it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wide::{divide, divide_by_one, product};

/// Digits behind the decimal point.
pub const SCALE: u32 = 18;

const ONE: i128 = 10i128.pow(SCALE);

/// An exact decimal number. Arithmetic is checked: what cannot be represented is `None`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i128);

/// Which way to go when a result has more digits than can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Toward zero.
    Down,
    /// Away from zero: the choice for anything that is compared with a limit.
    Up,
}

/// Powers of ten up to the scale: a loop of multiplications each time would be felt.
const POWERS: [i128; SCALE as usize + 1] = {
    let mut powers = [1; SCALE as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal(0);
    /// One.
    pub const ONE: Decimal = Decimal(ONE);
    /// The largest number that can be held, about 1.7 × 10²⁰.
    pub const MAX: Decimal = Decimal(i128::MAX);

    /// `mantissa` × 10^-`decimals`. Panics when `decimals` is above 18, so that a wrong constant
    /// fails to compile where it is used in one.
    pub const fn new(mantissa: i64, decimals: u32) -> Decimal {
        assert!(decimals <= SCALE, "a Decimal holds 18 digits behind the point");
        // A product of 64 and 60 bits cannot overflow 128.
        Decimal((mantissa as i128).wrapping_mul(POWERS[(SCALE - decimals) as usize]))
    }

    /// Product of a mantissa that may exceed 64 bits and a power of ten; `None` if it does not fit.
    pub fn from_mantissa(mantissa: i128, decimals: u32) -> Option<Decimal> {
        if decimals <= SCALE {
            mantissa.checked_mul(10i128.pow(SCALE - decimals)).map(Decimal)
        } else {
            let divisor = 10i128.checked_pow(decimals - SCALE)?;
            (mantissa % divisor == 0).then(|| Decimal(mantissa / divisor))
        }
    }

    /// This number as a count of 10^-`decimals`. `None` if it has more digits than that or the
    /// count does not fit 64 bits.
    pub fn mantissa_at(self, decimals: u32) -> Option<i64> {
        let unit = POWERS[SCALE.checked_sub(decimals)? as usize];
        if self.0 % unit == 0 { i64::try_from(self.0 / unit).ok() } else { None }
    }

    /// This number as a count of 10⁻¹⁸: for stores that keep 18 digits behind the point, too.
    pub const fn count(self) -> i128 {
        self.0
    }

    /// How many digits behind the point this number needs, 0 to 18.
    pub fn decimals(self) -> u32 {
        if self.0 == 0 {
            return 0;
        }
        let mut rest = self.0;
        let mut zeros = 0;
        while rest % 10 == 0 && zeros < SCALE {
            rest /= 10;
            zeros += 1;
        }
        SCALE - zeros
    }

    /// Sum, or `None` on overflow.
    pub const fn checked_add(self, other: Decimal) -> Option<Decimal> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Decimal(sum)),
            None => None,
        }
    }

    /// Difference, or `None` on overflow.
    pub const fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Decimal(difference)),
            None => None,
        }
    }

    /// Product, rounded to 18 digits as told; `None` on overflow.
    pub fn checked_mul(self, other: Decimal, rounding: Rounding) -> Option<Decimal> {
        let (high, low) = product(self.0.unsigned_abs(), other.0.unsigned_abs());
        let (quotient, rest) = divide_by_one(high, low)?;
        finish(quotient, rest != 0, (self.0 < 0) != (other.0 < 0), rounding)
    }

    /// Product with a whole number: exact and without a division; `None` on overflow.
    pub const fn checked_times(self, factor: i64) -> Option<Decimal> {
        // Of 95 and 31 bits they cannot overflow, and asking whether they do costs a division.
        if self.0.unsigned_abs() < 1 << 95 && factor.unsigned_abs() < 1 << 31 {
            return Some(Decimal(self.0.wrapping_mul(factor as i128)));
        }
        match self.0.checked_mul(factor as i128) {
            Some(product) => Some(Decimal(product)),
            None => None,
        }
    }

    /// Quotient, rounded to 18 digits as told; `None` on overflow or division by zero.
    pub fn checked_div(self, other: Decimal, rounding: Rounding) -> Option<Decimal> {
        if other.0 == 0 {
            return None;
        }
        let (high, low) = product(self.0.unsigned_abs(), ONE as u128);
        let (quotient, rest) = divide(high, low, other.0.unsigned_abs())?;
        finish(quotient, rest != 0, (self.0 < 0) != (other.0 < 0), rounding)
    }

    /// The remainder of a division by `step`, with the sign of `self`. `None` if `step` is zero.
    pub const fn checked_rem(self, step: Decimal) -> Option<Decimal> {
        match self.0.checked_rem(step.0) {
            Some(rest) => Some(Decimal(rest)),
            None => None,
        }
    }

    /// The nearest multiple of `step` that is not further from zero. `None` if `step` is zero.
    pub fn down_to(self, step: Decimal) -> Option<Decimal> {
        self.checked_sub(self.checked_rem(step)?)
    }

    /// Rounded to at most `decimals` digits behind the point.
    pub fn round_to(self, decimals: u32, rounding: Rounding) -> Option<Decimal> {
        let unit = Decimal(10i128.pow(SCALE.saturating_sub(decimals)));
        let down = self.down_to(unit)?;
        if down == self || rounding == Rounding::Down {
            return Some(down);
        }
        if self.0 > 0 { down.checked_add(unit) } else { down.checked_sub(unit) }
    }

    /// Minus this number; `None` only for the smallest one.
    pub const fn checked_neg(self) -> Option<Decimal> {
        match self.0.checked_neg() {
            Some(negated) => Some(Decimal(negated)),
            None => None,
        }
    }

    /// Halved so many times, 127 at most; what is left of the last digit is cut off downwards.
    pub const fn halved(self, times: u32) -> Decimal {
        Decimal(self.0 >> if times > 127 { 127 } else { times })
    }

    /// Distance from zero; saturates for the smallest number.
    pub const fn abs(self) -> Decimal {
        Decimal(self.0.saturating_abs())
    }

    /// -1, 0 or 1.
    pub const fn signum(self) -> i32 {
        self.0.signum() as i32
    }

    /// Is this zero?
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The nearest binary floating point number: for indicators, charts and reports only.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// Reads ASCII digits: sign, digits, point, digits, exponent. No spaces, no separators.
    pub fn parse(text: &[u8]) -> Result<Decimal, ParseDecimalError> {
        parse(text)
    }
}

/// Why a text is not a [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDecimalError {
    /// No digit at all.
    #[error("a number has at least one digit")]
    Empty,
    /// A character that has no place in a decimal number.
    #[error("unexpected character at byte {0} of a number")]
    Character(usize),
    /// More than 18 digits behind the point, or more than 20 before it.
    #[error("number has too many digits to be held exactly")]
    Range,
}

fn finish(magnitude: u128, inexact: bool, negative: bool, rounding: Rounding) -> Option<Decimal> {
    let rounded =
        if inexact && rounding == Rounding::Up { magnitude.checked_add(1)? } else { magnitude };
    let value = i128::try_from(rounded).ok()?;
    Some(Decimal(if negative { -value } else { value }))
}

fn parse(text: &[u8]) -> Result<Decimal, ParseDecimalError> {
    let (negative, start) = match text.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        Some(_) => (false, 0),
        None => return Err(ParseDecimalError::Empty),
    };
    let mut mantissa: u64 = 0;
    let mut wide: u128 = 0;
    let mut digits = 0usize;
    let mut fraction = 0i32;
    let mut seen_point = false;
    let mut at = start;
    while at < text.len() {
        match text[at] {
            digit @ b'0'..=b'9' => {
                // Nineteen digits always fit a u64; only longer numbers pay for 128 bits.
                if digits < 19 {
                    mantissa = mantissa * 10 + u64::from(digit - b'0');
                    wide = u128::from(mantissa);
                } else {
                    wide = wide
                        .checked_mul(10)
                        .and_then(|w| w.checked_add(u128::from(digit - b'0')))
                        .ok_or(ParseDecimalError::Range)?;
                }
                digits += 1;
                fraction += i32::from(seen_point);
            }
            b'.' if !seen_point => seen_point = true,
            b'e' | b'E' if digits > 0 => {
                fraction -= parse_exponent(text, at + 1)?;
                break;
            }
            _ => return Err(ParseDecimalError::Character(at)),
        }
        at += 1;
    }
    if digits == 0 {
        return Err(ParseDecimalError::Empty);
    }
    let value = scale(wide, fraction)?;
    Ok(Decimal(if negative { -value } else { value }))
}

fn scale(wide: u128, fraction: i32) -> Result<i128, ParseDecimalError> {
    let mantissa = i128::try_from(wide).map_err(|_| ParseDecimalError::Range)?;
    if mantissa == 0 {
        return Ok(0);
    }
    let shift = SCALE as i32 - fraction;
    let power = |digits: u32| 10i128.checked_pow(digits).ok_or(ParseDecimalError::Range);
    if shift >= 0 {
        mantissa.checked_mul(power(shift as u32)?).ok_or(ParseDecimalError::Range)
    } else {
        let divisor = power(shift.unsigned_abs())?;
        if mantissa % divisor == 0 { Ok(mantissa / divisor) } else { Err(ParseDecimalError::Range) }
    }
}

fn parse_exponent(text: &[u8], from: usize) -> Result<i32, ParseDecimalError> {
    let digits = text.get(from..).and_then(|rest| std::str::from_utf8(rest).ok());
    let exponent: i32 =
        digits.and_then(|t| t.parse().ok()).ok_or(ParseDecimalError::Character(from))?;
    if exponent.abs() > 60 { Err(ParseDecimalError::Range) } else { Ok(exponent) }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Decimal, ParseDecimalError> {
        parse(text.as_bytes())
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Decimal {
        Decimal::new(whole, 0)
    }
}

/// Plain digits, never an exponent. `{:.8}` prints *at least* eight digits behind the point: the
/// format pads, it never rounds.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let whole = magnitude / ONE as u128;
        let mut fraction = (magnitude % ONE as u128) as u64;
        let mut digits = SCALE as usize;
        let least = f.precision().unwrap_or(0).min(SCALE as usize);
        while digits > least && fraction.is_multiple_of(10) {
            fraction /= 10;
            digits -= 1;
        }
        let mut buffer = [0u8; 64];
        let mut at = buffer.len();
        let mut put = |byte: u8| {
            at -= 1;
            buffer[at] = byte;
        };
        for _ in 0..digits {
            put(b'0' + (fraction % 10) as u8);
            fraction /= 10;
        }
        if digits > 0 {
            put(b'.');
        }
        let mut rest = whole;
        loop {
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let text = std::str::from_utf8(&buffer[at..]).map_err(|_| fmt::Error)?;
        // `pad` would take the precision for a maximum length, so only width and sign are left to
        // the caller, who has not asked for them so far.
        if self.0 < 0 {
            f.write_str("-")?;
        }
        f.write_str(text)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a string or a whole number. A number with a point has been through binary floating point
/// by the time a deserializer sees it, so it is refused.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number in quotes, such as \"0.001\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                parse(text.as_bytes()).map_err(|e| E::custom(format_args!("{e}: {text:?}")))
            }

            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Decimal, E> {
                Ok(Decimal::from(whole))
            }

            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Decimal, E> {
                i64::try_from(whole).map(Decimal::from).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn prints_what_it_read() {
        for text in ["0", "1", "-1", "0.00000001", "67234.12345678", "100000000000000000000"] {
            assert_eq!(d(text).to_string(), text);
        }
        assert_eq!(format!("{:.8}", d("1.5")), "1.50000000");
        assert_eq!(format!("{:.2}", d("1.5678")), "1.5678", "padding never rounds");
        assert_eq!(d("1e-8"), d("0.00000001"));
        assert_eq!(d("1.25E2"), d("125"));
        assert_eq!(d("1.50000000000000000000000"), d("1.5"), "zeros at the end carry nothing");
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        for text in ["", "-", ".", "1.2.3", "1,5", " 1", "1 ", "NaN", "inf", "0x1", "1e", "--1"] {
            assert!(text.parse::<Decimal>().is_err(), "{text:?}");
        }
        assert_eq!("0.0000000000000000001".parse::<Decimal>(), Err(ParseDecimalError::Range));
        assert_eq!("1000000000000000000000".parse::<Decimal>(), Err(ParseDecimalError::Range));
    }

    #[test]
    fn products_round_the_way_they_are_told() {
        let third = Decimal::ONE.checked_div(d("3"), Rounding::Down).unwrap();
        assert_eq!(third, d("0.333333333333333333"));
        let third_up = Decimal::ONE.checked_div(d("3"), Rounding::Up).unwrap();
        assert_eq!(third_up, d("0.333333333333333334"));
        assert_eq!(d("-1").checked_div(d("3"), Rounding::Up), Some(d("-0.333333333333333334")));
        assert_eq!(d("67234.5").checked_mul(d("0.002"), Rounding::Down), Some(d("134.469")));
        assert_eq!(
            d("1000000000000").checked_mul(d("0.00000001"), Rounding::Down),
            Some(d("10000"))
        );
        assert_eq!(Decimal::MAX.checked_mul(d("2"), Rounding::Down), None);
        assert_eq!(d("1").checked_div(Decimal::ZERO, Rounding::Down), None);
        assert_eq!(d("1.239").round_to(2, Rounding::Down), Some(d("1.23")));
        assert_eq!(d("1.231").round_to(2, Rounding::Up), Some(d("1.24")));
    }

    #[test]
    fn json_keeps_every_digit() {
        let text = "\"123456789012.123456789012345678\"";
        let number: Decimal = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), text);
        assert!(serde_json::from_str::<Decimal>("0.1").is_err(), "a float has lost its digits");
        assert_eq!(serde_json::from_str::<Decimal>("7").unwrap(), d("7"));
    }

    proptest! {
        #[test]
        fn text_round_trips(mantissa in any::<i64>(), decimals in 0u32..=18) {
            let number = Decimal::new(mantissa, decimals);
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
            if number.decimals() <= decimals {
                prop_assert_eq!(number.mantissa_at(decimals), Some(mantissa));
            }
        }

        /// The wide path is checked against itself split in parts that take the narrow path.
        #[test]
        fn multiplication_distributes(a in any::<i64>(), b in any::<i32>(), c in any::<i32>()) {
            let (a, b, c) = (Decimal::new(a, 6), Decimal::new(i64::from(b), 3), Decimal::new(i64::from(c), 3));
            let whole = a.checked_mul(b.checked_add(c).unwrap(), Rounding::Down);
            let parts = a.checked_mul(b, Rounding::Down).zip(a.checked_mul(c, Rounding::Down));
            prop_assert_eq!(whole, parts.and_then(|(x, y)| x.checked_add(y)));
        }

        #[test]
        fn division_undoes_multiplication(a in any::<i64>(), b in 1i64..1_000_000_000_000) {
            let (a, b) = (Decimal::new(a, 8), Decimal::new(b, 6));
            if let Some(product) = a.checked_mul(b, Rounding::Down) {
                prop_assert_eq!(product.checked_div(b, Rounding::Down), Some(a));
            }
        }
    }
}

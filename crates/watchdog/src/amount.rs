//! Money and quantities: exact to twelve digits behind the point, no binary floating point.
//!
//! The kill switch compares sums with limits, and sells on a grid that the exchange names; twelve digits
//! are four more than an exchange prints for what is worth looking at. What has more is cut off
//! towards zero. Sums that cannot be represented are `None`, and what cannot be computed trips.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const DIGITS: usize = 12;
const ONE: i128 = 1_000_000_000_000;
/// Texts that are longer are no numbers of an exchange.
const TEXT_MAX: usize = 64;

/// A sum, a price or a quantity; may be below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// The largest there is: stands for what cannot be represented.
    pub const MAX: Amount = Amount(i128::MAX);

    /// A whole number.
    pub const fn whole(number: i64) -> Amount {
        Amount(number as i128 * ONE)
    }

    /// From decimal text, as in `-12.50`. `None` for everything else, exponents too.
    pub fn parse(text: &str) -> Option<Amount> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || text.len() > TEXT_MAX || !is_number(whole) || !is_number(part) {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let part = format!("{:0<DIGITS$}", part.get(..DIGITS).unwrap_or(part));
        let value = whole.checked_mul(ONE)?.checked_add(part.parse().ok()?)?;
        Some(Amount(if negative { -value } else { value }))
    }

    /// The sum.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// The product, cut off towards zero.
    pub fn checked_mul(self, other: Amount) -> Option<Amount> {
        let (whole, part) = (self.0 / ONE, self.0 % ONE);
        let whole = whole.checked_mul(other.0)?;
        let part = part.checked_mul(other.0)? / ONE;
        whole.checked_add(part).map(Amount)
    }

    /// The quotient, cut off towards zero; `None` for a divisor of zero.
    pub fn checked_div(self, other: Amount) -> Option<Amount> {
        let (whole, rest) = (self.0.checked_div(other.0)?, self.0.checked_rem(other.0)?);
        let part = rest.checked_mul(ONE)?.checked_div(other.0)?;
        whole.checked_mul(ONE)?.checked_add(part).map(Amount)
    }

    /// So many ten-thousandths of it.
    pub fn bps(self, bps: u32) -> Option<Amount> {
        self.0.checked_mul(i128::from(bps)).map(|sum| Amount(sum / 10_000))
    }

    /// The largest multiple of `step` that is not above it; itself for a step of zero.
    pub fn down_to(self, step: Amount) -> Amount {
        if step.0 <= 0 { self } else { Amount(self.0 - self.0.rem_euclid(step.0)) }
    }

    /// Without its sign.
    pub fn abs(self) -> Amount {
        Amount(self.0.saturating_abs())
    }

    /// Above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) =
            (self.0.unsigned_abs() / ONE as u128, self.0.unsigned_abs() % ONE as u128);
        let part = format!("{part:0DIGITS$}");
        match part.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            part => write!(f, "{sign}{whole}.{part}"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text: a number of JSON or TOML may have been through binary floating point.
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let text = String::deserialize(deserializer)?;
        Amount::parse(&text)
            .ok_or_else(|| de::Error::custom("is no decimal number in quotes, as in \"1250.50\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn texts_and_numbers() {
        for (text, printed) in [
            ("0", "0"),
            ("0.00000000", "0"),
            ("61234.50000000", "61234.5"),
            ("-0.000000000001", "-0.000000000001"),
            ("1.0000000000019", "1.000000000001"),
            ("1000000000000", "1000000000000"),
        ] {
            assert_eq!(amount(text).to_string(), printed, "{text}");
        }
        for text in ["", "-", ".5", "1e3", "+1", "1,5", "NaN", "0x1", " 1", "--1", "1.2.3"] {
            assert_eq!(Amount::parse(text), None, "{text:?}");
        }
        let huge = "9".repeat(40);
        assert_eq!(Amount::parse(&huge), None);
    }

    #[test]
    fn sums() {
        assert_eq!(
            amount("0.00000001").checked_mul(amount("1000000000000")),
            Some(amount("10000"))
        );
        assert_eq!(amount("-1.5").checked_mul(amount("2")), Some(amount("-3")));
        assert_eq!(amount("100000000000000").checked_mul(amount("100000000000000")), None);
        assert_eq!(amount("1").checked_div(amount("3")), Some(amount("0.333333333333")));
        assert_eq!(amount("1").checked_div(Amount::ZERO), None);
        assert_eq!(amount("200").bps(250), Some(amount("5")));
        assert_eq!(amount("0.123456").down_to(amount("0.001")), amount("0.123"));
        assert_eq!(amount("5").down_to(Amount::ZERO), amount("5"));
    }
}

//! Coinbase's JSON as Coinbase prints it, under Coinbase's names, so that its pages and these
//! structs read side by side. Each struct is read by the client side and written by the server
//! side. Fields that are newer than some recordings have defaults; unknown fields never fail.
//!
//! Source: Advanced Trade API reference (`orders`, `products`, `public`, `accounts`, `fees`,
//! `data-api`) and `websocket-channels.md`, state of 2026-06-27, read 2026-08-08.

mod account;
mod market;
mod order;
mod stream;

use std::fmt;

use model::{Decimal, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

pub use account::*;
pub use market::*;
pub use order::*;
pub use stream::*;

/// A decimal in quotes; the empty text is "unset".
///
/// Averages come with more digits than a [`Decimal`] has; what is behind the eighteenth is cut off.
/// Whole numbers without quotes are read, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Num(pub Option<Decimal>);

impl Num {
    /// Nothing stands there.
    pub const UNSET: Num = Num(None);

    /// Is nothing there?
    pub const fn is_unset(&self) -> bool {
        self.0.is_none()
    }

    /// The number; unset is zero.
    pub fn or_zero(self) -> Decimal {
        self.0.unwrap_or(Decimal::ZERO)
    }

    /// The number, when it is there and above zero: prices are `""` or `"0"` where there is none.
    pub fn above_zero(self) -> Option<Decimal> {
        self.0.filter(|number| number.signum() > 0)
    }

    fn parse(text: &str) -> Option<Num> {
        if text.is_empty() {
            return Some(Num::UNSET);
        }
        let cut = || {
            let point = text.find('.')?;
            let digits = text.get(point + 1..)?;
            let long = digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
            long.then(|| text.get(..point + 19)).flatten()
        };
        let parse = |text: &str| Decimal::parse(text.as_bytes()).ok();
        parse(text).or_else(|| parse(cut()?)).map(|number| Num(Some(number)))
    }
}

impl<T: Into<Decimal>> From<T> for Num {
    fn from(number: T) -> Num {
        Num(Some(number.into()))
    }
}

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |number| number.fmt(f))
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Num, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Num;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number in quotes, or an empty text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Num, E> {
                Num::parse(text).ok_or_else(|| E::custom(format_args!("no number: {text:?}")))
            }

            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Num, E> {
                Ok(Num(Some(Decimal::from(whole))))
            }

            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Num, E> {
                i64::try_from(whole).map(|whole| Num(Some(Decimal::from(whole)))).map_err(E::custom)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Num, E> {
                Ok(Num::UNSET)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A decimal without quotes, as a few totals are printed. Read and written digit by digit: a JSON
/// number is not a binary one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bare(pub Decimal);

impl Serialize for Bare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string());
        raw.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bare, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let number = Num::parse(raw.get().trim_matches('"'));
        let number = number.ok_or_else(|| de::Error::custom("no number"))?;
        Ok(Bare(number.or_zero()))
    }
}

/// A time in RFC 3339, UTC, with up to nine digits behind the second. "Never" is the year 1, null
/// or an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub Option<Timestamp>);

/// What Coinbase prints for "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Time {
        Time(Some(at))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(at) => at.fmt(f),
            None => f.write_str(NEVER),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        match text.as_deref() {
            None | Some("" | NEVER) => Ok(Time(None)),
            Some(text) => Timestamp::parse_rfc3339(text.as_bytes())
                .map(Time::from)
                .ok_or_else(|| de::Error::custom(format_args!("no time: {text:?}"))),
        }
    }
}

#[cfg(test)]
mod tests;

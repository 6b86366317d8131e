//! Names: of venues, instruments, assets, agents, orders and trades.
//!
//! Each is a short ASCII text held in place, so that ids are `Copy`, compare by content and print
//! as themselves in every record. Each kind is its own type.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is not a valid id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?}: {problem}")]
pub struct IdError {
    /// Which kind of id was wanted.
    pub kind: &'static str,
    /// The offending text, cut to 64 characters.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $capacity:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ArrayString<$capacity>);

        impl $name {
            /// The longest text of this kind, in bytes.
            pub const LEN_MAX: usize = $capacity;

            /// Checks and takes a text.
            pub fn new(text: &str) -> Result<$name, IdError> {
                let allowed: fn(char) -> bool = $allowed;
                let fail = |problem: String| IdError {
                    kind: $kind,
                    text: text.chars().take(64).collect(),
                    problem,
                };
                if text.is_empty() {
                    return Err(fail("is empty".into()));
                }
                if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
                    return Err(fail(format!("{bad:?} is not allowed")));
                }
                let inline = ArrayString::from(text)
                    .map_err(|_| fail(format!("is longer than {} bytes", $capacity)))?;
                Ok($name(inline))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = ArrayString::<$capacity>::deserialize(deserializer)?;
                $name::new(text.as_str()).map_err(de::Error::custom)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<$name, IdError> {
                $name::new(text)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                $name::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Venues list tokens with names outside ASCII, so letters of any script are names.
fn name(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_' || c == '.'
}

fn printable(c: char) -> bool {
    c.is_ascii_graphic()
}

id!(
    /// A configured venue, as named in the configuration: `binance`.
    VenueId,
    "venue",
    16,
    name
);
id!(
    /// What is traded, without the venue: `BTC-USDT`, `BTC-USDT-PERP`. Base and quote joined by a
    /// dash; a venue's own text for it is `Instrument::symbol`.
    InstrumentId,
    "instrument",
    32,
    name
);
id!(
    /// A currency or token: `BTC`.
    Asset,
    "asset",
    16,
    |c| c.is_alphanumeric() || c == '.' || c == '_' || c == '$'
);
id!(
    /// One running strategy.
    AgentId,
    "agent",
    16,
    name
);
id!(
    /// An account at a simulated venue: its API key.
    AccountId,
    "account",
    128,
    printable
);
id!(
    /// Ours, made before an order is sent, and never used twice. Venues differ in how long it may
    /// be; the longest one seen is CCXT's at Coinbase, 41 characters.
    ClientOrderId,
    "client order id",
    44,
    printable
);
id!(
    /// The venue's name for an order.
    VenueOrderId,
    "venue order id",
    40,
    printable
);
id!(
    /// The venue's name for one execution; unique within venue and instrument.
    TradeId,
    "trade id",
    40,
    printable
);

impl VenueOrderId {
    /// Many venues count.
    pub fn from_number(number: u64) -> VenueOrderId {
        VenueOrderId(inline_number(number))
    }
}

impl TradeId {
    /// Many venues count.
    pub fn from_number(number: u64) -> TradeId {
        TradeId(inline_number(number))
    }
}

/// The longest client order id that every venue takes.
const SHARED_LEN_MAX: usize = 36;

/// Decimal digits of a number; twenty always fit.
fn inline_number(mut number: u64) -> ArrayString<40> {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let mut text = ArrayString::new();
    for digit in &digits[at..] {
        text.push(char::from(*digit));
    }
    text
}

impl InstrumentId {
    /// The spot instrument of two assets.
    pub fn spot(base: Asset, quote: Asset) -> Result<InstrumentId, IdError> {
        InstrumentId::new(&format!("{base}-{quote}"))
    }

    /// Base and quote, as the name says them: the first two parts of `BTC-USDT` and
    /// `BTC-USDT-PERP`. `None` for a name without a dash.
    pub fn assets(&self) -> Option<(Asset, Asset)> {
        let mut parts = self.as_str().split('-');
        let base = Asset::new(parts.next()?).ok()?;
        Some((base, Asset::new(parts.next()?).ok()?))
    }
}

/// Client order ids of one gateway session: agent, session and a counter, never reused.
///
/// The session number comes from the store and grows with every start, so that an id of an earlier
/// life cannot come back. `ema-cross` in session 12 makes `ema-cross-c-1`, `ema-cross-c-2`, …; the
/// session is written in base 36 to leave room. Letters, digits and dashes only: the alphabet all
/// venues share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIdSequence {
    /// The store's number of this start.
    pub session: u64,
    /// Ids given out so far.
    pub used: u64,
}

impl OrderIdSequence {
    /// The next id for this agent. `None` when counter, session and agent no longer fit 36
    /// characters, which takes 10¹² orders of an agent whose name has 16 letters.
    pub fn next(&mut self, agent: AgentId) -> Option<ClientOrderId> {
        use fmt::Write as _;
        self.used = self.used.checked_add(1)?;
        let mut text = ArrayString::new();
        for c in agent.as_str().chars() {
            text.try_push(if c.is_ascii_alphanumeric() { c } else { '-' }).ok()?;
        }
        write!(text, "-{}-{}", Base36(self.session), Base36(self.used)).ok()?;
        (text.len() <= SHARED_LEN_MAX).then_some(ClientOrderId(text))
    }
}

struct Base36(u64);

impl fmt::Display for Base36 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0u8; 13];
        let mut at = digits.len();
        let mut rest = self.0;
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        f.write_str(std::str::from_utf8(&digits[at..]).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_is_wrong_with_them() {
        assert_eq!(Asset::new("BTC").unwrap().as_str(), "BTC");
        for (text, problem) in
            [("", "is empty"), ("B TC", "' ' is not allowed"), (&"B".repeat(17), "longer")]
        {
            assert!(Asset::new(text).unwrap_err().to_string().contains(problem));
        }
        assert!(ClientOrderId::new(&"x".repeat(44)).is_ok());
        let mut last = OrderIdSequence { session: u64::MAX, used: 36u64.pow(5) - 2 };
        let agent = AgentId::new("sixteen-letters-").unwrap();
        assert_eq!(last.next(agent).map(|id| id.as_str().len()), Some(36));
        assert_eq!(last.next(agent), None, "one letter more than every venue takes");
        assert_eq!(VenueOrderId::from_number(u64::MAX).as_str(), u64::MAX.to_string());
        assert_eq!(TradeId::from_number(0).as_str(), "0");
    }

    #[test]
    fn client_order_ids_never_repeat_across_sessions() {
        let agent = AgentId::new("market.maker").unwrap();
        let mut first = OrderIdSequence { session: 1, used: 0 };
        let mut second = OrderIdSequence { session: 11, used: 0 };
        let a: Vec<_> = (0..100).map(|_| first.next(agent).unwrap()).collect();
        let b: Vec<_> = (0..100).map(|_| second.next(agent).unwrap()).collect();
        assert_eq!(a[0].as_str(), "market-maker-1-1");
        assert_eq!(b[99].as_str(), "market-maker-b-2s");
        let mut all: Vec<_> = a.into_iter().chain(b).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn ids_survive_json() {
        let id = ClientOrderId::new("ema-1-1").unwrap();
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ClientOrderId>(&text).unwrap(), id);
    }
}

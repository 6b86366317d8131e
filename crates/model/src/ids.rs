//! Names: of venues, instruments, assets, agents, orders and trades.
//!
//! Each is a short text held in place (`padded.rs`), so that ids are `Copy`, compare by content and print
//! as themselves in every record. Each kind is its own type.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::padded::Padded;

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
        pub struct $name(Padded<$capacity>);

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
                let padded = Padded::new(text)
                    .ok_or_else(|| fail(format!("is longer than {} bytes", $capacity)))?;
                Ok($name(padded))
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

id!(
    /// Names the limits in force: sixteen hexadecimal digits, made from what they say, so that the same
    /// limits have the same name.
    LimitsVersion,
    "limits version",
    16,
    |c| c.is_ascii_hexdigit()
);

impl LimitsVersion {
    /// The name that a number makes.
    pub fn from_number(number: u64) -> LimitsVersion {
        let mut text = ArrayString::new();
        for at in (0..16).rev() {
            let digit = (number >> (4 * at)) & 15;
            text.push(char::from(b"0123456789abcdef"[digit as usize]));
        }
        LimitsVersion(Padded::of(&text))
    }
}

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
fn inline_number(mut number: u64) -> Padded<40> {
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
    Padded::of(&text)
}

impl InstrumentId {
    /// The spot instrument of two assets.
    pub fn spot(base: Asset, quote: Asset) -> Result<InstrumentId, IdError> {
        InstrumentId::new(&format!("{base}-{quote}"))
    }

    /// Base and quote, as the name says them: the first two parts of `BTC-USDT` and
    /// `BTC-USDT-PERP`. `None` for a name without a dash.
    pub fn assets(&self) -> Option<(Asset, Asset)> {
        // All that a name of an instrument holds but the dash may be in one of an asset.
        let mut parts = self.0.parts(b'-');
        let mut asset = || Padded::of_part(parts.next()?).map(Asset);
        Some((asset()?, asset()?))
    }
}

/// What tells the orders of one store from those of every other: drawn when the store is made and kept
/// in it. Five letters and digits, one of sixty million.
///
/// A store's session numbers begin at 1. Without this the first order of a new store would have the
/// name of the first order of a lost one, and could be taken for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreTag(u32);

/// Letters and digits of a [`StoreTag`].
const STORE_LEN: usize = 5;

impl StoreTag {
    const COUNT: u64 = 36u64.pow(5);

    /// The tag of any number; numbers drawn at random make tags that hardly ever meet.
    pub const fn new(number: u64) -> StoreTag {
        // Less than 36⁵, which fits.
        StoreTag((number % StoreTag::COUNT) as u32)
    }

    /// A number that makes this tag again.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Five letters and digits.
impl fmt::Display for StoreTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base36 { number: u64::from(self.0), width: STORE_LEN }.fmt(f)
    }
}

/// Client order ids of one gateway session: agent, store, session and a counter, never reused.
///
/// The session number comes from the store and grows with every start, so that an id of an earlier
/// life cannot come back; the store's tag keeps apart the stores of one account. `ema-cross` in session
/// 12 of store `k3f9z` makes `ema-cross-k3f9z-c-1`, `ema-cross-k3f9z-c-2`, …; numbers are written in base
/// 36 to leave room. Small letters, digits and dashes only: the alphabet all venues share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIdSequence {
    /// Whose numbers these are.
    #[serde(default)]
    pub store: StoreTag,
    /// The store's number of this start.
    pub session: u64,
    /// Ids given out so far.
    pub used: u64,
}

impl OrderIdSequence {
    /// The next id for this agent, of at most so many characters: the agent's name is cut to the room
    /// that the numbers leave, because they alone make an id. `None` when not even one letter of it fits,
    /// which takes 10¹² orders of the thousandth session where there are 18 characters.
    pub fn next(&mut self, agent: AgentId, len_max: usize) -> Option<ClientOrderId> {
        use fmt::Write as _;
        self.used = self.used.checked_add(1)?;
        let number = |number| Base36 { number, width: 1 };
        let mut numbers = ArrayString::<SHARED_LEN_MAX>::new();
        write!(numbers, "-{}-{}-{}", self.store, number(self.session), number(self.used)).ok()?;
        let room =
            len_max.min(SHARED_LEN_MAX).checked_sub(numbers.len()).filter(|room| *room > 0)?;
        let mut text = ArrayString::new();
        for c in agent.as_str().chars().take(room) {
            let c = c.to_ascii_lowercase();
            text.try_push(if c.is_ascii_alphanumeric() { c } else { '-' }).ok()?;
        }
        text.try_push_str(&numbers).ok()?;
        Some(ClientOrderId(Padded::of(&text)))
    }

    /// Session and counter of an id of this store, whichever session gave it out; `None` for any other
    /// name.
    pub fn place(&self, id: &ClientOrderId) -> Option<(u64, u64)> {
        let mut parts = id.as_str().rsplitn(4, '-');
        let (used, session, store) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        let number = |text: &str| {
            let is_digit = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
            if text.chars().all(is_digit) { u64::from_str_radix(text, 36).ok() } else { None }
        };
        let same = store.len() == STORE_LEN && number(store) == Some(self.store.number().into());
        if same { Some((number(session)?, number(used)?)) } else { None }
    }

    /// Was this id given out by a gateway of this store, and not by one that this sequence knows of? Then
    /// it is later than all of them.
    pub fn is_unmade(&self, id: &ClientOrderId) -> bool {
        self.place(id).is_some_and(|place| place > (self.session, self.used))
    }
}

/// At least `width` digits, 13 at most.
struct Base36 {
    number: u64,
    width: usize,
}

impl fmt::Display for Base36 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0u8; 13];
        let mut at = digits.len();
        let mut rest = self.number;
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
            rest /= 36;
            if at == 0 || (rest == 0 && digits.len() - at >= self.width) {
                break;
            }
        }
        f.write_str(std::str::from_utf8(&digits[at..]).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        let store = StoreTag::default();
        let session = 36u64.pow(7) - 1;
        let mut last = OrderIdSequence { store, session, used: 36u64.pow(5) - 2 };
        let agent = AgentId::new("sixteen-letters-").unwrap();
        assert_eq!(last.next(agent, 36).map(|id| id.as_str().len()), Some(36));
        let cut = last.next(agent, 36).unwrap();
        assert_eq!((cut.as_str().len(), &cut.as_str()[..16]), (36, "sixteen-letters-"));
        let mut late = OrderIdSequence { store, session: 12, used: 40_000 };
        assert_eq!(late.next(agent, 18).unwrap().as_str(), "sixtee-00000-c-uv5");
        assert_eq!(late.next(agent, 12), None, "no room for a letter of the agent's");
        assert_eq!(VenueOrderId::from_number(u64::MAX).as_str(), u64::MAX.to_string());
        assert_eq!(TradeId::from_number(0).as_str(), "0");
    }

    #[test]
    fn client_order_ids_never_repeat_across_sessions_and_stores() {
        let agent = AgentId::new("Market.Maker").unwrap();
        let mut all = Vec::new();
        for (store, session) in [(0, 1), (0, 11), (StoreTag::COUNT - 1, 1), (46_655, 11)] {
            let store = StoreTag::new(store);
            let mut ids = OrderIdSequence { store, session, used: 0 };
            all.extend((0..100).map(|_| ids.next(agent, 36).unwrap()));
        }
        assert_eq!(all[0].as_str(), "market-maker-00000-1-1");
        assert_eq!(all[199].as_str(), "market-maker-00000-b-2s");
        assert_eq!(all[200].as_str(), "market-maker-zzzzz-1-1");
        assert_eq!(all[300].as_str(), "market-maker-00zzz-b-1");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 400);
    }

    #[test]
    fn an_id_tells_which_session_of_which_store_gave_it_out() {
        let agent = AgentId::new("market-maker").unwrap();
        let mut ids = OrderIdSequence { store: StoreTag::new(7), session: 40, used: 1_295 };
        let id = ids.next(agent, 36).unwrap();
        assert_eq!((id.as_str(), ids.place(&id)), ("market-maker-00007-14-100", Some((40, 1_296))));
        for (text, place, unmade) in [
            ("x-00007-14-101", Some((40, 1_297)), true),
            ("x-00007-15-1", Some((41, 1)), true),
            ("x-00007-z-zzzz", Some((35, 1_679_615)), false),
            ("x-00008-15-1", None, false),
            ("00007-15-1", None, false),
            ("x-7-15-1", None, false),
            ("x-00007-15-", None, false),
            ("x-00007-15-A", None, false),
            ("x-00007-15-zzzzzzzzzzzzzzz", None, false),
            ("web_1a2b", None, false),
        ] {
            let id = ClientOrderId::new(text).unwrap();
            assert_eq!((ids.place(&id), ids.is_unmade(&id)), (place, unmade), "{text}");
        }
    }

    /// The longest name, the thousandth session and 10¹² orders.
    #[test]
    fn there_is_room_for_a_long_life() {
        let agent = AgentId::new("sixteen-letters-").unwrap();
        let used = 1_000_000_000_000;
        let mut ids = OrderIdSequence { store: StoreTag::new(u64::MAX), session: 1_000, used };
        assert!(ids.next(agent, 36).is_some());
    }

    proptest! {
        /// The twin: each part read as a name of its own.
        #[test]
        fn an_instrument_names_its_assets(name in "[A-Z0-9._é-]{1,32}") {
            let Ok(id) = InstrumentId::new(&name) else { return Ok(()) };
            let mut parts = name.split('-').map(|part| Asset::new(part).ok());
            let (base, quote) = (parts.next().flatten(), parts.next().flatten());
            prop_assert_eq!(id.assets(), base.zip(quote));
        }
    }

    #[test]
    fn ids_survive_json() {
        let id = ClientOrderId::new("ema-1-1").unwrap();
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ClientOrderId>(&text).unwrap(), id);
    }
}

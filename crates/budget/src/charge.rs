//! What a request costs, and for whom it is counted.

use arrayvec::ArrayVec;
use model::Timestamp;

use crate::rule::{Counted, Scope};

/// Kinds of cost that one request can have.
pub const ITEMS_MAX: usize = 4;

/// For whom a request is counted. Names are numbers made with [`key`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// The account, user or API key.
    pub account: u64,
    /// The instrument.
    pub instrument: u64,
    /// The WebSocket connection.
    pub socket: u64,
}

impl Keys {
    pub(crate) fn of(&self, scope: Scope) -> u64 {
        match scope {
            Scope::Address => 0,
            Scope::Account => self.account,
            // Two names that fall together share a count, which is only more careful.
            Scope::Instrument => self.account.rotate_left(32) ^ self.instrument,
            Scope::Socket => self.socket,
        }
    }
}

/// A name as a number: FNV-1a, 64 bits, the same in every process and version.
pub fn key(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What one request costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    pub(crate) keys: Keys,
    pub(crate) items: ArrayVec<(Counted, u32), ITEMS_MAX>,
}

impl Charge {
    /// Nothing yet, counted for these.
    pub fn new(keys: Keys) -> Charge {
        Charge { keys, items: ArrayVec::new() }
    }

    /// And this much of that. Said twice of one thing it adds up.
    ///
    /// # Panics
    ///
    /// With more than [`ITEMS_MAX`] different things: no venue counts so many for one request.
    #[must_use]
    pub fn with(mut self, counts: Counted, amount: u32) -> Charge {
        match self.items.iter_mut().find(|(known, _)| *known == counts) {
            Some((_, known)) => *known = known.saturating_add(amount),
            None => self.items.push((counts, amount)),
        }
        self
    }

    /// How much of this it costs.
    pub fn amount(&self, counts: Counted) -> u32 {
        self.items.iter().find(|(known, _)| *known == counts).map_or(0, |(_, amount)| *amount)
    }
}

/// A charge that was booked. It is settled by what the venue answers; a lost one stays booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(crate) at: Timestamp,
    pub(crate) charge: Charge,
}

impl Grant {
    /// What it paid for.
    pub fn charge(&self) -> &Charge {
        &self.charge
    }

    /// When it was given, by the host's clock.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_as_published() {
        // Test vectors of FNV-1a, 64 bits (draft-eastlake-fnv, appendix C).
        assert_eq!(key(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(key("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(key("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_same_thing_twice_adds_up() {
        let charge = Charge::new(Keys::default()).with(Counted::Weight, 2).with(Counted::Weight, 3);
        assert_eq!((charge.amount(Counted::Weight), charge.amount(Counted::Order)), (5, 0));
    }
}

//! What a store keeps, in memory, and what can become of it. For simulation: what is read back has to be what
//! was written, and whatever was changed has to be found.

use std::path::PathBuf;

use model::Entry;

use crate::chain::{self, Hash};
use crate::place::Place;
use crate::storage::StoreError;
use crate::text;
use crate::walk::Walk;

/// A journal as texts and hashes, an entry each, as in a file or on a server.
#[derive(Clone, Debug)]
pub struct Tape {
    rows: Vec<Row>,
    place: Place,
    #[cfg(feature = "defects")]
    trusting: bool,
}

#[derive(Clone, Debug)]
struct Row {
    seq: u64,
    body: Vec<u8>,
    hash: Hash,
}

/// What becomes of an entry, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One bit of its text or its hash, by number, is another one; the numbers begin again at their end.
    Flipped {
        /// Which entry.
        seq: u64,
        /// Which bit.
        bit: u64,
    },
    /// It is not there.
    Missing {
        /// Which entry.
        seq: u64,
    },
    /// It and the next one have each other's place.
    Exchanged {
        /// The first of the two.
        seq: u64,
    },
}

impl Default for Tape {
    fn default() -> Tape {
        Tape {
            rows: Vec::new(),
            place: Place::File(PathBuf::from("a tape")),
            #[cfg(feature = "defects")]
            trusting: false,
        }
    }
}

impl Tape {
    /// Writes one more entry. An error when it cannot be said as a text.
    pub fn push(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let body = serde_json::to_vec(entry)
            .map_err(|error| StoreError::unusable(self.place.clone(), error))?;
        let before = self.rows.last().map_or(chain::START, |row| row.hash);
        let hash = chain::next(&before, &body);
        self.rows.push(Row { seq: self.last() + 1, body, hash });
        Ok(())
    }

    /// Number of the last entry; 0 when there is none.
    pub fn last(&self) -> u64 {
        self.rows.last().map_or(0, |row| row.seq)
    }

    /// Reads what comes behind an entry, as the stores do: each has to follow the one before it.
    pub fn read(
        &self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut walk = Walk::behind(&self.place, after, (0, chain::START));
        #[cfg(feature = "defects")]
        walk.trust(self.trusting);
        let start = self.rows.partition_point(|row| row.seq < walk.next());
        for row in &self.rows[start..] {
            let seq = walk.is_next(Some(row.seq))?;
            if walk.follow(&row.body, row.hash)? {
                each(seq, self.entry(row)?)?;
            }
        }
        Ok(())
    }

    fn entry(&self, row: &Row) -> Result<Entry, StoreError> {
        let damaged = |problem: String| StoreError::damaged(self.place.clone(), row.seq, problem);
        let body = std::str::from_utf8(&row.body).map_err(|error| damaged(error.to_string()))?;
        text::read(body).map_err(|error| damaged(error.to_string()))
    }

    /// A copy of this entry and all behind it, to be read behind it.
    pub fn tail(&self, seq: u64) -> Tape {
        let start = self.rows.partition_point(|row| row.seq < seq);
        Tape { rows: self.rows[start..].to_vec(), ..self.without_rows() }
    }

    fn without_rows(&self) -> Tape {
        Tape {
            rows: Vec::new(),
            place: self.place.clone(),
            #[cfg(feature = "defects")]
            trusting: self.trusting,
        }
    }

    /// A deliberate bug: read without its chain.
    #[cfg(feature = "defects")]
    pub fn trusting(self) -> Tape {
        Tape { trusting: true, ..self }
    }

    /// Something becomes of an entry; nothing where it is not there.
    pub fn damage(&mut self, damage: Damage) {
        let (Damage::Flipped { seq, .. } | Damage::Missing { seq } | Damage::Exchanged { seq }) =
            damage;
        let Ok(at) = self.rows.binary_search_by_key(&seq, |row| row.seq) else { return };
        match damage {
            Damage::Missing { .. } => {
                self.rows.remove(at);
            }
            Damage::Flipped { bit, .. } => {
                let Row { body, hash, .. } = &mut self.rows[at];
                let bits = 8 * (body.len() + hash.len()) as u64;
                let (byte, bit) = (usize::try_from(bit % bits / 8).unwrap_or(0), bit % 8);
                let byte = match byte.checked_sub(body.len()) {
                    Some(byte) => &mut hash[byte],
                    None => &mut body[byte],
                };
                *byte ^= 1 << bit;
            }
            Damage::Exchanged { .. } => {
                if let [first, second, ..] = &mut self.rows[at..] {
                    std::mem::swap(first, second);
                    std::mem::swap(&mut first.seq, &mut second.seq);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::sample;

    fn tape() -> Tape {
        let mut tape = Tape::default();
        sample().iter().for_each(|entry| tape.push(entry).unwrap());
        tape
    }

    fn read(tape: &Tape, after: u64) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        tape.read(after, &mut |_, entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    #[test]
    fn what_was_written_is_read() {
        let (tape, written) = (tape(), sample());
        assert_eq!(read(&tape, 0).unwrap(), written);
        assert_eq!(read(&tape, 5).unwrap(), written[5..]);
        assert_eq!(read(&tape.tail(5), 5).unwrap(), written[5..]);
        assert_eq!(read(&tape, tape.last()).unwrap(), []);
    }

    /// Each bit of an entry, each entry that is missing, each two that are exchanged.
    #[test]
    fn whatever_is_changed_is_found_where_it_is() {
        let whole = tape();
        let flips = (0..3_000).map(|bit| Damage::Flipped { seq: 3, bit });
        let missing = (1..whole.last()).map(|seq| Damage::Missing { seq });
        let exchanged = (1..whole.last()).map(|seq| Damage::Exchanged { seq });
        for damage in flips.chain(missing).chain(exchanged) {
            let mut tape = whole.clone();
            tape.damage(damage);
            let (Damage::Flipped { seq, .. } | Damage::Missing { seq } | Damage::Exchanged { seq }) =
                damage;
            match read(&tape, 0) {
                Err(StoreError::Damaged { seq: found, .. }) => assert_eq!(found, seq, "{damage:?}"),
                other => panic!("{damage:?}: {other:?}"),
            }
        }
    }
}

//! Numbers of the messages of one connection: one counter over all its channels, acknowledgements and
//! heartbeats included.
//!
//! The page says "for each product"; recordings show one counter for each connection, and clients that
//! check it check it so (JKorf/Coinbase.Net and gocryptotrader, read 2026-08-08).

/// Watches the numbers of one connection. A new connection takes a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    next: Option<u64>,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceStep {
    /// It follows the last one.
    Next,
    /// Messages are missing, and of which channel nobody can say: no book of this connection is known
    /// any more, and no order's state.
    Gap {
        /// First number that is missing.
        expected: u64,
        /// What came instead.
        got: u64,
    },
    /// Seen before, or late: to be dropped.
    Duplicate,
}

impl Sequence {
    /// A message of this number came. The first one may have any number: what came before it was
    /// before any snapshot.
    pub fn take(&mut self, number: u64) -> SequenceStep {
        let expected = self.next.unwrap_or(number);
        if number < expected {
            return SequenceStep::Duplicate;
        }
        self.next = number.checked_add(1);
        if number > expected {
            return SequenceStep::Gap { expected, got: number };
        }
        SequenceStep::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_a_connection() {
        let gap = |expected, got| SequenceStep::Gap { expected, got };
        let mut sequence = Sequence::default();
        for (number, step) in [
            (3, SequenceStep::Next),
            (4, SequenceStep::Next),
            (4, SequenceStep::Duplicate),
            (3, SequenceStep::Duplicate),
            (6, gap(5, 6)),
            (5, SequenceStep::Duplicate),
            (7, SequenceStep::Next),
            (9, gap(8, 9)),
        ] {
            assert_eq!(sequence.take(number), step, "{number}");
        }
        let mut last = Sequence::default();
        assert_eq!(last.take(u64::MAX), SequenceStep::Next);
    }
}

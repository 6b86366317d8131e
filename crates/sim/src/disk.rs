//! The durable journal, as a model: records are handed over, written together, and durable some time later.
//! What is not durable when the gateway is killed never was.
//!
//! The write that is under way then is one transaction: it is there as a whole, or not at all. On disks that
//! turn bits over the journal is kept as the texts and hashes that a store keeps, and a restart reads it back.

use gateway::Books;
use journal::{Damage, StoreError, Tape};
use model::venue::AccountRequest;
use model::{Entry, RequestId, Timestamp};

/// A question that waits for its records.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) id: RequestId,
    pub(crate) request: AccountRequest,
    /// Until when it may leave, by the gateway's clock.
    pub(crate) not_after: Option<Timestamp>,
}

/// The records of one input, and what may be sent once they are durable.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) sends: Vec<Question>,
    pub(crate) decided: Timestamp,
}

/// Entries at the end of the journal, of which something becomes.
const DAMAGED_OF: u64 = 256;

/// The disk with the journal on it.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    waiting: Vec<Batch>,
    writing: Vec<Batch>,
    /// What a restart reads.
    durable: Books,
    /// What is durable, as it is kept; `durable` is the fold over so many of it.
    tape: Option<Tape>,
    read_until: u64,
    session: u64,
    pub(crate) full: bool,
}

impl Disk {
    /// What a restart reads is folded by the gateway's own code, with its deliberate bug.
    #[cfg(feature = "defects")]
    pub(crate) fn plant(&mut self, defect: gateway::Defect) {
        self.durable = std::mem::take(&mut self.durable).with_defect(Some(defect));
        if defect == gateway::Defect::ChainUnchecked {
            self.tape = self.tape.take().map(Tape::trusting);
        }
    }

    /// Hands records over; `true` when a write has to be begun.
    pub(crate) fn append(&mut self, batch: Batch) -> bool {
        self.waiting.push(batch);
        self.writing.is_empty()
    }

    /// Begins to write everything that waits.
    pub(crate) fn begin(&mut self) {
        std::mem::swap(&mut self.waiting, &mut self.writing);
    }

    /// What was written is durable.
    pub(crate) fn finish(&mut self) -> Vec<Batch> {
        for entry in self.writing.iter().flat_map(|batch| &batch.entries) {
            match &mut self.tape {
                // Every record has a text: `journal` has a test for each.
                Some(tape) => drop(tape.push(entry)),
                None => self.durable.apply(entry),
            }
        }
        std::mem::take(&mut self.writing)
    }

    /// From now on it is kept as it is written, to be read back.
    pub(crate) fn keeps_texts(&mut self) {
        self.tape = Some(Tape::default());
    }

    /// Reads back what is new since it was last read.
    pub(crate) fn read(&mut self) -> Result<(), StoreError> {
        let Some(tape) = &self.tape else { return Ok(()) };
        let (books, read_until) = (&mut self.durable, &mut self.read_until);
        tape.read(*read_until, &mut |seq, entry| {
            books.apply(&entry);
            *read_until = seq;
            Ok(())
        })
    }

    /// Something becomes of an entry, and the end of the journal is read: where, and what came of it. `None`
    /// without texts, or while there are hardly any.
    pub(crate) fn read_damaged(
        &self,
        mut draw: impl FnMut(u64) -> u64,
    ) -> Option<(u64, Result<(), StoreError>)> {
        let tape = self.tape.as_ref().filter(|tape| tape.last() > 2)?;
        let after = tape.last().saturating_sub(DAMAGED_OF).max(1);
        let mut tail = tape.tail(after);
        // The one that the chain is taken up at was judged when it was read before, and behind the last
        // nothing shows that it is missing: it never was durable.
        let seq = after + 1 + draw(tape.last() - after - 1);
        let damage = match draw(3) {
            0 => Damage::Missing { seq },
            1 => Damage::Exchanged { seq },
            _ => Damage::Flipped { seq, bit: draw(1 << 20) },
        };
        tail.damage(damage);
        Some((seq, tail.read(after, &mut |_, _| Ok(()))))
    }

    /// Does something wait?
    pub(crate) fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Records of the write under way.
    pub(crate) fn writing(&self) -> usize {
        self.writing.iter().map(|batch| batch.entries.len()).sum()
    }

    /// The gateway is gone. With `kept` the write under way had just become durable; its records.
    pub(crate) fn lose(&mut self, kept: bool) -> usize {
        self.waiting.clear();
        let records = if kept { self.writing() } else { 0 };
        if kept {
            self.finish();
        }
        self.writing.clear();
        records
    }

    /// The number of a start; it is durable before the start goes on.
    pub(crate) fn take_session(&mut self) -> u64 {
        self.session += 1;
        self.session
    }

    /// The books of the journal.
    pub(crate) fn replay(&self) -> Books {
        self.durable.clone()
    }

    /// The books as they are when everything that was handed over is durable; what is, is read before.
    pub(crate) fn folded(&self) -> Books {
        let mut books = self.durable.clone();
        let batches = self.writing.iter().chain(&self.waiting);
        batches.flat_map(|batch| &batch.entries).for_each(|entry| books.apply(entry));
        books
    }
}

#[cfg(test)]
mod tests {
    use model::Record;

    use super::*;

    fn batch(session: u64) -> Batch {
        let record = Record::Started {
            session,
            version: String::new(),
            config: String::new(),
            paper: false,
        };
        let entries = vec![Entry { at: Timestamp::EPOCH, record }];
        Batch { entries, sends: Vec::new(), decided: Timestamp::EPOCH }
    }

    #[test]
    fn what_was_not_durable_never_was() {
        let mut disk = Disk::default();
        assert!(disk.append(batch(1)));
        disk.begin();
        assert!(!disk.append(batch(2)), "the next write is begun when this one is done");
        assert_eq!((disk.replay().session(), disk.folded().session()), (0, 2));
        assert_eq!(disk.finish().len(), 1);
        assert_eq!((disk.replay().session(), disk.has_more()), (1, true));
        disk.begin();
        assert_eq!(disk.lose(false), 0);
        assert_eq!(disk.folded().session(), 1);
        disk.append(batch(3));
        disk.begin();
        assert_eq!(disk.lose(true), 1);
        assert_eq!(disk.replay().session(), 3);
    }

    #[test]
    fn what_is_read_back_is_what_was_kept() {
        let mut disk = Disk::default();
        disk.keeps_texts();
        disk.append(batch(1));
        disk.begin();
        disk.finish();
        assert!(disk.read_damaged(|_| 0).is_none(), "nothing in the middle yet");
        assert_eq!(disk.folded().session(), 0, "not read yet");
        for session in 2..6 {
            disk.append(batch(session));
        }
        disk.begin();
        assert_eq!(disk.lose(true), 4);
        disk.read().unwrap();
        assert_eq!(disk.replay().session(), 5);
        for kind in 0..3 {
            let (seq, read) = disk.read_damaged(|below| kind.min(below - 1)).unwrap();
            assert!(matches!(read, Err(StoreError::Damaged { seq: at, .. }) if at == seq));
        }
    }
}

//! The durable journal, as a model: records are handed over, written together, and durable some time later.
//! What is not durable when the gateway is killed never was.
//!
//! The write that is under way then is one transaction: it is there as a whole, or not at all.

use gateway::Books;
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
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) sends: Vec<Question>,
    pub(crate) decided: Timestamp,
}

/// The disk with the journal on it.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    waiting: Vec<Batch>,
    writing: Vec<Batch>,
    /// What a restart reads.
    durable: Books,
    session: u64,
    pub(crate) full: bool,
}

impl Disk {
    /// What a restart reads is folded by the gateway's own code, with its deliberate bug.
    #[cfg(feature = "defects")]
    pub(crate) fn plant(&mut self, defect: gateway::Defect) {
        self.durable = std::mem::take(&mut self.durable).with_defect(Some(defect));
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
            self.durable.apply(entry);
        }
        std::mem::take(&mut self.writing)
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

    /// The books as they are when everything that was handed over is durable.
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
        let record = Record::Started { session, version: String::new(), config: String::new() };
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
}

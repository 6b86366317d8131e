//! Group commit: one thread writes, and one disk flush serves all who wait for one.
//!
//! While a flush runs, whatever else is to be written gathers; the next flush takes all of it. So
//! many orders at once cost little more than one, and one alone waits for its own flush only. After a
//! write that failed nothing is written any more: an entry behind a hole would be a lie.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use model::Entry;

use crate::storage::{Storage, StoreError};

/// Writes that wait; who adds one more waits for room.
const QUEUE_MAX: usize = 4_096;
/// Entries that one transaction takes.
const BATCH_MAX: usize = 2_048;

/// Told on the writer's thread how a write ended, with the number of the last entry.
type Done = Box<dyn FnOnce(Result<u64, StoreError>) + Send>;

struct Write {
    entries: Vec<Entry>,
    done: Done,
}

/// The thread that writes. Writes what waits and ends when it is dropped.
#[derive(Debug)]
pub struct JournalWriter {
    handle: Option<JournalHandle>,
    thread: Option<JoinHandle<()>>,
}

/// A way to the writer; cheap to clone. The writer's thread lives until the last one is gone.
#[derive(Clone, Debug)]
pub struct JournalHandle {
    queue: SyncSender<Write>,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Write of {} entries", self.entries.len())
    }
}

impl JournalWriter {
    /// Starts the writer of a store.
    pub fn spawn(storage: Box<dyn Storage>) -> std::io::Result<JournalWriter> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(storage, &waiting))?;
        Ok(JournalWriter { handle: Some(JournalHandle { queue }), thread: Some(thread) })
    }

    /// A way to this writer.
    pub fn handle(&self) -> JournalHandle {
        // The handle is taken only by `drop`.
        self.handle.clone().unwrap_or_else(|| unreachable!("taken by drop alone"))
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        drop(self.handle.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been reported there.
            let _ = thread.join();
        }
    }
}

impl JournalHandle {
    /// Hands entries over. `done` is called once they are durable, or are not going to be; calls
    /// come in the order of the writes. Waits only when thousands of writes are waiting already.
    pub fn append(
        &self,
        entries: Vec<Entry>,
        done: impl FnOnce(Result<u64, StoreError>) + Send + 'static,
    ) {
        let write = Write { entries, done: Box::new(done) };
        if let Err(failed) = self.queue.send(write) {
            (failed.0.done)(Err(StoreError::Lost("the writer has ended".to_owned())));
        }
    }

    /// Hands entries over and waits until they are durable. Not for async code.
    pub fn append_wait(&self, entries: Vec<Entry>) -> Result<u64, StoreError> {
        let (tell, told) = sync_channel(1);
        self.append(entries, move |result| {
            // The waiting side cannot be gone: it waits right below.
            let _ = tell.send(result);
        });
        told.recv().unwrap_or_else(|_| Err(StoreError::Lost("the writer has ended".to_owned())))
    }
}

fn write_all(mut storage: Box<dyn Storage>, waiting: &Receiver<Write>) {
    let mut lost: Option<String> = None;
    while let Ok(first) = waiting.recv() {
        let mut entries = first.entries;
        let mut told = vec![(entries.len(), first.done)];
        while entries.len() < BATCH_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            entries.extend(next.entries);
            told.push((entries.len(), next.done));
        }
        let result = match &lost {
            Some(cause) => Err(StoreError::Lost(cause.clone())),
            None => storage.append(&entries),
        };
        match result {
            Ok(last) => {
                let before = last - entries.len() as u64;
                for (count, done) in told {
                    done(Ok(before + count as u64));
                }
            }
            Err(error) => {
                let cause = lost.get_or_insert_with(|| error.to_string()).clone();
                let mut first = Some(error);
                for (_, done) in told {
                    // The first one hears the error itself, the others that it happened.
                    done(Err(first.take().unwrap_or_else(|| StoreError::Lost(cause.clone()))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::conformance::entry;
    use crate::memory::Memory;

    /// Counts transactions, and fails from one of them on.
    struct Slow {
        inner: Memory,
        transactions: Arc<AtomicU64>,
        fail_from: u64,
    }

    impl Storage for Slow {
        fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
            let number = self.transactions.fetch_add(1, Ordering::Relaxed) + 1;
            // As long as a flush, so that others gather meanwhile.
            std::thread::sleep(std::time::Duration::from_millis(2));
            if number >= self.fail_from {
                return Err(StoreError::Lost("disk full".to_owned()));
            }
            self.inner.append(entries)
        }

        fn replay(
            &mut self,
            after: u64,
            each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
        ) -> Result<(), StoreError> {
            self.inner.replay(after, each)
        }

        fn take_session(&mut self) -> Result<u64, StoreError> {
            self.inner.take_session()
        }
    }

    fn slow(fail_from: u64) -> (JournalWriter, Arc<AtomicU64>) {
        let transactions = Arc::new(AtomicU64::new(0));
        let inner = Memory::default();
        let store = Slow { inner, transactions: Arc::clone(&transactions), fail_from };
        (JournalWriter::spawn(Box::new(store)).unwrap(), transactions)
    }

    #[test]
    fn a_thousand_writes_share_flushes_and_are_told_in_order() {
        let (writer, transactions) = slow(u64::MAX);
        let told = Arc::new(Mutex::new(Vec::new()));
        for number in 0..1_000 {
            let told = Arc::clone(&told);
            writer.handle().append(vec![entry(number)], move |result| {
                told.lock().unwrap().push(result.unwrap());
            });
        }
        drop(writer);
        assert_eq!(*told.lock().unwrap(), (1..=1_000).collect::<Vec<_>>());
        let transactions = transactions.load(Ordering::Relaxed);
        assert!(transactions < 200, "{transactions} transactions for 1000 writes");
    }

    #[test]
    fn after_a_failed_write_nothing_is_believed_any_more() {
        let (writer, _) = slow(2);
        let handle = writer.handle();
        assert_eq!(handle.append_wait(vec![entry(1)]).unwrap(), 1);
        for _ in 0..3 {
            let error = handle.append_wait(vec![entry(2)]).unwrap_err().to_string();
            assert!(error.contains("disk full"), "{error}");
        }
    }
}

//! Group commit: one thread writes, and one disk flush serves all who wait for one.
//!
//! While a flush runs, whatever else is to be written gathers; the next flush takes all of it. So
//! many orders at once cost little more than one, and one alone waits for its own flush only. After a
//! write that failed nothing is written any more: an entry behind a hole would be a lie.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use model::Entry;

use crate::flushes::Flushes;
use crate::storage::{Storage, StoreError};
use crate::upkeep::{Keeper, Upkeep, next};

/// Writes that wait; who adds one more waits for room.
const QUEUE_MAX: usize = 4_096;
/// Entries that one transaction takes; a single write may be larger.
const BATCH_MAX: usize = 2_048;

/// The thread that writes. Dropping it waits until everything handed over before is written, and
/// ends the thread; handles that are left are told that nothing is written any more.
#[derive(Debug)]
pub struct JournalWriter {
    handle: JournalHandle,
    flushes: Flushes,
    thread: Option<JoinHandle<()>>,
}

/// A way to the writer; cheap to clone.
#[derive(Clone, Debug)]
pub struct JournalHandle {
    queue: SyncSender<Message>,
}

enum Message {
    Write(Write),
    /// What came before is written, what comes after is not.
    Stop,
}

struct Write {
    entries: Vec<Entry>,
    waiter: Waiter,
}

/// Told on the writer's thread how a write ended, with the number of its last entry.
type Done = Box<dyn FnOnce(Result<u64, StoreError>) + Send>;

/// Who waits for a write. Is told exactly once, also when the writer goes down: an order whose
/// record is lost in silence would never be asked for.
struct Waiter(Option<Done>);

impl Waiter {
    fn tell(mut self, result: Result<u64, StoreError>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(ended()));
        }
    }
}

fn ended() -> StoreError {
    StoreError::Lost("the writer has ended".to_owned())
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Message::Write(write) => write!(f, "Write of {} entries", write.entries.len()),
            Message::Stop => f.write_str("Stop"),
        }
    }
}

impl JournalWriter {
    /// Starts the writer of a store that nobody looks after.
    pub fn spawn(storage: Box<dyn Storage>) -> std::io::Result<JournalWriter> {
        JournalWriter::start(storage, None)
    }

    /// Starts the writer of a store, with snapshots.
    pub fn spawn_with(storage: Box<dyn Storage>, upkeep: Upkeep) -> std::io::Result<JournalWriter> {
        JournalWriter::start(storage, Some(Keeper::spawn(upkeep)?))
    }

    fn start(storage: Box<dyn Storage>, keeper: Option<Keeper>) -> std::io::Result<JournalWriter> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let flushes = Flushes::default();
        let counted = flushes.clone();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(storage, keeper, &waiting, &counted))?;
        Ok(JournalWriter { handle: JournalHandle { queue }, flushes, thread: Some(thread) })
    }

    /// How long its writes take.
    pub fn flushes(&self) -> Flushes {
        self.flushes.clone()
    }

    /// A way to this writer.
    pub fn handle(&self) -> JournalHandle {
        self.handle.clone()
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        // A thread that is gone has nothing to stop, and its panic has been reported there.
        let _ = self.handle.queue.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl JournalHandle {
    /// Hands entries over. `done` is called exactly once, when they are durable or are known not
    /// to be, in the order of the writes; with no entries it is told when all earlier ones are.
    ///
    /// Waits only while thousands of writes are waiting already, so an async task may call it.
    /// `done` runs on the writer's thread: it should hand the news on and not work, wait or append
    /// by itself, since everything else that is to be written waits for it.
    pub fn append(
        &self,
        entries: Vec<Entry>,
        done: impl FnOnce(Result<u64, StoreError>) + Send + 'static,
    ) {
        let waiter = Waiter(Some(Box::new(done)));
        // What cannot be sent comes back, and dropping it tells the waiter.
        drop(self.queue.send(Message::Write(Write { entries, waiter })));
    }

    /// The same, but never waits: while thousands of writes are waiting already, `done` is told at once
    /// that these are lost.
    pub fn append_now(
        &self,
        entries: Vec<Entry>,
        done: impl FnOnce(Result<u64, StoreError>) + Send + 'static,
    ) {
        let waiter = Waiter(Some(Box::new(done)));
        let write = Message::Write(Write { entries, waiter });
        if let Err(TrySendError::Full(Message::Write(Write { waiter, .. }))) =
            self.queue.try_send(write)
        {
            let problem =
                format!("{QUEUE_MAX} writes wait already: the store is too slow, or away");
            waiter.tell(Err(StoreError::Lost(problem)));
        }
    }

    /// Hands entries over and waits until they are durable. Not for async code.
    pub fn append_wait(&self, entries: Vec<Entry>) -> Result<u64, StoreError> {
        let (tell, told) = sync_channel(1);
        self.append(entries, move |result| {
            // The waiting side cannot be gone: it waits right below.
            let _ = tell.send(result);
        });
        told.recv().unwrap_or_else(|_| Err(ended()))
    }
}

/// Several writes as one: their entries, and who waits for how many of them.
struct Batch {
    entries: Vec<Entry>,
    waiters: Vec<(usize, Waiter)>,
}

impl Batch {
    fn add(&mut self, write: Write) {
        self.entries.extend(write.entries);
        self.waiters.push((self.entries.len(), write.waiter));
    }
}

fn write_all(
    mut storage: Box<dyn Storage>,
    mut keeper: Option<Keeper>,
    waiting: &Receiver<Message>,
    flushes: &Flushes,
) {
    let mut lost: Option<String> = None;
    let mut stopped = false;
    while !stopped && let Some(Message::Write(first)) = next(waiting, &mut keeper, storage.as_mut())
    {
        let mut batch = Batch { entries: Vec::new(), waiters: Vec::new() };
        batch.add(first);
        while batch.entries.len() < BATCH_MAX && batch.waiters.len() < QUEUE_MAX {
            match waiting.try_recv() {
                Ok(Message::Write(next)) => batch.add(next),
                Ok(Message::Stop) => {
                    stopped = true;
                    break;
                }
                Err(_) => break,
            }
        }
        write(storage.as_mut(), batch, &mut keeper, (&mut lost, flushes));
    }
    if let Some(keeper) = keeper {
        keeper.end(storage.as_mut(), lost.is_none());
    }
}

/// Writes a batch and tells everybody who waits for it. `lost` is the first failure ever.
fn write(
    storage: &mut dyn Storage,
    batch: Batch,
    keeper: &mut Option<Keeper>,
    (lost, flushes): (&mut Option<String>, &Flushes),
) {
    let began = Instant::now();
    let result = match &*lost {
        Some(cause) => Err(StoreError::Lost(cause.clone())),
        None => storage.append(&batch.entries),
    };
    if result.is_ok() && !batch.entries.is_empty() {
        flushes.add(began.elapsed());
    }
    match result {
        Ok(last) => {
            let before = last.saturating_sub(batch.entries.len() as u64);
            for (count, waiter) in batch.waiters {
                waiter.tell(Ok(before + count as u64));
            }
            if let Some(keeper) = keeper {
                keeper.written(last, batch.entries);
                keeper.after_write(storage);
            }
        }
        Err(error) => {
            let cause = lost.get_or_insert_with(|| error.to_string()).clone();
            let mut first = Some(error);
            for (_, waiter) in batch.waiters {
                // The first one hears the error itself, the others that it happened.
                waiter.tell(Err(first.take().unwrap_or_else(|| StoreError::Lost(cause.clone()))));
            }
        }
    }
}

#[cfg(test)]
mod tests;

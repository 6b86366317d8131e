//! The gateway's journal: opened, read and kept.
//!
//! On threads of its own, because stores wait. One on a server is lent to one gateway at a time, for
//! seconds, so this one says every second that it is still there; when the store belongs to another
//! by then, or is gone, the loop hears of it though nothing was to be written.

use std::path::Path;
use std::time::Duration;

use gateway::Books;
use journal::{
    Address, JournalHandle, JournalWriter, OnWait, SNAPSHOT_EVERY, StoreError, Upkeep, Wait,
};
use model::StoreTag;
use tokio::sync::{mpsc, oneshot, watch};

use super::{epoch, pump};
use crate::state::State;

/// How often the store is told that this gateway is still there; it decides what that takes.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// Failures that wait for the loop, which ends with the first; the others say the same.
pub(super) const FAILURES_MAX: usize = 1;

/// A journal, and what is in it.
pub(super) struct Opened {
    pub(super) writer: JournalWriter,
    pub(super) books: Books,
    pub(super) tag: StoreTag,
    pub(super) session: u64,
    /// Why the journal cannot be the newest there was of it.
    pub(super) rolled_back: Option<String>,
}

/// Opens the journal, which may take as long as a predecessor's lease; `None` when the gateway is to
/// stop meanwhile.
pub(super) async fn open(
    address: Address,
    keep_records: Option<u64>,
    state_dir: &Path,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Opened>, StoreError> {
    let (tell, told) = oneshot::channel();
    let state_dir = state_dir.to_owned();
    let no_thread = |error| StoreError::Lost(format!("no thread to open it: {error}"));
    std::thread::Builder::new()
        .name("journal-open".to_owned())
        // Where nobody wants it any more it is closed at once.
        .spawn(move || drop(tell.send(open_here(&address, keep_records, &state_dir))))
        .map_err(no_thread)?;
    tokio::select! {
        opened = told => match opened {
            Ok(opened) => opened.map(Some),
            Err(_) => Err(StoreError::Lost("the thread that opened it is gone".to_owned())),
        },
        _ = stop.wait_for(|stop| *stop) => Ok(None),
    }
}

/// Opens the journal for this process, makes sure that all of it is what was written, and reads what it
/// comes to: the newest snapshot and the entries behind it.
fn open_here(address: &Address, keep: Option<u64>, state_dir: &Path) -> Result<Opened, StoreError> {
    let mut storage = address.open(say_waits(address))?;
    let restored = State::take_up(storage.as_mut())?;
    for snapshot in &restored.passed_over {
        tracing::warn!("a snapshot in the journal is passed over: {snapshot}");
    }
    let (last, behind) = (restored.last, restored.last - restored.snapshot);
    tracing::info!(entries = last, behind_snapshot = behind, "the journal is read");
    let tag = storage.take_tag(StoreTag::new(pump::seed()))?;
    let books = restored.state.books.clone();
    let halted = books.halted().is_some();
    let epoch::Session { session, rolled_back } =
        epoch::take(storage.as_mut(), tag, state_dir, halted)?;
    let upkeep = Upkeep {
        fold: Box::new(restored.state),
        from: (last, behind),
        every: SNAPSHOT_EVERY,
        keep,
        trouble: Box::new(|problem| tracing::warn!("journal: {problem}")),
    };
    let writer = JournalWriter::spawn_with(storage, upkeep)
        .map_err(|error| StoreError::Lost(format!("no thread for the writer: {error}")))?;
    Ok(Opened { writer, books, tag, session, rolled_back })
}

/// Says in the log what the store waits for.
fn say_waits(address: &Address) -> OnWait {
    let store = address.to_string();
    Box::new(move |wait, waited| {
        let waited = format!("{:.0}", waited.as_secs_f64());
        match wait {
            Wait::Busy => tracing::warn!(
                store,
                waited_s = waited,
                "another program holds the journal: nothing but cancels is sent until it lets go; \
                 end it"
            ),
            Wait::Away { problem, max } => tracing::warn!(
                waited_s = waited,
                "the journal cannot be written: nothing but cancels is sent until it can be, and \
                 this gateway ends when that takes {} seconds: {problem}",
                max.as_secs()
            ),
            Wait::Held { holder, left } => tracing::warn!(
                store,
                waited_s = waited,
                ends_in_s = format!("{:.0}", left.as_secs_f64()),
                "the journal is lent to process {holder}: waiting until its lease ends, which it \
                 does unless that one is alive and renews it"
            ),
        }
    })
}

/// Says again and again that this gateway is there, and hears when that is in vain.
pub(super) async fn keep(journal: JournalHandle, failures: mpsc::Sender<StoreError>) {
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        let failures = failures.clone();
        journal.append_now(Vec::new(), move |kept| {
            if let Err(error) = kept {
                // Where it is full one waits already, and where it is gone the loop has ended.
                drop(failures.try_send(error));
            }
        });
    }
}

//! The gateway's journal: opened, read and kept.
//!
//! On threads of its own, because stores wait. One on a server is lent to one gateway at a time, for
//! seconds, so this one says every second that it is still there; when the store belongs to another
//! by then, or is gone, the loop hears of it though nothing was to be written.

use std::path::Path;
use std::time::Duration;

use alerts::{Alerts, Standing};
use gateway::Books;
use journal::{
    Address, JournalHandle, JournalWriter, OnWait, Place, SNAPSHOT_EVERY, StoreError, Upkeep, Wait,
};
use model::{Alert, AlertKey, StoreTag};
use tokio::sync::{mpsc, oneshot, watch};

use super::{epoch, pump};
use crate::config::Config;
use crate::state::State;
use crate::streaming::{self, Held};

/// How often the store is told that this gateway is still there; it decides what that takes.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// Failures that wait for the loop, which ends with the first; the others say the same.
pub(super) const FAILURES_MAX: usize = 1;

/// What a journal is opened for.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Entries that are kept at least; `None` keeps all.
    pub(super) records: Option<u64>,
    /// Is it of a paper account?
    pub(super) paper: bool,
    /// Sinks that still need entries.
    pub(super) held: Option<Held>,
}

impl Kept {
    pub(super) fn of(config: &Config, state_dir: &Path) -> Kept {
        Kept {
            records: config.keep_records,
            paper: config.paper.is_some(),
            held: streaming::readers(config, state_dir),
        }
    }
}

/// A journal, and what is in it.
pub(super) struct Opened {
    pub(super) writer: JournalWriter,
    pub(super) books: Books,
    pub(super) tag: StoreTag,
    pub(super) session: u64,
    /// Why the journal cannot be the newest there was of it.
    pub(super) rolled_back: Option<String>,
    /// Where the session's number is kept outside of it.
    pub(super) epoch: epoch::Kept,
}

/// Opens the journal, which may take as long as a predecessor's lease; `None` when the gateway is to
/// stop meanwhile.
pub(super) async fn open(
    address: Address,
    kept: Kept,
    state_dir: &Path,
    alerts: &Alerts,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Opened>, StoreError> {
    let (tell, told) = oneshot::channel();
    let (state_dir, alerts) = (state_dir.to_owned(), alerts.clone());
    let no_thread = |error| StoreError::Lost(format!("no thread to open it: {error}"));
    std::thread::Builder::new()
        .name("journal-open".to_owned())
        // Where nobody wants it any more it is closed at once.
        .spawn(move || drop(tell.send(open_here(&address, kept, &state_dir, alerts))))
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
fn open_here(
    address: &Address,
    keep: Kept,
    state_dir: &Path,
    alerts: Alerts,
) -> Result<Opened, StoreError> {
    let mut storage = address.open(say_waits(address, alerts.clone()))?;
    let restored = State::take_up(storage.as_mut())?;
    for snapshot in &restored.passed_over {
        tracing::warn!("a snapshot in the journal is passed over: {snapshot}");
    }
    let (last, behind) = (restored.last, restored.last - restored.snapshot);
    tracing::info!(entries = last, behind_snapshot = behind, "the journal is read");
    if let Some(problem) = other_kind(&restored.state.books, keep.paper) {
        return Err(StoreError::Unusable { place: place(address), problem });
    }
    let tag = storage.take_tag(StoreTag::new(pump::seed()))?;
    let books = restored.state.books.clone();
    let halted = books.halted().is_some();
    let epoch::Session { session, rolled_back, kept } =
        epoch::take(storage.as_mut(), tag, state_dir, halted)?;
    let upkeep = Upkeep {
        fold: Box::new(restored.state),
        from: (last, behind),
        every: SNAPSHOT_EVERY,
        keep: keep.records,
        readers: keep.held.map(|held| held.readers(tag.to_string())),
        trouble: Box::new(move |problem| {
            tracing::warn!("journal: {problem}");
            tell(&alerts, "upkeep", format!("journal: {problem}"));
        }),
    };
    let writer = JournalWriter::spawn_with(storage, upkeep)
        .map_err(|error| StoreError::Lost(format!("no thread for the writer: {error}")))?;
    Ok(Opened { writer, books, tag, session, rolled_back, epoch: kept })
}

fn place(address: &Address) -> Place {
    match address {
        Address::Sqlite(path) => path.as_path().into(),
        server => Place::Server(server.to_string()),
    }
}

/// A journal is of a paper account or of a real one, from its first start on: what one holds the other does not have.
fn other_kind(books: &Books, paper: bool) -> Option<String> {
    books.first_started()?;
    let (is, other) = match (books.is_paper(), paper) {
        (true, false) => ("a paper", "live"),
        (false, true) => ("a real", "paper"),
        (true, true) | (false, false) => return None,
    };
    Some(format!(
        "it is the journal of {is} account, and mode = \"{other}\" would mix it with another one; name another \
         store, or change the mode"
    ))
}

/// What is wrong with the journal, for people: the loop may be waiting for it.
fn tell(alerts: &Alerts, about: &str, text: String) {
    alerts.raise(Alert::warning(AlertKey::Journal, about, text), Standing::default());
}

/// Says what the store waits for.
fn say_waits(address: &Address, alerts: Alerts) -> OnWait {
    let store = address.to_string();
    Box::new(move |wait, waited| {
        let waited = format!("{:.0}", waited.as_secs_f64());
        match wait {
            Wait::Busy => {
                let text = "another program holds the journal: nothing but cancels is sent until it lets \
                            go; end it";
                tracing::warn!(store, waited_s = waited, "{text}");
                tell(&alerts, "busy", text.to_owned());
            }
            Wait::Away { problem, max } => {
                let text = format!(
                    "the journal cannot be written: nothing but cancels is sent until it can be, and \
                     this gateway ends when that takes {} seconds: {problem}",
                    max.as_secs()
                );
                tracing::warn!(waited_s = waited, "{text}");
                tell(&alerts, "away", text);
            }
            Wait::Held { holder, left } => {
                let text = format!(
                    "the journal is lent to process {holder}: waiting until its lease ends, which it \
                     does unless that one is alive and renews it"
                );
                let ends = format!("{:.0}", left.as_secs_f64());
                tracing::warn!(store, waited_s = waited, ends_in_s = ends, "{text}");
                tell(&alerts, "held", text);
            }
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

//! Looks at journal and gateway when somebody scrapes, by a thread of its own.
//!
//! Nobody scrapes: nothing is read. Many scrape: one look serves all who come within [`FRESH`], so that no scraper can
//! make the gateway's channel or its disk busy. A journal that is far ahead is read in bounded pieces, and what is
//! counted is served only when it was caught up with once: half a count would look like a burst.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use dashboard::Watch;
use journal::{Address, Filter, JournalReader, StoreError};
use model::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::catalog as c;
use crate::figures::figures;
use crate::fold::Counted;
use crate::known::Known;
use crate::page::Page;
use crate::process;

/// A look that is younger serves the next scrape, too.
const FRESH: Duration = Duration::from_millis(500);
/// Scrapes that wait.
const WAITING_MAX: usize = 32;
/// Entries that are read at once; a scrape waits for no more.
const ENTRIES_MAX: u64 = 20_000;

/// What is looked at.
pub struct Settings {
    /// The journal.
    pub journal: Address,
    /// How the gateway is: the object of `plimsoll status`.
    pub watch: Box<dyn Watch>,
    /// Agents and instruments.
    pub known: Known,
    /// Version of the program.
    pub version: &'static str,
    /// The gateway's clock.
    pub clock: fn() -> Timestamp,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("journal", &self.journal).finish_non_exhaustive()
    }
}

/// What one look came to.
#[derive(Debug)]
pub(crate) struct Picture {
    /// What is so now.
    pub(crate) now: Page,
    /// What was counted.
    pub(crate) counted: Page,
}

type Wanted = oneshot::Sender<Arc<Picture>>;

/// The way to the thread, which ends when this goes.
#[derive(Debug)]
pub(crate) struct Looking {
    wanted: SyncSender<Wanted>,
}

impl Looking {
    pub(crate) fn start(settings: Settings) -> std::io::Result<Looking> {
        let (wanted, asked) = sync_channel(WAITING_MAX);
        std::thread::Builder::new()
            .name("look".to_owned())
            .spawn(move || Look::new(settings).serve(&asked))?;
        Ok(Looking { wanted })
    }

    /// A picture that is fresh; `None` where too many wait for one.
    pub(crate) async fn picture(&self) -> Option<Arc<Picture>> {
        let (tell, told) = oneshot::channel();
        match self.wanted.try_send(tell) {
            Ok(()) => told.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}

struct Look {
    settings: Settings,
    counted: Counted,
    reader: Option<JournalReader>,
    /// Last entry that is counted; `None` before it is known where to begin.
    read: Option<u64>,
    /// Was the journal's end reached once?
    caught_up: bool,
    /// Is there more than was read?
    behind: bool,
    said: Option<String>,
}

impl Look {
    fn new(settings: Settings) -> Look {
        let counted = Counted::new(settings.known.clone());
        Look {
            settings,
            counted,
            reader: None,
            read: None,
            caught_up: false,
            behind: false,
            said: None,
        }
    }

    fn serve(mut self, asked: &Receiver<Wanted>) {
        let mut last: Option<(Instant, Arc<Picture>)> = None;
        while let Ok(wanted) = asked.recv() {
            let picture = match &last {
                Some((at, picture)) if at.elapsed() < FRESH => Arc::clone(picture),
                _ => Arc::new(self.look()),
            };
            if !last.as_ref().is_some_and(|(_, known)| Arc::ptr_eq(known, &picture)) {
                last = Some((Instant::now(), Arc::clone(&picture)));
            }
            // Who asked may have gone.
            drop(wanted.send(picture));
            // A journal that is far ahead is read on until it is caught up with, whoever scrapes meanwhile.
            while self.behind && self.follow().is_ok() {}
        }
    }

    fn look(&mut self) -> Picture {
        let mut now = Page::default();
        let status = self.settings.watch.look();
        let followed = self.follow().map_err(|error| error.to_string());
        let problem = status.as_ref().err().or(followed.as_ref().err()).cloned();
        now.set(&c::BUILD_INFO, &[self.settings.version], 1.0);
        now.flag(&c::PROBLEM, &[], problem.is_some());
        if let Some(read) = self.read {
            now.set(&c::READ, &[], read as f64);
        }
        process::show(&mut now, "metrics", std::process::id());
        match &status {
            Ok(status) => {
                if let Some(gateway) = holder(status) {
                    process::show(&mut now, "gateway", gateway);
                }
                figures(&mut now, status, &self.settings.known, (self.settings.clock)());
            }
            Err(_) => now.flag(&c::GATEWAY_UP, &[], false),
        }
        self.say(problem);
        let counted = if self.caught_up { self.counted.page.clone() } else { Page::default() };
        Picture { now, counted }
    }

    /// What is wrong is said once.
    fn say(&mut self, problem: Option<String>) {
        match &problem {
            Some(text) if self.said != problem => tracing::warn!("metrics are incomplete: {text}"),
            None if self.said.is_some() => tracing::info!("metrics are complete again"),
            _ => {}
        }
        self.said = problem;
    }

    /// Counts what is new, up to a bound. After an error it begins at the newest start again.
    fn follow(&mut self) -> Result<(), StoreError> {
        let followed = self.try_follow();
        if followed.is_err() {
            (self.reader, self.read) = (None, None);
            (self.caught_up, self.behind) = (false, false);
            self.counted = Counted::new(self.settings.known.clone());
        }
        followed
    }

    fn try_follow(&mut self) -> Result<(), StoreError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => JournalReader::of(&self.settings.journal)?,
        };
        let mut read = match self.read {
            Some(read) => read,
            None => newest_start(&reader)?,
        };
        if reader.last()? < read {
            return Err(StoreError::Lost("the journal is another one".to_owned()));
        }
        let mut taken = 0;
        reader.lines(read, ENTRIES_MAX, &mut |seq, _, entry| {
            self.counted.add(&entry);
            (read, taken) = (seq, taken + 1);
            Ok(())
        })?;
        self.behind = taken == ENTRIES_MAX;
        self.caught_up |= !self.behind;
        (self.reader, self.read) = (Some(reader), Some(read));
        Ok(())
    }
}

/// The entry before the newest start; zero where its record was removed.
fn newest_start(reader: &JournalReader) -> Result<u64, StoreError> {
    let mut start = 0;
    let wanted = Filter { kind: Some("started".to_owned()), ..Filter::default() };
    reader.find(&wanted, &mut |seq, _| {
        start = seq.saturating_sub(1);
        Ok(())
    })?;
    Ok(start)
}

/// The gateway's process, where it is one of this host's: a store that serves several hosts names the host, too.
fn holder(status: &Value) -> Option<u32> {
    let holder = status["process"].as_str()?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match holder.split_once(" on ") {
        Some((process, on)) if on == host.trim() => process.parse().ok(),
        Some(_) => None,
        None => holder.parse().ok(),
    }
}

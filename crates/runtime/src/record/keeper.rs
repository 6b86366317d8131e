//! The two threads of a recording: one writes what was heard, the other makes files of ours from what the first
//! has closed. So nothing that the disk does is waited for where times of receipt are taken.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc as threads};
use std::thread::JoinHandle;
use std::time::Duration;

use data::record::{Counts, Ended, Finished, Hold, RecordError, Recorder, Taken, Unfinished};
use model::market::{Grid, MarketEvent};
use model::{InstrumentId, Timestamp};
use tokio::sync::mpsc;

use crate::clock;

/// Events that wait for the disk. When it is full the connections wait, too, and the venue's streams back up
/// until the venue cuts them, which is recorded as the gap that it is.
const EVENTS_MAX: usize = 65_536;

/// How often files are written to and looked at.
pub const TICK: Duration = Duration::from_secs(1);
/// Every how many of those the disk itself is waited for.
pub const SYNC_TICKS: u64 = 5;

/// What the writing thread is told.
#[derive(Debug)]
pub enum Event {
    /// An event, and when it was received.
    Market(Timestamp, MarketEvent),
    /// The connection is gone; times by our clock and the venue's.
    Down(Timestamp, Timestamp),
    /// Record this instrument on this grid from now on.
    Follow(InstrumentId, Grid),
    /// Look after the files; whether the disk itself is to be waited for.
    Tick(Timestamp, bool),
    /// That was all.
    End(Timestamp),
}

/// What was kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// What was heard.
    pub counts: Counts,
    /// Files that were made.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Those among them that an earlier recording had left unfinished.
    pub recovered: u64,
    /// What went wrong first.
    pub error: Option<RecordError>,
}

/// Both threads, as the one who listens sees them.
pub struct Keeper {
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    writer: JoinHandle<()>,
    finisher: JoinHandle<()>,
}

/// Told of a book that is not to be believed.
pub type Doubts = Box<dyn Fn(InstrumentId) + Send + Sync>;

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    failed: AtomicBool,
    files: AtomicU64,
    doubts: OnceLock<Doubts>,
}

impl Shared {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: RecordError) {
        self.kept().error.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }
}

impl Keeper {
    /// Starts both, and first of all finishes what an earlier recording left.
    pub fn start(recorder: Recorder, left: Vec<Unfinished>) -> Keeper {
        let shared = Arc::new(Shared::default());
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let (to_finish, closed) = threads::channel();
        let finisher = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                left.iter().for_each(|file| finish(file, true, &shared));
                let mut holds = Vec::new();
                while let Ok(work) = closed.recv() {
                    match work {
                        Work::Finish(file) => finish(&file, false, &shared),
                        Work::Hold(hold) => holds.push(hold),
                    }
                }
            })
        };
        let writer = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || write(recorder, heard, &to_finish, &shared))
        };
        Keeper { events, shared, writer, finisher }
    }

    /// What is done about a book that is crossed, beside recording that it is lost.
    pub fn doubts(&self, doubts: Doubts) {
        // It is told once.
        let _ = self.shared.doubts.set(doubts);
    }

    /// The way to the writing thread, for who must not wait.
    pub(crate) fn events(&self) -> mpsc::Sender<Event> {
        self.events.clone()
    }

    /// Looks after the files about once a second until the recording ends; why, where it was not asked to.
    pub(crate) fn look_after(&self) -> impl Future<Output = Option<String>> + Send + use<> {
        let (events, shared) = (self.events.clone(), Arc::clone(&self.shared));
        async move {
            for count in 1u64.. {
                tokio::time::sleep(TICK).await;
                let tick = Event::Tick(clock::now(), count.is_multiple_of(SYNC_TICKS));
                if events.send(tick).await.is_err() {
                    break;
                }
            }
            shared.kept().error.as_ref().map(ToString::to_string)
        }
    }

    /// Tells the writing thread; waits where it has much to do.
    pub async fn send(&self, event: Event) {
        // It is gone only after it has failed, which is looked at elsewhere.
        let _ = self.events.send(event).await;
    }

    /// It cannot write any more.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// What was heard so far, as of a second ago.
    pub fn counts(&self) -> Counts {
        self.shared.kept().counts
    }

    /// Files that are finished.
    pub fn finished(&self) -> u64 {
        self.shared.files.load(Ordering::Relaxed)
    }

    /// Waits until everything is finished.
    pub async fn end(self, now: Timestamp) -> Kept {
        self.send(Event::End(now)).await;
        let Keeper { shared, writer, finisher, .. } = self;
        let joined = tokio::task::spawn_blocking(move || [writer.join(), finisher.join()]).await;
        let ended_well = joined.is_ok_and(|threads| threads.iter().all(Result::is_ok));
        assert!(ended_well, "a thread of the recording has panicked");
        std::mem::take(&mut *shared.kept())
    }
}

/// What the finishing thread is told.
enum Work {
    Finish(Unfinished),
    /// Others stay out of the folder until all is finished.
    Hold(Hold),
}

fn write(
    mut recorder: Recorder,
    mut heard: mpsc::Receiver<Event>,
    to_finish: &threads::Sender<Work>,
    shared: &Shared,
) {
    while let Some(event) = heard.blocking_recv() {
        let done = match event {
            Event::End(now) => return end(recorder, now, to_finish, shared),
            other => take(&mut recorder, other, shared),
        };
        for file in recorder.closed() {
            // It listens as long as this thread lives.
            let _ = to_finish.send(Work::Finish(file));
        }
        if let Err(error) = done {
            shared.kept().counts = recorder.counts();
            shared.failed(error);
            let _ = to_finish.send(Work::Hold(recorder.abandon()));
            return;
        }
    }
}

fn take(recorder: &mut Recorder, event: Event, shared: &Shared) -> Result<(), RecordError> {
    match event {
        Event::Market(received, event) => {
            if recorder.take(received, &event)? == Taken::Crossed
                && let Some(doubts) = shared.doubts.get()
            {
                doubts(event.instrument);
            }
            Ok(())
        }
        Event::Down(received, venue_now) => recorder.all_lost(received, venue_now),
        Event::Follow(instrument, grid) => recorder.follow(instrument, grid),
        Event::Tick(now, sync) => {
            shared.kept().counts = recorder.counts();
            recorder.flush(now, sync)
        }
        Event::End(..) => Ok(()),
    }
}

fn end(recorder: Recorder, now: Timestamp, to_finish: &threads::Sender<Work>, shared: &Shared) {
    shared.kept().counts = recorder.counts();
    match recorder.end(now) {
        Ok(Ended { unfinished, counts, hold }) => {
            shared.kept().counts = counts;
            let work = unfinished.into_iter().map(Work::Finish).chain([Work::Hold(hold)]);
            // It listens as long as this thread lives.
            work.for_each(|work| drop(to_finish.send(work)));
        }
        Err(error) => shared.failed(error),
    }
}

fn finish(file: &Unfinished, is_left: bool, shared: &Shared) {
    match file.finish() {
        Ok(Finished { file: made, bytes, torn, .. }) => {
            if is_left && torn > 0 {
                tracing::warn!(
                    file = %file.target.display(),
                    bytes = torn,
                    "the last message of a recording that was killed is not whole, and left out"
                );
            }
            if made.is_none() {
                return;
            }
            let mut kept = shared.kept();
            kept.files += 1;
            kept.bytes += bytes;
            kept.recovered += u64::from(is_left);
            shared.files.store(kept.files, Ordering::Relaxed);
        }
        Err(error) => {
            tracing::warn!(%error, "a file of the recording is not finished");
            shared.kept().error.get_or_insert(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use data::record::Rotation;
    use model::Side;
    use model::market::{GridPrice, GridQty, MarketKind, PublicTrade};

    use super::*;

    const GRID: Grid = Grid { price_decimals: 2, qty_decimals: 3 };

    fn trade(id: u64) -> Event {
        let (price, qty) = (GridPrice(1), GridQty(1));
        let (instrument, time) = ("BTC-USDT".parse().unwrap(), Timestamp::EPOCH);
        let trade = PublicTrade { id, price, qty, taker_side: Side::Buy, time };
        let kind = MarketKind::Trade(trade);
        Event::Market(time, MarketEvent { instrument, venue_time: time, kind })
    }

    fn keeper(folder: &std::path::Path) -> Keeper {
        let (recorder, left) = Recorder::open(folder, "sim", Rotation::default()).unwrap();
        Keeper::start(recorder, left)
    }

    #[tokio::test]
    async fn what_is_told_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path());
        keeper.send(Event::Follow("BTC-USDT".parse().unwrap(), GRID)).await;
        for id in 1..=1_000 {
            keeper.send(trade(id)).await;
        }
        keeper.send(Event::Tick(Timestamp::EPOCH, true)).await;
        let kept = keeper.end(Timestamp::EPOCH).await;
        assert_eq!((kept.files, kept.recovered, kept.counts.trades), (1, 0, 1_000));
        assert!(kept.bytes > 0 && kept.error.is_none());
    }

    /// Whoever trades goes on, and whoever only records is told.
    #[tokio::test]
    async fn a_folder_that_is_gone_ends_it_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path());
        std::fs::remove_dir_all(folder.path()).unwrap();
        keeper.send(Event::Follow("BTC-USDT".parse().unwrap(), GRID)).await;
        // More than can wait.
        for id in 1..=2 * EVENTS_MAX as u64 {
            keeper.send(trade(id)).await;
        }
        assert!(keeper.has_failed());
        assert!(keeper.look_after().await.is_some());
        let kept = keeper.end(Timestamp::EPOCH).await;
        let error = kept.error.unwrap().to_string();
        assert!(error.contains("-trades-") && error.contains("cannot be written"), "{error}");
    }
}

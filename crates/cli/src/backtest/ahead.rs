//! Rows that are read while others are being used: one thread decodes, another one trades.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use data::{Batch, DataError, Meta, Remarks, Source};

/// Batches that are read ahead.
const AHEAD: usize = 4;

/// A source that is read ahead, and counts how long it was waited for.
pub(crate) struct Ahead {
    meta: Meta,
    path: PathBuf,
    read: Receiver<Result<Read, DataError>>,
    empty: Sender<Batch>,
    remarks: Remarks,
    bytes: u64,
    waited: Arc<Mutex<Duration>>,
    has_ended: bool,
    reader: Option<JoinHandle<()>>,
}

struct Read {
    batch: Batch,
    remarks: Remarks,
    bytes: u64,
    goes_on: bool,
}

impl Ahead {
    pub(crate) fn new(source: Box<dyn Source>, waited: Arc<Mutex<Duration>>) -> Ahead {
        let (meta, path) = (source.meta().clone(), source.path().to_owned());
        let (full, read) = sync_channel(AHEAD);
        let (empty, used) = channel();
        for _ in 0..=AHEAD {
            // The receiver is right here.
            let _ = empty.send(Batch::new(meta.kind));
        }
        let reader = Some(std::thread::spawn(move || reads(source, &full, &used)));
        let remarks = Remarks::default();
        Ahead { meta, path, read, empty, remarks, bytes: 0, waited, has_ended: false, reader }
    }
}

/// Until the end of the file, or until nobody wants more.
fn reads(
    mut source: Box<dyn Source>,
    full: &SyncSender<Result<Read, DataError>>,
    used: &Receiver<Batch>,
) {
    while let Ok(mut batch) = used.recv() {
        let read = source.next_batch(&mut batch).map(|goes_on| Read {
            batch,
            remarks: source.remarks().clone(),
            bytes: source.bytes_read(),
            goes_on,
        });
        let is_last = read.as_ref().map_or(true, |read| !read.goes_on);
        if full.send(read).is_err() || is_last {
            return;
        }
    }
}

impl Source for Ahead {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        if self.has_ended {
            batch.clear();
            return Ok(false);
        }
        let started = Instant::now();
        let read = self.read.recv();
        let waited = started.elapsed();
        *self.waited.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += waited;
        let Ok(read) = read else {
            // It ended without its last word: a bug, and never the end of the data.
            if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join) {
                std::panic::resume_unwind(panic);
            }
            panic!("the reader of {} ended in the middle", self.path.display());
        };
        let mut read = read.inspect_err(|_| self.has_ended = true)?;
        std::mem::swap(batch, &mut read.batch);
        // It may have ended already, and then needs none.
        let _ = self.empty.send(read.batch);
        (self.remarks, self.bytes) = (read.remarks, read.bytes);
        self.has_ended = !read.goes_on;
        Ok(read.goes_on)
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn bytes_read(&self) -> u64 {
        self.bytes
    }
}

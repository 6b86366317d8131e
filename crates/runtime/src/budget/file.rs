//! The file that the processes of a host share: a line that says what it is, and the budget as JSON
//! (`frame.rs`).
//!
//! It is written in place, under a lock that ends with the process that holds it. It is not forced to
//! the disk: after a power cut it may be old or torn, and what is torn is set aside and replaced by the
//! most careful budget. What must not be forgotten is in a file of its own (`stops.rs`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::budget::{Budget, Counted, key};

use super::error::BudgetError;
use super::frame::{frame, unframe, with_suffix};
use super::stops::Stops;
use crate::clock;
use crate::config::VenueKind;

/// A larger file is none of ours, bytes.
const FILE_MAX: usize = 1 << 20;
/// Read at once, bytes: a whole file, as a rule.
const READ_AT_LEAST: usize = 8 << 10;
/// How long a process that starts waits for its turn.
const OPEN_MAX: Duration = Duration::from_secs(2);
/// Damaged files that are kept beside the good one.
const ASIDE_MAX: u32 = 9;

fn name(venue: VenueKind, address: &str) -> String {
    let address = address.trim_end_matches('/').to_ascii_lowercase();
    let host = address.split_once("://").map_or(address.as_str(), |(_, host)| host);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' };
    let host: String = host.chars().take(80).map(plain).collect();
    // Two addresses never share a file because their names look alike.
    format!("{}-{host}-{:08x}.budget", venue.name, key(&address) >> 32)
}

/// Has any process of this host a budget there?
pub(super) fn exists(directory: &Path, venue: VenueKind, address: &str) -> bool {
    directory.join(name(venue, address)).exists()
}

/// The file of one venue and address.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    file: File,
    preset: Budget,
    stops: Stops,
    /// What was last read or written, so that what nobody changed need not be understood again.
    seen: Vec<u8>,
    buffer: Vec<u8>,
    warned: bool,
}

impl StateFile {
    pub(super) fn open(
        directory: &Path,
        venue: VenueKind,
        address: &str,
        preset: Budget,
    ) -> Result<(StateFile, Budget), BudgetError> {
        let path = directory.join(name(venue, address));
        let failed = |source| BudgetError::File { path: path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let file = open_or_create(&path, &preset).map_err(failed)?;
        let stops = Stops::open(with_suffix(&path, ".stops"));
        let (seen, buffer) = (Vec::new(), Vec::new());
        let mut file =
            StateFile { path: path.clone(), file, preset, stops, seen, buffer, warned: false };
        let mut budget = file.preset.clone();
        // Nothing is under way yet, so another process's turn may be waited for.
        let end = Instant::now() + OPEN_MAX;
        loop {
            let preset = file.preset.clone();
            let taken = file.locked(&mut budget, |budget| {
                *budget = preset.restored(budget.clone());
                ((), true)
            });
            if taken.is_some() {
                return Ok((file, budget));
            }
            if Instant::now() > end {
                return Err(failed(io::ErrorKind::TimedOut.into()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Reads the budget, works on it and writes it down if it was changed, while no other process
    /// can. `None` while another one does, or if the file cannot be had at all. `budget` holds what
    /// was last read or written here.
    pub(super) fn locked<T>(
        &mut self,
        budget: &mut Budget,
        work: impl FnOnce(&mut Budget) -> (T, bool),
    ) -> Option<T> {
        match self.try_lock().and_then(|held| if held { self.read() } else { Ok(false) }) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                self.warn("cannot be read", &error);
                // Not held, most likely.
                let _ = self.file.unlock();
                return None;
            }
        }
        if !self.is_unchanged() {
            self.understand(budget);
        }
        self.stops.apply(budget);
        let (done, changed) = work(budget);
        if changed && let Err(error) = self.write(budget) {
            self.warn("cannot be written", &error);
        }
        // A lock that cannot be given up ends with the process; until then others go on without.
        let _ = self.file.unlock();
        Some(done)
    }

    /// What this process knows is no longer what the file says.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        // Somebody removed it: with whom would we share it?
        if self.file.metadata()?.nlink() == 0 {
            self.file = open_or_create(&self.path, &self.preset)?;
            self.forget();
        }
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// The whole file into the buffer.
    fn read(&mut self) -> io::Result<bool> {
        let mut length = 0;
        loop {
            if self.buffer.len() < length + READ_AT_LEAST {
                self.buffer.resize(length + READ_AT_LEAST, 0);
            }
            match self.file.read_at(&mut self.buffer[length..], length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if length > FILE_MAX {
                break;
            }
        }
        self.buffer.truncate(length);
        Ok(true)
    }

    /// The first line has length and checksum, so what begins alike is alike.
    fn is_unchanged(&self) -> bool {
        !self.seen.is_empty() && self.buffer.starts_with(&self.seen)
    }

    fn understand(&mut self, budget: &mut Budget) {
        let text = unframe(&self.buffer);
        if let Some(read) = text.and_then(|text| serde_json::from_slice(text).ok()) {
            *budget = read;
            self.seen = frame(text.unwrap_or_default());
            return;
        }
        let aside = self.set_aside();
        tracing::warn!(
            path = %self.path.display(), ?aside,
            "the rate budget was damaged and is set aside: as if all but the reserve were spent"
        );
        *budget = self.preset.clone().careful(clock::now());
        if let Err(error) = self.write(budget) {
            self.warn("cannot be written", &error);
        }
    }

    /// A copy of what cannot be read, for whoever wants to know why.
    fn set_aside(&self) -> io::Result<PathBuf> {
        let names = (1..=ASIDE_MAX).map(|n| with_suffix(&self.path, &format!(".damaged-{n}")));
        let mut last = Err(io::ErrorKind::AlreadyExists.into());
        for path in names {
            last =
                OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
                    file.write_all(&self.buffer)?;
                    Ok(path)
                });
            if !matches!(&last, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
                break;
            }
        }
        last
    }

    fn write(&mut self, budget: &Budget) -> io::Result<()> {
        let text = serde_json::to_vec(budget)?;
        self.seen = frame(&text);
        self.file.write_all_at(&self.seen, 0)
    }

    /// Remembers a stop; returns what must go to the disk.
    pub(super) fn remember(&mut self, counts: Option<Counted>, wait: Duration) -> Stops {
        self.stops.remember(counts, wait);
        self.stops.clone()
    }

    /// Once: the next thousand requests would say the same.
    fn warn(&mut self, what: &str, error: &io::Error) {
        if !self.warned {
            tracing::warn!(path = %self.path.display(), %error, "rate budget {what}; not shared");
            self.warned = true;
        }
    }
}

/// Opens the file, or makes it with nothing used. It comes into being as a whole, so one that is
/// empty is a damaged one.
fn open_or_create(path: &Path, preset: &Budget) -> io::Result<File> {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let new = with_suffix(path, &format!(".{}.new", std::process::id()));
    fs::write(&new, frame(&serde_json::to_vec(preset)?))?;
    // Unlike a rename this never replaces one that another process has just made.
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => open(),
    }
}

//! The latch and the marks on the disk: written beside, flushed, renamed, and the directory flushed.
//!
//! A latch file that is there is a latch, whatever is in it: one that cannot be read latches, too. It has a
//! file of its own; nothing else ever writes to it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::core::marks::{FORM, Marks};
use crate::core::words::{Kind, Latch};

const LATCH: &str = "watchdog-latch.json";
const MARKS: &str = "watchdog-marks.json";
/// A file that is larger was not written by us, bytes.
const FILE_MAX: u64 = 1 << 20;

/// A directory that can be written to.
#[derive(Clone, Debug)]
pub struct Disk {
    directory: PathBuf,
}

impl Disk {
    /// Makes the directory, and proves that a latch could be kept in it.
    pub fn open(directory: &Path) -> io::Result<Disk> {
        fs::create_dir_all(directory)?;
        let disk = Disk { directory: directory.to_owned() };
        disk.write("watchdog-probe.json", b"{}\n")?;
        fs::remove_file(disk.directory.join("watchdog-probe.json"))?;
        Ok(disk)
    }

    /// The latch, if there is one.
    pub fn latch(&self) -> Option<Latch> {
        let unreadable = |problem: String| {
            let path = self.directory.join(LATCH);
            let cause = format!("{}: {problem}", path.display());
            Some(Latch { v: 1, kind: Kind::LatchUnreadable, cause, at_ms: 0 })
        };
        match self.read(LATCH) {
            Ok(None) => None,
            Ok(Some(bytes)) => match serde_json::from_slice::<Latch>(&bytes) {
                Ok(latch) if latch.v == 1 => Some(latch),
                Ok(latch) => unreadable(format!("is of version {}, this reads 1", latch.v)),
                Err(error) => unreadable(error.to_string()),
            },
            Err(error) => unreadable(error.to_string()),
        }
    }

    /// Makes a latch durable.
    pub fn write_latch(&self, latch: &Latch) -> io::Result<()> {
        self.write(LATCH, &serde_json::to_vec(latch)?)
    }

    /// Takes the latch off, keeping it under another name.
    pub fn lift(&self, latch: &Latch) -> io::Result<()> {
        let to = self.directory.join(format!("watchdog-lifted-{}.json", latch.at_ms));
        fs::rename(self.directory.join(LATCH), to)?;
        self.flush()
    }

    /// The marks. Ones that cannot be read are an error: a high-water mark that is lost would allow the
    /// whole drawdown again.
    pub fn marks(&self) -> io::Result<Marks> {
        let Some(bytes) = self.read(MARKS)? else { return Ok(Marks::default()) };
        let marks: Marks = serde_json::from_slice(&bytes)?;
        match marks.v {
            1 | FORM => Ok(marks),
            v => Err(io::Error::other(format!("marks of version {v}; this reads 1 and {FORM}"))),
        }
    }

    /// Keeps the marks.
    pub fn write_marks(&self, marks: &Marks) -> io::Result<()> {
        self.write(MARKS, &serde_json::to_vec(marks)?)
    }

    /// Where the marks are kept.
    pub fn marks_path(&self) -> PathBuf {
        self.directory.join(MARKS)
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.directory.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > FILE_MAX => Err(io::Error::other("is too large")),
            Ok(_) => fs::read(path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.directory.join(format!("{name}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, self.directory.join(name))?;
        self.flush()
    }

    fn flush(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latch() -> Latch {
        Latch { v: 1, kind: Kind::Person, cause: "http: enough".into(), at_ms: 1_767_225_600_000 }
    }

    #[test]
    fn a_latch_is_kept_and_lifted() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(&directory.path().join("made")).unwrap();
        assert_eq!(disk.latch(), None);
        disk.write_latch(&latch()).unwrap();
        let again = Disk::open(&directory.path().join("made")).unwrap();
        assert_eq!(again.latch(), Some(latch()));
        again.lift(&latch()).unwrap();
        assert_eq!(disk.latch(), None);
        assert!(directory.path().join("made/watchdog-lifted-1767225600000.json").exists());
        assert!(disk.lift(&latch()).is_err(), "there is none any more");
    }

    #[test]
    fn whatever_is_in_it_a_latch_file_latches() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path()).unwrap();
        let good = serde_json::to_string(&latch()).unwrap();
        for text in ["", "{}", "{\"v\":1", &good.replace("\"v\":1", "\"v\":2"), &good[..20]] {
            fs::write(directory.path().join(LATCH), text).unwrap();
            assert_eq!(disk.latch().unwrap().kind, Kind::LatchUnreadable, "{text:?}");
        }
        fs::remove_file(directory.path().join(LATCH)).unwrap();
        fs::create_dir(directory.path().join(LATCH)).unwrap();
        assert_eq!(disk.latch().unwrap().kind, Kind::LatchUnreadable, "a directory");
    }

    #[test]
    fn marks_come_back_and_torn_ones_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path()).unwrap();
        assert_eq!(disk.marks().unwrap(), Marks::default());
        let high_water = crate::Amount::parse("10012.5");
        let marks = Marks { v: 1, high_water, day: 20_454, ..Marks::default() };
        disk.write_marks(&marks).unwrap();
        assert_eq!(disk.marks().unwrap(), marks);
        fs::write(disk.marks_path(), "{\"v\":1,").unwrap();
        assert!(disk.marks().is_err());
    }
}

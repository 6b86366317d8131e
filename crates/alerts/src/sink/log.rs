//! A file: one line of JSON for each alert, on the disk before it counts as delivered.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::message::Message;

pub(super) struct Log {
    path: PathBuf,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Log {
        Log { path }
    }

    pub(super) async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let line = serde_json::to_vec(message);
        let line = line.map_err(|error| Failure::refused(error.to_string()))?;
        let path = self.path.clone();
        // A disk may take its time.
        let written = tokio::task::spawn_blocking(move || append(&path, line)).await;
        let written = written.map_err(|_| Failure::passing("the thread that wrote it is gone"))?;
        written.map_err(|error| Failure::passing(format!("cannot be written: {error}")))
    }
}

/// The file is opened each time: who turns logs over by renaming them finds a new one.
fn append(path: &Path, mut line: Vec<u8>) -> std::io::Result<()> {
    let mut file =
        OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    line.push(b'\n');
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            // A line that was cut short by a crash stays alone.
            line.insert(0, b'\n');
        }
    }
    file.write_all(&line)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts.jsonl");
        append(&path, b"1".to_vec()).unwrap();
        std::fs::write(&path, "1\n2").unwrap();
        append(&path, b"3".to_vec()).unwrap();
        append(&path, b"4".to_vec()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n3\n4\n");
    }
}

//! The file in which the watchdog finds this process, where it is to end it.

use std::path::{Path, PathBuf};

use super::error::RunError;

/// Holds this process's id while this lives.
pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) fn write(path: &Path) -> Result<PidFile, RunError> {
        let written = std::fs::write(path, text());
        written.map_err(|source| RunError::PidFile { path: path.to_owned(), source })?;
        Ok(PidFile(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A successor may have written its own.
        if std::fs::read_to_string(&self.0).is_ok_and(|found| found == text()) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

fn text() -> String {
    format!("{}\n", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_the_gateway_is_and_a_successors_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let file = PidFile::write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text());
        drop(file);
        assert!(!path.exists());
        let file = PidFile::write(&path).unwrap();
        std::fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
        assert!(PidFile::write(directory.path()).is_err());
    }
}

//! Lines of a file, plain, gzipped or zipped.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::row::ReplayError;

/// A line longer than this is no line of a recording.
const LINE_MAX: u64 = 16 * 1024 * 1024;

/// Lines, numbered, with one line of look-ahead.
pub(super) struct Lines {
    pub(super) path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    line: u64,
    peeked: Option<String>,
}

/// Opens a file and looks at its first bytes.
pub(super) fn open(path: &Path) -> Result<Lines, ReplayError> {
    let unreadable = |source| ReplayError::Unreadable { path: path.to_owned(), source };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let start = file.fill_buf().map_err(unreadable)?;
    let reader: Box<dyn BufRead + Send> = match start {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        [b'P', b'K', ..] => {
            file.rewind().map_err(unreadable)?;
            Box::new(unzip(path, file)?)
        }
        [b'P', b'A', b'R', b'1', ..] | [b'A', b'R', b'R', b'O', b'W', ..] => {
            let problem = "is Parquet or Feather, which is not replayed; use a text recording";
            return Err(ReplayError::Format { path: path.to_owned(), problem: problem.to_owned() });
        }
        _ => Box::new(file),
    };
    Ok(Lines { path: path.to_owned(), reader, line: 0, peeked: None })
}

/// The first member of an archive. A zip file is read from its end and cannot be streamed, so the
/// member is unpacked as a whole; the public archives' daily files are small enough for that.
fn unzip(
    path: &Path,
    file: BufReader<File>,
) -> Result<BufReader<std::io::Cursor<Vec<u8>>>, ReplayError> {
    const MEMBER_MAX: u64 = 2 * 1024 * 1024 * 1024;
    let bad = |problem: String| ReplayError::Format { path: path.to_owned(), problem };
    let mut archive =
        zip::ZipArchive::new(file).map_err(|e| bad(format!("damaged zip file: {e}")))?;
    let member = archive.by_index(0).map_err(|e| bad(format!("damaged zip file: {e}")))?;
    let mut bytes = Vec::new();
    member
        .take(MEMBER_MAX)
        .read_to_end(&mut bytes)
        .map_err(|e| bad(format!("damaged zip file: {e}")))?;
    Ok(BufReader::new(std::io::Cursor::new(bytes)))
}

impl Lines {
    /// The next line without taking it.
    pub(super) fn peek(&mut self) -> Result<Option<&str>, ReplayError> {
        if self.peeked.is_none() {
            self.peeked = self.read()?;
        }
        Ok(self.peeked.as_deref())
    }

    /// The next line and its number; empty lines and comments are skipped.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, String)>, ReplayError> {
        let line = match self.peeked.take() {
            Some(line) => Some(line),
            None => self.read()?,
        };
        Ok(line.map(|line| (self.line, line)))
    }

    fn read(&mut self) -> Result<Option<String>, ReplayError> {
        loop {
            let mut line = String::new();
            let read = self.reader.by_ref().take(LINE_MAX).read_line(&mut line);
            let read = read.map_err(|source| ReplayError::Truncated {
                path: self.path.clone(),
                line: self.line,
                source,
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            line.truncate(line.trim_end().len());
            if !line.is_empty() && !line.starts_with('#') {
                return Ok(Some(line));
            }
        }
    }

    /// An error at the line that was read last.
    pub(super) fn bad(&self, problem: impl Into<String>) -> ReplayError {
        ReplayError::Row { path: self.path.clone(), line: self.line, problem: problem.into() }
    }
}

//! Lines of a text of any size, from one buffer of fixed size.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Place, RowProblem};
use crate::input::{Form, Input};

/// The buffer. A line is at most this long, and the first look at a file sees so much of it.
const BUFFER: usize = 1 << 20;

/// A text, line by line.
pub(crate) struct Lines {
    input: Input,
    file: PathBuf,
    buffer: Vec<u8>,
    /// What of the buffer is not handed out yet.
    start: usize,
    end: usize,
    at_end: bool,
    number: u64,
}

impl Lines {
    /// Reads as much as fits the buffer, for [`Lines::ahead`].
    pub(crate) fn new(input: Input, path: &Path) -> Result<Lines, DataError> {
        let mut lines = Lines {
            input,
            file: path.to_owned(),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            at_end: false,
            number: 0,
        };
        while lines.end < BUFFER && !lines.at_end {
            lines.fill()?;
        }
        // A mark that some editors put before UTF-8.
        if lines.buffer[..lines.end].starts_with(b"\xef\xbb\xbf") {
            lines.start = 3;
        }
        Ok(lines)
    }

    /// The whole lines that are in the buffer now, without taking them.
    pub(crate) fn ahead(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.buffer[self.start..self.end];
        let at_end = self.at_end;
        std::iter::from_fn(move || match memchr::memchr(b'\n', rest) {
            Some(end) => {
                let line = &rest[..end];
                rest = &rest[end + 1..];
                Some(without_return(line))
            }
            None if at_end && !rest.is_empty() => Some(without_return(std::mem::take(&mut rest))),
            None => None,
        })
    }

    /// Takes the next line: where it is in the buffer, see [`Lines::text`].
    pub(crate) fn take(&mut self) -> Result<Option<Range<usize>>, DataError> {
        loop {
            let rest = &self.buffer[self.start..self.end];
            if let Some(length) = memchr::memchr(b'\n', rest) {
                let line = self.start..self.start + length;
                self.start += length + 1;
                self.number += 1;
                return Ok(Some(line));
            }
            if self.at_end {
                let line = self.start..self.end;
                self.start = self.end;
                self.number += u64::from(!line.is_empty());
                return Ok((!line.is_empty()).then_some(line));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.end == BUFFER {
                let place = Place { file: self.file.clone(), line: self.number + 1 };
                return Err(DataError::Row { place, problem: RowProblem::Long { max: BUFFER } });
            }
            self.fill()?;
        }
    }

    /// The text of a line that was taken last.
    pub(crate) fn text(&self, line: &Range<usize>) -> &[u8] {
        without_return(&self.buffer[line.clone()])
    }

    /// Number of the line that was taken last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The name of the file, or of the one inside the zip.
    pub(crate) fn name(&self) -> &str {
        &self.input.name
    }

    /// Bytes taken from the disk.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.input.taken.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn fill(&mut self) -> Result<(), DataError> {
        match self.input.bytes.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.at_end = true,
            Ok(read) => self.end += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(self.failure(error)),
        }
        Ok(())
    }

    fn failure(&self, error: io::Error) -> DataError {
        let file = self.file.clone();
        let whole = memchr::memchr_iter(b'\n', &self.buffer[self.start..self.end]).count() as u64;
        match (self.input.form, error.kind()) {
            (form @ (Form::Gzip | Form::Zip), io::ErrorKind::UnexpectedEof) => {
                let form = if form == Form::Gzip { "gzip" } else { "zip" };
                DataError::Truncated { file, form, lines: self.number + whole }
            }
            (Form::Gzip | Form::Zip, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                DataError::Damaged { file, detail: error.to_string() }
            }
            _ => DataError::Io { file, error },
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

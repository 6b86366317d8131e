//! Lines from a pipe whose other end is not trusted: of bounded length, and safe to stop waiting for
//! at any point.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Reads lines of at most `max` bytes.
pub(super) struct Lines<R> {
    pipe: BufReader<R>,
    line: Vec<u8>,
    max: usize,
    excess: Excess,
    /// The line at hand was handed out and is to be forgotten.
    taken: bool,
    /// The line at hand is over its length and the rest of it is skipped.
    skipping: bool,
}

/// What becomes of a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// It ends the reading.
    Refused,
    /// It is cut.
    Cut,
}

/// Why there is no next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLine {
    /// The pipe is closed, or broken, which is the same.
    End,
    /// The line is longer than allowed.
    TooLong,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: R, max: usize, excess: Excess) -> Lines<R> {
        let pipe = BufReader::new(pipe);
        Lines { pipe, line: Vec::new(), max, excess, taken: false, skipping: false }
    }

    /// The next line without its end. What is read of a line stays when the future is dropped. A
    /// last line without an end is given out too.
    pub(super) async fn next(&mut self) -> Result<&[u8], NoLine> {
        if std::mem::take(&mut self.taken) {
            self.line.clear();
        }
        loop {
            let Ok(bytes) = self.pipe.fill_buf().await else { return Err(NoLine::End) };
            if bytes.is_empty() {
                self.taken = true;
                return if self.line.is_empty() { Err(NoLine::End) } else { Ok(&self.line) };
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let used = part.len() + usize::from(end.is_some());
            let room = self.max - self.line.len();
            if part.len() > room && self.excess == Excess::Refused {
                return Err(NoLine::TooLong);
            }
            if !self.skipping {
                self.line.extend_from_slice(&part[..part.len().min(room)]);
            }
            self.skipping = end.is_none() && (self.skipping || part.len() > room);
            self.pipe.consume(used);
            if end.is_some() {
                self.taken = true;
                return Ok(&self.line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &str, max: usize, excess: Excess) -> (Vec<String>, NoLine) {
        let mut lines = Lines::new(text.as_bytes(), max, excess);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(line) => read.push(String::from_utf8(line.to_vec()).unwrap()),
                Err(end) => return (read, end),
            }
        }
    }

    fn texts(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[tokio::test]
    async fn lines_are_split_and_the_last_needs_no_end() {
        let (read, end) = all("one\n\ntwo\nthree", 5, Excess::Refused).await;
        assert_eq!((read, end), (texts(&["one", "", "two", "three"]), NoLine::End));
        assert_eq!(all("", 5, Excess::Refused).await, (vec![], NoLine::End));
    }

    #[tokio::test]
    async fn a_line_over_its_length_is_refused_or_cut() {
        assert_eq!(all("12345\n6\n", 5, Excess::Refused).await.0, texts(&["12345", "6"]));
        let (read, end) = all("1\n123456\n7\n", 5, Excess::Refused).await;
        assert_eq!((read, end), (texts(&["1"]), NoLine::TooLong));
        let (read, _) = all("1\n123456\n7\n", 5, Excess::Cut).await;
        assert_eq!(read, texts(&["1", "12345", "7"]));
    }

    #[tokio::test]
    async fn a_line_far_over_its_length_is_cut_across_buffers() {
        let long = format!("{}\nnext\n", "x".repeat(100_000));
        let (read, _) = all(&long, 10, Excess::Cut).await;
        assert_eq!(read, texts(&["xxxxxxxxxx", "next"]));
        let (read, end) = all(&long, 50_000, Excess::Refused).await;
        assert_eq!((read, end), (vec![], NoLine::TooLong));
    }
}

//! The asking side: one question, one answer, with a time-out. Without threads, so that a command may
//! still read its secrets afterwards.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ANSWER_MAX;
use super::protocol::{Answer, Ask};

/// How much longer than the gateway we wait, so that its own words come first.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No gateway listens there.
    #[error("{}: no gateway listens there", path.display())]
    Nobody {
        /// Where.
        path: PathBuf,
    },
    /// It was asked and did not answer in full.
    #[error("{}: the gateway does not answer: {source}", path.display())]
    Silent {
        /// Where.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It answers in words of another version.
    #[error("{}: its answer is not understood ({problem}); ask with the version that runs", path.display())]
    Strange {
        /// Where.
        path: PathBuf,
        /// What is strange.
        problem: serde_json::Error,
    },
}

/// How long a halt waits for a gateway that does not answer: there are other ways.
const HALT_PATIENCE: Duration = Duration::from_secs(1);

/// Asks the gateway that listens at `path`.
pub fn ask(path: &Path, ask: &Ask) -> Result<Answer, ControlError> {
    let silent = |source| ControlError::Silent { path: path.to_owned(), source };
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) => {
            return Err(match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput => {
                    ControlError::Nobody { path: path.to_owned() }
                }
                _ => silent(error),
            });
        }
    };
    let wait = match ask {
        Ask::Halt { .. } => HALT_PATIENCE,
        _ => Duration::from_secs(u64::from(ask.wait_s())) + PATIENCE,
    };
    stream.set_read_timeout(Some(wait)).map_err(silent)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(silent)?;
    let strange = |problem| ControlError::Strange { path: path.to_owned(), problem };
    let mut line = serde_json::to_string(ask).map_err(strange)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(silent)?;
    let mut answer = String::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut answer).map_err(silent)?;
    if answer.is_empty() {
        return Err(silent(ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_str(&answer).map_err(strange)
}

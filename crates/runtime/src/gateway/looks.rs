//! A look at what only a running gateway knows: a book as it holds it, which no journal has.
//!
//! A question and an answer, a line of JSON each, over a socket beside the journal that only its owner
//! may open. Nothing can be changed by it. One at a time, each within [`LOOK_MAX`]: who looks can hold
//! up others who look, and nobody else. A gateway that cannot have such a socket runs without.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::Gateway;
use model::market::{Level, MarketView};
use model::{FeedHealth, InstrumentId, Price, Qty, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Time for a look, from its question to its answer.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Longest question that is read, bytes.
const QUESTION_MAX: u64 = 1_024;
/// Levels of each side that are shown at the most.
const DEPTH_MAX: usize = 1_000;
/// Looks that wait for the loop.
pub(super) const LOOKS_MAX: usize = 4;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    instrument: InstrumentId,
    /// Levels of each side.
    depth: usize,
}

/// A book as the gateway holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookShown {
    /// Of what.
    pub instrument: InstrumentId,
    /// Whether it can be relied on.
    pub health: FeedHealth,
    /// For how long that is so.
    pub since: Timestamp,
    /// What the book is as of, by the gateway's clock; `None` when none was ever heard.
    pub as_of: Option<Timestamp>,
    /// Price and quantity of each level, best first.
    pub bids: Vec<(Price, Qty)>,
    /// The same of the other side.
    pub asks: Vec<(Price, Qty)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Book(BookShown),
    /// In words for a person.
    Error(String),
}

/// Why there is nothing to be seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Nobody answers at the socket.
    #[error("no gateway answers at {}: {problem}", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        problem: std::io::Error,
    },
    /// The gateway has no such book.
    #[error("{0}")]
    Refused(String),
    /// What was answered makes no sense: another version, perhaps.
    #[error("the gateway's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Shows the best `depth` levels of each side of a book, as the gateway that runs on this journal holds
/// it. Blocks for a few seconds at the most.
pub fn look_at_book(
    journal: &Path,
    instrument: InstrumentId,
    depth: usize,
) -> Result<BookShown, LookError> {
    let path = socket(journal);
    let silent = |problem| LookError::Silent { path: path.clone(), problem };
    let question = serde_json::to_string(&Question { instrument, depth })?;
    let ask = || {
        let mut stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(LOOK_MAX * 2))?;
        stream.set_write_timeout(Some(LOOK_MAX * 2))?;
        stream.write_all(format!("{question}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    match serde_json::from_str(&ask().map_err(silent)?)? {
        Answer::Book(book) => Ok(book),
        Answer::Error(text) => Err(LookError::Refused(text)),
    }
}

/// The socket that belongs to this journal.
fn socket(journal: &Path) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(".look");
    path.into()
}

/// Somebody looks.
pub(super) struct Look {
    question: Question,
    answer: oneshot::Sender<Answer>,
}

impl Look {
    /// Shows what is known now.
    pub(super) fn answer(self, gateway: &Gateway) {
        let Question { instrument, depth } = self.question;
        let answer = match gateway.markets().get(instrument) {
            Some(market) => Answer::Book(show(gateway, market, depth.min(DEPTH_MAX))),
            None => Answer::Error(format!("{instrument} is not followed by this gateway")),
        };
        // Who asked may have gone.
        let _ = self.answer.send(answer);
    }
}

fn show(gateway: &Gateway, market: &MarketView, depth: usize) -> BookShown {
    let (instrument, grid) = (market.instrument().id, market.instrument().grid());
    let (health, since) = gateway.feed_health(instrument);
    let exact = |level: Level| Some((grid.price(level.price)?, grid.qty(level.qty)?));
    BookShown {
        instrument,
        health,
        since,
        as_of: market.book_as_of(gateway.venue_ahead_ms()),
        bids: market.book().bids().take(depth).filter_map(exact).collect(),
        asks: market.book().asks().take(depth).filter_map(exact).collect(),
    }
}

/// The socket of a running gateway; it goes with it.
pub(super) struct Window {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Window {
    fn drop(&mut self) {
        // What is left is replaced by the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Window {
    /// Opens it. The journal must be held by this process: what lies at this path is a leftover then.
    pub(super) fn open(journal: &Path) -> std::io::Result<Window> {
        let path = socket(journal);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Window { listener, path })
    }

    /// Passes each question on, and its answer back, until nobody answers any more.
    pub(super) async fn serve(self, looks: mpsc::Sender<Look>) {
        while !looks.is_closed() {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(Err(error)) = timeout(LOOK_MAX, one(stream, &looks)).await {
                        tracing::debug!(%error, "a look was not answered");
                    }
                }
                // Out of descriptors, most likely: that passes or is said elsewhere.
                Err(error) => {
                    tracing::debug!(%error, "nobody can look");
                    tokio::time::sleep(LOOK_MAX).await;
                }
            }
        }
    }
}

async fn one(
    mut stream: tokio::net::UnixStream,
    looks: &mpsc::Sender<Look>,
) -> std::io::Result<()> {
    let mut line = String::new();
    let (read, mut write) = stream.split();
    tokio::io::BufReader::new(read.take(QUESTION_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(question) => {
            let (answer, answered) = oneshot::channel();
            let gone = || std::io::Error::other("the gateway ends");
            looks.send(Look { question, answer }).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        }
        Err(error) => Answer::Error(format!("no question: {error}")),
    };
    let answer = serde_json::to_string(&answer)?;
    write.write_all(format!("{answer}\n").as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_is_passed_on_and_its_answer_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let journal = directory.path().join("plimsoll.db");
        // A leftover of a gateway that was killed.
        drop(std::os::unix::net::UnixListener::bind(socket(&journal)).unwrap());
        let window = Window::open(&journal).unwrap();
        let mode = std::fs::metadata(socket(&journal)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (looks, mut queue) = mpsc::channel(LOOKS_MAX);
        let serving = tokio::spawn(window.serve(looks));
        let shown = BookShown {
            instrument: "BTC-USDT".parse().unwrap(),
            health: FeedHealth::Live,
            since: Timestamp::EPOCH,
            as_of: None,
            bids: vec![("99.5".parse().unwrap(), "2".parse().unwrap())],
            asks: Vec::new(),
        };
        for answer in [Answer::Book(shown.clone()), Answer::Error("no such book".to_owned())] {
            let (path, instrument) = (journal.clone(), shown.instrument);
            let asking = tokio::task::spawn_blocking(move || look_at_book(&path, instrument, 7));
            let look: Look = queue.recv().await.unwrap();
            assert_eq!(look.question, Question { instrument, depth: 7 });
            look.answer.send(answer).unwrap();
            match asking.await.unwrap() {
                Ok(book) => assert_eq!(book, shown),
                Err(error) => assert_eq!(error.to_string(), "no such book"),
            }
        }
        serving.abort();
        assert!(serving.await.is_err());
        assert!(!socket(&journal).exists(), "it goes with the gateway");
        let gone = look_at_book(&journal, shown.instrument, 7);
        assert!(matches!(gone, Err(LookError::Silent { .. })), "{gone:?}");
    }
}

//! The listening side: reads a question, hands it to the gateway's loop, and writes its answer.
//!
//! Nothing that comes here can hold the gateway up: questions, connections, sizes and times are bounded,
//! and what is not understood is answered with why.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway::Limits;
use journal::Flushes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ASK_MAX;
use super::protocol::{Answer, Ask};
use crate::config::LimitsFile;

/// Connections at a time; one more is closed.
const CONNECTIONS_MAX: usize = 8;
/// How long a connection may take to say what it wants, and to take its answer.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// Pause after a connection could not be taken, as when there are no more files.
const PAUSE: Duration = Duration::from_millis(100);

/// A question with the way to its answer.
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    /// The limits that were read for it, where it asks for that.
    pub(crate) limits: Option<Box<Limits>>,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// What is answered without the gateway's loop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// What is read when somebody wants the limits read.
    pub(crate) limits: Option<Arc<LimitsFile>>,
    /// How long the journal's writes take.
    pub(crate) flushes: Flushes,
}

/// Listens while this lives; then the socket is gone.
pub(crate) struct Listening {
    path: PathBuf,
    /// Device and number of the socket's file.
    made: (u64, u64),
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        // A successor may have replaced it already. The next gateway replaces one that stays.
        if file(&self.path).is_ok_and(|found| found == self.made) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn file(path: &Path) -> std::io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Listens at `path`, which is ours by the journal's lock.
pub(crate) fn listen(
    path: &Path,
    asked: mpsc::Sender<Asked>,
    beside: Beside,
) -> std::io::Result<Listening> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    // The directory lets nobody else in; the socket says so as well.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let made = file(path)?;
    let task = tokio::spawn(accept(listener, asked, beside));
    Ok(Listening { path: path.to_owned(), made, task })
}

async fn accept(listener: UnixListener, asked: mpsc::Sender<Asked>, beside: Beside) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (asked, beside) = (asked.clone(), beside.clone());
        tokio::spawn(async move {
            // Who goes away or dawdles is let go.
            let _ = serve(stream, asked, beside).await;
            drop(place);
        });
    }
}

/// One connection: question after question, one answer for each.
async fn serve(
    stream: UnixStream,
    asked: mpsc::Sender<Asked>,
    beside: Beside,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut stream).take(ASK_MAX);
        let read = timeout(IDLE_MAX, limited.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(());
        }
        let is_whole = line.last() == Some(&b'\n');
        let answer = if is_whole {
            answer(&line, &asked, &beside).await
        } else {
            Answer::Error(format!("a question is one line of at most {ASK_MAX} bytes"))
        };
        let mut text = serde_json::to_vec(&answer).map_err(std::io::Error::other)?;
        text.push(b'\n');
        timeout(IDLE_MAX, stream.get_mut().write_all(&text)).await??;
        if !is_whole {
            return Ok(());
        }
    }
}

async fn answer(line: &[u8], asked: &mpsc::Sender<Asked>, beside: &Beside) -> Answer {
    let ask: Ask = match serde_json::from_slice(line) {
        Ok(ask) => ask,
        Err(error) => return Answer::Error(format!("not understood: {error}")),
    };
    if ask == (Ask::Flushes {}) {
        return Answer::Flushes(beside.flushes.counts());
    }
    let wait = Duration::from_secs(u64::from(ask.wait_s()));
    let limits = match read_limits(&ask, beside.limits.as_ref(), wait).await {
        Ok(limits) => limits,
        Err(problem) => return Answer::Error(problem),
    };
    let (reply, answered) = oneshot::channel();
    if asked.try_send(Asked { ask, limits, reply }).is_err() {
        return Answer::Error("too many questions wait, or the gateway is ending".to_owned());
    }
    match timeout(wait, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Answer::Error("the gateway is ending".to_owned()),
        Err(_) => Answer::Error(format!(
            "it could not be done within {} s; plimsoll status says how the gateway is",
            wait.as_secs()
        )),
    }
}

/// Reads the limits file where that is asked for: here, and not in the gateway's loop, which waits for no
/// disk.
async fn read_limits(
    ask: &Ask,
    file: Option<&Arc<LimitsFile>>,
    wait: Duration,
) -> Result<Option<Box<Limits>>, String> {
    let Ask::Limits { reload: true } = ask else { return Ok(None) };
    let Some(file) = file.map(Arc::clone) else {
        return Err("this gateway has no limits file".to_owned());
    };
    let path = file.path.display().to_string();
    let reading = tokio::task::spawn_blocking(move || file.read());
    match timeout(wait, reading).await {
        Ok(Ok(Ok(limits))) => Ok(Some(Box::new(limits))),
        Ok(Ok(Err(problem))) => Err(format!("the limits were not changed: {problem}")),
        Ok(Err(_)) | Err(_) => Err(format!("the limits were not changed: {path} cannot be read")),
    }
}

//! Questions about the journal, answered one after the other by a thread that has its tables.
//!
//! A question has a time that it may take, and so many wait that a browser gets an answer before it gives up. A halt
//! asks nothing here: it waits for no question.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use journal::Address;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use views::{Bounds, Views};

use crate::live::Told;
use crate::problem::Problem;
use crate::wanted::Wanted;
use crate::{curves, tables};

/// Questions that wait.
const WAITING_MAX: usize = 32;
/// Time of one question.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How often the tables are brought up to the journal's end while somebody looks on, and while nobody does.
const REFRESH_EVERY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// How often it is told how far a long journal has been read.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// What a page may ask.
#[derive(Debug)]
pub(crate) enum Question {
    /// Entries of the journal, newest first.
    Entries(Wanted),
    /// The story of an order or a decision.
    Why(String),
    /// What was earned and lost over time.
    Curves,
}

type Answered = Result<Value, Problem>;
type Asked = (Question, oneshot::Sender<Answered>);

/// The thread's work, as the server sees it. The thread ends when this goes.
pub(crate) struct Asking {
    ask: SyncSender<Asked>,
    told: Told,
}

impl Asking {
    pub(crate) fn start(journal: Address, directory: PathBuf) -> std::io::Result<Asking> {
        let (ask, asked) = sync_channel(WAITING_MAX);
        let (tell, told) = watch::channel(Arc::from(""));
        let mut desk = Desk { journal, directory, views: None, tell, told: None, looked: None };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || desk.answer_all(&asked))?;
        Ok(Asking { ask, told })
    }

    /// What the tables say, told anew whenever the journal has gone on.
    pub(crate) fn told(&self) -> Told {
        self.told.clone()
    }

    pub(crate) async fn ask(&self, question: Question) -> Answered {
        let (reply, answered) = oneshot::channel();
        let busy = |text: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, text);
        if self.ask.try_send((question, reply)).is_err() {
            return Err(busy("too many questions wait; try again in a moment"));
        }
        answered.await.unwrap_or_else(|_| Err(busy("the dashboard is ending")))
    }
}

/// The thread's own.
struct Desk {
    journal: Address,
    directory: PathBuf,
    views: Option<Views>,
    tell: watch::Sender<Arc<str>>,
    /// The entry up to which was told. A question may have brought the tables further meanwhile.
    told: Option<u64>,
    looked: Option<Instant>,
}

impl Desk {
    fn answer_all(&mut self, asked: &Receiver<Asked>) {
        self.refresh();
        loop {
            match asked.recv_timeout(REFRESH_EVERY[0]) {
                Ok((question, reply)) => {
                    // A browser that has gone away wants nothing any more.
                    if !reply.is_closed() {
                        let _ = reply.send(self.answer(&question));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let [often, seldom] = REFRESH_EVERY;
            // The server's own is one. Who comes is told what is new at once.
            let every = if self.tell.receiver_count() > 1 { often } else { seldom };
            if self.looked.is_none_or(|looked| looked.elapsed() >= every) {
                self.refresh();
            }
        }
    }

    /// Brings the tables up to the journal's end, and tells what they say.
    fn refresh(&mut self) {
        let before = self.told;
        let told = self.open().and_then(|views| {
            let is_new = before != Some(views.last());
            let told = is_new.then(|| tables::told(views)).transpose()?;
            Ok((views.last(), told))
        });
        let told = match told {
            Ok((last, told)) => {
                self.told = Some(last);
                told
            }
            Err(problem) => {
                self.told = None;
                Some(json!({"problem": problem.text}))
            }
        };
        if let Some(told) = told {
            self.tell.send_replace(Arc::from(told.to_string()));
        }
        self.looked = Some(Instant::now());
    }

    fn answer(&mut self, question: &Question) -> Answered {
        let views = self.open()?;
        let bounds = Bounds { timeout: TIME_MAX, rows: 1_000 };
        match question {
            Question::Entries(wanted) => tables::entries(views, wanted, bounds),
            Question::Why(id) => Ok(views.why(id)?.json()),
            Question::Curves => curves::all(views, bounds),
        }
    }

    /// The tables, at the journal's end.
    fn open(&mut self) -> Result<&mut Views, Problem> {
        let is_new = |views: &Views| views.journal().last().is_ok_and(|last| last == views.last());
        if !self.views.as_ref().is_some_and(is_new) {
            // Not both at once: the one that is there holds the file open.
            self.views = None;
            let (tell, mut said) = (&self.tell, Instant::now());
            let views = Views::open(&self.journal, &self.directory, &mut |done, all| {
                if said.elapsed() >= PROGRESS_EVERY {
                    said = Instant::now();
                    let reading = json!({"reading": {"done": done, "all": all}});
                    tell.send_replace(Arc::from(reading.to_string()));
                }
            })?;
            self.views = Some(views);
        }
        self.views.as_mut().ok_or_else(|| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the journal has not been read yet")
        })
    }
}

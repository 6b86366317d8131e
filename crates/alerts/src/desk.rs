//! Where alerts are raised: limited, numbered, and laid into every sink's queue, without waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::{Alert, AlertLevel, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::limit::{Limit, Told};
use crate::message::{Message, Standing};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::worker::{self, Post};

/// How long an end waits for what is queued.
const CLOSE_MAX: Duration = Duration::from_secs(3);
/// How often it is looked for what was held for a minute.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// All sinks at work. Cheap to clone; raising never waits.
#[derive(Clone)]
pub struct Alerts {
    desk: Arc<Desk>,
}

struct Desk {
    source: String,
    /// Where the numbers of this process begin: in no other process of this account.
    begun: Timestamp,
    clock: fn() -> Timestamp,
    start: Instant,
    counted: Mutex<Counted>,
    posts: Vec<Arc<Post>>,
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Counted {
    limit: Limit,
    number: u64,
}

/// How a sink is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkState {
    /// Its name.
    pub name: String,
    /// The kind's word in the configuration.
    pub kind: String,
    /// Where it goes, without secrets.
    pub to: String,
    /// What is less than this does not go there.
    pub min_level: AlertLevel,
    /// Messages that it has taken.
    pub delivered: u64,
    /// When it took the last one.
    pub last_success: Option<Timestamp>,
    /// When it last failed, and how.
    pub last_failure: Option<(Timestamp, String)>,
    /// Failures since it last took one.
    pub failures_in_a_row: u32,
    /// Messages that wait for it.
    pub queued: u64,
    /// Messages that it never got: too many waited, or it refused them.
    pub dropped: u64,
}

impl Alerts {
    /// Starts a task for each sink, in the runtime that this is called in.
    pub fn start(settings: &Settings, clock: fn() -> Timestamp) -> Alerts {
        let (closing, closed) = watch::channel(false);
        let mut tasks = Vec::new();
        let mut posts = Vec::new();
        for sink in &settings.sinks {
            let post = Post::new(sink.name.clone(), sink.word(), sink.to(), sink.min_level);
            let post = Arc::new(post);
            posts.push(post.clone());
            tasks.push(tokio::spawn(worker::run(post, Sink::new(sink), clock, closed.clone())));
        }
        let desk = Arc::new(Desk {
            source: settings.source.clone(),
            begun: clock(),
            clock,
            start: Instant::now(),
            counted: Mutex::default(),
            posts,
            closing,
            tasks: Mutex::default(),
        });
        let looks = desk.clone();
        tasks.push(tokio::spawn(async move { looks.look(closed).await }));
        *desk.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        Alerts { desk }
    }

    /// Tells every sink, or holds it back where its cause was told within the last minute.
    pub fn raise(&self, alert: Alert, standing: Standing) {
        self.desk.raise(Told::new((self.desk.clock)(), alert, standing));
    }

    /// How each sink is doing.
    pub fn state(&self) -> Vec<SinkState> {
        let state = |post: &Arc<Post>| {
            let inside = post.inside();
            SinkState {
                name: post.name.clone(),
                kind: post.kind.to_owned(),
                to: post.to.clone(),
                min_level: post.min_level,
                delivered: inside.delivered,
                last_success: inside.last_success,
                last_failure: inside.last_failure.clone(),
                failures_in_a_row: inside.in_a_row,
                queued: inside.queue.len() as u64,
                dropped: inside.queue.dropped(),
            }
        };
        self.desk.posts.iter().map(state).collect()
    }

    /// Tells what was held back, waits up to three seconds for what is queued, and ends every task. What is
    /// raised afterwards goes nowhere.
    pub async fn close(&self) {
        self.desk.tell_the_rest();
        self.desk.closing.send_replace(true);
        let tasks =
            std::mem::take(&mut *self.desk.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let end = tokio::time::Instant::now() + CLOSE_MAX;
        for mut task in tasks {
            if tokio::time::timeout_at(end, &mut task).await.is_err() {
                task.abort();
            }
        }
        for left in self.state().iter().filter(|state| state.queued > 0) {
            let SinkState { name, to, queued, .. } = left;
            tracing::warn!(sink = name, to, queued, "alerts were not delivered");
        }
    }
}

impl Desk {
    fn raise(&self, told: Told) {
        let now = self.start.elapsed();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let told = counted.limit.offer(now, told);
        self.hand_over(&mut counted, told);
    }

    fn hand_over(&self, counted: &mut Counted, told: impl IntoIterator<Item = Told>) {
        for Told { at, alert, standing, suppressed } in told {
            counted.number += 1;
            let id = format!("{:x}-{}", self.begun.nanos(), counted.number);
            let message = Message::new(id, &self.source, at, (alert, standing), suppressed);
            let message = Arc::new(message);
            self.posts.iter().for_each(|post| post.push(message.clone()));
        }
    }

    fn tell_the_rest(&self) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = counted.limit.rest();
        self.hand_over(&mut counted, rest);
    }

    /// Tells what was held, when its minute is over.
    async fn look(&self, mut closing: watch::Receiver<bool>) {
        while !*closing.borrow() {
            let wait = tokio::time::timeout(LOOK_EVERY, closing.changed()).await;
            if wait.is_ok() {
                return;
            }
            let now = self.start.elapsed();
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let due = counted.limit.due(now);
            self.hand_over(&mut counted, due);
        }
    }
}

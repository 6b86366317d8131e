//! One sink's own task: takes the next message, delivers it, and tries again what failed.
//!
//! A message stays in the queue until the sink has said that it has it, so it arrives at least once while the
//! process lives. One that the sink refuses again and again, where others might pass, is given up.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{AlertLevel, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use crate::backoff::pause;
use crate::message::Message;
use crate::queue::Queue;
use crate::sink::{Failure, Sink};

/// Attempts for a message that the sink refuses.
const REFUSALS_MAX: u32 = 3;
/// Least time between two attempts, whatever is urgent.
const ATTEMPTS_APART: Duration = Duration::from_secs(1);
/// The pause between attempts when everything ends.
const LAST_PAUSE: Duration = Duration::from_millis(250);

/// What waits for one sink, and how it is doing.
pub(crate) struct Post {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) to: String,
    pub(crate) min_level: AlertLevel,
    inside: Mutex<Inside>,
    news: Notify,
    urgent: Notify,
}

#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) queue: Queue,
    pub(crate) delivered: u64,
    pub(crate) last_success: Option<Timestamp>,
    pub(crate) last_failure: Option<(Timestamp, String)>,
    /// Failures since the last success.
    pub(crate) in_a_row: u32,
}

impl Post {
    pub(crate) fn new(name: String, kind: &'static str, to: String, min_level: AlertLevel) -> Post {
        let inside = Mutex::default();
        Post { name, kind, to, min_level, inside, news: Notify::new(), urgent: Notify::new() }
    }

    /// Takes a message in. Never waits for the sink.
    pub(crate) fn push(&self, message: Arc<Message>) {
        if message.alert.level < self.min_level {
            return;
        }
        let urgent = message.alert.level == AlertLevel::Critical;
        self.inside().queue.push(message);
        self.news.notify_one();
        if urgent {
            self.urgent.notify_one();
        }
    }

    /// Held for a few instructions at a time, so a panic in between cannot leave it half done.
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers until `closing` turns true and nothing waits.
pub(crate) async fn run(
    post: Arc<Post>,
    sink: Sink,
    clock: fn() -> Timestamp,
    mut closing: watch::Receiver<bool>,
) {
    let mut refusals: (String, u32) = Default::default();
    loop {
        let next = post.inside().queue.next();
        let Some(message) = next else {
            if *closing.borrow() {
                return;
            }
            tokio::select! {
                () = post.news.notified() => {}
                _ = closing.changed() => {}
            }
            continue;
        };
        let failure = match sink.deliver(&message).await {
            Ok(()) => {
                delivered(&post, &message, clock());
                continue;
            }
            Err(failure) => failure,
        };
        if refusals.0 != message.id {
            refusals = (message.id.clone(), 0);
        }
        refusals.1 += u32::from(failure.refused);
        let given_up = refusals.1 >= REFUSALS_MAX;
        let failures = failed(&post, &message, &failure, given_up, clock());
        rest(&post, &failure, failures, &mut closing).await;
    }
}

fn delivered(post: &Post, message: &Message, now: Timestamp) {
    let mut inside = post.inside();
    inside.queue.take_out(message);
    inside.delivered += 1;
    inside.last_success = Some(now);
    let failures = std::mem::take(&mut inside.in_a_row);
    drop(inside);
    if failures > 0 {
        tracing::info!(sink = post.name, failures, "alerts are delivered again");
    }
}

fn failed(
    post: &Post,
    message: &Message,
    failure: &Failure,
    given_up: bool,
    now: Timestamp,
) -> u32 {
    let Failure { text, .. } = failure;
    let mut inside = post.inside();
    if given_up {
        inside.queue.give_up(message);
    }
    inside.last_failure = Some((now, text.clone()));
    inside.in_a_row = inside.in_a_row.saturating_add(1);
    let failures = inside.in_a_row;
    drop(inside);
    // The first of a row, and then ever more seldom.
    if failures.is_power_of_two() {
        tracing::warn!(
            sink = post.name,
            to = post.to,
            failures,
            "an alert is not delivered: {text}"
        );
    }
    if given_up {
        tracing::warn!(sink = post.name, id = message.id, "an alert is given up: {text}");
    }
    failures
}

/// Leaves the sink alone for a while; shorter where something critical comes or everything ends.
async fn rest(post: &Post, failure: &Failure, failures: u32, closing: &mut watch::Receiver<bool>) {
    let now = Instant::now();
    if *closing.borrow() {
        return sleep_until(now + LAST_PAUSE).await;
    }
    let until = now + pause(failures, chance(), failure.wait);
    let (soon, is_patient) = (now + ATTEMPTS_APART, failure.wait.is_some());
    tokio::select! {
        () = sleep_until(until) => {}
        () = async { post.urgent.notified().await; sleep_until(soon).await }, if !is_patient => {}
        _ = closing.changed() => {}
    }
}

/// Some number from 0 to 1.
fn chance() -> f64 {
    let number = RandomState::new().build_hasher().finish();
    f64::from((number >> 40) as u32) / f64::from(1_u32 << 24)
}

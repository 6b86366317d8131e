//! The account of a paper run, in this process. Everything that an account can be asked comes here and never to
//! the network: [`Rest`](super::rest::Rest) hands it over, and has no key that it could sign anything with.
//!
//! Time runs here as it does at an exchange: what is under way is there when its time has come, whether or not the
//! gateway does anything meanwhile.

mod exchange;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway::Books;
use model::venue::AccountRequest;
use model::{Input, Instrument, InstrumentId, Link, Outcome, RequestId, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use self::exchange::{Exchange, Leaves, Leaving};
use crate::clock;
use crate::config::PaperConfig;

/// Longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

/// A paper account; cheap to clone.
#[derive(Clone)]
pub(super) struct Paper {
    shared: Arc<Shared>,
}

struct Shared {
    exchange: Mutex<Exchange>,
    /// Something is under way that was not.
    changed: Notify,
}

impl Paper {
    /// The account of these books, or a new one.
    pub(super) fn open(
        paper: &PaperConfig,
        instruments: &[Instrument],
        books: &Books,
        session: u64,
        venue_now: Timestamp,
    ) -> Paper {
        let exchange = Exchange::open(paper, instruments, books, session, venue_now);
        let shared = Shared { exchange: Mutex::new(exchange), changed: Notify::new() };
        Paper { shared: Arc::new(shared) }
    }

    /// Asks the exchange, and waits for its answer. `decided` is when the core decided to ask, and its number for
    /// it; without it the request leaves now.
    pub(super) async fn ask(
        &self,
        venue_now: Timestamp,
        decided: Option<(Timestamp, RequestId)>,
        request: &AccountRequest,
    ) -> Outcome {
        let (reply, answer) = oneshot::channel();
        let leaves = Leaving { now: clock::now(), venue_now, decided };
        self.exchange().sends(leaves, request.clone(), reply);
        self.shared.changed.notify_one();
        let ended = |_| Outcome::InDoubt("the paper account is closed".to_owned());
        answer.await.unwrap_or_else(ended)
    }

    /// What the gateway hears the exchange hears too. Returns when that was in the order of all that happens there.
    pub(super) fn hears(&self, now: Timestamp, venue_now: Timestamp, input: &Input) -> Timestamp {
        let mut exchange = self.exchange();
        let before = exchange.next_at();
        let heard = exchange.hears((now, venue_now), input);
        let is_news = exchange.next_at() != before;
        drop(exchange);
        if is_news {
            self.shared.changed.notify_one();
        }
        heard
    }

    /// Carries what is under way to where it goes, until nobody listens.
    pub(super) async fn run(
        self,
        inputs: mpsc::Sender<Input>,
        mut distrusted: mpsc::Receiver<(Option<InstrumentId>, String)>,
    ) {
        if link(&inputs, true, "the account is in this process").await.is_none() {
            return;
        }
        loop {
            let now = clock::now();
            self.exchange().pass(now);
            while let Some(leaves) = { self.exchange().leaves(now) } {
                match leaves {
                    // Who asked may have lost patience.
                    Leaves::Answer(reply, outcome) => drop(reply.send(outcome)),
                    Leaves::Report(event) => {
                        if inputs.send(Input::Account(event)).await.is_err() {
                            return;
                        }
                    }
                }
            }
            let next = { self.exchange().next_at() };
            let due = next.map_or(SLEEP_MAX, |at| at.since(clock::now()).min(SLEEP_MAX));
            tokio::select! {
                () = tokio::time::sleep_until(Instant::now() + due) => {}
                () = self.shared.changed.notified() => {}
                Some((_, cause)) = distrusted.recv() => {
                    // As a connection that is made anew: what was missed is asked for.
                    let again = async {
                        link(&inputs, false, &cause).await?;
                        link(&inputs, true, "the account is in this process").await
                    };
                    if again.await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Whoever died with it in hand was in the middle of a step; the gateway compares its books all the same.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.shared.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` when nobody listens.
async fn link(inputs: &mpsc::Sender<Input>, up: bool, cause: &str) -> Option<()> {
    inputs.send(Input::Link { link: Link::Account, up, cause: cause.to_owned() }).await.ok()
}

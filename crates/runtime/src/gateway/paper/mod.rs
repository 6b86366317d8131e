//! The account of a paper run, in this process. Everything that an account can be asked comes here and never to
//! the network: [`Rest`](super::rest::Rest) hands it over, and has no key that it could sign anything with.
//!
//! Time runs here as it does at an exchange: what is under way is there when its time has come, whether or not the
//! gateway does anything meanwhile.

mod before;
mod counter;
mod door;
mod exchange;
mod meter;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::budget::Limit;
use model::venue::{AccountRequest, Response, VenueError};
use model::{Input, InstrumentId, Link, Outcome, RequestId, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use venues::server::{HttpRequest, HttpResponse, Step};

use self::counter::Pending;
pub(super) use self::door::serve;
use self::exchange::{Exchange, Leaves, Leaving};
pub(super) use self::exchange::{Of, Told};
use venues::client::Cost;

use super::error::RunError;
use crate::budget::{self, BudgetError, HostBudget};
use crate::clock;
use crate::config::Config;

/// Longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);
/// How long the kill switch may take to ask for what is open: it does each 2 s for one instrument, and more seldom for
/// many. How often that is looked at.
const HEARD_MAX: Duration = Duration::from_secs(25);
const HEARD_EVERY: Duration = Duration::from_millis(50);

/// A paper account; cheap to clone.
#[derive(Clone)]
pub(super) struct Paper {
    shared: Arc<Shared>,
}

struct Shared {
    exchange: Mutex<Exchange>,
    /// What the account's requests are paid from.
    budget: HostBudget,
    /// Something is under way that was not.
    changed: Notify,
}

impl Paper {
    /// The account of these books, or a new one.
    pub(super) async fn open(of: Of<'_>, budget: HostBudget, venue_now: Timestamp) -> Paper {
        let ahead_ms = venue_now.millis().saturating_sub(clock::now().millis());
        budget.learn_clock(ahead_ms).await;
        let exchange = Mutex::new(Exchange::open(of, venue_now));
        Paper { shared: Arc::new(Shared { exchange, budget, changed: Notify::new() }) }
    }

    /// What the account's requests are paid from.
    pub(super) fn budget(&self) -> &HostBudget {
        &self.shared.budget
    }

    /// The venue's metadata say what it allows: here, too.
    pub(super) async fn learn(&self, limits: &[Limit]) {
        self.exchange().learn(limits);
        self.shared.budget.learn(limits).await;
    }

    /// Asks the exchange, and waits for its answer. `decided` is when the core decided to ask, and its number for
    /// it; without it the request leaves now.
    pub(super) async fn ask(
        &self,
        venue_now: Timestamp,
        decided: Option<(Timestamp, RequestId)>,
        request: &AccountRequest,
        cost: &Cost,
    ) -> Told {
        let (reply, answer) = oneshot::channel();
        let asked = (request.clone(), cost.clone());
        let leaves = Leaving { now: clock::now(), venue_now, decided };
        self.exchange().sends(leaves, asked, reply);
        self.answered(answer).await
    }

    /// What has left for the exchange is answered in its time.
    async fn answered(&self, answer: oneshot::Receiver<Told>) -> Told {
        self.shared.changed.notify_one();
        let ended = |_| Told {
            outcome: Outcome::InDoubt("the paper account is closed".to_owned()),
            used: Vec::new(),
            stop: None,
        };
        answer.await.unwrap_or_else(ended)
    }

    /// Waits until the kill switch, where there is one, knows of every order that has ended: what it has not heard of
    /// it would take for open when nobody answers any more.
    pub(super) async fn is_heard(&self) {
        let end = Instant::now() + HEARD_MAX;
        while !self.exchange().is_heard() && Instant::now() < end {
            tokio::time::sleep(HEARD_EVERY).await;
        }
    }

    fn hears_at_door(&self, request: &HttpRequest<'_>) -> Option<Step<HttpResponse, Pending>> {
        self.exchange().hears_at_door(clock::now(), request)
    }

    async fn ask_at_door(&self, request: AccountRequest) -> Outcome {
        let (reply, answer) = oneshot::channel();
        self.exchange().sends_from_door(clock::now(), request, reply);
        self.answered(answer).await.outcome
    }

    fn replies_at_door(
        &self,
        pending: Pending,
        done: Result<Response, VenueError>,
    ) -> Option<Step<HttpResponse, Pending>> {
        self.exchange().replies_at_door(clock::now(), pending, done)
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
                    Leaves::Answer(reply, told) => drop(reply.send(told)),
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

/// The port at which the kill switch finds the account, where there are both.
pub(super) async fn door(config: &Config) -> Result<Option<TcpListener>, RunError> {
    let (Some(paper), Some(_)) = (&config.paper, &config.watchdog) else { return Ok(None) };
    let address = paper.listen;
    let listener = TcpListener::bind(address).await;
    listener.map(Some).map_err(|source| RunError::PaperListen { address, source })
}

/// The budget of the account of this configuration: its own, for the venue counts an account that it does not have
/// nowhere. It is kept beside those of the host, so that a restart does not forget what was used.
pub(super) fn own_budget(
    config: &Config,
    directory: &Path,
    notices: mpsc::Sender<Input>,
) -> Result<HostBudget, BudgetError> {
    let of = budget::Of {
        venue: config.venue.1.kind,
        address: &format!("paper://{}", config.store),
        account: "paper",
        shares: config.venue.1.rate_reserve_percent,
    };
    HostBudget::open(directory, &of, Some(notices))
}

/// `None` when nobody listens.
async fn link(inputs: &mpsc::Sender<Input>, up: bool, cause: &str) -> Option<()> {
    inputs.send(Input::Link { link: Link::Account, up, cause: cause.to_owned() }).await.ok()
}

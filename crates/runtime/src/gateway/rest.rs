//! Asks the venue over REST. Every question ends in exactly one [`Outcome`].
//!
//! What is certain is decided here: no connection means that nothing was sent; once a byte may have
//! left, everything but a readable answer is in doubt. Each question is paid from the host's rate
//! budget before it leaves, and each answer settles it (`rates.rs`).

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ::budget::Grant;
use model::venue::{AccountRequest, MarketRequest, Request, Response};
use model::{Input, Instrument, InstrumentId, Link, Outcome, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::http;
use venues::session::Stamp;

use super::adapter::{Adapter, Answer, Call, Heard};
use super::rates;
use crate::budget::HostBudget;
use crate::clock;

/// Time for a connection to come up.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Time for an answer. The venue itself gives up after ten seconds.
const ANSWER_MAX: Duration = Duration::from_secs(11);
/// Largest answer that is read, bytes.
const BODY_MAX: usize = 64 << 20;
/// Pages of one list of balances, at most: ten thousand wallets.
const ACCOUNT_PAGES_MAX: u32 = 40;
/// A request that has waited for longer is signed anew.
const SIGNATURE_AGE_MAX: Duration = Duration::from_millis(100);
/// How often the venue's limits are looked at.
const LIMITS_EVERY: Duration = Duration::from_secs(60);
/// Milliseconds that two clocks may differ before it is worth saying.
const CLOCK_DIFFERENCE_MS: i64 = 500;

/// A way to ask one venue; cheap to clone.
#[derive(Clone)]
pub(super) struct Rest {
    shared: Arc<Shared>,
    adapter: Arc<Adapter>,
    following: Vec<InstrumentId>,
}

struct Shared {
    client: reqwest::Client,
    base: String,
    /// The venue's clock minus ours, milliseconds.
    offset_ms: AtomicI64,
    inputs: mpsc::Sender<Input>,
    budget: HostBudget,
    /// The venue said stop where we thought there was room: its limits may have changed.
    surprised: Notify,
}

impl Rest {
    pub(super) fn new(
        base: &str,
        adapter: Adapter,
        budget: HostBudget,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Rest, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        let shared = Shared {
            client,
            base: base.trim_end_matches('/').to_owned(),
            offset_ms: AtomicI64::new(0),
            inputs,
            budget,
            surprised: Notify::new(),
        };
        Ok(Rest { shared: Arc::new(shared), adapter: Arc::new(adapter), following: Vec::new() })
    }

    /// The same, knowing these instruments.
    pub(super) fn following(mut self, instruments: Vec<Instrument>) -> Rest {
        self.following = instruments.iter().map(|instrument| instrument.id).collect();
        self.adapter = Arc::new(self.adapter.following(instruments));
        self
    }

    pub(super) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// What the venue may be asked; connections are paid from it, too (`HostBudget::connect`).
    pub(super) fn budget(&self) -> &HostBudget {
        &self.shared.budget
    }

    /// The venue's time as well as we know it.
    pub(super) fn venue_now(&self) -> Timestamp {
        self.venue_time(clock::now())
    }

    /// The same, for a time of ours.
    fn venue_time(&self, ours: Timestamp) -> Timestamp {
        let offset = self.shared.offset_ms.load(Ordering::Relaxed);
        let size = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 { ours.before(size) } else { ours.after(size) }
    }

    /// Waits until a connection may be attempted.
    pub(super) async fn may_connect(&self, link: Link) -> Result<(), String> {
        let charge = self.adapter.connection(link, self.budget().keys());
        self.budget().connection(&charge).await.map_err(|too_long| too_long.to_string())
    }

    /// The venue said stop: nobody on this host sends anything for this long.
    pub(super) async fn hold(&self, wait: Duration, detail: String) {
        self.budget().stop(None, wait, detail).await;
    }

    /// Asks, and waits for the outcome.
    pub(super) async fn ask(&self, request: &Request) -> Outcome {
        self.ask_as_of(request, None).await
    }

    /// The same, signed as of when it was decided, so that the venue itself refuses what took too
    /// long on its way. `None` is now.
    pub(super) async fn ask_as_of(&self, request: &Request, decided: Option<Timestamp>) -> Outcome {
        let first = self.ask_once(request, decided).await;
        let outcome = self.to_the_end(first).await;
        if let Outcome::Refused(refusal) = &outcome
            && self.adapter.is_of_clock(refusal)
        {
            let rest = self.clone();
            tokio::spawn(async move { rest.measure_clock().await });
        }
        outcome
    }

    /// Reads the rest of a list of balances that came as a page: half of them would be taken for all.
    async fn to_the_end(&self, first: Outcome) -> Outcome {
        let mut outcome = first;
        for _ in 0..ACCOUNT_PAGES_MAX {
            let Outcome::Done(Response::AccountPage { account, next }) = outcome else {
                return outcome;
            };
            let request = Request::Account(AccountRequest::AccountAfter(next));
            let (more, next) = match self.ask_once(&request, None).await {
                Outcome::Done(Response::Account(more)) => (more, None),
                Outcome::Done(Response::AccountPage { account, next }) => (account, Some(next)),
                failed => return failed,
            };
            let Some(account) = account.joined(more) else {
                return Outcome::InDoubt("balances without room".to_owned());
            };
            outcome = Outcome::Done(match next {
                None => Response::Account(account),
                Some(next) => Response::AccountPage { account, next },
            });
        }
        match outcome {
            Outcome::Done(Response::AccountPage { .. }) => {
                Outcome::InDoubt(format!("balances fill more than {ACCOUNT_PAGES_MAX} pages"))
            }
            whole => whole,
        }
    }

    async fn ask_once(&self, request: &Request, decided: Option<Timestamp>) -> Outcome {
        let at = decided.map_or_else(|| self.venue_now(), |decided| self.venue_time(decided));
        let call = match self.call(request, at) {
            Ok(call) => call,
            Err(error) => return Outcome::NotSent(error),
        };
        let budget = self.budget();
        let begun = Instant::now();
        // What was decided a while ago has used up a part of its time.
        let spent = decided.map_or(Duration::ZERO, |decided| clock::now().since(decided));
        let wait_max = rates::wait_max(request).saturating_sub(spent);
        let paid = budget.wait(rates::priority(request), &call.charge, wait_max).await;
        let grant = match paid {
            Ok(grant) => grant,
            Err(too_long) => return Outcome::NotSent(too_long.to_string()),
        };
        // A signature is valid for a short while from when it was made. What is signed as of its
        // decision stays so: that it is too late then is the venue's to say.
        let waited = decided.is_none() && begun.elapsed() > SIGNATURE_AGE_MAX;
        let call = match waited.then(|| self.call(request, self.venue_now())) {
            None => call,
            Some(Ok(call)) => call,
            Some(Err(error)) => {
                budget.give_back(&grant).await;
                return Outcome::NotSent(error);
            }
        };
        let outcome = self.carry_out(request, call, &grant).await;
        if let Outcome::NotSent(_) = outcome {
            budget.give_back(&grant).await;
        }
        outcome
    }

    fn call(&self, request: &Request, venue_now: Timestamp) -> Result<Call, String> {
        let stamp = Stamp { venue_now, nonce: nonce() };
        self.adapter.call(request, stamp, self.budget().keys())
    }

    async fn carry_out(&self, request: &Request, call: Call, grant: &Grant) -> Outcome {
        let url = format!("{}{}", self.shared.base, call.path);
        let mut builder = self.shared.client.request(call.method.clone(), url);
        for (name, value) in &call.headers {
            builder = builder.header(*name, value);
        }
        if !call.body.is_empty() {
            builder = builder.body(call.body.clone());
        }
        let asked = self.venue_now();
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Outcome::NotSent(cause(&error));
            }
            Err(error) => return Outcome::InDoubt(cause(&error)),
        };
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = read(response).await;
        let answered = self.venue_now();
        let answer = Answer {
            status,
            headers: &headers,
            body: body.as_deref().map_err(String::as_str),
            asked,
            answered,
        };
        let heard = self.adapter.read(request, &answer);
        self.settle(&call, grant, status, &heard).await;
        heard.outcome
    }

    /// The headers are true whatever becomes of the body.
    async fn settle(&self, call: &Call, grant: &Grant, status: u16, heard: &Heard) {
        let budget = self.budget();
        budget.settle(grant, &rates::free(call, status, &heard.outcome), &heard.used).await;
        if !heard.limits.is_empty() {
            budget.learn(&heard.limits).await;
        }
        if let Some((counts, wait)) = heard.stop {
            self.shared.surprised.notify_one();
            budget.stop(counts, wait, format!("status {status}")).await;
        }
    }

    /// A connection was answered with something else: a stop holds for it as for any request.
    pub(super) async fn refused_connection(&self, answer: &http::Response<Option<Vec<u8>>>) {
        let now = self.venue_now();
        let answer = Answer {
            status: answer.status().as_u16(),
            headers: answer.headers(),
            body: Ok(answer.body().as_deref().unwrap_or_default()),
            asked: now,
            answered: now,
        };
        // Nothing was asked; what counts is what is said of limits.
        let heard = self.adapter.read(&Request::Market(MarketRequest::Ping), &answer);
        if let Some((counts, wait)) = heard.stop {
            let detail = format!("status {} to a connection", answer.status);
            self.budget().stop(counts, wait, detail).await;
        }
    }

    /// Learns how far the venue's clock is from ours.
    pub(super) async fn measure_clock(&self) {
        let sent = clock::now();
        let request = Request::Market(MarketRequest::Time);
        let Outcome::Done(Response::Time(theirs)) = self.ask_once(&request, None).await else {
            return;
        };
        let received = clock::now();
        // Half of the way there and back: an error of at most the other half.
        let ours = sent.millis().midpoint(received.millis());
        let offset = theirs.millis().saturating_sub(ours);
        if offset.abs() > CLOCK_DIFFERENCE_MS {
            tracing::warn!(offset_ms = offset, "our clock differs from the venue's");
        }
        self.shared.offset_ms.store(offset, Ordering::Relaxed);
        self.budget().learn_clock(offset).await;
        // The receiver is gone only when the gateway ends.
        let _ = self.shared.inputs.send(Input::Clock { ahead_ms: offset }).await;
    }

    /// Looks again and again at what the venue allows, so that a limit that it changes is followed; at
    /// once when the venue has said stop.
    pub(super) async fn watch_limits(self) {
        // One row of the table is enough: the limits stand beside it.
        let first = self.following.first().copied();
        let request = Request::Market(MarketRequest::Instruments(first.into_iter().collect()));
        while self.adapter.tells_limits() {
            // Too early is as good as late.
            let _ = tokio::time::timeout(LIMITS_EVERY, self.shared.surprised.notified()).await;
            if let Outcome::NotSent(cause) | Outcome::InDoubt(cause) =
                self.ask_once(&request, None).await
            {
                tracing::debug!(%cause, "the venue's limits could not be read");
            }
        }
    }
}

/// Never the same twice, and not to be guessed.
pub(super) fn nonce() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(clock::now().nanos()));
    half() << 64 | half()
}

/// The whole body, or why it cannot be had.
async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_MAX => body.extend(&chunk),
            Ok(Some(_)) => return Err(format!("answer is larger than {BODY_MAX} bytes")),
            Ok(None) => return Ok(body),
            Err(error) => return Err(cause(&error)),
        }
    }
}

/// The whole chain of causes: the outermost says only that something failed. The address is left
/// out because its query holds a signature.
fn cause(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "connection broke".to_owned()
    };
    let mut inner = std::error::Error::source(error);
    while let Some(error) = inner {
        text = format!("{text}: {error}");
        inner = error.source();
    }
    text
}

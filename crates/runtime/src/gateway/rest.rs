//! Asks the venue over REST. Every question ends in exactly one [`Outcome`].
//!
//! What is certain is decided here: no connection means that nothing was sent; once a byte may have
//! left, everything but a readable answer is in doubt. Each question is paid from the host's rate
//! budget before it leaves, and each answer settles it (`rates.rs`).

mod on_paper;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ::budget::Grant;
use model::venue::{AccountRequest, MarketRequest, Profile, Request, Response};
use model::{Input, Instrument, Link, Outcome, RequestId, Timestamp};
use reqwest::header::HeaderMap;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_tungstenite::tungstenite::http;
use venues::Venue;
use venues::client::{Answer, Call, Client, Cost, Heard};
use venues::session::Stamp;

use super::adapter::Adapter;
use super::paper::Paper;
use super::patience::Patience;
use super::rates;
use super::venue_clock::VenueClock;
use crate::budget::HostBudget;
use crate::clock;

/// Says why something must not leave, at the moment at which it could.
pub(super) type HeldBack<'a> = dyn Fn() -> Option<String> + Sync + 'a;

/// Time for a connection to come up.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Largest answer that is read, bytes.
const BODY_MAX: usize = 64 << 20;
/// Pages of one list of balances, at most: ten thousand wallets.
const ACCOUNT_PAGES_MAX: u32 = 40;
/// A request that has waited for longer is signed anew.
const SIGNATURE_AGE_MAX: Duration = Duration::from_millis(100);
/// Longest wait for the request before, where one leaves after the other.
const TURN_MAX: Duration = Duration::from_secs(1);
/// A request that has waited for longer was held up.
const HELD_UP: Duration = Duration::from_secs(1);

/// A way to ask one venue; cheap to clone.
#[derive(Clone)]
pub(super) struct Rest {
    shared: Arc<Shared>,
    venue: &'static Venue,
    client: Arc<dyn Client>,
    following: Arc<[Instrument]>,
    /// What it asks is asked for routine.
    routine: bool,
    /// Where the account is, in a paper run: it is asked there, and never over the network.
    paper: Option<Paper>,
    /// When what it asks was decided, and its number; `None` where the core did not ask.
    decided: Option<(Timestamp, RequestId)>,
}

struct Shared {
    http: reqwest::Client,
    base: String,
    clock: VenueClock,
    patience: Patience,
    inputs: mpsc::Sender<Input>,
    budget: HostBudget,
    /// When the venue's time was asked for last, by our clock, nanoseconds.
    time_asked: AtomicI64,
    /// Whose turn it is, where one request leaves after the other.
    turns: Mutex<()>,
    /// The venue said stop where we thought there was room: its limits may have changed.
    surprised: Notify,
    /// The budget held something up.
    held_up: Notify,
    /// The venue refused something for its rules.
    rules_doubted: Notify,
}

impl Rest {
    pub(super) fn new(
        base: &str,
        adapter: Adapter,
        budget: HostBudget,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Rest, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        let shared = Shared {
            http,
            base: base.trim_end_matches('/').to_owned(),
            clock: VenueClock::default(),
            patience: Patience::default(),
            inputs,
            budget,
            time_asked: AtomicI64::new(0),
            turns: Mutex::new(()),
            surprised: Notify::new(),
            held_up: Notify::new(),
            rules_doubted: Notify::new(),
        };
        Ok(Rest {
            shared: Arc::new(shared),
            venue: adapter.venue,
            client: adapter.client.into(),
            following: Arc::default(),
            routine: false,
            paper: None,
            decided: None,
        })
    }

    /// The same, asking for routine or not.
    pub(super) fn for_routine(self, routine: bool) -> Rest {
        Rest { routine, ..self }
    }

    /// The same, knowing these instruments.
    pub(super) fn following(mut self, instruments: Vec<Instrument>) -> Rest {
        self.following = instruments.as_slice().into();
        self.client = self.client.following(instruments).into();
        self
    }

    /// The same, with its account in this process.
    pub(super) fn with_paper(self, paper: Option<Paper>) -> Rest {
        Rest { paper, ..self }
    }

    /// The same, asking what the core decided then and gave this number.
    pub(super) fn decided(self, at: Timestamp, number: RequestId) -> Rest {
        Rest { decided: Some((at, number)), ..self }
    }

    /// How whoever has the account behaves.
    pub(super) fn profile(&self) -> Profile {
        if self.paper.is_some() { sim_venue::PROFILE } else { self.venue.profile }
    }

    /// The instruments that it knows, as they were when it was told.
    pub(super) fn instruments(&self) -> &[Instrument] {
        &self.following
    }

    /// What is said and understood there.
    pub(super) fn client(&self) -> &dyn Client {
        &*self.client
    }

    /// What is known of the venue itself, whoever has the account.
    pub(super) const fn venue(&self) -> &'static Venue {
        self.venue
    }

    /// What the venue may be asked; connections are paid from it, too (`HostBudget::connect`).
    pub(super) fn budget(&self) -> &HostBudget {
        &self.shared.budget
    }

    /// The venue's time as well as we know it.
    pub(super) fn venue_now(&self) -> Timestamp {
        self.clock().at(clock::now())
    }

    /// When the question for the venue's time left last.
    pub(super) fn time_asked(&self) -> Timestamp {
        Timestamp::from_nanos(self.shared.time_asked.load(Ordering::Relaxed))
    }

    /// What is known of the venue's clock.
    pub(super) fn clock(&self) -> &VenueClock {
        &self.shared.clock
    }

    /// The way to the core.
    pub(super) fn inputs(&self) -> &mpsc::Sender<Input> {
        &self.shared.inputs
    }

    /// Waits until something was refused for the venue's rules; a refusal from before counts.
    pub(super) async fn rules_doubted(&self) {
        self.shared.rules_doubted.notified().await;
    }

    /// Waits until the venue has said stop where we thought there was room.
    pub(super) async fn surprised(&self) {
        self.shared.surprised.notified().await;
    }

    /// Waits until the budget has held something up.
    pub(super) async fn held_up(&self) {
        self.shared.held_up.notified().await;
    }

    /// Waits until a connection may be attempted.
    pub(super) async fn may_connect(&self, link: Link) -> Result<(), String> {
        let charge = self.client.connection(link, self.budget().keys());
        self.budget().connection(&charge).await.map_err(|too_long| too_long.to_string())
    }

    /// The venue said stop: nobody on this host sends anything for this long.
    pub(super) async fn hold(&self, wait: Duration, detail: String) {
        self.budget().stop(None, wait, detail).await;
    }

    /// Asks, and waits for the outcome.
    pub(super) async fn ask(&self, request: &Request) -> Outcome {
        self.ask_unless(request, None, &|| None).await
    }

    /// The same, signed as of when it was decided, so that the venue itself refuses what took too
    /// long on its way; `None` is now. `held_back` says why it must not leave: it is asked when it could.
    pub(super) async fn ask_unless(
        &self,
        request: &Request,
        decided: Option<Timestamp>,
        held_back: &HeldBack<'_>,
    ) -> Outcome {
        let first = self.attempt(request, decided, held_back).await;
        let outcome = self.to_the_end(first).await;
        if let Outcome::Refused(refusal) = &outcome {
            if self.client.is_of_clock(refusal) {
                self.clock().doubt();
            }
            // A question that is refused says nothing about what orders have to be like.
            let places = matches!(request, Request::Account(AccountRequest::Place(_)));
            if places && refusal.is_of_rules() {
                self.shared.rules_doubted.notify_one();
            }
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
            let (more, next) = match self.ask_once(&request).await {
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

    /// Asks once, whatever a refusal says of our clock and however the answer goes on.
    pub(super) async fn ask_once(&self, request: &Request) -> Outcome {
        self.attempt(request, None, &|| None).await
    }

    async fn attempt(
        &self,
        request: &Request,
        decided: Option<Timestamp>,
        held_back: &HeldBack<'_>,
    ) -> Outcome {
        if let Some(paper) = self.paper.as_ref().filter(|_| matches!(request, Request::Account(_)))
        {
            return self.on_paper(paper, request, decided, held_back).await;
        }
        let at = decided.map_or_else(|| self.venue_now(), |decided| self.clock().at(decided));
        let call = match self.call(request, at) {
            Ok(call) => call,
            Err(error) => return Outcome::NotSent(error),
        };
        let budget = self.budget();
        let begun = Instant::now();
        let paid = self.pay(budget, request, (&call.cost, decided), held_back).await;
        let grant = match paid {
            Ok(grant) => grant,
            Err(cause) => return Outcome::NotSent(cause),
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
        let outcome = self.in_turn(request, (call, at), &grant).await;
        if let Outcome::NotSent(_) = outcome {
            budget.give_back(&grant).await;
        }
        outcome
    }

    /// Pays for a request, or says why it does not leave.
    async fn pay(
        &self,
        budget: &HostBudget,
        request: &Request,
        (cost, decided): (&Cost, Option<Timestamp>),
        held_back: &HeldBack<'_>,
    ) -> Result<Grant, String> {
        let begun = Instant::now();
        // What was decided a while ago has used up a part of its time.
        let spent = decided.map_or(Duration::ZERO, |decided| clock::now().since(decided));
        let wait_max = rates::wait_max(request).saturating_sub(spent);
        let priority = rates::rank(request, self.routine);
        let paid = budget.wait(priority, &cost.charge, wait_max).await;
        if paid.is_err() || begun.elapsed() > HELD_UP {
            self.shared.held_up.notify_one();
        }
        let grant = paid.map_err(|too_long| too_long.to_string())?;
        // The wait may have been long enough for trading to stop.
        match held_back() {
            None => Ok(grant),
            Some(cause) => {
                budget.give_back(&grant).await;
                Err(cause)
            }
        }
    }

    fn call(&self, request: &Request, venue_now: Timestamp) -> Result<Call, String> {
        let stamp = Stamp { venue_now, nonce: nonce(), ticket: None };
        self.client.call(request, stamp, self.budget().keys())
    }

    /// Where a venue takes the requests of an account in their order alone, each is made anew when it is its
    /// turn. Who has waited too long for that goes: the venue may refuse it, which does no harm.
    async fn in_turn(
        &self,
        request: &Request,
        (call, at): (Call, Timestamp),
        grant: &Grant,
    ) -> Outcome {
        if !self.client.one_by_one() || matches!(request, Request::Market(_)) {
            return self.carry_out(request, call, grant).await;
        }
        let _turn = tokio::time::timeout(TURN_MAX, self.shared.turns.lock()).await.ok();
        match self.call(request, at) {
            Ok(call) => self.carry_out(request, call, grant).await,
            Err(error) => Outcome::NotSent(error),
        }
    }

    async fn carry_out(&self, request: &Request, call: Call, grant: &Grant) -> Outcome {
        let url = format!("{}{}", self.shared.base, call.path);
        let Ok(method) = reqwest::Method::from_bytes(call.method.as_bytes()) else {
            return Outcome::NotSent(format!("no such method: {}", call.method));
        };
        let mut builder = self.shared.http.request(method, url);
        for (name, value) in &call.headers {
            builder = builder.header(*name, value);
        }
        if !call.body.is_empty() {
            builder = builder.body(call.body.clone());
        }
        if matches!(request, Request::Market(MarketRequest::Time)) {
            self.shared.time_asked.store(clock::now().nanos(), Ordering::Relaxed);
        }
        let (asked, begun) = (self.venue_now(), Instant::now());
        let patience = &self.shared.patience;
        let mut response = match builder.timeout(patience.with(request)).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Outcome::NotSent(cause(&error));
            }
            Err(error) => {
                patience.learn(request, begun.elapsed(), false);
                return Outcome::InDoubt(cause(&error));
            }
        };
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = read(response).await;
        patience.learn(request, begun.elapsed(), body.is_ok());
        let answered = self.venue_now();
        let headers = texts(&headers);
        let answer = Answer {
            status,
            headers: &headers,
            body: body.as_deref().map_err(String::as_str),
            asked,
            answered,
        };
        let heard = self.client.read(request, &answer);
        self.settle(&call, grant, status, &heard).await;
        heard.outcome
    }

    /// The headers are true whatever becomes of the body.
    async fn settle(&self, call: &Call, grant: &Grant, status: u16, heard: &Heard) {
        let budget = self.budget();
        budget
            .settle(grant, &rates::free(&call.cost, status == 200, &heard.outcome), &heard.used)
            .await;
        if !heard.limits.is_empty() {
            budget.learn(&heard.limits).await;
            if let Some(paper) = &self.paper {
                paper.learn(&heard.limits).await;
            }
        }
        if let Some((counts, wait)) = heard.stop {
            self.shared.surprised.notify_one();
            budget.stop(counts, wait, format!("status {status}")).await;
        }
    }

    /// A connection was answered with something else: a stop holds for it as for any request.
    pub(super) async fn refused_connection(&self, answer: &http::Response<Option<Vec<u8>>>) {
        let now = self.venue_now();
        let headers = texts(answer.headers());
        let answer = Answer {
            status: answer.status().as_u16(),
            headers: &headers,
            body: Ok(answer.body().as_deref().unwrap_or_default()),
            asked: now,
            answered: now,
        };
        // Nothing was asked; what counts is what is said of limits.
        let heard = self.client.read(&Request::Market(MarketRequest::Ping), &answer);
        if let Some((counts, wait)) = heard.stop {
            self.shared.surprised.notify_one();
            let detail = format!("status {} to a connection", answer.status);
            self.budget().stop(counts, wait, detail).await;
        }
    }
}

/// Headers that are text.
fn texts(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
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

#[cfg(test)]
mod tests;

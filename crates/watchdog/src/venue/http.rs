//! One HTTP request: paid for, bounded in time and size, never sent twice by itself.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;

use super::budget::{Budget, Purpose};
use super::clock::VenueClock;
use super::error::VenueError;

/// Time for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// Time for a whole request.
const REQUEST_MAX: Duration = Duration::from_secs(3);
/// Largest answer that is read, bytes.
const BODY_MAX: usize = 16 << 20;
/// Longest part of an answer that is repeated in an error.
const QUOTED_MAX: usize = 200;

/// A request; what is secret in it is not printed.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<String>,
    pub(crate) cost: u32,
    pub(crate) purpose: Purpose,
}

/// An answer with a status that is no stop.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// The way to one exchange.
#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    budget: Mutex<Budget>,
    clock: Mutex<VenueClock>,
    pause_unless_told: Duration,
}

impl Http {
    pub(crate) fn new(
        base: &str,
        local: Option<IpAddr>,
        budget: Budget,
        pause_unless_told: Duration,
    ) -> Result<Http, VenueError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(REQUEST_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(20))
            .local_address(local)
            .build()
            .map_err(|error| VenueError::Network(cause(&error)))?;
        Ok(Http {
            client,
            base: base.trim_end_matches('/').to_owned(),
            budget: Mutex::new(budget),
            clock: Mutex::default(),
            pause_unless_told,
        })
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // Nothing that holds it can panic half-way.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> MutexGuard<'_, VenueClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchange says what its limit is.
    pub(crate) fn learn_limit(&self, limit: u32) {
        self.budget().learn(limit);
    }

    /// Pays for several requests at once: a list of which only a part can be had costs and tells nothing.
    pub(crate) fn pay(&self, cost: u32, purpose: Purpose) -> Result<(), VenueError> {
        let paid = self.budget().spend(Instant::now(), cost, purpose);
        paid.map_err(|wait| VenueError::Busy(wait.as_millis()))
    }

    /// Asks once.
    pub(crate) async fn send(&self, ask: Ask<'_>) -> Result<Answer, VenueError> {
        self.pay(ask.cost, ask.purpose)?;
        let mut request = self.client.request(ask.method, format!("{}{}", self.base, ask.target));
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        if let Some(body) = ask.body {
            request = request.header("content-type", "application/json").body(body);
        }
        let network = |error: reqwest::Error| VenueError::Network(cause(&error));
        let mut response = request.send().await.map_err(network)?;
        let status = response.status().as_u16();
        let told = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let told = told.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(VenueError::TooLarge(BODY_MAX));
            }
            body.extend(&chunk);
        }
        if matches!(status, 418 | 429) {
            let wait = told.unwrap_or(self.pause_unless_told);
            self.budget().stop(Instant::now(), wait);
            return Err(VenueError::Stopped { status, wait_s: wait.as_secs() });
        }
        Ok(Answer { status, body })
    }

    /// The exchange said stop in an answer.
    pub(crate) fn stop(&self, wait: Duration) {
        self.budget().stop(Instant::now(), wait);
    }

    /// The exchange told its time; `asked` is when it was asked.
    pub(crate) fn set_clock(&self, venue_ms: i64, asked: Instant) {
        self.clock().told(venue_ms, asked, Instant::now());
    }

    /// A request was refused for its time: ask for the clock before the next one.
    pub(crate) fn doubt_clock(&self) {
        self.clock().doubt();
    }

    /// Whether the exchange should be asked for its time first.
    pub(crate) fn clock_is_old(&self) -> bool {
        self.clock().is_old(Instant::now())
    }

    /// Whether the exchange has ever told its time.
    pub(crate) fn knows_time(&self) -> bool {
        self.clock().is_known()
    }

    /// The exchange's time as well as it is known, milliseconds since the Unix epoch.
    pub(crate) fn venue_ms(&self) -> i64 {
        self.clock().at(Instant::now(), unix_ms(SystemTime::now()))
    }
}

fn unix_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Reads an answer of a shape.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    what: &'static str,
    answer: &Answer,
) -> Result<T, VenueError> {
    let Answer { status, body } = answer;
    if !(200..300).contains(status) {
        return Err(VenueError::Refused { status: *status, said: quoted(body) });
    }
    serde_json::from_slice(body)
        .map_err(|error| VenueError::Unreadable { what, problem: error.to_string() })
}

/// The beginning of an answer, for an error.
fn quoted(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(QUOTED_MAX).collect()
}

/// All causes; without the address, whose query holds a signature.
fn cause(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out" } else { "no connection" }.to_owned();
    let mut inner = std::error::Error::source(error);
    while let Some(error) = inner {
        text = format!("{text}: {error}");
        inner = error.source();
    }
    text
}

//! Asks the venue over REST. Every question ends in exactly one [`Outcome`].
//!
//! What is certain is decided here: no connection means that nothing was sent; once a byte may have
//! left, everything but a readable answer is in doubt.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::venue::{AccountRequest, MarketRequest, Request, Response, VenueError};
use model::{FeedNotice, Input, Outcome, Timestamp};
use tokio::sync::mpsc;
use venues::binance::Symbols;
use venues::binance::client::{Credentials, decode_reply, encode, rate_notice};

use crate::clock;

/// Time for a connection to come up.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Time for an answer. The venue itself gives up after ten seconds.
const ANSWER_MAX: Duration = Duration::from_secs(11);
/// Largest answer that is read, bytes.
const BODY_MAX: usize = 64 << 20;
/// Hold still for this long when the venue says stop without saying how long.
const HOLD_DEFAULT: Duration = Duration::from_secs(60);
/// Questions wait out a stop of at most this length; a longer one fails them.
const HOLD_WAIT_MAX: Duration = Duration::from_secs(30);
/// Milliseconds that two clocks may differ before it is worth saying.
const CLOCK_DIFFERENCE_MS: i64 = 500;

/// Binance's code for a request whose time is off.
const CLOCK_REFUSED: i64 = -1021;

/// A way to ask one venue; cheap to clone.
#[derive(Clone)]
pub(super) struct Rest {
    shared: Arc<Shared>,
    symbols: Arc<Symbols>,
}

struct Shared {
    client: reqwest::Client,
    base: String,
    credentials: Credentials,
    /// The venue's clock minus ours, milliseconds.
    offset_ms: AtomicI64,
    /// One stop from the venue holds every caller: nothing is sent before this time, nanoseconds.
    hold_until: AtomicI64,
    notices: mpsc::Sender<Input>,
}

impl Rest {
    pub(super) fn new(
        base: &str,
        credentials: Credentials,
        notices: mpsc::Sender<Input>,
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
            credentials,
            offset_ms: AtomicI64::new(0),
            hold_until: AtomicI64::new(0),
            notices,
        };
        Ok(Rest { shared: Arc::new(shared), symbols: Arc::new(Symbols::default()) })
    }

    /// The same, knowing these instruments.
    pub(super) fn with_symbols(mut self, symbols: Symbols) -> Rest {
        self.symbols = Arc::new(symbols);
        self
    }

    pub(super) fn symbols(&self) -> &Arc<Symbols> {
        &self.symbols
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    /// The venue's time as well as we know it.
    pub(super) fn venue_now(&self) -> Timestamp {
        let offset = self.shared.offset_ms.load(Ordering::Relaxed);
        let now = clock::now();
        let size = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 { now.before(size) } else { now.after(size) }
    }

    /// Nothing may be sent for this long.
    fn held(&self) -> Option<Duration> {
        let until = Timestamp::from_nanos(self.shared.hold_until.load(Ordering::Acquire));
        Some(until.since(clock::now())).filter(|wait| !wait.is_zero())
    }

    /// The venue said stop: nobody sends anything for this long.
    pub(super) async fn hold(&self, wait: Duration, detail: String) {
        let until = clock::now().after(wait).nanos();
        self.shared.hold_until.fetch_max(until, Ordering::AcqRel);
        let notice = Input::Feed(FeedNotice::RateLimited { wait, detail });
        // The receiver is gone only when the gateway ends.
        let _ = self.shared.notices.send(notice).await;
    }

    /// Asks, and waits for the outcome.
    pub(super) async fn ask(&self, request: &Request) -> Outcome {
        let outcome = self.ask_once(request).await;
        if let Outcome::Refused(VenueError::Other { code: CLOCK_REFUSED, .. }) = &outcome {
            let rest = self.clone();
            tokio::spawn(async move { rest.measure_clock().await });
        }
        outcome
    }

    async fn ask_once(&self, request: &Request) -> Outcome {
        if let Some(wait) = self.held() {
            let adds_risk = matches!(
                request,
                Request::Account(AccountRequest::Place(_) | AccountRequest::CancelReplace(_))
            );
            if adds_risk || wait > HOLD_WAIT_MAX {
                return Outcome::NotSent(format!("held by the venue's limit for {wait:.1?}"));
            }
            tokio::time::sleep(wait).await;
        }
        let credentials = Some(&self.shared.credentials);
        let call = match encode(request, &self.symbols, credentials, self.venue_now()) {
            Ok(call) => call,
            Err(error) => return Outcome::NotSent(error.to_string()),
        };
        let url = format!("{}{}?{}", self.shared.base, call.path, call.query);
        let Ok(method) = reqwest::Method::from_bytes(call.method.as_bytes()) else {
            return Outcome::NotSent(format!("no such method: {}", call.method));
        };
        let mut builder = self.shared.client.request(method, url);
        if call.signed {
            builder = builder.header("X-MBX-APIKEY", &self.shared.credentials.api_key);
        }
        self.carry_out(request, builder).await
    }

    async fn carry_out(&self, request: &Request, builder: reqwest::RequestBuilder) -> Outcome {
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Outcome::NotSent(cause(&error));
            }
            Err(error) => return Outcome::InDoubt(cause(&error)),
        };
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let notice = rate_notice(
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))),
        );
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_MAX => body.extend(&chunk),
                Ok(Some(_)) => {
                    return Outcome::InDoubt(format!("answer is larger than {BODY_MAX} bytes"));
                }
                Ok(None) => break,
                Err(error) => return Outcome::InDoubt(cause(&error)),
            }
        }
        let outcome = decode_reply(request, status, &body, &self.symbols);
        if matches!(status, 418 | 429 | 403) {
            let wait = notice.retry_after.unwrap_or(HOLD_DEFAULT);
            self.hold(wait, format!("status {status}")).await;
        }
        outcome
    }

    /// Learns how far the venue's clock is from ours.
    pub(super) async fn measure_clock(&self) {
        let sent = clock::now();
        let request = Request::Market(MarketRequest::Time);
        let Outcome::Done(Response::Time(theirs)) = self.ask_once(&request).await else { return };
        let received = clock::now();
        // Half of the way there and back: an error of at most the other half.
        let ours = sent.millis().midpoint(received.millis());
        let offset = theirs.millis().saturating_sub(ours);
        if offset.abs() > CLOCK_DIFFERENCE_MS {
            tracing::warn!(offset_ms = offset, "our clock differs from the venue's");
        }
        self.shared.offset_ms.store(offset, Ordering::Relaxed);
        // The receiver is gone only when the gateway ends.
        let _ = self.shared.notices.send(Input::Clock { ahead_ms: offset }).await;
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

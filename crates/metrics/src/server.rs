//! The port: one page, for who may read it.

use std::sync::Arc;
use std::time::Duration;

use dashboard::{Access, AccessError, Answer, Guard, Refused, answer_all, plain};
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;

use crate::format::{self, Format};
use crate::look::{Looking, Settings};

/// Connections at a time; one more is closed. A scraper needs one.
const CONNECTIONS_MAX: usize = 32;
/// How long a scrape waits for a look: less than Prometheus waits for a scrape.
const LOOK_MAX: Duration = Duration::from_secs(8);
const TEXT: &str = "text/plain; charset=utf-8";

/// Metrics that are ready to be scraped.
pub struct Server {
    listener: TcpListener,
    guard: Guard,
    looking: Looking,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Not this way.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The system refuses.
    #[error("metrics cannot be served: {0}")]
    System(#[from] std::io::Error),
}

/// Prepares the page on this port.
pub fn serve(
    listener: TcpListener,
    access: Access,
    settings: Settings,
) -> Result<Server, ServeError> {
    let guard = Guard::new(listener.local_addr()?, access)?;
    let looking = Looking::start(settings)?;
    Ok(Server { listener, guard, looking })
}

impl Server {
    /// Answers until this is dropped.
    pub async fn run(self) {
        let Server { listener, guard, looking } = self;
        let shared = Arc::new((guard, looking));
        answer_all(listener, CONNECTIONS_MAX, move |request| {
            let shared = Arc::clone(&shared);
            async move { answer(&request, &shared.0, &shared.1).await }
        })
        .await;
    }
}

async fn answer(request: &Request<Incoming>, guard: &Guard, looking: &Looking) -> Answer {
    let headers = request.headers();
    if let Err(refused) = guard.host(headers).and_then(|()| guard.bearer(headers)) {
        return refusal(refused);
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
            page(looking, Format::accepted(accept)).await
        }
        (&Method::GET | &Method::HEAD, _) => said(StatusCode::NOT_FOUND, "there is /metrics alone"),
        _ => said(StatusCode::METHOD_NOT_ALLOWED, "metrics are read, and nothing else"),
    }
}

async fn page(looking: &Looking, format: Format) -> Answer {
    match tokio::time::timeout(LOOK_MAX, looking.picture()).await {
        Ok(Some(picture)) => {
            let text = format::text(&[&picture.now, &picture.counted], format);
            plain(StatusCode::OK, format.content_type(), text)
        }
        Ok(None) => {
            said(StatusCode::SERVICE_UNAVAILABLE, "too many scrapes wait; scrape less often")
        }
        Err(_) => said(
            StatusCode::SERVICE_UNAVAILABLE,
            "the journal or the gateway did not answer in time; plimsoll status says how it is",
        ),
    }
}

fn refusal(refused: Refused) -> Answer {
    let (status, text) = match refused {
        Refused::Host => (
            StatusCode::MISDIRECTED_REQUEST,
            "metrics are not served under that name; take the address, or add the name to hosts in [metrics]",
        ),
        Refused::Often => {
            (StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens within a minute; wait")
        }
        Refused::LogIn | Refused::Site | Refused::Word => (
            StatusCode::UNAUTHORIZED,
            "send the header Authorization: Bearer TOKEN, with the token of [metrics]",
        ),
    };
    said(status, text)
}

fn said(status: StatusCode, text: &str) -> Answer {
    plain(status, TEXT, format!("{text}\n"))
}

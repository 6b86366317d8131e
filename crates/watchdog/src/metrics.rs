//! How the kill switch is, in Prometheus' text format 0.0.4, on a port of its own.
//!
//! On loopback alone and without the token: whoever scrapes must not be able to halt or to reset. The core is asked at
//! most twice a second, however many scrape, so that no scraper is in the way of a heartbeat.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};

use crate::amount::Amount;
use crate::core::status::Status;
use crate::guests::{Guests, KNOWN_WITHIN};
use crate::shell::{Message, Tell};

/// A page that is younger serves the next scrape, too.
const FRESH: Duration = Duration::from_millis(500);
/// A connection may take so long, whatever it does.
const CONNECTION_MAX: Duration = Duration::from_secs(15);
/// Largest head of a request, bytes.
const HEAD_MAX: usize = 16 << 10;
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page that was made last.
type Last = Arc<Mutex<Option<(Instant, Bytes)>>>;

/// Takes connections for ever.
pub(crate) async fn serve(listener: TcpListener, tell: Tell) {
    let guests = Guests::default();
    let last = Last::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tell, last) = (tell.clone(), Arc::clone(&last));
        guests.admit(|guest| async move {
            let service = service_fn(|request| answer(request, &tell, &last));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(KNOWN_WITHIN)
                .max_buf_size(HEAD_MAX)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // However a scraper ends its connection, there is nothing to be done about it.
            drop(tokio::time::timeout(CONNECTION_MAX, connection).await);
            // Its place is held until here.
            drop(guest);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    tell: &Tell,
    last: &Last,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match page(tell, last).await {
            Some(page) => (StatusCode::OK, page),
            None => (StatusCode::SERVICE_UNAVAILABLE, "the kill switch is ending\n".into()),
        },
        _ => (StatusCode::NOT_FOUND, "there is GET /metrics alone\n".into()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORMAT));
    Ok(response)
}

async fn page(tell: &Tell, last: &Last) -> Option<Bytes> {
    let mut last = last.lock().await;
    if let Some((_, page)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
        return Some(page.clone());
    }
    let (reply, replied) = oneshot::channel();
    tell.send(Message::Status(reply)).await.ok()?;
    let page = Bytes::from(text(&replied.await.ok()?));
    *last = Some((Instant::now(), page.clone()));
    Some(page)
}

fn text(status: &Status) -> String {
    let mut out = String::new();
    let flag = |is_so: bool| Some(u8::from(is_so).to_string());
    let amount = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let rows = [
        (
            "armed",
            "gauge",
            "1 while it is not tripped and can read the exchange",
            flag(!status.halted && status.watching),
        ),
        ("tripped", "gauge", "1 while the latch is set", flag(status.halted)),
        ("watching", "gauge", "1 while the exchange can be read", flag(status.watching)),
        ("lease", "gauge", "1 while the gateway may add risk", flag(status.lease)),
        (
            "cleared",
            "gauge",
            "1 once the exchange shows no entry order since the latch; absent while it is not set",
            status.cleared.and_then(flag),
        ),
        (
            "canceled_orders",
            "gauge",
            "cancels that the exchange took since the latch",
            Some(status.canceled.to_string()),
        ),
        (
            "probe_age_seconds",
            "gauge",
            "age of the newest list of open orders that was read",
            status.list_age_ms.map(seconds),
        ),
        (
            "heartbeat_age_seconds",
            "gauge",
            "age of the gateway's last heartbeat",
            status.heartbeat_age_ms.map(seconds),
        ),
        (
            "equity",
            "gauge",
            "what the account is worth at the exchange, in the quote of the limits",
            amount(status.equity),
        ),
        (
            "equity_high",
            "gauge",
            "the most it was worth, moved by transfers",
            amount(status.high_water),
        ),
        (
            "equity_day_start",
            "gauge",
            "what it was worth when the day began, UTC, moved by transfers",
            amount(status.day_open),
        ),
        (
            "orders_open",
            "gauge",
            "open orders at the exchange",
            Some(status.open_orders.len().to_string()),
        ),
        (
            "refused_total",
            "counter",
            "requests and heartbeats that were forged, replayed or had the wrong token",
            Some(status.refused.to_string()),
        ),
    ];
    for (name, kind, help, value) in rows {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "# HELP plimsoll_watchdog_{name} {help}");
        let _ = writeln!(out, "# TYPE plimsoll_watchdog_{name} {kind}");
        if let Some(value) = value {
            let _ = writeln!(out, "plimsoll_watchdog_{name} {value}");
        }
    }
    out
}

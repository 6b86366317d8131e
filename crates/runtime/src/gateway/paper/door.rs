//! The door to a paper account: HTTP on loopback, behind which the counter answers in the venue's own protocol. The
//! kill switch comes in here. It is open while the gateway runs; with the gateway's process the account ends.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use model::Outcome;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use venues::server::{HttpRequest, HttpResponse, Step};

use super::Paper;

/// Largest body of a request, bytes.
const BODY_MAX: usize = 64 << 10;
/// Connections at a time; the next one waits.
const CONNECTIONS_MAX: usize = 32;
/// Time for the head of a request, and pause after a connection that could not be taken.
const HEAD_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

type Answer = Response<Full<Bytes>>;

/// Lets in whoever comes, for as long as it is not dropped.
pub(crate) async fn serve(listener: TcpListener, paper: Paper) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let paper = paper.clone();
                tokio::spawn(async move {
                    converse(stream, peer, paper).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "paper.listen: a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, paper: Paper) {
    // Small answers must not wait for more; a socket that refuses is merely slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let paper = paper.clone();
        async move { Ok::<_, Infallible>(answer(request, peer.ip(), &paper).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // However a client ends its connection, there is nothing to be done about it.
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, peer: IpAddr, paper: &Paper) -> Answer {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
        return said(StatusCode::PAYLOAD_TOO_LARGE, "the body of a request is too large");
    };
    let body = body.to_bytes();
    let mut step = with_request(&parts, &body, peer, |request| paper.hears_at_door(request));
    // How often one request asks is bounded by what it may name.
    loop {
        match step {
            None => return said(StatusCode::SERVICE_UNAVAILABLE, "this account is not shown here"),
            Some(Step::Done(response)) => return rendered(response),
            Some(Step::Ask { account: _, request, pending }) => {
                let done = match paper.ask_at_door(request).await {
                    Outcome::Done(response) => Ok(response),
                    Outcome::Refused(refusal) => Err(refusal),
                    Outcome::NotSent(cause) | Outcome::InDoubt(cause) => {
                        return said(StatusCode::SERVICE_UNAVAILABLE, &cause);
                    }
                };
                step = paper.replies_at_door(pending, done);
            }
        }
    }
}

fn with_request<T>(
    parts: &Parts,
    body: &[u8],
    peer: IpAddr,
    ask: impl FnOnce(&HttpRequest<'_>) -> T,
) -> T {
    let headers = parts.headers.iter();
    let headers: Vec<(&str, &str)> =
        headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    ask(&HttpRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        body,
        headers: &headers,
        peer,
    })
}

fn rendered(response: HttpResponse) -> Answer {
    let mut builder = Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let broken = || said(StatusCode::INTERNAL_SERVER_ERROR, "an answer that HTTP cannot carry");
    builder.body(Full::from(response.body)).unwrap_or_else(|_| broken())
}

fn said(status: StatusCode, text: &str) -> Answer {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

//! The port: connections, requests, upgrades.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use model::{AccountId, Amount, Asset};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use venues::server::{Dialect, HttpRequest, HttpResponse};

use super::faults::Verdict;
use super::world::Shared;
use super::{socket, state};
use crate::clock;

/// Largest body of a request.
const BODY_MAX: usize = 64 * 1024;
/// A client that has not sent its header by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection cut on purpose")]
struct Cut;

/// Takes connections until told to stop.
pub(super) async fn accept<D: Dialect + 'static>(
    listener: TcpListener,
    shared: Arc<Shared<D>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if shared.faults().is_outage(clock::now()) {
                    reset(stream);
                    continue;
                }
                tokio::spawn(serve(stream, peer, Arc::clone(&shared)));
            }
            Err(error) => {
                // Out of descriptors, most likely: others will close.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    shared.cut_all();
}

/// Closes a connection the hard way, as a vanished peer would.
fn reset(stream: TcpStream) {
    // A linger of zero makes closing send a reset; where that fails it is closed all the same.
    let _ = stream.set_zero_linger();
    drop(stream);
}

async fn serve<D: Dialect + 'static>(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared<D>>) {
    // Small answers must not wait for more; a socket that refuses is merely slower.
    let _ = stream.set_nodelay(true);
    let mut cut = shared.cut.subscribe();
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { answer(request, peer.ip(), shared).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        // However a client ends its connection, there is nothing to be done about it.
        _ = connection => {}
        _ = cut.changed() => {}
    }
}

async fn answer<D: Dialect + 'static>(
    request: Request<Incoming>,
    peer: IpAddr,
    shared: Arc<Shared<D>>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let path = request.uri().path().to_owned();
    if path.starts_with("/_sim/") {
        return Ok(simulator(request, &path, &shared).await);
    }
    let (mut parts, body) = request.into_parts();
    let is_upgrade = parts
        .headers
        .get(hyper::header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if is_upgrade {
        let verdict = shared.faults().socket(clock::now());
        if verdict {
            return Err(Cut);
        }
        return Ok(upgrade(&mut parts, peer, shared));
    }
    let Ok(body) = Limited::new(body, BODY_MAX).collect().await.map(|body| body.to_bytes()) else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request body is too large"));
    };
    let route = format!("{} {path}", parts.method);
    let verdict = shared.faults().request(clock::now(), &route);
    if let Verdict { delay: Some(delay), .. } = verdict {
        tokio::time::sleep(delay).await;
    }
    if verdict.drop_before {
        return Err(Cut);
    }
    if let Some((status, text)) = verdict.instead {
        return Ok(plain(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), &text));
    }
    let response = with_request(&parts, &body, peer, |request| shared.world().http(request));
    if verdict.drop_after {
        return Err(Cut);
    }
    if let Some((status, text)) = verdict.instead_after {
        return Ok(plain(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), &text));
    }
    Ok(render(response))
}

fn with_request<T>(
    parts: &hyper::http::request::Parts,
    body: &[u8],
    peer: IpAddr,
    ask: impl FnOnce(&HttpRequest<'_>) -> T,
) -> T {
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    ask(&HttpRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        body,
        headers: &headers,
        peer,
    })
}

/// A WebSocket: the dialect may refuse it; else the rest of the connection is a task of its own.
fn upgrade<D: Dialect + 'static>(
    parts: &mut hyper::http::request::Parts,
    peer: IpAddr,
    shared: Arc<Shared<D>>,
) -> Response<Full<Bytes>> {
    let key = parts.headers.get("sec-websocket-key").cloned();
    let on_upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let (Some(key), Some(on_upgrade)) = (key, on_upgrade) else {
        return plain(StatusCode::BAD_REQUEST, "not a WebSocket handshake");
    };
    let conn = shared.new_conn();
    let opened = with_request(parts, &[], peer, |request| shared.world().connect(conn, request));
    let outgoing = match opened {
        Ok(outgoing) => outgoing,
        Err(refusal) => return render(refusal),
    };
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    tokio::spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => socket::run(upgraded, conn, outgoing, &shared).await,
            Err(error) => tracing::debug!(%error, "a WebSocket was given up before it began"),
        }
        shared.world().disconnect(conn);
    });
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(hyper::header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(hyper::header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert("sec-websocket-accept", accept);
    }
    response
}

/// The simulator's own door: the oracle, and faults.
async fn simulator<D: Dialect>(
    request: Request<Incoming>,
    path: &str,
    shared: &Shared<D>,
) -> Response<Full<Bytes>> {
    let method = request.method().clone();
    let body = Limited::new(request.into_body(), BODY_MAX).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    match (method.as_str(), path) {
        ("GET", "/_sim/state") => json(&state::state(shared)),
        ("POST", "/_sim/transfer") => transfer(&body, shared),
        ("POST", "/_sim/faults") => add_fault(&body, shared),
        ("POST", "/_sim/heal") => {
            shared.faults().heal();
            json(&serde_json::json!({"ok": true}))
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            "GET /_sim/state, POST /_sim/faults, POST /_sim/heal and POST /_sim/transfer are here",
        ),
    }
}

/// A deposit or a withdrawal.
fn transfer<D: Dialect>(body: &[u8], shared: &Shared<D>) -> Response<Full<Bytes>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Transfer {
        account: AccountId,
        asset: Asset,
        amount: Amount,
    }
    let example = r#"{"account": "account-1", "asset": "USDT", "amount": "-100"}"#;
    let transfer: Transfer = match serde_json::from_slice(body) {
        Ok(transfer) => transfer,
        Err(error) => {
            let text = format!("not a transfer: {error}; it is written {example}");
            return plain(StatusCode::BAD_REQUEST, &text);
        }
    };
    let mut world = shared.world();
    if !world.exchange().oracle().balances.contains_key(&transfer.account) {
        let text = format!("there is no account {}", transfer.account);
        return plain(StatusCode::NOT_FOUND, &text);
    }
    world.transfer(transfer.account, transfer.asset, transfer.amount);
    json(&serde_json::json!({"ok": true}))
}

fn add_fault<D: Dialect>(body: &[u8], shared: &Shared<D>) -> Response<Full<Bytes>> {
    let now = clock::now();
    let mut faults = shared.faults();
    if let Err(error) = faults.add(now, body) {
        return plain(StatusCode::BAD_REQUEST, &error.to_string());
    }
    if faults.due(now) {
        shared.cut_all();
    }
    json(&serde_json::json!({"ok": true}))
}

fn render(response: HttpResponse) -> Response<Full<Bytes>> {
    let mut rendered = Response::new(Full::new(Bytes::from(response.body)));
    *rendered.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        let name = HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            rendered.headers_mut().insert(name, value);
        }
    }
    rendered
        .headers_mut()
        .entry(hyper::header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json;charset=UTF-8"));
    rendered
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    response
}

fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    let body = value.to_string().into_bytes();
    render(HttpResponse { status: 200, headers: Vec::new(), body })
}

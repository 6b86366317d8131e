//! One request from its first byte to its answer, through whatever faults do to it on the way.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::time::Instant;
use venues::server::{HttpRequest, HttpResponse};

use super::body::{Body, Cut, drip, half, whole};
use super::faults::{After, Answer, Before, FaultId, Verdict};
use super::render::{plain, render};
use super::wire::Ending;
use super::world::{Answered, Shared};
use super::{schema, simulator, socket};
use crate::clock;

/// Largest body of a request.
const BODY_MAX: usize = 64 * 1024;
/// How often what is held looks whether it may go on.
pub(super) const HELD_PAUSE: Duration = Duration::from_millis(20);
/// The same for who waits to be overtaken.
const OVERTAKEN_PAUSE: Duration = Duration::from_millis(2);

/// A REST request with all that belongs to it, so that it outlives its connection.
struct Asked {
    parts: Parts,
    body: Bytes,
    peer: IpAddr,
    route: String,
}

/// Answers a request, or cuts its connection.
pub(super) async fn answer(
    request: Request<Incoming>,
    peer: IpAddr,
    ending: Ending,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Cut> {
    let path = request.uri().path().to_owned();
    if path.starts_with("/_sim/") {
        return Ok(simulator::answer(request, &path, &shared).await);
    }
    let (parts, body) = request.into_parts();
    let is_upgrade = parts
        .headers
        .get(hyper::header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let method = if is_upgrade { "WS" } else { parts.method.as_str() };
    let route = format!("{method} {path}");
    let answered = if is_upgrade {
        let asked = Asked { parts, body: Bytes::new(), peer, route };
        open(asked, Arc::clone(&shared)).await
    } else {
        match Limited::new(body, BODY_MAX).collect().await {
            Ok(body) => {
                let asked = Asked { parts, body: body.to_bytes(), peer, route };
                rest(asked, ending, Arc::clone(&shared)).await
            }
            Err(_) => Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request body is too large")),
        }
    };
    let status = answered.as_ref().ok().map(|response| response.status().as_u16());
    shared.world().counts.answer(status);
    answered
}

/// A REST request, whether faults strike it or not.
async fn rest(asked: Asked, ending: Ending, shared: Arc<Shared>) -> Result<Response<Body>, Cut> {
    let verdict = shared.world().judge(&asked.route, asked.peer);
    if verdict == Verdict::default() {
        return carry_out(&asked, &shared).await.map(render);
    }
    // In a task of its own: a client that gives up must not undo what it has sent.
    let task = tokio::spawn(struck(asked, verdict, ending, shared));
    task.await.unwrap_or(Err(Cut))
}

/// What becomes of a request that faults strike.
async fn struck(
    asked: Asked,
    verdict: Verdict,
    ending: Ending,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Cut> {
    wait(&verdict, &shared).await;
    if let Some(before) = verdict.before {
        return instead(before, asked.peer, &shared).await;
    }
    let first = carry_out(&asked, &shared).await?;
    if verdict.twice {
        // What the second one comes to, only the venue knows.
        let _ = carry_out(&asked, &shared).await;
    }
    let mut response = first;
    if let Some(stale) = verdict.stale {
        response = asked.with(|request| shared.world().stale(request, stale, response.clone()));
    }
    for (fault, change) in &verdict.schema {
        let text = std::str::from_utf8(&response.body).unwrap_or_default();
        if let Some(text) = schema::changed(text, change) {
            shared.world().faults.fired(*fault);
            response.body = text.into_bytes();
        }
    }
    match verdict.after {
        None => Ok(render(response)),
        Some(After::Cut) => Err(Cut),
        Some(After::Hold(fault)) => {
            held(fault, &shared).await;
            Err(Cut)
        }
        Some(After::Answer(answer)) => Ok(worded(&answer)),
        Some(After::Empty) => Ok(Response::new(whole(Bytes::new()))),
        Some(After::Reset) => Ok(broken(response, |bytes| half(bytes, Some(ending)))),
        Some(After::Truncated) => Ok(broken(response, |bytes| half(bytes, None))),
        Some(After::Drip(rate)) => Ok(broken(response, |bytes| drip(bytes, rate))),
    }
}

/// Delays, and waiting to be overtaken.
async fn wait(verdict: &Verdict, shared: &Shared) {
    if let Some(delay) = verdict.delay {
        tokio::time::sleep(delay).await;
    }
    if let Some((fault, most)) = verdict.overtaken {
        let end = Instant::now() + most;
        while Instant::now() < end && shared.world().faults.must_wait(clock::now(), fault) {
            tokio::time::sleep(OVERTAKEN_PAUSE).await;
        }
        shared.world().faults.goes_on(fault);
    }
}

/// Waits until a fault is over.
async fn held(fault: FaultId, shared: &Shared) {
    while shared.world().faults.is_under_way(clock::now(), fault) {
        tokio::time::sleep(HELD_PAUSE).await;
    }
}

/// Instead of carrying a request out.
async fn instead(before: Before, peer: IpAddr, shared: &Shared) -> Result<Response<Body>, Cut> {
    match before {
        Before::Cut => Err(Cut),
        Before::Hold(fault) => {
            held(fault, shared).await;
            Err(Cut)
        }
        Before::Answer(answer) => Ok(worded(&answer)),
        Before::Throttled(wait) => Ok(render(shared.world().throttled(peer, wait))),
        Before::Banned(wait) => Ok(render(shared.world().banned(peer, wait))),
    }
}

/// Does the work.
async fn carry_out(asked: &Asked, shared: &Shared) -> Result<HttpResponse, Cut> {
    let answered = asked.with(|request| {
        let mut world = shared.world();
        let answered = world.http(request, &asked.route);
        world.faults.carried_out(&asked.route, asked.peer);
        answered
    });
    match answered {
        Answered::Now(response) => Ok(response),
        // The line was full, or the venue stops.
        Answered::Later(response) => response.await.map_err(|_| Cut),
    }
}

impl Asked {
    fn with<T>(&self, ask: impl FnOnce(&HttpRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &str)> = self
            .parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        ask(&HttpRequest {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or(""),
            body: &self.body,
            headers: &headers,
            peer: self.peer,
        })
    }
}

/// An answer that a fault gives.
fn worded(answer: &Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = plain(status, &answer.body);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An answer that says how long it is and comes in another way than whole.
fn broken(response: HttpResponse, body: impl FnOnce(Vec<u8>) -> Body) -> Response<Body> {
    let HttpResponse { status, headers, body: bytes } = response;
    let length = bytes.len();
    let mut rendered = render(HttpResponse { status, headers, body: Vec::new() });
    rendered.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *rendered.body_mut() = body(bytes);
    rendered
}

/// A WebSocket: a fault or the dialect may refuse it; else the rest of the connection is a task of
/// its own.
async fn open(mut asked: Asked, shared: Arc<Shared>) -> Result<Response<Body>, Cut> {
    let verdict = shared.world().judge(&asked.route, asked.peer);
    wait(&verdict, &shared).await;
    if let Some(before) = verdict.before {
        shared.world().counts.sockets.refused += 1;
        return instead(before, asked.peer, &shared).await;
    }
    let key = asked.parts.headers.get("sec-websocket-key").cloned();
    let on_upgrade = asked.parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let (Some(key), Some(on_upgrade)) = (key, on_upgrade) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "not a WebSocket handshake"));
    };
    let conn = shared.new_conn();
    let opened = match asked.with(|request| shared.world().connect(conn, request)) {
        Ok(opened) => opened,
        Err(refusal) => return Ok(render(refusal)),
    };
    shared.world().faults.carried_out(&asked.route, asked.peer);
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    tokio::spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => socket::run(upgraded, conn, opened, &shared).await,
            Err(error) => tracing::debug!(%error, "a WebSocket was given up before it began"),
        }
        shared.world().disconnect(conn);
    });
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(hyper::header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(hyper::header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert("sec-websocket-accept", accept);
    }
    Ok(response)
}

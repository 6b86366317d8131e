//! The port on which a person is heard: halt, status, and the two steps of a reset.
//!
//! Each request carries the token. Heads, bodies, connections and waits have bounds; a wrong token is
//! counted and told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::amount::Amount;
use crate::core::effect::Input;
use crate::core::offer::same;
use crate::core::reset::ResetError;
use crate::guests::{Guest, Guests, KNOWN_WITHIN};
use crate::shell::{Message, Tell};

/// Largest head of a request, bytes.
const HEAD_MAX: usize = 16 << 10;
/// Largest body, bytes.
const BODY_MAX: usize = 4 << 10;
/// A connection may take so long, whatever it does.
const CONNECTION_MAX: Duration = Duration::from_secs(15);
/// Longest name of an asset.
const ASSET_MAX: usize = 20;
/// Longest cause of a person that is kept, characters.
const CAUSE_MAX: usize = 300;

/// What it knows besides what the shell does.
#[derive(Clone)]
pub(crate) struct Known {
    /// Who brings it is heard.
    pub(crate) token: Arc<str>,
    /// Which key this is, for who has the same token.
    pub(crate) key_fingerprint: Arc<str>,
}

/// Takes connections for ever.
pub(crate) async fn serve(listener: TcpListener, known: Known, tell: Tell) {
    let guests = Guests::default();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the control port could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (known, tell) = (known.clone(), tell.clone());
        guests.admit(|guest| async move {
            let service = service_fn(|request| answer(request, peer, &known, &tell, &guest));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(KNOWN_WITHIN)
                .max_buf_size(HEAD_MAX)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // However a client ends its connection, there is nothing to be done about it.
            drop(tokio::time::timeout(CONNECTION_MAX, connection).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    known: &Known,
    tell: &Tell,
    guest: &Guest,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match decide(request, peer, known, tell, guest).await {
        Ok(body) => (StatusCode::OK, body),
        Err((status, problem)) => (status, json!({"error": problem})),
    };
    let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}

type Refusal = (StatusCode, String);

async fn decide(
    request: Request<Incoming>,
    peer: SocketAddr,
    known: &Known,
    tell: &Tell,
    guest: &Guest,
) -> Result<Value, Refusal> {
    let given = request.headers().get(hyper::header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    if !given.is_some_and(|given| same(given.trim(), &known.token)) {
        let what = format!("control request from {} with a wrong token, or none", peer.ip());
        refused(tell, what).await;
        let problem = "send the header Authorization: Bearer TOKEN, with the token of [watchdog]";
        return Err((StatusCode::UNAUTHORIZED, problem.to_owned()));
    }
    guest.is_known();
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| {
        let problem = format!("the body is larger than {BODY_MAX} bytes, or broke off");
        (StatusCode::PAYLOAD_TOO_LARGE, problem)
    })?;
    let body = body.to_bytes();
    let body: Value = match body.is_empty() {
        true => json!({}),
        false => serde_json::from_slice(&body)
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}")))?,
    };
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/status") => {
            let (reply, replied) = oneshot::channel();
            let mut shown = ask(tell, Message::Status(reply), replied).await.map(value)?;
            if let Some(shown) = shown.as_object_mut() {
                let fingerprint = known.key_fingerprint.to_string();
                shown.insert("key_fingerprint".to_owned(), fingerprint.into());
            }
            Ok(shown)
        }
        (&Method::POST, "/halt") => {
            let cause = body["cause"].as_str().unwrap_or("no cause given");
            let plain = |c: char| if c.is_control() { ' ' } else { c };
            let cause = cause.chars().take(CAUSE_MAX).map(plain).collect();
            let (reply, replied) = oneshot::channel();
            ask(tell, Message::Halt(cause, reply), replied).await.map(value)
        }
        (&Method::POST, "/transfer") => transfer(&body, tell).await,
        (&Method::POST, "/reset") => reset(&body, peer, tell).await,
        _ => {
            let problem = "there are GET /status, POST /halt, POST /transfer and POST /reset";
            Err((StatusCode::NOT_FOUND, problem.to_owned()))
        }
    }
}

/// `{"asset":"USDT","amount":"-700"}`: so much is about to leave.
async fn transfer(body: &Value, tell: &Tell) -> Result<Value, Refusal> {
    let asset = body["asset"].as_str().filter(|text| is_asset(text));
    let amount = body["amount"].as_str().and_then(|text| Amount::parse(text.strip_prefix('-')?));
    let (Some(asset), Some(amount)) = (asset, amount.filter(|amount| amount.is_positive())) else {
        let form = "write {\"asset\":\"USDT\",\"amount\":\"-700\"}: what is about to leave; what comes \
                    needs no announcement";
        return Err((StatusCode::BAD_REQUEST, form.to_owned()));
    };
    let (reply, replied) = oneshot::channel();
    match ask(tell, Message::Announce(asset.to_owned(), amount, reply), replied).await? {
        true => Ok(json!({"announced": {"asset": asset, "amount": amount}})),
        false => {
            let problem = "too much is announced already; it ends by itself within the hour";
            Err((StatusCode::CONFLICT, problem.to_owned()))
        }
    }
}

fn is_asset(text: &str) -> bool {
    (1..=ASSET_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

async fn reset(body: &Value, peer: SocketAddr, tell: &Tell) -> Result<Value, Refusal> {
    let conflict = |error: ResetError| (StatusCode::CONFLICT, error.to_string());
    let Some(code) = body.get("code") else {
        let (reply, replied) = oneshot::channel();
        return ask(tell, Message::Offer(reply), replied).await?.map(value).map_err(conflict);
    };
    let code = code.as_str().unwrap_or_default().to_owned();
    let (reply, replied) = oneshot::channel();
    let told = ask(tell, Message::Reset(code, reply), replied).await?;
    if matches!(told, Err(ResetError::WrongCode | ResetError::TooEarly(_))) {
        refused(tell, format!("reset from {} with a wrong code, or too early", peer.ip())).await;
    }
    told.map(|()| json!({"lifting": true})).map_err(conflict)
}

async fn refused(tell: &Tell, what: String) {
    // The loop has ended; so has the process.
    drop(tell.send(Message::Input(Input::Refused(what))).await);
}

async fn ask<T>(
    tell: &Tell,
    message: Message,
    replied: oneshot::Receiver<T>,
) -> Result<T, Refusal> {
    drop(tell.send(message).await);
    let gone = |_| (StatusCode::SERVICE_UNAVAILABLE, "the kill switch is ending".to_owned());
    replied.await.map_err(gone)
}

fn value(shown: impl serde::Serialize) -> Value {
    serde_json::to_value(shown).unwrap_or_else(|error| json!({"error": error.to_string()}))
}

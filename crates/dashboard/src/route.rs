//! Which path is answered with what.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::answer::{self, Answer};
use crate::asking::{Asking, Question};
use crate::guard::{Guard, Refused};
use crate::live::Live;
use crate::problem::Problem;
use crate::wanted::Wanted;
use crate::{About, Halt, assets, events, page};

/// Largest body of a request, bytes.
const BODY_MAX: usize = 8 << 10;
/// Longest reason of a halt, characters.
const REASON_MAX: usize = 300;
/// Longest name of an order, characters.
const ID_MAX: usize = 200;

/// What a request is answered from.
pub(crate) struct Shared {
    pub(crate) guard: Guard,
    pub(crate) about: About,
    pub(crate) live: Live,
    pub(crate) asking: Asking,
    pub(crate) halt: Option<Arc<dyn Halt>>,
    /// Places for browsers that listen.
    pub(crate) places: Arc<Semaphore>,
}

/// Answers one request.
pub(crate) async fn answer(request: Request<Incoming>, shared: &Shared) -> Answer {
    let answered = match shared.guard.host(request.headers()) {
        Ok(()) => route(request, shared).await,
        Err(refused) => Err(refused.into()),
    };
    answered.unwrap_or_else(|problem| answer::problem(&problem))
}

async fn route(request: Request<Incoming>, shared: &Shared) -> Result<Answer, Problem> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/") => home(&request, shared),
        (&Method::POST, "/login") => log_in(request, shared).await,
        (&Method::POST, "/logout") => {
            shared.guard.site(request.headers(), true)?;
            let gone = shared.guard.log_out(request.headers());
            Ok(answer::with_cookie(page::log_in(), &gone))
        }
        (&Method::POST, "/api/halt") => halt(request, shared).await,
        (&Method::GET, path) => match assets::file(path, request.headers()) {
            Some(file) => Ok(file),
            None => read(&request, shared).await,
        },
        _ => Err(problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "a dashboard is looked at; only a halt is asked for",
        )),
    }
}

/// The page, or the one that asks for the token. A token in the address opens a session, and is gone from the address then.
fn home(request: &Request<Incoming>, shared: &Shared) -> Result<Answer, Problem> {
    let token = pairs(request.uri().query()).into_iter().find(|(name, _)| name == "token");
    if let Some((_, token)) = token.filter(|_| shared.guard.is_locked()) {
        return Ok(match shared.guard.log_in(&token) {
            Ok(cookie) => page::let_in(&cookie),
            Err(Refused::LogIn) => page::log_in(),
            Err(refused) => return Err(refused.into()),
        });
    }
    Ok(match shared.guard.session(request.headers()) {
        Ok(_) => page::dashboard(),
        Err(_) => page::log_in(),
    })
}

async fn log_in(request: Request<Incoming>, shared: &Shared) -> Result<Answer, Problem> {
    shared.guard.site(request.headers(), true)?;
    let body = body(request).await?;
    let said = pairs(Some(&String::from_utf8_lossy(&body)));
    let token = said.into_iter().find(|(name, _)| name == "token").map(|(_, token)| token);
    match shared.guard.log_in(token.unwrap_or_default().trim()) {
        Ok(cookie) => Ok(page::let_in(&cookie)),
        Err(Refused::LogIn) => Ok(page::log_in()),
        Err(refused) => Err(refused.into()),
    }
}

/// What is only read.
async fn read(request: &Request<Incoming>, shared: &Shared) -> Result<Answer, Problem> {
    let session = shared.guard.session(request.headers())?;
    shared.guard.site(request.headers(), false)?;
    let said = pairs(request.uri().query());
    let question = match request.uri().path() {
        "/api/session" => {
            return Ok(answer::json(&json!({
                "word": session.word, "locked": shared.guard.is_locked(), "halts": shared.halt.is_some(),
                "about": shared.about,
            })));
        }
        "/api/events" => return listen(shared),
        "/api/samples" => return Ok(answer::json(&shared.live.curve())),
        "/api/curves" => Question::Curves,
        "/api/journal" => Question::Entries(Wanted::read(&said)?),
        "/api/why" => Question::Why(name(&said)?),
        _ => {
            return Err(problem(
                StatusCode::NOT_FOUND,
                "there is no such page; / is the dashboard",
            ));
        }
    };
    let answered = shared.asking.ask(question).await?;
    Ok(answer::json(&answered))
}

fn listen(shared: &Shared) -> Result<Answer, Problem> {
    let place = Arc::clone(&shared.places).try_acquire_owned().map_err(|_| {
        problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many browsers look at this dashboard; close one",
        )
    })?;
    Ok(events::stream(shared.live.told(), shared.asking.told(), place))
}

fn name(said: &[(String, String)]) -> Result<String, Problem> {
    let id =
        said.iter().find(|(name, _)| name == "id").map(|(_, id)| id.trim()).unwrap_or_default();
    match id.chars().count() {
        1..=ID_MAX => Ok(id.to_owned()),
        _ => Err(problem(StatusCode::BAD_REQUEST, "id: name an order, an execution or a decision")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    reason: String,
}

async fn halt(request: Request<Incoming>, shared: &Shared) -> Result<Answer, Problem> {
    shared.guard.halt(request.headers())?;
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some("application/json") {
        return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a halt is asked for in JSON"));
    }
    let Some(halt) = shared.halt.clone() else {
        let text =
            "there is nothing to halt: this dashboard was opened on a journal alone, with --store";
        return Err(problem(StatusCode::CONFLICT, text));
    };
    let body = body(request).await?;
    let wish: Wish = serde_json::from_slice(&body)
        .map_err(|error| problem(StatusCode::BAD_REQUEST, &format!("not understood: {error}")))?;
    let reason: String = wish.reason.trim().chars().take(REASON_MAX).collect();
    tracing::warn!(reason, "a halt is asked for on the dashboard");
    let done = tokio::task::spawn_blocking(move || halt.halt(&reason)).await;
    match done {
        Ok(Ok(done)) => Ok(answer::json(&done)),
        Ok(Err(text)) => Err(problem(StatusCode::BAD_GATEWAY, &text)),
        Err(_) => Err(problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the halt was not asked for; use plimsoll halt",
        )),
    }
}

fn problem(status: StatusCode, text: &str) -> Problem {
    Problem::new(status, text)
}

async fn body(request: Request<Incoming>) -> Result<Vec<u8>, Problem> {
    let read = Limited::new(request.into_body(), BODY_MAX).collect().await;
    let read =
        read.map_err(|_| problem(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long"))?;
    Ok(read.to_bytes().to_vec())
}

/// Names and values of a query or a form. What is no text is nothing.
fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).unwrap_or_default()
    };
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let read = pairs(Some("id=maker%2F7&a=b+c&&x&bad=%ff"));
        let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(read, [("id", "maker/7"), ("a", "b c"), ("x", ""), ("bad", "")]);
        assert_eq!(pairs(None), []);
    }
}

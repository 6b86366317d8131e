//! Answers, each with the headers that keep a page to itself.

use std::convert::Infallible;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::problem::Problem;

/// An answer to a request.
pub type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Nothing from anywhere else, nothing written into the page, no frame, no form to elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const ALONE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// An answer with this body; kept by no cache unless it says otherwise.
pub(crate) fn with(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).boxed_unsync();
    of(status, kind, body)
}

pub(crate) fn of(
    status: StatusCode,
    kind: &'static str,
    body: UnsyncBoxBody<Bytes, Infallible>,
) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // The site itself still says where its requests come from.
        (REFERRER_POLICY, "same-origin"),
        (ALONE, "same-origin"),
        (OPENER, "same-origin"),
        (PERMISSIONS, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// An answer of this type, for another port than the dashboard's.
pub fn plain(status: StatusCode, kind: &'static str, body: String) -> Answer {
    with(status, kind, body)
}

pub(crate) fn json(value: &Value) -> Answer {
    with(StatusCode::OK, "application/json", value.to_string())
}

pub(crate) fn html(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    with(status, HTML, text)
}

pub(crate) fn with_cookie(mut answer: Answer, cookie: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().insert(SET_COOKIE, value);
    }
    answer
}

pub(crate) fn problem(problem: &Problem) -> Answer {
    let text = json!({"error": problem.text}).to_string();
    with(problem.status, "application/json", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_kept_to_itself() {
        for answer in [json(&json!({})), html(StatusCode::OK, ""), problem(&Problem::wrong("x"))] {
            let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none';"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }
}

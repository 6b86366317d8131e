//! Answers as the HTTP library takes them.

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use venues::server::HttpResponse;

use super::body::{Body, whole};

/// A dialect's answer.
pub(super) fn render(response: HttpResponse) -> Response<Body> {
    let mut rendered = Response::new(whole(response.body));
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
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json;charset=UTF-8"));
    rendered
}

/// A few words.
pub(super) fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(whole(text.to_owned()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An object, with 200.
pub(super) fn json(value: &serde_json::Value) -> Response<Body> {
    let body = value.to_string().into_bytes();
    render(HttpResponse { status: 200, headers: Vec::new(), body })
}

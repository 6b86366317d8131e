//! Pages: the dashboard itself, and the one that asks for the token.

use hyper::StatusCode;
use hyper::header::{HeaderValue, REFRESH};

use crate::answer::{self, Answer};
use crate::assets;

/// The dashboard.
pub(crate) fn dashboard() -> Answer {
    answer::html(StatusCode::OK, assets::page("/index.html"))
}

/// Asks for the token.
pub(crate) fn log_in() -> Answer {
    answer::html(StatusCode::UNAUTHORIZED, assets::page("/login.html"))
}

/// Sends a browser to the dashboard, with its session. No redirect: after a link from elsewhere a browser keeps the cookie back
/// until a page of ours was there.
pub(crate) fn let_in(cookie: &str) -> Answer {
    let text = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Plimsoll</title>\
                <p><a href=\"/\">Open the dashboard</a></p></html>";
    let mut answer = answer::html(StatusCode::OK, text);
    answer.headers_mut().insert(REFRESH, HeaderValue::from_static("0; url=/"));
    answer::with_cookie(answer, cookie)
}

//! The files of the page, in the binary. No tool made them and none is needed to change them.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use sha2::{Digest as _, Sha256};

use crate::answer::{self, Answer, HTML};

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($path:literal, $kind:expr;)*) => {
        &[$(($path, $kind, include_bytes!(concat!("../assets", $path)))),*]
    };
}

/// Path, kind and text of each.
const FILES: &[(&str, &str, &[u8])] = files! {
    "/index.html", HTML;
    "/login.html", HTML;
    "/app.css", CSS;
    "/icon.svg", "image/svg+xml";
    "/early.js", JS;
    "/app.js", JS;
    "/cards.js", JS;
    "/chart.js", JS;
    "/dom.js", JS;
    "/halt.js", JS;
    "/journal.js", JS;
    "/login.js", JS;
    "/story.js", JS;
};

/// The text of a page that is there.
pub(crate) fn page(path: &str) -> &'static [u8] {
    FILES.iter().find(|(known, ..)| *known == path).map_or(b"", |(.., text)| text)
}

/// A file that is no page, or nothing of that name. A browser keeps it, and asks whether it is still the same.
pub(crate) fn file(path: &str, headers: &HeaderMap) -> Option<Answer> {
    let (_, kind, text) = FILES.iter().find(|(known, kind, _)| *known == path && *kind != HTML)?;
    let tag: String = Sha256::digest(text).iter().take(12).map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut answer = match known {
        true => answer::with(StatusCode::NOT_MODIFIED, kind, ""),
        false => answer::with(StatusCode::OK, kind, *text),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the policy would refuse, or what would have to come from elsewhere.
    #[test]
    fn nothing_is_fetched_from_elsewhere_and_nothing_is_inline() {
        for (path, kind, text) in FILES {
            let text = std::str::from_utf8(text).unwrap();
            let outside = text.replace("http://www.w3.org/2000/svg", "");
            for word in
                ["http://", "https://", "@import", "eval(", "innerHTML", " onclick=", " style="]
            {
                assert!(!outside.contains(word), "{path} has {word}");
            }
            if *kind == HTML {
                assert_eq!(
                    text.matches("<script").count(),
                    text.matches("<script src=").count()
                        + text.matches("<script type=\"module\" src=").count(),
                    "{path}"
                );
                assert!(!text.contains("<style"), "{path}");
            }
        }
    }

    #[test]
    fn a_browser_that_has_a_file_is_told_so() {
        let mut headers = HeaderMap::new();
        let first = file("/app.css", &headers).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(file("/app.css", &headers).unwrap().status(), StatusCode::NOT_MODIFIED);
        assert!(file("/index.html", &headers).is_none(), "pages are for who is let in");
        assert!(file("/../Cargo.toml", &headers).is_none());
    }
}

//! Why a question has no answer, and with which status that is said.

use hyper::StatusCode;
use views::ViewsError;

/// What is wrong, in words for the page.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Problem {
        Problem { status, text: text.into() }
    }

    /// The asker's mistake.
    pub(crate) fn wrong(text: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, text)
    }
}

impl From<ViewsError> for Problem {
    fn from(error: ViewsError) -> Problem {
        let status = match &error {
            ViewsError::Unknown(_) => StatusCode::NOT_FOUND,
            ViewsError::Sql(_) | ViewsError::NoReport(_) => StatusCode::BAD_REQUEST,
            ViewsError::TooLong(_) => StatusCode::GATEWAY_TIMEOUT,
            ViewsError::Journal(_) | ViewsError::Tables { .. } | ViewsError::File { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let text = match &error {
            ViewsError::TooLong(time) => format!(
                "the journal was not read within {} s; narrow the filter, or ask with plimsoll query",
                time.as_secs()
            ),
            other => other.to_string(),
        };
        Problem { status, text }
    }
}

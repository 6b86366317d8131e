//! Why a question has no answer, and with which status that is said.

use hyper::StatusCode;
use views::ViewsError;

use crate::guard::Refused;

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

impl From<Refused> for Problem {
    /// Why it was not done, and what to do.
    fn from(refused: Refused) -> Problem {
        let (status, text) = match refused {
            Refused::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "this dashboard does not answer to that name; open it by its address, or add the name to hosts in \
                 [dashboard]",
            ),
            Refused::Site => (
                StatusCode::FORBIDDEN,
                "the request comes out of another site's page; open the dashboard itself",
            ),
            Refused::LogIn => (StatusCode::UNAUTHORIZED, "log in with the token first"),
            Refused::Word => {
                (StatusCode::FORBIDDEN, "the page is older than the dashboard; load it again")
            }
            Refused::Often => {
                (StatusCode::TOO_MANY_REQUESTS, "too many tries within a minute; wait")
            }
        };
        Problem::new(status, text)
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

//! Why a sink did not take a message.

use std::time::Duration;

/// How long one attempt may take in all.
pub(super) const ATTEMPT_MAX: Duration = Duration::from_secs(10);

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What happened, without secrets.
    pub(crate) text: String,
    /// The sink refuses this message, and will refuse it again unless somebody changes something.
    pub(crate) refused: bool,
    /// How long it asks to be left alone.
    pub(crate) wait: Option<Duration>,
}

impl Failure {
    /// Another attempt may succeed.
    pub(super) fn passing(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), refused: false, wait: None }
    }

    /// Another attempt fails as this one did.
    pub(super) fn refused(text: impl Into<String>) -> Failure {
        Failure { refused: true, ..Failure::passing(text) }
    }
}

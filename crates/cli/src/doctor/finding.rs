//! What one check has to say.

use serde::Serialize;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It works, and less well than it could.
    Warning,
    /// It does not work.
    Wrong,
    /// A gate would say no to a start.
    Refused,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Which check says it, in a word.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) text: String,
    /// What to do about it; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) advice: String,
}

impl Finding {
    pub(super) fn good(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { check, verdict: Verdict::Good, text: text.into(), advice: String::new() }
    }

    pub(super) fn bad(
        check: &'static str,
        verdict: Verdict,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding { check, verdict, text: text.into(), advice: advice.into() }
    }
}

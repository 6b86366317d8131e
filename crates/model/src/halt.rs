//! Why trading is halted, how far, and the code by which a person lifts it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::trading_state::TradingState;

/// A second step that comes sooner after the first is refused: a person reads what the first one shows, and
/// what answers both at once is a script.
pub const RESUME_AFTER: Duration = Duration::from_secs(30);
/// A second step that comes later after the first is refused: what was shown is out of date.
pub const RESUME_WITHIN: Duration = Duration::from_secs(120);
/// How long a part of the limits holds after trading was resumed.
pub const PROBATION: Duration = Duration::from_secs(30 * 60);

/// How far trading is halted: the latched trading states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltLevel {
    /// Entry orders are taken back.
    Halted,
    /// Positions are closed as well.
    Flattening,
    /// Nothing that changes anything is sent.
    Dark,
}

impl From<HaltLevel> for TradingState {
    fn from(level: HaltLevel) -> TradingState {
        match level {
            HaltLevel::Halted => TradingState::Halted,
            HaltLevel::Flattening => TradingState::Flattening,
            HaltLevel::Dark => TradingState::Dark,
        }
    }
}

/// Who or what halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltedBy {
    /// A person: a command, or a touch of the halt file.
    Person,
    /// A person, by the button of the dashboard.
    Dashboard,
    /// An agent asked for it.
    Agent,
    /// A circuit breaker.
    Breaker,
    /// The watchdog.
    Watchdog,
    /// An order on the account that this gateway did not place.
    ForeignOrder,
    /// An order of ours that is at the venue after it was proven not to be, or that the venue has lost.
    Ghost,
    /// Starts that died one after the other.
    CrashLoop,
    /// The journal is not the newest there was of it.
    Journal,
    /// What our key may do at the venue is not what it was.
    Key,
}

impl HaltedBy {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            HaltedBy::Person => "a person",
            HaltedBy::Dashboard => "a person, on the dashboard",
            HaltedBy::Agent => "an agent",
            HaltedBy::Breaker => "a circuit breaker",
            HaltedBy::Watchdog => "the watchdog",
            HaltedBy::ForeignOrder => "an order of somebody else",
            HaltedBy::Ghost => "an order that is not where it was proven to be",
            HaltedBy::CrashLoop => "a crash loop",
            HaltedBy::Journal => "a journal that went back",
            HaltedBy::Key => "the key at the exchange",
        }
    }
}

/// Why trading is halted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltCause {
    /// Who or what.
    pub by: HaltedBy,
    /// In words.
    pub text: String,
}

impl HaltCause {
    /// By whom, and why.
    pub fn new(by: HaltedBy, text: impl Into<String>) -> HaltCause {
        HaltCause { by, text: text.into() }
    }
}

/// Which of the two steps that lift a halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeStep {
    /// Asked for the code.
    First,
    /// Came back with it.
    Second,
}

/// How far the closing of one position is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The market takes it, slice by slice.
    Slices,
    /// The market does not take it at a sound price, or something else is in the way: what. It goes on by
    /// itself when that is over.
    Held(String),
    /// Nothing is left.
    Flat,
    /// What is left is too little to be sold: why.
    Dust(String),
    /// Something is left, and it is not to be sold any more: why.
    Dropped(String),
}

/// What the first step towards lifting a halt is answered with and the second one has to bring. It is drawn by
/// the runtime, is shown to the person alone, and is in no record, log or debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeCode(String);

impl ResumeCode {
    /// Longest text that is looked at, bytes.
    const LEN_MAX: usize = 64;

    /// Takes a text; what is longer than any code is cut, and is none.
    pub fn new(text: &str) -> ResumeCode {
        ResumeCode(text.chars().take(Self::LEN_MAX).collect())
    }

    /// The text, for the person.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Is it this one? Takes as long however many characters are right.
    pub fn is(&self, other: &ResumeCode) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        let differences = ours.iter().zip(theirs).fold(0, |sum, (a, b)| sum | (a ^ b));
        ours.len() == theirs.len() && !ours.is_empty() && differences == 0
    }
}

impl fmt::Debug for ResumeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeCode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_whole_text_and_is_never_printed() {
        let code = ResumeCode::new("7K3P-9QXM");
        assert!(code.is(&ResumeCode::new("7K3P-9QXM")));
        for other in ["", "7K3P-9QX", "7K3P-9QXN", "7k3p-9qxm", "7K3P-9QXM ", "8K3P-9QXM"] {
            assert!(!code.is(&ResumeCode::new(other)), "{other}");
        }
        assert!(!ResumeCode::new("").is(&ResumeCode::new("")), "no code is none");
        assert_eq!(format!("{code:?}"), "ResumeCode");
    }

    #[test]
    fn each_level_is_a_latched_state_and_keeps_its_order() {
        let levels = [HaltLevel::Halted, HaltLevel::Flattening, HaltLevel::Dark];
        assert!(levels.map(TradingState::from).into_iter().all(TradingState::is_latched));
        assert!(levels.map(TradingState::from).is_sorted() && levels.is_sorted());
    }
}

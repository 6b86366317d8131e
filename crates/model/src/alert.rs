//! What a person is told when something needs one.
//!
//! An alert names its cause by a key of a closed list and by what it is about, so that the same cause is
//! known when it comes again, however its text counts and measures: who delivers alerts gives each cause
//! one in a minute. The text is for people and promises nothing to programs.

use serde::{Deserialize, Serialize};

/// One word to the operator. It decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What kind of cause it is.
    pub key: AlertKey,
    /// Which one of that kind: an instrument, an order, the words of a cause. Empty where there is but one.
    pub about: String,
    /// How bad it is.
    pub level: AlertLevel,
    /// What happened and what to do, in whole sentences.
    pub text: String,
}

impl Alert {
    /// An alert about something in particular.
    pub fn new(
        level: AlertLevel,
        key: AlertKey,
        about: impl ToString,
        text: impl Into<String>,
    ) -> Alert {
        Alert { key, about: about.to_string(), level, text: text.into() }
    }

    /// Somebody should look.
    pub fn warning(key: AlertKey, about: impl ToString, text: impl Into<String>) -> Alert {
        Alert::new(AlertLevel::Warning, key, about, text)
    }

    /// Somebody has to look now.
    pub fn critical(key: AlertKey, about: impl ToString, text: impl Into<String>) -> Alert {
        Alert::new(AlertLevel::Critical, key, about, text)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// Nothing has to be done.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody has to look now: trading has stopped, or money may be lost.
    Critical,
}

/// What kind of cause an alert has. These words are a contract: people route their alerts by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKey {
    /// Trading has stopped until a person resumes it.
    Halted,
    /// More or less is let through than before.
    Trading,
    /// Our books and the venue's differ.
    Difference,
    /// An order is lost, or one is there that was proven not to be.
    Order,
    /// Somebody else trades on the account.
    Foreign,
    /// The venue says what nobody here has a word for.
    NotUnderstood,
    /// The venue refuses one order after the other.
    VenueRefuses,
    /// The venue's clock moved against ours.
    VenueClock,
    /// The venue's rules for an instrument changed, or it is gone.
    Instrument,
    /// The venue's books could not be read.
    Reading,
    /// The watchdog halts, is not heard, or sees another account than we do.
    Watchdog,
    /// An agent is gone.
    Agent,
    /// The journal fails.
    Journal,
    /// The gateway ends.
    Stopped,
    /// Gates are overridden by a person's word.
    Gates,
    /// Another part of the limits holds.
    Ramp,
    /// A person tries whether alerts arrive.
    Test,
    /// Anything else.
    Notice,
}

impl AlertKey {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            AlertKey::Halted => "halted",
            AlertKey::Trading => "trading",
            AlertKey::Difference => "difference",
            AlertKey::Order => "order",
            AlertKey::Foreign => "foreign",
            AlertKey::NotUnderstood => "not_understood",
            AlertKey::VenueRefuses => "venue_refuses",
            AlertKey::VenueClock => "venue_clock",
            AlertKey::Instrument => "instrument",
            AlertKey::Reading => "reading",
            AlertKey::Watchdog => "watchdog",
            AlertKey::Agent => "agent",
            AlertKey::Journal => "journal",
            AlertKey::Stopped => "stopped",
            AlertKey::Gates => "gates",
            AlertKey::Ramp => "ramp",
            AlertKey::Test => "test",
            AlertKey::Notice => "notice",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_word_everywhere() {
        use AlertKey::*;
        for key in [
            Halted,
            Trading,
            Difference,
            Order,
            Foreign,
            NotUnderstood,
            VenueRefuses,
            VenueClock,
            Instrument,
            Reading,
            Watchdog,
            Agent,
            Journal,
            Stopped,
            Gates,
            Ramp,
            Test,
            Notice,
        ] {
            assert_eq!(serde_json::to_value(key).unwrap(), key.word());
        }
        assert!(
            AlertLevel::Critical > AlertLevel::Warning && AlertLevel::Warning > AlertLevel::Info
        );
    }
}

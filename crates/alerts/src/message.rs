//! What is handed to a sink: one alert, how things stood when it was raised, and how many like it were not
//! told. The same for every sink; only the form differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::{Alert, AlertLevel, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest text of an alert, characters; chats cut what is longer, or refuse it.
const TEXT_MAX: usize = 2_000;
/// Longest name of what an alert is about, characters.
const ABOUT_MAX: usize = 200;
/// Positions that are told.
const POSITIONS_MAX: usize = 32;

/// How things stood on the account when the alert was raised, by the gateway's books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What was let through.
    pub trading: String,
    /// Net quantity of each instrument that has one, base units.
    pub positions: BTreeMap<String, String>,
    /// Orders open at the venue or in doubt.
    pub orders_open: u64,
    /// Those of them whose outcome is open.
    pub orders_in_doubt: u64,
}

/// One alert on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Version of this form.
    pub(crate) v: u32,
    /// The same at every attempt: who gets it twice knows it by this.
    pub(crate) id: String,
    /// Whose account it is about.
    pub(crate) source: String,
    /// When it was raised, RFC 3339.
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) alert: Alert,
    #[serde(flatten)]
    pub(crate) standing: Standing,
    /// Alerts of the same cause that came since the last one that was told, and are told by this one.
    pub(crate) suppressed: u64,
}

impl Message {
    pub(crate) fn new(
        id: String,
        source: &str,
        at: Timestamp,
        (mut alert, mut standing): (Alert, Standing),
        suppressed: u64,
    ) -> Message {
        shorten(&mut alert.text, TEXT_MAX);
        shorten(&mut alert.about, ABOUT_MAX);
        while standing.positions.len() > POSITIONS_MAX {
            standing.positions.pop_last();
        }
        Message {
            v: 1,
            id,
            source: source.to_owned(),
            at: at.to_string(),
            alert,
            standing,
            suppressed,
        }
    }

    /// One line: for the subject of a mail, or the head of a chat's message.
    pub(crate) fn title(&self) -> String {
        format!("{} {}: {}", level(self.alert.level), self.source, self.alert.key.word())
    }

    /// What happened, how things stand, and what was not told, line by line.
    pub(crate) fn body(&self) -> String {
        let mut text = self.alert.text.clone();
        let Standing { trading, positions, orders_open, orders_in_doubt } = &self.standing;
        // Writing into a string cannot fail.
        if !trading.is_empty() {
            let _ = write!(text, "\n{trading}; ");
            if positions.is_empty() {
                text.push_str("no position; ");
            }
            for (instrument, net) in positions {
                let _ = write!(text, "position {net} {instrument}; ");
            }
            let _ = write!(text, "open orders: {orders_open}, in doubt: {orders_in_doubt}");
        }
        if self.suppressed > 0 {
            let _ = write!(text, "\n{} more of this cause were not told", self.suppressed);
        }
        let _ = write!(text, "\n{}", self.at);
        text
    }

    /// Head and body.
    pub(crate) fn whole(&self) -> String {
        format!("{}\n{}", self.title(), self.body())
    }
}

const fn level(level: AlertLevel) -> &'static str {
    match level {
        AlertLevel::Info => "INFO",
        AlertLevel::Warning => "WARNING",
        AlertLevel::Critical => "CRITICAL",
    }
}

fn shorten(text: &mut String, max: usize) {
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use model::AlertKey;

    use super::*;

    pub(crate) fn message(level: AlertLevel, number: u64) -> Message {
        let alert = Alert::new(level, AlertKey::Notice, "", format!("number {number}"));
        Message::new(number.to_string(), "sim", Timestamp::EPOCH, (alert, Standing::default()), 0)
    }

    #[test]
    fn position_and_open_orders_are_told() {
        let alert = Alert::critical(AlertKey::Halted, "", "halted: enough");
        let positions = [("BTC-USDT".to_owned(), "-0.25".to_owned())];
        let standing = Standing {
            trading: "halted".to_owned(),
            positions: positions.into(),
            orders_open: 3,
            orders_in_doubt: 1,
        };
        let message = Message::new("1".to_owned(), "sim", Timestamp::EPOCH, (alert, standing), 2);
        assert_eq!(
            message.whole(),
            "CRITICAL sim: halted\nhalted: enough\nhalted; position -0.25 BTC-USDT; open orders: 3, in \
             doubt: 1\n2 more of this cause were not told\n1970-01-01T00:00:00Z"
        );
        let json = serde_json::to_value(&message).unwrap();
        assert_eq!(
            (json["key"].as_str(), json["level"].as_str()),
            (Some("halted"), Some("critical"))
        );
        assert_eq!(json["positions"]["BTC-USDT"], "-0.25");
        assert_eq!((&json["orders_open"], &json["suppressed"]), (&3.into(), &2.into()));
        assert_eq!(serde_json::from_value::<Message>(json).unwrap(), message);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let alert = Alert::critical(AlertKey::Halted, "é".repeat(5_000), "ü".repeat(50_000));
        let positions = (0..100).map(|n| (n.to_string(), "1".to_owned())).collect();
        let standing = Standing { positions, ..Standing::default() };
        let message = Message::new("1".to_owned(), "sim", Timestamp::EPOCH, (alert, standing), 0);
        assert_eq!(message.alert.text.chars().count(), TEXT_MAX + 1);
        assert_eq!(message.alert.about.chars().count(), ABOUT_MAX + 1);
        assert_eq!(message.standing.positions.len(), POSITIONS_MAX);
    }
}

//! `plimsoll status --book`: a book for people and for programs.

use std::fmt::Write as _;

use anyhow::anyhow;
use model::{InstrumentId, Timestamp};
use runtime::config::Config;
use runtime::control::{self, Answer, Ask, BookShown, ControlError};

use super::words::{ago, feed_word};
use crate::failure::Failure;

/// Asks the gateway that runs on this journal.
pub(super) fn look(
    config: &Config,
    instrument: InstrumentId,
    depth: usize,
) -> Result<BookShown, Failure> {
    let directory = runtime::budget::directory(config.state_dir.as_deref())?;
    let answer = control::socket(&directory, &config.store)
        .map(|socket| control::ask(&socket, &Ask::Book { instrument, depth }));
    match answer {
        Ok(Ok(Answer::Book(shown))) => Ok(shown),
        Ok(Ok(Answer::Error(problem))) => Err(anyhow!(problem).into()),
        Ok(Ok(_)) => Err(anyhow!("the gateway answers something else").into()),
        // The journal is not there, or nobody listens.
        Err(_) | Ok(Err(ControlError::Nobody { .. })) => {
            let text =
                "no gateway is running on this journal on this host, and a book is in nothing else";
            Err(anyhow!(text).into())
        }
        Ok(Err(error)) => Err(error.into()),
    }
}

pub(super) fn json(shown: &BookShown) -> Result<String, Failure> {
    Ok(serde_json::to_string(shown)? + "\n")
}

/// The best prices in the middle, as a ladder.
pub(super) fn text(shown: &BookShown, now: Timestamp) -> String {
    let (health, since) = (feed_word(shown.health), ago(now, shown.since));
    let age = shown.as_of.map_or_else(
        || "never heard".to_owned(),
        |as_of| format!("as of {} ms ago", now.since(as_of).as_millis()),
    );
    let mut text = format!("{} {health} for {since}; {age}\n", shown.instrument.as_str());
    for (price, qty) in shown.asks.iter().rev() {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "ask {:>18} x {qty}", price.to_string());
    }
    for (price, qty) in &shown.bids {
        let _ = writeln!(text, "bid {:>18} x {qty}", price.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::FeedHealth;

    use super::*;

    #[test]
    fn the_best_prices_stand_together() {
        let at = |ms| Timestamp::EPOCH.after(Duration::from_millis(ms));
        let level = |price: &str, qty: &str| (price.parse().unwrap(), qty.parse().unwrap());
        let shown = BookShown {
            instrument: "BTC-USDT".parse().unwrap(),
            health: FeedHealth::Stale,
            since: at(1_000),
            as_of: Some(at(8_750)),
            bids: vec![level("99.5", "2"), level("99", "0.001")],
            asks: vec![level("100.5", "1"), level("101", "3")],
        };
        let lines = [
            "BTC-USDT STALE for 8 s; as of 250 ms ago",
            "ask                101 x 3",
            "ask              100.5 x 1",
            "bid               99.5 x 2",
            "bid                 99 x 0.001",
            "",
        ];
        assert_eq!(text(&shown, at(9_000)), lines.join("\n"));
        let json: serde_json::Value = serde_json::from_str(&json(&shown).unwrap()).unwrap();
        assert_eq!(json["asks"][0], serde_json::json!(["100.5", "1"]));
    }
}

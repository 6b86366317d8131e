//! The book as the gateway holds it against the exchange's own, at a moment at which nothing changes.

use std::time::{Duration, Instant};

use model::Decimal;
use serde_json::{Value, json};

use super::{Gateway, Venue, plimsoll};

/// Levels of each side that are compared.
const DEPTH: usize = 20;

/// Price and quantity of each level, best first: bids, then asks.
type Levels = [Vec<(Decimal, Decimal)>; 2];

/// Stops the market and compares until the two agree. The market goes on when they do.
pub(crate) fn assert_agrees(gateway: &Gateway, venue: &Venue, max: Duration) {
    let start = Instant::now();
    let stop = || {
        let answer = venue.http("POST", "/_sim/faults", &json!({"kind": "stall"}).to_string());
        assert!(!answer.contains("error"), "{answer}");
    };
    stop();
    loop {
        // What was under way when it stopped arrives in the meantime.
        let (theirs, ours) = (of_venue(gateway, venue), of_gateway(gateway));
        let is_whole = !theirs[0].is_empty() && !theirs[1].is_empty();
        if is_whole && ours.as_ref() == Ok(&theirs) {
            break;
        }
        if !is_whole {
            // It was stopped right behind a trade that took a whole side: there is nothing to compare yet.
            venue.http("POST", "/_sim/heal", "");
            std::thread::sleep(Duration::from_millis(100));
            stop();
        }
        let log = || gateway.log();
        assert!(start.elapsed() < max, "the book: {ours:?}\nthe exchange's: {theirs:?}\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
    venue.http("POST", "/_sim/heal", "");
}

/// As a user would look at it.
fn of_gateway(gateway: &Gateway) -> Result<Levels, String> {
    let (config, depth) = (gateway.path("plimsoll.toml"), DEPTH.to_string());
    let instrument = gateway.instrument();
    let config = config.to_str().unwrap();
    let asked = ["status", "--json", "--config", config, "--book", instrument, "--depth", &depth];
    let output = plimsoll(&asked);
    if !output.status.success() {
        return Err(super::stderr(&output));
    }
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    if shown["health"] != "live" {
        return Err(shown["health"].to_string());
    }
    Ok(levels(&shown))
}

/// The best of the oracle's.
fn of_venue(gateway: &Gateway, venue: &Venue) -> Levels {
    let mut all = levels(&venue.state()["books"][gateway.instrument()]);
    all.iter_mut().for_each(|side| side.truncate(DEPTH));
    all
}

fn levels(book: &Value) -> Levels {
    let number = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let level = |level: &Value| (number(&level[0]), number(&level[1]));
    ["bids", "asks"].map(|side| book[side].as_array().unwrap().iter().map(level).collect())
}

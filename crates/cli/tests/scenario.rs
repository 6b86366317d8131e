//! `--scenario FILE`: the example that the documentation names, and mistakes in one.

mod common;

use common::{Venue, plimsoll, stderr};

fn example() -> String {
    format!("{}/../../examples/faults.toml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_example_is_taken_and_waits_for_its_time() {
    let venue = Venue::start(&["--market", "empty", "--scenario", &example(), "--seed", "7"]);
    let state = venue.state();
    let faults = state["faults"].as_array().unwrap();
    let kinds: Vec<&str> = faults.iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
    let expected =
        ["drop_response", "delay", "silent", "close_after", "throttle", "stall", "outage"];
    assert_eq!(kinds, expected);
    let now = state["now"].as_i64().unwrap();
    let from = |n: usize| faults[n]["from"].as_i64().unwrap();
    assert!((0..=2_000).contains(&(from(0) - now)), "two seconds from the start");
    assert_eq!(from(6) - from(0), 48_000);
    assert_eq!(faults[6]["to"].as_i64().unwrap() - from(6), 10_000);
    assert!(faults.iter().all(|fault| fault["fired"] == 0));
}

/// A scenario of a file strikes by itself, and is healed at run time.
#[test]
fn a_scenario_strikes_and_is_healed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("scenario.toml");
    let text = "[[fault]]\nkind = \"throttle\"\nretry_after_s = 9\nroute = \"GET /api/v3/time\"\n";
    std::fs::write(&path, text).unwrap();
    let venue = Venue::start(&["--market", "empty", "--scenario", path.to_str().unwrap()]);
    assert!(venue.http("GET", "/api/v3/time", "").contains("-1003"));
    assert!(venue.http("GET", "/api/v3/ping", "").contains("{}"));
    venue.http("POST", "/_sim/heal", "");
    assert!(venue.http("GET", "/api/v3/time", "").contains("serverTime"));
    let state = venue.state();
    assert_eq!(state["faults"][0]["fired"], 1);
    assert_eq!(state["counts"]["answers"]["429"], 1);
    assert_eq!(state["counts"]["requests"]["GET /api/v3/time"], 2);
}

#[test]
fn a_mistake_names_the_file_the_row_and_what_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("scenario.toml");
    for (text, words) in [
        ("[[fault]]\nkind = \"gap\"\n[[fault]]\nkind = \"delay\"", ["fault 2", "needs delay_ms"]),
        ("[[fault]]\nkind = \"gap\"\nrows = 1", ["fault 1", "no parameter \"rows\"; it has at"]),
        ("[[fault]]\nkind = \"gap\"\nfor = \"soon\"", ["fault 1", "\"500ms\", \"10s\""]),
        ("fault = 3", ["line 1", "expected a sequence"]),
    ] {
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let output = plimsoll(&["venue", "--dialect", "binance", "--scenario", path]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for word in ["scenario.toml"].into_iter().chain(words) {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
}

//! What a user can get wrong: one clear message, the right exit code, no panic.

mod common;

use common::{Gateway, LIMITS, Venue, plimsoll, stderr};

fn fails(output: &std::process::Output, code: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn wrong_usage_is_2() {
    fails(&plimsoll(&[]), 2, &["Usage"]);
    fails(&plimsoll(&["venue"]), 2, &["--dialect"]);
    fails(&plimsoll(&["venue", "--dialect", "mtgox"]), 2, &["binance"]);
    let bad = ["venue", "--dialect", "binance", "--market", "casino"];
    fails(&plimsoll(&bad), 2, &["replay:FILE, synthetic:SEED or empty"]);
    let bad = ["venue", "--dialect", "binance", "--account", "nonsense"];
    fails(&plimsoll(&bad), 2, &["KEY:SECRET:BALANCES"]);
    fails(&plimsoll(&["demo", "--seconds", "3"]), 2, &["15"]);
}

#[test]
fn a_simulated_exchange_that_makes_no_sense() {
    let cases: [(&[&str], &str); 6] = [
        (&["--account", "k:hunter2:1 BTC,2 BTC"], "BTC is given twice"),
        (&["--account", "k:hunter2:ten USDT"], "is no number"),
        (&["--account", "k:1 BTC:hunter2"], "write an amount"),
        (&["--account", "k:hunter2:1 BTC", "--account", "k:hunter3:1 BTC"], "is given twice"),
        (&["--instrument", "BTC-USDT", "--instrument", "BTC-USDT"], "is given twice"),
        (&["--instrument", "BTC-USDT:price=0.001"], "is below tick"),
    ];
    for (args, words) in cases {
        let mut all = vec!["venue", "--dialect", "binance", "--listen", "127.0.0.1:0"];
        all.extend(args);
        let output = plimsoll(&all);
        fails(&output, 2, &[words]);
        assert!(!stderr(&output).contains("hunter"), "{}", stderr(&output));
    }
}

#[test]
fn a_busy_port_a_missing_file_a_bad_scenario() {
    let venue = Venue::start(&["--market", "empty"]);
    let busy = plimsoll(&["venue", "--dialect", "binance", "--listen", &venue.addr]);
    fails(&busy, 1, &["cannot listen on", &venue.addr, "--listen"]);
    let missing =
        ["venue", "--dialect", "binance", "--listen", "127.0.0.1:0", "--market", "replay:/no/such"];
    fails(&plimsoll(&missing), 2, &["/no/such", "cannot be read"]);
    let missing = ["venue", "--dialect", "binance", "--scenario", "/no/such.toml"];
    fails(&plimsoll(&missing), 2, &["/no/such.toml"]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("scenario.toml");
    std::fs::write(&path, "[[fault]]\nkind = \"earthquake\"").unwrap();
    let path = path.to_str().unwrap();
    fails(&plimsoll(&["venue", "--dialect", "binance", "--scenario", path]), 2, &["earthquake"]);
}

#[test]
fn a_configuration_with_a_mistake_names_file_and_key() {
    fails(&plimsoll(&["run", "--config", "/no/such.toml"]), 2, &["/no/such.toml"]);
    let cases: [(&str, &str, &str, &[&str]); 8] = [
        ("plimsoll.toml", "mode = \"live\"", "mode = \"live\"\nlimts = 1", &["limts"]),
        ("plimsoll.toml", "mode = \"live\"", "mode = \"paper\"", &["paper"]),
        ("plimsoll.toml", "sqlite:plimsoll.db", "mysql:x", &["sqlite:FILE"]),
        ("plimsoll.toml", "[\"BTC-USDT\"]", "[\"ETH-USDT\"]", &["ETH-USDT has no limits"]),
        ("plimsoll.toml", "{ env = \"TEST_SECRET\" }", "\"hunter2\"", &["{ env = \"NAME\" }"]),
        ("plimsoll.toml", "TEST_KEY", "NOT_SET_ANYWHERE", &["NOT_SET_ANYWHERE", "is not set"]),
        ("limits.toml", "open_max = 10\n", "", &["limits.toml", "open_max"]),
        ("limits.toml", "qty_max = \"0.05\"", "qty_max = \"0\"", &["qty_max", "zero"]),
    ];
    for (file, from, to, words) in cases {
        let gateway = Gateway::prepare("127.0.0.1:1", "");
        let path = gateway.path(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let output = gateway.command().output().unwrap();
        fails(&output, 2, words);
        assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    }
}

#[test]
fn an_agent_that_cannot_be() {
    let venue = Venue::start(&["--market", "empty"]);
    let agent = "[agent.a]\nvenue = \"sim\"\nstrategy = \"get-rich\"";
    let output = Gateway::prepare(&venue.addr, agent).command().output().unwrap();
    fails(&output, 2, &["get-rich", "ema-cross"]);
    assert!(!stderr(&output).contains("drill"), "{}", stderr(&output));
    let agent = "[agent.a]\nvenue = \"sim\"\nstrategy = \"ema-cross\"\nparams = { fsat = 3 }";
    let output = Gateway::prepare(&venue.addr, agent).command().output().unwrap();
    fails(&output, 2, &["fsat", "fast"]);
    let agent = "[agent.a]\nvenue = \"sim\"\ncommand = [\"/no/such/program\"]";
    let output = Gateway::prepare(&venue.addr, agent).command().output().unwrap();
    fails(&output, 1, &["/no/such/program"]);
}

#[test]
fn credentials_that_the_venue_does_not_take() {
    let venue = Venue::start(&["--market", "empty"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let stranger = gateway.command().env("TEST_KEY", "stranger").output().unwrap();
    fails(&stranger, 1, &["refuses the key", "-2015"]);
    let wrong = gateway.command().env("TEST_SECRET", "wrong").output().unwrap();
    fails(&wrong, 1, &["refuses the key", "-1022"]);
    let pem = "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----";
    let bad = gateway.command().env("TEST_SECRET", pem).output().unwrap();
    fails(&bad, 2, &["secret", "Ed25519"]);
    for output in [stranger, wrong, bad] {
        assert!(!stderr(&output).contains("nonsense"), "a secret must not be printed");
    }
}

#[test]
fn an_instrument_that_the_venue_does_not_trade() {
    let venue = Venue::start(&["--market", "empty", "--instrument", "ETH-USDT"]);
    let output = Gateway::prepare(&venue.addr, "").command().output().unwrap();
    fails(&output, 2, &["no instrument BTC-USDT"]);
}

#[test]
fn one_journal_has_one_gateway_and_must_be_a_journal() {
    let venue = Venue::start(&["--market", "empty"]);
    let mut first = Gateway::prepare(&venue.addr, "");
    first.start();
    first.wait(10, "ready", |entries| !entries.is_empty());
    fails(&first.command().output().unwrap(), 1, &["in use by the process"]);
    let other = Gateway::prepare(&venue.addr, "");
    std::fs::write(other.path("plimsoll.db"), "this is a letter to my grandmother, not a journal")
        .unwrap();
    fails(&other.command().output().unwrap(), 2, &["is no journal"]);
    for (store, words) in [("no/such/place.db", "does not exist"), (".", "names no file")] {
        let other = Gateway::prepare(&venue.addr, "");
        let path = other.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("sqlite:plimsoll.db", &format!("sqlite:{store}")))
            .unwrap();
        fails(&other.command().output().unwrap(), 2, &["store", words]);
    }
    assert!(LIMITS.contains("qty_max"));
}

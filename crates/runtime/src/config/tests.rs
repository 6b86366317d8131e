//! Every mistake a person can make in the two files has one clear message.

use std::fs;
use std::path::PathBuf;

use super::*;

const GOOD: &str = r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"

[venue.binance]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = { env = "KEY" }
secret = { file = "secret.pem" }
rest = "http://127.0.0.1:9000"

[agent.trend]
strategy = "ema-cross"
venue = "binance"
params = { fast = 10, slow = 30, qty = "0.01" }
"#;

const LIMITS: &str = r#"
reference_age_max_ms = 1000

[orders]
open_max = 10
rate_max = 5
rate_window_ms = 1000

[instrument.BTC-USDT]
qty_max = "0.1"
notional_max = "5000"
position_max = "0.2"
collar_bps = 100
"#;

fn with(config: &str, limits: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("limits.toml"), limits).unwrap();
    let path = dir.path().join("plimsoll.toml");
    fs::write(&path, config).unwrap();
    (dir, path)
}

#[test]
fn a_good_configuration_loads() {
    let (dir, path) = with(GOOD, LIMITS);
    let config = load(&path).unwrap();
    assert_eq!(config.store, Address::Sqlite(dir.path().join("plimsoll.db")));
    let agent = &config.agents[&AgentId::new("trend").unwrap()];
    assert_eq!(agent.program, AgentProgram::Strategy("ema-cross".into()));
    assert_eq!(agent.params["fast"], "10");
    assert_eq!(agent.params["qty"], "0.01");
    assert_eq!(agent.memory_max_mib, 512);
    assert_eq!(config.state_dir, None);
    let venue = &config.venue.1;
    assert_eq!(u8::from(venue.rate_reserve_percent), 20);
    let (dir, path) = with(&format!("state_dir = \"state\"\n{GOOD}"), LIMITS);
    assert_eq!(load(&path).unwrap().state_dir, Some(dir.path().join("state")));
}

/// A password of the store is used, and neither printed nor kept with the configuration.
#[test]
fn the_password_of_a_store_stays_out_of_the_journal() {
    let of = |store: &str| GOOD.replace("\"sqlite:plimsoll.db\"", store);
    for (store, said) in [
        ("\"postgres://me:hush@db/plimsoll\"", "postgres://me@db/plimsoll"),
        ("'postgres://me:hush@db/plimsoll?schema=two'", "postgres://me@db/plimsoll?schema=two"),
        ("\"redis://:h\\u0075sh@db/1\"", "redis://db/1"),
    ] {
        let (_dir, path) = with(&of(store), LIMITS);
        let config = load(&path).unwrap();
        assert!(config.text.contains(&format!("store = \"{said}\"\n")), "{}", config.text);
        assert!(!config.text.contains("hush"), "{}", config.text);
        assert!(!format!("{config:?}").contains("hush"), "{config:?}");
        assert!(config.journal().unwrap().has_password());
    }
    let (dir, path) = with(&of("\"redis://db/1\"\nstore_password = { file = \"hushed\" }"), LIMITS);
    let config = load(&path).unwrap();
    assert!(config.journal().unwrap_err().to_string().contains("hushed"));
    fs::write(dir.path().join("hushed"), "hush\n").unwrap();
    let absolute = dir.path().join("hushed");
    let file = format!("\"redis://db/1\"\nstore_password = {{ file = {absolute:?} }}");
    let (_dir, path) = with(&of(&file), LIMITS);
    let config = load(&path).unwrap();
    assert!(config.journal().unwrap().has_password() && !config.store.has_password());
}

#[test]
fn mistakes_are_named() {
    let cases = [
        (GOOD.replace("store =", "stor ="), LIMITS.to_owned(), "unknown field `stor`"),
        (GOOD.replace("\"live\"", "\"paper\""), LIMITS.to_owned(), "not built yet"),
        (GOOD.replace("sqlite:", "mysql:"), LIMITS.to_owned(), "is not a store"),
        (
            GOOD.replace("sqlite:plimsoll.db", "postgres://me@db/d?sslmode=require"),
            LIMITS.to_owned(),
            "store: sslmode: encrypted connections are not built in",
        ),
        (
            GOOD.replace("limits =", "store_password = { env = \"X\" }\nlimits ="),
            LIMITS.to_owned(),
            "store_password: a file has none",
        ),
        (
            GOOD.replace(
                "sqlite:plimsoll.db\"",
                "redis://:x@db/0\"\nstore_password = { env = \"X\" }",
            ),
            LIMITS.to_owned(),
            "store_password: there is one in `store`",
        ),
        (GOOD.replace("binance-spot", "binanse"), LIMITS.to_owned(), "unknown variant"),
        (GOOD.replace("BTC-USDT", "ETH-USDT"), LIMITS.to_owned(), "has no limits"),
        (GOOD.replace("http://", "ftp://"), LIMITS.to_owned(), "does not start with"),
        (GOOD.replace("strategy =", "# strategy ="), LIMITS.to_owned(), "needs either strategy"),
        (
            GOOD.replace("venue = \"binance\"", "venue = \"okx\""),
            LIMITS.to_owned(),
            "not configured",
        ),
        (
            GOOD.replace("rest =", "rate_reserve_percent = 19\nrest ="),
            LIMITS.to_owned(),
            "a reserve of 19 % is not between 20 and 60 %",
        ),
        (GOOD.to_owned(), LIMITS.replace("qty_max", "qty_maximum"), "unknown field"),
        (GOOD.to_owned(), LIMITS.replace("collar_bps = 100", ""), "missing field `collar_bps`"),
        (GOOD.to_owned(), LIMITS.replace("open_max = 10", "open_max = 0"), "is zero"),
        (GOOD.to_owned(), LIMITS.replace("\"0.1\"", "0.1"), "in quotes"),
    ];
    for (config, limits, expected) in cases {
        let (_dir, path) = with(&config, &limits);
        let message = load(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "expected {expected:?} in {message}");
        assert!(message.contains(".toml"), "no file named in {message}");
    }
}

/// The likeliest mistake with a secret is to write it where its place belongs.
#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let place = "secret = { file = \"secret.pem\" }";
    let lines = [
        "secret = \"hunter2hunter2\"",
        "secret = [\"hunter2hunter2\"]",
        "secret = { value = \"hunter2hunter2\" }",
        "secret = { env = [\"hunter2hunter2\"] }",
        "secret = { env = \"A\", file = \"hunter2hunter2\" }",
        "secret = hunter2hunter2",
        "secret = \"hunter2hunter2",
        "key = \"hunter2hunter2\"\nsecret = { env = \"A\" }",
    ];
    for line in lines {
        let (_dir, path) = with(&GOOD.replace(place, line), LIMITS);
        let message = load(&path).unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{line}: {message}");
        assert!(message.contains("plimsoll.toml: line "), "{line}: {message}");
    }
    let (_dir, path) = with(&GOOD.replace(place, "secret = \"x\""), LIMITS);
    let message = load(&path).unwrap_err().to_string();
    assert!(
        message.contains("line 10, column 10") && message.contains("{ env = \"NAME\" }"),
        "{message}"
    );

    for source in [
        SecretSource::Env("hunter2hunter2".into()),
        SecretSource::Env("HUNTER2".repeat(9)),
        SecretSource::File("-----BEGIN PRIVATE KEY-----hunter2".into()),
    ] {
        let message = source.read().unwrap_err().to_string();
        assert!(!message.to_lowercase().contains("hunter2"), "{message}");
        assert!(message.contains("named there"), "{message}");
    }
}

#[test]
fn a_key_without_its_first_line_is_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    for (text, good) in [
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n", true),
        ("MC4CAQ\n-----END PRIVATE KEY-----\n", false),
        ("two words", false),
        ("one-word\n", true),
    ] {
        fs::write(&path, text).unwrap();
        let read = SecretSource::File(path.clone()).read();
        assert_eq!(read.is_ok(), good, "{text}");
    }
}

#[test]
fn a_secret_never_prints_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    fs::write(&path, "hunter2\n").unwrap();
    let secret = SecretSource::File(path).read().unwrap();
    assert_eq!(secret.reveal(), "hunter2");
    assert!(!format!("{secret:?}").contains("hunter2"));
    let missing = SecretSource::Env("PLIMSOLL_TEST_NOT_SET".into()).read().unwrap_err();
    assert!(missing.to_string().contains("PLIMSOLL_TEST_NOT_SET is not set"));
}

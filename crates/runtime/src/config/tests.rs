//! Every mistake a person can make in the two files has one clear message.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

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

[account]
exposure_max = { USDT = "20000" }
messages_max = 5000
[orders]
open_max = 10
stops_max = 10
rate_max = 5
rate_window_ms = 1000
messages_max = 5000
messages_window_ms = 10000
alike_max = 1000
alike_window_ms = 1000
executed_max = 1000
executed_window_ms = 1000

[instrument.BTC-USDT]
qty_max = "0.1"
notional_max = "5000"
position_max = "0.2"
exposure_max = "20000"
turnover_max = "1000000000"
turnover_window_ms = 10000
collar_bps = 100
walk_bps = 1000
walk_window_ms = 10000
"#;

/// Limits of the agent's own.
const OWN: &str = r#"
[agent.trend]
exposure_max = { USDT = "1000" }
turnover_max = { USDT = "10000" }
turnover_window_ms = 60000
"#;

fn with(config: &str, limits: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("limits.toml"), limits).unwrap();
    let path = dir.path().join("plimsoll.toml");
    fs::write(&path, config).unwrap();
    (dir, path)
}

/// A file that its owner alone can read, as one with a secret has to be.
fn hidden(path: impl AsRef<Path>, text: &str) {
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
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
    let (_dir, path) = with(GOOD, &format!("{LIMITS}{OWN}"));
    let config = load(&path).unwrap();
    assert_eq!(config.limits_file.read().unwrap(), config.limits);
    let again: Limits = toml::from_str(&limits_text(&config.limits)).unwrap();
    assert_eq!(again, config.limits, "as they are shown they can be read");
    let (dir, path) = with(&format!("state_dir = \"state\"\n{GOOD}"), LIMITS);
    assert_eq!(load(&path).unwrap().state_dir, Some(dir.path().join("state")));
}

/// One file serves gateway and kill switch; the gateway takes of the table what it needs.
#[test]
fn the_table_of_the_kill_switch_is_read_and_nothing_in_it_may_be_misspelt() {
    let table = "[watchdog]\nheartbeat = \"127.0.0.1:9200\"\ntoken = { env = \"TOKEN\" }\n";
    assert!(load(&with(GOOD, LIMITS).1).unwrap().watchdog.is_none());
    let (dir, path) =
        with(&format!("{GOOD}{table}kill_gateway = true\ngateway_pid_file = \"pid\"\n"), LIMITS);
    let watchdog = load(&path).unwrap().watchdog.unwrap();
    assert_eq!(watchdog.heartbeat, "127.0.0.1:9200");
    assert_eq!(watchdog.token, SecretSource::Env("TOKEN".into()));
    assert_eq!(watchdog.gateway_pid_file, Some(dir.path().join("pid")));
    assert!(watchdog.kill_gateway && !watchdog.flatten);
    for (wrong, said) in [
        (table.replace("127.0.0.1:9200", "9200"), "watchdog.heartbeat: \"9200\" is not HOST:PORT"),
        (format!("{table}halt_fil = \"halt\"\n"), "unknown field `halt_fil`"),
        (table.replace("heartbeat", "hartbeat"), "unknown field `hartbeat`"),
    ] {
        let (_dir, path) = with(&format!("{GOOD}{wrong}"), LIMITS);
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
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
    hidden(dir.path().join("hushed"), "hush\n");
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
        (GOOD.replace("\"live\"", "\"paper\""), LIMITS.to_owned(), "paper: is missing"),
        (GOOD.replace("key = ", "# "), LIMITS.to_owned(), "key: is missing"),
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
        (
            GOOD.to_owned(),
            format!("{LIMITS}[breakers]\nday_loss_bps = 0\n"),
            "breakers.day_loss_bps: is 0; write 1 to 10000",
        ),
        (GOOD.to_owned(), format!("{LIMITS}[breakers]\ndrawdown = 5\n"), "unknown field"),
        (
            GOOD.to_owned(),
            format!("{LIMITS}[breakers]\nvaluation = \"EUR\"\n"),
            "have no price in EUR",
        ),
        (
            GOOD.replace("[\"BTC-USDT\"]", "[\"BTC-USDT\", \"ETH-BTC\"]"),
            LIMITS.to_owned()
                + &LIMITS[LIMITS.find("[instrument").unwrap()..].replace("BTC-USDT", "ETH-BTC"),
            "are paid in BTC and USDT; write [breakers] valuation = \"BTC\"",
        ),
        (
            GOOD.to_owned(),
            LIMITS.replace("{ USDT =", "{ USDC ="),
            "account.exposure_max: has nothing for USDT, in which BTC-USDT is paid",
        ),
        (GOOD.to_owned(), LIMITS.replace("{ USDT = \"20000\" }", "{ USDT = \"0\" }"), "is zero"),
        (
            GOOD.to_owned(),
            format!("{LIMITS}{OWN}").replace("trend", "tend"),
            "[agent.tend]: is no agent of this gateway; there is trend",
        ),
        (
            GOOD.to_owned(),
            format!("{LIMITS}{OWN}").replace("turnover_max = {", "turnover_min = {"),
            "unknown field `turnover_min`",
        ),
        (
            GOOD.to_owned(),
            LIMITS.replace("alike_window_ms = 1000", "alike_window_ms = 3600001"),
            "orders.alike_window_ms: is longer than is remembered; write 3600000 at the most",
        ),
        (
            GOOD.to_owned(),
            LIMITS.replace("rate_max = 5", "rate_max = 20000"),
            "orders.rate_max: is more than is remembered; write 16384 at the most",
        ),
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
        hidden(&path, text);
        let read = SecretSource::File(path.clone()).read();
        assert_eq!(read.is_ok(), good, "{text}");
    }
}

#[test]
fn a_secret_never_prints_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    hidden(&path, "hunter2\n");
    let secret = SecretSource::File(path).read().unwrap();
    assert_eq!(secret.reveal(), "hunter2");
    assert!(!format!("{secret:?}").contains("hunter2"));
    let missing = SecretSource::Env("PLIMSOLL_TEST_NOT_SET".into()).read().unwrap_err();
    assert!(missing.to_string().contains("PLIMSOLL_TEST_NOT_SET is not set"));
}

/// A sealed file and what opens it; every other form is refused, and nothing is repeated.
#[test]
fn a_sealed_secret_is_opened_where_its_configuration_lies() {
    let place = "secret = { file = \"secret.pem\" }";
    let sealed = |passphrase: &str| {
        format!("secret = {{ encrypted = \"s.age\", passphrase = {{ {passphrase} }} }}")
    };
    let (dir, path) = with(&GOOD.replace(place, &sealed("file = \"words\"")), LIMITS);
    let text = sealed::seal(b"hunter2\n", b"many words", 4, &[7; 48]).unwrap();
    fs::write(dir.path().join("s.age"), text).unwrap();
    let config = load(&path).unwrap();
    let read = || config.venue.1.secret.as_ref().unwrap().read();
    let missing = read().unwrap_err().to_string();
    assert!(missing.contains("passphrase: ") && missing.contains("words"), "{missing}");
    hidden(dir.path().join("words"), "many words\n");
    assert_eq!(read().unwrap().reveal(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
    hidden(dir.path().join("words"), "other words");
    let wrong = read().unwrap_err().to_string();
    assert!(wrong.contains("is not opened by this passphrase"), "{wrong}");
    for line in [
        "secret = { encrypted = \"hunter2\" }".to_owned(),
        "secret = { encrypted = \"s.age\", passphrase = \"hunter2\" }".to_owned(),
        "secret = { encrypted = \"s.age\", passphrase = { word = \"hunter2\" } }".to_owned(),
        sealed("encrypted = \"hunter2\", passphrase = { env = \"A\" }"),
        "secret = { env = \"A\", passphrase = { env = \"B\" } }".to_owned(),
    ] {
        let (_dir, path) = with(&GOOD.replace(place, &line), LIMITS);
        let message = load(&path).unwrap_err().to_string();
        assert!(message.contains("encrypted = \"PATH\""), "{line}: {message}");
        assert!(!message.contains("hunter2"), "{line}: {message}");
    }
}

#[test]
fn what_is_said_of_a_key_is_one_or_the_other() {
    let of = |lines: &str| {
        let (_dir, path) = with(&GOOD.replace("rest =", &format!("{lines}\nrest =")), LIMITS);
        load(&path).map(|config| config.venue.1)
    };
    let venue = of("accept_key_scopes = [\"withdraw\"]\ndemand_key_scopes = [\"no_ip\"]").unwrap();
    assert_eq!(venue.accept_key_scopes, [KeyFinding::Withdraw]);
    assert_eq!((venue.key_audit_every_s, venue.is_the_exchange()), (3_600, false));
    for (lines, expected) in [
        ("accept_key_scopes = [\"everything\"]", "unknown variant `everything`"),
        ("accept_key_scopes = [\"no_ip\"]\ndemand_key_scopes = [\"no_ip\"]", "one or the other"),
        ("key_audit_every_s = 0", "1 to 86400"),
        ("key_audit_every_s = 86401", "1 to 86400"),
    ] {
        let message = of(lines).unwrap_err().to_string();
        assert!(message.contains(expected), "{lines}: {message}");
    }
}

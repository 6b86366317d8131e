//! The dashboard over HTTP: who is let in, what is told, and that its button halts a real gateway and says so in the
//! journal. How it looks is judged in a real browser, in `clients/test_dashboard.py`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Running, Venue, buyer, plimsoll, secret_file, stderr};
use model::{HaltedBy, Record, TradingState};
use serde_json::Value;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that was started by hand.
struct Dashboard {
    _process: Running,
    addr: String,
}

impl Dashboard {
    fn start(args: &[&str], token: Option<&str>) -> Dashboard {
        let mut command = Command::new(BINARY);
        command.args(["dashboard", "--listen", "127.0.0.1:0"]).args(args).stdout(Stdio::piped());
        if let Some(token) = token {
            command.env("PLIMSOLL_DASHBOARD_TOKEN", token);
        }
        let mut process = Running(command.stdin(Stdio::null()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("dashboard at http://").unwrap().to_owned();
        Dashboard { _process: process, addr }
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        ask(&self.addr, "GET", path, headers, "")
    }

    fn json(&self, path: &str) -> Value {
        let (status, answer) = self.get(path, "");
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(body(&answer)).unwrap()
    }

    fn halt(&self, headers: &str) -> (u16, String) {
        let headers = format!("content-type: application/json\r\n{headers}");
        ask(&self.addr, "POST", "/api/halt", &headers, r#"{"reason":"seen \"enough\""}"#)
    }

    /// The first event of this name.
    fn event(&self, name: &str) -> Value {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /api/events HTTP/1.1\r\nhost: {}\r\n\r\n", self.addr).unwrap();
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.find(|line| *line == format!("event: {name}")).unwrap();
        let data = lines.next().unwrap();
        serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()
    }
}

fn ask(addr: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let own = if headers.to_ascii_lowercase().contains("host:") {
        String::new()
    } else {
        format!("host: {addr}\r\n")
    };
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\n{own}{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The gateway's own dashboard, below /proc.
fn child(gateway: &Gateway) -> Option<std::path::PathBuf> {
    let parent = format!("PPid:\t{}\n", gateway.process.as_ref().unwrap().0.id());
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path()).find(
        |path| {
            let read = |name| std::fs::read(path.join(name)).unwrap_or_default();
            let is = |bytes: Vec<u8>, text: &str| String::from_utf8_lossy(&bytes).contains(text);
            is(read("status"), &parent) && is(read("cmdline"), "dashboard")
        },
    )
}

/// A gateway that trades.
fn trading(venue: &Venue, tables: &str) -> Gateway {
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let agent = buyer(&gateway);
    gateway.add(&agent);
    gateway.add(tables);
    gateway.start();
    gateway.wait(60, "it trades", |entries| {
        entries.iter().filter(|entry| matches!(entry.record, Record::Filled { .. })).count() > 1
    });
    gateway
}

fn config(gateway: &Gateway) -> String {
    gateway.path("plimsoll.toml").display().to_string()
}

#[test]
fn it_tells_what_is_so_and_its_button_halts() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let mut gateway = trading(&venue, "");
    let dashboard = Dashboard::start(&["--config", &config(&gateway)], None);

    let now = dashboard.event("now");
    assert_eq!(now["now"]["running"], true, "{now}");
    assert_eq!(now["now"]["trading"]["state"], "active", "{now}");
    assert!(now["now"]["breakers"]["drawdown"]["limit"].is_string(), "{now}");
    assert!(now["now"]["balances"]["USDT"]["free"].is_string(), "{now}");
    let tables = dashboard.event("tables");
    assert_eq!(tables["positions"][0]["instrument"], "BTC-USDT", "{tables}");
    assert!(tables["last"].as_u64().unwrap() > 5, "{tables}");

    let filled = dashboard.json("/api/journal?kind=filled&limit=1");
    let [entry] = filled["entries"].as_array().unwrap().as_slice() else { panic!("{filled}") };
    assert!(entry["text"].as_str().unwrap().contains("bought"), "{entry}");
    let order = entry["order"].as_str().unwrap();
    let story = dashboard.json(&format!("/api/why?id={order}"));
    assert_eq!(story["decision"]["reason"], "a second has passed", "{story}");
    let older = dashboard.json(&format!("/api/journal?before={}", entry["seq"]));
    assert!(older["entries"][0]["seq"].as_u64() < entry["seq"].as_u64(), "{older}");
    let curves = dashboard.json("/api/curves");
    assert!(!curves["realized"].as_array().unwrap().is_empty(), "{curves}");
    assert_eq!(dashboard.get("/api/why?id=nobody-9-9", "").0, 404);
    assert_eq!(dashboard.get("/api/journal?kind=x%27", "").0, 400);
    assert_eq!(dashboard.get("/nothing", "").0, 404);

    // Questions bring the tables further, and what is new is told all the same.
    let end = Instant::now() + PATIENCE;
    loop {
        let asked = dashboard.json("/api/journal?limit=1")["last"].as_u64().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        if dashboard.event("tables")["last"].as_u64().unwrap() >= asked
            && asked > tables["last"].as_u64().unwrap()
        {
            break;
        }
        assert!(Instant::now() < end, "the tables are not told any more");
    }

    // Without the word of the page nothing is halted, whoever asks.
    let session = dashboard.json("/api/session");
    let word = format!("x-plimsoll-word: {}\r\n", session["word"].as_str().unwrap());
    assert_eq!(dashboard.halt("").0, 403);
    assert_eq!(dashboard.halt(&format!("{word}origin: http://evil.example\r\n")).0, 403);
    assert_eq!(dashboard.halt(&format!("{word}sec-fetch-site: cross-site\r\n")).0, 403);
    assert_eq!(dashboard.halt(&format!("{word}host: evil.example\r\n")).0, 421);
    assert_eq!(ask(&dashboard.addr, "GET", "/api/halt", &word, "").0, 404, "it is no page");
    assert_eq!(dashboard.event("now")["now"]["halt"], Value::Null, "nothing of that halted");

    let (status, answer) = dashboard.halt(&word);
    assert_eq!(status, 200, "{answer}");
    let done: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!((&done["halted"], &done["trading"]["state"]), (&true.into(), &"halted".into()));
    gateway.wait(30, "the halt is in the journal, with its source", |entries| {
        entries.iter().any(|entry| {
            matches!(&entry.record, Record::Trading { state: TradingState::Halted, by: Some(HaltedBy::Dashboard), cause }
                if cause.contains("seen \"enough\""))
        })
    });
    let end = Instant::now() + PATIENCE;
    while dashboard.event("now")["now"]["halt"]["by"] != "dashboard" {
        assert!(Instant::now() < end, "the dashboard does not tell of its own halt");
    }
    // No other thing can be asked for.
    for path in ["/api/resume", "/api/flatten", "/api/session", "/"] {
        assert_eq!(ask(&dashboard.addr, "POST", path, &word, "").0, 405, "{path}");
    }
}

#[test]
fn a_token_is_asked_for_and_a_name_that_is_not_ours_gets_nothing() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let gateway = trading(&venue, "");
    let dashboard = Dashboard::start(&["--config", &config(&gateway)], Some(TOKEN));
    for path in [
        "/api/session",
        "/api/events",
        "/api/journal",
        "/api/why?id=x",
        "/api/samples",
        "/api/curves",
    ] {
        let (status, answer) = dashboard.get(path, "");
        assert_eq!(status, 401, "{path}: {answer}");
    }
    assert_eq!(dashboard.halt("").0, 401);
    let (status, answer) = dashboard.get("/", "");
    assert!(
        status == 401 && answer.contains("<form method=\"post\" action=\"/login\">"),
        "{answer}"
    );
    assert_eq!(dashboard.get("/app.css", "").0, 200, "the form has its colours");
    for headers in ["host: evil.example\r\n", "host: localhost.evil.example:80\r\n"] {
        let (status, answer) = dashboard.get("/", headers);
        assert!(status == 421 && answer.contains("hosts in [dashboard]"), "{answer}");
    }
    // The wrong one, the right one, and the right one in the address.
    assert_eq!(dashboard.get("/?token=wrong", "").0, 401);
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let login =
        |token: &str| ask(&dashboard.addr, "POST", "/login", form, &format!("token={token}"));
    assert_eq!(login("wrong").0, 401);
    for (status, answer) in [login(TOKEN), dashboard.get(&format!("/?token={TOKEN}"), "")] {
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("refresh: 0; url=/"), "{answer}");
        let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains(TOKEN), "{set}");
        let cookie = format!("cookie: {}\r\n", set.split(';').next().unwrap());
        assert_eq!(dashboard.get("/api/session", &cookie).0, 200);
        assert_eq!(dashboard.halt(&cookie).0, 403, "the word is missing");
        assert_eq!(ask(&dashboard.addr, "POST", "/logout", &cookie, "").0, 401);
        assert_eq!(dashboard.get("/api/session", &cookie).0, 401, "logged out");
    }
    let often = (0..12).map(|_| login("wrong").0).max();
    assert_eq!(often, Some(429));
}

#[test]
fn a_finished_run_is_looked_at_and_not_halted() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let mut gateway = trading(&venue, "");
    assert!(gateway.stop().success());
    let store = format!("sqlite:{}", gateway.path("plimsoll.db").display());
    let dashboard = Dashboard::start(&["--store", &store], None);
    let now = dashboard.event("now");
    assert_eq!(now["now"]["running"], false, "{now}");
    let session = dashboard.json("/api/session");
    assert_eq!(session["halts"], false);
    let word = format!("x-plimsoll-word: {}\r\n", session["word"].as_str().unwrap());
    let (status, answer) = dashboard.halt(&word);
    assert!(status == 409 && answer.contains("nothing to halt"), "{answer}");
    assert!(dashboard.event("tables")["counts"]["fills"].as_u64().unwrap() > 1);
    // With the configuration it can be halted: the next gateway finds that.
    let dashboard = Dashboard::start(&["--config", &config(&gateway)], None);
    let session = dashboard.json("/api/session");
    let word = format!("x-plimsoll-word: {}\r\n", session["word"].as_str().unwrap());
    let (status, answer) = dashboard.halt(&word);
    assert!(status == 200 && answer.contains("halt_file"), "{answer}");
    gateway.start();
    gateway.wait(60, "the next one starts halted", |entries| {
        let last = entries.iter().rev().find_map(|entry| match &entry.record {
            Record::Trading { state, cause, .. } => Some((*state, cause.clone())),
            _ => None,
        });
        last.is_some_and(|(state, cause)| {
            state == TradingState::Halted
                && cause.contains("seen")
                && cause.contains("the dashboard")
        })
    });
}

#[test]
fn a_gateway_starts_its_own_and_takes_it_with_it() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tables = format!(
        "[dashboard]\nlisten = \"127.0.0.1:{port}\"\ntoken = {{ file = \"token\" }}\nhosts = [\"box.lan\"]\n"
    );
    let mut gateway = Gateway::prepare(&venue.addr, "");
    secret_file(&gateway.path("token"), TOKEN);
    let agent = buyer(&gateway);
    gateway.add(&format!("{agent}{tables}"));
    gateway.start();
    let addr = format!("127.0.0.1:{port}");
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(&addr).is_err() {
        assert!(Instant::now() < end && gateway.is_alive(), "no dashboard: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ask(&addr, "GET", "/", "", "").0, 401);
    let (status, answer) = ask(&addr, "GET", &format!("/?token={TOKEN}"), "host: box.lan\r\n", "");
    assert_eq!(status, 200, "{answer}");
    assert!(!gateway.log().contains(TOKEN), "{}", gateway.log());
    // It was told no key of the exchange, and what it was told is in no place where others read.
    let found = child(&gateway).expect("the gateway has no such child");
    let read = |name| std::fs::read(found.join(name)).unwrap_or_default();
    let (line, variables) = (read("cmdline"), read("environ"));
    for secret in ["TEST_KEY", "TEST_SECRET", TOKEN] {
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(secret);
        assert!(!has(&line) && !has(&variables), "{secret}");
    }
    gateway.signal("-KILL");
    gateway.wait_for_end(30);
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(&addr).is_ok() {
        assert!(Instant::now() < end, "it outlives its gateway");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let gateway = Gateway::prepare(
        "127.0.0.1:1",
        "[agent.x]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n",
    );
    let config = config(&gateway);
    let refused = |args: &[&str], code: i32, words: &str| {
        let output = plimsoll(&[&["dashboard"], args].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    };
    refused(&["--config", &config, "--listen", "0.0.0.0:0"], 2, "so a token is needed");
    refused(&["--store", "sqlite:/nowhere/x.db"], 1, "does not exist");
    refused(&["--store", "what"], 2, "--store");
    refused(&[], 2, "--config");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    refused(&["--config", &config, "--listen", &taken], 2, "cannot listen on");
    gateway.add("[dashboard]\nlisten = \"0.0.0.0:9400\"\n");
    refused(&["--config", &config], 2, "dashboard.token: is missing");
}

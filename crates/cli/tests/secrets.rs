//! Secrets stay where they are: an agent runs as the same user as the gateway and still does not get at
//! its key, and nothing that is written anywhere holds one.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
#[path = "secrets/hunt.rs"]
mod hunt;
#[path = "secrets/watchdog.rs"]
mod watchdog;

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Running, Venue, stderr};
use model::{Record, TradingState};

use self::hunt::{Canary, files, hunt};

/// Nobody, by custom. Root may read everything, so a test that runs as root becomes somebody else.
const NOBODY: u32 = 65_534;

/// Says what it can read of its parent, and goes on as an agent that wants nothing.
const SPY: &str = r#"
cat "/proc/$PPID/environ" > "$1.environ" 2> "$1.error"
cat /proc/self/environ > "$1.own"
echo done > "$1"
read -r hello
echo '{"ready":{"version":1,"strategy":"spy"}}'
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
done
"#;

/// A thorough one: all that it can see of itself, its parent and every other process of its user goes into
/// a directory of its own.
const THOROUGH: &str = r#"
mkdir -p "$1"
env > "$1/env"
printf '%s\n' "$0" "$@" > "$1/args"
ls -l /proc/self/fd > "$1/fds" 2>&1
for what in environ cmdline maps status limits stat; do
    cat "/proc/$PPID/$what" > "$1/parent.$what" 2>> "$1/denied"
    cat "/proc/self/$what" > "$1/self.$what" 2>&1
done
ls -l "/proc/$PPID/fd" > "$1/parent.fd" 2>> "$1/denied"
head -c 4096 "/proc/$PPID/mem" > "$1/parent.mem" 2>> "$1/denied"
for file in /proc/$PPID/fd/*; do head -c 65536 "$file"; done > "$1/parent.fds" 2>> "$1/denied"
echo done > "$1/done"
read -r hello
printf '%s\n' "$hello" > "$1/hello"
echo '{"ready":{"version":1,"strategy":"spy"}}'
while read -r line; do
    printf '%s\n' "$line" >> "$1/told"
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
done
"#;

/// A gateway's command as somebody who is not root.
fn as_somebody(gateway: &Gateway, extra: &[&str]) -> Command {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new(BINARY);
    if is_root {
        let copy = gateway.path("plimsoll");
        if !copy.exists() {
            std::fs::copy(BINARY, &copy).unwrap();
        }
        for name in ["", "plimsoll.toml", "limits.toml", "plimsoll"].iter().chain(extra) {
            chown(gateway.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(gateway.path("")).stdin(Stdio::null());
    command
}

#[test]
fn an_agent_cannot_read_the_gateways_environment() {
    let venue = Venue::start(&["--market", "synthetic:23"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let (script, report) = (gateway.path("spy.sh"), gateway.path("report"));
    std::fs::write(&script, SPY).unwrap();
    gateway.add(&format!(
        "[agent.spy]\nvenue = \"sim\"\ncommand = [\"bash\", {script:?}, {report:?}]\n\
         [agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n"
    ));
    let mut command = as_somebody(&gateway, &["spy.sh"]);
    let log = std::fs::File::create(gateway.path("log")).unwrap();
    command
        .args(["run", "--config"])
        .arg(gateway.path("plimsoll.toml"))
        .env("TEST_KEY", "key")
        .env("TEST_SECRET", "secret")
        .stderr(log);
    gateway.process = Some(Running(command.spawn().unwrap()));

    let end = Instant::now() + Duration::from_secs(20);
    while !report.exists() {
        assert!(Instant::now() < end, "the agent did not run: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let read = |name: &str| std::fs::read_to_string(gateway.path(name)).unwrap();
    // Not shown: it is everything that this test was started with.
    assert!(read("report.environ").is_empty(), "an agent has read the gateway's environment");
    assert!(read("report.error").contains("denied"), "{}", read("report.error"));
    assert!(!read("report.own").contains("TEST_"), "{}", read("report.own"));
    // A built-in strategy, which runs the same program again, still starts.
    gateway.wait(20, "it trades", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Accepted { .. }))
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}

const PASSPHRASE: &str = "canary passphrase of many words 7f3a9c";
/// Ed25519, from RFC 8032: made up by nobody, and nobody's.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----";

fn canary(name: &'static str, text: &str) -> Canary {
    Canary { name, text: text.to_owned() }
}

/// A secret that `plimsoll secret encrypt` seals.
fn encrypt(directory: &Path, file: &str, secret: &str, passphrase: &str) -> Output {
    let mut child = Command::new(BINARY)
        .args(["secret", "encrypt", file, "--passphrase-env", "CANARY_PASSPHRASE"])
        .env("CANARY_PASSPHRASE", passphrase)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Replaces in the configuration.
fn edit(gateway: &Gateway, from: &str, to: &str) {
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// A whole life of a gateway whose every secret is a canary: it trades, loses what can be lost, is asked
/// all that can be asked, is killed, crashes, starts again and ends; and everything that was written is
/// searched.
struct Life {
    gateway: Gateway,
    venue: Venue,
    canaries: Vec<Canary>,
    environment: Vec<(&'static str, String)>,
    outputs: usize,
}

impl Life {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = as_somebody(&self.gateway, &["spy.sh"]);
        command
            .args(args)
            .arg(self.gateway.path("plimsoll.toml"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full");
        command
    }

    /// Starts it and waits until it trades.
    fn start(&mut self) {
        // A core that is dumped would be dumped here.
        let mut command = self.command(&["run", "--config"]);
        let log = self.gateway.path(&format!("log-{}", self.outputs));
        self.outputs += 1;
        command.stderr(std::fs::File::create(log).unwrap());
        let before = starts(&self.gateway.entries());
        self.gateway.process = Some(Running(command.spawn().unwrap()));
        self.gateway.wait(40, "it trades", |entries| {
            starts(entries) > before && trades(entries) && accepted(entries) > 0
        });
    }

    /// Runs a command on the same configuration and keeps all that it says.
    fn say(&mut self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        self.outputs += 1;
        let text = [output.stdout, output.stderr].concat();
        std::fs::write(self.gateway.path(&format!("said-{}", self.outputs)), &text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn ask_all(&mut self) {
        for args in [
            ["status", "--config"].as_slice(),
            &["status", "--json", "--config"],
            &["status", "--book", self.gateway.instrument(), "--config"],
            &["doctor", "--config"],
            &["doctor", "--json", "--config"],
            &["reconcile", "--config"],
            &["reconcile", "--json", "--config"],
        ] {
            self.say(args);
        }
    }

    fn break_it(&self, fault: serde_json::Value) {
        let answer = self.venue.raw("POST", "/_sim/faults", &fault.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// All of it.
    fn live(&mut self) {
        self.start();
        self.ask_all();
        for fault in [
            serde_json::json!({"kind": "status", "status": 401, "seconds": 1,
                "body": "{\"code\":-2015,\"msg\":\"Invalid API-key, IP, or permissions for action.\"}"}),
            serde_json::json!({"kind": "status", "status": 503, "body": "<html>", "seconds": 1}),
            serde_json::json!({"kind": "outage", "seconds": 1}),
        ] {
            self.break_it(fault);
            std::thread::sleep(Duration::from_millis(1_500));
        }
        self.venue.http("POST", "/_sim/heal", "");
        let spied = self.gateway.path("spied/done");
        let end = Instant::now() + Duration::from_secs(20);
        while !spied.exists() {
            assert!(Instant::now() < end, "the spy has not looked");
            std::thread::sleep(Duration::from_millis(50));
        }
        // As a process ends that has gone wrong, with a core where one is dumped.
        self.gateway.signal("-ABRT");
        assert!(!self.gateway.wait_for_end(10).success());
        self.ask_all();
        self.start();
        self.gateway.signal("-KILL");
        self.gateway.wait_for_end(10);
        self.start();
        self.ask_all();
        let process = self.gateway.process.as_ref().unwrap().0.id();
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        assert!(self.gateway.stop().success());
    }

    /// What went wrong on the way is said without the secret.
    fn mistakes(&mut self) {
        let good = std::fs::read_to_string(self.gateway.path("plimsoll.toml")).unwrap();
        let secret = self.canaries[0].text.clone();
        for (from, to) in [
            ("\nkey = {", format!("\nkey = \"{secret}\"\nother = {{")),
            ("\nsecret = {", format!("\nsecret = {{ env = \"{secret}\" }}\nother = {{")),
            ("\"sqlite:plimsoll.db\"", format!("\"postgres://me:{secret}@127.0.0.1:1/db\"")),
            ("\"sqlite:plimsoll.db\"", format!("\"redis://:{secret}@127.0.0.1:1/0\"")),
        ] {
            edit(&self.gateway, from, &to);
            for args in [["run", "--config"], ["status", "--config"], ["doctor", "--config"]] {
                self.say(&args);
            }
            std::fs::write(self.gateway.path("plimsoll.toml"), &good).unwrap();
        }
    }

    /// The hunt, and that it can find something at all.
    fn hunt(&self) {
        let place = self.gateway.path("");
        let hits = hunt(&place, &self.canaries);
        assert_eq!(hits, Vec::<String>::new());
        // What must be there is found: in the journal, in a log, in an answer, in what the spy was told.
        let spoken = [canary("instrument", self.gateway.instrument()), canary("cause", "a drill")];
        let found = hunt(&place, &spoken);
        for name in [
            "plimsoll.db",
            "log-0",
            "said-",
            "spied/hello",
            "said-served",
            "said-posted",
            "watchdog-latch",
        ] {
            let plain = found.iter().any(|hit| hit.contains("plain") && hit.contains(name));
            assert!(plain, "{name} is not searched: {found:?}");
        }
        let written: u64 =
            files(&place).iter().map(|file| std::fs::metadata(file).unwrap().len()).sum();
        println!("{} files, {} KiB searched", files(&place).len(), written >> 10);
        // And a canary is found in each of its forms, beginning anywhere.
        let planted = tempfile::tempdir().unwrap();
        for canary in &self.canaries {
            let line = canary.text.lines().find(|line| !line.starts_with("-----")).unwrap();
            let hex: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
            let base64 = |before: &str| {
                use base64::Engine as _;
                let text = format!("{before}{line} and on");
                base64::engine::general_purpose::STANDARD.encode(text)
            };
            for text in [line, &hex, &hex.to_uppercase(), &base64(""), &base64("a"), &base64("ab")]
            {
                std::fs::write(planted.path().join("x"), format!("{{\"k\":\"{text}\"}}")).unwrap();
                let hits = hunt(planted.path(), std::slice::from_ref(canary));
                assert!(!hits.is_empty(), "{} is not found in {text}", canary.name);
            }
        }
    }
}

fn starts(entries: &[model::Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.record, Record::Started { .. })).count()
}

/// Is the last word on it that it may?
fn trades(entries: &[model::Entry]) -> bool {
    let state = entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some(*state == TradingState::Active),
        Record::Started { .. } => Some(false),
        _ => None,
    });
    state == Some(true)
}

fn accepted(entries: &[model::Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.record, Record::Accepted { .. })).count()
}

/// Agents: one that trades, and one that looks around.
fn agents(gateway: &Gateway) -> String {
    let (script, spied) = (gateway.path("spy.sh"), gateway.path("spied"));
    std::fs::write(&script, THOROUGH).unwrap();
    format!(
        "[agent.spy]\nvenue = \"sim\"\ncommand = [\"bash\", {script:?}, {spied:?}]\n\
         [agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
         params = {{ qty = \"0.001\", half_spread_bps = 1, requote_every = 200 }}\n"
    )
}

#[test]
fn sec_01_secret_hunt() {
    let key = "CanaryKey4mQ8vX2nL7sD1pW9rT5yB3kF6hJ0gZcUaEoI";
    let secret = "CanarySecret9zR3wK7bN1xM5vC8qL2jH6tG4fD0sPyU";
    let token = "CanaryToken2hB8nV4mC6xZ0lK1jH3gF5dS7aP9oI";
    let watching = "CanaryWatchKey5sW2eD8rF1tG7yH4uJ0iK9oL3pZ6xC";
    let seeing = "CanaryWatchSecret7bN0mQ4wE9rT2yU6iO1pA5sD8fG3h";
    let path = "/services/CanaryAlertX4cV7bN1mQ9wE2rT8yU5iO0pA6sD3f";
    let account = format!("{key}:{secret}:10000 USDT,1 BTC");
    let other = format!("--account={watching}:{seeing}:10000 USDT,1 BTC");
    let venue = Venue::speaking("binance", &account, &["--market", "synthetic:71", &other]);
    let gateway = Gateway::prepare(&venue.addr, "");
    gateway.add(&agents(&gateway));
    let mut life = Life {
        gateway,
        venue,
        canaries: vec![
            canary("secret", secret),
            canary("key", key),
            canary("token", token),
            canary("the watchdog's key", watching),
            canary("the watchdog's secret", seeing),
            canary("address of alerts", path.trim_start_matches("/services/")),
        ],
        environment: vec![
            ("TEST_KEY", key.to_owned()),
            ("TEST_SECRET", secret.to_owned()),
            ("CANARY_TOKEN", token.to_owned()),
            ("WATCHING", watching.to_owned()),
            ("SEEING", seeing.to_owned()),
        ],
        outputs: 0,
    };
    life.live();
    life.mistakes();
    life.watch("key = { env = \"WATCHING\" }\nsecret = { env = \"SEEING\" }", token, path);
    life.watchdog_mistakes(seeing);
    life.hunt();
}

/// The same at Coinbase, with a private key in PEM that lies sealed beside the configuration.
#[test]
fn sec_01_secret_hunt_at_coinbase_with_a_sealed_key() {
    let key = "organizations/canary-5f1d/apiKeys/CanaryName8c2e7a";
    let token = "CanaryToken6tY8uI0oP2aS4dF6gH8jK1lZ3xC5vB";
    let keys = tempfile::tempdir().unwrap();
    let pem = keys.path().join("key.pem");
    std::fs::write(&pem, PEM).unwrap();
    let account = format!("{key}:@{}:10000 USD,1 BTC", pem.display());
    let venue = Venue::speaking("coinbase", &account, &["--market", "synthetic:72"]);
    let gateway = Gateway::prepare_coinbase(&venue, "");
    gateway.add(&agents(&gateway));
    let sealed = encrypt(&gateway.path(""), "secret.age", PEM, PASSPHRASE);
    assert!(sealed.status.success(), "{}", stderr(&sealed));
    let place = "{ encrypted = \"secret.age\", passphrase = { env = \"CANARY_PASSPHRASE\" } }";
    edit(&gateway, "{ env = \"TEST_SECRET\" }", place);
    let file = gateway.path("secret.age");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        chown(&file, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut life = Life {
        gateway,
        venue,
        canaries: vec![
            canary("private key", PEM),
            canary("passphrase", PASSPHRASE),
            canary("token", token),
            canary("address of alerts", "CanaryAlertX4cV7bN1mQ9wE2rT8yU5iO0pA6sD3f"),
        ],
        environment: vec![
            ("TEST_KEY", key.to_owned()),
            ("CANARY_PASSPHRASE", PASSPHRASE.to_owned()),
            ("CANARY_TOKEN", token.to_owned()),
        ],
        outputs: 0,
    };
    life.live();
    life.mistakes();
    let keys = format!("key = {{ env = \"TEST_KEY\" }}\nsecret = {place}");
    life.watch(&keys, token, "/services/CanaryAlertX4cV7bN1mQ9wE2rT8yU5iO0pA6sD3f");
    life.watchdog_mistakes(PASSPHRASE);
    life.hunt();
}

/// SEC-02: an agent has nothing that it could sign with, and no way into the gateway that signs.
#[test]
fn sec_02_an_agent_has_nothing_to_sign_with() {
    let venue = Venue::start(&["--market", "synthetic:73"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    gateway.add(&agents(&gateway));
    let mut life = Life {
        gateway,
        venue,
        canaries: Vec::new(),
        environment: vec![
            ("TEST_KEY", "key".to_owned()),
            ("TEST_SECRET", "secret".to_owned()),
            ("CANARY_TOKEN", "token".to_owned()),
        ],
        outputs: 0,
    };
    life.start();
    let spied = life.gateway.path("spied");
    let end = Instant::now() + Duration::from_secs(20);
    while !spied.join("told").exists() {
        assert!(Instant::now() < end, "the spy has not been told anything");
        std::thread::sleep(Duration::from_millis(50));
    }
    let read = |name: &str| {
        String::from_utf8_lossy(&std::fs::read(spied.join(name)).unwrap()).into_owned()
    };
    // Its environment is a short list, its arguments are those of the configuration.
    let names: Vec<String> =
        read("env").lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    let shell = ["PWD", "SHLVL", "_", "OLDPWD"];
    let kept = ["PATH", "LANG", "TZ"];
    for name in &names {
        assert!(shell.contains(&name.as_str()) || kept.contains(&name.as_str()), "{name}");
    }
    // Three pipes and nothing else that was open in the gateway: no journal, no socket, no key file.
    let fds = read("fds");
    let open: Vec<&str> = fds.lines().filter_map(|line| Some(line.split_once(" -> ")?.1)).collect();
    for what in &open {
        let own = ["pipe:", "/proc/", "/dev/null", "spied/fds"];
        let script = what.ends_with("spy.sh");
        assert!(script || own.iter().any(|own| what.contains(own)), "{what} is open: {open:?}");
    }
    assert!(!open.iter().any(|what| what.contains("socket:") || what.contains(".db")), "{open:?}");
    // And nothing of the gateway's process is to be read.
    for name in ["parent.environ", "parent.maps", "parent.mem", "parent.fds"] {
        assert_eq!(read(name), "", "{name}");
    }
    let denied = read("denied");
    assert!(denied.lines().filter(|line| line.contains("denied")).count() >= 4, "{denied}");
    assert!(life.gateway.stop().success());
}

#[test]
fn a_sealed_secret_is_made_and_not_opened_by_another_passphrase() {
    let directory = tempfile::tempdir().unwrap();
    let empty = encrypt(directory.path(), "a.age", "  \n", PASSPHRASE);
    assert!(stderr(&empty).contains("standard input is empty"), "{}", stderr(&empty));
    assert_eq!(empty.status.code(), Some(2));
    let made = encrypt(directory.path(), "a.age", "hunter2hunter2", PASSPHRASE);
    assert!(made.status.success() && made.stdout.is_empty(), "{}", stderr(&made));
    let again = encrypt(directory.path(), "a.age", "other", PASSPHRASE);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("is there already"), "{}", stderr(&again));
    let text = std::fs::read_to_string(directory.path().join("a.age")).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"), "{text}");
    let gateway = Gateway::prepare("127.0.0.1:1", "");
    let place = format!(
        "{{ encrypted = {:?}, passphrase = {{ env = \"P\" }} }}",
        directory.path().join("a.age")
    );
    edit(&gateway, "{ env = \"TEST_SECRET\" }", &place);
    let start = |change: &dyn Fn(&mut Command)| {
        let mut command = gateway.command();
        change(&mut command);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    let text = start(&|command| {
        command.env("P", "hunter3");
    });
    assert!(
        text.contains("is not opened by this passphrase") && !text.contains("hunter"),
        "{text}"
    );
    let text = start(&|command| {
        command.env_remove("P");
    });
    assert!(text.contains("passphrase: environment variable P is not set"), "{text}");
    std::fs::write(directory.path().join("a.age"), "hunter2").unwrap();
    let text = start(&|command| {
        command.env("P", PASSPHRASE);
    });
    assert!(text.contains("is no file of age") && !text.contains("hunter"), "{text}");
}

/// A key that everybody can read is one that everybody has.
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let gateway = Gateway::prepare("127.0.0.1:1", "");
    let file = gateway.path("secret.txt");
    std::fs::write(&file, "secret").unwrap();
    edit(&gateway, "{ env = \"TEST_SECRET\" }", "{ file = \"secret.txt\" }");
    let set = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&gateway.path(""), 0o755);
    set(&file, 0o644);
    let output = gateway.command().output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("can be read by everybody") && text.contains("chmod 600"), "{text}");
    let doctor =
        common::plimsoll(&["doctor", "--config", gateway.path("plimsoll.toml").to_str().unwrap()]);
    let told = String::from_utf8_lossy(&doctor.stdout);
    assert!(told.contains("can be read by everybody"), "{told}");
    // Behind a directory that is closed, or closed itself, it is taken; the address is nobody's.
    for (directory, mode) in [(0o700, 0o644), (0o755, 0o600)] {
        set(&gateway.path(""), directory);
        set(&file, mode);
        let venue = Venue::start(&["--market", "empty", "--scopes", "key=view"]);
        edit(&gateway, "rest = \"", &format!("rest = \"http://{}\"\n# rest = \"", venue.addr));
        let output = gateway.command().output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let whole = std::fs::read_to_string(gateway.path("plimsoll.toml")).unwrap();
        let line = whole.lines().find(|line| line.starts_with("rest = ")).unwrap().to_owned();
        edit(&gateway, &format!("{line}\n# rest"), "rest");
    }
    set(&gateway.path(""), 0o755);
    set(&file, 0o640);
    let log = stderr(&gateway.command().output().unwrap());
    assert!(log.contains("can be read by its group"), "{log}");
}

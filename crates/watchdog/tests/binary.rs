//! The binary alone: it starts, latches with nobody there to help, survives `kill -9`, and ends when told to.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_plimsoll-watchdog");
const SOON: Duration = Duration::from_secs(15);

/// A process that dies with the test.
struct Running {
    child: Child,
    control: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A configuration whose exchange is not there.
fn prepare(directory: &Path) {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("token", "madeUpTokenForTests0123456789\n");
    write("key", "key");
    write("secret", "secret");
    write(
        "limits.toml",
        "quote = \"USDT\"\ndrawdown_max_bps = 1000\nday_loss_max_bps = 300\n\
         open_notional_max = \"20000\"\nunreadable_max_s = 3600\n[asset.BTC]\nvalue_max = \"15000\"\n",
    );
    write(
        "plimsoll.toml",
        "[venue.sim]\nkind = \"binance-spot\"\ninstruments = [\"BTC-USDT\"]\n\
         rest = \"http://127.0.0.1:1\"\n[watchdog]\nheartbeat = \"127.0.0.1:0\"\n\
         control = \"127.0.0.1:0\"\ntoken = { file = \"token\" }\nkey = { file = \"key\" }\n\
         secret = { file = \"secret\" }\nlimits = \"limits.toml\"\nstate_dir = \"state\"\n",
    );
}

fn start(directory: &Path) -> Running {
    start_with(directory, &[])
}

fn start_with(directory: &Path, environment: &[(&str, &str)]) -> Running {
    let mut child = Command::new(BINARY)
        .envs(environment.iter().copied())
        .args(["--config"])
        .arg(directory.join("plimsoll.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let control = line.trim().rsplit_once("http://").unwrap().1.to_owned();
    Running { child, control }
}

fn status(running: &Running) -> String {
    let mut stream = TcpStream::connect(&running.control).unwrap();
    let token = "madeUpTokenForTests0123456789";
    write!(stream, "GET /status HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn until(so: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !so() {
        assert!(Instant::now() < end, "not in {SOON:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(running: &Running, name: &str) {
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

#[test]
fn it_latches_alone_and_survives() {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    let running = start(directory.path());
    assert!(status(&running).contains("\"halted\":false"));
    signal(&running, "-USR1");
    until(|| directory.path().join("state/watchdog-latch.json").exists());
    until(|| status(&running).contains("\"durable\":true"));
    drop(running);
    let mut running = start(directory.path());
    let told = status(&running);
    assert!(told.contains("\"halted\":true") && told.contains("SIGUSR1"), "{told}");
    assert!(told.contains("\"cleared\":false"), "nobody has seen the exchange: {told}");
    signal(&running, "-TERM");
    let end = Instant::now() + SOON;
    let ended = loop {
        if let Some(ended) = running.child.try_wait().unwrap() {
            break ended;
        }
        assert!(Instant::now() < end, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
    assert!(directory.path().join("state/watchdog-latch.json").exists(), "an end lifts nothing");
}

#[test]
fn a_wrong_configuration_is_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    let path = directory.path().join("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("state_dir", "statedir")).unwrap();
    let output = Command::new(BINARY).arg("--config").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.contains("unknown field `statedir`")), (Some(2), true));
}

/// It opens a sealed file by itself, with nobody there to hand it the key.
#[test]
fn a_sealed_secret_is_opened_alone() {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    let path = directory.path().join("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let sealed = "{ encrypted = \"key.age\", passphrase = { env = \"PASSPHRASE\" } }";
    std::fs::write(
        &path,
        text.replace("secret = { file = \"secret\" }", &format!("secret = {sealed}")),
    )
    .unwrap();
    let file = include_bytes!("../../sealed/fixtures/age.age");
    std::fs::write(directory.path().join("key.age"), file).unwrap();
    let good = [("PASSPHRASE", "correct horse battery staple")];
    let running = start_with(directory.path(), &good);
    assert!(status(&running).contains("\"halted\":false"));
    let core = std::fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
    let core = core.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    drop(running);
    for (passphrase, said) in [
        (Some("hush hush"), "is not opened by this passphrase"),
        (None, "passphrase: the environment variable PASSPHRASE is not set"),
    ] {
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(&path).env_remove("PASSPHRASE");
        command.envs(passphrase.map(|passphrase| ("PASSPHRASE", passphrase)));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said) && !text.contains("hush"), "{text}");
    }
}

//! `docs/tutorial.md`, followed to the letter by somebody new: backtest, paper, gap, gates, live, with its own files and
//! commands. Only the ports are others, and the recording is shorter.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Running, Venue, entries, stderr};
use model::{Entry, Record};
use serde_json::Value;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Somebody new, with the page, a directory of their own and the exchange in another terminal.
struct Reader {
    directory: tempfile::TempDir,
    page: String,
}

impl Reader {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The file that the page shows first behind these words.
    fn copies(&self, name: &str, behind: &str) {
        let rest = self.page.split_once(behind).unwrap().1;
        let text = rest.split_once("```toml\n").unwrap().1.split("```").next().unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The page's commands that begin so, as they stand there.
    fn lines(&self, begin: &str) -> Vec<String> {
        let found = self.page.lines().filter(|line| line.starts_with(begin)).map(str::to_owned);
        let found: Vec<String> = found.collect();
        assert!(!found.is_empty(), "{begin:?} is not in the tutorial");
        found
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let binary = format!("exec '{BINARY}' ");
        let line = match line.strip_prefix("plimsoll ") {
            Some(words) => format!("{binary}{words}"),
            None => line.to_owned(),
        };
        command.args(["-c", &line]).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("BINANCE_KEY", "key").env("BINANCE_SECRET", "secret");
        command
    }

    fn does(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// What is to succeed.
    fn gets(&self, line: &str) -> String {
        let output = self.does(line);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// In a terminal of its own.
    fn starts(&self, line: &str, log: &str) -> Running {
        let log = std::fs::File::create(self.path(log)).unwrap();
        let mut command = self.command(line);
        Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn until(&self, seconds: u64, log: &str, so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !so() {
            let said = || std::fs::read_to_string(self.path(log)).unwrap_or_default();
            assert!(Instant::now() < end, "not in {seconds} s: {}", said());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn count(store: &Path, is: impl Fn(&Record) -> bool) -> usize {
    if !store.exists() {
        return 0;
    }
    entries(store).iter().filter(|entry: &&Entry| is(&entry.record)).count()
}

fn ends(mut running: Running) {
    let id = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn the_whole_road() {
    let watch = ["--account", "watch-key:watch-secret:10000 USDT", "--market", "synthetic:7"];
    let venue = Venue::holding("10000 USDT", &watch);
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let page = self::page("docs/tutorial.md")
        .replace("127.0.0.1:9000", &venue.addr)
        .replace("127.0.0.1:9200", &free())
        .replace("127.0.0.1:9201", &free())
        .replace("--seconds 60", "--seconds 15");
    let reader = Reader { directory: tempfile::tempdir().unwrap(), page };

    reader.gets(&reader.lines("plimsoll data record")[0]);
    reader.gets(&reader.lines("plimsoll backtest")[0]);
    assert!(reader.path("backtest.html").exists());

    let limits = self::page("README.md");
    let limits = limits.split("```toml\n").find(|text| text.starts_with("reference_age")).unwrap();
    std::fs::write(reader.path("limits.toml"), limits.split("```").next().unwrap()).unwrap();
    reader.copies("paper.toml", "`paper.toml`:");
    let filled = |record: &Record| matches!(record, Record::Filled { .. });
    let paper = reader.starts(&reader.lines("plimsoll run --config paper")[0], "paper.log");
    reader.until(240, "paper.log", || count(&reader.path("paper.db"), filled) >= 4);
    ends(paper);

    let gaps = reader.lines("plimsoll gap");
    let told: Value =
        serde_json::from_str(reader.gets(&format!("{} --json", gaps[0])).trim()).unwrap();
    assert_eq!(told["empty"], true, "{told:#}");
    assert!(told["orders"]["orders"].as_u64().unwrap() >= 2, "{told:#}");
    assert!(reader.path("gap.html").exists());
    reader.gets(&gaps[1]);

    reader.copies("live.toml", "stands between it and the money:");
    reader.copies("watchdog-limits.toml", "`watchdog-limits.toml`:");
    reader.gets(&reader.lines("(umask")[0]);
    let output = reader.does(&reader.lines("plimsoll doctor")[0]);
    let shown = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    for words in ["paper-record", "round trips", "watchdog", "alerts"] {
        assert!(shown.contains(words), "{words:?} is not in {shown}");
    }
    reader.gets(&reader.lines("plimsoll alerts")[0]);
    let watchdog = reader.starts(&reader.lines("plimsoll watchdog")[0], "watchdog.log");
    let unmet = || {
        let output = reader.does("plimsoll doctor --config live.toml --json");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let gates = told["gates"].as_array().cloned().unwrap_or_default();
        let unmet = gates.into_iter().filter(|gate| gate["standing"] == "unmet");
        unmet.map(|gate| gate["gate"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    reader.until(60, "watchdog.log", || unmet() == ["paper-record"]);
    let run = reader.lines("plimsoll run --config live").remove(0);
    assert_eq!(reader.does(&run).status.code(), Some(3));

    let opened = reader.page.split("```toml\n").find(|text| text.starts_with("[gates.override]"));
    let opened = opened.unwrap().split("```").next().unwrap();
    let live = std::fs::read_to_string(reader.path("live.toml")).unwrap();
    std::fs::write(reader.path("live.toml"), format!("{live}\n{opened}")).unwrap();
    let gateway = reader.starts(&run, "live.log");
    reader.until(240, "live.log", || count(&reader.path("live.db"), filled) >= 1);
    let status = reader.gets("plimsoll status --config live.toml");
    assert!(status.contains("10 % of the limits"), "{status}");
    let report = reader.gets(&reader.lines("plimsoll report")[0]);
    assert!(!report.is_empty());
    let answer = reader.gets(&reader.lines("plimsoll query")[0]);
    assert!(answer.contains("EMA"), "{answer}");
    assert_eq!(
        count(&reader.path("live.db"), |record| matches!(record, Record::GateOverridden { .. })),
        1
    );
    reader.gets(&reader.lines("plimsoll halt")[0]);
    ends(gateway);
    ends(watchdog);
}

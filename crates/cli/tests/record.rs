//! `plimsoll data record` against a simulated exchange over real sockets: what is recorded is what the exchange
//! showed, a backtest runs on it, and neither connections that break nor a killed recorder leave anything that
//! cannot be read or is not true.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Running, Venue, stderr};
use data::{Columns, Merge, Options};
use model::Decimal;
use model::market::{Book, Grid};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest that anything is waited for.
const WAIT: Duration = Duration::from_secs(30);

/// A recorder, and the folder that it records to.
struct Recording {
    folder: TempDir,
    process: Option<Running>,
    venue: [String; 4],
    instrument: &'static str,
    /// What the last one said on standard error.
    log: String,
}

impl Recording {
    /// Of an exchange that speaks this protocol.
    fn of(venue: &Venue, kind: &str, instrument: &'static str) -> Recording {
        let words = ["--venue", kind, "--rest", &format!("http://{}", venue.addr)];
        let venue = words.map(str::to_owned);
        let folder = tempfile::tempdir().unwrap();
        Recording { folder, process: None, venue, instrument, log: String::new() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(["data", "record", "--json", "--instrument", self.instrument]);
        command.args(&self.venue).arg("--out").arg(self.out()).args(args);
        command.env("PLIMSOLL_STATE_DIR", self.folder.path().join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn start(&mut self, args: &[&str]) {
        self.process = Some(Running(self.command(args).spawn().unwrap()));
    }

    /// All files in the folder whose names end like this, in order.
    fn files(&self, end: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.out()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.to_string_lossy().ends_with(end)).collect();
        paths.sort();
        paths
    }

    /// Waits until an unfinished book has so many snapshots, of all that there are.
    fn wait_for_snapshots(&self, count: u64) {
        let end = Instant::now() + WAIT;
        while self.infos(".unfinished").iter().chain(&self.infos(".parquet")).fold(0, snapshots)
            < count
        {
            assert!(Instant::now() < end, "no snapshot number {count}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until so many files are finished.
    fn wait_for_files(&self, count: usize) {
        let end = Instant::now() + WAIT;
        while self.files(".parquet").len() < count {
            assert!(Instant::now() < end, "no file number {count}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What `plimsoll data info` says of the files that can be read at this moment.
    fn infos(&self, end: &str) -> Vec<Value> {
        self.files(end).iter().filter_map(|path| info(path)).collect()
    }

    /// Asks it to end, and returns its summary.
    fn stop(&mut self) -> Value {
        let mut process = self.process.take().unwrap();
        interrupt(&process.0);
        self.summary(&mut process)
    }

    fn summary(&mut self, process: &mut Running) -> Value {
        let end = Instant::now() + WAIT;
        let status = loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "the recorder does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let (mut said, mut log) = (String::new(), String::new());
        process.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        process.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.log = log;
        assert!(status.success(), "{said}\n{}", self.log);
        serde_json::from_str(said.trim()).unwrap()
    }

    /// Each state of the book that a backtest sees, with its time; `None` where it is not known.
    fn replay(&self) -> (Grid, Vec<(i64, Option<Book>)>) {
        let files = self.files(".parquet").into_iter();
        let files = files.filter(|file| file.to_string_lossy().contains("-book-"));
        let open = |file: PathBuf| data::open(&file, &Options::default()).unwrap();
        let mut merge = Merge::new(files.map(open).collect());
        let grid = merge.metas().next().unwrap().grid;
        let (mut book, mut all) = (None, Vec::new());
        while let Some(run) = merge.next_run().unwrap() {
            let Columns::Book(rows) = &run.batch.columns else { panic!("no book") };
            for at in run.rows {
                let row = rows.row(at);
                if row.clear {
                    book = Some(Book::default());
                }
                let known: &mut Book = book.as_mut().expect("a file begins with a whole book");
                known.set(row.side, row.level.price, row.level.qty);
                if row.lost {
                    book = None;
                }
                if row.last {
                    all.push((run.batch.time[at], book.clone()));
                }
            }
        }
        (grid, all)
    }

    fn backtest(&self) -> Value {
        let files = self.files(".parquet");
        let cash = format!("1000000 {}", self.instrument.split_once('-').unwrap().1);
        let output = Command::new(BINARY)
            .args(["backtest", "--json", "--alone", "--agent", "market-maker", "--cash", &cash])
            .args(["--param", "qty=0.001", "--param", "half_spread_bps=1"])
            .args(["--param", "requote_every=300", "--data"])
            .args(files)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

fn snapshots(sum: u64, info: &Value) -> u64 {
    sum + info["snapshots"].as_u64().unwrap()
}

fn info(path: &Path) -> Option<Value> {
    let output = Command::new(BINARY).args(["data", "info", "--json"]).arg(path).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).ok()?;
    assert!(output.status.success(), "{}", stderr(&output));
    Some(said["files"][0].clone())
}

/// False when it does not come to be so in time.
fn wait_until(max: Duration, is_so: impl Fn() -> bool) -> bool {
    let end = Instant::now() + max;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

fn break_it(venue: &Venue, fault: &Value) {
    let answer = venue.http("POST", "/_sim/faults", &fault.to_string());
    assert!(!answer.contains("error"), "{answer}");
}

/// Stops the market, and returns its book when all that was under way has arrived.
fn stopped(venue: &Venue, instrument: &str) -> [Vec<(Decimal, Decimal)>; 2] {
    break_it(venue, &json!({"kind": "stall"}));
    std::thread::sleep(Duration::from_millis(1_500));
    let state = venue.state();
    let number = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let level = |level: &Value| (number(&level[0]), number(&level[1]));
    let side = |side: &str| {
        let all = state["books"][instrument][side].as_array().unwrap();
        all.iter().map(level).collect()
    };
    ["bids", "asks"].map(side)
}

/// The last book that was known, as the exchange shows its own.
fn last_known(grid: Grid, all: &[(i64, Option<Book>)]) -> [Vec<(Decimal, Decimal)>; 2] {
    let book = all.iter().rev().find_map(|(_, book)| book.as_ref()).unwrap();
    let level = |level: model::market::Level| {
        let (price, qty) = (grid.price(level.price).unwrap(), grid.qty(level.qty).unwrap());
        (price.get(), qty.get())
    };
    [book.bids().map(level).collect(), book.asks().map(level).collect()]
}

fn assert_never_crossed(all: &[(i64, Option<Book>)]) {
    assert!(all.iter().flat_map(|(_, book)| book).all(|book| !book.is_crossed()));
    assert!(all.last().unwrap().1.is_none(), "behind the end nothing is known");
}

/// Recorded over several files, looked at, run on, and the same book in the end.
fn what_was_shown_is_what_is_read(venue: &Venue, mut recording: Recording) {
    recording.start(&["--rotate", "2s"]);
    recording.wait_for_files(4);
    let shown = stopped(venue, recording.instrument);
    let summary = recording.stop();
    let (grid, all) = recording.replay();
    assert_never_crossed(&all);
    assert_eq!(last_known(grid, &all), shown);
    let files = recording.files(".parquet");
    assert_eq!(summary["files"], files.len(), "{summary}");
    assert_eq!(recording.files(".unfinished"), [] as [PathBuf; 0]);
    assert_eq!((&summary["gaps"], &summary["reconnects"]), (&json!(0), &json!(0)));
    let infos = recording.infos(".parquet");
    let rows: u64 = infos.iter().map(|info| info["rows"].as_u64().unwrap()).sum();
    assert_eq!(summary["rows"], rows);
    for info in &infos {
        assert_eq!(info["received"], true);
        assert_eq!(info["instrument"], recording.instrument);
        assert_eq!((&info["crossed"], &info["duplicates"]), (&json!(0), &json!(0)), "{info}");
        if info["kind"] == "trades" {
            assert_eq!(info["missing"], 0, "{info}");
        }
    }
    // Nothing was lost but the end.
    let lost: u64 = infos.iter().map(|info| info["lost"].as_u64().unwrap()).sum();
    assert_eq!(lost, 1, "{infos:?}");
    let ran = recording.backtest();
    assert_eq!(ran["events"], rows, "{ran}");
    assert!(ran["orders"].as_u64().unwrap() > 0, "{ran}");
}

#[test]
fn binance_is_recorded_as_it_was_shown() {
    let venue = Venue::start(&["--market", "synthetic:41"]);
    let recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    what_was_shown_is_what_is_read(&venue, recording);
}

#[test]
fn coinbase_is_recorded_as_it_was_shown() {
    let venue = Venue::coinbase(&["--market", "synthetic:42"]);
    let recording = Recording::of(&venue, "coinbase-advanced", "BTC-USD");
    what_was_shown_is_what_is_read(&venue, recording);
}

/// Messages that are missing, connections that are cut, an exchange that is away: each is a gap and a new
/// snapshot, and between them nobody is told a book.
fn what_is_lost_is_marked(venue: &Venue, mut recording: Recording, of_book: &str) {
    recording.start(&[]);
    recording.wait_for_snapshots(1);
    let gap = json!({"kind": "gap", "stream": "market", "contains": of_book, "count": 1});
    break_it(venue, &gap);
    recording.wait_for_snapshots(2);
    break_it(venue, &json!({"kind": "outage", "seconds": 1}));
    recording.wait_for_snapshots(3);
    let shown = stopped(venue, recording.instrument);
    let summary = recording.stop();
    assert!(summary["gaps"].as_u64().unwrap() >= 2, "{summary}");
    assert!(summary["reconnects"].as_u64().unwrap() >= 1, "{summary}");
    let (grid, all) = recording.replay();
    assert_never_crossed(&all);
    assert_eq!(last_known(grid, &all), shown);
    let unknown = all.iter().filter(|(_, book)| book.is_none()).count() as u64;
    assert_eq!(unknown, summary["gaps"].as_u64().unwrap() + 1, "and the end");
    // Trades that were missed were fetched, and stand where they belong.
    for info in recording.infos(".parquet") {
        match info["kind"].as_str().unwrap() {
            "trades" => assert_eq!(info["missing"], 0, "{info}"),
            _ => assert!(info["lost_s"].as_f64().unwrap() > 0.5, "{info}"),
        }
    }
    assert_eq!(recording.backtest()["events"], summary["rows"]);
}

#[test]
fn gaps_of_binance_are_marked() {
    let venue = Venue::start(&["--market", "synthetic:43"]);
    let recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    what_is_lost_is_marked(&venue, recording, "depthUpdate");
}

#[test]
fn gaps_of_coinbase_are_marked() {
    let venue = Venue::coinbase(&["--market", "synthetic:44"]);
    let recording = Recording::of(&venue, "coinbase-advanced", "BTC-USD");
    what_is_lost_is_marked(&venue, recording, "l2_data");
}

#[test]
fn a_recorder_that_is_killed_leaves_what_it_heard_and_the_next_one_finishes_it() {
    let venue = Venue::start(&["--market", "synthetic:45"]);
    let mut recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    recording.start(&[]);
    recording.wait_for_snapshots(1);
    std::thread::sleep(Duration::from_secs(3));
    let killed = runtime::clock::now();
    // Kills it without a word.
    drop(recording.process.take());
    assert_eq!(
        recording.files(".parquet"),
        [] as [PathBuf; 0],
        "nothing has a name that it has not earned"
    );
    let left = recording.infos(".unfinished");
    assert_eq!(left.len(), 2, "{left:?}");
    let rows = |infos: &[Value]| infos.iter().map(|i| i["rows"].as_u64().unwrap()).sum::<u64>();
    let (heard, first) = (rows(&left), left[0]["last"].clone());
    assert!(left.iter().all(|info| info["layout"] == "plimsoll-unfinished"), "{left:?}");
    // Only what was in memory is missing: a second, and what a busy machine makes of one.
    let last = left[0]["last"].as_str().unwrap();
    let last = model::Timestamp::parse_rfc3339(last.as_bytes()).unwrap();
    let missing = killed.since(last);
    assert!(missing < Duration::from_secs(4), "{missing:?} {left:?}");

    recording.start(&[]);
    recording.wait_for_files(2);
    recording.wait_for_snapshots(2);
    let shown = stopped(&venue, recording.instrument);
    let summary = recording.stop();
    assert_eq!((&summary["recovered"], &summary["files"]), (&json!(2), &json!(4)), "{summary}");
    let infos = recording.infos(".parquet");
    // A row more for the book, which was lost there.
    assert_eq!(rows(&infos), heard + 1 + summary["rows"].as_u64().unwrap());
    assert_eq!(infos[0]["last"], first);
    let (grid, all) = recording.replay();
    assert_never_crossed(&all);
    assert_eq!(last_known(grid, &all), shown);
    assert_eq!(all.iter().filter(|(_, book)| book.is_none()).count(), 2, "the kill and the end");
    recording.backtest();
}

#[test]
fn a_configured_exchange_is_recorded_without_its_key_and_one_at_a_time() {
    let venue = Venue::start(&["--market", "synthetic:46"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let config = gateway.path("plimsoll.toml");
    let mut recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    recording.venue = ["--config", config.to_str().unwrap(), "--seconds", "600"].map(str::to_owned);
    recording.start(&[]);
    recording.wait_for_snapshots(1);
    let second: Output = recording.command(&[]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let id = recording.process.as_ref().unwrap().0.id();
    let said = stderr(&second);
    assert!(said.contains(&format!("process {id} records to this folder")), "{said}");
    let summary = recording.stop();
    assert!(summary["seconds"].as_f64().unwrap() < 60.0, "{summary}");
    let name = recording.files(".parquet")[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("sim-BTC-USDT-book-"), "named after the venue in it: {name}");
}

#[test]
fn what_cannot_be_is_said_with_what_to_do() {
    let venue = Venue::start(&["--market", "synthetic:47"]);
    let recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    let said = |mut command: Command, code: i32, words: &[&str]| {
        let output = command.output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said}");
        }
    };
    let ten = ["--seconds", "10"];
    // A folder that is none.
    std::fs::write(recording.out(), "a file").unwrap();
    said(recording.command(&ten), 1, &["out: cannot be recorded to", "name another one"]);
    std::fs::remove_file(recording.out()).unwrap();
    // An instrument that is not traded there.
    let mut unknown = recording.command(&ten);
    unknown.args(["--instrument", "XYZ-USDT"]);
    said(unknown, 2, &["no instrument XYZ-USDT"]);
    let mut nothing = Command::new(BINARY);
    nothing.args(["data", "record", "--venue", "binance-spot", "--out", "x"]);
    said(nothing, 2, &["--instrument"]);
    let mut neither = Command::new(BINARY);
    neither.args(["data", "record", "--out", "x"]);
    said(neither, 2, &["--config"]);
}

/// A disk that takes no more of a file, as far as a test can have one: what was recorded until then is kept.
#[test]
fn a_disk_that_takes_no_more_ends_it_and_keeps_what_there_is() {
    let venue = Venue::start(&["--market", "synthetic:48"]);
    let recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    let whole = recording.command(&["--seconds", "60"]);
    // Blocks of 512 bytes; without its signal the system says it as an error, as for a full disk.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 300; exec \"$0\" \"$@\"", BINARY]);
    limited.args(whole.get_args());
    limited.env("PLIMSOLL_STATE_DIR", recording.folder.path().join("state"));
    let output = limited.stdin(Stdio::null()).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in ["-book-", "cannot be written", "--rotate-mib", "is kept"] {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    let left = recording.infos(".unfinished");
    assert!(left.iter().any(|info| info["rows"].as_u64().unwrap() > 1_000), "{left:?}");
    let mut again = recording;
    again.start(&["--seconds", "2"]);
    let mut process = again.process.take().unwrap();
    let summary = again.summary(&mut process);
    assert_eq!(summary["recovered"], left.len(), "{summary} {}", again.log);
    assert_never_crossed(&again.replay().1);
}

/// A gateway keeps what it hears, whatever becomes of its connections, and in the same files.
#[test]
fn a_gateway_keeps_what_it_hears() {
    let venue = Venue::start(&["--market", "synthetic:49"]);
    let agent = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                 params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 300 }\n";
    let mut gateway = Gateway::prepare(&venue.addr, agent);
    let config = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("record = \"out\"\n{text}")).unwrap();
    let recording = Recording::of(&venue, "binance-spot", "BTC-USDT");
    gateway.start();
    std::fs::create_dir_all(gateway.path("out")).unwrap();
    std::os::unix::fs::symlink(gateway.path("out"), recording.out()).unwrap();
    recording.wait_for_snapshots(1);
    break_it(&venue, &json!({"kind": "outage", "seconds": 1}));
    recording.wait_for_snapshots(2);
    gateway.wait(30, "executions", |entries| {
        entries.iter().filter(|e| matches!(e.record, model::Record::Filled { .. })).count() > 3
    });
    let shown = stopped(&venue, "BTC-USDT");
    assert_eq!(gateway.stop().code(), Some(0), "{}", gateway.log());
    let (grid, all) = recording.replay();
    assert_never_crossed(&all);
    assert!(all.iter().filter(|(_, book)| book.is_none()).count() >= 2, "the outage and the end");
    // Behind it only what the gateway took back at its end was still to come.
    let states = (1..=all.len()).rev().filter(|end| all[end - 1].1.is_some());
    let mut states = states.map(|end| last_known(grid, &all[..end]));
    assert!(states.any(|state| state == shown), "{shown:?}");
    recording.backtest();
    // A folder that goes away ends the recording, and not the trading.
    venue.http("POST", "/_sim/heal", "");
    let trades = |entries: &[model::Entry]| {
        entries.iter().filter(|e| matches!(e.record, model::Record::Filled { .. })).count()
    };
    let before = gateway.entries();
    std::fs::write(&config, format!("record = \"other\"\n{text}")).unwrap();
    // Files that are there already can be written to without a name: then it was too late to take it away.
    let is_told = (0..3).any(|_| {
        gateway.start();
        wait_until(WAIT, || gateway.path("other").join(".plimsoll-record.lock").exists());
        std::fs::remove_dir_all(gateway.path("other")).unwrap();
        let told = || gateway.log().contains("market data is not recorded any more");
        let is_told = wait_until(Duration::from_secs(8), told);
        if !is_told {
            gateway.stop();
        }
        is_told
    });
    assert!(is_told, "{}", gateway.log());
    gateway.wait(30, "it trades on", |entries| trades(entries) > trades(&before));
    assert_eq!(gateway.stop().code(), Some(0), "{}", gateway.log());
    // A folder that is none is wrong usage.
    std::fs::write(&config, format!("record = \"log\"\n{text}")).unwrap();
    let mut command = gateway.command();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("log: cannot be recorded to"), "{}", stderr(&output));
}

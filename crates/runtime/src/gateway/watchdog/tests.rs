//! A watchdog in a few lines on loopback, and the link against it.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::TcpListener;

use super::wire::tests::answer;
use super::*;
use crate::config::SecretSource;

const TOKEN: &str = "shared-token";
/// Longer than anything that should come takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
const GOOD: &str =
    "\"lease_ms\":1000,\"halted\":false,\"cause\":\"\",\"equity\":\"10000.5\",\"watching\":true";

/// What it answers to a heartbeat: whole lines, by the number of the connection and the heartbeat.
type Answers = dyn Fn(usize, u64, &str) -> Vec<String> + Send + Sync;

/// A watchdog: the heartbeats that came to it, and what it answers.
struct Watchdog {
    address: String,
    beats: Arc<Mutex<Vec<Value>>>,
}

impl Watchdog {
    async fn start(
        hello: fn(usize) -> Option<String>,
        answers: impl Fn(usize, u64, &str) -> Vec<String> + Send + Sync + 'static,
    ) -> Watchdog {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let beats: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (came, answers): (_, Arc<Answers>) = (beats.clone(), Arc::new(answers));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (came, answers) = (came.clone(), answers.clone());
                let said = hello(connection);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some(said) = said else { return std::future::pending().await };
                    stream.write_all(format!("{said}\n").as_bytes()).await.unwrap();
                    let mut line = String::new();
                    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                        let beat: Value = serde_json::from_str(&line).unwrap();
                        let n = beat["n"].as_u64().unwrap();
                        came.lock().unwrap().push(beat);
                        for answer in answers(connection, n, &said) {
                            let _ = stream.write_all(format!("{answer}\n").as_bytes()).await;
                        }
                        line.clear();
                    }
                });
            }
        });
        Watchdog { address, beats }
    }

    fn beats(&self) -> Vec<Value> {
        self.beats.lock().unwrap().clone()
    }
}

/// A random word, another one for each connection.
fn hello(connection: usize) -> Option<String> {
    Some(format!("{{\"v\":1,\"hello\":\"{connection:032x}\"}}"))
}

struct Bench {
    notices: mpsc::Receiver<Input>,
    gate: Gate,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bench {
    fn start(address: &str) -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, TOKEN).unwrap();
        let owners = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, owners).unwrap();
        let token = SecretSource::File(path).read().unwrap();
        let (inputs, notices) = mpsc::channel(1_000);
        let gate = Gate::default();
        gate.set(model::TradingState::Active);
        gate.needs_lease();
        let shared = (Pulse::default(), gate.clone());
        let link = Link::new((address.to_owned(), token), 7, shared, inputs);
        Bench { notices, gate, task: tokio::spawn(link.run()) }
    }

    /// The next notice that is so; what comes before it is passed over.
    async fn next(&mut self, so: impl Fn(&WatchdogNotice) -> bool) -> WatchdogNotice {
        let found = async {
            loop {
                match self.notices.recv().await.unwrap() {
                    Input::Watchdog(notice) if so(&notice) => return notice,
                    _ => {}
                }
            }
        };
        timeout(SOON, found).await.unwrap()
    }

    /// Would something that adds risk leave now?
    fn is_open(&self) -> bool {
        let now = clock::now();
        self.gate.holds_back(now, Some(now), true).is_none()
    }
}

fn is_lease(notice: &WatchdogNotice) -> bool {
    matches!(notice, WatchdogNotice::Lease { .. })
}

fn is_forged(notice: &WatchdogNotice) -> bool {
    matches!(notice, WatchdogNotice::Forged { .. })
}

/// A signed answer to this heartbeat.
fn says(n: u64, hello: &str, fields: &str) -> String {
    answer(TOKEN, hello, &format!("\"n\":{n},{fields}"))
}

#[tokio::test]
async fn a_lease_counts_from_when_it_was_asked_for() {
    let watchdog = Watchdog::start(hello, |_, n, hello| vec![says(n, hello, GOOD)]).await;
    let mut bench = Bench::start(&watchdog.address);
    assert!(!bench.is_open(), "none has come yet");
    let before = clock::now();
    let WatchdogNotice::Lease { until, equity } = bench.next(is_lease).await else {
        unreachable!()
    };
    assert!(bench.is_open());
    assert!(until >= before.after(Duration::from_millis(1_000)));
    assert!(until <= clock::now().after(Duration::from_millis(1_000)));
    assert_eq!(equity, Some("10000.5".parse().unwrap()));
    bench.next(is_lease).await;
    let beats = watchdog.beats();
    assert_eq!(beats[0]["n"], (7_u64 << 32) + 1);
    assert_eq!(beats[1]["n"], (7_u64 << 32) + 2);
    assert_eq!((&beats[0]["session"], &beats[0]["v"]), (&7.into(), &1.into()));
}

#[tokio::test]
async fn a_lease_is_never_longer_than_the_death_of_its_giver_is_noticed() {
    let long = GOOD.replace("1000,", "3600000,");
    let watchdog = Watchdog::start(hello, move |_, n, hello| vec![says(n, hello, &long)]).await;
    let mut bench = Bench::start(&watchdog.address);
    let WatchdogNotice::Lease { until, .. } = bench.next(is_lease).await else { unreachable!() };
    assert!(until <= clock::now().after(LEASE_MAX));
}

/// It answers for a while and then no more: the link is made anew, and the lease is over by itself.
#[tokio::test]
async fn a_watchdog_that_falls_silent_is_tried_anew() {
    let answers = |connection, n: u64, hello: &str| match connection {
        0 if n > (7 << 32) + 2 => Vec::new(),
        _ => vec![says(n, hello, GOOD)],
    };
    let watchdog = Watchdog::start(hello, answers).await;
    let mut bench = Bench::start(&watchdog.address);
    bench.next(is_lease).await;
    let silent = bench.next(|notice| matches!(notice, WatchdogNotice::Silent { .. })).await;
    assert_eq!(silent, WatchdogNotice::Silent { cause: "it does not answer".to_owned() });
    assert!(!bench.is_open(), "a lease is as long as the silence that is put up with");
    bench.next(is_lease).await;
    assert!(bench.is_open());
}

#[tokio::test]
async fn nobody_there_and_nothing_said_are_no_lease() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut bench = Bench::start(&address);
    bench.next(|notice| matches!(notice, WatchdogNotice::Silent { .. })).await;
    assert!(!bench.is_open());
    let mute = Watchdog::start(|_| None, |_, _, _| Vec::new()).await;
    let mut bench = Bench::start(&mute.address);
    let silent = bench.next(|notice| matches!(notice, WatchdogNotice::Silent { .. })).await;
    assert_eq!(silent, WatchdogNotice::Silent { cause: "it does not say anything".to_owned() });
    assert!(!bench.is_open());
}

#[tokio::test]
async fn a_halt_closes_the_gate_at_once() {
    let answers = |_, n: u64, hello: &str| {
        let halted = GOOD.replace("false,\"cause\":\"\"", "true,\"cause\":\"drawdown\"");
        vec![says(n, hello, if n == (7 << 32) + 1 { GOOD } else { &halted })]
    };
    let watchdog = Watchdog::start(hello, answers).await;
    let mut bench = Bench::start(&watchdog.address);
    bench.next(is_lease).await;
    let halted = bench.next(|notice| !is_lease(notice)).await;
    assert_eq!(halted, WatchdogNotice::Halted { cause: "drawdown".to_owned() });
    assert!(!bench.is_open());
}

#[tokio::test]
async fn one_that_does_not_see_the_account_gives_nothing() {
    for (fields, why) in [
        (GOOD.replace("\"watching\":true", "\"watching\":false"), "it does not see the account"),
        (GOOD.replace("1000,", "0,"), "it gives none"),
    ] {
        let watchdog =
            Watchdog::start(hello, move |_, n, hello| vec![says(n, hello, &fields)]).await;
        let mut bench = Bench::start(&watchdog.address);
        let withheld = bench.next(|_| true).await;
        assert_eq!(withheld, WatchdogNotice::Withheld { cause: why.to_owned() });
        assert!(!bench.is_open());
    }
}

/// Somebody who does not know the token, one who plays a line twice, and one who plays back what a watchdog
/// said on an earlier connection, its random word and all.
#[tokio::test]
async fn what_is_forged_or_played_back_gives_no_lease() {
    let stranger = |_: usize, n: u64, hello: &str| {
        vec![answer("guessed", hello, &format!("\"n\":{n},{GOOD}"))]
    };
    let watchdog = Watchdog::start(hello, stranger).await;
    let mut bench = Bench::start(&watchdog.address);
    let forged = bench.next(|_| true).await;
    assert_eq!(forged, WatchdogNotice::Forged { what: "a line with a wrong mac".to_owned() });
    assert!(!bench.is_open());

    let twice = |_: usize, n: u64, hello: &str| vec![says(n, hello, GOOD); 2];
    let watchdog = Watchdog::start(hello, twice).await;
    let mut bench = Bench::start(&watchdog.address);
    bench.next(is_lease).await;
    let WatchdogNotice::Forged { what } = bench.next(is_forged).await else { unreachable!() };
    assert!(what.contains("waits for none"), "{what}");

    let recorded: Mutex<Vec<String>> = Mutex::default();
    let plays = move |connection: usize, n: u64, hello: &str| {
        let mut recorded = recorded.lock().unwrap();
        if connection > 0 {
            return std::mem::take(&mut *recorded);
        }
        let line = says(n, hello, GOOD);
        recorded.push(line.clone());
        if recorded.len() < 3 { vec![line] } else { vec![String::new()] }
    };
    let watchdog = Watchdog::start(|_| hello(0), plays).await;
    let mut bench = Bench::start(&watchdog.address);
    for _ in 0..2 {
        bench.next(is_lease).await;
    }
    // The third was never sent: it is as good as fresh, and answers a heartbeat that is not waited for.
    let WatchdogNotice::Forged { what } = bench.next(is_forged).await else { unreachable!() };
    assert!(what.contains("without a mac"), "{what}");
    let next = bench.next(|_| true).await;
    assert!(is_forged(&next), "{next:?}");
}

//! The kill path, as far as it is the gateway's own: KIL-01, KIL-02 and KIL-05, SEC-05, EXS-06 and PRC-04.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use model::{Closing, Ending, Entry, HaltedBy, Record, ResumeStep, TradingState};
use serde_json::{Value, json};

use crate::common::{Gateway, Venue, assert_agrees, plimsoll, stderr};
use crate::stage::{CREATE, Stage, Want, books, count, is_refused, order_of, orders};

/// Latch to all entry orders gone, at a venue that answers (`T_clear`), with the reconnect where there was none.
const CLEARED_MAX: u64 = 5;

fn command(gateway: &Gateway, what: &str, more: &[&str]) -> Output {
    let config = gateway.path("plimsoll.toml");
    let mut args = vec![what, "--config", config.to_str().unwrap(), "--json"];
    args.extend(more);
    plimsoll(&args)
}

fn json_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {}", stderr(output)))
}

fn halt(stage: &Stage) -> Value {
    let output = command(&stage.gateway, "halt", &["--reason", "enough"]);
    assert!(output.status.success(), "{}", stderr(&output));
    json_of(&output)
}

fn resume(gateway: &Gateway, code: Option<&str>) -> (Option<i32>, Value) {
    let more: Vec<&str> = code.map(|code| vec!["--code", code]).unwrap_or_default();
    let output = command(gateway, "resume", &more);
    let shown = if output.stdout.is_empty() { Value::Null } else { json_of(&output) };
    (output.status.code(), shown)
}

fn state(entries: &[Entry]) -> Option<TradingState> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some(*state),
        _ => None,
    })
}

fn refusals(entries: &[Entry], of: ResumeStep) -> usize {
    count(entries, |r| matches!(r, Record::ResumeRefused { step, .. } if *step == of))
}

/// No entry order of the gateway is open at the exchange.
fn is_clear(stage: &Stage) -> bool {
    let state = stage.venue.state();
    !orders(&state).any(|o| o["status"] == "new" || o["status"] == "partially_filled")
}

fn clears(stage: &Stage, within: Duration) -> Duration {
    let since = Instant::now();
    while !is_clear(stage) {
        assert!(since.elapsed() < within, "orders are left: {}", stage.gateway.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    since.elapsed()
}

fn halt_file(gateway: &Gateway) -> PathBuf {
    let files = std::fs::read_dir(gateway.path("state")).unwrap().map(|f| f.unwrap().path());
    let socket = files.into_iter().find(|path| path.extension().is_some_and(|e| e == "sock"));
    socket.unwrap().with_extension("halt")
}

/// KIL-01: a person halts while the agent sends as fast as it can. What is open goes, nothing that adds risk
/// is taken afterwards, what was under way is settled, and the books are the exchange's.
#[test]
fn kil_01_kill_in_a_burst() {
    let mut stage = Stage::open(601);
    stage.fault(json!({"kind": "delay", "route": CREATE, "delay_ms": 5, "delay_max_ms": 150}));
    let burst: Vec<_> = (0..120)
        .map(|n| {
            if n == 60 {
                let said = halt(&stage);
                assert_eq!(said["halted"], true, "{said}");
                assert_eq!(said["asked"][0]["who"], "gateway");
                assert_eq!(said["trading"]["state"], "halted");
            }
            std::thread::sleep(Duration::from_millis(5));
            stage.place(Want::BuyLow)
        })
        .collect();
    let took = clears(&stage, Duration::from_secs(2));
    println!("clear {} ms after the burst", took.as_millis());
    stage.until(10, "all are decided", |entries| {
        let books = books(entries);
        let done =
            |i| is_refused(entries, i) || order_of(&books, i).is_some_and(|o| o.state.is_done());
        burst.iter().all(|intent| done(*intent))
    });
    let entries = stage.gateway.entries();
    let halted = |e: &Entry| {
        matches!(
            e.record,
            Record::Trading { state: TradingState::Halted, by: Some(HaltedBy::Person), .. }
        )
    };
    let at = entries.iter().position(halted).unwrap();
    let prepared = |r: &Record| matches!(r, Record::Prepared { .. });
    assert_eq!(count(&entries[at..], prepared), 0, "nothing is let through after the halt");
    assert!(count(&entries[..at], prepared) > 0);
    assert_eq!(books(&entries).open_count(), 0);
    assert!(is_clear(&stage));
    stage.one_order_per_intent();
}

/// KIL-01, with executions: half of the burst takes from the book. What executes although it was halted is adopted;
/// nothing is accepted by the exchange after the halt and the time that an order is valid; in the end all books are
/// the exchange's.
#[test]
fn kil_01_kill_in_a_burst_that_executes() {
    const VALID_MS: i64 = 2_000;
    let mut stage = Stage::open(611);
    stage.fault(json!({"kind": "delay", "route": CREATE, "delay_ms": 5, "delay_max_ms": 400}));
    let mut halted_ms = 0;
    let burst: Vec<_> = (0..100)
        .map(|n| {
            if n == 50 {
                halted_ms = stage.venue.state()["now"].as_i64().unwrap();
                assert_eq!(halt(&stage)["halted"], true);
            }
            std::thread::sleep(Duration::from_millis(4));
            stage.place(if n % 2 == 0 { Want::BuyNow } else { Want::BuyLow })
        })
        .collect();
    clears(&stage, Duration::from_secs(5));
    stage.until(10, "all are decided", |entries| {
        let books = books(entries);
        burst.iter().all(|i| {
            is_refused(entries, *i) || order_of(&books, *i).is_some_and(|o| o.state.is_done())
        })
    });
    let told = |stage: &Stage| stage.venue.state()["fills"].as_array().unwrap().len();
    let counted = |r: &Record| matches!(r, Record::Filled { .. });
    let all = told(&stage);
    stage.until(10, "every execution is counted", |entries| count(entries, counted) == all);
    // By a comparison that began after all that.
    let seen = stage.gateway.entries().len();
    let compared = |r: &Record| matches!(r, Record::Reconciled { .. });
    stage.until(10, "compared", |entries| count(&entries[seen..], compared) >= 2);
    assert_agrees(&stage.gateway, &stage.venue);
    let state = stage.venue.state();
    let late = orders(&state).map(|o| o["created"].as_i64().unwrap() - halted_ms).max().unwrap();
    let fills = state["fills"].as_array().unwrap();
    let after = fills.iter().filter(|f| f["time"].as_i64().unwrap() > halted_ms).count();
    println!(
        "{} executions, {after} after the halt; the last order {late} ms after it",
        fills.len()
    );
    assert!(late <= VALID_MS, "{late}");
    assert!(all > 0);
    stage.one_order_per_intent();
}

/// KIL-02: a person halts while the exchange is away. The halt holds, cancels are sent again, and entries are
/// gone soon after it is back; nothing that adds risk is sent in between or afterwards.
#[test]
fn kil_02_kill_during_an_outage() {
    let mut stage = Stage::open(602);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    let before = stage.requests(CREATE);
    let (bid, _) = stage.touch();
    let low = json!({"type": "limit", "price": format!("{:.2}", bid * 0.99)});
    stage.fault(json!({"kind": "outage", "for": "5s"}));
    let relief = Instant::now() + Duration::from_secs(5);
    stage.until(4, "it is seen", |entries| state(entries) == Some(TradingState::Starting));
    halt(&stage);
    while Instant::now() + Duration::from_millis(600) < relief {
        let wanted = stage.place_as("buy", &low, "gtc");
        stage.until(5, "refused", |entries| is_refused(entries, wanted));
        std::thread::sleep(Duration::from_millis(300));
    }
    std::thread::sleep(
        relief.saturating_duration_since(Instant::now()) + Duration::from_millis(50),
    );
    let took = clears(&stage, Duration::from_secs(CLEARED_MAX));
    println!("clear {} ms after the relief", took.as_millis());
    assert_eq!(stage.requests(CREATE), before);
    assert_eq!(stage.done(10, resting).ending(), Some(Ending::Canceled));
}

/// KIL-05: an agent halts everything. One step lifts nothing, nor does a script that answers both at once, nor
/// a code that is not the one; two steps with half a minute between them do, into a quarter of the limits,
/// and a kill of the gateway does not end that.
#[test]
fn kil_05_careless_reset() {
    let mut stage = Stage::open(605);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    stage.want(&json!("halt"));
    stage.until(5, "it halts", |entries| state(entries) == Some(TradingState::Halted));
    clears(&stage, Duration::from_secs(CLEARED_MAX));
    let first = |stage: &mut Stage| {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let (exit, shown) = resume(&stage.gateway, None);
            if exit == Some(0) {
                assert_eq!(shown["by"], "agent", "{shown}");
                return shown["code"].as_str().unwrap().to_owned();
            }
            // Not yet at its door, or not yet compared.
            assert!(matches!(exit, Some(1 | 3)), "{shown}");
            assert!(Instant::now() < end, "{shown}");
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    let code = first(&mut stage);
    let (exit, shown) = resume(&stage.gateway, Some(&code));
    assert_eq!((exit, &shown["resumed"]), (Some(3), &json!(false)), "a script: {shown}");
    let second = first(&mut stage);
    assert_ne!(second, code);
    std::thread::sleep(Duration::from_secs(31));
    let (exit, shown) = resume(&stage.gateway, Some(&second));
    assert_eq!((exit, &shown["resumed"]), (Some(0), &json!(true)), "{shown}");
    stage.until(10, "probation", |entries| state(entries) == Some(TradingState::Throttled));
    let (bid, _) = stage.touch();
    let kind = json!({"type": "limit", "price": format!("{:.2}", bid * 0.99)});
    // The limit on one order is 0.05.
    let large = stage.place_of("buy", &kind, "0.0126");
    stage.until(5, "refused", |entries| is_refused(entries, large));
    let small = stage.place_of("buy", &kind, "0.0125");
    stage.working(small);
    stage.gateway.process = None;
    stage.start_again();
    let starts = |entries: &[Entry]| count(entries, |r| matches!(r, Record::Started { .. }));
    stage.until(20, "probation goes on", |entries| {
        starts(entries) == 2 && state(entries) == Some(TradingState::Throttled)
    });
    let entries = stage.gateway.entries();
    assert_eq!(count(&entries, |r| matches!(r, Record::Resumed { .. })), 1);
    assert_eq!(refusals(&entries, ResumeStep::Second), 1);
    let text = serde_json::to_string(&entries).unwrap() + &stage.gateway.log();
    assert!(
        !text.contains(&code) && !text.contains(&second),
        "the code is in no record and no log"
    );
}

/// KIL-05, a cause that is another one by then: somebody halts again between the steps, and the code, which was
/// good for the first halt, lifts nothing.
#[test]
fn kil_05_another_halt_between_the_steps() {
    let mut stage = Stage::open(612);
    halt(&stage);
    stage.until(5, "it halts", |entries| state(entries) == Some(TradingState::Halted));
    let end = Instant::now() + Duration::from_secs(20);
    let code = loop {
        let (exit, shown) = resume(&stage.gateway, None);
        if exit == Some(0) {
            break shown["code"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < end, "{shown}");
        std::thread::sleep(Duration::from_millis(500));
    };
    halt(&stage);
    std::thread::sleep(Duration::from_secs(31));
    let (exit, shown) = resume(&stage.gateway, Some(&code));
    assert_eq!((exit, &shown["resumed"]), (Some(3), &json!(false)), "{shown}");
    let entries = stage.gateway.entries();
    assert_eq!(count(&entries, |r| matches!(r, Record::Resumed { .. })), 0);
    assert_eq!(state(&entries), Some(TradingState::Halted));
}

/// SEC-05: a second step without a first one, a code of a life before, guesses one after the other, and words
/// that nobody knows: nothing of it lifts a halt, and each try is in the journal.
#[test]
fn sec_05_forged_control() {
    let mut stage = Stage::open(606);
    halt(&stage);
    stage.until(5, "it halts", |entries| state(entries) == Some(TradingState::Halted));
    let (exit, shown) = resume(&stage.gateway, Some("7K3P9QXM2ABC"));
    assert_eq!(exit, Some(3), "{shown}");
    assert!(shown["refused"][0].as_str().unwrap().contains("no first step"), "{shown}");
    let (exit, shown) = resume(&stage.gateway, None);
    assert_eq!(exit, Some(0), "{shown}");
    let code = shown["code"].as_str().unwrap().to_owned();
    stage.gateway.process = None;
    stage.start_again();
    stage.until(20, "it is up", |entries| {
        count(entries, |r| matches!(r, Record::Started { .. })) == 2
            && state(entries) == Some(TradingState::Halted)
    });
    let end = Instant::now() + Duration::from_secs(20);
    let (exit, shown) = loop {
        let tried = resume(&stage.gateway, Some(&code));
        // It opens its door a moment after its first record.
        if tried.0 != Some(1) || Instant::now() > end {
            break tried;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(exit, Some(3), "a restart knows no code: {shown}");
    for guess in 0..20 {
        let (exit, _) = resume(&stage.gateway, Some(&format!("GUESS{guess}")));
        assert!(matches!(exit, Some(3 | 1)), "{exit:?}");
    }
    let (exit, _) = resume(&stage.gateway, None);
    assert_eq!(exit, Some(1), "too many tries in a minute");
    let entries = stage.gateway.entries();
    // One before the restart; ten in a minute after it.
    assert_eq!(refusals(&entries, ResumeStep::Second), 1 + 10);
    assert_eq!(count(&entries, |r| matches!(r, Record::Resumed { .. })), 0);
    assert_eq!(state(&entries), Some(TradingState::Halted));
    assert!(stage.gateway.log().contains("resume refused"), "{}", stage.gateway.log());
}

/// The latch without a gateway to answer: the file is there before it starts, or while it hangs. To remove it
/// lifts nothing, and `kill -9` neither.
#[test]
fn the_halt_file_halts_what_runs_and_what_starts() {
    let mut stage = Stage::open(607);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    let file = halt_file(&stage.gateway);
    // Stopped it answers nobody.
    stage.gateway.signal("-STOP");
    let said = halt(&stage);
    assert_eq!(
        (&said["asked"][0]["done"], &said["asked"][1]["who"]),
        (&json!(false), &json!("halt_file"))
    );
    assert!(file.exists());
    stage.gateway.signal("-CONT");
    stage.until(5, "it halts", |entries| state(entries) == Some(TradingState::Halted));
    clears(&stage, Duration::from_secs(CLEARED_MAX));
    std::fs::remove_file(&file).unwrap();
    stage.gateway.process = None;
    stage.start_again();
    stage.until(20, "it is still halted", |entries| {
        count(entries, |r| matches!(r, Record::Started { .. })) == 2
            && state(entries) == Some(TradingState::Halted)
    });

    // One that starts: it is halted before anything is sent.
    let venue = Venue::start(&["--market", "synthetic:608"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let output = command(&gateway, "halt", &["--reason", "not today"]);
    assert!(output.status.success(), "{}", stderr(&output));
    gateway.start();
    gateway.wait(20, "it halts", |entries| state(entries) == Some(TradingState::Halted));
    let entries = gateway.entries();
    let active = |r: &Record| matches!(r, Record::Trading { state: TradingState::Active, .. });
    assert_eq!(count(&entries, active), 0);
    let why = books(&entries).halted().unwrap().to_owned();
    assert!(why.starts_with("not today"), "{why}");
}

/// What a flatten has said of the position so far.
fn closings(entries: &[Entry]) -> Vec<Closing> {
    let closing = |entry: &Entry| match &entry.record {
        Record::Flatten { closing, .. } => Some(closing.clone()),
        _ => None,
    };
    entries.iter().filter_map(closing).collect()
}

fn is_over(closings: &[Closing]) -> bool {
    matches!(closings.last(), Some(Closing::Flat | Closing::Dust(_)))
}

/// EXS-06, PRC-04: all bids are gone when a person wants it flat. It is held and said; when they are back the
/// position is closed in limit orders within the collar, down to what fees have made too little to be sold.
#[test]
fn exs_06_flatten_into_an_empty_side() {
    let venue = Venue::holding("10000 USDT", &["--market", "synthetic:609"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let mut stage = Stage::between(venue, gateway, |_, _| {});
    for _ in 0..2 {
        let bought = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    }
    let asked = command(&stage.gateway, "flatten", &[]);
    assert_eq!(asked.status.code(), Some(3), "it asks first");
    assert_eq!(json_of(&asked)["positions"]["BTC-USDT"], "0.002");
    stage.fault(json!({"kind": "book_empty", "side": "bids"}));
    std::thread::sleep(Duration::from_millis(500));
    let done = command(&stage.gateway, "flatten", &["--yes"]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert_eq!(json_of(&done)["trading"]["state"], "flattening");
    stage.until(10, "it is held", |entries| {
        closings(entries).iter().any(|closing| matches!(closing, Closing::Held(_)))
    });
    std::thread::sleep(Duration::from_secs(2));
    let own =
        |r: &Record| matches!(r, Record::Prepared { agent, .. } if agent.as_str() == "plimsoll");
    assert_eq!(count(&stage.gateway.entries(), own), 0, "nothing is sold into it");
    stage.heal();
    stage.until(30, "it is flat but for dust", |entries| is_over(&closings(entries)));
    let entries = stage.gateway.entries();
    assert!(
        matches!(closings(&entries).last(), Some(Closing::Dust(_))),
        "{:?}",
        closings(&entries)
    );
    let left = books(&entries).exposure("BTC-USDT".parse().unwrap()).position;
    assert_eq!(left.to_string(), "0.00001", "the fee took 0.000002 of 0.002");
    for entry in &entries {
        if let Record::Prepared { agent, order, .. } = &entry.record
            && agent.as_str() == "plimsoll"
        {
            assert!(order.kind.price().is_some() && order.reduce_only, "{order:?}");
        }
    }
    // It ends in a stable state: nothing more is tried, and it stays halted.
    let before = stage.requests(CREATE);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(stage.requests(CREATE), before);
    assert_eq!(state(&stage.gateway.entries()), Some(TradingState::Flattening));
}

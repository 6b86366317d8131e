//! Orders made durable a second: two records each (the decision and the order), group commit on
//! each store, many in flight; and how long one alone takes, beside a bare flush of the same disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use journal::{Address, JournalHandle, JournalWriter};
use model::{Action, Entry, Intent, IntentId, Record};

use crate::samples::{agent, at, checks, new_order, order, parse, seen};
use crate::table::{Latencies, Row, per_second};

const THREADS: usize = 4;
/// Orders that are under way at one time, of all threads.
const IN_FLIGHT: usize = 1_024;
const ORDERS: usize = 20_000;
const ALONE: usize = 300;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    // On the disk that the build is on: a temporary directory may be in memory.
    let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let sqlite = Address::Sqlite(directory.path().join("bench.db"));
    let mut rows = measure(
        &sqlite,
        "durable orders (group commit, SQLite)",
        "one durable order alone, median",
        [">= 20000", "<= one flush + 200"],
    )?;
    let mut bare = Latencies::new();
    let mut file = File::create(directory.path().join("bare"))?;
    for _ in 0..ALONE {
        file.write_all(&[7; 4_096])?;
        bare.time(|| file.sync_data())?;
    }
    rows.push(micros("a bare flush of 4 KiB, median", bare.at(0.5), ""));
    // Servers on this machine, with their data in the system's temporary directory.
    if let Some(server) = servers::postgres("durable orders a second") {
        rows.extend(measure(
            &address(&server.url())?,
            "durable orders (group commit, PostgreSQL)",
            "one durable order alone on PostgreSQL, median",
            ["", ""],
        )?);
    }
    if let Some(server) = servers::redis("durable orders a second") {
        rows.extend(measure(
            &address(&server.url())?,
            "durable orders (group commit, Redis)",
            "one durable order alone on Redis, median",
            ["", ""],
        )?);
    }
    Ok(rows)
}

fn address(url: &str) -> anyhow::Result<Address> {
    Address::parse(url, Path::new(".")).map_err(anyhow::Error::msg)
}

fn micros(what: &'static str, measured: f64, target: &'static str) -> Row {
    Row { what, measured: measured / 1_000.0, unit: "µs", target, peer: "" }
}

/// Many at once, and one after the other.
fn measure(
    store: &Address,
    many_at_once: &'static str,
    one_alone: &'static str,
    targets: [&'static str; 2],
) -> anyhow::Result<Vec<Row>> {
    let storage = store.open(Box::new(|_, _| {}))?;
    let writer = JournalWriter::spawn(storage)?;
    let rate = per_second(|| {
        let start = Instant::now();
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let handle = writer.handle();
                std::thread::spawn(move || many(&handle, thread))
            })
            .collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
        (ORDERS as u64, start.elapsed())
    });
    let mut alone = Latencies::new();
    for number in 0..ALONE {
        alone.time(|| writer.handle().append_wait(records(number)))?;
    }
    let [rate_target, alone_target] = targets;
    Ok(vec![
        Row { what: many_at_once, measured: rate, unit: "orders/s", target: rate_target, peer: "" },
        micros(one_alone, alone.at(0.5), alone_target),
    ])
}

fn many(handle: &JournalHandle, thread: usize) {
    let window = IN_FLIGHT / THREADS;
    let (tell, told) = sync_channel(window);
    let tell = Arc::new(tell);
    let mut under_way = 0;
    for number in 0..ORDERS / THREADS {
        if under_way == window {
            let _ = told.recv_timeout(Duration::from_secs(10));
            under_way -= 1;
        }
        let tell = Arc::clone(&tell);
        handle.append(records(thread * ORDERS + number), move |written| {
            assert!(written.is_ok(), "{written:?}");
            let _ = tell.send(());
        });
        under_way += 1;
    }
    for _ in 0..under_way {
        let _ = told.recv_timeout(Duration::from_secs(10));
    }
}

/// What is written before an order is sent.
pub(crate) fn records(number: usize) -> Vec<Entry> {
    let new = new_order(&format!("bench-1-{number}"));
    let intent = Intent {
        id: IntentId(number as u64),
        agent: agent(),
        action: Action::Place(order()),
        reason: "fast EMA 60012.5 crossed above slow EMA 60010.1".to_owned(),
        expires: at(2_000),
    };
    let decided = Record::Decided {
        intent,
        position: parse("0.05"),
        reference: Some(parse("60000")),
        limits: None,
        seen: Some(seen()),
    };
    let prepared = Record::Prepared {
        agent: agent(),
        intent: IntentId(number as u64),
        order: new,
        worst_price: parse("59990"),
        limits: None,
        checks: checks(),
    };
    [decided, prepared].map(|record| Entry { at: at(1), record }).into()
}

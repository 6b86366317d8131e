//! How long a start takes to read its journal: the check of all of it, the newest snapshot, and the fold
//! of the entries behind it, as many as there are at most when a gateway is killed. And how long a
//! snapshot takes to make, which nobody waits for, and to store in pieces, for one of which writes wait.

use std::path::Path;
use std::time::Instant;

use journal::{Fold as _, SNAPSHOT_EVERY, Snapshot, Sqlite, Storage as _};
use model::{
    Action, Ending, Entry, Fill, Intent, IntentId, Liquidity, Record, Side, TradeId, VenueOrderId,
};
use runtime::state::State;

use crate::samples::{agent, at, checks, id, new_order, order, parse, seen};
use crate::table::Row;

/// Entries that one transaction writes.
const BATCH: u64 = 2_000;
/// Entries of one order.
const OF_AN_ORDER: u64 = 5;
/// Starts of which the median counts.
const STARTS: usize = 3;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    // On the disk that the build is on: a temporary directory may be in memory.
    let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let mut rows = Vec::new();
    let mut last = Written::default();
    for (what, count, target) in [
        ("restart with 10^4 records, no snapshot yet", 10_000, ""),
        ("restart with 10^5 records", 100_000, ""),
        ("restart with 10^6 records", 1_000_000, "<= 5"),
    ] {
        let path = directory.path().join(format!("{count}.db"));
        last = write(&path, count)?;
        let mut starts = (0..STARTS).map(|_| read(&path, count)).collect::<Result<Vec<_>, _>>()?;
        starts.sort_by(f64::total_cmp);
        rows.push(row(what, starts[STARTS / 2], "s", target));
    }
    rows.push(row("snapshot of 10^6 records, size", last.bytes as f64 / 1e6, "MB", ""));
    rows.push(row("snapshot of 10^6 records, to make", last.made_s * 1e3, "ms", ""));
    rows.push(row("snapshot of 10^6 records, to store", last.stored_s * 1e3, "ms", ""));
    rows.push(row("longest piece, which writes wait for", last.piece_s * 1e3, "ms", ""));
    Ok(rows)
}

fn row(what: &'static str, measured: f64, unit: &'static str, target: &'static str) -> Row {
    Row { what, measured, unit, target, peer: "" }
}

/// The last snapshot that was made.
#[derive(Default)]
struct Written {
    bytes: usize,
    made_s: f64,
    stored_s: f64,
    piece_s: f64,
}

/// Writes a journal of so many entries, with the snapshots of a gateway that is killed right before it
/// makes another one.
fn write(path: &Path, count: u64) -> anyhow::Result<Written> {
    let mut storage = Sqlite::open(path)?;
    let mut state = State::default();
    let mut written = Written::default();
    let mut last = 0;
    while last < count {
        let batch: Vec<Entry> = (last..last + BATCH).map(entry).collect();
        last = storage.append(&batch)?;
        batch.iter().for_each(|entry| state.add(entry));
        if last % SNAPSHOT_EVERY == 0 && last < count {
            let start = Instant::now();
            let snapshot = Snapshot { seq: last, format: state.format(), body: state.body() };
            written.made_s = start.elapsed().as_secs_f64();
            (written.stored_s, written.piece_s, written.bytes) = (0.0, 0.0, 0);
            while written.bytes < snapshot.body.len() {
                let start = Instant::now();
                written.bytes = storage.keep_piece(&snapshot, written.bytes)?;
                let took = start.elapsed().as_secs_f64();
                written.stored_s += took;
                written.piece_s = took.max(written.piece_s);
            }
        }
    }
    Ok(written)
}

/// What a start does with it, in seconds.
fn read(path: &Path, count: u64) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut storage = Sqlite::open(path)?;
    let restored = State::take_up(&mut storage)?;
    let took = start.elapsed().as_secs_f64();
    anyhow::ensure!(restored.last == count, "{} of {count} entries", restored.last);
    Ok(took)
}

/// The entry behind so many: orders that are decided, sent, taken, executed and over, one by one.
fn entry(before: u64) -> Entry {
    let number = before / OF_AN_ORDER;
    let new = new_order(&format!("bench-0abcd-1-{number}"));
    let client_order_id = new.client_order_id;
    let venue_order_id = VenueOrderId::from_number(number);
    let millis = i64::try_from(before).unwrap_or(i64::MAX);
    let record = match before % OF_AN_ORDER {
        0 => {
            let intent = Intent {
                id: IntentId(number),
                agent: agent(),
                action: Action::Place(order()),
                reason: "fast EMA 60012.5 crossed above slow EMA 60010.1".to_owned(),
                expires: at(2_000),
            };
            Record::Decided {
                intent,
                position: parse("0.05"),
                reference: Some(parse("60000")),
                limits: None,
                seen: Some(seen()),
            }
        }
        1 => Record::Prepared {
            agent: agent(),
            intent: IntentId(number),
            order: new,
            worst_price: parse("59990"),
            limits: None,
            checks: checks(),
        },
        2 => Record::Accepted { client_order_id, venue_order_id, venue_time: at(millis) },
        3 => {
            let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
            let fill = Fill {
                trade_id: TradeId::from_number(number),
                venue_order_id,
                client_order_id: Some(client_order_id),
                instrument: id(),
                side,
                price: parse("60000"),
                qty: parse("0.01"),
                fee: None,
                liquidity: Liquidity::Taker,
                venue_time: at(millis),
            };
            Record::Filled { client_order_id: Some(client_order_id), fill, late: false }
        }
        _ => Record::Ended { client_order_id, ending: Ending::Filled, lost: false, cause: None },
    };
    Entry { at: at(millis), record }
}

//! How long questions take of a journal of a million entries: the tables made once, brought up to date again, each
//! report, and the story of one order. Each figure is what a command does after its start: open the journal, see
//! that the tables fit it and follow what is new, and answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use journal::{Address, Sqlite, Storage as _};
use model::{
    Action, Asked, Balance, Ending, Entry, Fee, FeedHealth, Fill, Intent, IntentId, Link,
    Liquidity, Record, Refusal, Side, TradeId, VenueOrderId,
};
use views::report::{self, Of};
use views::{Bounds, Views};

use crate::samples::{agent, at, checks, id, new_order, order, parse, seen};
use crate::table::Row;

const RECORDS: u64 = 1_000_000;
/// Entries that one transaction writes.
const BATCH: u64 = 2_000;
/// Entries of one order.
const OF_AN_ORDER: u64 = 7;
/// Orders from one refusal to the next, and from one outage to the next.
const REFUSED_EVERY: u64 = 40;
const OUTAGE_EVERY: u64 = 5_000;
/// How often each report is made, and stories that are told.
const REPORTS: usize = 3;
const STORIES: u64 = 200;
/// Entries that are new when the tables are brought up to date again.
const NEW: u64 = 1_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    // On the disk that the build is on: a temporary directory may be in memory.
    let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let path = directory.path().join("plimsoll.db");
    let mut store = Sqlite::open(&path)?;
    write(&mut store, 0, RECORDS)?;
    let address = Address::Sqlite(path);
    let open = || Views::open(&address, directory.path(), &mut |_, _| {});
    let mut rows = Vec::new();

    let start = Instant::now();
    let views = open()?;
    rows.push(row("10^6 records into tables, once", start.elapsed().as_secs_f64(), "s", ""));
    anyhow::ensure!(views.last() >= RECORDS, "{} of {RECORDS} records", views.last());
    rows.push(row("size of the tables", size(views.path())? / 1e6, "MB", ""));
    drop(views);
    write(&mut store, RECORDS, NEW)?;
    let start = Instant::now();
    drop(open()?);
    rows.push(row("1000 records more", start.elapsed().as_secs_f64() * 1e3, "ms", ""));

    for (name, _) in report::list() {
        let mut took = Vec::new();
        for _ in 0..REPORTS {
            let start = Instant::now();
            let report = report::make(&open()?, name, &Of { rows: 50, ..Of::default() })?;
            let text = report.text();
            took.push(start.elapsed().as_secs_f64() * 1e3);
            anyhow::ensure!(text.len() > 100, "{name}: {text}");
        }
        took.sort_by(f64::total_cmp);
        rows.push(row(of_report(name), took[REPORTS / 2], "ms", "<= 1000"));
    }
    let mut times = Histogram::<u64>::new(3)?;
    for number in 0..STORIES {
        let name = name(number * (RECORDS / OF_AN_ORDER / STORIES));
        let start = Instant::now();
        let story = open()?.why(&name)?;
        anyhow::ensure!(story.lines.len() >= 6, "{}", story.text());
        times.record(u64::try_from(start.elapsed().as_micros())?)?;
    }
    let millis = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
    rows.push(row("why, median", millis(0.5), "ms", "<= 50"));
    rows.push(row("why, p99", millis(0.99), "ms", "<= 50"));

    let sql =
        "SELECT agent, instrument, side, count(*), sum_exact(notional), sum_exact(pnl) FROM fills
               WHERE price > 59000 GROUP BY 1, 2, 3";
    let start = Instant::now();
    let bounds = Bounds { timeout: Duration::from_secs(60), rows: 1_000 };
    anyhow::ensure!(open()?.query(sql, bounds)?.rows.len() == 2, "buys and sells");
    rows.push(row("SQL over all fills", start.elapsed().as_secs_f64() * 1e3, "ms", ""));
    Ok(rows)
}

/// The name of its row: what a benchmark prints has to live as long as the program.
fn of_report(name: &str) -> &'static str {
    const ROWS: [(&str, &str); 9] = [
        ("losses", "report losses"),
        ("pnl", "report pnl"),
        ("positions", "report positions"),
        ("reconnects", "report reconnects"),
        ("insufficient-balance", "report insufficient-balance"),
        ("slippage", "report slippage"),
        ("latency", "report latency"),
        ("uptime", "report uptime"),
        ("budget", "report budget"),
    ];
    ROWS.iter().find(|(known, _)| *known == name).map_or("another report", |(_, row)| row)
}

fn row(what: &'static str, measured: f64, unit: &'static str, target: &'static str) -> Row {
    Row { what, measured, unit, target, peer: "" }
}

fn size(path: &Path) -> anyhow::Result<f64> {
    Ok(std::fs::metadata(path)?.len() as f64)
}

fn name(number: u64) -> String {
    format!("bench-0abcd-1-{number}")
}

fn write(store: &mut Sqlite, from: u64, count: u64) -> anyhow::Result<()> {
    let mut batch = Vec::with_capacity(usize::try_from(BATCH)? + 8);
    for number in from..from + count {
        entries(number, &mut batch);
        if batch.len() as u64 >= BATCH {
            store.append(&batch)?;
            batch.clear();
        }
    }
    store.append(&batch)?;
    Ok(())
}

/// The entry behind so many: orders that are decided, sent, answered, taken, executed and over, one by one; now and
/// then a refusal or an outage besides.
fn entries(before: u64, batch: &mut Vec<Entry>) {
    let number = before / OF_AN_ORDER;
    let millis = i64::try_from(before * 20).unwrap_or(i64::MAX);
    let mut push = |record: Record| batch.push(Entry { at: at(millis), record });
    let new = new_order(&name(number));
    let client_order_id = new.client_order_id;
    let venue_order_id = VenueOrderId::from_number(number);
    let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    match before % OF_AN_ORDER {
        0 => {
            if before == 0 {
                push(Record::Started {
                    session: 1,
                    version: "bench".to_owned(),
                    config: String::new(),
                    paper: false,
                });
            }
            if number.is_multiple_of(OUTAGE_EVERY) {
                outage(&mut push);
            }
            if number.is_multiple_of(REFUSED_EVERY) {
                let of = 1_000_000_000 + number;
                push(decided(of));
                push(Record::Refused {
                    agent: agent(),
                    intent: IntentId(of),
                    because: Refusal::Balance { needed: parse("600"), available: parse("512.5") },
                    checks: checks(),
                });
            }
            push(decided(number));
        }
        1 => push(Record::Prepared {
            agent: agent(),
            intent: IntentId(number),
            order: model::NewOrder { side, ..new },
            worst_price: parse("59990"),
            limits: None,
            checks: checks(),
        }),
        2 => push(Record::Answered {
            client_order_id,
            asked: Asked::Place,
            durable: Some(at(millis)),
            left: Some(at(millis)),
            came: at(millis + 3),
            outcome: "done".to_owned(),
        }),
        3 => push(Record::Accepted { client_order_id, venue_order_id, venue_time: at(millis) }),
        4 => {
            let fill = Fill {
                trade_id: TradeId::from_number(number + 500_000_000),
                venue_order_id,
                client_order_id: Some(client_order_id),
                instrument: id(),
                side,
                price: parse(if number.is_multiple_of(3) { "60001.25" } else { "59999.5" }),
                qty: parse("0.01"),
                fee: Some(Fee { asset: parse("USDT"), amount: parse("0.5999") }),
                liquidity: Liquidity::Maker,
                venue_time: at(millis),
            };
            let late = number.is_multiple_of(OUTAGE_EVERY);
            push(Record::Filled { client_order_id: Some(client_order_id), fill, late });
        }
        5 => {
            let held = |free: &str| Balance { free: parse(free), locked: parse("0") };
            let balances =
                BTreeMap::from([(parse("USDT"), held("40000.5")), (parse("BTC"), held("1.01"))]);
            push(Record::Balances { balances, venue_time: at(millis), partial: true });
        }
        _ => push(Record::Ended {
            client_order_id,
            ending: Ending::Filled,
            lost: false,
            cause: None,
        }),
    }
}

fn decided(number: u64) -> Record {
    let intent = Intent {
        id: IntentId(number),
        agent: agent(),
        action: Action::Place(order()),
        reason: format!("fast EMA {} crossed above slow EMA 60010.1", 60_000 + number % 50),
        expires: at(2_000),
    };
    let (position, reference) = (parse("0.05"), Some(parse("60000")));
    Record::Decided { intent, position, reference, limits: None, seen: Some(seen()) }
}

fn outage(push: &mut impl FnMut(Record)) {
    for (link, up) in [
        (Link::Account, true),
        (Link::Market, true),
        (Link::Account, false),
        (Link::Market, false),
        (Link::Account, true),
        (Link::Market, true),
    ] {
        let cause = if up { "connected" } else { "connection reset by peer" };
        push(Record::Link { link, up, cause: cause.to_owned() });
    }
    for health in [FeedHealth::Down, FeedHealth::Resyncing, FeedHealth::Live] {
        push(Record::Feed { instrument: id(), health });
    }
    push(Record::BudgetWait {
        limiter: "request weight per 1m".to_owned(),
        wait: Duration::from_millis(800),
        requests: 3,
    });
}

//! The rate budget: one decision by itself, and one by way of the file that processes share.

use ::budget::{Answer, Budget, Charge, Counted, Keys, Priority, Shares, Usage, binance};
use runtime::budget::{HostBudget, Of};
use runtime::config::VenueKind;

use crate::samples::at;
use crate::table::{Latencies, Row};

const DECISIONS: i64 = 200_000;
const SHARED: u32 = 5_000;
/// Between two orders, so that every one fits.
const STEP_MS: i64 = 300;

/// What an answer tells.
const USED: [Usage; 3] = [
    Usage { counts: Counted::Weight, window_ms: binance::MINUTE_MS, used: 100 },
    Usage { counts: Counted::Order, window_ms: 10_000, used: 5 },
    Usage { counts: Counted::Order, window_ms: 86_400_000, used: 500 },
];

fn place(keys: Keys) -> Charge {
    binance::charge(1, true, keys)
}

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mut rows = pure()?;
    rows.extend(shared()?);
    Ok(rows)
}

fn pure() -> anyhow::Result<Vec<Row>> {
    let mut budget = Budget::new(&binance::RULES, Shares::default());
    let charge = place(Keys { account: 7, ..Keys::default() });
    let (mut asks, mut settles, mut clock) = (Latencies::new(), Latencies::new(), Latencies::new());
    for _ in 0..DECISIONS {
        clock.time(|| std::hint::black_box(()));
    }
    // Reading the clock twice is part of each time and no part of the work.
    let own = clock.at(0.5);
    for number in 0..DECISIONS {
        let now = at(number * STEP_MS);
        let answer = asks.time(|| budget.ask(now, Priority::Order, &charge));
        let Answer::Granted(grant) = answer else { anyhow::bail!("{answer:?}") };
        settles.time(|| budget.settle(now, &grant, &[(Counted::Weight, 1)], &USED));
    }
    let row = |what, measured: f64, target| Row {
        what,
        measured: (measured - own).max(0.0),
        unit: "ns",
        target,
        peer: "",
    };
    Ok(vec![
        row("budget decision (ns), an order at Binance, median", asks.at(0.5), "<= 200"),
        row("budget decision (ns), an order at Binance, p99", asks.at(0.99), ""),
        row("budget: settling the answer, median", settles.at(0.5), ""),
    ])
}

/// As the gateway asks: lock, read, decide, write, unlock. Alone, and with another one in between,
/// so that the file must be understood each time.
fn shared() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let directory = tempfile::tempdir()?;
    let (venue, shares) = (VenueKind::of(&venues::binance::VENUE), Shares::default());
    let of = Of { venue, address: "bench", account: "key", shares };
    let open = || HostBudget::open(directory.path(), &of, None);
    let (one, other) = (open()?, open()?);
    let (mut alone, mut shared) = (Latencies::new(), Latencies::new());
    let ask = |budget: &HostBudget, latencies: Option<&mut Latencies>| {
        let charge = binance::charge(1, false, budget.keys());
        let start = std::time::Instant::now();
        let answer = runtime.block_on(budget.ask(Priority::Kill, &charge));
        let took = start.elapsed();
        let Answer::Granted(grant) = answer else { anyhow::bail!("{answer:?}") };
        if let Some(latencies) = latencies {
            latencies.add(took);
        }
        runtime.block_on(budget.give_back(&grant));
        Ok(())
    };
    for _ in 0..SHARED {
        ask(&one, Some(&mut alone))?;
    }
    for _ in 0..SHARED {
        ask(&other, None)?;
        ask(&one, Some(&mut shared))?;
    }
    drop((one, other));
    let row = |what, nanos: f64| Row {
        what,
        measured: nanos / 1_000.0,
        unit: "µs",
        target: "",
        peer: "",
    };
    Ok(vec![
        row("budget by its file, alone, median", alone.at(0.5)),
        row("budget by its file, alone, p99", alone.at(0.99)),
        row("budget by its file, another in between, median", shared.at(0.5)),
        row("budget by its file, another in between, p99", shared.at(0.99)),
    ])
}

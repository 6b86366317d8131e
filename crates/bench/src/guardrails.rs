//! All guardrails on one order.

use crate::samples::{agent, at, gateway, order};
use crate::table::{Latencies, Row};

const ORDERS: i64 = 200_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let gateway = gateway();
    let (order, agent) = (order(), agent());
    let (mut latencies, mut clock) = (Latencies::new(), Latencies::new());
    for _ in 0..ORDERS {
        clock.time(|| std::hint::black_box(()));
    }
    // Reading the clock twice is part of each time and no part of the work.
    let own = clock.at(0.5);
    for number in 0..ORDERS {
        let now = at(number / 100);
        let approved = latencies.time(|| gateway.approve(now, agent, &order).is_ok());
        anyhow::ensure!(approved, "the order must pass: {:?}", gateway.state());
    }
    let row = |what, measured, target, peer| Row { what, measured, unit: "ns", target, peer };
    Ok(vec![
        row(
            "all guardrails on one order, median",
            latencies.at(0.5) - own,
            "<= 200",
            "NautilusTrader's fewer checks: 800 to 1800",
        ),
        row("reading the clock twice (taken off the figures above)", own, "", ""),
        row("all guardrails on one order, p99", latencies.at(0.99) - own, "<= 1000", ""),
    ])
}

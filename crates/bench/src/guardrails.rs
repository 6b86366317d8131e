//! All guardrails on one order.

use crate::samples::{agent, at, gateway, order};
use crate::table::{Latencies, Row};

const ORDERS: i64 = 200_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let gateway = gateway();
    let order = order();
    let mut latencies = Latencies::new();
    // The clock's own cost is part of each figure: about 20 ns on most machines.
    for number in 0..ORDERS {
        let approved =
            latencies.time(|| gateway.approve(at(number / 100), agent(), &order).is_ok());
        anyhow::ensure!(approved, "the order must pass: {:?}", gateway.state());
    }
    let row = |what, measured, target, peer| Row { what, measured, unit: "ns", target, peer };
    Ok(vec![
        row(
            "all guardrails on one order, median",
            latencies.at(0.5),
            "<= 200",
            "NautilusTrader's fewer checks: 800 to 1800",
        ),
        row("all guardrails on one order, p99", latencies.at(0.99), "<= 1000", ""),
    ])
}

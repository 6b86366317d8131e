//! All guardrails on one order: of an agent that has done nothing yet, and of one that has been busy, with
//! hundreds of orders in each window, twenty open ones, and limits of its own.

use crate::samples::{agent, at, busy_gateway, gateway, order};
use crate::table::{Latencies, Row};

const ORDERS: i64 = 200_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mut clock = Latencies::new();
    for _ in 0..ORDERS {
        clock.time(|| std::hint::black_box(()));
    }
    // Reading the clock twice is part of each time and no part of the work.
    let own = clock.at(0.5);
    let idle = measure(&gateway())?;
    let busy = measure(&busy_gateway())?;
    let row = |what, measured, target, peer| Row { what, measured, unit: "ns", target, peer };
    Ok(vec![
        row(
            "all guardrails on one order, median",
            idle.at(0.5) - own,
            "<= 200",
            "NautilusTrader's fewer checks: 800 to 1800",
        ),
        row("reading the clock twice (taken off the figures above)", own, "", ""),
        row("all guardrails on one order, p99", idle.at(0.99) - own, "<= 1000", ""),
        row("the same of an agent that has been busy, median", busy.at(0.5) - own, "", ""),
        row("the same of an agent that has been busy, p99", busy.at(0.99) - own, "<= 1000", ""),
    ])
}

fn measure(gateway: &gateway::Gateway) -> anyhow::Result<Latencies> {
    let (order, agent) = (order(), agent());
    let mut latencies = Latencies::new();
    for number in 0..ORDERS {
        let now = at(number / 100);
        let approved = latencies.time(|| gateway.approve(now, agent, &order).is_ok());
        anyhow::ensure!(approved, "the order must pass: {:?}", gateway.state());
    }
    Ok(latencies)
}

//! How long each stage of an order took: middle, 90th, 99th hundredth and longest.

use rusqlite::named_params;

use super::asking::{Asking, Section};
use crate::table::{Cell, Table};

/// Stages: from a column of `orders` to another one.
pub const STAGES: [(&str, &str, &str); 7] = [
    ("decided to durable", "decided_at", "durable_at"),
    ("durable to sent", "durable_at", "left_at"),
    ("decided to sent", "decided_at", "left_at"),
    ("sent to reply", "left_at", "answered_at"),
    ("decided to accepted", "decided_at", "accepted_at"),
    ("accepted to first fill", "accepted_at", "first_fill_at"),
    ("decided to end", "decided_at", "ended_at"),
];

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let mut table = Table::new(&["stage", "orders", "p50_ms", "p90_ms", "p99_ms", "max_ms"]);
    let from_columns = columns();
    let mut stages: Vec<Vec<i64>> = vec![Vec::new(); STAGES.len()];
    let mut select = asking.views.connection().prepare(&format!(
        "SELECT {from_columns} FROM orders WHERE at >= :from AND (:agent IS NULL OR agent = :agent)"
    ))?;
    let mut rows = select.query(named_params! {":from": asking.from, ":agent": asking.of.agent})?;
    while let Some(row) = rows.next()? {
        for (index, stage) in stages.iter_mut().enumerate() {
            if let Some(took) = row.get::<_, Option<i64>>(index)? {
                stage.push(took);
            }
        }
    }
    for ((name, ..), mut took) in STAGES.iter().zip(stages) {
        took.sort_unstable();
        let at = |share: usize| {
            let last = took.len().checked_sub(1)?;
            let nanos = took.get(last * share / 100)?;
            Some((*nanos as f64 / 1e3).round() / 1e3)
        };
        let count = i64::try_from(took.len()).unwrap_or(i64::MAX);
        let mut cells: Vec<Cell> = vec![(*name).into(), count.into()];
        cells.extend([50, 90, 99, 100].map(|share| at(share).into()));
        table.rows.push(cells);
    }
    let notes = vec![
        "By the gateway's clock. Durable: the order's record is on the disk, before which nothing leaves. Sent: \
         behind the wait for the rate budget, right before the first byte. Accepted: the gateway heard of it, \
         by reply or stream. Where a stage was not measured (a journal of an older version, a backtest) it has \
         no orders."
            .to_owned(),
    ];
    Ok((vec![Section::new("stages", "milliseconds", table)], notes))
}

fn columns() -> String {
    let each = STAGES.map(|(_, from, to)| format!("{to} - {from}"));
    each.join(", ")
}

//! A gap as one JSON object; its keys are in docs/gap.md.

use serde_json::{Value, json};

use super::report::Report;

pub(super) fn of(report: &Report) -> Value {
    let models = &report.models;
    let not = report.not.iter().map(|not| json!({ "agent": not.agent, "why": not.why }));
    json!({
        "session": report.span.number,
        "mode": report.mode(),
        "from": report.span.from.to_string(),
        "until": report.span.until.to_string(),
        "is_over": report.span.is_over,
        "recording": report.folder,
        "models": {
            "fill": report.fill(),
            "slippage_bps": models.assumptions.slippage_bps,
            "latency_us": u64::try_from(models.latency.as_micros()).unwrap_or(u64::MAX),
            "maker": models.fees.maker,
            "taker": models.fees.taker,
            "share": models.assumptions.share_percent,
        },
        "empty": report.is_empty(),
        "orders": report.orders,
        "strategies": report.replayed,
        "not_replayed": not.collect::<Vec<_>>(),
        "suggested": report.suggested,
    })
}

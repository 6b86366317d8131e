//! What the rate budget and rate guardrails held back.

use super::asking::{Asking, Section};

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let limiters = asking.table(
        "SELECT limiter, what, count(*) AS times, sum(requests) AS requests,
            round(max(wait_ns) / 1e9, 3) AS longest_s, max(time) AS last
         FROM budget WHERE at >= :from GROUP BY limiter, what ORDER BY requests DESC, limiter",
    )?;
    let rates = asking.table(
        "SELECT agent, refusal, count(*) AS refused, max(limit_value) AS limit_value, max(time) AS last
         FROM refusals WHERE at >= :from AND (:agent IS NULL OR agent = :agent)
            AND refusal IN ('order_rate', 'message_rate', 'turnover', 'duplicate')
         GROUP BY agent, refusal ORDER BY refused DESC",
    )?;
    let notes = vec![
        "waited: our own budget held requests back so that the venue need not. refused: the venue's own word \
         that its limit was reached, with how long it held us. Below that, orders that our rate guardrails \
         refused."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("limiters", "requests by limiter", limiters),
            Section::new("guardrails", "orders refused for their rate", rates),
        ],
        notes,
    ))
}

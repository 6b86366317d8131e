//! Orders that failed for a lack of funds: refused by our guardrail, or rejected by the venue.

use super::asking::{Asking, Section};
use crate::fold::INSUFFICIENT;

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let table = asking.table(&format!(
        "WITH wanted AS (
            SELECT agent, count(*) AS wanted FROM decisions
            WHERE action = 'place' AND at >= :from AND (:agent IS NULL OR agent = :agent) GROUP BY agent),
         ours AS (
            SELECT agent, count(*) AS refused,
                sum(CASE WHEN refusal = '{INSUFFICIENT}' THEN 1 ELSE 0 END) AS for_balance
            FROM refusals WHERE at >= :from GROUP BY agent),
         theirs AS (
            SELECT agent, count(*) AS rejected,
                sum(CASE WHEN rejection = 'insufficient_balance' THEN 1 ELSE 0 END) AS for_balance
            FROM orders WHERE rejection IS NOT NULL AND at >= :from GROUP BY agent)
         SELECT agent, wanted AS orders_wanted, coalesce(ours.for_balance, 0) AS refused_by_us,
            coalesce(theirs.for_balance, 0) AS rejected_by_venue,
            round(100.0 * (coalesce(ours.for_balance, 0) + coalesce(theirs.for_balance, 0)) / wanted, 3)
                AS percent,
            coalesce(refused, 0) AS refused_for_anything, coalesce(rejected, 0) AS rejected_for_anything
         FROM wanted LEFT JOIN ours USING (agent) LEFT JOIN theirs USING (agent) ORDER BY agent"
    ))?;
    let last = asking.table(&format!(
        "SELECT time, agent, instrument, side, qty, limit_value AS available, actual_value AS needed, reason
         FROM refusals WHERE refusal = '{INSUFFICIENT}' AND at >= :from
            AND (:agent IS NULL OR agent = :agent) ORDER BY seq DESC LIMIT :rows"
    ))?;
    let notes = vec![
        "percent counts both: orders that our balance guardrail refused (nothing was sent) and orders that the \
         venue rejected for insufficient balance, of all orders that the agent wanted."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("agents", "by agent", table),
            Section::new("refused", "refused by us, newest first", last),
        ],
        notes,
    ))
}

//! What the account was worth, and what its executions earned, over time: points for a drawing.
//!
//! The sums of executions are doubles, because they are only drawn; the exact ones are in the table of positions.

use serde_json::{Value, json};
use views::{Bounds, Views};

use crate::problem::Problem;

/// Points of one curve: more than there are pixels help nobody.
const POINTS_MAX: usize = 800;

/// Marks of the account's worth, and profit and loss by executions after fees, each with its asset.
pub(crate) fn all(views: &mut Views, bounds: Bounds) -> Result<Value, Problem> {
    let marks = format!(
        "SELECT at, equity, high, day_start, asset FROM (
            SELECT *, row_number() OVER (ORDER BY seq) AS n, count(*) OVER () AS c FROM equity)
         WHERE n % max(1, c / {POINTS_MAX}) = 0 OR n IN (1, c) ORDER BY seq"
    );
    // Quote units of different assets are no sum: the one with most executions is drawn.
    let realized = format!(
        "WITH told AS (SELECT seq, at, substr(instrument, instr(instrument, '-') + 1) AS asset,
                coalesce(pnl + 0.0, 0) - coalesce(fee_quote + 0.0, 0) AS earned FROM fills WHERE busted = 0),
            most AS (SELECT asset FROM told GROUP BY asset ORDER BY count(*) DESC, asset LIMIT 1),
            sums AS (SELECT at, asset, sum(earned) OVER (ORDER BY seq) AS total,
                row_number() OVER (ORDER BY seq) AS n, count(*) OVER () AS c
                FROM told WHERE asset = (SELECT asset FROM most))
         SELECT at, round(total, 8) AS total, asset FROM sums
         WHERE n % max(1, c / {POINTS_MAX}) = 0 OR n IN (1, c) ORDER BY n"
    );
    let bounds = Bounds { rows: 2 * POINTS_MAX + 2, ..bounds };
    Ok(json!({
        "marks": views.query(&marks, bounds)?.json(),
        "realized": views.query(&realized, bounds)?.json(),
    }))
}

//! Connections that were lost and came back.

use super::asking::{Asking, Section};

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let links = asking.table(
        "SELECT link, sum(reconnect) AS reconnects,
            sum(CASE WHEN up = 0 AND lasted_ns IS NOT NULL THEN 1 ELSE 0 END) AS losses,
            round(sum(CASE WHEN reconnect = 1 THEN lasted_ns ELSE 0 END) / 1e9, 3) AS down_s,
            round(max(CASE WHEN reconnect = 1 THEN lasted_ns ELSE 0 END) / 1e9, 3) AS longest_s
         FROM connections WHERE at >= :from GROUP BY link ORDER BY link",
    )?;
    let each = asking.table(
        "SELECT time, link, CASE up WHEN 1 THEN 'up' ELSE 'down' END AS became, cause,
            CASE WHEN reconnect = 1 THEN round(lasted_ns / 1e9, 3) END AS down_s
         FROM connections WHERE at >= :from ORDER BY seq DESC LIMIT :rows",
    )?;
    let notes = vec![
        "A reconnect is a connection that came up again after it had been lost in the same session; planned \
         hand-overs are not among them."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("links", "reconnects by connection", links),
            Section::new("changes", "changes, newest first", each),
        ],
        notes,
    ))
}

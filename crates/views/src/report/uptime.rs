//! How much of the time market data could be relied on, and connections were up.

use super::asking::{Asking, Section};

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    // A state lasts until the next one, its session's last entry, or the end of the span.
    let feeds = asking.table(
        "WITH spans AS (
            SELECT instrument, health, max(at, :from) AS start, min(coalesce(until, :until), :until) AS stop
            FROM feeds WHERE coalesce(until, :until) > :from)
         SELECT instrument,
            round(100.0 * sum(CASE WHEN health = 'live' THEN stop - start ELSE 0 END)
                / sum(stop - start), 3) AS live_percent,
            round(sum(CASE WHEN health = 'stale' THEN stop - start ELSE 0 END) / 1e9, 3) AS stale_s,
            round(sum(CASE WHEN health = 'resyncing' THEN stop - start ELSE 0 END) / 1e9, 3) AS resyncing_s,
            round(sum(CASE WHEN health = 'down' THEN stop - start ELSE 0 END) / 1e9, 3) AS down_s,
            sum(health <> 'live') AS interruptions,
            (SELECT count(*) FROM gaps g WHERE g.instrument = spans.instrument AND g.at >= :from) AS gaps
         FROM spans WHERE stop > start GROUP BY instrument ORDER BY instrument",
    )?;
    let links = asking.table(
        "WITH spans AS (
            SELECT c.link, c.up, max(c.at, :from) AS start,
                min(coalesce((SELECT n.at FROM connections n WHERE n.seq > c.seq AND n.link = c.link
                    AND n.session IS c.session ORDER BY n.seq LIMIT 1), s.last_at, :until), :until) AS stop
            FROM connections c LEFT JOIN sessions s USING (session))
         SELECT link, round(100.0 * sum(CASE WHEN up = 1 THEN stop - start ELSE 0 END)
                / sum(stop - start), 3) AS up_percent,
            round(sum(CASE WHEN up = 0 THEN stop - start ELSE 0 END) / 1e9, 3) AS down_s
         FROM spans WHERE stop > start GROUP BY link ORDER BY link",
    )?;
    let notes = vec![
        "Time counts from when a session first told of a feed or connection to its last entry: a gateway that \
         is not running is not in it."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("feeds", "market data by instrument", feeds),
            Section::new("links", "connections", links),
        ],
        notes,
    ))
}

//! What happens to orders besides executions, to connections, feeds, sessions and balances.

use std::collections::BTreeMap;

use model::{Asked, Asset, Balance, ClientOrderId, Ending, FeedHealth, Link, Record};
use rusqlite::params;

use super::line::Line;
use super::state::{Fold, LinkState};
use super::wrong::link_name;

impl Fold {
    /// Something happened to an order.
    pub(super) fn happened(&mut self, row: &Line<'_>, record: &Record) -> rusqlite::Result<()> {
        match record {
            Record::Accepted { client_order_id, venue_order_id, .. } => {
                self.change(row, client_order_id, |order| {
                    order.venue_order_id = Some(venue_order_id.to_string());
                    order.accepted_at.get_or_insert(row.at);
                    // The word of it may come behind its executions.
                    if !order.is_whole() {
                        order.state = "working".to_owned();
                        // One that had been proven absent is open again.
                        (order.ending, order.ended_at) = (None, None);
                    }
                })
            }
            Record::Answered { client_order_id, asked, durable, left, came, outcome } => {
                let nanos = |time: &Option<model::Timestamp>| time.map(|time| time.nanos());
                let word = match asked {
                    Asked::Place => "place",
                    Asked::Cancel => "cancel",
                };
                let sql = "INSERT INTO answers (seq, at, client_order_id, asked, durable_at, left_at, came_at,
                    outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                row.connection.prepare_cached(sql)?.execute(params![
                    row.seq,
                    row.at,
                    client_order_id.as_str(),
                    word,
                    nanos(durable),
                    nanos(left),
                    came.nanos(),
                    outcome,
                ])?;
                if *asked == Asked::Cancel {
                    return Ok(());
                }
                self.change(row, client_order_id, |order| {
                    (order.durable_at, order.left_at) = (nanos(durable), nanos(left));
                    order.answered_at = Some(came.nanos());
                })
            }
            Record::Rejected { client_order_id, because } => {
                let code = serde_json::to_value(because).unwrap_or_default();
                let code = code["refusal"].as_str().map(str::to_owned);
                row.error(record)?;
                self.change(row, client_order_id, |order| {
                    order.rejection = code;
                    order.cause = Some(because.to_string());
                    order.ending = Some(ending(Ending::Rejected).to_owned());
                    order.state = "done".to_owned();
                    order.ended_at = Some(row.at);
                })
            }
            Record::CancelRejected { .. } => row.error(record),
            Record::InDoubt { client_order_id, because } => {
                row.error(record)?;
                self.change(row, client_order_id, |order| {
                    order.doubts += 1;
                    order.cause = Some(because.clone());
                    order.state = "in_doubt".to_owned();
                })
            }
            Record::Ended { client_order_id, ending: how, cause, .. } => {
                row.error(record)?;
                self.change(row, client_order_id, |order| {
                    order.ending = Some(ending(*how).to_owned());
                    order.cause = cause.clone();
                    order.state = "done".to_owned();
                    order.ended_at = Some(row.at);
                })
            }
            _ => Ok(()),
        }
    }

    fn change(
        &mut self,
        row: &Line<'_>,
        id: &ClientOrderId,
        change: impl FnOnce(&mut super::order::Order),
    ) -> rusqlite::Result<()> {
        self.orders.change(row.connection, id, change).map(|_| ())
    }

    pub(super) fn balances(
        &mut self,
        row: &Line<'_>,
        balances: &BTreeMap<Asset, Balance>,
        venue_at: i64,
        partial: bool,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO balances (seq, at, asset, free, locked, venue_at, partial)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = row.connection.prepare_cached(sql)?;
        for (asset, Balance { free, locked }) in balances {
            let (free, locked) = (free.to_string(), locked.to_string());
            insert.execute(params![
                row.seq,
                row.at,
                asset.as_str(),
                free,
                locked,
                venue_at,
                partial
            ])?;
            // Answers and reports come out of order: an older one does not replace a newer one.
            let known = self.carried.balances.entry(asset.to_string()).or_default();
            if known.1 <= venue_at {
                *known = (free, venue_at);
            }
        }
        Ok(())
    }

    /// Sessions, connections, feeds.
    pub(super) fn infrastructure(
        &mut self,
        row: &Line<'_>,
        record: &Record,
    ) -> rusqlite::Result<()> {
        match record {
            Record::Started { session, version, config, paper } => {
                let died = "UPDATE sessions SET ending = 'died' WHERE ending IS NULL";
                row.connection.execute(died, [])?;
                let before_at = before_at(row);
                if let Some(before) = self.carried.session.replace(*session) {
                    let sql = "UPDATE sessions SET last_at = max(last_at, ?1) WHERE session = ?2";
                    row.connection.execute(sql, params![before_at, before.cast_signed()])?;
                }
                // What the session before knew of feeds and connections nobody knows since its end.
                let over = "UPDATE feeds SET until = max(at, ?1) WHERE until IS NULL";
                row.connection.execute(over, [before_at])?;
                self.carried.links.clear();
                let sql = "INSERT OR REPLACE INTO sessions (session, seq, at, version, paper, last_at, ending,
                    config) VALUES (?1, ?2, ?3, ?4, ?5, ?3, NULL, ?6)";
                let session = session.cast_signed();
                row.connection
                    .execute(sql, params![session, row.seq, row.at, version, paper, config])?;
                Ok(())
            }
            Record::Stopped => {
                let sql = "UPDATE sessions SET ending = 'stopped', last_at = ?1 WHERE session = ?2";
                row.connection.execute(sql, params![row.at, row.session])?;
                Ok(())
            }
            Record::Link { link, up, cause } => self.link(row, *link, *up, cause, record),
            Record::Feed { instrument, health } => {
                let over = "UPDATE feeds SET until = ?1 WHERE instrument = ?2 AND until IS NULL";
                let mut over = row.connection.prepare_cached(over)?;
                over.execute(params![row.at, instrument.as_str()])?;
                let sql = "INSERT INTO feeds (seq, at, session, instrument, health, until)
                           VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
                let health = feed(*health);
                let values = params![row.seq, row.at, row.session, instrument.as_str(), health];
                row.connection.prepare_cached(sql)?.execute(values)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn link(
        &mut self,
        row: &Line<'_>,
        link: Link,
        up: bool,
        cause: &str,
        record: &Record,
    ) -> rusqlite::Result<()> {
        let name = link_name(link);
        let before = self.carried.links.get(name).copied();
        let reconnect = up && before.is_some_and(|before| before.lost);
        let lost = !up && before.is_some_and(|before| before.up || before.lost);
        let lasted = before.filter(|before| before.up != up).map(|before| row.at - before.since);
        let since = match before {
            Some(before) if before.up == up => before.since,
            _ => row.at,
        };
        self.carried.links.insert(name.to_owned(), LinkState { up, since, lost });
        let sql =
            "INSERT INTO connections (seq, at, session, link, up, cause, reconnect, lasted_ns)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        row.connection.prepare_cached(sql)?.execute(params![
            row.seq,
            row.at,
            row.session,
            name,
            up,
            cause,
            reconnect,
            lasted
        ])?;
        row.error(record)
    }
}

/// When the entry before this one was written: the last one of its session.
fn before_at(row: &Line<'_>) -> i64 {
    let sql = "SELECT coalesce(max(at), 0) FROM records WHERE seq = ?1";
    row.connection.query_row(sql, [row.seq - 1], |row| row.get(0)).unwrap_or(0)
}

const fn feed(health: FeedHealth) -> &'static str {
    match health {
        FeedHealth::Live => "live",
        FeedHealth::Stale => "stale",
        FeedHealth::Resyncing => "resyncing",
        FeedHealth::Down => "down",
    }
}

const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Filled => "filled",
        Ending::Canceled => "canceled",
        Ending::Rejected => "rejected",
        Ending::Expired => "expired",
        Ending::NotPlaced => "not_placed",
    }
}

//! What the tables say of orders and positions, and entries of the journal with their words.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use journal::{Filter, StoreError};
use model::Entry;
use serde_json::{Value, json};
use views::{Bounds, Cell, Views, words};

use crate::problem::Problem;
use crate::wanted::Wanted;

/// Orders of each list.
const ORDERS_MAX: usize = 200;
/// Time for one of the lists that are told.
const TIME_MAX: Duration = Duration::from_secs(5);
/// What ends a look into the journal where all that was wanted is there.
const ENOUGH: &str = "all that was wanted is read";
/// Entries that lie no further apart are read in one go.
const NEAR: u64 = 8;

const ORDER: &str = "seq, at, client_order_id, agent, instrument, side, type, qty, quote_qty, price, trigger, filled,
    average, state, ending, cause, doubts, reason";

/// All that is told whenever the journal has gone on.
pub(crate) fn told(views: &mut Views) -> Result<Value, Problem> {
    let bounds = Bounds { timeout: TIME_MAX, rows: ORDERS_MAX };
    let open = format!(
        "SELECT {ORDER} FROM orders WHERE state <> 'done' ORDER BY state = 'in_doubt' DESC, seq DESC"
    );
    let ended =
        format!("SELECT {ORDER} FROM orders WHERE state = 'done' ORDER BY seq DESC LIMIT 50");
    let positions =
        "SELECT agent, instrument, net, cost, realized, fees_quote, uncounted FROM positions
        ORDER BY instrument, agent";
    let sums =
        "SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM fills) AS fills,
        (SELECT count(*) FROM refusals) AS refusals, (SELECT count(*) FROM errors) AS errors";
    let names = |views: &mut Views, name: &str| {
        let sql = format!("SELECT DISTINCT {name} AS name FROM orders ORDER BY 1 LIMIT 100");
        views.query(&sql, bounds).map(|table| table.json())
    };
    Ok(json!({
        "last": views.last(),
        "first": views.first(),
        "open": views.query(&open, bounds)?.json(),
        "ended": views.query(&ended, bounds)?.json(),
        "positions": views.query(positions, bounds)?.json(),
        "counts": views.query(sums, bounds)?.json()[0],
        "agents": names(views, "agent")?,
        "instruments": names(views, "instrument")?,
    }))
}

/// Entries, newest first, each in words.
pub(crate) fn entries(
    views: &mut Views,
    wanted: &Wanted,
    bounds: Bounds,
) -> Result<Value, Problem> {
    let found = views.query(&wanted.sql(), bounds)?;
    let number = |row: &Vec<Cell>| match row.first() {
        Some(Cell::Integer(seq)) => Some(seq.cast_unsigned()),
        _ => None,
    };
    let mut numbers: Vec<u64> = found.rows.iter().filter_map(number).collect();
    let more = numbers.len() > wanted.limit;
    numbers.truncate(wanted.limit);
    let errors = errors(views, &numbers, bounds)?;
    let read = read(views, &numbers)?;
    let rows: Vec<Value> = numbers
        .iter()
        .map(|seq| match read.get(seq) {
            Some(entry) => row(*seq, entry, errors.contains(seq)),
            None => json!({"seq": seq, "text": "was removed from the journal"}),
        })
        .collect();
    Ok(json!({"entries": rows, "more": more, "last": views.last(), "first": views.first()}))
}

fn row(seq: u64, entry: &Entry, error: bool) -> Value {
    let facets = journal::facets(&entry.record);
    json!({
        "seq": seq, "at": entry.at.nanos(), "kind": facets.kind, "agent": facets.agent,
        "instrument": facets.instrument, "order": facets.client_order_id, "text": words(&entry.record),
        "error": error, "record": entry.record,
    })
}

/// Which of these entries are about something that went wrong.
fn errors(views: &mut Views, numbers: &[u64], bounds: Bounds) -> Result<BTreeSet<u64>, Problem> {
    let (Some(last), Some(first)) = (numbers.first(), numbers.last()) else {
        return Ok(BTreeSet::new());
    };
    let sql = format!("SELECT DISTINCT seq FROM errors WHERE seq BETWEEN {first} AND {last}");
    let bounds = Bounds { rows: usize::MAX, ..bounds };
    let found = views.query(&sql, bounds)?;
    let number = |row: Vec<Cell>| match row.first() {
        Some(Cell::Integer(seq)) => Some(seq.cast_unsigned()),
        _ => None,
    };
    Ok(found.rows.into_iter().filter_map(number).collect())
}

/// The entries with these numbers, newest first, out of the journal itself: those that are near each other in one
/// look, the others one by one.
fn read(views: &Views, numbers: &[u64]) -> Result<BTreeMap<u64, Entry>, Problem> {
    let mut read = BTreeMap::new();
    let wanted: BTreeSet<u64> = numbers.iter().copied().collect();
    for (first, last) in runs(&wanted) {
        let filter = Filter { after: first.saturating_sub(1), ..Filter::default() };
        let looked = views.journal().find(&filter, &mut |seq, entry| {
            if wanted.contains(&seq) {
                read.insert(seq, entry);
            }
            if seq < last { Ok(()) } else { Err(StoreError::Lost(ENOUGH.to_owned())) }
        });
        match looked {
            Err(StoreError::Lost(said)) if said == ENOUGH => {}
            done => done.map_err(views::ViewsError::from)?,
        }
    }
    Ok(read)
}

/// First and last of each group of numbers that are near each other.
fn runs(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number - *last <= NEAR => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_near_are_read_in_one_go() {
        let runs = |numbers: &[u64]| runs(&numbers.iter().copied().collect());
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[5]), [(5, 5)]);
        assert_eq!(runs(&[1, 2, 3, 20, 28, 100]), [(1, 3), (20, 28), (100, 100)]);
    }
}

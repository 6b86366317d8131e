//! Exact numbers in SQL: text that compares as a number, and a sum that does not round.

use std::cmp::Ordering;

use model::Decimal;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};

/// Teaches a connection `COLLATE exact` and `sum_exact`.
pub(crate) fn teach(connection: &Connection) -> Result<()> {
    connection.create_collation("exact", compare)?;
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_aggregate_function("sum_exact", 1, flags, SumExact)
}

/// As numbers; what is none comes behind all numbers, as text. A number may be as SQLite writes a double.
fn compare(left: &str, right: &str) -> Ordering {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().ok().or_else(|| {
        // 1e-05 is how SQLite writes a small double that stands in a question.
        let double: f64 = text.trim().parse().ok()?;
        format!("{double:.18}").parse().ok()
    })
}

struct SumExact;

impl Aggregate<Option<Decimal>, Option<String>> for SumExact {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Decimal>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<Decimal>) -> Result<()> {
        let fail = |problem: String| Error::UserFunctionError(problem.into());
        let more = match context.get_raw(0) {
            ValueRef::Null => return Ok(()),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                return Err(fail("sum_exact takes exact numbers; use sum for doubles".to_owned()));
            }
        };
        let more: Decimal =
            more.parse().map_err(|_| fail(format!("sum_exact: {more:?} is no number")))?;
        let before = sum.unwrap_or(Decimal::ZERO);
        let added = before.checked_add(more);
        *sum = Some(added.ok_or_else(|| fail("sum_exact: the sum has no room".to_owned()))?);
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        sum: Option<Option<Decimal>>,
    ) -> Result<Option<String>> {
        Ok(sum.flatten().map(|sum| sum.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_compares_as_numbers_and_adds_up_exactly() {
        let connection = Connection::open_in_memory().unwrap();
        teach(&connection).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (x TEXT COLLATE exact) STRICT;
                 INSERT INTO t VALUES ('9'), ('60000'), ('0.1'), ('0.2'), ('-3'), (NULL);",
            )
            .unwrap();
        let one = |sql: &str| -> Option<String> {
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(one("SELECT max(x) FROM t").as_deref(), Some("60000"));
        assert_eq!(one("SELECT min(x) FROM t").as_deref(), Some("-3"));
        assert_eq!(
            one("SELECT group_concat(x, ' ') FROM (SELECT x FROM t WHERE x > 8.5 ORDER BY x)")
                .as_deref(),
            Some("9 60000")
        );
        assert_eq!(one("SELECT sum_exact(x) FROM t").as_deref(), Some("60006.3"));
        assert_eq!(one("SELECT sum_exact(x) FROM t WHERE x > 70000"), None);
        assert_eq!(one("SELECT x FROM t WHERE x = 0.10").as_deref(), Some("0.1"));
        assert!(connection.query_row("SELECT sum_exact(0.5)", [], |_| Ok(())).is_err());
    }
}

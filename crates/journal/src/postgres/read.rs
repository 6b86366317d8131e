//! Looks into a journal in a PostgreSQL database.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use model::StoreTag;
use tokio_postgres::types::ToSql;

use super::link::Link;
use super::rows::{COLUMNS, Columns, PAGE, anchor, entry, page, take, text};
use super::{explain, schema, snapshots};
use crate::chain::Hash;
use crate::filter::{Filter, Value};
use crate::patience::Failure;
use crate::place::Place;
use crate::source::{Each, EachLine, Source};
use crate::storage::{Found, Snapshot, StoreError};
use crate::url::Url;
use crate::walk::Walk;

/// How long an answer may take: a question over everything may read much.
const READ_MAX: Duration = Duration::from_secs(60);

/// Takes rows with their numbers.
type EachRow<'e> = &'e mut dyn FnMut(u64, &tokio_postgres::Row) -> Result<(), StoreError>;

/// A journal in a PostgreSQL database, opened for reading.
#[derive(Debug)]
pub(crate) struct PostgresReader {
    place: Place,
    schema: String,
    link: RefCell<Link>,
}

impl PostgresReader {
    /// Opens a journal that exists.
    pub(crate) fn open(url: &Url) -> Result<PostgresReader, StoreError> {
        let mut link = Link::to_read(url)?;
        schema::check(&mut link, &url.name).map_err(Failure::error)?;
        let (place, schema) = (link.place.clone(), url.name.clone());
        Ok(PostgresReader { place, schema, link: RefCell::new(link) })
    }

    fn rows(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let mut link = self.link.borrow_mut();
        link.ask(READ_MAX, |client| client.query(sql, values)).map_err(Failure::error)
    }

    fn run(&self, statement: &str) -> Result<(), StoreError> {
        let mut link = self.link.borrow_mut();
        link.ask(READ_MAX, |client| client.batch_execute(statement)).map_err(Failure::error)
    }

    /// Entries along the chain of their hashes, at most so many.
    fn walk(&self, after: u64, max: u64, each: EachRow<'_>) -> Result<(), StoreError> {
        let anchor = anchor(&mut self.link.borrow_mut(), &self.schema).map_err(Failure::error)?;
        let mut walk = Walk::behind(&self.place, after, anchor);
        let mut left = max;
        loop {
            let rows = {
                let mut link = self.link.borrow_mut();
                page(&mut link, &self.schema, Columns::Whole, walk.next())
            };
            let rows = rows.map_err(Failure::error)?;
            for row in &rows {
                let mut taken = 0;
                take(&self.place, &mut walk, row, &mut |seq, row| {
                    taken = 1;
                    each(seq, row)
                })?;
                left -= taken;
                if left == 0 {
                    return Ok(());
                }
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// One state of the journal for all that is read of it, though old entries are removed.
    fn read(&self, after: u64, max: u64, each: EachRow<'_>) -> Result<(), StoreError> {
        if max == 0 {
            return Ok(());
        }
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let done = self.walk(after, max, each);
        let ended = self.run("COMMIT");
        done.and(ended)
    }

    fn explain(&self, error: &tokio_postgres::Error) -> StoreError {
        explain::explain(&self.place, error)
    }
}

impl Source for PostgresReader {
    fn replay(&self, after: u64, each: Each<'_>) -> Result<(), StoreError> {
        self.read(after, u64::MAX, &mut |seq, row| each(seq, entry(&self.place, seq, row)?))
    }

    fn lines(&self, after: u64, max: u64, each: EachLine<'_>) -> Result<(), StoreError> {
        self.read(after, max, &mut |seq, row| {
            each(seq, text(&self.place, seq, row)?, entry(&self.place, seq, row)?)
        })
    }

    fn tag(&self) -> Result<Option<StoreTag>, StoreError> {
        let sql = format!("SELECT value FROM {}.counters WHERE name = 'store'", self.schema);
        let rows = self.rows(&sql, &[])?;
        let number = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose();
        let number = number.map_err(|error| self.explain(&error))?;
        Ok(number.map(|number| StoreTag::new(number.cast_unsigned())))
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        let mut link = self.link.borrow_mut();
        let mut read = || {
            let mut found = Found::default();
            for mut head in snapshots::heads(&mut link, &self.schema)? {
                while head.read_on(&mut link, &self.schema)? {}
                head.judge(&mut found);
            }
            Ok(found.whole)
        };
        read().map_err(Failure::error)
    }

    fn find(&self, wanted: &Filter, each: Each<'_>) -> Result<(), StoreError> {
        let mut wanted = wanted.clone();
        loop {
            let Some(clauses) = wanted.clauses() else { return Ok(()) };
            let numbered = (1..).zip(&clauses);
            let conditions: Vec<String> =
                numbered.map(|(number, (clause, _))| format!("{clause}${number}")).collect();
            let values: Vec<&(dyn ToSql + Sync)> = clauses
                .iter()
                .map(|(_, value)| match value {
                    Value::Text(text) => text as &(dyn ToSql + Sync),
                    Value::Number(number) => number,
                })
                .collect();
            let sql = format!(
                "SELECT {COLUMNS} FROM {}.journal WHERE {} ORDER BY seq LIMIT {PAGE}",
                self.schema,
                conditions.join(" AND ")
            );
            let rows = self.rows(&sql, &values)?;
            for row in &rows {
                let seq: i64 = row.try_get(0).map_err(|error| self.explain(&error))?;
                wanted.after = seq.cast_unsigned();
                each(wanted.after, entry(&self.place, wanted.after, row)?)?;
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let sql = format!("SELECT kind, count(*) FROM {}.journal GROUP BY kind", self.schema);
        let rows = self.rows(&sql, &[])?;
        let count = |row: &tokio_postgres::Row| {
            Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.cast_unsigned()))
        };
        let counts: Result<_, tokio_postgres::Error> = rows.iter().map(count).collect();
        counts.map_err(|error| self.explain(&error))
    }

    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, StoreError> {
        let anchor = anchor(&mut self.link.borrow_mut(), &self.schema).map_err(Failure::error)?;
        if anchor.0 == seq {
            return Ok(Some(anchor.1));
        }
        let Ok(number) = i64::try_from(seq) else { return Ok(None) };
        let sql = format!("SELECT chain FROM {}.journal WHERE seq = $1", self.schema);
        let rows = self.rows(&sql, &[&number])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let kept: &[u8] = row.try_get(0).map_err(|error| self.explain(&error))?;
        let damaged =
            |_| StoreError::damaged(self.place.clone(), seq, "its hash is of another length");
        Hash::try_from(kept).map(Some).map_err(damaged)
    }

    fn last(&self) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT greatest((SELECT max(seq) FROM {s}.journal), (SELECT seq FROM {s}.anchor))",
            s = self.schema
        );
        let rows = self.rows(&sql, &[])?;
        let last = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0));
        last.map(i64::cast_unsigned).map_err(|error| self.explain(&error))
    }

    fn holder(&self) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "SELECT holder FROM {}.lease WHERE valid_until > clock_timestamp()",
            self.schema
        );
        let rows = self.rows(&sql, &[])?;
        let holder = rows.first().map(|row| row.try_get(0)).transpose();
        holder.map_err(|error| self.explain(&error))
    }
}

//! ClickHouse, by its HTTP interface: a table that keeps one row for each record id.
//!
//! `ReplacingMergeTree` ordered by journal and entry number: a row that comes twice is one row to whoever asks
//! with `FINAL`, and after a merge to everybody. On top of that nothing is sent twice on purpose: the highest
//! number that is there is asked for at each start and after each failure. Rows are handed over a month at a
//! time and a partition is a month, so that one insert is one part: all of it is there, or none.
//!
//! Servers of 2018 (18.16) and of today are spoken to; which types there are is found by the version.
//!
//! Source: ClickHouse documentation, "HTTP Interface", "ReplacingMergeTree", "insert_deduplication_token"
//! (since 22.2), "DateTime64" (since 19.13), read 2026-08-21.

use std::fmt::Write as _;

use model::{StoreTag, Timestamp};
use reqwest::Method;

use crate::http::{Answer, Http};
use crate::row::Row;
use crate::row_binary;
use crate::schema::{COLUMNS, Type};
use crate::settings::Hidden;
use crate::target::{Bounds, Target, TargetError};

/// Rows that are handed over at once; a server makes one part of that many.
const ROWS_MAX: u64 = 20_000;
/// Bytes of records that are handed over at once.
const BYTES_MAX: usize = 64 << 20;
/// The first version with times finer than a second and with `LowCardinality` and codecs that are not on trial.
const FINE_SINCE: (u64, u64) = (20, 6);
/// The first version in which a table that is not replicated knows a block again by its token.
const TOKEN_SINCE: (u64, u64) = (22, 3);
/// Blocks that such a table remembers.
const TOKENS_KEPT: u32 = 1_000;

/// A table on a server.
#[derive(Debug)]
pub(crate) struct ClickHouse {
    http: Http,
    database: String,
    table: String,
    /// Of the server that is connected.
    version: (u64, u64),
}

impl ClickHouse {
    pub(crate) fn new(
        url: &str,
        database: &str,
        table: &str,
        login: Option<(String, Option<Hidden>)>,
    ) -> Result<ClickHouse, String> {
        let mut headers = Vec::new();
        if let Some((user, password)) = login {
            headers.push(("x-clickhouse-user", user));
            if let Some(password) = password {
                headers.push(("x-clickhouse-key", password.reveal().to_owned()));
            }
        }
        Ok(ClickHouse {
            http: Http::new(url, &headers)?,
            database: database.to_owned(),
            table: table.to_owned(),
            version: (0, 0),
        })
    }

    fn is_fine(&self) -> bool {
        self.version >= FINE_SINCE
    }

    fn whole_name(&self) -> String {
        format!("`{}`.`{}`", self.database, self.table)
    }

    /// Runs a statement; what is wrong is told as `what`.
    fn sql(&self, what: &str, statement: String) -> Result<String, TargetError> {
        let answer = self.http.ask(Method::POST, "/", "text/plain", statement.into_bytes())?;
        if answer.is_fine() { Ok(answer.body) } else { Err(self.http.refused(what, &answer)) }
    }

    fn connect(&mut self) -> Result<(), TargetError> {
        let said = self.sql("its version", "SELECT version()".to_owned())?;
        let mut parts = said.trim().split('.').map(str::parse::<u64>);
        self.version = match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            _ => {
                let place = self.http.base();
                let said: String = said.chars().take(40).collect();
                return Err(TargetError(format!(
                    "{place}: is no ClickHouse: its version is {said:?}"
                )));
            }
        };
        self.sql(
            "make the database",
            format!("CREATE DATABASE IF NOT EXISTS `{}`", self.database),
        )?;
        self.sql("make the table", self.create())?;
        self.add_columns()
    }

    fn create(&self) -> String {
        let mut text = format!("CREATE TABLE IF NOT EXISTS {} (", self.whole_name());
        for (index, column) in COLUMNS.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}`{}` {}", column.name, self.type_of(index));
        }
        text.push_str(
            ") ENGINE = ReplacingMergeTree() PARTITION BY toYYYYMM(time) ORDER BY (journal, seq)",
        );
        if self.version >= TOKEN_SINCE {
            let _ = write!(text, " SETTINGS non_replicated_deduplication_window = {TOKENS_KEPT}");
        }
        text
    }

    fn type_of(&self, column: usize) -> &'static str {
        match (COLUMNS[column].holds, self.is_fine()) {
            (Type::Text, true) if COLUMNS[column].name == "json" => "String CODEC(ZSTD(1))",
            (Type::Text, _) | (Type::Word, false) => "String",
            (Type::Word, true) => "LowCardinality(String)",
            (Type::Number, _) => "UInt64",
            (Type::MaybeNumber, _) => "Nullable(UInt64)",
            (Type::Nanos, _) => "Int64",
            (Type::Time, true) => "DateTime64(9, 'UTC')",
            (Type::Time, false) => "DateTime('UTC')",
            (Type::Decimal, _) => "Nullable(Decimal(38, 18))",
            (Type::Flag, _) => "Nullable(UInt8)",
        }
    }

    /// A table of an older version of this program gets the columns that it lacks.
    fn add_columns(&self) -> Result<(), TargetError> {
        let ask = format!(
            "SELECT name FROM system.columns WHERE database = '{}' AND table = '{}' FORMAT TabSeparated",
            self.database, self.table
        );
        let there = self.sql("look at the table", ask)?;
        for (index, column) in COLUMNS.iter().enumerate() {
            if there.lines().any(|name| name == column.name) {
                continue;
            }
            let (table, kind) = (self.whole_name(), self.type_of(index));
            let add = format!("ALTER TABLE {table} ADD COLUMN `{}` {kind}", column.name);
            self.sql("add a column to the table", add)?;
        }
        Ok(())
    }

    fn insert(&self, rows: &[Row]) -> Result<Answer, TargetError> {
        let names: Vec<String> =
            COLUMNS.iter().map(|column| format!("`{}`", column.name)).collect();
        let (table, names) = (self.whole_name(), names.join(","));
        let statement = format!("INSERT INTO {table} ({names}) FORMAT RowBinary");
        let mut path = format!("/?query={}", encoded(&statement));
        if self.version >= TOKEN_SINCE
            && let (Some(first), Some(last)) = (rows.first(), rows.last())
        {
            // The same rows again, after an answer that was lost, are one block.
            let _ = write!(path, "&insert_deduplication_token={}-{}", first.id, last.seq);
            path.push_str("&async_insert=0");
        }
        let bytes: usize = rows.iter().map(|row| row.json.len() + 512).sum();
        let mut body = Vec::with_capacity(bytes);
        for row in rows {
            row_binary::add(row, self.is_fine(), &mut body);
        }
        self.http.ask(Method::POST, &path, "application/octet-stream", body)
    }
}

impl Target for ClickHouse {
    fn place(&self) -> String {
        format!("{}/{}.{}", self.http.base(), self.database, self.table)
    }

    fn bounds(&self) -> Bounds {
        Bounds { rows: ROWS_MAX, bytes: BYTES_MAX }
    }

    fn span(&self, at: Timestamp) -> i64 {
        month(at)
    }

    fn open(&mut self, tag: StoreTag, _had: u64) -> Result<u64, TargetError> {
        self.connect()?;
        let table = self.whole_name();
        let ask =
            format!("SELECT max(seq) FROM {table} WHERE journal = '{tag}' FORMAT TabSeparated");
        let said = self.sql("look how far it is", ask)?;
        said.trim().parse().map_err(|_| {
            TargetError(format!("{}: says {:?} for a number", self.http.base(), said.trim()))
        })
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), TargetError> {
        let answer = self.insert(rows)?;
        // An error that comes behind the first bytes of an answer has status 200 all the same.
        if answer.is_fine() && !answer.body.contains("Exception") {
            return Ok(());
        }
        Err(self.http.refused("insert rows", &answer))
    }
}

/// Months since 1970, UTC: what a partition is.
fn month(at: Timestamp) -> i64 {
    let (year, month, _) = crate::date::civil(at.nanos().div_euclid(86_400_000_000_000));
    year * 12 + month
}

/// As it may stand behind a `?`.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

//! A report: what it is about, how its questions are asked, and what it looks like.

use model::Timestamp;
use rusqlite::{ToSql, named_params};
use serde_json::{Value, json};

use crate::query::{gather, names};
use crate::store::Views;
use crate::table::Table;

/// What a report is about.
#[derive(Clone, Debug, Default)]
pub struct Of {
    /// Only what happened at this time or later. Without it a report takes its own span.
    pub since: Option<Since>,
    /// Only this agent, where a report is about agents.
    pub agent: Option<String>,
    /// Longest list.
    pub rows: usize,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So many nanoseconds before the journal's last entry.
    Back(i64),
    /// This time.
    At(Timestamp),
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// What it answers.
    pub title: &'static str,
    /// From when to when, nanoseconds since 1970.
    pub span: (i64, i64),
    /// Its tables, each with a key and a caption.
    pub sections: Vec<Section>,
    /// What has to be known to read it.
    pub notes: Vec<String>,
}

/// A table of a report.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its key in JSON.
    pub key: &'static str,
    /// What it shows.
    pub caption: String,
    /// The figures.
    pub table: Table,
}

/// Times of the first and of the last entry.
pub(super) fn span(views: &Views) -> rusqlite::Result<(i64, i64)> {
    let at = |order: &str| {
        let sql = format!("SELECT at FROM records ORDER BY seq {order} LIMIT 1");
        match views.connection().query_row(&sql, [], |row| row.get(0)) {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(0),
            at => at,
        }
    };
    Ok((at("ASC")?, at("DESC")?))
}

/// A report that is being made.
pub(super) struct Asking<'v> {
    pub(super) views: &'v Views,
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) of: &'v Of,
}

impl Asking<'_> {
    /// Rows of a question that may name `:from`, `:until`, `:agent` and `:rows`.
    pub(super) fn table(&self, sql: &str) -> rusqlite::Result<Table> {
        let mut select = self.views.connection().prepare(sql)?;
        let columns = names(&select);
        let rows_max = i64::try_from(self.of.rows).unwrap_or(i64::MAX);
        let values = named_params! {
            ":from": self.from, ":until": self.until, ":agent": self.of.agent, ":rows": rows_max,
        };
        for (name, value) in values {
            if let Some(index) = select.parameter_index(name)? {
                select.raw_bind_parameter(index, value.to_sql()?)?;
            }
        }
        gather(columns, select.raw_query(), usize::MAX)
    }
}

impl Section {
    pub(super) fn new(key: &'static str, caption: impl Into<String>, table: Table) -> Section {
        Section { key, caption: caption.into(), table }
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let (from, until) = self.span;
        let time = |nanos: i64| Timestamp::from_nanos(nanos - nanos.rem_euclid(1_000_000));
        let mut text = format!("{}: {}\n", self.name, self.title);
        if until > 0 {
            text.push_str(&format!("from {} to {}\n", time(from), time(until)));
        }
        for section in &self.sections {
            text.push_str(&format!("\n{}\n", section.caption));
            if section.table.rows.is_empty() {
                text.push_str("  none\n");
            } else {
                text.push_str(&section.table.text());
            }
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        self.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
        text
    }

    /// One object: the name, the span, each table under its key as an array of objects, and the notes.
    pub fn json(&self) -> Value {
        let (from, until) = self.span;
        let time = |nanos: i64| Timestamp::from_nanos(nanos).to_string();
        let mut value = json!({
            "report": self.name, "from": time(from), "until": time(until), "notes": self.notes,
        });
        if let Some(object) = value.as_object_mut() {
            for section in &self.sections {
                object.insert(section.key.to_owned(), section.table.json());
            }
        }
        value
    }
}

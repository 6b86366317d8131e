//! Questions that are asked again and again, answered by name.
//!
//! Each report is a file with the questions it asks of the tables. Sums of money are exact; shares, hundredths of
//! a percent and times are doubles, because nothing is booked by them.

mod balance;
mod budget;
mod latency;
mod losses;
mod pnl;
mod positions;
mod reconnects;
mod slippage;
mod uptime;

use model::Timestamp;
use rusqlite::{ToSql, named_params};
use serde_json::{Value, json};

use crate::error::ViewsError;
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

/// What makes a report.
type Make = fn(&Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)>;

struct Kind {
    name: &'static str,
    title: &'static str,
    /// Nanoseconds before the last entry, where nothing is said.
    back: Option<i64>,
    make: Make,
}

const HOUR: i64 = 3_600_000_000_000;

const KINDS: [Kind; 9] = [
    Kind {
        name: "losses",
        title: "where money was lost, and in which orders",
        back: None,
        make: losses::make,
    },
    Kind { name: "pnl", title: "profit and loss by agent and reason", back: None, make: pnl::make },
    Kind {
        name: "positions",
        title: "position and balance when each order was placed",
        back: None,
        make: positions::make,
    },
    Kind {
        name: "reconnects",
        title: "reconnects, in the last hour unless --since says otherwise",
        back: Some(HOUR),
        make: reconnects::make,
    },
    Kind {
        name: "insufficient-balance",
        title: "share of orders that failed for insufficient balance",
        back: None,
        make: balance::make,
    },
    Kind {
        name: "slippage",
        title: "slippage per instrument, against the market at the decision",
        back: None,
        make: slippage::make,
    },
    Kind {
        name: "latency",
        title: "latency of each stage of an order",
        back: None,
        make: latency::make,
    },
    Kind {
        name: "uptime",
        title: "uptime of feeds and connections",
        back: None,
        make: uptime::make,
    },
    Kind {
        name: "budget",
        title: "rate budget: waits and refusals by limiter",
        back: None,
        make: budget::make,
    },
];

/// Names of all reports, with what they answer.
pub fn list() -> Vec<(&'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.name, kind.title)).collect()
}

/// Makes a report.
pub fn make(views: &Views, name: &str, of: &Of) -> Result<Report, ViewsError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let known = names.join(", ");
        return Err(ViewsError::NoReport(format!(
            "there is no report {name:?}; there is: {known}"
        )));
    };
    let done = || {
        let (first, last) = span(views)?;
        let from = match of.since {
            Some(Since::At(at)) => at.nanos(),
            Some(Since::Back(back)) => last.saturating_sub(back),
            None => kind.back.map_or(first, |back| last.saturating_sub(back)),
        };
        let asking = Asking { views, from, until: last, of };
        let (sections, mut notes) = (kind.make)(&asking)?;
        if views.first() > 1 {
            notes.push(format!(
                "The entries before number {} were removed from the journal and are in no figure.",
                views.first()
            ));
        }
        let (name, title) = (kind.name, kind.title);
        Ok(Report { name, title, span: (from, last), sections, notes })
    };
    done().map_err(|error: rusqlite::Error| views.wrong(&error))
}

/// Times of the first and of the last entry.
fn span(views: &Views) -> rusqlite::Result<(i64, i64)> {
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
struct Asking<'v> {
    views: &'v Views,
    from: i64,
    until: i64,
    of: &'v Of,
}

impl Asking<'_> {
    /// Rows of a question that may name `:from`, `:until`, `:agent` and `:rows`.
    fn table(&self, sql: &str) -> rusqlite::Result<Table> {
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
    fn new(key: &'static str, caption: impl Into<String>, table: Table) -> Section {
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

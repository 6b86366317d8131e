//! A person's question in SQL. It can read the tables and nothing else, it has a time, and a number of rows.

use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Error, ErrorCode};

use crate::error::ViewsError;
use crate::store::Views;
use crate::table::{Cell, Table};

/// How often the time is looked at, in steps of SQLite's machine.
const LOOK_EVERY: i32 = 10_000;

/// What a question may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Time.
    pub timeout: Duration,
    /// Rows; what is behind them is left out, and the table says so.
    pub rows: usize,
}

impl Views {
    /// Asks one question. Nothing can be changed by it: the file is open for reading, and a statement that is
    /// not a reading one is refused before it runs.
    pub fn query(&mut self, sql: &str, bounds: Bounds) -> Result<Table, ViewsError> {
        let start = Instant::now();
        let wrong = self.wrong(&Error::InvalidQuery);
        let connection = self.connection_mut();
        let late = move || start.elapsed() >= bounds.timeout;
        let guarded = connection
            .progress_handler(LOOK_EVERY, Some(late))
            .and_then(|()| connection.authorizer(Some(may)));
        let answered = match guarded {
            Ok(()) => ask(connection, sql, bounds.rows),
            Err(_) => return Err(wrong),
        };
        let taken_back = connection
            .progress_handler(0, None::<fn() -> bool>)
            .and_then(|()| connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>));
        let table = answered.map_err(|error| explain(self, sql, &error, bounds))?;
        taken_back.map_err(|error| self.wrong(&error))?;
        Ok(table)
    }

    /// Tables and views that can be asked.
    pub fn names(&self) -> Result<Vec<String>, ViewsError> {
        let names = || {
            let mut select = self.connection().prepare(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name <> 'fold'
                 AND name NOT LIKE 'sqlite_%' ORDER BY name",
            )?;
            let names = select.query_map([], |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        names().map_err(|error| self.wrong(&error))
    }
}

/// Reads, and computes. Everything else is refused while the question is prepared.
fn may(asked: AuthContext<'_>) -> Authorization {
    match asked.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name != "load_extension" => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn ask(connection: &rusqlite::Connection, sql: &str, rows_max: usize) -> rusqlite::Result<Table> {
    let mut select = connection.prepare(sql)?;
    let columns = names(&select);
    gather(columns, select.query([])?, rows_max)
}

/// Names of the columns of an answer.
pub(crate) fn names(select: &rusqlite::Statement<'_>) -> Vec<String> {
    select.column_names().map(str::to_owned).collect()
}

/// Rows of an answer, not more than this.
pub(crate) fn gather(
    columns: Vec<String>,
    mut rows: rusqlite::Rows<'_>,
    rows_max: usize,
) -> rusqlite::Result<Table> {
    let width = columns.len();
    let mut table = Table { columns, ..Table::default() };
    while let Some(row) = rows.next()? {
        if table.rows.len() == rows_max {
            table.cut = true;
            break;
        }
        let cells = (0..width).map(|index| row.get_ref(index).map(cell));
        table.rows.push(cells.collect::<rusqlite::Result<_>>()?);
    }
    Ok(table)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

/// What is wrong with a question, where in it, and what there is to ask.
fn explain(views: &Views, sql: &str, error: &Error, bounds: Bounds) -> ViewsError {
    let said = match error {
        Error::SqlInputError { msg, offset, .. } => {
            let at = usize::try_from(*offset).ok().filter(|at| sql.is_char_boundary(*at));
            let place = at.map(|at| pointed(sql, at)).unwrap_or_default();
            format!("{msg}{place}")
        }
        Error::MultipleStatement => "ask one question at a time".to_owned(),
        Error::InvalidQuery => "it has no answer".to_owned(),
        other => match other.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => return ViewsError::TooLong(bounds.timeout),
            Some(ErrorCode::AuthorizationForStatementDenied) => {
                "questions only read: this one would change something, or reach beyond the tables"
                    .to_owned()
            }
            Some(ErrorCode::ReadOnly) => "questions only read".to_owned(),
            _ => other.to_string(),
        },
    };
    let denied = said.contains("not authorized") || said.contains("prohibited");
    let said = if denied {
        "questions only read: this one would change something, or reach beyond the tables"
            .to_owned()
    } else {
        said
    };
    let names = views.names().unwrap_or_default().join(", ");
    ViewsError::Sql(format!(
        "{said}\nthere is: {names}\n`plimsoll query --schema` lists their columns"
    ))
}

/// The line of the question with a sign below the place.
fn pointed(sql: &str, at: usize) -> String {
    let start = sql[..at].rfind('\n').map_or(0, |found| found + 1);
    let end = sql[at..].find('\n').map_or(sql.len(), |found| at + found);
    let column = sql[start..at].chars().count();
    format!(" at character {}\n  {}\n  {}^", column + 1, &sql[start..end], " ".repeat(column))
}

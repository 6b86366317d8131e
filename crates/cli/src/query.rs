//! `plimsoll query SQL`: a question in SQL, answered as a table, CSV, JSON or Parquet.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use views::{Bounds, SCHEMA, Table};

use crate::asked::{self, Journal, failed};
use crate::failure::Failure;

/// Rows of a table on a terminal, and of everything else, unless told.
const ROWS: (usize, usize) = (1_000, 1_000_000);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The question; - reads it from standard input.
    #[arg(required_unless_present = "schema")]
    sql: Option<String>,
    #[command(flatten)]
    journal: JournalOrSchema,
    /// How to answer.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Where to write the answer; Parquet needs it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Rows at most: 1000 for a table, 1000000 for the others unless told. What is left out is said.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// How long it may take, seconds.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

#[derive(clap::Args)]
struct JournalOrSchema {
    /// Print the tables and views with their columns; needs no journal.
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    journal: Option<Journal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Parquet,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    if args.journal.schema {
        writeln!(stdout, "{}", SCHEMA.trim())?;
        return Ok(());
    }
    let sql = question(args)?;
    if args.format == Format::Parquet && args.out.is_none() {
        return Err(Failure::usage(anyhow!("--format parquet needs a file: --out FILE")));
    }
    let Some(journal) = &args.journal.journal else {
        return Err(Failure::usage(anyhow!("name a journal with --config FILE or --store URL")));
    };
    let mut views = journal.open()?;
    let rows = args.limit.unwrap_or(if args.format == Format::Table { ROWS.0 } else { ROWS.1 });
    let bounds = Bounds { timeout: Duration::from_secs(args.timeout), rows };
    let table = views.query(&sql, bounds).map_err(failed)?;
    if table.cut {
        eprintln!("only the first {rows} rows; --limit N asks for more");
    }
    answer(args, &table, &mut stdout)
}

fn answer(args: &Args, table: &Table, stdout: &mut dyn std::io::Write) -> Result<(), Failure> {
    let text = match (args.format, &args.out) {
        (Format::Parquet, Some(file)) => return views::parquet::write(table, file).map_err(failed),
        (Format::Parquet, None) => return Ok(()),
        (Format::Table, _) => table.text(),
        (Format::Csv, _) => table.csv(),
        (Format::Json, _) => format!("{}\n", table.json()),
    };
    match &args.out {
        Some(file) => asked::write(file, &text)?,
        None => write!(stdout, "{text}")?,
    }
    Ok(())
}

fn question(args: &Args) -> Result<String, Failure> {
    match args.sql.as_deref() {
        Some("-") => {
            let mut sql = String::new();
            std::io::stdin().lock().read_to_string(&mut sql)?;
            Ok(sql)
        }
        Some(sql) => Ok(sql.to_owned()),
        None => Err(Failure::usage(anyhow!("there is no question"))),
    }
}

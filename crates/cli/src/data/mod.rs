//! `plimsoll data`: market data files, imported into our own layout, recorded, and looked at.

pub(crate) mod bar;
mod record;
mod report;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::data::{Format, Import, Kind, Options};
use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use model::InstrumentId;
use model::market::Grid;
use serde_json::json;

use self::bar::Bar;
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make one file of ours from files of others: sorted, checked, and fast to read.
    Import(ImportArgs),
    /// What files hold: kind, rows, times, gaps, repeated rows, crossed books, digits.
    Info(InfoArgs),
    /// Record what the market feeds of an exchange say, until it is stopped; needs no key.
    Record(record::Args),
}

#[derive(clap::Args)]
struct ImportArgs {
    /// Files of one instrument and kind: CSV (plain, gz or zip) or Parquet.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file to make; one that is there is replaced when the new one is whole.
    #[arg(long, value_name = "FILE.parquet")]
    out: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Sort all rows, through files beside the target; without it rows may be late by 65,536 rows at most.
    #[arg(long)]
    sort: bool,
    /// Leave out the rows that cannot be taken instead of writing nothing; they are counted and the first listed.
    #[arg(long)]
    skip_bad: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct InfoArgs {
    /// Files: ours, CSV (plain, gz or zip) or Parquet.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Digits that rounding leaves, where nobody says how many.
const ROUNDED: u8 = 8;

/// How files are to be read that do not say so themselves.
#[derive(clap::Args)]
pub(crate) struct Reading {
    /// Whose data it is, for example BTC-USDT; otherwise guessed from the rows or the name of the file.
    #[arg(long)]
    instrument: Option<InstrumentId>,
    /// What it must hold: bars, trades, quotes or book.
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// The layout, where it is not recognised; a wrong name lists all.
    #[arg(long, default_value = "auto", value_parser = format, hide_default_value = true)]
    format: Format,
    /// Names of the columns in their order, for a file without a header: time,price,qty.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    columns: Option<Vec<String>>,
    /// Take only the rows of this symbol.
    #[arg(long)]
    symbol: Option<String>,
    /// Length of the bars, where it cannot be told: 1m, 4h, 1d.
    #[arg(long, value_parser = interval)]
    interval: Option<Duration>,
    /// Digits behind the point of prices; otherwise as many as there are.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=18))]
    price_decimals: Option<u8>,
    /// Digits behind the point of quantities; otherwise as many as there are.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=18))]
    qty_decimals: Option<u8>,
    /// Round numbers to those digits, or else to eight at most, instead of refusing them; they are counted.
    #[arg(long)]
    round: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::of(text).ok_or_else(|| format!("there are {}", Kind::ALL.map(Kind::name).join(", ")))
}

fn format(text: &str) -> Result<Format, String> {
    let all = || format!("there are {}", Format::names().collect::<Vec<_>>().join(", "));
    Format::of(text).ok_or_else(all)
}

fn interval(text: &str) -> Result<Duration, String> {
    ::data::interval(text).ok_or_else(|| "a number and one of s, m, h, d, w, as in 15m".to_owned())
}

impl Reading {
    pub(crate) fn options(&self) -> Options {
        Options {
            instrument: self.instrument,
            kind: self.kind,
            format: self.format,
            columns: self.columns.clone(),
            symbol: self.symbol.clone(),
            interval: self.interval,
            price_decimals: self.price_decimals,
            qty_decimals: self.qty_decimals,
            round: self.round.then(|| Grid {
                price_decimals: self.price_decimals.unwrap_or(ROUNDED),
                qty_decimals: self.qty_decimals.unwrap_or(ROUNDED),
            }),
            ..Options::default()
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Import(args) => import(args),
        What::Info(args) => info(args),
        What::Record(args) => record::run(args),
    }
}

fn import(args: &ImportArgs) -> Result<(), Failure> {
    if args.out.is_dir() {
        let problem = format!("{} is a folder; --out names the file to make", args.out.display());
        return Err(Failure::usage(anyhow!(problem)));
    }
    let wanted = Import {
        files: args.files.clone(),
        out: args.out.clone(),
        options: args.reading.options(),
        sort: args.sort,
        skip_bad: args.skip_bad,
    };
    let bar = Bar::new();
    let imported = ::data::import(&wanted, &mut |read, size, rows| bar.show(read, size, rows));
    bar.done();
    let imported = imported.with_context(|| format!("{} was not made", args.out.display()))?;
    let size = size(&args.out)?;
    report::warn(&imported.remarks);
    let mut out = std::io::stdout().lock();
    if args.json {
        let meta = (&imported.meta, &args.out, size);
        writeln!(out, "{}", report::json(meta, &imported.checks, &imported.remarks))?;
    } else {
        let meta = (&imported.meta, &args.out, size);
        write!(out, "{}", report::text(meta, &imported.checks, &imported.remarks))?;
    }
    Ok(())
}

fn info(args: &InfoArgs) -> Result<(), Failure> {
    let mut files = Vec::new();
    let mut bad = 0;
    let mut out = std::io::stdout().lock();
    for file in &args.files {
        let bar = Bar::new();
        let info = ::data::inspect(file, &args.reading.options(), &mut |read, size, rows| {
            bar.show(read, size, rows);
        });
        bar.done();
        let info = info?;
        report::warn(&info.remarks);
        bad += info.remarks.bad;
        let meta = (&info.meta, file, info.size);
        if args.json {
            files.push(report::json(meta, &info.checks, &info.remarks));
        } else {
            write!(out, "{}", report::text(meta, &info.checks, &info.remarks))?;
        }
    }
    if args.json {
        writeln!(out, "{}", json!({ "files": files }))?;
    }
    match bad {
        0 => Ok(()),
        1 => Err(anyhow!("a row cannot be taken").into()),
        bad => Err(anyhow!("{bad} rows cannot be taken").into()),
    }
}

fn size(file: &Path) -> Result<u64, Failure> {
    let metadata = std::fs::metadata(file).with_context(|| file.display().to_string())?;
    Ok(metadata.len())
}

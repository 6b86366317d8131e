//! What can be wrong with a file of market data: what, where, and what to do.

use std::fmt;
use std::path::PathBuf;

use model::Timestamp;

use crate::batch::Kind;

/// A line or a row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: PathBuf,
    /// From 1: the line of a text, the row of a table.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The system said no.
    #[error("{}: {error}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// Not one row.
    #[error("{}: the file holds no rows", file.display())]
    Empty {
        /// Which file.
        file: PathBuf,
    },
    /// The end is missing.
    #[error(
        "{}: the {form} data ends early, after line {lines}: the file was cut off; fetch it again",
        file.display()
    )]
    Truncated {
        /// Which file.
        file: PathBuf,
        /// `gzip`, `zip`.
        form: &'static str,
        /// Whole lines before the end.
        lines: u64,
    },
    /// The bytes are not what they claim to be.
    #[error("{}: damaged: {detail}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What the decoder says.
        detail: String,
    },
    /// The layout was not recognised.
    #[error("{}: {why}", file.display())]
    Layout {
        /// Which file.
        file: PathBuf,
        /// What was looked for, and what helps.
        why: LayoutProblem,
    },
    /// A row cannot be taken.
    #[error("{place}: {problem}")]
    Row {
        /// Where.
        place: Place,
        /// What is wrong with it.
        problem: RowProblem,
    },
    /// Several rows cannot be taken.
    #[error(
        "{} cannot be taken, nothing was written; --skip-bad imports the others:{}",
        counted(*count), listed(first, *count)
    )]
    Rows {
        /// All.
        count: u64,
        /// Some of them.
        first: Vec<(Place, RowProblem)>,
    },
    /// A number has more digits than the reader was told, or guessed, to keep.
    #[error(
        "{place}: {column} {text:?} needs {needs} digits behind the point, and the file was taken to have \
         {has}: import it first, which looks at all rows, or give --{}-decimals {needs}",
        if *price { "price" } else { "qty" }
    )]
    Digits {
        /// Where.
        place: Place,
        /// Of which column.
        column: &'static str,
        /// Is it one of prices?
        price: bool,
        /// As printed.
        text: String,
        /// Digits that are kept.
        has: u8,
        /// Digits that it has.
        needs: u8,
    },
    /// A row is earlier than one that was handed out already.
    #[error(
        "{place}: out of order by more than {window} rows: {time} comes after {after}; \
         `plimsoll data import --sort` sorts the whole file"
    )]
    OutOfOrder {
        /// Where.
        place: Place,
        /// Time of the row.
        time: Timestamp,
        /// Time of a row that came before and is gone.
        after: Timestamp,
        /// How far back a row is still put into its place.
        window: usize,
    },
    /// Files that do not belong together.
    #[error("{}: {problem}", file.display())]
    Apart {
        /// The one that differs from those before it.
        file: PathBuf,
        /// In what.
        problem: ApartProblem,
    },
}

fn counted(rows: u64) -> String {
    if rows == 1 { "a row".to_owned() } else { format!("{rows} rows") }
}

fn listed(rows: &[(Place, RowProblem)], count: u64) -> String {
    let mut text: String =
        rows.iter().map(|(place, problem)| format!("\n  {place}: {problem}")).collect();
    let more = count.saturating_sub(rows.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n  … and {more} more"));
    }
    text
}

/// Why a layout is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutProblem {
    /// The bytes are of a known kind that is not read.
    #[error("this is {what}, which is not read; {hint}")]
    Bytes {
        /// What it looks like.
        what: &'static str,
        /// What helps.
        hint: &'static str,
    },
    /// A zip with none or several files in it.
    #[error("the zip holds {files} files of data, and one is read: unpack it")]
    Zip {
        /// How many.
        files: usize,
    },
    /// No header, and the number of columns says nothing.
    #[error(
        "no header, and {columns} columns are no layout known here: --format names one, or --columns \
         what they are (for example --columns time,price,qty)"
    )]
    NoHeader {
        /// Columns of the first row.
        columns: usize,
    },
    /// A column is missing.
    #[error("no column for {missing}; there are: {have}. --columns can name them in their order")]
    Missing {
        /// What is missing.
        missing: &'static str,
        /// The header.
        have: String,
    },
    /// The columns fit none of the kinds.
    #[error(
        "the columns are those of no kind known here: {have}. Bars have open, high, low, close and volume; \
         trades price and qty; quotes bid_price, bid_qty, ask_price and ask_qty; a book side, price and qty. \
         --columns can name them in their order"
    )]
    NoKind {
        /// The header.
        have: String,
    },
    /// Not what was asked for.
    #[error("it holds {is}, not {wanted}")]
    Kind {
        /// What it holds.
        is: &'static str,
        /// What was asked for.
        wanted: Kind,
    },
    /// A column of a type that cannot be what it is called.
    #[error("column {column} is {is}, which is no {wanted}")]
    Type {
        /// Which column.
        column: String,
        /// Its type.
        is: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Bars of which the length cannot be told.
    #[error(
        "the length of the bars cannot be told from {rows} rows; --interval says it (for example 1m)"
    )]
    Interval {
        /// How many there are.
        rows: usize,
    },
    /// A later version of our own layout.
    #[error("written in layout {is}, and this program knows {known}: update it")]
    Version {
        /// Of the file.
        is: String,
        /// Of this program.
        known: u32,
    },
}

/// Why files cannot be taken together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApartProblem {
    /// Of another kind.
    #[error("it holds {is}, and the files before it {before}; import them one by one")]
    Kind {
        /// Of this one.
        is: Kind,
        /// Of the others.
        before: Kind,
    },
    /// Of another instrument.
    #[error("it is about {is}, and the files before it about {before}; import them one by one")]
    Instrument {
        /// Of this one.
        is: String,
        /// Of the others.
        before: String,
    },
    /// Of another length.
    #[error("its bars are of {is} s, and those of the files before it of {before} s")]
    Interval {
        /// Of this one.
        is: u64,
        /// Of the others.
        before: u64,
    },
    /// Nobody says whose data it is.
    #[error("neither the file nor its name says of which instrument; --instrument does")]
    NoInstrument,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Too few or too many fields.
    #[error("{has} fields instead of {want}")]
    Fields {
        /// Of this row.
        has: usize,
        /// Of the first.
        want: usize,
    },
    /// Longer than any row of market data.
    #[error("a line of more than {max} bytes")]
    Long {
        /// The bound.
        max: usize,
    },
    /// No time.
    #[error("{column} {text:?} is no time")]
    Time {
        /// Of which column.
        column: &'static str,
        /// As printed.
        text: String,
    },
    /// No number.
    #[error("{column} {text:?} is no number")]
    Number {
        /// Of which column.
        column: &'static str,
        /// As printed.
        text: String,
    },
    /// A number that has to be there is not.
    #[error("{column} is empty")]
    Missing {
        /// Of which column.
        column: &'static str,
    },
    /// Below zero.
    #[error("{column} {text} is negative")]
    Negative {
        /// Of which column.
        column: &'static str,
        /// As printed.
        text: String,
    },
    /// A price of nothing.
    #[error("{column} is zero")]
    Zero {
        /// Of which column.
        column: &'static str,
    },
    /// More than can be counted.
    #[error(
        "{column} {text} does not fit 64 bits when it is counted with {decimals} digits behind the point, \
         which other rows of the file need; --round takes eight of them, or as many as \
         --price-decimals and --qty-decimals say"
    )]
    Large {
        /// Of which column.
        column: &'static str,
        /// As printed.
        text: String,
        /// Digits of the file.
        decimals: u8,
    },
    /// More digits than any grid has.
    #[error(
        "{column} {text} has more than 18 digits behind the point; --round takes eight of them"
    )]
    Fine {
        /// Of which column.
        column: &'static str,
        /// As printed.
        text: String,
    },
    /// Neither buy nor sell.
    #[error("{column} {text:?} is no side")]
    Side {
        /// Of which column.
        column: &'static str,
        /// As printed.
        text: String,
    },
    /// Another instrument.
    #[error("symbol {text:?}, and most of the first rows say {most:?}; --symbol takes one of them")]
    Symbol {
        /// Of this row.
        text: String,
        /// Of most of the first rows.
        most: String,
    },
    /// A bar whose high is not the highest, or whose low is not the lowest.
    #[error("high {high} is below low {low}")]
    HighBelowLow {
        /// Counted on the grid.
        high: String,
        /// Counted on the grid.
        low: String,
    },
    /// The same trade or bar once more, with other content.
    #[error("{what} {key} was there before with other content")]
    Conflict {
        /// `trade`, `bar`.
        what: &'static str,
        /// Its number or time.
        key: String,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

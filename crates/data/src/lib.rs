//! Market data files: bars, trades, quotes and level-2 books, from CSV and Parquet, as streams.
//!
//! For a driver the whole of it is this:
//!
//! ```no_run
//! # use plimsoll_data as data;
//! use data::{Columns, Merge, Options};
//!
//! # fn main() -> Result<(), data::DataError> {
//! let options = Options::default();
//! let sources = vec![
//!     data::open("btc-book.parquet".as_ref(), &options)?,
//!     data::open("btc-trades.parquet".as_ref(), &options)?,
//! ];
//! let mut merge = Merge::new(sources);
//! // Known before the first row: kind, instrument, grid, length of bars.
//! let grids: Vec<_> = merge.metas().map(|meta| meta.grid).collect();
//! while let Some(run) = merge.next_run()? {
//!     let times = &run.batch.time;
//!     match &run.batch.columns {
//!         Columns::Book(book) => {
//!             for row in run.rows {
//!                 let level = book.row(row);
//!                 // … at `times[row]`: `if level.clear { book.clear() }`, set the level, and look at the
//!                 // book only when `level.last` says that it is whole.
//!             }
//!         }
//!         Columns::Trades(trades) => { /* trades.row(row) */ }
//!         Columns::Quotes(quotes) => { /* quotes.row(row): either side may be missing */ }
//!         Columns::Bars(bars) => { /* bars.row(row), known at times[row], the END of the bar */ }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What a driver may rely on, whatever the file was:
//!
//! - **Order.** Rows of a source come in order of [`Batch::time`]; a [`Merge`] keeps that order over all of
//!   them, and gives ties to the source that was named first. Rows of one book event have one time, so a merge
//!   never cuts an event in two, but a batch may: [`LAST`] is what counts.
//! - **One grid a file.** `Meta::grid` holds for every row and is never refined on the way. Two files of one
//!   instrument may have different grids ([`model::market::Grid::joined`] is the one for both).
//! - **Checked.** Prices are above zero, quantities not below, `low <= high`; an empty side of a quote has price
//!   zero, and so has a row of a book that says nothing but [`CLEAR`]: an empty book, or with [`LOST`] none. Crossed quotes and books do occur at real venues and are passed on.
//! - **Bounded memory.** One batch, a buffer and the pages of a Parquet row group; for text also a window of
//!   rows that are put in order ([`ORDER_WINDOW`]).
//! - **`time` is when it was known** by the venue's clock. A recorded time of receipt is beside it where
//!   `Meta::has_received`: the feed's latency is their difference.
//!
//! A [`Batch`] is an array for each column, so loops over one column vectorise; [`Batch::clear`] and
//! [`Source::next_batch`] keep the memory. Reading our own Parquet decodes straight into them.
//!
//! The crate reads and writes files, so it is none of the pure ones; it has no clock, thread or network.

mod batch;
mod chain;
mod check;
mod error;
mod format;
mod guess;
mod import;
mod info;
mod input;
mod lines;
mod merge;
mod number;
mod options;
mod order;
mod raw;
pub mod record;
mod source;
mod table;
mod text;
mod time;

pub use batch::{
    ASK, BATCH_ROWS, BUY, BarRow, Bars, Batch, BookRow, BookRows, CLEAR, Columns, Kind, LAST, LOST,
    Quotes, SELL, TradeRow, Trades,
};
pub use check::{Checks, Gaps};
pub use error::{ApartProblem, DataError, LayoutProblem, Place, RowProblem};
pub use format::{Format, NAMED, Named};
pub use guess::interval;
pub use import::{Import, Imported, import};
pub use info::{Info, inspect};
pub use merge::{Merge, Run};
pub use options::{BadRowsAre, Options};
pub use order::ORDER_WINDOW;
pub use source::{Meta, Remarks, Source};
pub use table::Writer;

use std::path::Path;

/// Opens a file of any kind that is read here, as a source in order of time.
pub fn open(path: &Path, options: &Options) -> Result<Box<dyn Source>, DataError> {
    let raw = raw::open(path, options, false)?;
    // Our own files are in order, or damaged.
    Ok(if raw.meta().layout == raw::OURS { raw } else { Box::new(order::Ordered::new(raw)) })
}

//! Rows of market data, column by column.
//!
//! The backtest reads tens of millions of rows a second, so a row is no struct here: each column is
//! an array of integers, and prices and quantities count on the one grid that the whole file has
//! (`Meta::grid`). Who wants a single row asks for it by its index; the views are `Copy` and cost a
//! few loads.

use std::ops::Range;

use model::market::{GridPrice, GridQty, Level, Quote};
use model::{Side, Timestamp};

use crate::number::COUNT_END;

/// Rows in a batch, at most: with all columns under a MiB, so that it stays in the cache.
pub const BATCH_ROWS: usize = 16_384;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Open, high, low, close and volume of intervals of one length.
    Bars,
    /// The public tape.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// Level 2: snapshots and changes.
    Book,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Bars, Kind::Trades, Kind::Quotes, Kind::Book];

    /// The word on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Bars => "bars",
            Kind::Trades => "trades",
            Kind::Quotes => "quotes",
            Kind::Book => "book",
        }
    }

    /// The kind of that name.
    pub fn of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Consecutive rows of one file, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// When the row became known by the venue's clock, nanoseconds since the epoch. Of a bar that
    /// is its *end*: a backtest that saw it at its start would look ahead.
    pub time: Vec<i64>,
    /// When whoever recorded it received it, nanoseconds since the epoch. Empty where the file does
    /// not say (`Meta::has_received`).
    pub received: Vec<i64>,
    /// Line or row in the file, from 1. Empty for our own Parquet files.
    pub place: Vec<u64>,
    /// The rest, by kind.
    pub columns: Columns,
}

/// What a row says, by kind. All arrays are as long as [`Batch::time`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// See [`Kind::Bars`].
    Bars(Bars),
    /// See [`Kind::Trades`].
    Trades(Trades),
    /// See [`Kind::Quotes`].
    Quotes(Quotes),
    /// See [`Kind::Book`].
    Book(BookRows),
}

/// Bars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bars {
    /// First price.
    pub open: Vec<i64>,
    /// Highest price.
    pub high: Vec<i64>,
    /// Lowest price.
    pub low: Vec<i64>,
    /// Last price.
    pub close: Vec<i64>,
    /// Base units traded.
    pub volume: Vec<i64>,
}

/// Trades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trades {
    /// The venue's number, 0 where it has none.
    pub id: Vec<i64>,
    /// At which price.
    pub price: Vec<i64>,
    /// How much.
    pub qty: Vec<i64>,
    /// Who was in a hurry: [`BUY`], [`SELL`] or 0 where the file does not say.
    pub taker: Vec<i32>,
}

/// A buyer took what was offered.
pub const BUY: i32 = 1;
/// A seller took what was bid for.
pub const SELL: i32 = -1;

/// Quotes. A side that is empty has price 0 and quantity 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotes {
    /// Best bid.
    pub bid_price: Vec<i64>,
    /// How much is bid for there.
    pub bid_qty: Vec<i64>,
    /// Best ask.
    pub ask_price: Vec<i64>,
    /// How much is offered there.
    pub ask_qty: Vec<i64>,
}

/// Levels of a book, each set to an absolute quantity.
///
/// Rows that came in one message form an event: they have one time, and the last of them says so.
/// Between the rows of an event the book is half one thing and half the other, and may be crossed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookRows {
    /// At which price.
    pub price: Vec<i64>,
    /// How much stands there now; zero removes the level.
    pub qty: Vec<i64>,
    /// Bits: [`ASK`], [`CLEAR`], [`LAST`], [`LOST`].
    pub flags: Vec<i32>,
}

/// The level is an ask; else a bid.
pub const ASK: i32 = 1;
/// First row of a snapshot: the book is forgotten before this row is applied.
pub const CLEAR: i32 = 2;
/// Last row of its event: the book is whole again.
pub const LAST: i32 = 4;
/// From here to the next snapshot nobody knows the book: whoever recorded it missed something. Such a row
/// stands alone, with [`CLEAR`], price 0 and quantity 0.
pub const LOST: i32 = 8;

/// One bar, its times apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarRow {
    /// First price.
    pub open: GridPrice,
    /// Highest price.
    pub high: GridPrice,
    /// Lowest price.
    pub low: GridPrice,
    /// Last price.
    pub close: GridPrice,
    /// Base units traded.
    pub volume: GridQty,
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// The venue's number, 0 where it has none.
    pub id: u64,
    /// At which price.
    pub price: GridPrice,
    /// How much.
    pub qty: GridQty,
    /// Who was in a hurry, where the file says.
    pub taker: Option<Side>,
}

/// One level of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRow {
    /// Bids or asks.
    pub side: Side,
    /// Price and absolute quantity; zero removes the level.
    pub level: Level,
    /// Forget the book before this row.
    pub clear: bool,
    /// The book is whole after this row.
    pub last: bool,
    /// The book is not known after this row.
    pub lost: bool,
}

impl Batch {
    /// An empty batch with room for [`BATCH_ROWS`] rows.
    pub fn new(kind: Kind) -> Batch {
        let column = || Vec::with_capacity(BATCH_ROWS);
        let columns = match kind {
            Kind::Bars => Columns::Bars(Bars {
                open: column(),
                high: column(),
                low: column(),
                close: column(),
                volume: column(),
            }),
            Kind::Trades => Columns::Trades(Trades {
                id: column(),
                price: column(),
                qty: column(),
                taker: Vec::with_capacity(BATCH_ROWS),
            }),
            Kind::Quotes => Columns::Quotes(Quotes {
                bid_price: column(),
                bid_qty: column(),
                ask_price: column(),
                ask_qty: column(),
            }),
            Kind::Book => Columns::Book(BookRows {
                price: column(),
                qty: column(),
                flags: Vec::with_capacity(BATCH_ROWS),
            }),
        };
        Batch { time: column(), received: Vec::new(), place: Vec::new(), columns }
    }

    /// Of which kind its rows are.
    pub const fn kind(&self) -> Kind {
        match self.columns {
            Columns::Bars(_) => Kind::Bars,
            Columns::Trades(_) => Kind::Trades,
            Columns::Quotes(_) => Kind::Quotes,
            Columns::Book(_) => Kind::Book,
        }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Forgets the rows and keeps the room for them.
    pub fn clear(&mut self) {
        self.time.clear();
        self.received.clear();
        self.place.clear();
        let (wide, narrow) = self.columns.arrays_mut();
        wide.into_iter().for_each(|(_, column)| column.clear());
        narrow.into_iter().for_each(|(_, column)| column.clear());
    }

    /// Forgets the rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.time.truncate(rows);
        self.received.truncate(rows);
        self.place.truncate(rows);
        let (wide, narrow) = self.columns.arrays_mut();
        wide.into_iter().for_each(|(_, column)| column.truncate(rows));
        narrow.into_iter().for_each(|(_, column)| column.truncate(rows));
    }

    /// Adds rows of another batch of the same kind.
    pub fn append(&mut self, other: &Batch, rows: Range<usize>) {
        fn copy<T: Copy>(into: &mut Vec<T>, from: &[T], rows: &Range<usize>) {
            // A column that a file does not have is empty.
            into.extend_from_slice(from.get(rows.clone()).unwrap_or_default());
        }
        copy(&mut self.time, &other.time, &rows);
        copy(&mut self.received, &other.received, &rows);
        copy(&mut self.place, &other.place, &rows);
        match (&mut self.columns, &other.columns) {
            (Columns::Bars(into), Columns::Bars(from)) => {
                copy(&mut into.open, &from.open, &rows);
                copy(&mut into.high, &from.high, &rows);
                copy(&mut into.low, &from.low, &rows);
                copy(&mut into.close, &from.close, &rows);
                copy(&mut into.volume, &from.volume, &rows);
            }
            (Columns::Trades(into), Columns::Trades(from)) => {
                copy(&mut into.id, &from.id, &rows);
                copy(&mut into.price, &from.price, &rows);
                copy(&mut into.qty, &from.qty, &rows);
                copy(&mut into.taker, &from.taker, &rows);
            }
            (Columns::Quotes(into), Columns::Quotes(from)) => {
                copy(&mut into.bid_price, &from.bid_price, &rows);
                copy(&mut into.bid_qty, &from.bid_qty, &rows);
                copy(&mut into.ask_price, &from.ask_price, &rows);
                copy(&mut into.ask_qty, &from.ask_qty, &rows);
            }
            (Columns::Book(into), Columns::Book(from)) => {
                copy(&mut into.price, &from.price, &rows);
                copy(&mut into.qty, &from.qty, &rows);
                copy(&mut into.flags, &from.flags, &rows);
            }
            _ => unreachable!("batches of one source are of one kind"),
        }
    }

    /// Forgets the first rows.
    pub(crate) fn drop_front(&mut self, rows: usize) {
        fn drop<T>(column: &mut Vec<T>, rows: usize) {
            column.drain(..rows.min(column.len()));
        }
        drop(&mut self.time, rows);
        drop(&mut self.received, rows);
        drop(&mut self.place, rows);
        let (wide, narrow) = self.columns.arrays_mut();
        wide.into_iter().for_each(|(_, column)| drop(column, rows));
        narrow.into_iter().for_each(|(_, column)| drop(column, rows));
    }

    /// Forgets these rows, which are in rising order.
    pub(crate) fn remove(&mut self, rows: &[usize]) {
        fn remove<T>(column: &mut Vec<T>, rows: &[usize]) {
            let (mut at, mut next) = (0, rows.iter().peekable());
            column.retain(|_| {
                let gone = next.next_if_eq(&&at).is_some();
                at += 1;
                !gone
            });
        }
        remove(&mut self.time, rows);
        remove(&mut self.received, rows);
        remove(&mut self.place, rows);
        let (wide, narrow) = self.columns.arrays_mut();
        wide.into_iter().for_each(|(_, column)| remove(column, rows));
        narrow.into_iter().for_each(|(_, column)| remove(column, rows));
    }

    /// Multiplies all prices, or all quantities. False when one does not fit, and then nothing holds any more.
    pub(crate) fn multiply(&mut self, prices: bool, factor: i64) -> bool {
        let columns: Vec<&mut Vec<i64>> = match (&mut self.columns, prices) {
            (Columns::Bars(bars), true) => {
                vec![&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close]
            }
            (Columns::Bars(bars), false) => vec![&mut bars.volume],
            (Columns::Trades(trades), true) => vec![&mut trades.price],
            (Columns::Trades(trades), false) => vec![&mut trades.qty],
            (Columns::Quotes(quotes), true) => vec![&mut quotes.bid_price, &mut quotes.ask_price],
            (Columns::Quotes(quotes), false) => vec![&mut quotes.bid_qty, &mut quotes.ask_qty],
            (Columns::Book(book), true) => vec![&mut book.price],
            (Columns::Book(book), false) => vec![&mut book.qty],
        };
        columns.into_iter().flatten().all(|value| {
            let product = value.checked_mul(factor).filter(|product| *product < COUNT_END);
            *value = product.unwrap_or(0);
            product.is_some()
        })
    }

    /// Puts the rows from `from` on in order of time; rows of one time keep the order that they have.
    pub(crate) fn sort_from(&mut self, from: usize) {
        fn reorder<T: Copy>(column: &mut [T], from: usize, order: &[usize]) {
            // A column that a file does not have is empty.
            if column.len() >= from + order.len() {
                let before: Vec<T> = column[from..].to_vec();
                for (at, row) in order.iter().enumerate() {
                    column[from + at] = before[*row];
                }
            }
        }
        let mut order: Vec<usize> = (0..self.len() - from).collect();
        order.sort_by_key(|row| self.time[from + row]);
        reorder(&mut self.time, from, &order);
        reorder(&mut self.received, from, &order);
        reorder(&mut self.place, from, &order);
        let (wide, narrow) = self.columns.arrays_mut();
        wide.into_iter().for_each(|(_, column)| reorder(column, from, &order));
        narrow.into_iter().for_each(|(_, column)| reorder(column, from, &order));
    }

    /// Adds a level, but for its time of receipt and its place.
    pub(crate) fn push_level(&mut self, time: i64, (price, qty): (i64, i64), flags: i32) {
        let Columns::Book(book) = &mut self.columns else {
            unreachable!("the batch was made for a book")
        };
        self.time.push(time);
        book.price.push(price);
        book.qty.push(qty);
        book.flags.push(flags);
    }

    /// The row added last ends its event.
    pub(crate) fn set_last(&mut self) {
        if let Columns::Book(book) = &mut self.columns
            && let Some(flags) = book.flags.last_mut()
        {
            *flags |= LAST;
        }
    }

    /// When the row became known.
    pub fn time_of(&self, row: usize) -> Timestamp {
        Timestamp::from_nanos(self.time[row])
    }
}

/// Columns of 64 bits by name.
pub(crate) type Wide<'a> = Vec<(&'static str, &'a mut Vec<i64>)>;
/// Columns of 32 bits by name.
pub(crate) type Narrow<'a> = Option<(&'static str, &'a mut Vec<i32>)>;

impl Columns {
    /// All arrays under the names that they have in a file, for who treats them all alike.
    pub(crate) fn arrays_mut(&mut self) -> (Wide<'_>, Narrow<'_>) {
        match self {
            Columns::Bars(Bars { open, high, low, close, volume }) => (
                vec![
                    ("open", open),
                    ("high", high),
                    ("low", low),
                    ("close", close),
                    ("volume", volume),
                ],
                None,
            ),
            Columns::Trades(Trades { id, price, qty, taker }) => {
                (vec![("id", id), ("price", price), ("qty", qty)], Some(("taker", taker)))
            }
            Columns::Quotes(Quotes { bid_price, bid_qty, ask_price, ask_qty }) => (
                vec![
                    ("bid_price", bid_price),
                    ("bid_qty", bid_qty),
                    ("ask_price", ask_price),
                    ("ask_qty", ask_qty),
                ],
                None,
            ),
            Columns::Book(BookRows { price, qty, flags }) => {
                (vec![("price", price), ("qty", qty)], Some(("flags", flags)))
            }
        }
    }
}

impl Bars {
    /// One bar.
    pub fn row(&self, row: usize) -> BarRow {
        BarRow {
            open: GridPrice(self.open[row]),
            high: GridPrice(self.high[row]),
            low: GridPrice(self.low[row]),
            close: GridPrice(self.close[row]),
            volume: GridQty(self.volume[row]),
        }
    }
}

impl Trades {
    /// One trade.
    pub fn row(&self, row: usize) -> TradeRow {
        TradeRow {
            id: self.id[row].unsigned_abs(),
            price: GridPrice(self.price[row]),
            qty: GridQty(self.qty[row]),
            taker: match self.taker[row] {
                BUY => Some(Side::Buy),
                SELL => Some(Side::Sell),
                _ => None,
            },
        }
    }
}

impl Quotes {
    /// One quote.
    pub fn row(&self, row: usize) -> Quote {
        let level = |price: i64, qty: i64| {
            (price != 0).then_some(Level { price: GridPrice(price), qty: GridQty(qty) })
        };
        Quote {
            bid: level(self.bid_price[row], self.bid_qty[row]),
            ask: level(self.ask_price[row], self.ask_qty[row]),
        }
    }
}

impl BookRows {
    /// One level.
    pub fn row(&self, row: usize) -> BookRow {
        let flags = self.flags[row];
        BookRow {
            side: if flags & ASK == 0 { Side::Buy } else { Side::Sell },
            level: Level { price: GridPrice(self.price[row]), qty: GridQty(self.qty[row]) },
            clear: flags & CLEAR != 0,
            last: flags & LAST != 0,
            lost: flags & LOST != 0,
        }
    }
}

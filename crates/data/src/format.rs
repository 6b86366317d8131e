//! The layouts of others that are known by name.
//!
//! A layout is no code here: it is the names of its columns, which `text/columns.rs` understands, and the
//! kind that must come out. A file with a header says its columns itself.
//!
//! Sources: the README of Binance's public data repository, read 2026-11-30, and Tardis' "Downloadable CSV
//! files" page, read 2026-11-30, both against real files.

use crate::batch::Kind;

/// A layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Recognised by the first bytes, the header or the number of columns.
    #[default]
    Auto,
    /// A text with a header, or with the columns named by the caller.
    Csv,
    /// Parquet: our own, or any with the usual column names.
    Parquet,
    /// One of [`NAMED`].
    Named(&'static Named),
}

/// A layout that has a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// On the command line.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The columns where there is no header.
    pub columns: &'static str,
    /// Trades are numbered without a gap.
    pub consecutive_ids: bool,
}

/// All of them.
pub const NAMED: &[Named] = &[
    Named {
        name: "binance-klines",
        kind: Kind::Bars,
        columns: "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
                  taker_buy_volume,taker_buy_quote_volume,ignore",
        consecutive_ids: false,
    },
    Named {
        name: "binance-trades",
        kind: Kind::Trades,
        columns: "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match",
        consecutive_ids: true,
    },
    Named {
        name: "binance-agg-trades",
        kind: Kind::Trades,
        columns: "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,\
                  is_buyer_maker,is_best_match",
        consecutive_ids: true,
    },
    Named {
        name: "binance-book-ticker",
        kind: Kind::Quotes,
        columns: "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,\
                  transaction_time,event_time",
        consecutive_ids: false,
    },
    Named {
        name: "binance-book-depth",
        kind: Kind::Book,
        columns: "timestamp,percentage,depth,notional",
        consecutive_ids: false,
    },
    Named {
        name: "tardis-trades",
        kind: Kind::Trades,
        columns: "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        consecutive_ids: false,
    },
    Named {
        name: "tardis-quotes",
        kind: Kind::Quotes,
        columns: "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
        consecutive_ids: false,
    },
    Named {
        name: "tardis-incremental-book-l2",
        kind: Kind::Book,
        columns: "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
        consecutive_ids: false,
    },
    Named { name: "tardis-book-snapshot-5", kind: Kind::Book, columns: "", consecutive_ids: false },
    Named {
        name: "tardis-book-snapshot-25",
        kind: Kind::Book,
        columns: "",
        consecutive_ids: false,
    },
    Named {
        name: "kraken-trades",
        kind: Kind::Trades,
        columns: "time,price,volume",
        consecutive_ids: false,
    },
    Named {
        name: "bitfinex-candles",
        kind: Kind::Bars,
        columns: "time,open,close,high,low,volume",
        consecutive_ids: false,
    },
];

impl Format {
    /// The layout of that name.
    pub fn of(name: &str) -> Option<Format> {
        match name {
            "auto" => Some(Format::Auto),
            "csv" => Some(Format::Csv),
            "parquet" => Some(Format::Parquet),
            _ => NAMED.iter().find(|named| named.name == name).map(Format::Named),
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Auto => "auto",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Named(named) => named.name,
        }
    }

    /// All names, for whoever gave a wrong one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["auto", "csv", "parquet"].into_iter().chain(NAMED.iter().map(|named| named.name))
    }
}

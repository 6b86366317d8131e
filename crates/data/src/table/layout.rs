//! Our own Parquet layout, version 1: names, types and what stands in the metadata. `docs/data.md` is its
//! description for others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::market::Grid;
use parquet::basic::{
    DecimalType, LogicalType, Repetition, TimeUnit, TimestampType, Type as Physical,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::FileMetaData;
use parquet::schema::types::{Type, TypePtr};

use crate::batch::{Batch, Kind};
use crate::error::DataError;
use crate::source::Meta;

/// The version that is written and read.
pub(crate) const VERSION: u32 = 1;

/// What `Meta::layout` calls it.
pub(crate) const NAME: &str = "plimsoll";

/// Keys of the metadata.
pub(crate) const LAYOUT: &str = "plimsoll.layout";
pub(crate) const KIND: &str = "plimsoll.kind";
pub(crate) const INSTRUMENT: &str = "plimsoll.instrument";
pub(crate) const PRICE_DECIMALS: &str = "plimsoll.price_decimals";
pub(crate) const QTY_DECIMALS: &str = "plimsoll.qty_decimals";
pub(crate) const INTERVAL: &str = "plimsoll.interval_ns";
pub(crate) const IDS: &str = "plimsoll.ids";
pub(crate) const FIRST: &str = "plimsoll.first_ns";
pub(crate) const LAST: &str = "plimsoll.last_ns";
pub(crate) const SUMS: &str = "plimsoll.sums";

/// The value of [`IDS`] when trades are numbered without a gap.
pub(crate) const CONSECUTIVE: &str = "consecutive";

/// Sums of all values of each column, wrapping around: what was written is what is read.
pub(crate) type Sums = BTreeMap<String, u64>;

/// What the metadata comes to stands among the sums under this name.
pub(crate) const META: &str = "metadata";

/// FNV-1a over what is said of the whole file.
pub(crate) fn sum_of_meta(meta: &Meta, (first, last): (i64, i64)) -> u64 {
    let instrument = meta.instrument.map(|id| id.to_string()).unwrap_or_default();
    let Grid { price_decimals, qty_decimals } = meta.grid;
    let text = format!(
        "{} {instrument} {price_decimals} {qty_decimals} {} {} {first} {last}",
        meta.kind,
        meta.interval.as_nanos(),
        meta.consecutive_ids,
    );
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The name of the column of times: of a bar it is the start that stands in the file.
pub(crate) const fn time_column(kind: Kind) -> &'static str {
    match kind {
        Kind::Bars => "start",
        Kind::Trades | Kind::Quotes | Kind::Book => "time",
    }
}

pub(crate) const RECEIVED: &str = "received";

/// Names of all columns, in their order.
pub(crate) fn columns(kind: Kind, has_received: bool) -> Vec<&'static str> {
    let mut names = vec![time_column(kind)];
    if has_received {
        names.push(RECEIVED);
    }
    let mut batch = Batch::new(kind);
    let (wide, narrow) = batch.columns.arrays_mut();
    names.extend(wide.iter().map(|(name, _)| *name));
    names.extend(narrow.iter().map(|(name, _)| *name));
    names
}

/// Is it a column of prices, of quantities, or neither?
enum Unit {
    Time,
    Price,
    Qty,
    Number,
    Small,
}

fn unit(name: &str) -> Unit {
    match name {
        "start" | "time" | RECEIVED => Unit::Time,
        "open" | "high" | "low" | "close" | "price" | "bid_price" | "ask_price" => Unit::Price,
        "volume" | "qty" | "bid_qty" | "ask_qty" => Unit::Qty,
        "taker" | "flags" => Unit::Small,
        _ => Unit::Number,
    }
}

/// The schema: every column is required.
pub(crate) fn schema(meta: &Meta) -> Result<TypePtr, ParquetError> {
    let column = |name: &&str| -> Result<TypePtr, ParquetError> {
        let decimal = |scale: u8| {
            LogicalType::Decimal(DecimalType { scale: i32::from(scale), precision: 18 })
        };
        let (physical, logical) = match unit(name) {
            Unit::Time => {
                let utc = LogicalType::Timestamp(TimestampType {
                    is_adjusted_to_u_t_c: true,
                    unit: TimeUnit::NANOS,
                });
                (Physical::INT64, Some(utc))
            }
            Unit::Price => (Physical::INT64, Some(decimal(meta.grid.price_decimals))),
            Unit::Qty => (Physical::INT64, Some(decimal(meta.grid.qty_decimals))),
            Unit::Number => (Physical::INT64, None),
            Unit::Small => (Physical::INT32, None),
        };
        let mut column = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical.clone());
        if let Some(LogicalType::Decimal(DecimalType { scale, precision })) = logical {
            column = column.with_precision(precision).with_scale(scale);
        }
        Ok(Arc::new(column.build()?))
    };
    let names = columns(meta.kind, meta.has_received);
    let fields = names.iter().map(column).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("plimsoll").with_fields(fields).build()?))
}

/// Ours is what says so anywhere: a file of ours that is damaged must not pass for somebody else's.
pub(crate) fn is_ours(meta: &FileMetaData) -> bool {
    let keys = meta.key_value_metadata().into_iter().flatten();
    keys.map(|pair| pair.key.as_str()).chain(meta.created_by()).any(|word| word.starts_with(NAME))
}

/// A value of the metadata.
pub(crate) fn value<'a>(meta: &'a FileMetaData, key: &str) -> Option<&'a str> {
    let all = meta.key_value_metadata()?;
    all.iter().find(|pair| pair.key == key)?.value.as_deref()
}

/// The library's word for what is wrong.
pub(crate) fn damaged(path: &Path, error: &ParquetError) -> DataError {
    DataError::Damaged { file: path.to_owned(), detail: error.to_string() }
}

pub(crate) fn sums_as_text(sums: &Sums) -> String {
    sums.iter().map(|(name, sum)| format!("{name}:{sum}")).collect::<Vec<_>>().join(",")
}

pub(crate) fn sums_of_text(text: &str) -> Option<Sums> {
    let pair = |pair: &str| {
        let (name, sum) = pair.split_once(':')?;
        Some((name.to_owned(), sum.parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

/// Adds a column's values to its sum.
pub(crate) fn add_up(sum: &mut u64, values: impl Iterator<Item = i64>) {
    *sum = values.fold(*sum, |sum, value| sum.wrapping_add(value as u64));
}

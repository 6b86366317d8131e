//! Parquet of anybody, with the usual column names.
//!
//! Each row goes through the same path as a line of a text, because what has to be understood and checked
//! there is the same: times in any unit, binary numbers that mean decimal ones, sides in words. That makes
//! it as slow as a text; whoever wants speed imports it once.

use std::fmt::Write as _;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Decimal;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::guard::guarded;
use super::layout;
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::{DataError, Place};
use crate::number;
use crate::options::{BadRowsAre, Options};
use crate::source::{Meta, Remarks, Source};
use crate::text::{Bad, Columns, Line, Role, Rows, Seen, by_name, describe};

/// Rows that are looked at before the first one is read.
const SAMPLE: usize = 20_000;

/// A table in a layout of somebody else.
pub(crate) struct Foreign {
    path: PathBuf,
    size: u64,
    iter: RowIter<'static>,
    buffer: Buffer,
    rows: Rows,
    meta: Meta,
    row: u64,
    remarks: Remarks,
    bad_rows_are: BadRowsAre,
    done: bool,
}

/// A row as a line.
#[derive(Default)]
struct Buffer {
    text: String,
    fields: Vec<Range<usize>>,
}

impl Foreign {
    pub(crate) fn new(
        path: &Path,
        file: SerializedFileReader<File>,
        options: &Options,
        exact: bool,
    ) -> Result<Foreign, DataError> {
        let problem = |why| DataError::Layout { file: path.to_owned(), why };
        let damaged = |error| layout::damaged(path, &error);
        let rows = u64::try_from(file.metadata().file_metadata().num_rows()).unwrap_or(0);
        if rows == 0 {
            return Err(DataError::Empty { file: path.to_owned() });
        }
        let schema = file.metadata().file_metadata().schema().clone();
        let fields: Vec<_> =
            schema.get_fields().iter().filter(|field| field.is_primitive()).cloned().collect();
        let names: Vec<String> = match &options.columns {
            Some(told) => told.clone(),
            None => fields.iter().map(|field| field.name().to_owned()).collect(),
        };
        let mut columns = by_name(&names, options.kind, false).map_err(problem)?;
        let used: Vec<_> = fields
            .iter()
            .zip(&columns.roles)
            .filter(|(_, role)| **role != Role::Skip)
            .map(|(field, _)| Arc::clone(field))
            .collect();
        columns.roles.retain(|role| *role != Role::Skip);
        if columns.layout == "csv" {
            columns.layout = "parquet";
        }
        let projection =
            Type::group_type_builder(schema.name()).with_fields(used).build().map_err(damaged)?;
        let seen = look(path, &projection, &columns)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut meta = describe((path, &name), &columns, &seen, options, exact)?;
        meta.rows = Some(rows);
        let interval = i64::try_from(meta.interval.as_nanos()).unwrap_or(i64::MAX);
        let only = options.symbol.clone();
        let rows = Rows::new(&columns, (meta.grid, options.round), interval, seen.symbol(), only);
        let size = std::fs::metadata(path)
            .map_err(|error| DataError::Io { file: path.to_owned(), error })?
            .len();
        let iter =
            guarded(path, || RowIter::from_file_into(Box::new(file)).project(Some(projection)))?;
        Ok(Foreign {
            path: path.to_owned(),
            size,
            iter,
            buffer: Buffer::default(),
            rows,
            meta,
            row: 0,
            remarks: Remarks::default(),
            bad_rows_are: options.bad_rows,
            done: false,
        })
    }

    fn refuse(&mut self, bad: Bad) -> Result<(), DataError> {
        let place = Place { file: self.path.clone(), line: self.row };
        let error = match bad.error(place, self.meta.grid) {
            None => {
                self.remarks.other_symbols += 1;
                return Ok(());
            }
            Some(error) => error,
        };
        self.remarks.take(error, self.bad_rows_are)
    }
}

/// Reads the first rows for what they need.
fn look(path: &Path, projection: &Type, columns: &Columns) -> Result<Seen, DataError> {
    let file = File::open(path).map_err(|error| DataError::Io { file: path.to_owned(), error })?;
    guarded(path, || {
        let file = SerializedFileReader::new(file)?;
        let iter = RowIter::from_file_into(Box::new(file)).project(Some(projection.clone()))?;
        let mut seen = Seen::default();
        let mut buffer = Buffer::default();
        for row in iter.take(SAMPLE) {
            buffer.set(&row?);
            seen.see(buffer.text.as_bytes(), &buffer.fields, &columns.roles);
        }
        Ok(seen)
    })
}

impl Source for Foreign {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        batch.clear();
        let room = self.rows.most();
        while !self.done && batch.len() + room <= BATCH_ROWS {
            let Some(row) = guarded(&self.path, || self.iter.next().transpose())? else {
                self.rows.finish(batch);
                self.done = true;
                break;
            };
            self.buffer.set(&row);
            self.row += 1;
            let Buffer { text, fields } = &self.buffer;
            let line = Line { text: text.as_bytes(), fields, number: self.row };
            if let Err(bad) = self.rows.add(&line, batch) {
                self.refuse(bad)?;
            }
        }
        self.remarks.rounded = self.rows.rounded();
        Ok(!batch.is_empty())
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn bytes_read(&self) -> u64 {
        let share = self.row as f64 / self.meta.rows.unwrap_or(1).max(1) as f64;
        (self.size as f64 * share) as u64
    }
}

impl Buffer {
    fn set(&mut self, row: &Row) {
        self.text.clear();
        self.fields.clear();
        for (_, field) in row.get_column_iter() {
            let from = self.text.len();
            // Writing into a string cannot fail.
            let _ = write_field(&mut self.text, field);
            self.fields.push(from..self.text.len());
        }
    }
}

fn write_field(text: &mut String, field: &Field) -> std::fmt::Result {
    match field {
        // What has no value, or none that market data is made of, is an empty field.
        Field::Null | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => Ok(()),
        Field::Bool(value) => write!(text, "{value}"),
        Field::Byte(value) => write!(text, "{value}"),
        Field::Short(value) => write!(text, "{value}"),
        Field::Int(value) | Field::TimeMillis(value) => write!(text, "{value}"),
        Field::Long(value)
        | Field::TimeMicros(value)
        | Field::TimestampMillis(value)
        | Field::TimestampMicros(value) => write!(text, "{value}"),
        Field::UByte(value) => write!(text, "{value}"),
        Field::UShort(value) => write!(text, "{value}"),
        Field::UInt(value) => write!(text, "{value}"),
        Field::ULong(value) => write!(text, "{value}"),
        Field::Float16(value) => write!(text, "{value}"),
        Field::Float(value) => write!(text, "{value}"),
        Field::Double(value) => text.write_str(&number::of_binary(*value)),
        Field::Date(days) => write!(text, "{}", i64::from(*days) * 86_400),
        Field::Str(value) => text.write_str(value),
        Field::Bytes(value) => text.write_str(&String::from_utf8_lossy(value.data())),
        Field::Decimal(value) => {
            // Big-endian, of any length, signed.
            let bytes = value.data();
            let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
            let start = if negative { -1i128 } else { 0 };
            let mantissa = bytes.iter().fold(start, |all, byte| (all << 8) | i128::from(*byte));
            let decimals = u32::try_from(value.scale()).unwrap_or(0);
            match Decimal::from_mantissa(mantissa, decimals) {
                Some(number) if bytes.len() <= 16 => write!(text, "{number}"),
                _ => text.write_str("more digits than can be held"),
            }
        }
    }
}

//! Reads our own layout, straight into the arrays of a batch.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::market::Grid;
use model::{InstrumentId, Timestamp};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::guard::guarded;
use super::layout::{self, Sums};
use crate::batch::{BATCH_ROWS, Batch, Kind};
use crate::error::{DataError, LayoutProblem};
use crate::options::Options;
use crate::source::{Meta, Remarks, Source};

/// A file in our own layout.
pub(crate) struct Table {
    path: PathBuf,
    file: SerializedFileReader<File>,
    size: u64,
    meta: Meta,
    /// Nanoseconds, what is added to a time in the file.
    interval: i64,
    next_group: usize,
    /// Readers of the columns of the group that is being read, and its rows that are left.
    columns: Vec<ColumnReader>,
    left: usize,
    sums: Sums,
    promised: Sums,
    rows: u64,
    last: i64,
    remarks: Remarks,
}

impl Table {
    pub(crate) fn new(
        path: &Path,
        file: SerializedFileReader<File>,
        options: &Options,
    ) -> Result<Table, DataError> {
        let problem = |why| DataError::Layout { file: path.to_owned(), why };
        let (meta, promised) = meta(path, &file, options)?;
        if let Some(wanted) = options.kind.filter(|kind| *kind != meta.kind) {
            return Err(problem(LayoutProblem::Kind { is: meta.kind.name(), wanted }));
        }
        let schema = file.metadata().file_metadata().schema_descr();
        let has: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
        let want = layout::columns(meta.kind, meta.has_received);
        if has != want {
            let detail = format!("its columns are {}, not {}", has.join(", "), want.join(", "));
            return Err(DataError::Damaged { file: path.to_owned(), detail });
        }
        let size = std::fs::metadata(path)
            .map_err(|error| DataError::Io { file: path.to_owned(), error })?
            .len();
        Ok(Table {
            path: path.to_owned(),
            file,
            size,
            interval: i64::try_from(meta.interval.as_nanos()).unwrap_or(i64::MAX),
            meta,
            next_group: 0,
            columns: Vec::new(),
            left: 0,
            sums: Sums::new(),
            promised,
            rows: 0,
            last: i64::MIN,
            remarks: Remarks::default(),
        })
    }

    fn fill(&mut self, batch: &mut Batch) -> Result<(), ParquetError> {
        while self.left == 0 && self.next_group < self.file.num_row_groups() {
            let group = self.file.get_row_group(self.next_group)?;
            let columns = 0..group.num_columns();
            self.columns =
                columns.map(|at| group.get_column_reader(at)).collect::<Result<_, _>>()?;
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.next_group += 1;
        }
        let rows = self.left.min(BATCH_ROWS);
        self.left -= rows;
        let mut readers = self.columns.iter_mut();
        let Batch { time, received, columns, .. } = batch;
        let (wide, narrow) = columns.arrays_mut();
        let mut all = vec![(layout::time_column(self.meta.kind), time)];
        if self.meta.has_received {
            all.push((layout::RECEIVED, received));
        }
        all.extend(wide);
        if rows == 0 {
            return Ok(());
        }
        for (name, values) in all {
            let Some(ColumnReader::Int64ColumnReader(reader)) = readers.next() else {
                return Err(ParquetError::General(format!("{name} is not of 64 bits")));
            };
            read(reader, rows, values)?;
            let sum = self.sums.entry(name.to_owned()).or_default();
            layout::add_up(sum, values.iter().copied());
        }
        if let Some((name, values)) = narrow {
            let Some(ColumnReader::Int32ColumnReader(reader)) = readers.next() else {
                return Err(ParquetError::General(format!("{name} is not of 32 bits")));
            };
            read(reader, rows, values)?;
            let sum = self.sums.entry(name.to_owned()).or_default();
            layout::add_up(sum, values.iter().map(|value| i64::from(*value)));
        }
        Ok(())
    }

    fn damaged(&self, detail: String) -> DataError {
        DataError::Damaged { file: self.path.clone(), detail }
    }
}

impl Source for Table {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        assert_eq!(batch.kind(), self.meta.kind, "a batch is of the kind of its source");
        batch.clear();
        let path = self.path.clone();
        guarded(&path, || self.fill(batch))?;
        if batch.is_empty() {
            if self.rows > 0 && self.sums != self.promised {
                return Err(self.damaged("its values are not those that were written".to_owned()));
            }
            return Ok(false);
        }
        self.rows += batch.len() as u64;
        if self.interval > 0 {
            let interval = self.interval;
            batch.time.iter_mut().for_each(|time| *time = time.saturating_add(interval));
        }
        let first = batch.time.first().copied().unwrap_or(self.last);
        if first < self.last || !batch.time.is_sorted() {
            let detail = "its rows are not in order of time, as those of an imported file are";
            return Err(self.damaged(detail.to_owned()));
        }
        self.last = batch.time.last().copied().unwrap_or(self.last);
        Ok(true)
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn bytes_read(&self) -> u64 {
        let share = self.rows as f64 / self.meta.rows.unwrap_or(1).max(1) as f64;
        (self.size as f64 * share) as u64
    }
}

/// Reads so many values; the library stops at each page.
fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    values: &mut Vec<T::T>,
) -> Result<(), ParquetError> {
    while values.len() < rows {
        let (_, read, _) = reader.read_records(rows - values.len(), None, None, values)?;
        if read == 0 {
            return Err(ParquetError::EOF(format!("{} rows are missing", rows - values.len())));
        }
    }
    Ok(())
}

/// What the metadata says.
fn meta(
    path: &Path,
    file: &SerializedFileReader<File>,
    options: &Options,
) -> Result<(Meta, Sums), DataError> {
    let metadata = file.metadata().file_metadata();
    let value = |key| layout::value(metadata, key);
    let broken = |key: &str| DataError::Damaged {
        file: path.to_owned(),
        detail: format!("{key} is missing in its metadata, or is nothing that was written there"),
    };
    let number = |key: &'static str| {
        value(key).and_then(|text| text.parse::<i64>().ok()).ok_or_else(|| broken(key))
    };
    let version = value(layout::LAYOUT).ok_or_else(|| broken(layout::LAYOUT))?;
    if version != layout::VERSION.to_string() {
        let why = LayoutProblem::Version { is: version.to_owned(), known: layout::VERSION };
        return Err(DataError::Layout { file: path.to_owned(), why });
    }
    let kind = value(layout::KIND).and_then(Kind::of).ok_or_else(|| broken(layout::KIND))?;
    let decimals = |key: &'static str| {
        let all = value(key).and_then(|text| text.parse::<u8>().ok());
        all.filter(|decimals| *decimals <= 18).ok_or_else(|| broken(key))
    };
    let interval = match kind {
        Kind::Bars => u64::try_from(number(layout::INTERVAL)?).unwrap_or(0),
        _ => 0,
    };
    if kind == Kind::Bars && interval == 0 {
        return Err(broken(layout::INTERVAL));
    }
    let told = value(layout::INSTRUMENT).and_then(|text| InstrumentId::new(text).ok());
    let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
    if rows == 0 {
        return Err(DataError::Empty { file: path.to_owned() });
    }
    let span = (number(layout::FIRST)?, number(layout::LAST)?);
    let columns = metadata.schema_descr().columns();
    let mut meta = Meta {
        kind,
        instrument: told,
        grid: Grid {
            price_decimals: decimals(layout::PRICE_DECIMALS)?,
            qty_decimals: decimals(layout::QTY_DECIMALS)?,
        },
        interval: Duration::from_nanos(interval),
        has_received: columns.iter().any(|column| column.name() == layout::RECEIVED),
        consecutive_ids: value(layout::IDS) == Some(layout::CONSECUTIVE),
        layout: layout::NAME,
        rows: Some(rows),
        span: Some((Timestamp::from_nanos(span.0), Timestamp::from_nanos(span.1))),
    };
    let sums = value(layout::SUMS).and_then(layout::sums_of_text);
    let mut sums = sums.ok_or_else(|| broken(layout::SUMS))?;
    if sums.remove(layout::META) != Some(layout::sum_of_meta(&meta, span)) {
        let detail = "its metadata is not what was written".to_owned();
        return Err(DataError::Damaged { file: path.to_owned(), detail });
    }
    meta.instrument = options.instrument.or(told);
    Ok((meta, sums))
}

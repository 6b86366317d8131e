//! Writes our own layout.
//!
//! What is written is not there until it is whole: rows go to a file beside the target that has no name yet
//! for anybody else, and the last step is a rename.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use tempfile::NamedTempFile;

use super::layout::{self, Sums};
use crate::batch::{Batch, Kind};
use crate::error::DataError;
use crate::source::Meta;

/// Rows that are gathered before they are written, because a column is written as a whole.
const GROUP_ROWS: usize = 1 << 18;

/// A file that is being written.
pub struct Writer {
    target: PathBuf,
    file: NamedTempFile,
    parquet: SerializedFileWriter<BufWriter<File>>,
    meta: Meta,
    interval: i64,
    group: Batch,
    sums: Sums,
    span: Option<(i64, i64)>,
    rows: u64,
}

impl Writer {
    /// Begins. The target is neither made nor touched before [`Writer::finish`]; a target that is there
    /// already is replaced then.
    pub fn create(target: &Path, meta: &Meta) -> Result<Writer, DataError> {
        Writer::create_as(target, meta, ".plimsoll-import-")
    }

    /// The same, where the file without a name begins with these letters all the same: so that whoever comes
    /// after a crash knows it.
    pub(crate) fn create_as(target: &Path, meta: &Meta, hidden: &str) -> Result<Writer, DataError> {
        let io = |error| DataError::Io { file: target.to_owned(), error };
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(hidden).suffix(".parquet");
        // As any other file that the user makes; a temporary one would be for them alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(io)?;
        let handle = BufWriter::with_capacity(1 << 20, file.reopen().map_err(io)?);
        let schema = layout::schema(meta).map_err(|error| layout::damaged(target, &error))?;
        let properties = Arc::new(properties(meta));
        let parquet = SerializedFileWriter::new(handle, schema, properties)
            .map_err(|error| layout::damaged(target, &error))?;
        Ok(Writer {
            target: target.to_owned(),
            file,
            parquet,
            meta: meta.clone(),
            interval: i64::try_from(meta.interval.as_nanos()).unwrap_or(i64::MAX),
            group: Batch::new(meta.kind),
            sums: Sums::new(),
            span: None,
            rows: 0,
        })
    }

    /// Adds rows, which come in order.
    pub fn write(&mut self, batch: &Batch) -> Result<(), DataError> {
        let mut from = 0;
        while from < batch.len() {
            let rows = (GROUP_ROWS - self.group.len()).min(batch.len() - from);
            self.group.append(batch, from..from + rows);
            from += rows;
            if self.group.len() == GROUP_ROWS {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows + self.group.len() as u64
    }

    /// Writes what is left, and gives the file its name.
    pub fn finish(mut self) -> Result<(), DataError> {
        self.flush()?;
        let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        let sum = layout::sum_of_meta(&self.meta, self.span.unwrap_or_default());
        self.sums.insert(layout::META.to_owned(), sum);
        self.parquet
            .append_key_value_metadata(pair(layout::SUMS, layout::sums_as_text(&self.sums)));
        if let Some((first, last)) = self.span {
            self.parquet.append_key_value_metadata(pair(layout::FIRST, first.to_string()));
            self.parquet.append_key_value_metadata(pair(layout::LAST, last.to_string()));
        }
        self.parquet.finish().map_err(|error| failed(&self.target, error))?;
        let io = |error| DataError::Io { file: self.target.clone(), error };
        self.parquet.inner_mut().flush().map_err(io)?;
        self.file.as_file().sync_all().map_err(io)?;
        self.file
            .persist(&self.target)
            .map_err(|error| DataError::Io { file: self.target.clone(), error: error.error })?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DataError> {
        let (Some(first), Some(last)) = (self.group.time.first(), self.group.time.last()) else {
            return Ok(());
        };
        self.span = Some((self.span.map_or(*first, |span| span.0), *last));
        self.rows += self.group.len() as u64;
        // In the file stands the start of a bar.
        let interval = self.interval;
        self.group.time.iter_mut().for_each(|time| *time -= interval);
        self.write_group().map_err(|error| failed(&self.target, error))?;
        self.group.clear();
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut rows = self.parquet.next_row_group()?;
        let Batch { time, received, columns, .. } = &mut self.group;
        let (wide, narrow) = columns.arrays_mut();
        let mut all = vec![(layout::time_column(self.meta.kind), time)];
        if self.meta.has_received {
            all.push((layout::RECEIVED, received));
        }
        all.extend(wide);
        for (name, values) in all {
            let Some(mut column) = rows.next_column()? else { break };
            column.typed::<Int64Type>().write_batch(values, None, None)?;
            column.close()?;
            let sum = self.sums.entry(name.to_owned()).or_default();
            layout::add_up(sum, values.iter().copied());
        }
        if let (Some((name, values)), Some(mut column)) = (narrow, rows.next_column()?) {
            column.typed::<Int32Type>().write_batch(values, None, None)?;
            column.close()?;
            let sum = self.sums.entry(name.to_owned()).or_default();
            layout::add_up(sum, values.iter().map(|value| i64::from(*value)));
        }
        rows.close()?;
        Ok(())
    }
}

/// Each column is packed as what it is: times and numbers that grow by their differences, prices and
/// quantities by a dictionary as long as that is small. LZ4 on top, because reading decides.
fn properties(meta: &Meta) -> WriterProperties {
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut pairs = vec![
        pair(layout::LAYOUT, layout::VERSION.to_string()),
        pair(layout::KIND, meta.kind.name().to_owned()),
        pair(layout::PRICE_DECIMALS, meta.grid.price_decimals.to_string()),
        pair(layout::QTY_DECIMALS, meta.grid.qty_decimals.to_string()),
    ];
    if let Some(instrument) = meta.instrument {
        pairs.push(pair(layout::INSTRUMENT, instrument.to_string()));
    }
    if meta.kind == Kind::Bars {
        pairs.push(pair(layout::INTERVAL, meta.interval.as_nanos().to_string()));
    }
    if meta.consecutive_ids {
        pairs.push(pair(layout::IDS, layout::CONSECUTIVE.to_owned()));
    }
    let by_time = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("plimsoll {}", env!("CARGO_PKG_VERSION")))
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_dictionary_page_size_limit(1 << 18)
        .set_sorting_columns(Some(vec![by_time]))
        .set_key_value_metadata(Some(pairs));
    for name in layout::columns(meta.kind, meta.has_received) {
        let path = ColumnPath::from(name);
        if [layout::time_column(meta.kind), layout::RECEIVED, "id"].contains(&name) {
            properties = properties.set_column_dictionary_enabled(path.clone(), false);
        }
        properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// What the library calls an error of the disk is one.
fn failed(path: &Path, error: ParquetError) -> DataError {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(error) => DataError::Io { file: path.to_owned(), error: *error },
            Err(cause) => DataError::Damaged { file: path.to_owned(), detail: cause.to_string() },
        },
        error => layout::damaged(path, &error),
    }
}

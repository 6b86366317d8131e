//! An answer as a Parquet file: whole numbers, doubles and text as what they are; every column may hold nothing.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::error::ViewsError;
use crate::table::{Cell, Table};

/// What a column is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Real,
    Text,
    Bytes,
}

/// Writes a table to a file, which is there when it is whole.
pub fn write(table: &Table, path: &Path) -> Result<(), ViewsError> {
    let problem = |problem: String| ViewsError::File { path: path.to_owned(), problem };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = Path::new(&name);
    let written = File::create(part)
        .map_err(|error| error.to_string())
        .and_then(|file| fill(table, file).map_err(|error| error.to_string()))
        .and_then(|()| std::fs::rename(part, path).map_err(|error| error.to_string()));
    written.map_err(|error| {
        let _ = std::fs::remove_file(part);
        problem(error)
    })
}

/// What all values of a column can be written as: text takes everything.
fn kind(table: &Table, index: usize) -> Kind {
    let cells = || table.rows.iter().filter_map(move |row| row.get(index));
    let all = |is: fn(&Cell) -> bool| cells().all(|cell| *cell == Cell::Null || is(cell));
    if cells().all(|cell| *cell == Cell::Null) {
        Kind::Text
    } else if all(|cell| matches!(cell, Cell::Integer(_))) {
        Kind::Integer
    } else if all(|cell| matches!(cell, Cell::Integer(_) | Cell::Real(_))) {
        Kind::Real
    } else if all(|cell| matches!(cell, Cell::Bytes(_))) {
        Kind::Bytes
    } else {
        Kind::Text
    }
}

fn fill(table: &Table, file: File) -> Result<(), ParquetError> {
    let kinds: Vec<Kind> = (0..table.columns.len()).map(|index| kind(table, index)).collect();
    let fields = table.columns.iter().zip(&kinds).map(|(name, kind)| {
        let (physical, logical) = match kind {
            Kind::Integer => (Physical::INT64, None),
            Kind::Real => (Physical::DOUBLE, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Bytes => (Physical::BYTE_ARRAY, None),
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        field.build().map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder("answer").with_fields(fields).build()?);
    let properties = WriterProperties::builder()
        .set_created_by(format!("plimsoll {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::LZ4_RAW);
    let out = BufWriter::new(file);
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
    let mut group = writer.next_row_group()?;
    for (index, kind) in kinds.into_iter().enumerate() {
        let Some(mut column) = group.next_column()? else { break };
        let cells: Vec<&Cell> = table.rows.iter().filter_map(|row| row.get(index)).collect();
        let levels: Vec<i16> = cells.iter().map(|cell| i16::from(**cell != Cell::Null)).collect();
        let there = cells.into_iter().filter(|cell| **cell != Cell::Null);
        match kind {
            Kind::Integer => {
                let values: Vec<i64> = there
                    .filter_map(|cell| match cell {
                        Cell::Integer(number) => Some(*number),
                        _ => None,
                    })
                    .collect();
                column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
            }
            Kind::Real => {
                let values: Vec<f64> = there
                    .filter_map(|cell| match cell {
                        Cell::Real(number) => Some(*number),
                        Cell::Integer(number) => Some(*number as f64),
                        _ => None,
                    })
                    .collect();
                column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
            }
            Kind::Text | Kind::Bytes => {
                let values: Vec<ByteArray> = there
                    .map(|cell| match cell {
                        Cell::Bytes(bytes) if kind == Kind::Bytes => bytes.clone().into(),
                        other => other.text().into_bytes().into(),
                    })
                    .collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
            }
        }
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

//! Rows gathered as columns, and the schema of a file. A number of money is `DECIMAL(38, 18)`, exact; a text that
//! a record does not have is null.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use parquet::basic::{
    Compression, DecimalType, Encoding, IntType, LogicalType, Repetition, TimeUnit, TimestampType,
    Type as Physical, ZstdLevel,
};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type as Node, TypePtr};

use crate::row::Row;
use crate::schema::{self, COLUMNS, Type, Value};

/// Bytes of a 128-bit decimal.
const DECIMAL_BYTES: i32 = 16;

/// What a column has gathered: the values that are there, and for each row whether one is.
#[derive(Debug)]
enum Values {
    Text(Vec<ByteArray>),
    Long(Vec<i64>),
    Decimal(Vec<FixedLenByteArray>),
    Flag(Vec<bool>),
}

/// A row group that is being gathered.
#[derive(Debug)]
pub(super) struct Group {
    columns: Vec<(Values, Vec<i16>)>,
    rows: usize,
}

impl Group {
    pub(super) fn new() -> Group {
        let empty = |holds: Type| match holds {
            Type::Text | Type::Word => Values::Text(Vec::new()),
            Type::Number | Type::MaybeNumber | Type::Nanos | Type::Time => Values::Long(Vec::new()),
            Type::Decimal => Values::Decimal(Vec::new()),
            Type::Flag => Values::Flag(Vec::new()),
        };
        let columns = COLUMNS.iter().map(|column| (empty(column.holds), Vec::new())).collect();
        Group { columns, rows: 0 }
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn add(&mut self, row: &Row) {
        self.rows += 1;
        schema::values(row, |index, value| {
            let (values, there) = &mut self.columns[index];
            let is_there = match (values, value) {
                (Values::Text(values), Value::Text(text)) => {
                    let keeps = !text.is_empty() || is_required(index);
                    if keeps {
                        values.push(ByteArray::from(text.as_bytes().to_vec()));
                    }
                    keeps
                }
                (Values::Long(values), Value::Number(Some(number))) => {
                    values.push(number.cast_signed());
                    true
                }
                (Values::Long(values), Value::Nanos(nanos)) => {
                    values.push(nanos);
                    true
                }
                (Values::Decimal(values), Value::Decimal(Some(number))) => {
                    let bytes = number.count().to_be_bytes().to_vec();
                    values.push(FixedLenByteArray::from(bytes));
                    true
                }
                (Values::Flag(values), Value::Flag(Some(flag))) => {
                    values.push(flag);
                    true
                }
                _ => false,
            };
            there.push(i16::from(is_there));
        });
    }

    /// Writes what was gathered as one row group.
    pub(super) fn write(
        &mut self,
        file: &mut SerializedFileWriter<BufWriter<File>>,
    ) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for (index, (values, there)) in self.columns.iter().enumerate() {
            let Some(mut column) = group.next_column()? else { break };
            let there = (!is_required(index)).then_some(there.as_slice());
            match values {
                Values::Text(values) => {
                    column.typed::<ByteArrayType>().write_batch(values, there, None)?;
                }
                Values::Long(values) => {
                    column.typed::<Int64Type>().write_batch(values, there, None)?;
                }
                Values::Decimal(values) => {
                    column.typed::<FixedLenByteArrayType>().write_batch(values, there, None)?;
                }
                Values::Flag(values) => {
                    column.typed::<BoolType>().write_batch(values, there, None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
        *self = Group::new();
        Ok(())
    }
}

/// Does every row have one?
fn is_required(index: usize) -> bool {
    match COLUMNS[index].holds {
        Type::Number | Type::Nanos | Type::Time => true,
        Type::Text | Type::Word => ["id", "journal", "kind", "json"].contains(&COLUMNS[index].name),
        Type::MaybeNumber | Type::Decimal | Type::Flag => false,
    }
}

pub(super) fn schema() -> Result<TypePtr, ParquetError> {
    let column = |index: usize| -> Result<TypePtr, ParquetError> {
        let column = &COLUMNS[index];
        let (physical, logical) = match column.holds {
            Type::Text | Type::Word => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Type::Number | Type::MaybeNumber => {
                let unsigned = IntType { bit_width: 64, is_signed: false };
                (Physical::INT64, Some(LogicalType::Integer(unsigned)))
            }
            Type::Nanos => (Physical::INT64, None),
            Type::Time => {
                let utc = TimestampType { is_adjusted_to_u_t_c: true, unit: TimeUnit::NANOS };
                (Physical::INT64, Some(LogicalType::Timestamp(utc)))
            }
            Type::Decimal => {
                let exact = DecimalType { scale: 18, precision: 38 };
                (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Decimal(exact)))
            }
            Type::Flag => (Physical::BOOLEAN, None),
        };
        let repetition =
            if is_required(index) { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let mut node = Node::primitive_type_builder(column.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical);
        if column.holds == Type::Decimal {
            node = node.with_length(DECIMAL_BYTES).with_precision(38).with_scale(18);
        }
        Ok(Arc::new(node.build()?))
    };
    let fields = (0..COLUMNS.len()).map(column).collect::<Result<_, _>>()?;
    Ok(Arc::new(Node::group_type_builder("records").with_fields(fields).build()?))
}

/// Numbers that grow by their differences, words by a dictionary, the rest by the compressor.
pub(super) fn properties() -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("plimsoll {}", env!("CARGO_PKG_VERSION")))
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    for column in COLUMNS {
        let path = ColumnPath::from(column.name);
        match column.holds {
            Type::Number | Type::Nanos | Type::Time => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            Type::Text => {
                properties = properties.set_column_dictionary_enabled(path.clone(), false);
                if column.name == "json" {
                    // Nobody looks for records by the first letters of their JSON.
                    properties =
                        properties.set_column_statistics_enabled(path, EnabledStatistics::None);
                }
            }
            Type::Word | Type::MaybeNumber | Type::Decimal | Type::Flag => {}
        }
    }
    Ok(properties.build())
}

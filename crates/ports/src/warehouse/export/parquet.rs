//! Parquet: typed columns, compressed by Snappy, which every reader of it knows.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::RowSink;
use super::kinds::{Candidates, ColumnKind, days, local_millis, millis};
use crate::warehouse::Value;
use scanmill_core::error::{Error, Result};

/// Rows of a row group: what is held in memory at a time.
const GROUP: usize = 20_000;

/// Writes Parquet. The type of a column is known when the last row is, so rows wait in a file without a name.
pub struct ParquetSink {
    to: File,
    name: String,
    waiting: BufWriter<File>,
    columns: Vec<(String, Candidates)>,
    rows: u64,
}

impl ParquetSink {
    /// One that writes to `to`, which is `path`. Rows wait in a file in the same folder.
    ///
    /// # Errors
    /// When that file cannot be made.
    pub fn new(to: File, path: &Path) -> Result<ParquetSink> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let waiting =
            tempfile::tempfile_in(folder).map_err(|error| Error::io("cannot make a file in", folder, error))?;
        let name = path.display().to_string();
        Ok(ParquetSink { to, name, waiting: BufWriter::new(waiting), columns: Vec::new(), rows: 0 })
    }
}

impl RowSink for ParquetSink {
    fn columns(&mut self, columns: &[String]) -> Result<()> {
        self.columns = columns.iter().map(|name| (name.clone(), Candidates::of(name))).collect();
        Ok(())
    }

    fn row(&mut self, row: Vec<Value>) -> Result<()> {
        for ((_, candidates), value) in self.columns.iter_mut().zip(&row) {
            candidates.see(value);
        }
        self.rows += 1;
        let line = serde_json::to_string(&row).map_err(|error| Error::bug("a row has no JSON").with_source(error))?;
        let written = self.waiting.write_all(line.as_bytes()).and_then(|()| self.waiting.write_all(b"\n"));
        written.map_err(|error| Error::io("cannot write rows beside", self.name.as_ref(), error))
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        let ParquetSink { to, name, waiting, columns, rows } = *self;
        let failed = |error: std::io::Error| Error::io("cannot read rows beside", name.as_ref(), error);
        let mut file = waiting.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        let kinds: Vec<(String, ColumnKind)> =
            columns.into_iter().map(|(name, candidates)| (name, candidates.kind())).collect();
        let cannot =
            |error: ParquetError| Error::permanent(format!("cannot write Parquet to `{name}`")).with_source(error);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer =
            SerializedFileWriter::new(to, schema(&kinds).map_err(cannot)?, Arc::new(properties)).map_err(cannot)?;
        let mut lines = BufReader::new(file).lines();
        loop {
            let mut group: Vec<Vec<Value>> = vec![Vec::new(); kinds.len()];
            let mut rows_here = 0;
            for line in lines.by_ref().take(GROUP) {
                let row: Vec<Value> = serde_json::from_str(&line.map_err(failed)?)
                    .map_err(|error| Error::bug("a row that was put by is not JSON").with_source(error))?;
                group.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
                rows_here += 1;
            }
            if rows_here == 0 {
                break;
            }
            write_group(&mut writer, &kinds, &group).map_err(cannot)?;
        }
        writer.close().map_err(cannot)?;
        Ok(rows)
    }
}

fn schema(kinds: &[(String, ColumnKind)]) -> std::result::Result<Arc<Type>, ParquetError> {
    let time = |utc| LogicalType::timestamp(utc, TimeUnit::MILLIS);
    let fields = kinds.iter().map(|(name, kind)| {
        let (physical, logical) = match kind {
            ColumnKind::Bool => (Physical::BOOLEAN, None),
            ColumnKind::Integer => (Physical::INT64, None),
            ColumnKind::Real => (Physical::DOUBLE, None),
            ColumnKind::Timestamp => (Physical::INT64, Some(time(true))),
            ColumnKind::Local => (Physical::INT64, Some(time(false))),
            ColumnKind::Date => (Physical::INT32, Some(LogicalType::Date)),
            ColumnKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, physical);
        field.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build().map(Arc::new)
    });
    let fields = fields.collect::<std::result::Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("scanmill").with_fields(fields).build()?))
}

fn write_group(
    writer: &mut SerializedFileWriter<File>,
    kinds: &[(String, ColumnKind)],
    columns: &[Vec<Value>],
) -> std::result::Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for ((_, kind), values) in kinds.iter().zip(columns) {
        let Some(mut column) = group.next_column()? else { break };
        let to = &mut column;
        match kind {
            ColumnKind::Bool => write_column::<BoolType>(to, values, Value::as_bool)?,
            ColumnKind::Integer => write_column::<Int64Type>(to, values, Value::as_i64)?,
            ColumnKind::Real => write_column::<DoubleType>(to, values, Value::as_f64)?,
            ColumnKind::Timestamp => write_column::<Int64Type>(to, values, |value| value.as_str().and_then(millis))?,
            ColumnKind::Local => write_column::<Int64Type>(to, values, |value| value.as_str().and_then(local_millis))?,
            ColumnKind::Date => write_column::<Int32Type>(to, values, |value| value.as_str().and_then(days))?,
            ColumnKind::Text => write_column::<ByteArrayType>(to, values, text)?,
        }
        column.close()?;
    }
    group.close()?;
    Ok(())
}

/// Values that are there, and for each row whether one is (definition level 1).
fn write_column<T: DataType>(
    to: &mut SerializedColumnWriter<'_>,
    values: &[Value],
    value: impl Fn(&Value) -> Option<T::T>,
) -> std::result::Result<(), ParquetError> {
    let found: Vec<Option<T::T>> = values.iter().map(value).collect();
    let levels: Vec<i16> = found.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = found.into_iter().flatten().collect();
    to.typed::<T>().write_batch(&present, Some(&levels), None)?;
    Ok(())
}

fn text(value: &Value) -> Option<ByteArray> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        other => Some(other.to_string().as_str().into()),
    }
}

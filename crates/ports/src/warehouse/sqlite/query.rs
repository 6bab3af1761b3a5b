//! Read-only statements for reports, commands and pages.

use std::path::Path;

use rusqlite::types::{Value as SqlValue, ValueRef};

use super::BUSY_TIMEOUT;
use super::connection::open_reader;
use super::errors::sql_error;
use super::times;
use crate::warehouse::export::RowSink;
use crate::warehouse::{Table, Value};
use scanmill_core::error::{Error, Result};
use scanmill_core::hex::hex;

/// Runs one statement on a connection of its own: answers run side by side, and whatever a statement does to its
/// connection ends with it.
pub(super) fn query(path: &Path, sql: &str, parameters: &[Value]) -> Result<Table> {
    let mut table = Table::default();
    query_into(path, sql, parameters, &mut table)?;
    Ok(table)
}

/// The same, row by row.
pub(super) fn query_into(path: &Path, sql: &str, parameters: &[Value], sink: &mut dyn RowSink) -> Result<()> {
    let connection = open_reader(path, BUSY_TIMEOUT)?;
    let failed = || sql_error("cannot query", path);
    let mut statement = connection.prepare(sql).map_err(failed())?;
    // BEGIN and ATTACH count as reading; what they lack is an answer.
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(Error::permanent(format!("refused, because it is not a query: {}", opening(sql)))
            .with_hint("only statements that read are allowed here"));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let bound = parameters.iter().map(to_sql).collect::<Result<Vec<SqlValue>>>()?;
    sink.columns(&columns)?;
    let mut answer = statement.query(rusqlite::params_from_iter(bound)).map_err(failed())?;
    while let Some(row) = answer.next().map_err(failed())? {
        let cells = columns.iter().enumerate().map(|(index, name)| row.get_ref(index).map(|cell| from_sql(name, cell)));
        sink.row(cells.collect::<rusqlite::Result<Vec<Value>>>().map_err(failed())?)?;
    }
    Ok(())
}

fn to_sql(value: &Value) -> Result<SqlValue> {
    Ok(match value {
        Value::Null => SqlValue::Null,
        Value::Bool(flag) => SqlValue::Integer(i64::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => SqlValue::Integer(integer),
            (None, Some(real)) => SqlValue::Real(real),
            (None, None) => return Err(Error::permanent(format!("query parameter {number} is out of range"))),
        },
        Value::String(text) => SqlValue::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            return Err(Error::permanent("a query parameter is null, a boolean, a number or text"));
        }
    })
}

fn from_sql(column: &str, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => integer.into(),
        // JSON has no infinity; it becomes null.
        ValueRef::Real(real) => real.into(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            times::answered(column, &text).map_or_else(|| text.as_ref().into(), Value::from)
        }
        ValueRef::Blob(bytes) => hex(bytes).into(),
    }
}

fn opening(sql: &str) -> String {
    sql.trim().chars().take(60).collect()
}

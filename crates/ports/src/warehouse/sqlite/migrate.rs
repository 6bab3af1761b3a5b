//! Bringing a file to the schema this binary knows.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::errors::sql_error;
use super::times;
use crate::warehouse::schema::{self, PRODUCT_COLUMNS, VERSION, marts, sqlite_tables, sqlite_type};
use scanmill_core::domain::columns::{Column, ColumnType, rejection_columns, scan_columns};
use scanmill_core::domain::former_values::rewrite_sql;
use scanmill_core::error::{Error, Result};

/// Creates or migrates everything in one transaction; two processes at once are as good as one.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    // Without the write lock: the usual start of a process must not wait for another's load.
    if version(connection, path)? == VERSION {
        return Ok(());
    }
    let what = "cannot create or migrate the tables";
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql_error(what, path))?;
    let found = version(&transaction, path)?;
    if found > VERSION {
        return Err(schema::newer(found).with_context(format!("warehouse `{}`", path.display())));
    }
    if found == VERSION {
        return Ok(());
    }
    if found != 0 {
        refuse_other_products(&transaction, path)?;
        add_columns(&transaction, "scans", scan_columns()).map_err(sql_error(what, path))?;
        add_columns(&transaction, "rejections", rejection_columns()).map_err(sql_error(what, path))?;
        if found < TIMES_OF_SQLITE {
            rewrite_times(&transaction).map_err(sql_error(what, path))?;
        }
        rewrite_values(&transaction).map_err(sql_error(what, path))?;
    }
    transaction.execute_batch(&sqlite_tables()).map_err(sql_error(what, path))?;
    transaction.execute_batch(&marts::sqlite()).map_err(sql_error("cannot create the marts", path))?;
    transaction.commit().map_err(sql_error(what, path))?;
    tracing::info!(path = %path.display(), from = found, to = VERSION, "warehouse schema brought up to date");
    Ok(())
}

/// Refuses a table `products` that an analyst made before scanmill had one, unless it will do.
fn refuse_other_products(transaction: &Transaction<'_>, path: &Path) -> Result<()> {
    let failed = || sql_error("cannot inspect the tables", path);
    let mut names = transaction.prepare("SELECT name FROM pragma_table_info('products')").map_err(failed())?;
    let standing: Vec<String> = names.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(failed())?;
    let lacking = PRODUCT_COLUMNS.iter().find(|(name, ..)| !standing.iter().any(|standing| standing == name));
    match lacking {
        Some((name, ..)) if !standing.is_empty() => Err(Error::permanent(format!(
            "warehouse `{}` has a table `products` that is not scanmill's: it has no column `{name}`",
            path.display()
        ))
        .with_hint("rename it: ALTER TABLE products RENAME TO my_products")),
        _ => Ok(()),
    }
}

/// The first version whose tables hold times in SQLite's own form.
const TIMES_OF_SQLITE: i64 = 3;

/// Brings the times of every row into SQLite's own form. The indexes over them are made anew with the tables' definition.
fn rewrite_times(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "DROP INDEX IF EXISTS scans_processed_at;
         DROP INDEX IF EXISTS rejections_processed_at;",
    )?;
    let is_time = |column: &&Column| matches!(column.kind, ColumnType::Timestamp | ColumnType::LocalTimestamp);
    let of = |columns: &mut dyn Iterator<Item = &'static Column>| -> Vec<&str> {
        columns.filter(is_time).map(|column| column.name).collect()
    };
    for (table, columns) in [
        ("scans", of(&mut scan_columns())),
        ("rejections", of(&mut rejection_columns())),
        ("load_ledger", vec!["sealed_at", "loaded_at"]),
    ] {
        let set: Vec<String> = columns.into_iter().map(times::migrated).collect();
        transaction.execute(&format!("UPDATE {table} SET {}", set.join(", ")), [])?;
    }
    Ok(())
}

/// Gives values that were renamed their present names.
fn rewrite_values(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let scans: Vec<&str> = scan_columns().map(|column| column.name).collect();
    let rejections: Vec<&str> = rejection_columns().map(|column| column.name).collect();
    for statement in rewrite_sql("scans", &scans).into_iter().chain(rewrite_sql("rejections", &rejections)) {
        transaction.execute(&statement, [])?;
    }
    Ok(())
}

/// Adds the columns that the table lacks. They stay null in the rows that are there.
fn add_columns(
    transaction: &Transaction<'_>,
    table: &str,
    columns: impl Iterator<Item = &'static Column>,
) -> rusqlite::Result<()> {
    for column in columns.filter(|column| !column.required) {
        if !transaction.column_exists(None, table, column.name)? {
            let kind = sqlite_type(column.kind);
            transaction.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {} {kind}", column.name))?;
        }
    }
    Ok(())
}

fn version(connection: &Connection, path: &Path) -> Result<i64> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(sql_error("cannot read the schema version", path))
}

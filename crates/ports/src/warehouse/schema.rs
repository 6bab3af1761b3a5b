//! Tables, ledger and marts: their definition and their version.
//!
//! The tables are made from [`scanmill_core::domain::columns`], the marts from one file of SQL. What is in a warehouse says
//! its own version in the view `warehouse_schema`, so that any command can ask through the port whether it may read
//! there.

use std::fmt::Write as _;

use super::Warehouse;
use scanmill_core::domain::columns::{Column, ColumnType, rejection_columns, scan_columns};
use scanmill_core::error::{Class, Error, Result};

pub mod checks;
pub mod marts;
pub mod redshift;

/// The schema this binary knows. It goes up by one with every release that changes tables or marts (a test holds that).
/// Each adapter brings an older warehouse up to date by adding the columns it lacks (SQLite's also brings times into the
/// form the tables hold), giving renamed values their present names and making the marts again, so a
/// new column must not be required: rows loaded before it, and batches sealed before it, do not have it.
pub const VERSION: i64 = 7;

/// The table `products`, which an analyst may fill and no load touches: name, whether it is required, meaning. All texts.
pub const PRODUCT_COLUMNS: [(&str, bool, &str); 5] = [
    ("product_id", true, "product_id of scans"),
    ("url_host", false, "url_host of scans that it holds for; null: whatever the host"),
    ("name", false, "name in the product marts"),
    ("brand", false, "brand in the product marts"),
    ("category", false, "category in the product marts"),
];

/// Marks an SQLite file as ours (`SCML`); `file` and SQLite's own tools show it.
pub const SQLITE_APPLICATION_ID: i32 = 0x5343_4d4c;

/// The tables `scans`, `rejections` and `load_ledger` as SQLite has them, and the marks that make the file a warehouse
/// of this version: whoever applies it by hand gets the same file.
pub fn sqlite_tables() -> String {
    let mut sql = format!("PRAGMA application_id = {SQLITE_APPLICATION_ID};\nPRAGMA user_version = {VERSION};\n\n");
    // Photo ids are hashes and so arrive in random order. As a key over narrow index entries that costs little; rows
    // of half a kilobyte stored in that order would rewrite a page each.
    sqlite_table(&mut sql, "scans", scan_columns(), "PRIMARY KEY (photo_id, scan_id)");
    sqlite_table(&mut sql, "rejections", rejection_columns(), "PRIMARY KEY (photo_id)");
    sql.push_str(
        "CREATE INDEX IF NOT EXISTS scans_object_key ON scans (bucket, object_key);\n\
         CREATE INDEX IF NOT EXISTS rejections_object_key ON rejections (bucket, object_key);\n\
         CREATE INDEX IF NOT EXISTS scans_processed_at ON scans (processed_at);\n\
         CREATE INDEX IF NOT EXISTS rejections_processed_at ON rejections (processed_at);\n\
         CREATE INDEX IF NOT EXISTS scans_local_date ON scans (local_date);\n\
         CREATE INDEX IF NOT EXISTS scans_captured_at ON scans (captured_at);\n\
         -- It has all that the product marts read: in its order, rows would be fetched from all over the table.\n\
         CREATE INDEX IF NOT EXISTS scans_product_id ON scans\n\
         \x20 (product_id, url_host, local_date, qr_count, photo_id, h3_cell, product_id_source);\n\n\
         CREATE TABLE IF NOT EXISTS load_ledger (\n\
         \x20 batch_id TEXT NOT NULL PRIMARY KEY, -- sealed batch; the id begins with the time it was opened\n\
         \x20 manifest_id TEXT NOT NULL, -- load that took it\n\
         \x20 bucket TEXT NOT NULL, -- bucket or folder of the batch object\n\
         \x20 object_key TEXT NOT NULL, -- key of the batch object\n\
         \x20 row_count INTEGER NOT NULL CHECK (row_count >= 0), -- rows in the object, repeated photos included\n\
         \x20 photo_count INTEGER NOT NULL CHECK (photo_count >= 0), -- photos in the object\n",
    );
    let (sealed, loaded) = (checks::time_check("sealed_at"), checks::time_check("loaded_at"));
    let _ = write!(
        sql,
        "\x20 sealed_at TEXT{sealed}, -- when the object became durable, UTC; null when adopted from a listing\n\
         \x20 loaded_at TEXT NOT NULL{loaded} -- when the load took it, UTC\n\
         ) STRICT, WITHOUT ROWID;\n\n",
    );
    let columns = PRODUCT_COLUMNS.iter().enumerate().map(|(place, (name, required, doc))| {
        let required = if *required { " NOT NULL" } else { "" };
        let comma = if place + 1 < PRODUCT_COLUMNS.len() { "," } else { "" };
        format!("  {name} TEXT{required}{comma} -- {doc}")
    });
    let columns = columns.collect::<Vec<_>>().join("\n");
    let _ = write!(
        sql,
        "CREATE TABLE IF NOT EXISTS products (\n{columns}\n) STRICT;\n\
         CREATE UNIQUE INDEX IF NOT EXISTS products_key ON products (product_id, COALESCE(url_host, ''));\n"
    );
    sql
}

/// One table. The comments go into the file, where `.schema` shows them to whoever opens it. A table that stands stays as
/// it is, without the checks it was made without: `DESIGN.md` says why.
fn sqlite_table(sql: &mut String, name: &str, columns: impl Iterator<Item = &'static Column>, key: &str) {
    let mut lines = String::new();
    for column in columns {
        let kind = sqlite_type(column.kind);
        let required = if column.required { " NOT NULL" } else { "" };
        let check = checks::sqlite_check(column);
        let _ = writeln!(lines, "  {} {kind}{required}{check}, -- {}", column.name, column.doc);
    }
    let _ = write!(sql, "CREATE TABLE IF NOT EXISTS {name} (\n{lines}  {key}\n) STRICT;\n\n");
}

/// SQLite's type of a column.
pub fn sqlite_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer => "INTEGER",
        ColumnType::Real => "REAL",
        // SQLite has no time types. Times are in the fixed-width form of its own functions, `2026-11-22 15:40:00.123`
        // in UTC, so that text sorts and compares in order of time, with what those functions and BI tools write too.
        ColumnType::Text(_) | ColumnType::Timestamp | ColumnType::LocalTimestamp | ColumnType::Date => "TEXT",
    }
}

/// The schema version that is in the warehouse, or `None` when nothing does.
pub async fn version_of(warehouse: &dyn Warehouse) -> Result<Option<i64>> {
    match warehouse.query("SELECT schema_version FROM warehouse_schema", &[]).await {
        Ok(table) => Ok(table.rows.first().and_then(|row| row.first()).and_then(serde_json::Value::as_i64)),
        Err(error) if error.class() == Class::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fails unless the warehouse has exactly the schema this binary knows; what only reads asks this first.
pub async fn require_current(warehouse: &dyn Warehouse) -> Result<()> {
    match version_of(warehouse).await? {
        Some(VERSION) => Ok(()),
        Some(found) if found > VERSION => Err(newer(found)),
        Some(found) => Err(Error::permanent(format!(
            "the warehouse has schema version {found}, this scanmill needs version {VERSION}"
        ))
        .with_hint("bring it up to date with `scanmill schema --apply`")),
        None => Err(Error::missing("the warehouse has no tables yet")
            .with_hint("`scanmill run` creates them, and so does `scanmill schema --apply`")),
    }
}

/// The error for a warehouse that a newer scanmill has migrated.
pub fn newer(found: i64) -> Error {
    Error::permanent(format!("the warehouse has schema version {found}, this scanmill knows version {VERSION}"))
        .with_hint("run the scanmill that migrated it or a newer one; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::domain::photo::hash_128;

    #[test]
    fn the_version_goes_up_with_every_change() {
        let (version, fingerprint) = (7, "c09d59e7a9b43074b04f2d621f4c7b63");
        assert_eq!(
            (VERSION, hash_128(&[&sqlite_tables(), &marts::sqlite()]).as_str()),
            (version, fingerprint),
            "tables or marts changed: once a version is released, raise VERSION (here and in marts.sql), add a \
             migration to each adapter, and write the new pair here"
        );
    }
}

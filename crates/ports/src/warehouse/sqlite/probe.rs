//! Whether the file is a warehouse that batches can be loaded into.

use async_trait::async_trait;

use super::SqliteWarehouse;
use crate::probe::{Finding, Probe};
use crate::warehouse::schema::{VERSION, newer, version_of};
use crate::warehouse::{Value, Warehouse};
use scanmill_core::domain::columns::{Column, rejection_columns, scan_columns};
use scanmill_core::error::{Error, Result};

/// Files up to this size are checked page by page.
const QUICK_CHECK_UP_TO: u64 = 256 << 20;

#[async_trait]
impl Probe for SqliteWarehouse {
    async fn probe(&self) -> Vec<Finding> {
        vec![Finding { name: "warehouse", outcome: look(self).await }]
    }
}

async fn look(warehouse: &SqliteWarehouse) -> Result<String> {
    let version = version_of(warehouse).await?;
    if let Some(found) = version.filter(|found| *found > VERSION) {
        return Err(newer(found));
    }
    // An older one gets what it lacks at the next start.
    if version == Some(VERSION) {
        has_columns(warehouse).await?;
    }
    if bytes(warehouse).await? > QUICK_CHECK_UP_TO {
        return Ok("opens".into());
    }
    match first(warehouse, "PRAGMA quick_check(1)").await?.as_ref().and_then(Value::as_str) {
        Some("ok") => Ok("opens, and its pages are whole".into()),
        answer => Err(Error::permanent(format!("damaged: {}", answer.unwrap_or("no answer")))
            .with_hint("restore it, or move it away: the sealed batches in the results bucket are loaded again")),
    }
}

async fn bytes(warehouse: &SqliteWarehouse) -> Result<u64> {
    let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    Ok(first(warehouse, size).await?.and_then(|value| value.as_u64()).unwrap_or_default())
}

/// The first value of an answer.
async fn first(warehouse: &SqliteWarehouse, sql: &str) -> Result<Option<Value>> {
    let table = warehouse.query(sql, &[]).await?;
    Ok(table.rows.into_iter().next().and_then(|row| row.into_iter().next()))
}

/// Compares the columns of the tables that are loaded with those that this binary writes.
async fn has_columns(warehouse: &SqliteWarehouse) -> Result<()> {
    let mut lacks = Vec::new();
    let tables: [(&str, Vec<&Column>); 2] =
        [("scans", scan_columns().collect()), ("rejections", rejection_columns().collect())];
    for (table, columns) in tables {
        let found = warehouse.query(&format!("SELECT name FROM pragma_table_info('{table}')"), &[]).await?;
        let found: Vec<&str> = found.rows.iter().filter_map(|row| row.first()?.as_str()).collect();
        let lacking = columns.iter().map(|column| column.name).filter(|name| !found.contains(name));
        lacks.extend(lacking.map(|name| format!("{table}.{name}")));
    }
    if lacks.is_empty() {
        return Ok(());
    }
    Err(Error::permanent(format!("lacks {} of version {VERSION}: no batch can be loaded", lacks.join(", ")))
        .with_hint("somebody changed its tables: restore it, or move it away, and the sealed batches are loaded again"))
}

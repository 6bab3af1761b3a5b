//! Making the tables, and bringing those of an older version up to date.

use std::collections::BTreeMap;

use super::RedshiftWarehouse;
use super::api::MAX_STATEMENTS;
use crate::domain::columns::{rejection_columns, scan_columns};
use crate::error::Result;
use crate::warehouse::Warehouse;
use crate::warehouse::schema::redshift::{kind, statements, transactions};

impl RedshiftWarehouse {
    /// Creates everything, in as few transactions as the Data API allows. Cut off in between, it is done again.
    pub(super) async fn create(&self) -> Result<()> {
        // Whoever creates at the same time waits for the ledger's lock, so the ledger itself comes first.
        let ledger: Vec<String> = statements().into_iter().take(1).collect();
        self.run_or_fail("creating the tables", "schema", ledger, Vec::new()).await?;
        self.add_columns().await?;
        // Two places are the search path's and the lock's.
        for transaction in transactions(MAX_STATEMENTS - 2) {
            let lock = "LOCK TABLE load_ledger".to_owned();
            let statements = std::iter::once(lock).chain(transaction).collect();
            self.run_or_fail("creating the tables", "schema", statements, Vec::new()).await?;
        }
        Ok(())
    }

    /// Adds the columns that tables of an older version lack; a table that is not there is created whole later. They
    /// stay null in the rows that are there.
    async fn add_columns(&self) -> Result<()> {
        for column in self.missing_columns().await? {
            let (table, name, kind) = &column;
            let statements =
                vec!["LOCK TABLE load_ledger".to_owned(), format!("ALTER TABLE {table} ADD COLUMN {name} {kind}")];
            // Redshift has no ADD COLUMN IF NOT EXISTS: another process may have added it since it was found missing.
            if let Err(error) = self.run_or_fail("adding a column", "schema", statements, Vec::new()).await
                && self.missing_columns().await?.contains(&column)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Table, name and type of the columns that the tables lack.
    async fn missing_columns(&self) -> Result<Vec<(&'static str, &'static str, String)>> {
        let standing = self.standing_columns().await?;
        let mut missing = Vec::new();
        for (table, columns) in
            [("scans", scan_columns().collect::<Vec<_>>()), ("rejections", rejection_columns().collect())]
        {
            let has = |name: &str| standing.contains_key(&(table.to_owned(), name.to_owned()));
            if has("photo_id") {
                let lacking = columns.into_iter().filter(|column| !column.required && !has(column.name));
                missing.extend(lacking.map(|column| (table, column.name, kind(column.kind))));
            }
        }
        Ok(missing)
    }

    /// The tables' columns as they are in the database, with their types as `SVV_COLUMNS` names them.
    pub(super) async fn standing_columns(&self) -> Result<BTreeMap<(String, String), String>> {
        let sql = "SELECT table_name, column_name, data_type, character_maximum_length FROM svv_columns
                   WHERE table_schema = ?1 AND table_name IN ('scans', 'rejections', 'load_ledger')";
        let answer = self.query(sql, &[self.options.schema.as_str().into()]).await?;
        let mut standing = BTreeMap::new();
        for row in &answer.rows {
            let text = |place: usize| row.get(place).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            let length = row.get(3).and_then(serde_json::Value::as_i64);
            let kind = length.map_or_else(|| text(2), |length| format!("{}({length})", text(2)));
            standing.insert((text(0), text(1)), kind);
        }
        Ok(standing)
    }
}

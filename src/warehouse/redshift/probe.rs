//! What `check` and the start ask of Redshift, changing nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::RedshiftWarehouse;
use crate::aws::{Finding, Probe};
use crate::error::{Error, Result};
use crate::warehouse::schema::redshift::expected_columns;
use crate::warehouse::{Table, Warehouse, schema};

#[async_trait]
impl Probe for RedshiftWarehouse {
    async fn probe(&self) -> Vec<Finding> {
        let finding = |name, outcome| Finding { name, outcome };
        let reached = self.reach().await;
        if reached.is_err() {
            return vec![finding("redshift", reached)];
        }
        vec![
            finding("redshift", reached),
            finding("redshift schema", self.privileges().await),
            finding("redshift tables", self.tables().await),
            finding("redshift load", Ok(cadence())),
        ]
    }
}

impl RedshiftWarehouse {
    async fn reach(&self) -> Result<String> {
        let answer = self.query("SELECT current_user AS name", &[]).await?;
        let user = first_text(&answer);
        Ok(format!("{} answers as user `{user}`", self.options.server()))
    }

    async fn privileges(&self) -> Result<String> {
        let schema = &self.options.schema;
        // A schema that is not there makes the functions fail, so it is asked after first.
        let there = self
            .query("SELECT COUNT(*) AS schemas FROM pg_namespace WHERE nspname = ?1", &[schema.as_str().into()])
            .await?;
        if there.rows.first().and_then(|row| row.first()).and_then(serde_json::Value::as_i64) == Some(0) {
            return Err(Error::permanent(format!("schema `{schema}` is not in database `{}`", self.options.database))
                .hint(format!("CREATE SCHEMA {schema}, or set `redshift.schema` to another")));
        }
        let sql = "SELECT CASE WHEN has_schema_privilege(?1, 'CREATE') THEN 1 ELSE 0 END AS may_create,
                          CASE WHEN has_schema_privilege(?1, 'USAGE') THEN 1 ELSE 0 END AS may_use";
        let answer = self.query(sql, &[schema.as_str().into()]).await?;
        let may = |place: usize| {
            answer.rows.first().and_then(|row| row.get(place)).and_then(serde_json::Value::as_i64) == Some(1)
        };
        match (may(0), may(1)) {
            (true, true) => Ok(format!("tables may be created in schema `{schema}`")),
            _ => Err(Error::permanent(format!("no right to create tables in schema `{schema}`"))
                .hint(format!("GRANT USAGE, CREATE ON SCHEMA {schema} to the user scanmill connects as"))),
        }
    }

    /// Compares the tables that stand with those this binary expects.
    async fn tables(&self) -> Result<String> {
        match schema::version_of(self).await? {
            None => return Ok("none yet: `scanmill schema --apply` or the first run creates them".into()),
            Some(found) if found > schema::VERSION => return Err(schema::newer(found)),
            Some(_) => {}
        }
        let sql = "SELECT table_name, column_name, data_type, character_maximum_length FROM svv_columns
                   WHERE table_schema = ?1 AND table_name IN ('scans', 'rejections', 'load_ledger')";
        let answer = self.query(sql, &[self.options.schema.as_str().into()]).await?;
        let mut standing: BTreeMap<(String, String), String> = BTreeMap::new();
        for row in &answer.rows {
            let text = |place: usize| row.get(place).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            let length = row.get(3).and_then(serde_json::Value::as_i64);
            let kind = length.map_or_else(|| text(2), |length| format!("{}({length})", text(2)));
            standing.insert((text(0), text(1)), kind);
        }
        let mut wrong = Vec::new();
        for (table, column, expected) in expected_columns() {
            match standing.remove(&(table.to_owned(), column.to_owned())) {
                None => wrong.push(format!("{table}.{column} is missing")),
                Some(found) if found != expected => wrong.push(format!("{table}.{column} is {found}, not {expected}")),
                Some(_) => {}
            }
        }
        wrong.extend(standing.keys().map(|(table, column)| format!("{table}.{column} is not scanmill's")));
        if wrong.is_empty() {
            return Ok(format!("schema version {}, every column as expected", schema::VERSION));
        }
        Err(Error::permanent(format!("tables differ from what this scanmill loads: {}", wrong.join("; ")))
            .hint("bring them back in line: `scanmill schema` prints how they should be"))
    }
}

/// A note on the biggest cost there is here.
fn cadence() -> String {
    "Serverless bills at least 60 s a wake-up, so `load.interval_ms` sets the cost: \
     USD a month = RPUs x price per RPU-hour x 730 x min(1, (60 s + load) / interval)"
        .into()
}

fn first_text(table: &Table) -> String {
    table.rows.first().and_then(|row| row.first()).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

//! Making the tables, and bringing those of an older version up to date.

use std::collections::BTreeMap;

use super::RedshiftWarehouse;
use super::api::{MAX_STATEMENTS, StatementOutcome};
use crate::warehouse::schema::VERSION;
use crate::warehouse::schema::redshift::{kind, replaced_view, statements};
use crate::warehouse::{Value, Warehouse};
use scanmill_core::domain::columns::{rejection_columns, scan_columns};
use scanmill_core::domain::former_values::rewrite_sql;
use scanmill_core::error::{Class, Error, Result};

/// How a view is dropped, but for its name.
const DROP_VIEW: &str = "DROP VIEW IF EXISTS ";

impl RedshiftWarehouse {
    /// Creates everything, in as few transactions as the Data API allows. Cut off in between, it is done again.
    pub(super) async fn create(&self) -> Result<()> {
        // Whoever creates at the same time waits for the ledger's lock, so the ledger itself comes first.
        let ledger: Vec<String> = statements().into_iter().take(1).collect();
        self.run_or_fail("creating the tables", "schema", ledger, Vec::new()).await?;
        self.add_columns().await?;
        self.rewrite_values().await?;
        // Two places are the search path's and the lock's; a view that is not replaced but made again takes two.
        for transaction in statements().chunks((MAX_STATEMENTS - 2) / 2) {
            let lock = "LOCK TABLE load_ledger".to_owned();
            self.create_in(std::iter::once(lock).chain(transaction.iter().cloned()).collect()).await?;
        }
        Ok(())
    }

    /// Runs one transaction of the creation. A view is replaced where its columns stay as they are, which keeps its grants
    /// and what analysts built on it; where they change, it is dropped and made again.
    async fn create_in(&self, mut statements: Vec<String>) -> Result<()> {
        let doing = "creating the tables";
        loop {
            let failed = match self.run("schema", statements.clone(), Vec::new()).await? {
                StatementOutcome::Finished(_) => return Ok(()),
                StatementOutcome::Failed(failed) => failed,
            };
            let place = failed.place;
            let is_in_use = failed.text.to_lowercase().contains("depend");
            let error = failed.into_error(doing, &self.options);
            let Some((place, statement)) = place.and_then(|place| Some((place, statements.get(place)?))) else {
                return Err(error);
            };
            if let Some(view) = statement.strip_prefix(DROP_VIEW).filter(|_| is_in_use) {
                return Err(self.in_use(view).await.unwrap_or(error));
            }
            let Some(view) = replaced_view(statement).filter(|_| error.class() == Class::Permanent) else {
                return Err(error);
            };
            let again = [format!("{DROP_VIEW}{view}"), statement.replacen("CREATE OR REPLACE ", "CREATE ", 1)];
            statements.splice(place..=place, again);
        }
    }

    /// The error for a view that cannot be dropped, which names what is built on it; `None` where that cannot be found.
    async fn in_use(&self, view: &str) -> Option<Error> {
        let sql = "SELECT DISTINCT space.nspname AS schema_name, dependent.relname AS view_name
                   FROM pg_class AS used
                   JOIN pg_namespace AS used_in ON used_in.oid = used.relnamespace
                   JOIN pg_depend AS link ON link.refobjid = used.oid
                   JOIN pg_rewrite AS rule ON rule.oid = link.objid
                   JOIN pg_class AS dependent ON dependent.oid = rule.ev_class
                   JOIN pg_namespace AS space ON space.oid = dependent.relnamespace
                   WHERE used_in.nspname = ?1 AND used.relname = ?2 AND dependent.oid <> used.oid";
        let schema = self.options.schema.as_str();
        let answer = self.query(sql, &[schema.into(), view.into()]).await.ok()?;
        let text = |value: Option<&Value>| Some(value?.as_str()?.trim().to_owned());
        let name = |row: &Vec<Value>| Some(format!("{}.{}", text(row.first())?, text(row.get(1))?));
        let mut names: Vec<String> = answer.rows.iter().filter_map(name).collect();
        names.sort();
        let first = names.first()?;
        let made = Error::permanent(format!(
            "`{schema}.{view}` gets other columns with schema version {VERSION}, and these views are built on it: {}",
            names.join(", ")
        ));
        Some(made.with_hint(format!(
            "keep the text that `SHOW VIEW {first}` prints, DROP VIEW {first}, do this again, and create it anew; made WITH NO \
             SCHEMA BINDING it never blocks this"
        )))
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

    /// Gives values that were renamed their present names, in tables that are there.
    async fn rewrite_values(&self) -> Result<()> {
        let standing = self.standing_columns().await?;
        let mut statements = vec!["LOCK TABLE load_ledger".to_owned()];
        for table in ["scans", "rejections"] {
            let columns = standing.keys().filter(|(of, _)| of == table).map(|(_, name)| name.as_str());
            statements.extend(rewrite_sql(table, &columns.collect::<Vec<_>>()));
        }
        if statements.len() == 1 {
            return Ok(());
        }
        self.run_or_fail("renaming values", "schema", statements, Vec::new()).await?;
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
                   WHERE table_schema = ?1 AND table_name IN ('scans', 'rejections', 'load_ledger', 'products')";
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

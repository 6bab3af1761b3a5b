//! What `check` and the start ask of Redshift, changing nothing.

use std::time::Duration;

use async_trait::async_trait;

use super::api::StatementOutcome;
use super::{Probed, RedshiftWarehouse, load};
use crate::probe::{Finding, Probe};
use crate::warehouse::schema::redshift::expected_columns;
use crate::warehouse::{Table, Warehouse, schema};
use scanmill_core::error::{Class, Error, Result};

const NEWEST: &str = "SELECT bucket, object_key FROM load_ledger ORDER BY loaded_at DESC, batch_id LIMIT 1";

#[async_trait]
impl Probe for RedshiftWarehouse {
    async fn probe(&self) -> Vec<Finding> {
        let finding = |name, outcome| Finding { name, outcome };
        let reached = self.reach().await;
        if reached.is_err() {
            return vec![finding("redshift", reached)];
        }
        let mut findings = vec![
            finding("redshift", reached),
            finding("redshift schema", self.privileges().await),
            finding("redshift tables", self.tables().await),
        ];
        if let Some(Probed { results, interval }) = &self.probed {
            findings.push(finding("redshift COPY", self.copy(results).await));
            let is_serverless = self.options.workgroup.is_some();
            findings.extend(is_serverless.then(|| finding("redshift cost", Ok(cadence(*interval)))));
        }
        findings
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
            return Err(Error::refused(format!("schema `{schema}` is not in database `{}`", self.options.database))
                .with_hint(format!("CREATE SCHEMA {schema}, or set `redshift.schema` to another")));
        }
        let sql = "SELECT CASE WHEN has_schema_privilege(?1, 'CREATE') THEN 1 ELSE 0 END AS may_create,
                          CASE WHEN has_schema_privilege(?1, 'USAGE') THEN 1 ELSE 0 END AS may_use";
        let answer = self.query(sql, &[schema.as_str().into()]).await?;
        let may = |place: usize| {
            answer.rows.first().and_then(|row| row.get(place)).and_then(serde_json::Value::as_i64) == Some(1)
        };
        match (may(0), may(1)) {
            (true, true) => Ok(format!("tables may be created in schema `{schema}`")),
            _ => Err(Error::refused(format!("no right to create tables in schema `{schema}`"))
                .with_hint(format!("GRANT USAGE, CREATE ON SCHEMA {schema} to the user scanmill connects as"))),
        }
    }

    /// Has COPY read the newest batch without loading it; where none was loaded yet, look for one that is not there, which
    /// takes the role and the right to list.
    async fn copy(&self, results: &str) -> Result<String> {
        let newest = match self.query(NEWEST, &[]).await {
            Ok(table) => table.rows.into_iter().next(),
            Err(error) if error.class() == Class::Missing => None,
            Err(error) => return Err(error),
        };
        let text = |place: usize| newest.as_ref()?.get(place)?.as_str();
        let (url, is_batch) = match (text(0), text(1)) {
            (Some(bucket), Some(key)) => (format!("s3://{bucket}/{key}"), true),
            _ => (format!("s3://{results}/batches/scanmill-check"), false),
        };
        let role = &self.options.copy_role;
        match self.run("check", load::dry_run(&url, &self.options)?, Vec::new()).await? {
            StatementOutcome::Finished(_) => Ok(format!("role `{role}` reads {url}")),
            StatementOutcome::Failed(failed) => {
                let low = failed.text.to_lowercase();
                let is_gone = low.contains("does not exist") || low.contains("not found") || low.contains("nosuchkey");
                let error = failed.into_error(&format!("reading {url} by COPY"), &self.options);
                match (error.class(), is_gone, is_batch) {
                    (Class::Refused | Class::Transient | Class::Throttled, ..) | (_, false, _) => Err(error),
                    (_, true, true) => Ok(format!("role `{role}` may look for {url}, which is there no more")),
                    (_, true, false) => {
                        Ok(format!("role `{role}` may list the bucket; no batch to read was loaded yet"))
                    }
                }
            }
        }
    }

    /// Compares the tables that exist with those this binary expects.
    async fn tables(&self) -> Result<String> {
        match schema::version_of(self).await? {
            None => return Ok("none yet: `scanmill schema --apply` or the first run creates them".into()),
            Some(found) if found > schema::VERSION => return Err(schema::newer(found)),
            Some(_) => {}
        }
        let mut standing = self.standing_columns().await?;
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
            .with_hint("bring them back in line: `scanmill schema` prints how they should be"))
    }
}

/// Seconds that Serverless bills at least each time it wakes.
const WAKE_SECONDS: f64 = 60.0;
/// The smallest workgroup, and its price in us-east-1 in 2025, in US dollars.
const RPUS: f64 = 8.0;
const USD_PER_RPU_HOUR: f64 = 0.375;
const HOURS_PER_MONTH: f64 = 730.0;

/// What loading at this interval costs on Serverless; estimated, not measured.
fn cadence(interval: Duration) -> String {
    let awake = |seconds: f64| (WAKE_SECONDS / seconds.max(1.0)).min(1.0);
    let a_month = |awake: f64| RPUS * USD_PER_RPU_HOUR * HOURS_PER_MONTH * awake;
    let share = awake(interval.as_secs_f64());
    format!(
        "a load every {} s keeps a workgroup awake {:.0} % of the time while photos come: about {:.0} USD a month at \
         {RPUS} RPUs and {USD_PER_RPU_HOUR} USD an RPU-hour; with `load.interval_ms = 900000` about {:.0}",
        interval.as_secs_f64(),
        share * 100.0,
        a_month(share),
        a_month(awake(900.0))
    )
}

fn first_text(table: &Table) -> String {
    table.rows.first().and_then(|row| row.first()).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cadences_cost_is_that_of_being_awake() {
        let text = cadence(Duration::from_secs(2));
        assert!(text.contains("every 2 s") && text.contains("100 %") && text.contains("about 2190 USD"), "{text}");
        assert!(text.ends_with("about 146"), "{text}");
        assert!(cadence(Duration::from_secs(600)).contains("10 %"));
    }
}

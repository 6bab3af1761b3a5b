//! The warehouse in Amazon Redshift, Serverless or a cluster, through the Data API: HTTP and IAM alone, no driver, no
//! open port, no pool.
//!
//! - `api.rs` sends statements, waits, reads answers; `answer.rs`, `literal.rs` and `failure.rs` translate values in
//!   both directions and the database's words into classes.
//! - `load.rs` is the SQL of a load, `refused.rs` what becomes of lines that COPY refuses, `probe.rs` what `check` asks.
//!
//! COPY reads the batch objects out of S3 by itself, with a role of its own (`redshift.copy_role`). A COPY manifest names
//! them, every one mandatory: a missing batch fails the load instead of entering the ledger without its rows.

mod answer;
mod api;
mod failure;
mod literal;
mod load;
mod probe;
mod refused;
mod tables;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_redshiftdata::types::SqlParameter;
use bytes::Bytes;
use serde_json::json;

use self::api::{DataApi, FailedStatement, Finished, MAX_STATEMENTS, StatementOutcome, Submission};
use self::literal::{bind, literal};
pub use super::redshift_options::RedshiftOptions;
use super::report::rows_as;
use super::{BatchSource, Loaded, Manifest, Table, Value, Warehouse, schema};
use crate::aws::Account;
use scanmill_core::domain::batch::SealedBatch;
use scanmill_core::domain::columns::text_cap;
use scanmill_core::domain::photo::hash_128;
use scanmill_core::error::{Class, Error, Result};
use scanmill_core::hex::hex;
use scanmill_flow::{Attempt, RetryPolicy, retry};

impl RedshiftOptions {
    /// The warehouse, for messages.
    fn server(&self) -> String {
        let server = self.workgroup.as_ref().or(self.cluster.as_ref()).map_or("", String::as_str);
        format!("redshift {server} ({}.{})", self.database, self.schema)
    }
}

/// Ids asked after, in bytes of SQL, in one statement.
const IDS_BYTES: usize = 90_000;
/// Of a transaction that the database rolled back for a passing reason.
const RETRIES: RetryPolicy =
    RetryPolicy { first: Duration::from_millis(250), longest: Duration::from_secs(5), tries: Some(5), within: None };
/// Prefix of COPY manifests, beside the loader's own.
const MANIFEST_PREFIX: &str = "manifests/";

/// A warehouse in Redshift. Nothing is asked before the first call.
pub struct RedshiftWarehouse {
    api: DataApi,
    options: Arc<RedshiftOptions>,
    probed: Option<Probed>,
}

/// What [`crate::probe::Probe`] needs to know besides.
struct Probed {
    results: String,
    interval: Duration,
}

impl RedshiftWarehouse {
    /// A warehouse by its options.
    pub fn new(account: Account, options: RedshiftOptions) -> RedshiftWarehouse {
        let options = Arc::new(options);
        RedshiftWarehouse { api: DataApi::new(account, options.clone()), options, probed: None }
    }

    /// The same, to be probed for loads from bucket `results` every `interval`.
    pub fn probed(self, results: String, interval: Duration) -> RedshiftWarehouse {
        RedshiftWarehouse { probed: Some(Probed { results, interval }), ..self }
    }

    /// Runs a transaction until it is committed, refused for good, or was rolled back too often.
    async fn run(
        &self,
        name: &str,
        statements: Vec<String>,
        parameters: Vec<SqlParameter>,
    ) -> Result<StatementOutcome> {
        retry(RetryPolicy { longest: Duration::from_secs(10), ..RETRIES }, || async {
            let (statements, parameters) = (statements.clone(), parameters.clone());
            let ran = match self.api.run(Submission { name, statements, parameters }).await {
                Ok(StatementOutcome::Failed(failed)) => failed,
                ended => return Attempt::Ended(ended),
            };
            let error = failure::error_of(&ran.text, "running SQL", &self.options);
            let failed = Ok(StatementOutcome::Failed(ran));
            if error.class() != Class::Transient {
                return Attempt::Ended(failed);
            }
            tracing::warn!(name, %error, "rolled back");
            Attempt::Again(failed, None)
        })
        .await
    }

    /// [`RedshiftWarehouse::run`] where a rollback is an error like others.
    async fn run_or_fail(
        &self,
        doing: &str,
        name: &str,
        statements: Vec<String>,
        parameters: Vec<SqlParameter>,
    ) -> Result<Finished> {
        match self.run(name, statements, parameters).await? {
            StatementOutcome::Finished(finished) => Ok(finished),
            StatementOutcome::Failed(failed) => Err(failed.into_error(doing, &self.options)),
        }
    }

    /// Loads batches that the ledger did not have a moment ago. `objects` are what COPY reads: the batches' own, or
    /// what stands for them.
    async fn copy_and_merge(
        &self,
        manifest_id: &str,
        batches: &[SealedBatch],
        objects: &[(&str, &str)],
        source: &dyn BatchSource,
    ) -> Result<Merged> {
        let manifest_url = put_manifest(objects, source).await?;
        let load = load::load(batches, manifest_id, &manifest_url, &self.options)?;
        match self.run(manifest_id, load.statements, Vec::new()).await? {
            StatementOutcome::Finished(finished) => {
                Ok(Merged::Loaded(self.figures(&finished, load.figures, batches.len()).await?))
            }
            StatementOutcome::Failed(failed) if failed.place == Some(load.copy) || failed.place == Some(load.guard) => {
                Ok(Merged::Refused(failed))
            }
            StatementOutcome::Failed(failed) => {
                if failed.place == Some(load.version) {
                    schema::require_current(self).await?;
                }
                Err(failed.into_error("loading", &self.options))
            }
        }
    }

    async fn figures(&self, finished: &Finished, place: usize, batches: usize) -> Result<Loaded> {
        #[derive(serde::Deserialize)]
        struct Figures {
            batches: u64,
            photos_staged: u64,
            photos_picked: u64,
            photos_replaced: u64,
            scans: u64,
            rejections: u64,
        }
        let table = self.api.answer(finished, place).await?;
        let figures: Vec<Figures> = rows_as(table)?;
        let Some(figures) = figures.first() else {
            return Err(Error::bug("a load returned no row counts"));
        };
        Ok(Loaded {
            batches: figures.batches,
            batches_known: (batches as u64).saturating_sub(figures.batches),
            scans: figures.scans,
            rejections: figures.rejections,
            photos_repeated: figures.photos_staged.saturating_sub(figures.photos_picked),
            photos_replaced: figures.photos_replaced,
            // With S3 each version of an object is a photo of its own.
            photos_superseded: 0,
        })
    }
}

/// How a load ended that ran at all.
enum Merged {
    Loaded(Loaded),
    /// COPY, or the check behind it, did not take the objects as they are.
    Refused(FailedStatement),
}

/// Writes the manifest that COPY reads, and returns its URL. The name follows from the content: another process with
/// other batches of the same load writes another object.
async fn put_manifest(objects: &[(&str, &str)], source: &dyn BatchSource) -> Result<String> {
    let urls: Vec<String> = objects.iter().map(|(bucket, key)| format!("s3://{bucket}/{key}")).collect();
    let entries: Vec<Value> = urls.iter().map(|url| json!({ "url": url, "mandatory": true })).collect();
    let name = hash_128(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    let bucket = objects.first().map_or("", |(bucket, _)| bucket);
    let key = format!("{MANIFEST_PREFIX}{name}.copy.json");
    let text = serde_json::to_vec(&json!({ "entries": entries }))
        .map_err(|error| Error::bug("a manifest does not serialise").with_source(error))?;
    source.put(bucket, &key, text.into()).await?;
    Ok(format!("s3://{bucket}/{key}"))
}

/// Refuses a batch whose name could not be in the ledger; one that was found in a listing may be anybody's.
fn check_name(batch: &SealedBatch) -> Result<()> {
    let fits = batch.batch_id.len() <= text_cap("batch_id") && batch.bucket.len() <= 255 && batch.key.len() <= 1024;
    let has_nul = [&batch.batch_id, &batch.bucket, &batch.key].iter().any(|text| text.contains('\0'));
    if fits && !has_nul {
        return Ok(());
    }
    Err(Error::poison(format!("batch {}/{} is not named like a batch of scanmill", batch.bucket, batch.key))
        .with_hint("move the object away from the batches"))
}

#[async_trait]
impl Warehouse for RedshiftWarehouse {
    async fn prepare(&self) -> Result<()> {
        // Two processes that create the same things at once get in each other's way; one of them gets through.
        retry(RETRIES, || async {
            match schema::version_of(self).await {
                Ok(Some(schema::VERSION)) => return Attempt::Ended(Ok(())),
                Ok(Some(found)) if found > schema::VERSION => return Attempt::Ended(Err(schema::newer(found))),
                // An older version, an unfinished creation, or nothing: what is missing is made.
                Ok(Some(_) | None) => {}
                Err(error) => return Attempt::Ended(Err(error)),
            }
            let created = self.create().await;
            if created.is_ok() {
                tracing::info!(on = self.options.server(), to = schema::VERSION, "warehouse schema brought up to date");
            }
            Attempt::of(created, |error| error.class().is_retryable())
        })
        .await
    }

    async fn load(&self, manifest: &Manifest, source: &dyn BatchSource) -> Result<Loaded> {
        let mut seen = HashSet::new();
        let named: Vec<&SealedBatch> =
            manifest.batches.iter().filter(|batch| seen.insert(batch.batch_id.as_str())).collect();
        named.iter().try_for_each(|batch| check_name(batch))?;
        // Batches of the ledger are not even read. Whether the rest is still new is settled inside the transaction.
        let ids: Vec<String> = named.iter().map(|batch| batch.batch_id.clone()).collect();
        let unknown: HashSet<String> = self.not_in_ledger(&ids).await?.into_iter().collect();
        let known = (named.len() - unknown.len()) as u64;
        let batches: Vec<SealedBatch> =
            named.into_iter().filter(|batch| unknown.contains(&batch.batch_id)).cloned().collect();
        if batches.is_empty() {
            return Ok(Loaded { batches_known: known, ..Loaded::default() });
        }
        let objects: Vec<(&str, &str)> =
            batches.iter().map(|batch| (batch.bucket.as_str(), batch.key.as_str())).collect();
        let id = &manifest.manifest_id;
        let mut loaded = match self.copy_and_merge(id, &batches, &objects, source).await? {
            Merged::Loaded(loaded) => loaded,
            Merged::Refused(failed) => self.without_refused_lines(id, &batches, failed, source).await?,
        };
        loaded.batches_known += known;
        Ok(loaded)
    }

    async fn not_in_ledger(&self, batch_ids: &[String]) -> Result<Vec<String>> {
        let mut lists: Vec<String> = Vec::new();
        // What cannot be written in SQL cannot be in the ledger either.
        for text in batch_ids.iter().filter_map(|id| literal(id).ok()) {
            match lists.last_mut() {
                Some(list) if list.len() + text.len() < IDS_BYTES => {
                    list.push_str(", ");
                    list.push_str(&text);
                }
                _ => lists.push(text),
            }
        }
        let mut known = HashSet::new();
        for lists in lists.chunks(MAX_STATEMENTS - 1) {
            let ask = |list: &String| format!("SELECT batch_id FROM load_ledger WHERE batch_id IN ({list})");
            let statements: Vec<String> = lists.iter().map(ask).collect();
            let finished = self.run_or_fail("asking the ledger", "ledger", statements, Vec::new()).await?;
            for place in 0..lists.len() {
                let rows = self.api.answer(&finished, place).await?.rows;
                known.extend(rows.iter().filter_map(|row| row.first()?.as_str().map(str::to_owned)));
            }
        }
        Ok(batch_ids.iter().filter(|id| !known.contains(*id)).cloned().collect())
    }

    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Table> {
        let first = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
        if first != "select" && first != "with" {
            let opening: String = sql.trim().chars().take(60).collect();
            return Err(Error::permanent(format!("refused, because it is not a query: {opening}"))
                .with_hint("only statements that read are allowed here"));
        }
        let (sql, parameters) = bind(sql, parameters)?;
        let finished = self.run_or_fail("querying", "query", vec![sql], parameters).await?;
        self.api.answer(&finished, 0).await
    }
}

impl RedshiftWarehouse {
    /// Writes an object whose key ends with the hash of its content.
    async fn put_by_content(
        &self,
        bucket: &str,
        beginning: &str,
        ending: &str,
        bytes: Bytes,
        source: &dyn BatchSource,
    ) -> Result<String> {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(&bytes);
        let hash = hex(&digest[..8]);
        let key = format!("{beginning}{hash}{ending}");
        source.put(bucket, &key, bytes).await?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn options() -> RedshiftOptions {
        RedshiftOptions {
            workgroup: Some("rig".into()),
            cluster: None,
            database: "dev".into(),
            schema: "public".into(),
            db_user: None,
            secret_arn: None,
            copy_role: "default".into(),
            endpoint: None,
            statement_timeout: Duration::from_secs(60),
        }
    }
}

//! What becomes of lines that Redshift refuses.
//!
//! The engine makes rows that fit, so a refused line means a defect, a table that somebody changed, or an object that
//! somebody wrote. It must neither vanish nor hold up everything behind it: of several batches the load says which one
//! is damaged, and the loader takes them one by one; of a single batch, each photo with a refused line becomes one
//! rejection that names file and line, and all other photos are loaded as they are. A photo is never split: it stands
//! as scans or as a rejection, and `rejections replay` sends it through again.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::api::{FailedStatement, StatementOutcome};
use super::literal::literal;
use super::{Merged, RedshiftWarehouse, load};
use crate::warehouse::batch_line::BatchLine;
use crate::warehouse::report::rows_as;
use crate::warehouse::{BatchSource, Loaded, Table};
use scanmill_core::domain::batch::SealedBatch;
use scanmill_core::domain::photo::hash_128;
use scanmill_core::domain::row::rejection_of;
use scanmill_core::domain::{PhotoRef, Reason, Rejection, Row};
use scanmill_core::error::{Class, Error, Result};

/// Prefix of objects that stand for batches with refused lines.
const REWRITTEN_PREFIX: &str = "mended/";
/// Load errors read at most; COPY itself ends at as many.
const MAX_ERRORS: usize = 100_000;

/// One line that COPY refused.
#[derive(Debug, serde::Deserialize)]
struct LoadError {
    file_name: String,
    line_number: i64,
    column_name: Option<String>,
    error_message: String,
}

impl LoadError {
    fn why(&self) -> String {
        let message = self.error_message.trim();
        match self.column_name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(column) => format!("column `{column}`: {message}"),
            None => message.to_owned(),
        }
    }
}

impl RedshiftWarehouse {
    /// Goes on after a load that COPY, or the check behind it, did not take.
    ///
    /// # Errors
    /// What was wrong with the load as a whole; or poison that names file and line, where it was a line and the load
    /// had other batches too.
    pub(super) async fn without_refused_lines(
        &self,
        manifest_id: &str,
        batches: &[SealedBatch],
        failed: FailedStatement,
        source: &dyn BatchSource,
    ) -> Result<Loaded> {
        let urls: Vec<String> = batches.iter().map(url).collect();
        let first = self.load_errors(failed.query_id, &urls, 1).await?;
        let text = failed.text.clone();
        let error = failed.into_error("loading", &self.options);
        let is_refused = error.class() == Class::Refused;
        if first.is_empty() && (error.class().is_retryable() || is_refused) {
            return Err(error);
        }
        let [batch] = batches else {
            if let Some(first) = first.first() {
                return Err(Error::poison(format!(
                    "{} line {}: {}",
                    first.file_name.trim(),
                    first.line_number,
                    first.why()
                )));
            }
            // Not a line, then an object: the one that cannot be read, or that holds what is not a row.
            for batch in batches {
                let lines = source.read(batch).await?;
                let damaged = numbered(&lines).find_map(|(number, line)| Some((number, check(line, batch).err()?)));
                if let Some((number, why)) = damaged {
                    return Err(Error::poison(format!("{} line {number}: {why}", url(batch))));
                }
            }
            return Err(error);
        };
        let lines = source.read(batch).await?;
        let refused = self.refused_lines(batch, &lines).await?;
        if refused.is_empty() {
            return Err(error);
        }
        tracing::warn!(
            batch = url(batch),
            lines = refused.len(),
            error = text,
            "lines of a batch are refused; their photos become rejections"
        );
        let rewritten = gzip(&rewrite(&lines, batch, &refused))?;
        let beginning = format!("{REWRITTEN_PREFIX}{}-", batch.batch_id);
        let key = self.put_by_content(&batch.bucket, &beginning, ".jsonl.gz", rewritten, source).await?;
        let objects = [(batch.bucket.as_str(), key.as_str())];
        match self.copy_and_merge(manifest_id, std::slice::from_ref(batch), &objects, source).await? {
            Merged::Loaded(loaded) => Ok(loaded),
            Merged::Refused(failed) => Err(Error::poison(format!(
                "{} is refused even without the {} lines that were: {}",
                url(batch),
                refused.len(),
                failed.text
            ))),
        }
    }

    /// Every line of the batch that COPY refuses or that is not a row, with the reason.
    async fn refused_lines(&self, batch: &SealedBatch, lines: &[u8]) -> Result<BTreeMap<usize, String>> {
        let url = url(batch);
        let mut refused = BTreeMap::new();
        for (number, line) in numbered(lines) {
            if let Err(why) = check(line, batch) {
                refused.insert(number, why);
            }
        }
        // Redshift reads the object again, to its end, without loading it.
        let query_id = match self.run("dry-run", load::dry_run(&url, &self.options)?, Vec::new()).await? {
            StatementOutcome::Finished(finished) => finished.query_id(1),
            StatementOutcome::Failed(failed) => {
                return Err(failed.into_error("reading a batch without loading it", &self.options));
            }
        };
        for error in self.load_errors(query_id, &[url], MAX_ERRORS).await? {
            let why = error.why();
            refused.entry(usize::try_from(error.line_number).unwrap_or(0)).or_insert(why);
        }
        Ok(refused)
    }

    /// What the error view says of one COPY: by the number of its statement, or where that is not known by file.
    async fn load_errors(&self, query_id: Option<i64>, urls: &[String], most: usize) -> Result<Vec<LoadError>> {
        let condition = match query_id {
            Some(id) => format!("query_id = {id}"),
            None => {
                // A list too long for one statement is cut: this only names an example.
                let names = urls.iter().take(200).map(|url| literal(url)).collect::<Result<Vec<String>>>()?;
                format!("TRIM(file_name) IN ({})", names.join(", "))
            }
        };
        let sql = format!(
            "SELECT file_name, line_number, column_name, error_message FROM sys_load_error_detail
             WHERE {condition} ORDER BY file_name, line_number LIMIT {most}"
        );
        let table: Table = crate::warehouse::Warehouse::query(self, &sql, &[]).await?;
        rows_as(table)
    }
}

fn url(batch: &SealedBatch) -> String {
    format!("s3://{}/{}", batch.bucket, batch.key)
}

/// Lines that are not empty, numbered from 1.
fn numbered(lines: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let all = lines.split(|byte| *byte == b'\n').enumerate();
    all.filter(|(_, line)| !line.is_empty()).map(|(index, line)| (index + 1, line))
}

/// Whether a line is a whole row of its batch.
fn check(line: &[u8], batch: &SealedBatch) -> Result<(), String> {
    let line = BatchLine::parse(line)?;
    match line.text("batch_id") == Some(batch.batch_id.as_str()) {
        true => Ok(()),
        false => Err("`batch_id` is another batch's".into()),
    }
}

/// The batch's lines without those of photos that have a refused one, and a rejection for each such photo.
fn rewrite(lines: &[u8], batch: &SealedBatch, refused: &BTreeMap<usize, String>) -> Vec<u8> {
    let photo_of = |line: &[u8]| -> Option<String> {
        let row: serde_json::Value = serde_json::from_slice(line).ok()?;
        row.get("photo_id")?.as_str().filter(|id| id.len() == 32).map(str::to_owned)
    };
    let mut rejections: HashMap<String, Row> = HashMap::new();
    for (number, line) in numbered(lines) {
        let Some(why) = refused.get(&number) else { continue };
        let detail = format!("{} line {number}: {why}", url(batch));
        let photo_id = photo_of(line).unwrap_or_else(|| hash_128(&[&batch.bucket, &batch.key, &number.to_string()]));
        rejections.entry(photo_id.clone()).or_insert_with(|| rejection(line, photo_id, batch, detail));
    }
    let mut rewritten = Vec::with_capacity(lines.len());
    for (number, line) in numbered(lines) {
        let is_of_rejected = || photo_of(line).is_some_and(|photo| rejections.contains_key(&photo));
        if !refused.contains_key(&number) && !is_of_rejected() {
            rewritten.extend_from_slice(line);
            rewritten.push(b'\n');
        }
    }
    let mut rejections: Vec<(String, Row)> = rejections.into_iter().collect();
    rejections.sort_by(|left, right| left.0.cmp(&right.0));
    for (_, row) in rejections {
        if let Ok(line) = serde_json::to_vec(&row) {
            rewritten.extend(line);
            rewritten.push(b'\n');
        }
    }
    rewritten
}

/// The rejection of a photo, from what its refused line tells and a warehouse takes.
fn rejection(line: &[u8], photo_id: String, batch: &SealedBatch, detail: String) -> Row {
    let line: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    let text = |name: &str| line.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let time = |name: &str| text(name).and_then(|text| text.parse::<Timestamp>().ok());
    // Bucket and key also of a line that tells no photo stay empty: then nobody takes it for one to be read again.
    let photo = PhotoRef {
        bucket: text("bucket").unwrap_or_default(),
        key: text("object_key").unwrap_or_default(),
        version_id: text("version_id"),
        etag: text("etag"),
        size_bytes: line.get("size_bytes").and_then(serde_json::Value::as_u64),
        sequencer: text("sequencer"),
        uploaded_at: time("uploaded_at"),
    };
    let revision = line.get("revision").and_then(serde_json::Value::as_i64).unwrap_or(0);
    // The time of sealing, not of now: the same line gives the same row, however often it is refused.
    let processed_at = time("processed_at").or_else(|| batch.sealed_at.as_deref()?.parse().ok()).unwrap_or_default();
    let mut row = rejection_of(&photo, &Rejection::new(Reason::RefusedRow, detail), revision, processed_at);
    let lineage = row.lineage_mut();
    lineage.photo_id = photo_id;
    lineage.batch_id.clone_from(&batch.batch_id);
    row
}

fn gzip(lines: &[u8]) -> Result<Bytes> {
    let failed = |error| Error::new(Class::Bug, "cannot compress a batch").with_source(error);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(lines).map_err(failed)?;
    Ok(encoder.finish().map_err(failed)?.into())
}

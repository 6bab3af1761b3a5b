//! One load: stage the batches, then merge them in one transaction (DESIGN §7).
//!
//! The unit is the *reading*: the rows that one pass over one photo gave, known by photo, revision, batch and
//! `processed_at`. Of all readings of a photo, here and in the tables, one stays, whole. The first of these rules that
//! tells two readings apart decides:
//! 1. a final answer stays, whatever the revision of a rejection of the moment: no scan gives way to a store that was
//!    down when somebody tried again;
//! 2. the higher revision;
//! 3. what the tables have; within a load the smaller batch id, then the earlier reading.
//!
//! So a redelivered photo never adds a row, even when its second reading found other codes, never stands as scan and
//! rejection at once, and is not held to a rejection whose cause has passed.

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::errors::sql_error;
use super::supersede::supersede;
use super::times;
use crate::warehouse::batch_line::{BatchLine, Cell};
use crate::warehouse::{Loaded, passing_reasons};
use scanmill_core::domain::batch::SealedBatch;
use scanmill_core::domain::columns::{COLUMNS, Column, ColumnType, rejection_columns, scan_columns};
use scanmill_core::domain::former_values::present;
use scanmill_core::error::{Error, Result};

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Integer(integer) => ToSqlOutput::Owned(Value::Integer(*integer)),
            Cell::Real(real) => ToSqlOutput::Owned(Value::Real(*real)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// A batch whose rows are in the stage.
#[derive(Debug)]
pub(super) struct Staged {
    batch: SealedBatch,
    rows: u64,
    photos: u64,
}

/// Empties the stage and says which of the batches the ledger has: they need not even be read.
pub(super) fn begin(connection: &mut Connection, path: &Path, batch_ids: &[String]) -> Result<HashSet<String>> {
    let columns = names(COLUMNS.iter(), "");
    connection
        .execute_batch(&format!(
            "CREATE TEMP TABLE IF NOT EXISTS stage (row_kind, {columns});
             CREATE TEMP TABLE IF NOT EXISTS pick
               (photo_id PRIMARY KEY, is_final, revision, batch_id, processed_at, row_kind) WITHOUT ROWID;
             DELETE FROM temp.stage;
             DELETE FROM temp.pick;"
        ))
        .map_err(sql_error("cannot make the stage", path))?;
    in_ledger(connection, path, batch_ids)
}

/// Those of the batches that the ledger has.
pub(super) fn in_ledger(connection: &Connection, path: &Path, batch_ids: &[String]) -> Result<HashSet<String>> {
    let failed = || sql_error("cannot read the ledger", path);
    let mut statement = connection.prepare_cached("SELECT 1 FROM load_ledger WHERE batch_id = ?1").map_err(failed())?;
    let mut known = HashSet::new();
    for batch_id in batch_ids {
        if statement.exists([batch_id]).map_err(failed())? {
            known.insert(batch_id.clone());
        }
    }
    Ok(known)
}

/// Puts a batch's lines into the stage.
///
/// # Errors
/// Poison for a line that is not a row: the engine wrote it, so it is the engine's mistake, and no part of the batch may
/// be loaded.
pub(super) fn stage(connection: &mut Connection, path: &Path, batch: SealedBatch, lines: &[u8]) -> Result<Staged> {
    let failed = || sql_error("cannot stage rows", path);
    let transaction = connection.transaction().map_err(failed())?;
    let (mut rows, mut photos) = (0, HashSet::new());
    {
        let places: Vec<String> = (1..=COLUMNS.len() + 1).map(|place| format!("?{place}")).collect();
        let columns = names(COLUMNS.iter(), "");
        let insert = format!("INSERT INTO temp.stage (row_kind, {columns}) VALUES ({})", places.join(", "));
        let mut insert = transaction.prepare_cached(&insert).map_err(failed())?;
        for (index, text) in lines.split(|byte| *byte == b'\n').enumerate() {
            if text.is_empty() {
                continue;
            }
            let malformed = |why: &str| {
                Error::poison(format!("batch {}/{} line {}: {why}", batch.bucket, batch.key, index + 1)).with_hint(
                    "nothing of this batch was loaded; if a newer scanmill wrote it, load it with that one, else \
                     please report it as a defect",
                )
            };
            let line = BatchLine::parse(text).map_err(|why| malformed(&why))?;
            if line.text("batch_id") != Some(batch.batch_id.as_str()) {
                return Err(malformed("`batch_id` is another batch's"));
            }
            for (place, (cell, column)) in line.cells.iter().zip(COLUMNS).enumerate() {
                match cell {
                    Cell::Text(text) => {
                        let text = times::stored(column.kind, present(column.name, text))
                            .ok_or_else(|| malformed(&format!("`{}` is not a time", column.name)))?;
                        insert.raw_bind_parameter(place + 2, &*text)
                    }
                    other => insert.raw_bind_parameter(place + 2, other),
                }
                .map_err(failed())?;
            }
            insert.raw_bind_parameter(1, &line.row_kind).map_err(failed())?;
            insert.raw_execute().map_err(failed())?;
            rows += 1;
            if let Some(photo_id) = line.text("photo_id")
                && !photos.contains(photo_id)
            {
                photos.insert(photo_id.to_owned());
            }
        }
    }
    transaction.commit().map_err(failed())?;
    Ok(Staged { batch, rows, photos: photos.len() as u64 })
}

/// Moves what is new from the stage into the tables, and the batches into the ledger. Of the names in the bucket
/// `superseding_in` only the latest state stays.
pub(super) fn merge(
    connection: &mut Connection,
    path: &Path,
    manifest_id: &str,
    staged: &[Staged],
    superseding_in: Option<&str>,
) -> Result<Loaded> {
    if staged.is_empty() {
        return Ok(Loaded::default());
    }
    let merged = merge_in_transaction(connection, manifest_id, staged, superseding_in)
        .map_err(sql_error("cannot load", path))?;
    // The stage is emptied at the next load too; now it gives its pages back for that one.
    connection
        .execute_batch("DELETE FROM temp.stage; DELETE FROM temp.pick;")
        .map_err(sql_error("cannot empty the stage", path))?;
    Ok(merged)
}

fn merge_in_transaction(
    connection: &mut Connection,
    manifest_id: &str,
    staged: &[Staged],
    superseding_in: Option<&str>,
) -> rusqlite::Result<Loaded> {
    // IMMEDIATE takes the write lock before the first read: what the ledger says stays true until the commit.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut loaded = Loaded::default();
    let photos_staged = write_ledger(&transaction, manifest_id, staged, &mut loaded)?;

    let run = |sql: &str| transaction.prepare_cached(sql)?.execute([]).map(|count| count as u64);
    // `scan` sorts above `rejection`: of a scan and a rejection made in the same millisecond, the scan stays.
    run(&format!(
        "INSERT INTO temp.pick (photo_id, is_final, revision, batch_id, processed_at, row_kind)
         SELECT photo_id, is_final, revision, batch_id, processed_at, row_kind
         FROM (SELECT photo_id, is_final, revision, batch_id, processed_at, row_kind,
                      ROW_NUMBER() OVER (
                        PARTITION BY photo_id
                        ORDER BY is_final DESC, revision DESC, batch_id, processed_at, row_kind DESC
                      ) AS place
               FROM (SELECT photo_id, {is_final} AS is_final, revision, batch_id, processed_at, row_kind
                     FROM temp.stage) AS readings) AS placed
         WHERE place = 1",
        is_final = is_final("reason"),
    ))?;
    run(&format!(
        "DELETE FROM temp.pick
         WHERE EXISTS (SELECT 1 FROM scans AS had
                       WHERE had.photo_id = pick.photo_id AND (1, had.revision) >= (pick.is_final, pick.revision))
            OR EXISTS (SELECT 1 FROM rejections AS had
                       WHERE had.photo_id = pick.photo_id
                         AND ({is_final}, had.revision) >= (pick.is_final, pick.revision))",
        is_final = is_final("had.reason"),
    ))?;
    let picked: i64 = transaction.query_row("SELECT COUNT(*) FROM temp.pick", [], |row| row.get(0))?;
    loaded.photos_repeated = photos_staged.saturating_sub(picked as u64);

    let replaced: i64 = transaction.query_row(
        "SELECT COUNT(*) FROM temp.pick
         WHERE EXISTS (SELECT 1 FROM scans AS had WHERE had.photo_id = pick.photo_id)
            OR EXISTS (SELECT 1 FROM rejections AS had WHERE had.photo_id = pick.photo_id)",
        [],
        |row| row.get(0),
    )?;
    loaded.photos_replaced = replaced as u64;
    if replaced > 0 {
        run("DELETE FROM scans WHERE photo_id IN (SELECT photo_id FROM temp.pick)")?;
        run("DELETE FROM rejections WHERE photo_id IN (SELECT photo_id FROM temp.pick)")?;
    }
    // A reading is in its batch twice only if the photo was read twice within one millisecond.
    loaded.scans = run(&insert_picked("scans", "scan", scan_columns(), "photo_id, scan_id"))?;
    loaded.rejections = run(&insert_picked("rejections", "rejection", rejection_columns(), "photo_id"))?;
    if let Some(bucket) = superseding_in {
        loaded.photos_superseded = supersede(&transaction, bucket)?;
    }
    transaction.commit()?;
    Ok(loaded)
}

/// Writes the ledger rows and takes the rows of batches that another process has loaded meanwhile off the stage.
/// Returns the photos left there, each counted once a batch.
fn write_ledger(
    transaction: &Transaction<'_>,
    manifest_id: &str,
    staged: &[Staged],
    loaded: &mut Loaded,
) -> rusqlite::Result<u64> {
    let mut photos = 0;
    let loaded_at = times::instant(Timestamp::now());
    let mut insert = transaction.prepare_cached(
        "INSERT INTO load_ledger
           (batch_id, manifest_id, bucket, object_key, row_count, photo_count, sealed_at, loaded_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (batch_id) DO NOTHING",
    )?;
    let mut drop_rows = transaction.prepare_cached("DELETE FROM temp.stage WHERE batch_id = ?1")?;
    for Staged { batch, rows, photos: batch_photos } in staged {
        let inserted = insert.execute(params![
            batch.batch_id,
            manifest_id,
            batch.bucket,
            batch.key,
            *rows as i64,
            *batch_photos as i64,
            batch.sealed_at.as_deref().and_then(|at| times::stored(ColumnType::Timestamp, at)),
            loaded_at
        ])?;
        if inserted == 1 {
            loaded.batches += 1;
            photos += batch_photos;
        } else {
            loaded.batches_known += 1;
            drop_rows.execute([&batch.batch_id])?;
        }
    }
    Ok(photos)
}

fn insert_picked(table: &str, row_kind: &str, columns: impl Iterator<Item = &'static Column>, key: &str) -> String {
    let columns: Vec<&Column> = columns.collect();
    let (into, from) = (names(columns.iter().copied(), ""), names(columns.iter().copied(), "stage."));
    format!(
        "INSERT INTO {table} ({into}) SELECT {from} FROM temp.stage
         WHERE row_kind = '{row_kind}'
           AND EXISTS (SELECT 1 FROM temp.pick
                       WHERE pick.photo_id = stage.photo_id AND pick.revision = stage.revision
                         AND pick.batch_id = stage.batch_id AND pick.processed_at = stage.processed_at
                         AND pick.row_kind = stage.row_kind AND pick.is_final = {is_final})
         ON CONFLICT ({key}) DO NOTHING",
        is_final = is_final("stage.reason"),
    )
}

/// 1 for a final answer, 0 for a rejection of the moment. Scans have no reason.
fn is_final(reason: &str) -> String {
    format!("CASE WHEN {reason} IN ({}) THEN 0 ELSE 1 END", passing_reasons())
}

fn names<'a>(columns: impl Iterator<Item = &'a Column>, prefix: &str) -> String {
    columns.map(|column| format!("{prefix}{}", column.name)).collect::<Vec<_>>().join(", ")
}

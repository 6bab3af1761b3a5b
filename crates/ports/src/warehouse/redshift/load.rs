//! The SQL of one load: one transaction, whose rules are those of `warehouse/sqlite/load.rs`.
//!
//! Why any number of loads, from any number of processes, leave what one would:
//! - Every load takes the ledger's lock before anything that reads: Redshift takes a transaction's snapshot at its
//!   first read or write, so a load sees all that the one before it committed. `scans` and `rejections` are written by
//!   loads alone, so the ledger's lock is theirs too, and who reads them never waits.
//! - Batches that the ledger has are taken off the stage; the others enter it in the same transaction as their rows.
//! - So a load whose answer was lost can be loaded again: if it was committed, its batches are in the ledger.

use super::literal::literal;
use super::{RedshiftOptions, api};
use crate::warehouse::passing_reasons;
use crate::warehouse::schema::VERSION;
use crate::warehouse::schema::redshift::kind;
use scanmill_core::domain::batch::SealedBatch;
use scanmill_core::domain::columns::{COLUMNS, Column, ColumnTables, rejection_columns, scan_columns};
use scanmill_core::domain::former_values::rewrite_sql;
use scanmill_core::error::{Error, Result};

/// The statements of a load, and where in them stands what the caller looks at.
pub(super) struct Load {
    pub(super) statements: Vec<String>,
    /// The check that the tables are those this binary knows.
    pub(super) version: usize,
    /// The COPY.
    pub(super) copy: usize,
    /// The check that every line is a row, whole and of its batch.
    pub(super) guard: usize,
    /// The figures, one row.
    pub(super) figures: usize,
}

/// Bytes of one list of batches.
const LIST_BYTES: usize = 90_000;

/// The load of `batches` by the COPY manifest at `manifest_url`.
pub(super) fn load(
    batches: &[SealedBatch],
    manifest_id: &str,
    manifest_url: &str,
    options: &RedshiftOptions,
) -> Result<Load> {
    let mut statements = vec!["LOCK TABLE load_ledger".to_owned(), create_stage()];
    statements.push(
        "CREATE TEMP TABLE scanmill_batches
  (batch_id VARCHAR(64) NOT NULL, bucket VARCHAR(255), object_key VARCHAR(1024), sealed_at TIMESTAMPTZ)"
            .into(),
    );
    statements.extend(list(batches)?);
    statements.push("CREATE TEMP TABLE scanmill_guard (is_right SMALLINT NOT NULL)".into());
    // COPY passes over what it knows no column for: against newer tables it would lose their new columns.
    let version = statements.len();
    statements.push(format!(
        "INSERT INTO scanmill_guard (is_right)\nSELECT CAST(NULL AS SMALLINT)\nFROM warehouse_schema\nWHERE \
         schema_version <> {VERSION}"
    ));
    let copy = statements.len();
    statements.push(copy_from(manifest_url, options, true, "")?);
    let guard = statements.len();
    statements.push(check_lines());
    // A batch that an older scanmill sealed has values under their former names.
    statements.extend(rewrite_sql("scanmill_stage", &COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>()));
    statements.push(
        "DELETE FROM scanmill_batches USING load_ledger WHERE scanmill_batches.batch_id = load_ledger.batch_id".into(),
    );
    statements.push(
        "DELETE FROM scanmill_stage WHERE batch_id NOT IN (SELECT scanmill_batches.batch_id FROM scanmill_batches)"
            .into(),
    );
    statements.extend(merge());
    statements.push(format!(
        "INSERT INTO load_ledger
  (batch_id, manifest_id, bucket, object_key, row_count, photo_count, sealed_at, loaded_at)
SELECT scanmill_batches.batch_id, {}, scanmill_batches.bucket, scanmill_batches.object_key,
       COALESCE(counted.row_count, 0), COALESCE(counted.photo_count, 0), scanmill_batches.sealed_at, SYSDATE
FROM scanmill_batches
LEFT JOIN (
  SELECT batch_id, COUNT(*) AS row_count, COUNT(DISTINCT photo_id) AS photo_count
  FROM scanmill_stage
  GROUP BY batch_id
) AS counted ON counted.batch_id = scanmill_batches.batch_id",
        literal(manifest_id)?
    ));
    let figures = statements.len();
    statements.push(figures_sql());
    // One place is the search path's.
    if statements.len() >= api::MAX_STATEMENTS {
        return Err(Error::permanent(format!("{} batches are too many for one load", batches.len()))
            .with_hint("set a smaller `load.max_batches`"));
    }
    Ok(Load { statements, version, copy, guard, figures })
}

/// Statements that read one object and load nothing; every line COPY refuses is then in its error view. (A URL without
/// manifest is a prefix. That of a whole batch object begins no other.)
pub(super) fn dry_run(url: &str, options: &RedshiftOptions) -> Result<Vec<String>> {
    Ok(vec![create_stage(), copy_from(url, options, false, " NOLOAD MAXERROR 100000")?])
}

/// One stage for both kinds of rows, so that each object is read once; what belongs to the other kind stays null. What
/// both kinds must have is demanded here, where COPY's refusal still names file and line.
fn create_stage() -> String {
    let line = |column: &Column| {
        let required = if column.required && column.table == ColumnTables::Both { " NOT NULL" } else { "" };
        format!("  {} {}{required}", column.name, kind(column.kind))
    };
    let lines: Vec<String> = COLUMNS.iter().map(line).collect();
    format!("CREATE TEMP TABLE scanmill_stage (\n  row_kind VARCHAR(16) NOT NULL,\n{}\n)", lines.join(",\n"))
}

fn copy_from(url: &str, options: &RedshiftOptions, is_manifest: bool, more: &str) -> Result<String> {
    let manifest = if is_manifest { "MANIFEST " } else { "" };
    let role = match options.copy_role.as_str() {
        "default" => "default".to_owned(),
        arn => literal(arn)?,
    };
    Ok(format!(
        "COPY scanmill_stage (row_kind, {})\nFROM {}\nIAM_ROLE {role}\n{manifest}FORMAT JSON 'auto' GZIP \
         TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF{more}",
        names(COLUMNS.iter(), ""),
        literal(url)?
    ))
}

/// The batches as rows, in as many statements as their text needs.
fn list(batches: &[SealedBatch]) -> Result<Vec<String>> {
    let begin = "INSERT INTO scanmill_batches (batch_id, bucket, object_key, sealed_at) VALUES\n";
    let mut statements: Vec<String> = Vec::new();
    for batch in batches {
        let sealed_at = batch.sealed_at.as_deref().map_or_else(|| Ok("NULL".to_owned()), literal)?;
        let row = format!(
            "({}, {}, {}, {sealed_at})",
            literal(&batch.batch_id)?,
            literal(&batch.bucket)?,
            literal(&batch.key)?
        );
        match statements.last_mut() {
            Some(last) if last.len() + row.len() < LIST_BYTES => {
                last.push_str(",\n");
                last.push_str(&row);
            }
            _ => statements.push(format!("{begin}{row}")),
        }
    }
    Ok(statements)
}

/// Fails on a line that is not a complete row, or not of the batches it came with: it would become a null where none may be.
/// What comes before says which line it was.
fn check_lines() -> String {
    let rule = |row_kind: &str, own: ColumnTables, other: ColumnTables| {
        let required = COLUMNS.iter().filter(|column| column.required && column.table == own);
        let foreign = COLUMNS.iter().filter(|column| column.table == other);
        let mut tests = vec![format!("row_kind = '{row_kind}'")];
        tests.extend(required.map(|column| format!("{} IS NOT NULL", column.name)));
        tests.extend(foreign.map(|column| format!("{} IS NULL", column.name)));
        format!("({})", tests.join(" AND "))
    };
    format!(
        "INSERT INTO scanmill_guard (is_right)\nSELECT CAST(NULL AS SMALLINT)\nFROM scanmill_stage\nWHERE NOT ({}\n\
         \x20 OR {})\n   OR batch_id NOT IN (SELECT scanmill_batches.batch_id FROM scanmill_batches)",
        rule("scan", ColumnTables::Scans, ColumnTables::Rejections),
        rule("rejection", ColumnTables::Rejections, ColumnTables::Scans)
    )
}

/// From the stage into the tables: of all readings of a photo one stays.
///
/// The search for photos that stand reads all of `scans` and `rejections`, though only two narrow columns: an object
/// that is written again with the same bytes is the same photo, and its row may be of any age.
fn merge() -> Vec<String> {
    let same_reading = same_reading();
    // A reading is in its batch twice only if the photo was read twice within one millisecond.
    let insert = |table: &str, row_kind: &str, columns: Vec<&'static Column>, key: &str| {
        format!(
            "INSERT INTO {table}\n  ({into})\nSELECT {into}\nFROM (\n  SELECT {from},\n         ROW_NUMBER() OVER (PARTITION BY {key} \
             ORDER BY scanmill_stage.batch_id) AS copy_number\n  FROM scanmill_stage\n  INNER JOIN scanmill_pick ON \
             {same_reading}\n  WHERE scanmill_stage.row_kind = '{row_kind}'\n) AS picked\nWHERE copy_number = 1",
            into = names(columns.iter().copied(), ""),
            from = names(columns.iter().copied(), "scanmill_stage."),
        )
    };
    let delete = |table: &str| {
        format!(
            "DELETE FROM {table} WHERE photo_id IN (
  SELECT scanmill_pick.photo_id
  FROM scanmill_pick
  INNER JOIN scanmill_standing ON scanmill_standing.photo_id = scanmill_pick.photo_id
)"
        )
    };
    vec![
        // `scan` sorts above `rejection`: of a scan and a rejection made in the same millisecond, the scan stays.
        format!(
            "CREATE TEMP TABLE scanmill_pick AS
SELECT photo_id, is_final, revision, batch_id, processed_at, row_kind
FROM (
  SELECT photo_id, is_final, revision, batch_id, processed_at, row_kind,
         ROW_NUMBER() OVER (
           PARTITION BY photo_id ORDER BY is_final DESC, revision DESC, batch_id, processed_at, row_kind DESC
         ) AS place
  FROM (
    SELECT photo_id, {} AS is_final, revision, batch_id, processed_at, row_kind
    FROM scanmill_stage
  ) AS readings
) AS placed
WHERE place = 1",
            is_final("reason")
        ),
        // One reading of a photo stands, so all its rows have the same two figures.
        format!(
            "CREATE TEMP TABLE scanmill_standing AS
SELECT photo_id, MAX(is_final) AS is_final, MAX(revision) AS revision
FROM (
  SELECT photo_id, 1 AS is_final, revision FROM scans
  WHERE photo_id IN (SELECT scanmill_pick.photo_id FROM scanmill_pick)
  UNION ALL
  SELECT photo_id, {} AS is_final, revision FROM rejections
  WHERE photo_id IN (SELECT scanmill_pick.photo_id FROM scanmill_pick)
) AS had
GROUP BY photo_id",
            is_final("reason")
        ),
        "DELETE FROM scanmill_pick USING scanmill_standing
WHERE scanmill_pick.photo_id = scanmill_standing.photo_id
  AND (
    scanmill_standing.is_final > scanmill_pick.is_final
    OR (scanmill_standing.is_final = scanmill_pick.is_final AND scanmill_standing.revision >= scanmill_pick.revision)
  )"
        .to_owned(),
        delete("scans"),
        delete("rejections"),
        insert("scans", "scan", scan_columns().collect(), "scanmill_stage.photo_id, scanmill_stage.scan_id"),
        insert("rejections", "rejection", rejection_columns().collect(), "scanmill_stage.photo_id"),
    ]
}

/// 1 for a final answer, 0 for a rejection of the moment. Scans have no reason.
fn is_final(reason: &str) -> String {
    format!("CASE WHEN {reason} IN ({}) THEN 0 ELSE 1 END", passing_reasons())
}

/// The condition that a line of the stage is part of the picked reading.
fn same_reading() -> String {
    format!(
        "scanmill_pick.photo_id = scanmill_stage.photo_id
    AND scanmill_pick.revision = scanmill_stage.revision
    AND scanmill_pick.batch_id = scanmill_stage.batch_id
    AND scanmill_pick.processed_at = scanmill_stage.processed_at
    AND scanmill_pick.row_kind = scanmill_stage.row_kind
    AND scanmill_pick.is_final = {}",
        is_final("scanmill_stage.reason")
    )
}

fn figures_sql() -> String {
    format!(
        "SELECT listed.batches, staged.photos_staged, picked.photos_picked, replaced.photos_replaced,
       inserted.scans, inserted.rejections
FROM (SELECT COUNT(*) AS batches FROM scanmill_batches) AS listed
CROSS JOIN (
  SELECT COUNT(*) AS photos_staged FROM (SELECT DISTINCT batch_id, photo_id FROM scanmill_stage) AS photos
) AS staged
CROSS JOIN (SELECT COUNT(*) AS photos_picked FROM scanmill_pick) AS picked
CROSS JOIN (
  SELECT COUNT(*) AS photos_replaced
  FROM scanmill_pick
  INNER JOIN scanmill_standing ON scanmill_standing.photo_id = scanmill_pick.photo_id
) AS replaced
CROSS JOIN (
  SELECT COALESCE(SUM(CASE WHEN row_kind = 'scan' THEN 1 ELSE 0 END), 0) AS scans,
         COALESCE(SUM(CASE WHEN row_kind = 'rejection' THEN 1 ELSE 0 END), 0) AS rejections
  FROM (
    SELECT DISTINCT scanmill_stage.row_kind, scanmill_stage.photo_id, scanmill_stage.scan_id
    FROM scanmill_stage
    INNER JOIN scanmill_pick ON {same_reading}
  ) AS kept
) AS inserted",
        same_reading = same_reading()
    )
}

fn names<'a>(columns: impl Iterator<Item = &'a Column>, prefix: &str) -> String {
    columns.map(|column| format!("{prefix}{}", column.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::redshift::tests::options;

    fn batches(count: usize) -> Vec<SealedBatch> {
        (0..count)
            .map(|number| SealedBatch {
                batch_id: format!("20261122T154000Z-0123456789ab-{number:06}"),
                bucket: "results".into(),
                key: format!("batches/it's {number}.jsonl.gz"),
                sealed_at: (number % 2 == 0).then(|| "2026-11-22T15:40:10.000Z".into()),
            })
            .collect()
    }

    #[test]
    fn the_lock_comes_first_and_nothing_commits_before_the_end() {
        let load = load(&batches(3), "m1", "s3://results/manifests/m1.copy.json", &options()).unwrap();
        assert_eq!(load.statements[0], "LOCK TABLE load_ledger");
        assert!(load.statements[load.copy].starts_with("COPY scanmill_stage "));
        assert!(load.statements[load.guard].starts_with("INSERT INTO scanmill_guard"));
        assert!(load.statements[load.figures].starts_with("SELECT "));
        for commits in ["TRUNCATE", "VACUUM", "ALTER TABLE", "COMMIT", "ANALYZE"] {
            assert!(!load.statements.iter().any(|sql| sql.to_uppercase().contains(commits)), "{commits}");
        }
    }

    #[test]
    fn the_most_batches_the_configuration_allows_fit_into_one_load() {
        let load = load(&batches(10_000), "m1", "s3://results/m1", &options()).unwrap();
        assert!(load.statements.len() < api::MAX_STATEMENTS, "{}", load.statements.len());
        assert!(load.statements.iter().all(|sql| sql.len() <= api::MAX_STATEMENT_BYTES));
    }

    #[test]
    fn texts_from_outside_are_escaped() {
        let mut odd = batches(1);
        odd[0].batch_id = "b'); DROP TABLE scans; --\\".into();
        let statements = load(&odd, "m1", "s3://it's/m1", &options()).unwrap().statements;
        assert!(statements.iter().any(|sql| sql.contains("('b''); DROP TABLE scans; --\\\\', ")), "{statements:#?}");
        assert!(statements.iter().any(|sql| sql.contains("FROM 's3://it''s/m1'\n")));
        odd[0].key = "a\0b".into();
        assert!(load(&odd, "m1", "s3://b/m1", &options()).is_err());
    }

    #[test]
    fn a_role_is_default_or_quoted() {
        let mut options = options();
        let sql = |options: &RedshiftOptions| copy_from("s3://b/m", options, true, "").unwrap();
        assert!(sql(&options).contains("\nIAM_ROLE default\n"));
        options.copy_role = "arn:aws:iam::123456789012:role/copy".into();
        assert!(sql(&options).contains("\nIAM_ROLE 'arn:aws:iam::123456789012:role/copy'\n"));
    }
}

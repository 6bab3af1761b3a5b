//! Tables and marts as Redshift has them.

use std::fmt::Write as _;

use super::PRODUCT_COLUMNS;
use super::marts;
use scanmill_core::domain::columns::{Column, ColumnType, rejection_columns, scan_columns};

/// The ledger's columns: name, type, meaning.
const LEDGER: &[(&str, &str, &str)] = &[
    ("batch_id", "VARCHAR(64) NOT NULL", "sealed batch; the id begins with the time it was opened"),
    ("manifest_id", "VARCHAR(32) NOT NULL", "load that took it"),
    ("bucket", "VARCHAR(255) NOT NULL", "bucket of the batch object"),
    ("object_key", "VARCHAR(1024) NOT NULL", "key of the batch object"),
    ("row_count", "BIGINT NOT NULL", "rows in the object, repeated photos included"),
    ("photo_count", "BIGINT NOT NULL", "photos in the object"),
    ("sealed_at", "TIMESTAMPTZ", "when the object became durable; null when adopted from a listing"),
    ("loaded_at", "TIMESTAMPTZ NOT NULL", "when the load took it"),
];

/// Statements that create everything, in order; each does nothing where its work is done. The last ones make the view
/// `warehouse_schema`, so that whoever finds it finds all the rest.
///
/// Compression, distribution and (but for the sort key) layout are left to Redshift's AUTO. The tables sort by
/// `processed_at`: rows arrive in nearly that order, so there is little to vacuum.
pub fn statements() -> Vec<String> {
    let ledger = LEDGER.iter().map(|(name, kind, _)| format!("  {name} {kind}")).collect();
    let products = PRODUCT_COLUMNS.iter().map(|(name, required, _)| {
        format!("  {name} {}{}", product_kind(name), if *required { " NOT NULL" } else { "" })
    });
    let products = products.collect();
    let mut all = vec![
        table("load_ledger", ledger, "batch_id"),
        table("scans", lines(scan_columns()), "processed_at"),
        table("rejections", lines(rejection_columns()), "processed_at"),
        table("products", products, "product_id"),
    ];
    all.extend(LEDGER.iter().map(|(name, _, doc)| comment("load_ledger", name, doc)));
    all.extend(scan_columns().map(|column| comment("scans", column.name, column.doc)));
    all.extend(rejection_columns().map(|column| comment("rejections", column.name, column.doc)));
    all.extend(PRODUCT_COLUMNS.iter().map(|(name, _, doc)| comment("products", name, doc)));
    let (version, marts): (Vec<String>, Vec<String>) = split(&marts::redshift())
        .into_iter()
        .partition(|statement| replaced_view(statement) == Some("warehouse_schema"));
    all.extend(marts);
    all.push(GEOMETRY.to_owned());
    all.extend(version);
    all
}

/// The view that a statement replaces.
pub fn replaced_view(statement: &str) -> Option<&str> {
    statement.strip_prefix("CREATE OR REPLACE VIEW ")?.split_whitespace().next()
}

/// The same as a script to run by hand.
pub fn script() -> String {
    let note = "-- A view whose columns another version changed is not replaced: DROP VIEW it first, and before it what\n\
                -- was built on it.\n\n";
    statements().into_iter().fold(note.to_owned(), |mut script, statement| {
        let _ = write!(script, "{statement};\n\n");
        script
    })
}

/// Scans on a map. A geometry cannot be loaded from JSON, sorted or grouped by, so the columns are the truth and this
/// is a view.
const GEOMETRY: &str = "CREATE OR REPLACE VIEW scans_geo AS
SELECT scan_id, photo_id, product_id, url_host, utm_campaign, captured_at, captured_local, local_date, h3_cell,
       latitude, longitude, altitude_m, ST_SetSRID(ST_Point(longitude, latitude), 4326) AS location
FROM scans
WHERE latitude IS NOT NULL AND longitude IS NOT NULL";

fn table(name: &str, lines: Vec<String>, sort_key: &str) -> String {
    format!("CREATE TABLE IF NOT EXISTS {name} (\n{}\n)\nDISTSTYLE AUTO\nSORTKEY ({sort_key})", lines.join(",\n"))
}

fn lines(columns: impl Iterator<Item = &'static Column>) -> Vec<String> {
    let line = |column: &Column| {
        let required = if column.required { " NOT NULL" } else { "" };
        format!("  {} {}{required}", column.name, kind(column.kind))
    };
    columns.map(line).collect()
}

/// Redshift's type of a column. VARCHAR counts bytes, as the columns' caps do.
pub fn kind(kind: ColumnType) -> String {
    match kind {
        ColumnType::Text(cap) => format!("VARCHAR({cap})"),
        ColumnType::Integer => "BIGINT".into(),
        ColumnType::Real => "DOUBLE PRECISION".into(),
        ColumnType::Timestamp => "TIMESTAMPTZ".into(),
        ColumnType::LocalTimestamp => "TIMESTAMP".into(),
        ColumnType::Date => "DATE".into(),
    }
}

/// Redshift's type of a column of `products`.
fn product_kind(name: &str) -> &'static str {
    if name == "url_host" { "VARCHAR(255)" } else { "VARCHAR(1024)" }
}

fn comment(table: &str, column: &str, doc: &str) -> String {
    format!("COMMENT ON COLUMN {table}.{column} IS '{}'", doc.replace('\'', "''"))
}

/// The statements of a script whose comments are lines and whose texts hold neither `;` nor `--`.
fn split(script: &str) -> Vec<String> {
    let code: Vec<&str> = script.lines().map(|line| line.split("--").next().unwrap_or_default().trim_end()).collect();
    let statements = code.join("\n");
    statements.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// Every table with its columns and their types as `SVV_COLUMNS` names them: `character varying(32)`, `bigint`.
pub fn expected_columns() -> Vec<(&'static str, &'static str, String)> {
    let mut all = Vec::new();
    for (table, columns) in
        [("scans", scan_columns().collect::<Vec<_>>()), ("rejections", rejection_columns().collect())]
    {
        all.extend(columns.into_iter().map(|column| (table, column.name, long_name(&kind(column.kind)))));
    }
    let type_of = |kind: &str| long_name(kind.trim_end_matches(" NOT NULL"));
    all.extend(LEDGER.iter().map(|(name, kind, _)| ("load_ledger", *name, type_of(kind))));
    all.extend(PRODUCT_COLUMNS.iter().map(|(name, ..)| ("products", *name, type_of(product_kind(name)))));
    all
}

fn long_name(kind: &str) -> String {
    match kind {
        "TIMESTAMPTZ" => "timestamp with time zone".into(),
        "TIMESTAMP" => "timestamp without time zone".into(),
        other => other.to_lowercase().replace("varchar", "character varying"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::schema::VERSION;
    use scanmill_core::domain::columns::COLUMNS;
    use scanmill_core::domain::photo::hash_128;

    #[test]
    fn the_version_goes_up_with_every_change() {
        let (version, fingerprint) = (7, "37e3a37a3262aa39c3b7138f62ad912c");
        let all = statements();
        let texts: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(
            (VERSION, hash_128(&texts).as_str()),
            (version, fingerprint),
            "tables or marts changed: once a version is released, raise VERSION and add a migration"
        );
    }

    #[test]
    fn the_version_is_the_last_thing_made() {
        let all = statements();
        assert_eq!(all.len(), 4 + 8 + scan_columns().count() + rejection_columns().count() + 5 + 22);
        assert!(all[0].contains("load_ledger"), "the ledger is what the rest is locked by");
        assert_eq!(
            all[all.len() - 1],
            "CREATE OR REPLACE VIEW warehouse_schema AS\nSELECT CAST(7 AS BIGINT) AS schema_version"
        );
    }

    #[test]
    fn no_row_is_too_long_for_redshift() {
        let text = |column: &Column| match column.kind {
            ColumnType::Text(cap) => cap as usize,
            _ => 8,
        };
        // The stage holds all columns. Redshift takes 4 MB in COPY, and 64 KB in what it keeps between two steps.
        assert!(COLUMNS.iter().map(text).sum::<usize>() < 65_535);
        assert!(COLUMNS.iter().all(|column| text(column) <= 65_535));
    }
}

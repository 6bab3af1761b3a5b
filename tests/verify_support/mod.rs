//! Photos that nobody took, with the key that expects them and the rows that fulfil it.
#![allow(dead_code, reason = "each user has a part of it")]

use std::path::Path;

use rusqlite::{Connection, params_from_iter, types};
use scanmill::domain::PhotoRef;
use scanmill::domain::columns::{Column, rejection_columns, scan_columns};
use scanmill::pump::answer_key::{CodeColumns, Expectation, ExpectedPhoto, KeyWriter, PhotoColumns, header};
use scanmill::pump::story::{ProductColumns, StoryOptions};
use scanmill::warehouse::Warehouse;
use scanmill::warehouse::sqlite::SqliteWarehouse;
use serde_json::{Map, Value, json};

pub const BUCKET: &str = "inbox";
pub const PREFIX: &str = "story-x/";
/// Photos of one batch. It is sealed half a second after its last photo was due, and loaded a second later.
pub const BATCH: u64 = 1_000;
/// Milliseconds from one photo to the next.
pub const APART_MS: u64 = 2;

fn at(ms: u64) -> String {
    let instant = jiff::Timestamp::from_millisecond(1_795_000_000_000 + ms as i64).unwrap();
    format!("{instant:.3}")
}

fn batch_id(batch: u64) -> String {
    format!("20261122T154000Z-synthetic-{batch:06}")
}

/// A photo: one in 20 has no code, one in 33 has two. Keys come in no order.
pub fn photo(index: u64) -> ExpectedPhoto {
    let code = |number: u64| {
        let url = format!("https://shop.example/products/{:05}", (index * 7 + number) % 900);
        CodeColumns {
            payload: format!("{url}?utm_source=poster&utm_medium=qr&utm_campaign=spring-{number}"),
            product: Some(ProductColumns {
                product_url: Some(url),
                product_id: Some(format!("{:05}", (index * 7 + number) % 900)),
                product_id_source: Some("known_shop".into()),
                gtin: None,
            }),
            utm_source: Some("poster".into()),
            utm_medium: Some("qr".into()),
            utm_campaign: Some(format!("spring-{number}")),
        }
    };
    let codes: Vec<CodeColumns> = (0..if index.is_multiple_of(33) { 2 } else { 1 }).map(code).collect();
    let columns = PhotoColumns {
        captured_at: Some("2026-11-20T08:15:30.000Z".into()),
        captured_local: Some("2026-11-20T09:15:30.000".into()),
        utc_offset_minutes: Some(60),
        local_date: Some("2026-11-20".into()),
        local_hour: Some(9),
        local_weekday: Some(5),
        latitude: Some(59.9 + (index % 1_000) as f64 / 1e4),
        longitude: Some(-10.7 - (index % 1_000) as f64 / 1e4),
        altitude_m: Some(12.25),
        camera_make: Some("Google".into()),
        camera_model: Some("Pixel 8".into()),
        qr_count: codes.len() as i32,
        width: 1_280,
        height: 960,
        format: "jpeg".into(),
    };
    ExpectedPhoto {
        index,
        due_at: Some(at(index * APART_MS)),
        put_at: None,
        bucket: BUCKET.into(),
        key: format!("{PREFIX}{:016x}.jpg", index.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        city: ["Oslo", "Lima", "Perth"][(index % 3) as usize].into(),
        device: format!("device-{}", index % 5_000),
        products: vec![format!("Product {}", index % 900)],
        fault: None,
        expect: if index % 20 == 7 {
            Expectation::Rejected(vec!["no_code".into()])
        } else {
            Expectation::Scans { photo: Box::new(columns), codes }
        },
    }
}

/// Writes the key of photos.
pub fn write_key(path: &Path, photos: impl Iterator<Item = ExpectedPhoto>) {
    let mut writer = KeyWriter::create(path, header("x", &StoryOptions::default(), BUCKET, PREFIX)).unwrap();
    photos.for_each(|photo| writer.push(photo).unwrap());
    writer.seal(true).unwrap();
}

/// The rows a photo must lead to, with their table; each has every column that is required.
pub fn rows_of(photo: &ExpectedPhoto) -> Vec<(&'static str, Map<String, Value>)> {
    let reference = PhotoRef {
        bucket: photo.bucket.clone(),
        key: photo.key.clone(),
        version_id: None,
        etag: Some(format!("{:032x}", photo.index)),
        size_bytes: None,
        sequencer: None,
        uploaded_at: None,
    };
    let photo_id = reference.id().0;
    let with = |own: Value| {
        let mut row = json!({
            "photo_id": photo_id, "batch_id": batch_id(photo.index / BATCH), "revision": 0, "bucket": photo.bucket,
            "object_key": photo.key, "etag": reference.etag, "size_bytes": 70_000, "uploaded_at": photo.due_at,
            "processed_at": photo.due_at, "engine_version": "0.1.0",
        });
        let columns = row.as_object_mut().unwrap();
        columns.extend(own.as_object().unwrap().clone());
        columns.clone()
    };
    match &photo.expect {
        Expectation::Rejected(reasons) => {
            vec![("rejections", with(json!({ "stage": "decode", "reason": reasons[0], "detail": "" })))]
        }
        Expectation::Scans { photo: shared, codes } => codes
            .iter()
            .enumerate()
            .map(|(place, code)| {
                let mut row = with(json!({
                    "scan_id": format!("{}{place}", &photo_id[..30]), "payload_kind": "url", "url_host": "shop.example",
                    "captured_at_source": "exif", "geo_source": "exif_gps", "qr_index": place, "rung": "fast",
                    "decode_ms": 1.5,
                }));
                row.extend(serde_json::to_value(shared).unwrap().as_object().unwrap().clone());
                row.extend(serde_json::to_value(code).unwrap().as_object().unwrap().clone());
                ("scans", row)
            })
            .collect(),
    }
}

fn names(columns: impl Iterator<Item = &'static Column>) -> Vec<&'static str> {
    columns.map(|column| column.name).collect()
}

fn columns_of(table: &str) -> Vec<&'static str> {
    if table == "scans" { names(scan_columns()) } else { names(rejection_columns()) }
}

/// A warehouse file that holds these photos.
pub fn sqlite_warehouse(path: &Path, photos: impl Iterator<Item = ExpectedPhoto>) -> SqliteWarehouse {
    let warehouse = SqliteWarehouse::open(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(warehouse.prepare()).unwrap();
    let connection = Connection::open(path).unwrap();
    // A file that need not outlive a crash, with its indexes made at the end: a tenth of the time.
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -131072;").unwrap();
    let indexes = indexes(&connection);
    indexes.iter().for_each(|(name, _)| connection.execute_batch(&format!("DROP INDEX {name}; ")).unwrap());
    let insert = |table: &str| {
        let columns = columns_of(table);
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
        format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "))
    };
    let mut batches = 0;
    {
        let mut scans = connection.prepare(&insert("scans")).unwrap();
        let mut rejections = connection.prepare(&insert("rejections")).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for (count, photo) in photos.enumerate() {
            if count % 20_000 == 19_999 {
                connection.execute_batch("COMMIT; BEGIN").unwrap();
            }
            batches = batches.max(photo.index / BATCH + 1);
            for (table, row) in rows_of(&photo) {
                let cells = columns_of(table).into_iter().map(|column| match row.get(column) {
                    Some(Value::String(text)) if column.ends_with("_at") || column.ends_with("_local") => {
                        types::Value::Text(stored(text))
                    }
                    Some(Value::String(text)) => types::Value::Text(text.clone()),
                    Some(Value::Number(number)) => match number.as_i64() {
                        Some(integer) => types::Value::Integer(integer),
                        None => types::Value::Real(number.as_f64().unwrap()),
                    },
                    _ => types::Value::Null,
                });
                let statement = if table == "scans" { &mut scans } else { &mut rejections };
                statement.execute(params_from_iter(cells)).unwrap();
            }
        }
    }
    for row in ledger(batches, stored) {
        connection.execute(&row, []).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    indexes.iter().for_each(|(_, sql)| connection.execute_batch(sql).unwrap());
    warehouse
}

/// The indexes beside the primary keys, and how they are made.
fn indexes(connection: &Connection) -> Vec<(String, String)> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Statements that put these photos into any warehouse.
pub fn sql(photos: &[ExpectedPhoto]) -> Vec<String> {
    let mut rows: [Vec<String>; 2] = Default::default();
    for (table, row) in photos.iter().flat_map(rows_of) {
        let cells = columns_of(table).into_iter().map(|column| match row.get(column) {
            Some(Value::String(text)) => format!("'{}'", text.replace('\'', "''")),
            Some(Value::Number(number)) => number.to_string(),
            _ => "NULL".to_owned(),
        });
        rows[usize::from(table == "rejections")].push(format!("({})", cells.collect::<Vec<_>>().join(", ")));
    }
    let batches = photos.iter().map(|photo| photo.index / BATCH + 1).max().unwrap_or(0);
    let mut statements = ledger(batches, str::to_owned);
    for (table, rows) in ["scans", "rejections"].into_iter().zip(rows) {
        let columns = columns_of(table).join(", ");
        statements
            .extend(rows.chunks(60).map(|rows| format!("INSERT INTO {table} ({columns}) VALUES {}", rows.join(", "))));
    }
    statements
}

/// A time of the rows as SQLite's tables hold it, which refuse others.
fn stored(time: &str) -> String {
    time.replacen('T', " ", 1).trim_end_matches('Z').to_owned()
}

/// Statements that write the ledger, with its times as the warehouse holds them.
fn ledger(batches: u64, time: fn(&str) -> String) -> Vec<String> {
    let row = |batch: u64| {
        let sealed_ms = (batch + 1) * BATCH * APART_MS + 500;
        format!(
            "INSERT INTO load_ledger (batch_id, manifest_id, bucket, object_key, row_count, photo_count, sealed_at, \
             loaded_at) VALUES ('{id}', 'm', 'results', 'batches/{id}.jsonl.gz', {BATCH}, {BATCH}, '{}', '{}')",
            time(&at(sealed_ms)),
            time(&at(sealed_ms + 1_000)),
            id = batch_id(batch),
        )
    };
    (0..batches).map(row).collect()
}

//! Rows, batches and a warehouse in a temporary folder for the warehouse tests.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod marts;
pub mod rules;

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use scanmill::domain::batch::{OpenBatch, SealedBatch, manifest_id};
use scanmill::domain::{Lineage, PhotoRef, RejectionRow, Row, ScanRow};
use scanmill::error::{Error, Result};
use scanmill::warehouse::sqlite::SqliteWarehouse;
use scanmill::warehouse::{BatchSource, Manifest, Value, Warehouse};

/// Batches by id.
#[derive(Default)]
pub struct Batches {
    pub lines: HashMap<String, Bytes>,
    pub reads: Mutex<Vec<String>>,
}

#[async_trait]
impl BatchSource for Batches {
    async fn read(&self, batch: &SealedBatch) -> Result<Bytes> {
        self.reads.lock().unwrap().push(batch.batch_id.clone());
        self.lines.get(&batch.batch_id).cloned().ok_or_else(|| Error::missing("no such batch"))
    }

    async fn put(&self, _: &str, key: &str, _: Bytes) -> Result<()> {
        Err(Error::bug(format!("this warehouse reads what it is given, yet `{key}` was written")))
    }
}

impl Batches {
    /// Adds a batch of these photos.
    pub fn add(&mut self, batch_id: &str, photos: Vec<Vec<Row>>) {
        self.lines.insert(batch_id.to_owned(), lines_of(batch_id, photos).into());
    }
}

impl rules::Shelf for Batches {
    fn bucket(&self) -> &str {
        "results"
    }
    fn put_lines(&mut self, batch_id: &str, lines: Vec<u8>) {
        self.lines.insert(batch_id.to_owned(), lines.into());
    }
    fn reads(&self) -> Vec<String> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }
    fn source(&self) -> &dyn BatchSource {
        self
    }
}

/// The lines of a batch of these photos.
pub fn lines_of(batch_id: &str, photos: Vec<Vec<Row>>) -> Vec<u8> {
    // Photo by photo: a batch of its own would leave out a photo that it has, and the load must bear one that does not.
    let mut lines = Vec::new();
    for rows in photos {
        let mut batch = OpenBatch::new(batch_id.to_owned());
        batch.push_photo(rows).unwrap();
        lines.extend(batch.into_lines().unwrap());
    }
    lines
}

pub fn manifest(batch_ids: &[&str]) -> Manifest {
    manifest_in("results", batch_ids)
}

pub fn manifest_in(bucket: &str, batch_ids: &[&str]) -> Manifest {
    let batches: Vec<SealedBatch> = batch_ids
        .iter()
        .map(|id| SealedBatch {
            batch_id: (*id).to_owned(),
            bucket: bucket.into(),
            key: format!("batches/{id}.jsonl.gz"),
            sealed_at: Some("2026-11-22T15:40:10.000Z".into()),
        })
        .collect();
    Manifest { manifest_id: manifest_id(&batches), batches }
}

pub fn photo_ref(name: &str) -> PhotoRef {
    PhotoRef {
        bucket: "inbox".into(),
        key: name.to_owned(),
        version_id: None,
        etag: Some("e1".into()),
        size_bytes: Some(1000),
        sequencer: None,
        uploaded_at: Some("2026-11-22T15:40:00Z".parse().unwrap()),
    }
}

pub fn lineage(name: &str, revision: i64, processed_at: &str) -> Lineage {
    Lineage {
        photo_id: photo_ref(name).id().0,
        batch_id: String::new(),
        revision,
        bucket: "inbox".into(),
        object_key: name.to_owned(),
        version_id: None,
        etag: Some("e1".into()),
        size_bytes: Some(1000),
        sequencer: None,
        uploaded_at: Some("2026-11-22T15:40:00.000Z".into()),
        processed_at: processed_at.to_owned(),
        engine_version: "0.1.0".into(),
    }
}

pub const PROCESSED: &str = "2026-11-22T15:40:02.000Z";

/// `codes` scans of a photo, the first of product `p0`, the second of `p1`…
pub fn scans(name: &str, revision: i64, codes: i64) -> Vec<Row> {
    scans_at(name, revision, codes, PROCESSED)
}

pub fn scans_at(name: &str, revision: i64, codes: i64, processed_at: &str) -> Vec<Row> {
    (0..codes)
        .map(|index| {
            Row::Scan(Box::new(ScanRow {
                lineage: lineage(name, revision, processed_at),
                scan_id: format!("{name}#{index}"),
                payload: format!("https://shop.example/p{index}"),
                payload_kind: "url".into(),
                text_encoding: Some("ascii".into()),
                symbology: Some("]Q1".into()),
                product_url: Some(format!("https://shop.example/p{index}")),
                url_host: Some("shop.example".into()),
                url_path: Some(format!("/p{index}")),
                product_id: Some(format!("p{index}")),
                product_id_source: Some("path".into()),
                url_count: Some(1),
                gtin: None,
                utm_source: Some("poster".into()),
                utm_medium: None,
                utm_campaign: (index == 1).then(|| "launch".to_owned()),
                captured_at: Some("2026-11-22T15:39:00.000Z".into()),
                captured_local: Some("2026-11-22T16:39:00.000".into()),
                utc_offset_minutes: Some(60),
                captured_at_source: "exif_original+offset".into(),
                local_date: Some("2026-11-22".into()),
                local_hour: Some(16),
                local_weekday: Some(7),
                latitude: Some(52.5),
                longitude: Some(13.0),
                altitude_m: None,
                geo_source: "exif_gps".into(),
                h3_cell: Some("871f1d489ffffff".into()),
                country: Some("DE".into()),
                region: Some("11".into()),
                city: Some("Falkensee".into()),
                place_name_source: Some("zone+geonames".into()),
                camera_make: Some("Maker".into()),
                camera_model: Some("One".into()),
                qr_index: index,
                qr_count: codes,
                more_codes_likely: Some(0),
                qr_version: Some(3),
                ecc_level: Some("M".into()),
                ecc_used: Some(0.25),
                part_index: None,
                part_count: None,
                part_parity: None,
                rung: "zxing_500".into(),
                decode_ms: 12.5,
                width: 640,
                height: 480,
                format: "jpeg".into(),
            }))
        })
        .collect()
}

pub fn rejection(name: &str, revision: i64, reason: &str) -> Vec<Row> {
    vec![Row::Rejection(Box::new(RejectionRow {
        lineage: lineage(name, revision, PROCESSED),
        stage: "decode".into(),
        reason: reason.into(),
        detail: "four rungs found nothing".into(),
    }))]
}

/// A prepared warehouse; the folder goes with it.
pub async fn fresh() -> (tempfile::TempDir, SqliteWarehouse) {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = SqliteWarehouse::open(&folder.path().join("warehouse.sqlite")).unwrap();
    warehouse.prepare().await.unwrap();
    (folder, warehouse)
}

/// Every standing row as `photo revision codes|reason`, in order.
pub async fn standing(warehouse: &dyn Warehouse) -> Vec<String> {
    let table = warehouse
        .query(
            "SELECT object_key, revision, 'scan ' || scan_id, batch_id FROM scans
             UNION ALL SELECT object_key, revision, reason, batch_id FROM rejections ORDER BY 1, 3",
            &[],
        )
        .await
        .unwrap();
    table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)))
        .map(|cells| cells.collect::<Vec<_>>().join(" "))
        .collect()
}

pub async fn number(warehouse: &dyn Warehouse, sql: &str) -> i64 {
    warehouse.query(sql, &[]).await.unwrap().rows[0][0].as_i64().unwrap()
}

/// One answer row as JSON values.
pub async fn row(warehouse: &dyn Warehouse, sql: &str) -> Vec<Value> {
    let mut table = warehouse.query(sql, &[]).await.unwrap();
    assert_eq!(table.rows.len(), 1, "{sql}: {:?}", table.rows);
    table.rows.remove(0)
}

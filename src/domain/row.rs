//! The rows of a photo: its scans, or its one rejection.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PhotoRef, Reading, Reject};

/// Where a row comes from: shared by scans and rejections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `columns.rs` says what it means")]
pub struct Lineage {
    pub photo_id: String,
    /// Empty until the batch writer puts the row into a batch.
    pub batch_id: String,
    pub revision: i64,
    pub bucket: String,
    pub object_key: String,
    pub version_id: Option<String>,
    pub etag: Option<String>,
    pub size_bytes: Option<i64>,
    pub sequencer: Option<String>,
    pub uploaded_at: Option<String>,
    pub processed_at: String,
    pub engine_version: String,
}

/// One code read in one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `columns.rs` says what it means")]
pub struct ScanRow {
    #[serde(flatten)]
    pub lineage: Lineage,
    pub scan_id: String,
    pub payload: String,
    pub payload_kind: String,
    pub product_url: Option<String>,
    pub url_host: Option<String>,
    pub url_path: Option<String>,
    pub product_id: Option<String>,
    pub gtin: Option<String>,
    pub utm_source: Option<String>,
    pub utm_medium: Option<String>,
    pub utm_campaign: Option<String>,
    pub captured_at: Option<String>,
    pub captured_local: Option<String>,
    pub utc_offset_minutes: Option<i64>,
    pub captured_at_source: String,
    pub local_date: Option<String>,
    pub local_hour: Option<i64>,
    pub local_weekday: Option<i64>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub altitude_m: Option<f64>,
    pub geo_source: String,
    pub h3_cell: Option<String>,
    pub camera_make: Option<String>,
    pub camera_model: Option<String>,
    pub qr_index: i64,
    pub qr_count: i64,
    pub qr_version: Option<i64>,
    pub ecc_level: Option<String>,
    pub rung: String,
    pub decode_ms: f64,
    pub width: i64,
    pub height: i64,
    pub format: String,
}

/// One photo that gave no scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is a column; `columns.rs` says what it means")]
pub struct RejectionRow {
    #[serde(flatten)]
    pub lineage: Lineage,
    pub stage: String,
    pub reason: String,
    pub detail: String,
}

/// One line of a batch object. `row_kind` tells the loader which table it goes to, so that all rows of a photo can
/// stand in one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "row_kind", rename_all = "snake_case")]
pub enum Row {
    /// A scan.
    Scan(Box<ScanRow>),
    /// A rejection.
    Rejection(Box<RejectionRow>),
}

/// The rows of a photo from what the decoder found.
pub fn rows_of(photo: &PhotoRef, reading: &Reading, revision: i64, processed_at: Timestamp) -> Vec<Row> {
    let _ = (photo, reading, revision, processed_at);
    Vec::new()
}

/// The one rejection row of a photo that never reached the decoder, or failed there.
pub fn rejection_of(photo: &PhotoRef, reject: &Reject, revision: i64, processed_at: Timestamp) -> Row {
    let lineage = lineage(photo, revision, processed_at);
    Row::Rejection(Box::new(RejectionRow {
        lineage,
        stage: reject.reason.stage().as_str().to_owned(),
        reason: reject.reason.as_str().to_owned(),
        detail: reject.detail.clone(),
    }))
}

fn lineage(photo: &PhotoRef, revision: i64, processed_at: Timestamp) -> Lineage {
    Lineage {
        photo_id: photo.id().0,
        batch_id: String::new(),
        revision,
        bucket: photo.bucket.clone(),
        object_key: photo.key.clone(),
        version_id: photo.version_id.clone(),
        etag: photo.etag.clone(),
        size_bytes: photo.size_bytes.map(|size| size as i64),
        sequencer: photo.sequencer.clone(),
        uploaded_at: photo.uploaded_at.map(utc_millis),
        processed_at: utc_millis(processed_at),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// An instant as every row and file of scanmill writes it: `2026-11-22T15:40:00.123Z`.
pub fn utc_millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

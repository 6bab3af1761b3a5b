//! Mean and percentiles per photo.
//!
//! No SQL for time differences or percentiles is common to all warehouses, so both are made here, from one bounded
//! question. A photo's id is a hash, so the first photos by id are an even sample of all.

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use super::span::SpanQuery;
use scanmill_core::error::Result;

/// Photos sampled at most; with fewer in the warehouse the figures are exact.
pub const SAMPLE_PHOTOS: usize = 20_000;

/// How a figure spreads over photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Photos it is made from.
    pub photos: u64,
    /// Mean.
    pub mean: f64,
    /// Median (nearest rank).
    pub p50: f64,
    /// 99th percentile (nearest rank).
    pub p99: f64,
}

impl Percentiles {
    /// The spread of these values, or `None` when there are none.
    pub fn of(mut values: Vec<f64>) -> Option<Percentiles> {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Percentiles {
            photos: values.len() as u64,
            p50: rank(50)?,
            p99: rank(99)?,
            mean: values.iter().sum::<f64>() / values.len() as f64,
        })
    }
}

pub(super) struct Spreads {
    pub(super) photos: u64,
    pub(super) decode_ms: Option<Percentiles>,
    pub(super) upload_to_processed: Option<Percentiles>,
    pub(super) upload_to_durable: Option<Percentiles>,
}

#[derive(Deserialize)]
struct Photo {
    revision: i64,
    uploaded_at: Option<String>,
    processed_at: String,
    sealed_at: Option<String>,
    decode_ms: Option<f64>,
}

pub(super) async fn spreads(asked: &SpanQuery<'_>) -> Result<Spreads> {
    // Every photo with a scan has exactly one with index 0; that one stands for the photo.
    let sql = format!(
        "SELECT photo.revision, photo.uploaded_at, photo.processed_at, load_ledger.sealed_at, photo.decode_ms
         FROM (SELECT photo_id, batch_id, revision, uploaded_at, processed_at, decode_ms
               FROM {{scans}} WHERE qr_index = 0
               UNION ALL
               SELECT photo_id, batch_id, revision, uploaded_at, processed_at, NULL AS decode_ms
               FROM {{rejections}}
               ORDER BY photo_id LIMIT {SAMPLE_PHOTOS}) AS photo
         LEFT JOIN load_ledger ON load_ledger.batch_id = photo.batch_id"
    );
    let photos: Vec<Photo> = asked.all(&sql).await?;
    // A replayed photo was uploaded long before: its latency would tell of the person who asked, not of the engine.
    let first_readings = || photos.iter().filter(|photo| photo.revision == 0);
    let seconds = |photo: &Photo, end: Option<&str>| seconds_between(photo.uploaded_at.as_deref(), end);
    Ok(Spreads {
        photos: photos.len() as u64,
        decode_ms: Percentiles::of(photos.iter().filter_map(|photo| photo.decode_ms).collect()),
        upload_to_processed: Percentiles::of(
            first_readings().filter_map(|photo| seconds(photo, Some(&photo.processed_at))).collect(),
        ),
        upload_to_durable: Percentiles::of(
            first_readings().filter_map(|photo| seconds(photo, photo.sealed_at.as_deref())).collect(),
        ),
    })
}

/// Seconds from one RFC 3339 time to another; `None` when either is absent or no time.
pub(super) fn seconds_between(start: Option<&str>, end: Option<&str>) -> Option<f64> {
    let (start, end): (Timestamp, Timestamp) = (start?.parse().ok()?, end?.parse().ok()?);
    (end - start).total(Unit::Second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(Percentiles::of(vec![]), None);
        assert_eq!(Percentiles::of(vec![7.0]), Some(Percentiles { photos: 1, mean: 7.0, p50: 7.0, p99: 7.0 }));
        let spread = Percentiles::of((1..=200).rev().map(f64::from).collect()).unwrap();
        assert_eq!((spread.mean, spread.p50, spread.p99), (100.5, 100.0, 198.0));
    }

    #[test]
    fn seconds_need_both_ends() {
        let (start, end) = ("2026-11-22T15:40:00.250Z", "2026-11-23T15:40:01.000Z");
        assert_eq!(seconds_between(Some(start), Some(end)), Some(86_400.75));
        assert_eq!(seconds_between(Some(start), None), None);
        assert_eq!(seconds_between(Some("yesterday"), Some(end)), None);
    }
}

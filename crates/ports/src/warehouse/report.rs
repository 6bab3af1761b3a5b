//! What the warehouse holds, in figures: totals, rates, latencies, rungs, products, days, places.
//!
//! Everything is asked through the port in SQL that every warehouse speaks. It counts as the marts do (a test holds the
//! two together), but over the photos of a span of time, which no mart knows. Each answer is bounded, whatever the
//! warehouse holds.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::span::SpanQuery;
use super::schema::marts::coarse_mean;
use super::{Table, Value, Warehouse, schema};
use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::{Error, Result};

mod csv;
mod span;
mod spread;
pub mod text;

pub use span::Between;

pub use spread::{Percentiles, SAMPLE_PHOTOS};

/// Entries of each list of leaders: products, places, campaigns.
const TOP: usize = 10;
/// Days listed, the latest ones.
const DAYS: usize = 31;

/// The report. Times are RFC 3339 in UTC, shares lie between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Photos processed since then only.
    pub since: Option<String>,
    /// Photos processed before that only.
    pub until: Option<String>,
    /// How much there is.
    pub totals: Totals,
    /// How fast photos went through.
    pub throughput: Throughput,
    /// Photos the spreads below are made from: all, or an even sample of [`SAMPLE_PHOTOS`].
    pub sampled_photos: u64,
    /// CPU milliseconds of decoding, per photo that gave a scan.
    pub decode_ms: Option<Percentiles>,
    /// Seconds from upload to the end of processing, replays left out.
    pub upload_to_processed_seconds: Option<Percentiles>,
    /// Seconds from upload to the sealed batch, replays left out.
    pub upload_to_durable_seconds: Option<Percentiles>,
    /// What each rung won, the most codes first.
    pub rungs: Vec<RungWins>,
    /// Why photos gave no scan, the most frequent first.
    pub rejections: Vec<RejectionCount>,
    /// The most scanned products.
    pub products: Vec<ProductScans>,
    /// The latest days, oldest first.
    pub days: Vec<DayScans>,
    /// Local hours that have scans, in order.
    pub hours: Vec<HourScans>,
    /// The H3 cells with most scans.
    pub places: Vec<PlaceScans>,
    /// The campaigns with most scans.
    pub campaigns: Vec<CampaignScans>,
    /// How new the newest of everything is.
    pub freshness: Freshness,
}

/// How much there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Photos, scanned or rejected.
    pub photos: u64,
    /// Photos that gave a scan.
    pub photos_scanned: u64,
    /// Photos that gave none.
    pub photos_rejected: u64,
    /// Scans: codes read.
    pub scans: u64,
    /// Different products.
    pub products: u64,
    /// Scans whose photo tells no local time.
    pub scans_without_date: u64,
    /// Scans whose photo tells no place.
    pub scans_without_place: u64,
}

/// How fast photos went through, idle times included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// First photo processed.
    pub first_processed_at: Option<String>,
    /// Last photo processed.
    pub last_processed_at: Option<String>,
    /// Seconds between the two.
    pub seconds: Option<f64>,
    /// Photos over these seconds; `None` when there are none to divide by.
    pub photos_per_second: Option<f64>,
}

/// What a rung of the decode ladder won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungWins {
    /// Name of the rung.
    pub rung: String,
    /// Codes it read.
    pub codes: u64,
    /// Photos with such a code.
    pub photos: u64,
    /// Share of all codes.
    pub share: f64,
    /// Mean CPU milliseconds, all rungs together, of the photos whose first code it read.
    pub mean_decode_ms: Option<f64>,
}

/// One reason photos were rejected for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectionCount {
    /// Stage that rejected.
    pub stage: String,
    /// The typed reason.
    pub reason: String,
    /// Photos.
    pub photos: u64,
}

/// One product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductScans {
    /// GTIN, shop id or last path segment.
    pub product_id: String,
    /// Host of the product's URL.
    pub url_host: Option<String>,
    /// Scans.
    pub scans: u64,
    /// Share of all scans that name a product.
    pub share: f64,
    /// Different H3 cells.
    pub h3_cells: u64,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayScans {
    /// Day of the camera's clock.
    pub local_date: String,
    /// Scans.
    pub scans: u64,
    /// Photos.
    pub photos: u64,
}

/// One hour of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourScans {
    /// Hour of the camera's clock, 0 to 23.
    pub local_hour: i64,
    /// Scans.
    pub scans: u64,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceScans {
    /// H3 cell at resolution 7.
    pub h3_cell: String,
    /// Its nearest town.
    pub city: Option<String>,
    /// Its country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Mean latitude of its scans to a hundredth, degrees north: a report is passed on, and a cell may be of one scan.
    pub latitude: Option<f64>,
    /// Mean longitude of its scans to a hundredth, degrees east.
    pub longitude: Option<f64>,
    /// Scans.
    pub scans: u64,
    /// Photos.
    pub photos: u64,
}

/// One campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignScans {
    /// `utm_campaign`.
    pub utm_campaign: String,
    /// Dated scans.
    pub scans: u64,
    /// First day.
    pub first_local_date: String,
    /// Last day.
    pub last_local_date: String,
}

/// How new the newest of everything is, and how much the batches held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// Newest capture time.
    pub last_captured_at: Option<String>,
    /// Newest upload.
    pub last_uploaded_at: Option<String>,
    /// Newest end of processing.
    pub last_processed_at: Option<String>,
    /// Newest sealed batch.
    pub last_sealed_at: Option<String>,
    /// Newest load.
    pub last_loaded_at: Option<String>,
    /// Batches in the ledger.
    pub batches: u64,
    /// Rows in those batches.
    pub rows_in_batches: u64,
    /// Rows in the tables; the difference was repeated by redelivery or replaced by a replay.
    pub rows_standing: u64,
}

/// Asks the warehouse for everything in the report, of the photos processed in a span of time.
///
/// # Errors
/// When the warehouse is of another version or does not answer.
pub async fn report(warehouse: &dyn Warehouse, between: Between) -> Result<Report> {
    schema::require_current(warehouse).await?;
    let asked = SpanQuery { warehouse, between };
    let totals: Totals = asked
        .one(
            "SELECT scanned.photos_scanned + rejected.photos_rejected AS photos, scanned.photos_scanned,
                    rejected.photos_rejected, scanned.scans, scanned.products,
                    scanned.scans_without_date, scanned.scans_without_place
             FROM (SELECT COUNT(*) AS scans,
                          COALESCE(SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END), 0) AS photos_scanned,
                          COUNT(DISTINCT product_id) AS products,
                          COUNT(*) - COUNT(local_date) AS scans_without_date,
                          COUNT(*) - COUNT(h3_cell) AS scans_without_place
                   FROM {scans}) AS scanned
             CROSS JOIN (SELECT COUNT(*) AS photos_rejected FROM {rejections}) AS rejected",
        )
        .await?;
    let spreads = spread::spreads(&asked).await?;
    let mut days: Vec<DayScans> = asked
        .all(&format!(
            "SELECT local_date, COUNT(*) AS scans, SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS photos
             FROM {{scans}} WHERE local_date IS NOT NULL GROUP BY local_date ORDER BY local_date DESC LIMIT {DAYS}"
        ))
        .await?;
    days.reverse();
    Ok(Report {
        since: between.since.map(utc_millis),
        until: between.until.map(utc_millis),
        throughput: throughput(&asked, totals.photos).await?,
        totals,
        sampled_photos: spreads.photos,
        decode_ms: spreads.decode_ms,
        upload_to_processed_seconds: spreads.upload_to_processed,
        upload_to_durable_seconds: spreads.upload_to_durable,
        rungs: asked
            .all(
                "SELECT rung, codes, photos, CAST(codes AS DOUBLE PRECISION) / SUM(codes) OVER () AS share, mean_decode_ms
                 FROM (SELECT rung, COUNT(*) AS codes,
                              SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
                                + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS photos,
                              AVG(CASE WHEN qr_index = 0 THEN decode_ms END) AS mean_decode_ms
                       FROM {scans} GROUP BY rung) AS rung_won
                 ORDER BY codes DESC, rung",
            )
            .await?,
        rejections: asked
            .all(
                "SELECT stage, reason, COUNT(*) AS photos FROM {rejections}
                 GROUP BY stage, reason ORDER BY COUNT(*) DESC, reason",
            )
            .await?,
        products: asked
            .all(&format!(
                "SELECT product_id, url_host, scans, share, h3_cells
                 FROM (SELECT product_id, url_host, scans, h3_cells,
                              CAST(scans AS DOUBLE PRECISION) / SUM(scans) OVER () AS share
                       FROM (SELECT product_id, url_host, COUNT(*) AS scans, COUNT(DISTINCT h3_cell) AS h3_cells
                             FROM {{scans}} WHERE product_id IS NOT NULL GROUP BY product_id, url_host) AS product
                      ) AS shared
                 ORDER BY scans DESC, product_id, url_host LIMIT {TOP}"
            ))
            .await?,
        days,
        hours: asked
            .all(
                "SELECT local_hour, COUNT(*) AS scans FROM {scans}
                 WHERE local_hour IS NOT NULL AND local_weekday IS NOT NULL GROUP BY local_hour ORDER BY local_hour",
            )
            .await?,
        places: asked
            .all(&format!(
                "SELECT h3_cell, MIN(city) AS city, MIN(country) AS country, {} AS latitude, {} AS longitude,
                        COUNT(*) AS scans, SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS photos
                 FROM {{scans}} WHERE h3_cell IS NOT NULL GROUP BY h3_cell
                 ORDER BY COUNT(*) DESC, h3_cell LIMIT {TOP}",
                coarse_mean("latitude"),
                coarse_mean("longitude")
            ))
            .await?,
        campaigns: asked
            .all(&format!(
                "SELECT utm_campaign, COUNT(*) AS scans, MIN(local_date) AS first_local_date,
                        MAX(local_date) AS last_local_date
                 FROM {{scans}} WHERE utm_campaign IS NOT NULL AND local_date IS NOT NULL
                 GROUP BY utm_campaign ORDER BY COUNT(*) DESC, utm_campaign LIMIT {TOP}"
            ))
            .await?,
        freshness: asked
            .one(
                "SELECT last_captured_at, last_uploaded_at, last_processed_at, last_sealed_at, last_loaded_at, batches,
                        rows_in_batches, rows_standing FROM mart_freshness",
            )
            .await?,
    })
}

async fn throughput(asked: &SpanQuery<'_>, photos: u64) -> Result<Throughput> {
    #[derive(Deserialize)]
    struct TimeRange {
        first_at: Option<String>,
        last_at: Option<String>,
    }
    let range: TimeRange = asked
        .one(
            "SELECT MIN(first_at) AS first_at, MAX(last_at) AS last_at
             FROM (SELECT MIN(processed_at) AS first_at, MAX(processed_at) AS last_at FROM {scans}
                   UNION ALL
                   SELECT MIN(processed_at) AS first_at, MAX(processed_at) AS last_at FROM {rejections}) AS ranges",
        )
        .await?;
    let seconds = spread::seconds_between(range.first_at.as_deref(), range.last_at.as_deref());
    Ok(Throughput {
        first_processed_at: range.first_at,
        last_processed_at: range.last_at,
        seconds,
        photos_per_second: seconds.filter(|seconds| *seconds > 0.0).map(|seconds| photos as f64 / seconds),
    })
}

/// An answer's rows as values of `T`, whose fields are named as the columns.
pub fn rows_as<T: DeserializeOwned>(table: Table) -> Result<Vec<T>> {
    let Table { columns, rows } = table;
    rows.into_iter()
        .map(|row| {
            let fields: serde_json::Map<String, Value> = columns.iter().cloned().zip(row).collect();
            serde_json::from_value(Value::Object(fields)).map_err(|error| {
                Error::bug("the warehouse returned a result of an unexpected shape").with_source(error)
            })
        })
        .collect()
}

impl Report {
    /// The report as aligned tables for people. `now` is what the freshness is told against.
    pub fn to_text(&self, now: Timestamp) -> String {
        text::render(self, now)
    }

    /// The report as CSV for spreadsheets: a line for each figure, with its part of the report and its row there.
    ///
    /// # Errors
    /// None but for a bug.
    pub fn to_csv(&self) -> Result<String> {
        csv::render(self)
    }
}

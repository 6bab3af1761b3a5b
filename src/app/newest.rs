//! What the newest scans in the warehouse show: places, products, days, hours, campaigns, and the last rows
//! themselves, of scans and of rejections.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::Ports;
use crate::config::Settings;
use crate::config::settings::WarehouseKind;
use crate::error::Result;
use crate::warehouse::Warehouse;

/// Scans that are looked at, the newest: so no question takes longer because the warehouse grew.
const SCANS: u32 = 50_000;
/// An answer is given again for as long as this,
const LEAST_AGE: Duration = Duration::from_secs(5);
/// and for this many times what it took, so that a page left open costs a hundredth of a core at most.
const AGE_OF_COST: u32 = 100;

/// Each part of the answer: its name, and its question about `newest`.
const QUESTIONS: &[(&str, &str)] = &[
    (
        "totals",
        "SELECT COUNT(*) AS scans, COUNT(DISTINCT photo_id) AS photos, COUNT(DISTINCT product_id) AS products,
                COUNT(h3_cell) AS with_place, COUNT(local_date) AS with_date,
                MIN(processed_at) AS first_processed_at, MAX(processed_at) AS last_processed_at FROM newest",
    ),
    (
        "places",
        "SELECT h3_cell, AVG(latitude) AS latitude, AVG(longitude) AS longitude, COUNT(*) AS scans FROM newest
         WHERE h3_cell IS NOT NULL GROUP BY h3_cell ORDER BY scans DESC LIMIT 2000",
    ),
    (
        "towns",
        "SELECT city, country, COUNT(*) AS scans FROM newest WHERE country IS NOT NULL
         GROUP BY city, country ORDER BY scans DESC, city LIMIT 12",
    ),
    (
        "products",
        "SELECT product_id, url_host, COUNT(*) AS scans, COUNT(DISTINCT h3_cell) AS h3_cells
         FROM newest WHERE product_id IS NOT NULL GROUP BY product_id, url_host ORDER BY scans DESC, product_id LIMIT 12",
    ),
    (
        "days",
        "SELECT local_date, COUNT(*) AS scans FROM newest WHERE local_date IS NOT NULL
         GROUP BY local_date ORDER BY local_date DESC LIMIT 62",
    ),
    (
        "hours",
        "SELECT local_weekday, local_hour, COUNT(*) AS scans FROM newest
         WHERE local_weekday IS NOT NULL AND local_hour IS NOT NULL GROUP BY local_weekday, local_hour",
    ),
    (
        "campaigns",
        "SELECT utm_campaign, COUNT(*) AS scans, MIN(local_date) AS first_day, MAX(local_date) AS last_day
         FROM newest WHERE utm_campaign IS NOT NULL GROUP BY utm_campaign ORDER BY scans DESC LIMIT 12",
    ),
];

/// The last rows, newest first.
const LATEST: &str = "SELECT processed_at, object_key, payload, product_id, captured_at, captured_local, latitude,
                             longitude, camera_model FROM scans ORDER BY rowid DESC LIMIT 50";

/// The last rejections, newest first.
const REJECTED: &str =
    "SELECT processed_at, stage, reason, object_key, detail FROM rejections ORDER BY rowid DESC LIMIT 50";

/// Answers the page of scans from the embedded warehouse, seldom enough to cost nothing.
pub struct Newest {
    warehouse: std::sync::Arc<dyn Warehouse>,
    is_embedded: bool,
    kept: Mutex<Option<(Instant, Value)>>,
}

impl Newest {
    /// About the warehouse of this configuration.
    pub fn new(settings: &Settings, ports: &Ports) -> Newest {
        Newest {
            warehouse: ports.warehouse.clone(),
            is_embedded: settings.warehouse.kind == WarehouseKind::Sqlite,
            kept: Mutex::new(None),
        }
    }

    /// The answer as JSON; one that is kept if it is new enough. Where there is none, `unavailable` says why.
    pub async fn answer(&self) -> Value {
        if !self.is_embedded {
            // Each question would wake a warehouse that is billed by the minute.
            return json!({ "unavailable": "the rows are in Redshift: ask it, or `scanmill report`" });
        }
        // Whoever comes while it is being made waits for it and makes no second one.
        let mut kept = self.kept.lock().await;
        if let Some((until, answer)) = kept.as_ref()
            && Instant::now() < *until
        {
            return answer.clone();
        }
        let began = Instant::now();
        let answer = match self.ask().await {
            Ok(answer) => answer,
            Err(error) => json!({ "unavailable": error.to_string() }),
        };
        let age = LEAST_AGE.max(began.elapsed() * AGE_OF_COST);
        *kept = Some((Instant::now() + age, answer.clone()));
        answer
    }

    async fn ask(&self) -> Result<Value> {
        let mut answer = Map::new();
        answer.insert("of_newest".to_owned(), SCANS.into());
        for (name, question) in QUESTIONS {
            // `rowid`: the order in which rows were loaded, without a sort.
            let sql = format!(
                "WITH newest AS (SELECT photo_id, processed_at, local_date, local_hour, local_weekday, h3_cell, latitude, \
                 longitude, country, city, product_id, url_host, utm_campaign FROM scans ORDER BY rowid DESC LIMIT {SCANS}) {question}"
            );
            answer.insert((*name).to_owned(), self.rows(&sql).await?);
        }
        answer.insert("latest".to_owned(), self.rows(LATEST).await?);
        answer.insert("rejected".to_owned(), self.rows(REJECTED).await?);
        Ok(Value::Object(answer))
    }

    async fn rows(&self, sql: &str) -> Result<Value> {
        let table = self.warehouse.query(sql, &[]).await?;
        let rows = table.rows.into_iter();
        Ok(rows.map(|row| Value::Object(table.columns.iter().cloned().zip(row).collect())).collect())
    }
}

//! What the newest scans in the warehouse show: places, products, days, hours, campaigns, and the last rows
//! themselves, of scans and of rejections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::Ports;
use crate::config::Settings;
use crate::config::settings::WarehouseKind;
use crate::console::Kept;
use crate::error::{Error, Result};
use crate::warehouse::Warehouse;

/// Scans that are looked at, the newest: so no question takes longer because the warehouse grew.
const SCANS: u32 = 50_000;
/// An answer is given again for as long as this,
const LEAST_AGE: Duration = Duration::from_secs(5);
/// and for this many times what it took, so that a page left open costs a small part of a core,
const AGE_OF_COST: u32 = 250;
/// and while nobody writes into the warehouse for as long as this: two writers may look like one to a coarse clock.
const MOST_AGE: Duration = Duration::from_secs(60);

/// Each part of the answer: its name, the columns of its rows, and its question about `newest`. All are one statement, so
/// that the newest scans are looked up once and all parts tell of the same.
const QUESTIONS: &[(&str, &[&str], &str)] = &[
    (
        "totals",
        &["scans", "photos", "products", "with_place", "with_date", "first_processed_at", "last_processed_at"],
        "SELECT COUNT(*) AS scans, COALESCE(SUM(qr_index = 0), 0) AS photos, COUNT(DISTINCT product_id) AS products,
                COUNT(h3_cell) AS with_place, COUNT(local_date) AS with_date,
                replace(MIN(processed_at), ' ', 'T') || 'Z' AS first_processed_at,
                replace(MAX(processed_at), ' ', 'T') || 'Z' AS last_processed_at FROM newest",
    ),
    (
        "places",
        &["h3_cell", "latitude", "longitude", "scans"],
        "SELECT h3_cell, ROUND(AVG(latitude), 2) AS latitude, ROUND(AVG(longitude), 2) AS longitude, COUNT(*) AS scans FROM newest
         WHERE h3_cell IS NOT NULL GROUP BY h3_cell ORDER BY scans DESC LIMIT 2000",
    ),
    (
        "towns",
        &["city", "country", "scans"],
        "SELECT city, country, COUNT(*) AS scans FROM newest WHERE country IS NOT NULL
         GROUP BY city, country ORDER BY scans DESC, city LIMIT 12",
    ),
    (
        "products",
        &["product_id", "url_host", "scans", "h3_cells"],
        "SELECT product_id, url_host, COUNT(*) AS scans, COUNT(DISTINCT h3_cell) AS h3_cells
         FROM newest WHERE product_id IS NOT NULL GROUP BY product_id, url_host ORDER BY scans DESC, product_id LIMIT 12",
    ),
    (
        "days",
        &["local_date", "scans"],
        // In the calendar that the marts have: a camera whose clock fell back to 2000 would stretch the chart over decades.
        "SELECT local_date, COUNT(*) AS scans FROM newest
         WHERE local_date > (SELECT date(MAX(local_date), '-366 days') FROM newest)
         GROUP BY local_date ORDER BY local_date DESC LIMIT 62",
    ),
    (
        "hours",
        &["local_weekday", "local_hour", "scans"],
        "SELECT local_weekday, local_hour, COUNT(*) AS scans FROM newest
         WHERE local_weekday IS NOT NULL AND local_hour IS NOT NULL GROUP BY local_weekday, local_hour",
    ),
    (
        "campaigns",
        &["utm_campaign", "scans", "first_day", "last_day"],
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

/// Answers the page of scans from the embedded warehouse, seldom enough to cost next to nothing.
pub struct Newest {
    warehouse: Arc<dyn Warehouse>,
    is_embedded: bool,
    last: Mutex<Option<Last>>,
}

/// The last answer.
struct Last {
    answer: Kept,
    /// What the warehouse was marked by before it was asked.
    mark: Option<String>,
    made: Instant,
    until: Instant,
}

impl Newest {
    /// About the warehouse of this configuration.
    pub fn new(settings: &Settings, ports: &Ports) -> Newest {
        Newest {
            warehouse: ports.warehouse.clone(),
            is_embedded: settings.warehouse.kind == WarehouseKind::Sqlite,
            last: Mutex::new(None),
        }
    }

    /// The answer; the last one while nothing changed, or if it is new enough. Where there is none, `unavailable` says why.
    pub async fn answer(&self) -> Kept {
        if !self.is_embedded {
            // Each question would wake a warehouse that is billed by the minute.
            let why = json!({ "unavailable": "the rows are in Redshift: ask it, or `scanmill report`" });
            return Kept::of(&why);
        }
        // Whoever comes while it is being made waits for it and makes no second one.
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref()
            && Instant::now() < last.until
        {
            return last.answer.clone();
        }
        let mark = self.warehouse.mark().await;
        if let Some(last) = last.as_ref()
            && mark.is_some()
            && last.mark == mark
            && last.made.elapsed() < MOST_AGE
        {
            return last.answer.clone();
        }
        let made = Instant::now();
        let answer = match self.ask().await {
            Ok(answer) => Kept::of(&answer),
            Err(error) => Kept::of(&json!({ "unavailable": error.to_string() })),
        };
        let until = Instant::now() + LEAST_AGE.max(made.elapsed() * AGE_OF_COST);
        *last = Some(Last { answer: answer.clone(), mark, made, until });
        answer
    }

    async fn ask(&self) -> Result<Value> {
        let mut answer = Map::new();
        answer.insert("of_newest".to_owned(), SCANS.into());
        let parts = self.warehouse.query(&statement(), &[]).await?;
        for row in parts.rows {
            let [Value::String(part), Value::String(rows)] = &row[..] else { continue };
            let rows = serde_json::from_str(rows)
                .map_err(|error| Error::bug("the warehouse answered no JSON").with_source(error))?;
            answer.insert(part.clone(), rows);
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

/// All questions as one statement: a row for each, its name and its rows as JSON.
fn statement() -> String {
    let parts = QUESTIONS.iter().map(|(name, columns, question)| {
        let fields: Vec<String> = columns.iter().map(|column| format!("'{column}', {column}")).collect();
        format!(
            "SELECT '{name}' AS part, json_group_array(json_object({})) AS list FROM ({question})",
            fields.join(", ")
        )
    });
    let parts: Vec<String> = parts.collect();
    // `rowid`: the order in which rows were loaded, without a sort.
    format!(
        "WITH newest AS MATERIALIZED (SELECT qr_index, processed_at, local_date, local_hour, local_weekday, h3_cell, latitude, \
         longitude, country, city, product_id, url_host, utm_campaign FROM scans ORDER BY rowid DESC LIMIT {SCANS})\n{}",
        parts.join("\nUNION ALL\n")
    )
}

//! Waiting until an engine, here or elsewhere, has done what the pump gave it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::verify::end_of_prefix;
use scanmill_core::error::Result;
use scanmill_ports::queue::Queue;
use scanmill_ports::warehouse::Warehouse;

const EVERY: Duration = Duration::from_millis(500);

/// How the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Every photo is in the warehouse and the queue is empty.
    Done,
    /// Nothing moved for as long as was allowed.
    Stalled,
    /// Cancelled.
    Cancelled,
}

/// Waits until `photos` photos under `prefix` have rows and the queue is empty, or until neither has moved for
/// `patience`. `progress` is called with the photos in the warehouse.
///
/// # Errors
/// A failing query that is not worth trying again.
pub async fn until_loaded(
    queue: &dyn Queue,
    warehouse: &dyn Warehouse,
    (bucket, prefix): (&str, &str),
    photos: u64,
    patience: Duration,
    progress: impl Fn(u64),
    cancel: &CancellationToken,
) -> Result<Waited> {
    let mut last = None;
    let mut moved = Instant::now();
    loop {
        let seen: Result<_> =
            async { Ok((photos_with_rows(warehouse, bucket, prefix).await?, queue.depth().await?)) }.await;
        match seen {
            Ok((loaded, depth)) => {
                progress(loaded);
                if loaded >= photos && depth.ready == 0 && depth.in_flight == 0 {
                    return Ok(Waited::Done);
                }
                if last != Some((loaded, depth)) {
                    last = Some((loaded, depth));
                    moved = Instant::now();
                }
            }
            Err(error) if error.class().is_retryable() => {
                tracing::debug!(%error, "looking again");
            }
            Err(error) => return Err(error),
        }
        if moved.elapsed() >= patience {
            return Ok(Waited::Stalled);
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = cancel.cancelled() => return Ok(Waited::Cancelled),
        }
    }
}

/// Photos under `prefix` that have rows.
async fn photos_with_rows(warehouse: &dyn Warehouse, bucket: &str, prefix: &str) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM (\
        SELECT object_key FROM scans WHERE bucket = ?1 AND object_key > ?2 AND object_key < ?3 \
        UNION SELECT object_key FROM rejections WHERE bucket = ?1 AND object_key > ?2 AND object_key < ?3) AS loaded";
    let table = warehouse.query(sql, &[json!(bucket), json!(prefix), json!(end_of_prefix(prefix))]).await?;
    Ok(table.rows.first().and_then(|row| row.first()).and_then(Value::as_u64).unwrap_or(0))
}

/// CPU milliseconds the engine spent decoding one photo, over those under `prefix` that gave scans.
///
/// # Errors
/// A failing query.
pub async fn decode_ms_per_photo(warehouse: &dyn Warehouse, bucket: &str, prefix: &str) -> Result<Option<f64>> {
    let sql = "SELECT AVG(ms) FROM (SELECT photo_id, MAX(decode_ms) AS ms FROM scans \
        WHERE bucket = ?1 AND object_key > ?2 AND object_key < ?3 GROUP BY photo_id) AS photos";
    let table = warehouse.query(sql, &[json!(bucket), json!(prefix), json!(end_of_prefix(prefix))]).await?;
    Ok(table.rows.first().and_then(|row| row.first()).and_then(Value::as_f64))
}

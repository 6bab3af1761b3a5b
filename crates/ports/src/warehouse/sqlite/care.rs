//! What looks after the file.

use super::SqliteWarehouse;
use super::errors::sql_error;
use rusqlite::{TransactionBehavior, params};
use scanmill_core::error::Result;

/// Rows whose key is this, or begins with it.
const OF_KEY: &str = "bucket = ?1 AND (object_key = ?2 OR (?3 AND substr(object_key, 1, length(?2)) = ?2))";

/// Rows of photos, and the photos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Scan rows.
    pub scans: u64,
    /// Rejection rows.
    pub rejections: u64,
    /// Ids of their photos, each once.
    pub photos: Vec<String>,
}

impl SqliteWarehouse {
    /// Waits until every load so far, whoever made it, is on the disk. Commits do not wait for that, so a power cut may
    /// take the newest loads back; their batches are then loaded again, which must not be gone by then.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn sync(&self) -> Result<()> {
        self.write(|connection, path| {
            let failed = || sql_error("cannot sync", path);
            let version: i64 =
                connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed())?;
            connection.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
            // Any commit will do: it syncs the log with all that is before it. The file must not be opened beside
            // SQLite for that: closing it would let go of this process's locks.
            let written = connection.pragma_update(None, "user_version", version).map_err(failed());
            connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed())?;
            written
        })
        .await
    }

    /// The rows of the object `key`, or of all whose keys begin with it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn standing(&self, bucket: &str, key: &str, is_prefix: bool) -> Result<Standing> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.write(move |connection, path| {
            let failed = || sql_error("cannot look for rows", path);
            let mut standing = Standing::default();
            for (table, count) in [("scans", &mut standing.scans), ("rejections", &mut standing.rejections)] {
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE {OF_KEY}");
                let rows: i64 =
                    connection.query_row(&sql, params![bucket, key, is_prefix], |row| row.get(0)).map_err(failed())?;
                *count = rows.unsigned_abs();
            }
            let sql = format!(
                "SELECT photo_id FROM scans WHERE {OF_KEY} UNION SELECT photo_id FROM rejections WHERE {OF_KEY}"
            );
            let mut statement = connection.prepare(&sql).map_err(failed())?;
            let photos = statement
                .query_map(params![bucket, key, is_prefix], |row| row.get(0))
                .and_then(Iterator::collect)
                .map_err(failed())?;
            standing.photos = photos;
            Ok(standing)
        })
        .await
    }

    /// Removes those rows, and has the ledger count what is left of these batches: id, rows, photos. What is removed is
    /// overwritten in the file; whether it is out of the log beside it too, which a long reader may prevent.
    ///
    /// # Errors
    /// Then nothing was removed.
    pub async fn erase(
        &self,
        bucket: &str,
        key: &str,
        is_prefix: bool,
        batches: Vec<(String, u64, u64)>,
    ) -> Result<bool> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.write(move |connection, path| {
            let failed = || sql_error("cannot erase rows", path);
            connection.pragma_update(None, "secure_delete", true).map_err(failed())?;
            let erase = |connection: &mut rusqlite::Connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for table in ["scans", "rejections"] {
                    let sql = format!("DELETE FROM {table} WHERE {OF_KEY}");
                    transaction.execute(&sql, params![bucket, key, is_prefix])?;
                }
                for (batch_id, rows, photos) in &batches {
                    transaction.execute(
                        "UPDATE load_ledger SET row_count = ?2, photo_count = ?3 WHERE batch_id = ?1",
                        params![batch_id, *rows as i64, *photos as i64],
                    )?;
                }
                transaction.commit()
            };
            let erased = erase(connection).map_err(failed());
            connection.pragma_update(None, "secure_delete", false).map_err(failed())?;
            erased?;
            let is_busy: bool =
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed())?;
            Ok(!is_busy)
        })
        .await
    }
}

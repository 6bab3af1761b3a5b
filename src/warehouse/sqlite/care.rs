//! What looks after the file.

use super::SqliteWarehouse;
use super::errors::sql_error;
use crate::error::Result;

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
            // Any commit will do: it syncs the log with all that stands before it. The file must not be opened beside
            // SQLite for that: closing it would let go of this process's locks.
            let written = connection.pragma_update(None, "user_version", version).map_err(failed());
            connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed())?;
            written
        })
        .await
    }
}

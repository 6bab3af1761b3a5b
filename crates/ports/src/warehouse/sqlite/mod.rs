//! The warehouse in one SQLite file.
//!
//! # Reading the file while the engine runs
//! The file is in WAL mode: any number of programs read it while the engine loads, neither waits for the other, and
//! each sees whole loads only.
//! - Open it read-only: `sqlite3 -readonly warehouse.sqlite`, or the URI `file:warehouse.sqlite?mode=ro` in Metabase,
//!   Superset, Grafana, DuckDB or Python. Never use `immutable=1` on a live file: it ignores the WAL.
//! - Start from the marts (`.tables` lists them, `.schema mart_product_day` shows one with its question); the tables'
//!   columns are explained in `.schema scans`.
//! - Times are `2026-11-22 15:40:00.123`, UTC, days `2026-11-22`: as SQLite's own functions write them, so
//!   `processed_at >= datetime('now', '-5 minutes')` and `local_date >= date('now', '-7 days')` say what they mean.
//! - As another user, or on a read-only mount, SQLite cannot open it while no engine runs, for it may not make the shared
//!   memory beside it. When no file `-wal` is there, `file:warehouse.sqlite?immutable=1` opens it; scanmill's own commands
//!   that only read do so by themselves.
//! - The files `-wal` and `-shm` beside it are part of the database. A copy of the main file alone lacks the newest
//!   loads; `VACUUM INTO 'copy.sqlite'` makes a whole one at any time.
//! - Keep read transactions short: while one is open the WAL cannot be folded back, and it grows.
//! - Use a local disk. WAL needs shared memory, which network file systems do not have.
//!
//! The file can always be made again: move it away, run `scanmill schema --apply`, and the engine loads every sealed
//! batch that the new ledger does not name and that `scanmill prune` has left.

mod care;
mod connection;
mod errors;
mod load;
mod migrate;
mod probe;
mod query;
mod supersede;
mod times;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::export::RowSink;
use super::{BatchSource, Loaded, Manifest, Table, Value, Warehouse};
use scanmill_core::error::{Class, Error, Result};

/// How long a call waits for a lock that another process holds. A load holds it for well under a second.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A warehouse file, open for writing by one connection of this process; each query reads through one of its own.
pub struct SqliteWarehouse {
    path: Arc<Path>,
    writer: Arc<Mutex<Connection>>,
    /// The bucket in which a name stands for one photo.
    superseding_in: Option<Arc<str>>,
}

impl SqliteWarehouse {
    /// Opens the file, creating it (not its folder) when it is absent. Tables come with [`Warehouse::prepare`].
    ///
    /// # Errors
    /// Permanent for a file that is not a database or not ours, transient for a locked one.
    pub fn open(path: &Path) -> Result<SqliteWarehouse> {
        Self::open_waiting(path, BUSY_TIMEOUT)
    }

    /// The same warehouse, whose loads keep only the latest state of each name in `bucket`.
    pub fn superseding_in(self, bucket: Option<String>) -> SqliteWarehouse {
        SqliteWarehouse { superseding_in: bucket.map(Into::into), ..self }
    }

    /// Opens the warehouse file that is there. Where it cannot be written it is read.
    ///
    /// # Errors
    /// Missing when there is none; else as [`SqliteWarehouse::open`].
    pub fn open_existing(path: &Path) -> Result<SqliteWarehouse> {
        std::fs::symlink_metadata(path).map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let error = Error::io("there is no warehouse to read: no file", path, error);
            if missing {
                error.with_hint("`scanmill run` makes it; is this the --root (`local.root`) you mean?")
            } else {
                error
            }
        })?;
        match Self::open(path) {
            // Locks pass; what is refused for good may still be read.
            Err(error) if error.class() == Class::Permanent => {
                match connection::open_reader_of_ours(path, BUSY_TIMEOUT) {
                    Ok(reader) => Ok(Self::of(path, reader)),
                    Err(_) => Err(error),
                }
            }
            opened => opened,
        }
    }

    /// Copies the whole file as of one moment to `path`, where nothing may be, while others go on using it.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<()> {
        let to = path.to_owned();
        let copy = move |connection: &mut Connection, path: &Path| {
            crate::sqlite::copy_to(connection, &to).map_err(errors::sql_error("cannot copy", path))
        };
        self.write(copy).await
    }

    fn open_waiting(path: &Path, busy_timeout: Duration) -> Result<SqliteWarehouse> {
        Ok(Self::of(path, connection::open_writer(path, busy_timeout)?))
    }

    fn of(path: &Path, writer: Connection) -> SqliteWarehouse {
        SqliteWarehouse { path: path.into(), writer: Arc::new(Mutex::new(writer)), superseding_in: None }
    }

    /// Runs `work` on the writing connection, off the async threads.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let guard = self.writer.clone().lock_owned().await;
        let (_, done) = self.hold(guard, work).await?;
        done
    }

    /// Runs `work` and gives the connection back still held. The guard travels with the work, so that a caller who
    /// stops waiting does not let a second user onto a connection in use.
    async fn hold<T: Send + 'static>(
        &self,
        mut guard: OwnedMutexGuard<Connection>,
        work: impl FnOnce(&mut Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<(OwnedMutexGuard<Connection>, Result<T>)> {
        let path = self.path.clone();
        blocking(move || {
            let done = work(&mut guard, &path);
            Ok((guard, done))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::bug("warehouse work ended without a result").with_source(error)),
    }
}

#[async_trait]
impl Warehouse for SqliteWarehouse {
    async fn prepare(&self) -> Result<()> {
        self.write(migrate::migrate).await
    }

    async fn load(&self, manifest: &Manifest, source: &dyn BatchSource) -> Result<Loaded> {
        let ids: Vec<String> = manifest.batches.iter().map(|batch| batch.batch_id.clone()).collect();
        let guard = self.writer.clone().lock_owned().await;
        let (mut guard, known) = self.hold(guard, move |connection, path| load::begin(connection, path, &ids)).await?;
        let mut seen = known?;
        let batches_known = seen.len() as u64;

        // The temporary tables are not part of the warehouse file: reading and staging hold no lock of it, and one
        // batch at a time is in memory.
        let mut staged = Vec::new();
        for batch in &manifest.batches {
            if !seen.insert(batch.batch_id.clone()) {
                continue;
            }
            let lines =
                source.read(batch).await.map_err(|error| error.with_context(format!("loading batch {}", batch.key)))?;
            let batch = batch.clone();
            let done;
            (guard, done) =
                self.hold(guard, move |connection, path| load::stage(connection, path, batch, &lines)).await?;
            staged.push(done?);
        }

        let manifest_id = manifest.manifest_id.clone();
        let bucket = self.superseding_in.clone();
        let merge = move |connection: &mut Connection, path: &Path| {
            load::merge(connection, path, &manifest_id, &staged, bucket.as_deref())
        };
        let (_, done) = self.hold(guard, merge).await?;
        let mut loaded = done?;
        loaded.batches_known += batches_known;
        Ok(loaded)
    }

    async fn not_in_ledger(&self, batch_ids: &[String]) -> Result<Vec<String>> {
        let ids = batch_ids.to_vec();
        self.write(move |connection, path| {
            let known: HashSet<String> = load::in_ledger(connection, path, &ids)?;
            Ok(ids.into_iter().filter(|id| !known.contains(id)).collect())
        })
        .await
    }

    fn instant(&self, at: Timestamp) -> Value {
        times::instant(at).into()
    }

    async fn mark(&self) -> Option<String> {
        let path = self.path.clone();
        // Whoever commits, in this process or another, writes one of the two files.
        let of = |path: &Path| std::fs::metadata(path).map(|file| (file.modified().ok(), file.len())).ok();
        tokio::task::spawn_blocking(move || {
            let mut log = path.as_os_str().to_owned();
            log.push("-wal");
            Some(format!("{:?}", (of(&path)?, of(Path::new(&log)))))
        })
        .await
        .ok()
        .flatten()
    }

    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Table> {
        let (path, sql, parameters) = (self.path.clone(), sql.to_owned(), parameters.to_vec());
        blocking(move || query::query(&path, &sql, &parameters)).await
    }

    async fn query_into(
        &self,
        sql: &str,
        parameters: &[Value],
        mut sink: Box<dyn RowSink>,
    ) -> Result<Box<dyn RowSink>> {
        let (path, sql, parameters) = (self.path.clone(), sql.to_owned(), parameters.to_vec());
        blocking(move || {
            query::query_into(&path, &sql, &parameters, sink.as_mut())?;
            Ok(sink)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::error::Class;

    #[tokio::test]
    async fn the_mark_is_another_once_somebody_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("warehouse.sqlite");
        let warehouse = SqliteWarehouse::open_waiting(&path, Duration::ZERO).unwrap();
        warehouse.prepare().await.unwrap();
        let before = warehouse.mark().await;
        warehouse.query("SELECT COUNT(*) FROM scans", &[]).await.unwrap();
        assert!(before.is_some());
        assert_eq!(warehouse.mark().await, before, "reading changes nothing");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE notes (note TEXT)").unwrap();
        assert_ne!(warehouse.mark().await, before);
    }

    #[tokio::test]
    async fn a_locked_file_is_transient_and_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("warehouse.sqlite");
        let warehouse = SqliteWarehouse::open_waiting(&path, Duration::ZERO).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let error = warehouse.prepare().await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{error}");
        assert!(error.report().contains("warehouse.sqlite") && error.report().contains("hint: "), "{}", error.report());
        other.execute_batch("ROLLBACK").unwrap();
        warehouse.prepare().await.unwrap();
    }
}

//! The SQLite files of a root, as commands that look after them see them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{is_there, lease_rules, look_at_root, queue_path, stamp_queue_path, warehouse_path};
use crate::actors::BATCH_PREFIX;
use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};
use crate::error::{Error, Result};
use crate::queue::sqlite::SqliteQueue;
use crate::warehouse::sqlite::SqliteWarehouse;

/// One of them, open.
pub struct Database {
    path: PathBuf,
    kind: DatabaseKind,
}

enum DatabaseKind {
    Queue(Arc<SqliteQueue>),
    Warehouse(SqliteWarehouse),
}

impl Database {
    /// Its file's name.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether it holds rows and not messages.
    pub fn is_warehouse(&self) -> bool {
        matches!(self.kind, DatabaseKind::Warehouse(_))
    }

    /// Copies it as of one moment to `path`, while others use it.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<()> {
        match &self.kind {
            DatabaseKind::Queue(queue) => queue.copy_to(path).await,
            DatabaseKind::Warehouse(warehouse) => warehouse.copy_to(path).await,
        }
    }
}

/// Those that are there.
///
/// # Errors
/// When there is none, or one cannot be opened.
pub fn embedded_databases(settings: &Settings) -> Result<Vec<Database>> {
    look_at_root(settings)?;
    let mut found = Vec::new();
    if settings.queue.kind == QueueKind::Sqlite {
        for path in [queue_path(settings), stamp_queue_path(settings)] {
            if is_there(&path)? {
                let queue = SqliteQueue::open(&path, lease_rules(settings))?;
                found.push(Database { path, kind: DatabaseKind::Queue(Arc::new(queue)) });
            }
        }
    }
    let path = warehouse_path(settings);
    if settings.warehouse.kind == WarehouseKind::Sqlite && is_there(&path)? {
        let warehouse = SqliteWarehouse::open_existing(&path)?;
        found.push(Database { path, kind: DatabaseKind::Warehouse(warehouse) });
    }
    if found.is_empty() {
        return Err(Error::missing(format!(
            "`{}` holds no embedded queue and no warehouse",
            settings.local.root.display()
        ))
        .with_hint("is this the --root (`local.root`) you mean? On AWS, queue and batches need no backup of ours"));
    }
    Ok(found)
}

/// Where batches are below the root; `None` where they are elsewhere.
pub fn batches_folder(settings: &Settings) -> Option<PathBuf> {
    let is_folder = settings.store.kind == StoreKind::Folder;
    is_folder.then(|| Path::new(&settings.store.results).join(BATCH_PREFIX.trim_end_matches('/')))
}

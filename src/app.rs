//! The only place that chooses adapters and wires actors.

mod engine;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::PhotoRef;
use crate::domain::notification::s3_event;
use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::queue::sqlite::{SqliteQueue, SqliteQueueOptions};
use crate::store::Store;
use crate::store::folder::{Announce, Announcement, FolderStore};
use crate::warehouse::Warehouse;
use crate::warehouse::sqlite::SqliteWarehouse;

pub use engine::{Engine, run_system};

/// The three ports, open.
#[derive(Clone)]
pub struct Ports {
    /// Where notifications wait.
    pub queue: Arc<dyn Queue>,
    /// Where photos and batches are.
    pub store: Arc<dyn Store>,
    /// Where rows end.
    pub warehouse: Arc<dyn Warehouse>,
    /// The store once more, by its own type: only a folder needs somebody to watch it.
    folder: FolderStore,
}

/// File of the embedded queue, in the root folder.
pub fn queue_path(settings: &Settings) -> PathBuf {
    settings.local.root.join("queue.sqlite")
}

/// File of the embedded warehouse, in the root folder.
pub fn warehouse_path(settings: &Settings) -> PathBuf {
    settings.local.root.join("warehouse.sqlite")
}

/// Makes the root folder, its inbox and its results bucket where they are missing.
pub fn make_folders(settings: &Settings) -> Result<()> {
    for bucket in [&settings.local.inbox, &settings.local.results] {
        let path = settings.local.root.join(bucket);
        std::fs::create_dir_all(&path).map_err(|error| Error::io("cannot make the folder", &path, error))?;
    }
    Ok(())
}

/// Opens the adapters the settings ask for. The root folder must be there; the files in it are made where missing.
pub fn open(settings: &Settings) -> Result<Ports> {
    let options = SqliteQueueOptions {
        visibility_timeout: settings.queue.visibility_timeout,
        dead_letter_after: settings.queue.dead_letter_after,
    };
    let queue = Arc::new(SqliteQueue::open(&queue_path(settings), options)?);
    let announcement =
        Announcement { bucket: settings.local.inbox.clone(), to: Arc::new(Notifier { queue: queue.clone() }) };
    let folder = FolderStore::open(&settings.local.root, Some(announcement))?;
    let warehouse = Arc::new(SqliteWarehouse::open(&warehouse_path(settings))?);
    Ok(Ports { queue, store: Arc::new(folder.clone()), warehouse, folder })
}

/// Turns the folder's uploads into the notifications S3 would send.
struct Notifier {
    queue: Arc<SqliteQueue>,
}

#[async_trait]
impl Announce for Notifier {
    async fn announce(&self, photos: &[PhotoRef], only_new: bool) -> Result<()> {
        let now = Timestamp::now();
        let entries: Vec<(String, String)> =
            photos.iter().map(|photo| (photo.id().0, s3_event(photo, photo.uploaded_at.unwrap_or(now)))).collect();
        self.queue.send_announced(&entries, only_new).await.map(drop)
    }
}

//! The only place that chooses adapters and wires actors.

mod engine;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::PhotoRef;
use crate::domain::notification::s3_event;
use crate::error::{Class, Error, Result};
use crate::queue::Queue;
use crate::queue::sqlite::{SqliteQueue, SqliteQueueOptions};
use crate::store::Store;
use crate::store::folder::{Announce, Announcement, FolderStore};
use crate::warehouse::Warehouse;
use crate::warehouse::sqlite::SqliteWarehouse;

pub use engine::{Engine, io_runtime, run_system};

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

const CHOOSE_ROOT: &str = "the root must be a folder that this user may write to: choose it with --root (`local.root`)";

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
        std::fs::create_dir_all(&path).map_err(|error| {
            let error = Error::io("cannot make the folder", &path, error);
            if error.hint_text().is_some() { error } else { error.hint(CHOOSE_ROOT) }
        })?;
    }
    Ok(())
}

/// Opens the adapters the settings ask for. The root folder must be there; the files in it are made where missing.
pub fn open(settings: &Settings) -> Result<Ports> {
    look_at_root(settings)?;
    let queue = sqlite_queue(settings)?;
    let announcement =
        Announcement { bucket: settings.local.inbox.clone(), to: Arc::new(Notifier { queue: queue.clone() }) };
    let folder = FolderStore::open(&settings.local.root, Some(announcement))?;
    let warehouse = Arc::new(SqliteWarehouse::open(&warehouse_path(settings))?);
    Ok(Ports { queue, store: Arc::new(folder.clone()), warehouse, folder })
}

/// The warehouse that is there, for commands that only ask it: a report about a mistyped root must not make files.
///
/// # Errors
/// Missing when there is none.
pub fn existing_warehouse(settings: &Settings) -> Result<Arc<dyn Warehouse>> {
    look_at_root(settings)?;
    Ok(Arc::new(SqliteWarehouse::open_existing(&warehouse_path(settings))?))
}

/// The queue alone; its file is made where missing.
pub fn open_queue(settings: &Settings) -> Result<Arc<dyn Queue>> {
    Ok(sqlite_queue(settings)?)
}

fn sqlite_queue(settings: &Settings) -> Result<Arc<SqliteQueue>> {
    let options = SqliteQueueOptions {
        visibility_timeout: settings.queue.visibility_timeout,
        dead_letter_after: settings.queue.dead_letter_after,
    };
    Ok(Arc::new(SqliteQueue::open(&queue_path(settings), options)?))
}

/// Names the root before SQLite says that it cannot open a file in it.
fn look_at_root(settings: &Settings) -> Result<()> {
    let root = &settings.local.root;
    match std::fs::metadata(root) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::permanent(format!("the root `{}` is no folder", root.display())).hint(CHOOSE_ROOT)),
        Err(error) => {
            let error = Error::io("cannot open the root", root, error);
            Err(match error.class() {
                Class::Missing => error.hint("`scanmill run` makes it; is this the --root (`local.root`) you mean?"),
                _ => error.hint(CHOOSE_ROOT),
            })
        }
    }
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

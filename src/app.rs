//! The only place that chooses adapters and wires actors.

mod alone;
#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
#[path = "app/without_aws.rs"]
mod aws;
mod databases;
mod engine;
mod erase;
mod filter_fit;
mod newest;
mod notifier;
mod pipeline;
mod prune;
mod room;
mod root_contents;
mod traces;
mod watching;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Settings;
use crate::config::settings::{Overwrite, QueueKind, StoreKind, WarehouseKind};
use crate::error::{Class, Error, Result};
use crate::probe::{Finding, Probe};
use crate::queue::sqlite::SqliteQueue;
use crate::queue::{LeaseRules, Queue};
use crate::store::Store;
use crate::store::folder::{Announcement, FolderStore};
use crate::warehouse::Warehouse;
use crate::warehouse::sqlite::SqliteWarehouse;

use aws::Aws;
use notifier::Notifier;

pub use crate::queue::sqlite::DeadLetter;
pub use aws::is_about_credentials;
pub use databases::{Database, batches_folder, embedded_databases};
pub use engine::{Engine, io_runtime, run_system};
pub use erase::{Erased, Erasing, erase};
pub use newest::Newest;
pub use prune::{Pruned, prune, prunes_anything};
pub use room::raise_open_files;

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
    pub folder: Option<FolderStore>,
    /// And the queue: only the embedded one can have its leases taken over.
    embedded: Option<Arc<SqliteQueue>>,
}

impl Ports {
    /// The store, where it is a folder.
    fn files(&self) -> Option<&FolderStore> {
        self.folder.as_ref()
    }
}

const CHOOSE_ROOT: &str = "the root must be a folder that this user may write to: choose it with --root (`local.root`)";

/// File of the embedded queue, in the root folder.
pub fn queue_path(settings: &Settings) -> PathBuf {
    settings.local.root.join("queue.sqlite")
}

/// File of the embedded queue of stamps, in the root folder.
pub fn stamp_queue_path(settings: &Settings) -> PathBuf {
    settings.local.root.join("stamps.sqlite")
}

/// File of the embedded warehouse, in the root folder.
pub fn warehouse_path(settings: &Settings) -> PathBuf {
    settings.local.root.join("warehouse.sqlite")
}

/// Makes the root folder, and with a folder as store its inbox and its results bucket, where they are missing.
pub fn make_folders(settings: &Settings) -> Result<()> {
    let root = settings.local.root.clone();
    let folders = match settings.store.kind {
        StoreKind::Folder => vec![root.join(&settings.store.inbox), root.join(&settings.store.results)],
        StoreKind::S3 => vec![root],
    };
    for path in folders {
        std::fs::create_dir_all(&path).map_err(|error| {
            let error = Error::io("cannot make the folder", &path, error);
            if error.hint_text().is_some() { error } else { error.with_hint(CHOOSE_ROOT) }
        })?;
        if settings.store.kind == StoreKind::Folder && std::fs::symlink_metadata(&path).is_ok_and(|at| at.is_symlink())
        {
            return Err(
                Error::permanent(format!("`{}` is a symbolic link, not a folder", path.display())).with_hint(NO_LINKS)
            );
        }
    }
    Ok(())
}

/// What to do about a link in place of a folder of the root. The root itself may be one.
pub const NO_LINKS: &str = "links are not followed: move it away, or bind-mount what it leads to";

/// Where photos go in and where rows come out, for people.
pub fn places(settings: &Settings) -> (String, String) {
    let photos = match settings.store.kind {
        StoreKind::Folder => settings.local.root.join(&settings.store.inbox).display().to_string(),
        StoreKind::S3 => format!("s3://{}/{}", settings.store.inbox, settings.filter.prefix),
    };
    let of = &settings.redshift;
    let rows = match settings.warehouse.kind {
        WarehouseKind::Sqlite => warehouse_path(settings).display().to_string(),
        WarehouseKind::Redshift => {
            let server = of.workgroup.as_ref().or(of.cluster.as_ref()).map_or("", String::as_str);
            format!("redshift {server}: {}.{}", of.database, of.schema)
        }
    };
    (photos, rows)
}

/// Opens the adapters the settings ask for. The root folder must be there; the files in it are made where missing.
/// Nothing is asked over the network yet.
pub fn open(settings: &Settings) -> Result<Ports> {
    look_at_root(settings)?;
    let aws = Aws::new(settings);
    // The queue first: where it cannot be opened, no empty warehouse is left behind.
    let (embedded, queue): (_, Arc<dyn Queue>) = match settings.queue.kind {
        QueueKind::Sqlite => {
            let queue = sqlite_queue(settings)?;
            (Some(queue.clone()), queue)
        }
        QueueKind::Sqs => (None, aws.queue()?),
    };
    let warehouse =
        warehouse(settings, &aws, |path| Ok(SqliteWarehouse::open(path)?.superseding_in(superseding(settings))))?;
    let announced = embedded.clone().filter(|_| settings.store.kind == StoreKind::Folder);
    let (store, folder): (Arc<dyn Store>, _) = match announced {
        Some(queue) => {
            // One and the same queue: who waits in it is woken by what is announced.
            let to = Arc::new(Notifier::new(queue.clone(), warehouse.clone()));
            let announcement =
                Announcement { bucket: settings.store.inbox.clone(), exclude: settings.filter.exclusions(), to };
            let folder = FolderStore::open(&settings.local.root, Some(announcement))?
                .continuing_after(queue.newest_sequencer()?.as_deref());
            (Arc::new(folder.clone()), Some(folder))
        }
        None => (aws.store()?, None),
    };
    Ok(Ports { queue, store, warehouse, folder, embedded })
}

/// [`open`] for commands that work on what is there: a mistyped root is not made. Where the store is elsewhere the root
/// holds only notes of this machine, and is made.
pub fn open_for_command(settings: &Settings) -> Result<Ports> {
    if settings.store.kind == StoreKind::S3 {
        make_folders(settings)?;
    }
    open(settings)
}

/// The warehouse that is there, for commands that only ask it: a report about a mistyped root must not make files.
///
/// # Errors
/// Missing when there is none.
pub fn existing_warehouse(settings: &Settings) -> Result<Arc<dyn Warehouse>> {
    warehouse(settings, &Aws::new(settings), |path| {
        look_at_root(settings)?;
        SqliteWarehouse::open_existing(path)
    })
}

/// The queue alone; the embedded one's file is made where missing.
pub fn open_queue(settings: &Settings) -> Result<Arc<dyn Queue>> {
    match settings.queue.kind {
        QueueKind::Sqlite => Ok(sqlite_queue(settings)?),
        QueueKind::Sqs => Aws::new(settings).queue(),
    }
}

/// The embedded queue, to be asked how it is; its file is made where missing.
pub fn queue_probe(settings: &Settings) -> Result<Arc<dyn Probe>> {
    Ok(sqlite_queue(settings)?)
}

/// The embedded warehouse that is there, to be asked how it is.
///
/// # Errors
/// Missing when there is none.
pub fn warehouse_probe(settings: &Settings) -> Result<Arc<dyn Probe>> {
    look_at_root(settings)?;
    Ok(Arc::new(SqliteWarehouse::open_existing(&warehouse_path(settings))?))
}

/// The embedded queue that is there, for commands that only it has: a mistyped root must not make a file.
///
/// # Errors
/// With SQS, which has its own tools; and where there is none.
pub fn embedded_queue(settings: &Settings) -> Result<Arc<SqliteQueue>> {
    if settings.queue.kind == QueueKind::Sqs {
        return Err(Error::permanent("the queue is Amazon's, not the embedded one").with_hint(
            "its dead letters are a queue of their own: `aws sqs receive-message` lists them and \
             `aws sqs start-message-move-task` moves them back",
        ));
    }
    look_at_root(settings)?;
    let path = queue_path(settings);
    if is_there(&path)? {
        return sqlite_queue(settings);
    }
    Err(Error::missing(format!("there is no queue `{}`", path.display()))
        .with_hint("`scanmill run` makes it; is this the --root (`local.root`) you mean?"))
}

/// Whether an engine is at work on the root; `None` where nobody here can know, as with SQS, where it may be anywhere.
pub fn is_engine_at_work(settings: &Settings) -> Option<bool> {
    (settings.queue.kind == QueueKind::Sqlite).then(|| alone::is_engine_at_work(&settings.local.root))?
}

/// The queue that carries stamps from `orchestrate` to `distribute`; the embedded one's file is made where missing.
///
/// # Errors
/// With SQS, when nobody says which.
pub fn open_stamp_queue(settings: &Settings) -> Result<Arc<dyn Queue>> {
    match settings.queue.kind {
        QueueKind::Sqlite => {
            look_at_root(settings)?;
            Ok(Arc::new(SqliteQueue::open(&stamp_queue_path(settings), lease_rules(settings))?))
        }
        QueueKind::Sqs => Aws::new(settings).stamp_queue(),
    }
}

fn warehouse(
    settings: &Settings,
    aws: &Aws,
    open_sqlite: impl FnOnce(&Path) -> Result<SqliteWarehouse>,
) -> Result<Arc<dyn Warehouse>> {
    match settings.warehouse.kind {
        WarehouseKind::Sqlite => Ok(Arc::new(open_sqlite(&warehouse_path(settings))?)),
        WarehouseKind::Redshift => aws.warehouse(),
    }
}

/// The bucket in which a name stands for one photo. Only a folder's: a bucket keeps what was uploaded under a key as
/// versions of their own, and so do its rows.
fn superseding(settings: &Settings) -> Option<String> {
    let is_on = settings.store.kind == StoreKind::Folder && settings.local.overwrite == Overwrite::Replace;
    is_on.then(|| settings.store.inbox.clone())
}

/// Everything the cloud adapters find when they try, changing nothing, what the engine will do, and whether the filter
/// fits the inbox.
pub async fn probe(settings: &Settings) -> Vec<Finding> {
    let aws = Aws::new(settings);
    let probes = match aws.probes() {
        Ok(probes) => probes,
        Err(error) => return vec![Finding { name: "settings", outcome: Err(error) }],
    };
    let mut findings = Vec::new();
    for probe in probes {
        findings.extend(probe.probe().await);
    }
    let inbox: Option<Arc<dyn Store>> = match settings.store.kind {
        StoreKind::S3 => aws.store().ok(),
        // One that is not there yet holds nothing.
        StoreKind::Folder => FolderStore::open_to_look(&settings.local.root).ok().map(|store| Arc::new(store) as _),
    };
    if let Some(inbox) = inbox {
        findings.extend(filter_fit::filter_fit(inbox.as_ref(), settings).await);
    }
    findings
}

/// Refuses to start what could not work.
///
/// # Errors
/// The first of the findings that waiting does not fix; all of them are logged.
pub async fn preflight(settings: &Settings) -> Result<()> {
    let mut first = None;
    for Finding { name, outcome } in probe(settings).await {
        let Err(error) = outcome else { continue };
        let hint = error.hint_text().unwrap_or_default();
        if error.class().is_retryable() {
            tracing::warn!(check = name, %error, hint, "check failed with a retryable error; starting anyway");
        } else {
            tracing::error!(check = name, %error, hint, "cannot start");
            first.get_or_insert(error.with_context(name));
        }
    }
    first.map_or(Ok(()), Err)
}

fn sqlite_queue(settings: &Settings) -> Result<Arc<SqliteQueue>> {
    Ok(Arc::new(SqliteQueue::open(&queue_path(settings), lease_rules(settings))?))
}

fn lease_rules(settings: &Settings) -> LeaseRules {
    LeaseRules {
        visibility_timeout: settings.queue.visibility_timeout,
        dead_letter_after: settings.queue.dead_letter_after,
    }
}

fn is_there(path: &Path) -> Result<bool> {
    std::fs::exists(path).map_err(|error| Error::io("cannot look for", path, error))
}

/// Names the root before SQLite says that it cannot open a file in it.
fn look_at_root(settings: &Settings) -> Result<()> {
    let root = &settings.local.root;
    match std::fs::metadata(root) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::permanent(format!("the root `{}` is not a folder", root.display())).with_hint(CHOOSE_ROOT)),
        Err(error) => {
            let error = Error::io("cannot open the root", root, error);
            Err(match error.class() {
                Class::Missing => {
                    error.with_hint("`scanmill run` makes it; is this the --root (`local.root`) you mean?")
                }
                _ => error.with_hint(CHOOSE_ROOT),
            })
        }
    }
}

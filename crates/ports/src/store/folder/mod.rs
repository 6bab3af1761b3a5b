//! Objects as files in a folder: `<root>/<bucket>/<key>`.
//!
//! An object's eTag is a hash of its content: putting the same bytes again keeps the photo's identity, and a file that
//! people drop by hand gets the eTag a `put` would have given it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::spawn_blocking;
use twox_hash::XxHash3_128;

use super::{LeftOut, Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store, Survey};
use intake::Intake;
use scanmill_core::domain::WhyLeftOut;
use scanmill_core::domain::{Exclusions, PhotoRef};
use scanmill_core::error::{Class, Error, Result};
use seen::{AnnouncedFiles, FileFingerprint};
use tree::Tree;

mod cached;
mod examine;
mod inotify;
mod intake;
mod keys;
mod remove;
mod seen;
mod tree;
mod walk;
mod watch;
mod writer;

pub use examine::Rest;
pub use intake::{InboxTrouble, IntakeState};
pub use watch::WatchOptions;

/// How the store tells the queue about uploads, exactly as S3 would. Wired in `app.rs`: the store knows no queue.
#[async_trait]
pub trait Announce: Send + Sync {
    /// Queues one notification per photo. With `only_new`, versions that were announced before (by anyone, ever) are
    /// left out, unless another version of the same object was announced in between; that is what the watcher and the scan at start ask, so that a photo which `put` announced is not
    /// announced again. When it returns, the notifications are in the queue.
    ///
    /// A photo that [`Announce::forget`] was told of, or whose standing row is a rejection of the moment, counts as new.
    async fn announce(&self, photos: &[PhotoRef], only_new: bool) -> Result<()>;

    /// Forgets that these photos were announced.
    async fn forget(&self, photos: &[PhotoRef]) -> Result<()>;
}

/// Uploads to this bucket are announced.
#[derive(Clone)]
pub struct Announcement {
    /// The landing bucket.
    pub bucket: String,
    /// What of it is not even looked at.
    pub exclude: Exclusions,
    /// Who is told.
    pub to: Arc<dyn Announce>,
}

/// A store in a folder. Clones are the same store.
///
/// Names that begin with a dot are not objects: they cannot be put or read and are not listed. A folder holds no
/// versions: a version id finds nothing, except `null`, S3's name for the version an unversioned bucket has.
#[derive(Clone)]
pub struct FolderStore {
    shared: Arc<FolderInner>,
}

struct FolderInner {
    tree: Tree,
    announcement: Option<Announcement>,
    /// What of the announcement's bucket is not looked at now.
    exclude: RwLock<Arc<Exclusions>>,
    last_sequencer: AtomicU64,
    /// What need not be announced again; kept only while somebody watches.
    seen: Mutex<Option<AnnouncedFiles>>,
    /// Whether the watcher has announced every photo it knows of.
    caught_up: AtomicBool,
    /// What the watch leaves out and waits for.
    intake: Mutex<Intake>,
}

impl FolderStore {
    /// Opens the store in the folder `root`, which must be there; buckets are made by the first put. Uploads to the
    /// announcement's bucket are announced.
    ///
    /// # Errors
    /// Missing when `root` is absent.
    pub fn open(root: &Path, announcement: Option<Announcement>) -> Result<FolderStore> {
        if let Some(announcement) = &announcement {
            keys::check_bucket(&announcement.bucket)?;
        }
        let store = FolderStore::of(Tree::open(root)?, announcement);
        store.shared.tree.sweep();
        Ok(store)
    }

    /// The store in the folder `root`, to look at: half-written files that a killed process left stay.
    ///
    /// # Errors
    /// Missing when `root` is absent.
    pub fn open_to_look(root: &Path) -> Result<FolderStore> {
        Ok(FolderStore::of(Tree::open(root)?, None))
    }

    fn of(tree: Tree, announcement: Option<Announcement>) -> FolderStore {
        let exclude = announcement.as_ref().map(|announcement| announcement.exclude.clone()).unwrap_or_default();
        let shared = FolderInner {
            tree,
            announcement,
            exclude: RwLock::new(Arc::new(exclude)),
            last_sequencer: AtomicU64::new(0),
            seen: Mutex::new(None),
            caught_up: AtomicBool::new(false),
            intake: Mutex::default(),
        };
        FolderStore { shared: Arc::new(shared) }
    }

    /// The same store, whose sequencers come after `newest`, which an earlier process gave: also when the clock was set
    /// back since, the later content of a file must not count as the earlier.
    pub fn continuing_after(self, newest: Option<&str>) -> FolderStore {
        if let Some(last) = newest.and_then(|newest| u64::from_str_radix(newest, 16).ok()) {
            self.shared.last_sequencer.fetch_max(last, Ordering::Relaxed);
        }
        self
    }

    /// Looks at other keys of the announcement's bucket from now on. What is let in again is found by the next scan.
    pub fn set_exclude(&self, exclude: Exclusions) {
        *self.shared.exclude.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(exclude);
    }

    /// Whether the watch has scanned the inbox and announced all it found there so far. `false` before its first scan
    /// ended and without a watch.
    pub fn is_caught_up(&self) -> bool {
        self.shared.caught_up.load(Ordering::Acquire)
    }

    /// What the watch leaves out of the inbox, and what it waits for.
    pub fn intake(&self) -> IntakeState {
        self.shared.intake.lock().unwrap_or_else(PoisonError::into_inner).state()
    }

    /// What keeps photos of the inbox from being announced, if something does.
    pub fn trouble(&self) -> Option<InboxTrouble> {
        self.shared.intake.lock().unwrap_or_else(PoisonError::into_inner).trouble()
    }

    /// Runs `work` on a blocking thread. When this future is dropped the work still ends, whole.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&FolderInner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.shared.clone();
        spawn_blocking(move || work(&shared)).await.map_err(|error| {
            if error.is_panic() {
                Error::bug("the folder store panicked").with_source(error)
            } else {
                Error::transient("the process is stopping").with_source(error)
            }
        })?
    }
}

impl FolderInner {
    fn exclude(&self) -> Arc<Exclusions> {
        self.exclude.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// S3's form: 18 hex digits that grow. Nanoseconds since the epoch, and never the same twice in one process.
    fn sequencer(&self) -> String {
        let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0);
        let next = |last: u64| now.max(last.saturating_add(1));
        let last = self.last_sequencer.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        format!("{:018X}", next(last.unwrap_or_else(|last| last)))
    }

    fn remember(&self, stamps: impl IntoIterator<Item = FileFingerprint>) {
        if let Some(seen) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            stamps.into_iter().for_each(|stamp| seen.insert(stamp));
        }
    }
}

#[async_trait]
impl Store for FolderStore {
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object> {
        if let Some(version) = version_id.filter(|version| *version != "null") {
            let message = format!("version `{version}` of `{bucket}/{key}` is not there: a folder holds no versions");
            return Err(Error::missing(message));
        }
        let object = |(bytes, metadata): (Vec<u8>, Metadata)| {
            let etag = etag(XxHash3_128::oneshot(&bytes));
            Object { bytes: bytes.into(), etag, modified_at: arrived_at(&metadata) }
        };
        if let Some(read) = self.shared.tree.read_at_hand(&keys::object_path(bucket, key)?, max_bytes) {
            return Ok(object(read));
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.call(move |shared| {
            let read = shared.tree.read(&keys::object_path(&bucket, &key)?, max_bytes);
            read.map(object).map_err(refused_if_denied)
        })
        .await
    }

    async fn probe(&self, bucket: &str, _prefix: &str) -> Result<()> {
        let bucket = bucket.to_owned();
        self.call(move |shared| match shared.tree.bucket(&bucket, false) {
            Ok(folder) => shared.tree.search(&folder, &bucket).map_err(refused_if_denied),
            Err(error) if error.class() == Class::Missing => {
                Err(super::no_bucket(format_args!("the folder `{}`", shared.tree.bucket_path(&bucket).display())))
            }
            Err(error) => Err(refused_if_denied(error)),
        })
        .await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMetadata> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.call(move |shared| examine::head(shared, &bucket, &key)).await
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let announcement = self.shared.announcement.as_ref().filter(|announcement| announcement.bucket == bucket);
        let written = self
            .call(move |shared| {
                let at = keys::object_path(&bucket, &key)?;
                let Some(file) = shared.tree.write(&at, &bytes, mode)? else { return Ok(None) };
                let stamp = file.metadata().ok().map(|metadata| FileFingerprint::of(&key, &metadata));
                let photo = PhotoRef {
                    version_id: None,
                    etag: Some(etag(XxHash3_128::oneshot(&bytes))),
                    size_bytes: Some(bytes.len() as u64),
                    sequencer: Some(shared.sequencer()),
                    uploaded_at: Some(Timestamp::now()),
                    bucket,
                    key,
                };
                Ok(Some((photo, stamp)))
            })
            .await?;
        let Some((photo, stamp)) = written else { return Ok(Put::AlreadyThere) };
        if let Some(announcement) = announcement {
            // Only now, when the object is durable. If this fails the object stays, and the scan at start finds it.
            let told = announcement.to.announce(std::slice::from_ref(&photo), false).await;
            told.map_err(|error| error.with_context(format!("announcing `{}/{}`", photo.bucket, photo.key)))?;
            self.shared.remember(stamp);
        }
        Ok(Put::Written { etag: photo.etag.unwrap_or_default() })
    }

    async fn forget_announcement(&self, photo: &PhotoRef) -> Result<()> {
        match &self.shared.announcement {
            // What was seen of the file is not forgotten: unless it is written again, it is left alone until a start.
            Some(Announcement { bucket, to, .. }) if *bucket == photo.bucket => {
                to.forget(std::slice::from_ref(photo)).await
            }
            _ => Ok(()),
        }
    }

    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<ObjectSummary>> {
        let (bucket, prefix, after) = (bucket.to_owned(), prefix.to_owned(), after.map(str::to_owned));
        self.call(move |shared| {
            let folder = match shared.tree.bucket(&bucket, false) {
                // A bucket nobody wrote to yet.
                Err(error) if error.class() == Class::Missing => return Ok(Vec::new()),
                folder => folder?,
            };
            let wanted = walk::Wanted { prefix: &prefix, after: after.as_deref(), max };
            let scope = walk::Scope { exclude: None, is_read_checked: false };
            // A file of another kind is not an object; a folder that cannot be read may hold some, and a list that
            // silently lacks them would be taken for the whole.
            let mut left_out = |_: &str, why: WhyLeftOut, error: Error| match why {
                WhyLeftOut::Unreadable => Err(error),
                _ => Ok(()),
            };
            let found = walk::walk(folder, &shared.tree.bucket_path(&bucket), &wanted, &scope, &mut left_out)?;
            Ok(found.into_iter().map(listed).collect())
        })
        .await
    }

    async fn survey(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Survey> {
        let (bucket, prefix, after) = (bucket.to_owned(), prefix.to_owned(), after.map(str::to_owned));
        self.call(move |shared| {
            let folder = shared.tree.bucket(&bucket, false)?;
            let wanted = walk::Wanted { prefix: &prefix, after: after.as_deref(), max };
            let is_inbox = shared.announcement.as_ref().is_some_and(|announcement| announcement.bucket == bucket);
            let exclude = is_inbox.then(|| shared.exclude());
            let scope = walk::Scope { exclude: exclude.as_deref(), is_read_checked: true };
            let mut left_out = Vec::new();
            let mut keep = |key: &str, why: WhyLeftOut, error: Error| {
                left_out.push(LeftOut { key: key.to_owned(), why, detail: error.to_string() });
                Ok(())
            };
            let found = walk::walk(folder, &shared.tree.bucket_path(&bucket), &wanted, &scope, &mut keep)?;
            Ok(Survey { objects: found.into_iter().map(listed).collect(), left_out })
        })
        .await
    }
}

fn listed(found: walk::FoundFile) -> ObjectSummary {
    ObjectSummary {
        size_bytes: u64::try_from(found.stat.st_size).unwrap_or(0),
        modified_at: walk::arrived_at(&found.stat),
        // The hash of its content, which a listing does not read.
        etag: None,
        key: found.key,
    }
}

/// A permission says nothing about the object: once it is given the same read works.
fn refused_if_denied(error: Error) -> Error {
    let is_denied = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|source| source.kind() == std::io::ErrorKind::PermissionDenied);
    if is_denied { error.with_class(Class::Refused) } else { error }
}

fn etag(hash: u128) -> String {
    format!("{hash:032x}")
}

/// When the file came here or last changed. Not its modification time: a copy or a move may keep that of its original,
/// which may be years old.
fn arrived_at(metadata: &Metadata) -> Option<Timestamp> {
    arrived(metadata.ctime(), metadata.ctime_nsec())
}

/// A change time as an instant. One in the future was stamped before the clock was set back: it arrived by now.
fn arrived(seconds: i64, nanos: i64) -> Option<Timestamp> {
    Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok().map(|at| at.min(Timestamp::now()))
}

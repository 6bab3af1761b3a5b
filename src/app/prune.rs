//! Removes what the embedded adapters keep and nothing needs any more, while an engine works on the same root.
//!
//! What makes it safe, whatever happens meanwhile:
//! - A batch goes only once the ledger names it, and the ledger is on the disk. A load never reads a batch that the ledger
//!   has, so another engine that still means to load it does not miss it.
//! - The record of an announcement goes only when its photo is not in the inbox, and only as it was before the inbox was
//!   looked through: a file that came back meanwhile was recorded anew. The scan at start finds every file that is there
//!   recorded as before.
//! - A dead letter goes only when no photo it names lacks its rows.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::root_contents::{Pages, photos_named};
use super::{Ports, warehouse_path};
use crate::actors::{BATCH_PREFIX, MANIFEST_PREFIX};
use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};
use crate::domain::batch::{batch_id_of, batch_key};
use crate::domain::photo::hash_128;
use crate::error::{Error, Result};
use crate::queue::sqlite::SqliteQueue;
use crate::store::folder::FolderStore;
use crate::warehouse::sqlite::SqliteWarehouse;
use crate::warehouse::{Value, passing_reasons};

/// Records read at once.
const PAGE: usize = 50_000;
/// Of them removed, or asked of the warehouse, at once: no lock is held for long.
const CHUNK: usize = 500;

/// What was pruned, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Batches that the warehouse has taken.
    pub batches: u64,
    /// Their size.
    pub batch_bytes: u64,
    /// Manifests of loads.
    pub manifests: u64,
    /// Records of announcements whose photos are gone or hold something else.
    pub announced: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Dead letters old enough that name a photo without rows or final rejection, and are kept.
    pub dead_letters_kept: u64,
}

impl Pruned {
    /// Whether there was nothing.
    pub fn is_nothing(&self) -> bool {
        let Pruned { batches, batch_bytes: _, manifests, announced, dead_letters, dead_letters_kept: _ } = *self;
        batches + manifests + announced + dead_letters == 0
    }
}

/// Whether the settings let anything be pruned here.
pub fn prunes_anything(settings: &Settings) -> bool {
    let of = &settings.retention;
    let is_folder = settings.store.kind == StoreKind::Folder;
    let is_embedded = settings.queue.kind == QueueKind::Sqlite;
    (of.batches.is_some() && is_folder && settings.warehouse.kind == WarehouseKind::Sqlite)
        || (of.announced.is_some() && is_folder && is_embedded)
        || (of.dead_letters.is_some() && is_embedded)
}

/// Prunes by `[retention]`; with `is_dry` only counts.
///
/// # Errors
/// When something cannot be read or removed. What went before is gone, and the next time goes on.
pub async fn prune(settings: &Settings, ports: &Ports, is_dry: bool) -> Result<Pruned> {
    let now = Timestamp::now();
    let before = |age: std::time::Duration| {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        now.checked_sub(age).unwrap_or(Timestamp::MIN)
    };
    let of = &settings.retention;
    let mut pruned = Pruned::default();
    let pruning = Pruning { settings, ports, is_dry };
    if let (Some(age), Some(store), WarehouseKind::Sqlite) = (of.batches, ports.files(), settings.warehouse.kind) {
        pruning.batches(store, before(age), &mut pruned).await?;
        pruning.manifests(store, before(age), &mut pruned).await?;
    }
    if let Some(queue) = ports.embedded.as_deref() {
        if let (Some(age), Some(_)) = (of.announced, ports.files()) {
            pruning.announced(queue, before(age), &mut pruned).await?;
        }
        if let Some(age) = of.dead_letters {
            pruning.dead_letters(queue, before(age), &mut pruned).await?;
        }
    }
    Ok(pruned)
}

struct Pruning<'a> {
    settings: &'a Settings,
    ports: &'a Ports,
    is_dry: bool,
}

impl Pruning<'_> {
    async fn batches(&self, store: &FolderStore, before: Timestamp, pruned: &mut Pruned) -> Result<()> {
        let bucket = &self.settings.store.results;
        if !self.is_dry {
            SqliteWarehouse::open_existing(&warehouse_path(self.settings))?.sync().await?;
        }
        let mut pages = Pages::new(self.ports.store.as_ref(), bucket, BATCH_PREFIX);
        while let Some(listed) = pages.next().await? {
            for chunk in listed.chunks(CHUNK) {
                let ids = chunk.iter().filter_map(|object| batch_id_of(BATCH_PREFIX, &object.key));
                let loaded = self.loaded_before(ids, before).await?;
                let keys: HashSet<String> = loaded.iter().map(|id| batch_key(BATCH_PREFIX, id)).collect();
                let bytes: u64 =
                    chunk.iter().filter(|object| keys.contains(&object.key)).map(|object| object.size_bytes).sum();
                pruned.batch_bytes += bytes;
                pruned.batches += self.remove(store, keys.into_iter().collect()).await?;
            }
        }
        Ok(())
    }

    /// Those of the batches that a load took before then.
    async fn loaded_before(&self, ids: impl Iterator<Item = &str>, before: Timestamp) -> Result<Vec<String>> {
        let mut bound = vec![Value::from(before.as_microsecond() as f64 / 1e6)];
        bound.extend(ids.map(Value::from));
        let places = places(2, bound.len() - 1);
        let sql = format!(
            "SELECT batch_id FROM load_ledger WHERE batch_id IN ({places}) AND unixepoch(loaded_at, 'subsec') < ?1"
        );
        texts(self.ports.warehouse.query(&sql, &bound).await?.rows)
    }

    /// Manifests only say which batches went into the warehouse together; nothing reads them again.
    async fn manifests(&self, store: &FolderStore, before: Timestamp, pruned: &mut Pruned) -> Result<()> {
        let bucket = &self.settings.store.results;
        let mut pages = Pages::new(self.ports.store.as_ref(), bucket, MANIFEST_PREFIX);
        while let Some(listed) = pages.next().await? {
            let is_old = |at: Option<Timestamp>| at.is_some_and(|at| at < before);
            let old: Vec<String> =
                listed.iter().filter(|object| is_old(object.modified_at)).map(|object| object.key.clone()).collect();
            for keys in old.chunks(CHUNK) {
                pruned.manifests += self.remove(store, keys.to_vec()).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, store: &FolderStore, keys: Vec<String>) -> Result<u64> {
        match self.is_dry {
            true => Ok(keys.len() as u64),
            false => store.remove(&self.settings.store.results, keys).await.map(|removed| removed as u64),
        }
    }

    async fn announced(&self, queue: &SqliteQueue, before: Timestamp, pruned: &mut Pruned) -> Result<()> {
        // Before the inbox is looked through: what is announced from now on has a greater one.
        let Some(newest) = queue.newest_sequencer()? else { return Ok(()) };
        let (there, mut unrecorded) = self.inbox(before).await?;
        let mut after = None;
        loop {
            let recorded = queue.recorded(before, after, PAGE).await?;
            let is_end = recorded.len() < PAGE;
            after = recorded.last().map(|last| last.object.clone());
            let mut gone = Vec::new();
            for record in recorded {
                let object = object_number(&record.object);
                if object.is_some_and(|object| there.contains(&object)) {
                    object.map(|object| unrecorded.remove(&object));
                } else if record.is_old {
                    gone.push(record);
                }
            }
            for gone in gone.chunks(CHUNK) {
                pruned.announced += match self.is_dry {
                    true => gone.len() as u64,
                    false => queue.forget_objects(gone.to_vec(), newest.clone()).await? as u64,
                };
            }
            if is_end {
                break;
            }
        }
        // A photo that has been there for long and has no record of its own was announced by a scanmill that kept none,
        // so its version may be any of those that seem replaced.
        if !unrecorded.is_empty() {
            return Ok(());
        }
        for versions in queue.replaced_versions(before).await?.chunks(CHUNK) {
            pruned.announced += match self.is_dry {
                true => versions.len() as u64,
                false => queue.forget_versions(versions.to_vec(), newest.clone()).await? as u64,
            };
        }
        Ok(())
    }

    /// Everything in the inbox, and of it the photos that were there before then.
    async fn inbox(&self, before: Timestamp) -> Result<(HashSet<u128>, HashSet<u128>)> {
        let bucket = &self.settings.store.inbox;
        let (mut there, mut old) = (HashSet::new(), HashSet::new());
        let mut pages = Pages::new(self.ports.store.as_ref(), bucket, "");
        while let Some(listed) = pages.next().await? {
            for object in &listed {
                let Some(number) = object_number(&hash_128(&[bucket, &object.key])) else { continue };
                there.insert(number);
                let is_old = object.modified_at.is_none_or(|at| at < before);
                if is_old && !self.settings.filter.excludes(&object.key) {
                    old.insert(number);
                }
            }
        }
        Ok((there, old))
    }

    async fn dead_letters(&self, queue: &SqliteQueue, before: Timestamp, pruned: &mut Pruned) -> Result<()> {
        let mut after = 0;
        loop {
            let letters = queue.old_dead_letters(before, after, CHUNK).await?;
            let Some((last, _)) = letters.last() else { return Ok(()) };
            after = *last;
            let mut ids = Vec::new();
            for (id, letter) in &letters {
                match self.is_answered(&letter.body).await? {
                    true => ids.push(*id),
                    false => pruned.dead_letters_kept += 1,
                }
            }
            pruned.dead_letters += match self.is_dry {
                true => ids.len() as u64,
                false => queue.remove_dead_letters(ids).await? as u64,
            };
        }
    }

    /// Whether every photo that a message names has rows or a final rejection. One that names none has nothing to lose.
    async fn is_answered(&self, body: &str) -> Result<bool> {
        let photos = photos_named(body, self.settings);
        if photos.is_empty() {
            return Ok(true);
        }
        let ids: HashSet<String> = photos.iter().map(|photo| photo.id().0).collect();
        let bound: Vec<Value> = ids.iter().cloned().map(Value::from).collect();
        let places = places(1, bound.len());
        let sql = format!(
            "SELECT photo_id FROM scans WHERE photo_id IN ({places}) UNION \
             SELECT photo_id FROM rejections WHERE photo_id IN ({places}) AND reason NOT IN ({})",
            passing_reasons()
        );
        Ok(texts(self.ports.warehouse.query(&sql, &bound).await?.rows)?.len() == ids.len())
    }
}

/// `?2, ?3, …`
fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ")
}

fn texts(rows: Vec<Vec<Value>>) -> Result<Vec<String>> {
    let text = |row: Vec<Value>| row.first().and_then(Value::as_str).map(str::to_owned);
    let texts: Option<Vec<String>> = rows.into_iter().map(text).collect();
    texts.ok_or_else(|| Error::bug("an id that is not text"))
}

/// Half the memory of its text; an inbox may hold millions.
fn object_number(object: &str) -> Option<u128> {
    u128::from_str_radix(object, 16).ok()
}

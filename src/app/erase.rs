//! Removes everything that scanmill holds about one photo, or about all whose keys begin alike, while an engine works on
//! the same root: a person asked to be forgotten.
//!
//! The order is what makes it whole:
//! 1. No message may name such a photo: what is queued or in work would write its rows after we looked. A message goes
//!    only once its batch is durable, so without one all there is lies in files.
//! 2. No batch with such a row may wait for its load beside a working engine, whose load may have read it already. Without
//!    an engine none can start until we are done.
//! 3. Batches are written anew before the rows go, so that no load of what is left brings a row back.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::root_contents::{Pages, photos_named};
use super::{Ports, alone, warehouse_path};
use crate::actors::{BATCH_PREFIX, PHOTO_PREFIX, gzip, read_batch};
use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};
use crate::diagnostics::counted;
use crate::domain::PhotoRef;
use crate::domain::batch::{SealedBatch, batch_id_of};
use crate::error::{Error, Result};
use crate::queue::sqlite::SqliteQueue;
use crate::store::PutMode;
use crate::warehouse::sqlite::SqliteWarehouse;

/// Messages and dead letters looked at, at once.
const PAGE: usize = 1_000;
/// The most a photo's own JSON is read of; each is a few kilobytes.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// Which photos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasing {
    /// Bucket they lie in, or lay.
    pub bucket: String,
    /// Their key, or how their keys begin.
    pub key: String,
    /// Whether `key` is only the beginning.
    pub is_prefix: bool,
    /// Whether photos that are still in the inbox go too.
    pub with_photos: bool,
}

impl Erasing {
    fn fits(&self, bucket: &str, key: &str) -> bool {
        bucket == self.bucket && if self.is_prefix { key.starts_with(&self.key) } else { key == self.key }
    }

    fn fits_photo(&self, photo: &PhotoRef) -> bool {
        self.fits(&photo.bucket, &photo.key)
    }

    /// Whether a row, as a line of a batch has it, is of such a photo.
    fn fits_row(&self, row: &Value) -> bool {
        let text = |name| row.get(name).and_then(Value::as_str);
        matches!((text("bucket"), text("object_key")), (Some(bucket), Some(key)) if self.fits(bucket, key))
    }
}

/// What was erased, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Scan rows of the warehouse.
    pub scans: u64,
    /// Rejection rows of the warehouse, with their details.
    pub rejections: u64,
    /// Batches that held such rows.
    pub batches: u64,
    /// Rows in them.
    pub batch_rows: u64,
    /// JSON objects of single photos.
    pub photo_objects: u64,
    /// Dead letters that name such photos.
    pub dead_letters: u64,
    /// Records that such photos were announced.
    pub announced: u64,
    /// Photos in the inbox.
    pub photos: u64,
    /// Whether the rows may still be in the log beside the warehouse until a reader ends that holds it.
    pub is_in_log: bool,
}

/// Erases; with `is_dry` only counts.
///
/// # Errors
/// Permanent where store, queue or warehouse is elsewhere, where photos are in the inbox and are to stay, or a batch cannot be read;
/// transient where such a photo is queued, in work or not loaded yet. Then nothing was erased, or what was is told.
pub async fn erase(settings: &Settings, ports: &Ports, what: &Erasing, is_dry: bool) -> Result<Erased> {
    let is_here = settings.store.kind == StoreKind::Folder
        && settings.queue.kind == QueueKind::Sqlite
        && settings.warehouse.kind == WarehouseKind::Sqlite;
    let (Some(queue), Some(store), true) = (ports.embedded.as_deref(), ports.files(), is_here) else {
        return Err(Error::permanent("only what is embedded, store, queue and warehouse, can be erased by scanmill")
            .with_hint("docs/guides/aws-operations.md has the SQL and the commands for S3 and Redshift"));
    };
    let warehouse = SqliteWarehouse::open_existing(&warehouse_path(settings))?;
    let root = settings.local.root.clone();
    let kept_out = tokio::task::spawn_blocking(move || alone::keep_others_out(&root))
        .await
        .map_err(|error| Error::bug("locking the root panicked").with_source(error))??;
    let eraser = Eraser { settings, ports, queue, what };

    eraser.refuse_queued("nothing was erased").await?;
    let photos = eraser.names(&what.bucket, &what.key, |key| what.fits(&what.bucket, key)).await?;
    if !is_dry && !photos.is_empty() && !what.with_photos {
        return Err(Error::permanent(format!(
            "{} still in the inbox; nothing was erased",
            counted(photos.len() as u64, "such photo")
        ))
        .with_hint("they would be read again some day: remove them first, or have --photos do it"));
    }
    let batches = eraser.batches().await?;
    let waiting = ports.warehouse.not_in_ledger(&batches.keys().cloned().collect::<Vec<_>>()).await?;
    if !is_dry && kept_out.is_none() && !waiting.is_empty() {
        return Err(Error::transient(format!(
            "{} with such rows not loaded yet",
            counted(waiting.len() as u64, "batch")
        ))
        .with_hint("nothing was erased; try again once the engine has loaded them (`load.interval_ms`)"));
    }
    let objects = eraser.photo_objects().await?;
    let letters = eraser.dead_letters().await?;
    let standing = warehouse.standing(&what.bucket, &what.key, what.is_prefix).await?;
    let mut ids: BTreeSet<String> = standing.photos.into_iter().collect();
    ids.extend(batches.values().flat_map(|found| found.photos.iter().cloned()));
    let announced = queue.announced(ids.into_iter().collect()).await?;
    let mut erased = Erased {
        scans: standing.scans,
        rejections: standing.rejections,
        batches: batches.len() as u64,
        batch_rows: batches.values().map(|found| found.rows).sum(),
        photo_objects: objects.len() as u64,
        dead_letters: letters.len() as u64,
        announced: announced.len() as u64,
        photos: photos.len() as u64,
        is_in_log: false,
    };
    if is_dry {
        return Ok(erased);
    }
    store.remove(&what.bucket, photos).await?;
    eraser.refuse_queued("the photos are removed from the inbox, their rows are not").await?;
    queue.forget_announced(announced).await?;
    queue.remove_dead_letters(letters).await?;
    let mut left = Vec::new();
    for batch_id in batches.keys() {
        left.push(eraser.rewrite(batch_id).await?);
    }
    store.remove(&settings.store.results, objects).await?;
    erased.is_in_log = !warehouse.erase(&what.bucket, &what.key, what.is_prefix, left).await?;
    eraser.refuse_queued("everything was erased, but messages still queued will bring rows back").await?;
    drop(kept_out);
    Ok(erased)
}

/// What one batch has of them.
#[derive(Default)]
struct BatchMatches {
    rows: u64,
    photos: HashSet<String>,
}

struct Eraser<'a> {
    settings: &'a Settings,
    ports: &'a Ports,
    queue: &'a SqliteQueue,
    what: &'a Erasing,
}

impl Eraser<'_> {
    async fn refuse_queued(&self, so_far: &str) -> Result<()> {
        let (mut after, mut queued) = (0, 0_u64);
        loop {
            let messages = self.queue.bodies(after, PAGE).await?;
            let Some((last, _)) = messages.last() else { break };
            after = *last;
            let is_such =
                |body: &str| photos_named(body, self.settings).iter().any(|photo| self.what.fits_photo(photo));
            queued += messages.iter().filter(|(_, body)| is_such(body)).count() as u64;
        }
        if queued == 0 {
            return Ok(());
        }
        Err(Error::transient(format!("{} about such photos queued or in work: {so_far}", counted(queued, "message")))
            .with_hint("try again once an engine has read and loaded them"))
    }

    /// Every key of a bucket below `prefix` that `is_wanted`.
    async fn names(&self, bucket: &str, prefix: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut pages = Pages::new(self.ports.store.as_ref(), bucket, prefix);
        while let Some(listed) = pages.next().await? {
            names.extend(listed.into_iter().map(|object| object.key).filter(|key| is_wanted(key)));
        }
        Ok(names)
    }

    fn batch(&self, batch_id: &str) -> SealedBatch {
        SealedBatch {
            batch_id: batch_id.to_owned(),
            bucket: self.settings.store.results.clone(),
            key: crate::domain::batch::batch_key(BATCH_PREFIX, batch_id),
            sealed_at: None,
        }
    }

    /// The batches that have such rows.
    async fn batches(&self) -> Result<HashMap<String, BatchMatches>> {
        let mut batches: HashMap<String, BatchMatches> = HashMap::new();
        for key in self.names(&self.settings.store.results, BATCH_PREFIX, |_| true).await? {
            let Some(batch_id) = batch_id_of(BATCH_PREFIX, &key) else { continue };
            let lines = read_batch(self.ports.store.as_ref(), &self.batch(batch_id)).await;
            let lines =
                lines.map_err(|error| error.with_context("cannot tell what a batch holds; nothing was erased"))?;
            for line in rows(&lines) {
                let (_, row) = line?;
                if !self.what.fits_row(&row) {
                    continue;
                }
                let found = batches.entry(batch_id.to_owned()).or_default();
                found.rows += 1;
                found.photos.extend(photo_id(&row));
            }
        }
        Ok(batches)
    }

    /// Writes a batch anew without such rows; what it holds then.
    async fn rewrite(&self, batch_id: &str) -> Result<(String, u64, u64)> {
        let batch = self.batch(batch_id);
        let lines = read_batch(self.ports.store.as_ref(), &batch).await?;
        let (mut kept, mut left, mut photos) = (Vec::with_capacity(lines.len()), 0, HashSet::new());
        for line in rows(&lines) {
            let (line, row) = line?;
            if self.what.fits_row(&row) {
                continue;
            }
            photos.extend(photo_id(&row));
            left += 1;
            kept.extend_from_slice(line);
            kept.push(b'\n');
        }
        let packed: Bytes = gzip(&kept)?;
        self.ports.store.put(&batch.bucket, &batch.key, packed, PutMode::Overwrite).await?;
        Ok((batch.batch_id, left, photos.len() as u64))
    }

    /// The keys of such photos' own JSON objects. Only their content says whose they are: the warehouse need not have every
    /// version of a photo that was read.
    async fn photo_objects(&self) -> Result<Vec<String>> {
        let bucket = &self.settings.store.results;
        let mut found = Vec::new();
        for key in self.names(bucket, PHOTO_PREFIX, |_| true).await? {
            let object = self.ports.store.get(bucket, &key, None, MAX_JSON_BYTES).await?;
            let rows: Vec<Value> = serde_json::from_slice(&object.bytes).unwrap_or_default();
            if rows.iter().any(|row| self.what.fits_row(row)) {
                found.push(key);
            }
        }
        Ok(found)
    }

    async fn dead_letters(&self) -> Result<Vec<i64>> {
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let letters = self.queue.old_dead_letters(jiff::Timestamp::MAX, after, PAGE).await?;
            let Some((last, _)) = letters.last() else { return Ok(found) };
            after = *last;
            for (id, letter) in &letters {
                let named = photos_named(&letter.body, self.settings);
                let such = named.iter().filter(|photo| self.what.fits_photo(photo)).count();
                if such > 0 && such < named.len() {
                    return Err(Error::permanent(format!("dead letter {id} names such photos and others"))
                        .with_hint("`scanmill queue dead redrive` has them read; nothing was erased"));
                }
                found.extend((such > 0).then_some(*id));
            }
        }
    }
}

/// The lines of a batch with their rows.
fn rows(lines: &[u8]) -> impl Iterator<Item = Result<(&[u8], Value)>> {
    lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let row = serde_json::from_slice(line);
        Ok((line, row.map_err(|error| Error::poison("a batch holds a line that is not a row").with_source(error))?))
    })
}

fn photo_id(row: &Value) -> Option<String> {
    row.get("photo_id").and_then(Value::as_str).map(str::to_owned)
}

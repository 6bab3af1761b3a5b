//! Sealed batches: when one is full, how it is named, what it holds.
//!
//! A batch object holds JSON Lines, gzip-compressed, one [`Row`] a line. It is written once under a name that no other
//! batch can have and never changes. All rows of one photo are in one batch.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

use super::photo::hash_128;
use super::{Lineage, Row};

/// A durable batch as manifests and the ledger name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedBatch {
    /// The batch's id; the object's name without prefix and ending.
    pub batch_id: String,
    /// Bucket of the object.
    pub bucket: String,
    /// Key of the object.
    pub key: String,
    /// When the object became durable, RFC 3339 in UTC; `None` for a batch found in a listing (adopted after a crash).
    #[serde(default)]
    pub sealed_at: Option<String>,
}

/// When a batch is sealed: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPolicy {
    /// Rows in it.
    pub max_rows: usize,
    /// Bytes of JSON Lines before compression.
    pub max_bytes: usize,
}

/// Ending of batch objects.
pub const BATCH_SUFFIX: &str = ".jsonl.gz";

/// Key of the batch object. Ids begin with the time, so a listing is in the order of opening.
pub fn batch_key(prefix: &str, batch_id: &str) -> String {
    format!("{prefix}{batch_id}{BATCH_SUFFIX}")
}

/// The id in a batch object's key, or `None` when the key is not a batch of ours.
pub fn batch_id_of<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    let id = key.strip_prefix(prefix)?.strip_suffix(BATCH_SUFFIX)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// The time at the beginning of a batch's id, like `20261122T154000Z`.
pub fn batch_time(opened_at: Timestamp) -> String {
    opened_at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// When a batch was opened, by its id.
pub fn opened_at(batch_id: &str) -> Option<Timestamp> {
    let (time, _) = batch_id.split_once('-')?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// Id of the `counter`-th batch that an instance opened, at `opened_at` ([`batch_time`]): sortable by time, and unique because
/// `instance` is drawn at random at every start and `counter` begins once a start.
pub fn batch_id(opened_at: &str, instance: &str, counter: u64) -> String {
    format!("{opened_at}-{instance}-{counter:06}")
}

/// Id of the manifest over these batches, whatever their order.
pub fn manifest_id(batches: &[SealedBatch]) -> String {
    let mut ids: Vec<&str> = batches.iter().map(|batch| batch.batch_id.as_str()).collect();
    ids.sort_unstable();
    hash_128(&ids)
}

/// An open batch: rows as JSON Lines.
#[derive(Debug)]
pub struct OpenBatch {
    batch_id: String,
    lines: Vec<u8>,
    rows: usize,
    /// Photo and revision, and what the batch has of it.
    photos: HashMap<(String, i64), HeldPhotos>,
    /// The later announcements of photos that the batch already held.
    raised: HashMap<(String, i64), Announced>,
}

/// What a batch has of a photo.
#[derive(Debug)]
struct HeldPhotos {
    is_final: bool,
    sequencer: Option<String>,
}

/// What an announcement says of when the photo came.
#[derive(Debug)]
struct Announced {
    sequencer: Option<String>,
    uploaded_at: Option<String>,
}

impl OpenBatch {
    /// An empty batch with this id.
    pub fn new(batch_id: String) -> Self {
        Self { batch_id, lines: Vec::new(), rows: 0, photos: HashMap::new(), raised: HashMap::new() }
    }

    /// Appends all rows of one photo, stamped with the batch's id, and returns them. All of them or none.
    ///
    /// A photo the batch already holds at the same revision (its message was delivered twice) is left out and gives
    /// `None`: the first reading stands, as it does across batches, where the load sees to it. Unless that one is a
    /// rejection of the moment and this is a final answer: then both are in the batch, and the load keeps this one. What
    /// is left out may still be the later announcement of the same bytes: its place in the order of the name's states
    /// goes to the rows that stand.
    ///
    /// # Errors
    /// No rows, rows of several photos, or a row that does not serialise (each a bug); the batch is then as it was
    /// before.
    pub fn push_photo(&mut self, mut rows: Vec<Row>) -> Result<Option<Vec<Row>>, serde_json::Error> {
        let photo = match rows.first() {
            Some(row) => (row.lineage().photo_id.clone(), row.lineage().revision),
            None => return Err(serde_json::Error::custom("a photo without rows")),
        };
        let is_of_photo = |lineage: &Lineage| lineage.photo_id == photo.0 && lineage.revision == photo.1;
        if !rows.iter().all(|row| is_of_photo(row.lineage())) {
            return Err(serde_json::Error::custom("rows of several photos pushed as one"));
        }
        let is_final = rows.iter().all(Row::is_final);
        let sequencer = rows.first().and_then(|row| row.lineage().sequencer.clone());
        if let Some(held) = self.photos.get_mut(&photo)
            && (held.is_final || !is_final)
        {
            if sequencer > held.sequencer {
                held.sequencer.clone_from(&sequencer);
                let uploaded_at = rows.first().and_then(|row| row.lineage().uploaded_at.clone());
                self.raised.insert(photo, Announced { sequencer, uploaded_at });
            }
            return Ok(None);
        }
        let before = self.lines.len();
        let count = rows.len();
        for row in &mut rows {
            row.lineage_mut().batch_id.clone_from(&self.batch_id);
            if let Err(error) = serde_json::to_writer(&mut self.lines, row) {
                self.lines.truncate(before);
                return Err(error);
            }
            self.lines.push(b'\n');
        }
        self.rows += count;
        self.photos.insert(photo, HeldPhotos { is_final, sequencer });
        Ok(Some(rows))
    }

    /// Whether the policy asks to seal now.
    pub fn is_full(&self, policy: SealPolicy) -> bool {
        self.rows >= policy.max_rows || self.lines.len() >= policy.max_bytes
    }

    /// The batch's id.
    pub fn batch_id(&self) -> &str {
        &self.batch_id
    }
    /// Rows in it.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Photos in it.
    pub fn photos(&self) -> usize {
        self.photos.len()
    }
    /// Bytes of JSON Lines in it.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.photos.is_empty()
    }
    /// The JSON Lines.
    ///
    /// # Errors
    /// A row that does not serialise (a bug).
    pub fn into_lines(self) -> Result<Vec<u8>, serde_json::Error> {
        if self.raised.is_empty() {
            return Ok(self.lines);
        }
        // Rare, so it is done once for all of them: a row's place in the bytes is not kept.
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in self.lines.split_inclusive(|byte| *byte == b'\n') {
            let mut row: Row = serde_json::from_slice(line)?;
            let lineage = row.lineage_mut();
            match self.raised.get(&(lineage.photo_id.clone(), lineage.revision)) {
                Some(Announced { sequencer, uploaded_at }) => {
                    lineage.sequencer.clone_from(sequencer);
                    lineage.uploaded_at.clone_from(uploaded_at);
                    serde_json::to_writer(&mut lines, &row)?;
                    lines.push(b'\n');
                }
                None => lines.extend_from_slice(line),
            }
        }
        Ok(lines)
    }
}

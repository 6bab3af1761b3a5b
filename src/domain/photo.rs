//! A photo is one version of one object; its id is the same for ever.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An uploaded object as a notification (or a listing) names it. Keys are decoded: exactly the object's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoRef {
    /// Bucket, or the folder store's top folder.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// Version id on a versioned bucket.
    pub version_id: Option<String>,
    /// The object's eTag without quotes.
    pub etag: Option<String>,
    /// Declared size in bytes.
    pub size_bytes: Option<u64>,
    /// S3's order of events on one key; compare with [`compare_sequencers`].
    pub sequencer: Option<String>,
    /// When the upload happened, by the event.
    pub uploaded_at: Option<Timestamp>,
}

impl PhotoRef {
    /// The photo's id, from bucket, key and version id or else eTag (DESIGN §6).
    pub fn id(&self) -> PhotoId {
        let version = self.version_id.as_deref().or(self.etag.as_deref()).unwrap_or("");
        PhotoId(hash_128(&[&self.bucket, &self.key, version]))
    }
}

/// 128-bit hash of bucket, key and version, as 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PhotoId(pub String);

impl PhotoId {
    /// The id as 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PhotoId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// First 128 bits of SHA-256 over the length-prefixed parts, in hex. Anyone may choose a key or a payload, so the hash
/// must resist collisions on purpose; the length prefix keeps (`a`,`bc`) and (`ab`,`c`) apart.
pub fn hash_128(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Orders two sequencers of one key: the shorter is padded on the right with zeros, then both compare as text
/// (Amazon S3 user guide, event message structure).
pub fn compare_sequencers(left: &str, right: &str) -> std::cmp::Ordering {
    let width = left.len().max(right.len());
    let pad = |text: &str| format!("{text:0<width$}");
    pad(left).cmp(&pad(right))
}

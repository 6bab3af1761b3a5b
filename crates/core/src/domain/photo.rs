//! A photo is one version of one object; its id is the same for ever.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::hex;

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
    /// Order of events on one key: hex digits, on S3 of differing length.
    pub sequencer: Option<String>,
    /// When the upload happened, by the event.
    pub uploaded_at: Option<Timestamp>,
}

impl PhotoRef {
    /// The photo's id, from bucket, key and version id or else eTag (DESIGN §6).
    ///
    /// The version id `null` is not a version: S3 gives it to every object written while versioning is suspended, so two
    /// different photos under one key would share it.
    pub fn id(&self) -> PhotoId {
        let version_id = self.version_id.as_deref().filter(|id| !id.is_empty() && *id != "null");
        let version = version_id.or(self.etag.as_deref()).unwrap_or("");
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
    hex(&hasher.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn photo(version_id: Option<&str>, etag: Option<&str>) -> PhotoRef {
        PhotoRef {
            bucket: "inbox".into(),
            key: "a+b.jpg".into(),
            version_id: version_id.map(Into::into),
            etag: etag.map(Into::into),
            size_bytes: None,
            sequencer: None,
            uploaded_at: None,
        }
    }

    #[test]
    fn the_id_never_changes() {
        // Rows of every release are in warehouses under these ids: a change here doubles them all.
        assert_eq!(
            photo(None, Some("d41d8cd98f00b204e9800998ecf8427e")).id().as_str(),
            "dff21a5acb48f0942991933f6692b472"
        );
        assert_eq!(
            photo(Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"), None).id().as_str(),
            "95409696be36afb7c4955c18714aecc7"
        );
    }

    #[test]
    fn the_version_decides_and_else_the_etag() {
        assert_eq!(photo(Some("v1"), Some("x")).id(), photo(Some("v1"), Some("y")).id());
        assert_ne!(photo(Some("v1"), Some("x")).id(), photo(Some("v2"), Some("x")).id());
        assert_ne!(photo(None, Some("x")).id(), photo(None, Some("y")).id());
        for nothing in ["null", ""] {
            assert_eq!(photo(Some(nothing), Some("x")).id(), photo(None, Some("x")).id());
        }
        let size_and_time = PhotoRef { size_bytes: Some(9), ..photo(None, Some("x")) };
        assert_eq!(size_and_time.id(), photo(None, Some("x")).id());
    }

    proptest! {
        #[test]
        fn moving_a_byte_between_parts_is_another_hash(parts in prop::collection::vec("[ab]{0,3}", 1..4), other in prop::collection::vec("[ab]{0,3}", 1..4)) {
            let hash = |parts: &[String]| hash_128(&parts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(hash(&parts) == hash(&other), parts == other);
            prop_assert_eq!(hash(&parts).len(), 32);
        }
    }
}

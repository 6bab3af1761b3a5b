//! The object store port: photos in, sealed batches out.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::error::Result;

pub mod folder;
pub mod s3;

/// One object, as read.
#[derive(Clone, Debug)]
pub struct Object {
    /// The whole content.
    pub bytes: Bytes,
    /// eTag of exactly these bytes, without quotes.
    pub etag: String,
    /// When it came under its key: S3 keeps no older time, a folder tells the last change, not the modification time that
    /// a copy may keep of its original.
    pub modified_at: Option<Timestamp>,
}

/// One object, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it came under its key: S3 keeps no older time, a folder tells the last change, not the modification time that
    /// a copy may keep of its original.
    pub modified_at: Option<Timestamp>,
    /// Its eTag without quotes, where the listing tells it; [`Store::head`] always does.
    pub etag: Option<String>,
}

/// One object as it stands under its key now, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its eTag without quotes.
    pub etag: String,
    /// Its version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// When it came under its key: S3 keeps no older time, a folder tells the last change, not the modification time that
    /// a copy may keep of its original.
    pub modified_at: Option<Timestamp>,
}

/// What a put may do when the key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// Replace it.
    Overwrite,
    /// Leave it and say so ([`Put::AlreadyThere`]).
    CreateOnce,
}

/// What a put did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is durable; its eTag.
    Written {
        /// eTag without quotes.
        etag: String,
    },
    /// The key was taken and `CreateOnce` was asked; the object there is untouched.
    AlreadyThere,
}

/// A store of objects in buckets.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one object whole. An object over `max_bytes` is [`crate::error::Class::Poison`] and is not read to its
    /// end; one that is not there is [`crate::error::Class::Missing`]; a key that names no regular object (a folder, a
    /// FIFO, a path out of the root) or one that cannot be read as it is (archived) is
    /// [`crate::error::Class::Permanent`]. [`crate::error::Class::Refused`] says nothing about the object: we may not
    /// read it, and once that is mended the same call works. Bytes that are not what was written, as far as the store
    /// tells a checksum, are [`crate::error::Class::Transient`].
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object>;

    /// What stands under a key now; errors as those of [`Store::get`].
    async fn head(&self, bucket: &str, key: &str) -> Result<Head>;

    /// Writes one object. When it returns, the object is durable and whole: a reader sees all of it or none.
    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put>;

    /// Lists keys with `prefix` in lexical order, after `after`, at most `max`. Fewer than `max` means the end.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>>;
}

//! The object store port: photos in, sealed batches out.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use scanmill_core::domain::{PhotoRef, WhyLeftOut};
use scanmill_core::error::{Class, Error, Result};

pub mod folder;
#[cfg(feature = "aws")]
pub mod s3;
mod s3_options;

pub use s3_options::S3Options;

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
pub struct ObjectSummary {
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

/// Something in a store that is not among its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path below the bucket; a folder's ends with a slash, and what is in it is left out too. Bytes that are not
    /// UTF-8 are written like `\xff`.
    pub key: String,
    /// Why.
    pub why: WhyLeftOut,
    /// The same for people.
    pub detail: String,
}

/// A page of a bucket with everything that lies there.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The objects, as [`Store::list`] gives them; fewer than asked for means the end.
    pub objects: Vec<ObjectSummary>,
    /// What lies among them and is not an object.
    pub left_out: Vec<LeftOut>,
}

/// One object as it is under its key now, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMetadata {
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
    /// Reads one object whole. An object over `max_bytes` is [`scanmill_core::error::Class::TooLarge`] and is not read to its
    /// end; one that is not there is [`scanmill_core::error::Class::Missing`]; a key that names no regular object (a folder, a
    /// FIFO, a path out of the root) or one that cannot be read as it is (archived) is
    /// [`scanmill_core::error::Class::Permanent`]. [`scanmill_core::error::Class::Refused`] says nothing about the object: we may not
    /// read it, and once that is fixed the same call works. Bytes that are not what was written, as far as the store
    /// tells a checksum, are [`scanmill_core::error::Class::Transient`].
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object>;

    /// Whether objects of the bucket can be read at all: `Ok` when the store answers for a key that no object has
    /// (below `prefix`, for a role that may read nothing else). An error here is not the fault of any one object; a bucket that
    /// is not there is [`scanmill_core::error::Class::Refused`].
    async fn probe(&self, bucket: &str, prefix: &str) -> Result<()> {
        answers(self.get(bucket, &absent_key(prefix), None, PROBE_BYTES).await.map(drop))
    }

    /// What is under a key now; errors as those of [`Store::get`].
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMetadata>;

    /// Writes one object. When it returns, the object is durable and whole: a reader sees all of it or none.
    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put>;

    /// Lists keys with `prefix` in lexical order, after `after`, at most `max`. Fewer than `max` means the end.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<ObjectSummary>>;

    /// As [`Store::list`], with what is left out of it. A bucket that is not there is [`scanmill_core::error::Class::Missing`].
    async fn survey(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Survey> {
        let objects = self.list(bucket, prefix, after, max).await?;
        Ok(Survey { objects, left_out: Vec::new() })
    }

    /// Forgets that this photo was announced: it ended with a rejection whose cause may pass, or its object held other bytes
    /// when it was read. When it is written again, also with the same bytes, that is to be announced. A store whose uploads somebody else announces
    /// has nothing to do.
    async fn forget_announcement(&self, photo: &PhotoRef) -> Result<()> {
        let _ = photo;
        Ok(())
    }
}

/// Bytes a probe is ready to read, should its key be taken after all.
const PROBE_BYTES: u64 = 1 << 20;

/// A key that no object has.
fn absent_key(prefix: &str) -> String {
    format!("{prefix}scanmill-check/no-such-object")
}

/// A probe's outcome: "not there", "too large" and "not an object" are answers.
fn answers(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if matches!(error.class(), Class::Missing | Class::TooLarge | Class::Permanent) => Ok(()),
        outcome => outcome,
    }
}

/// The error of a bucket that is not there, where it must be: whoever asks for an object of it learns nothing about the
/// object.
fn no_bucket(what: impl std::fmt::Display) -> Error {
    Error::refused(format!("{what} is not there"))
        .with_hint("was it deleted, renamed or unmounted? the work continues automatically once it is back")
}

//! How what a root holds is gone through: the objects of a bucket, the photos of a message.

use crate::config::Settings;
use crate::domain::PhotoRef;
use crate::domain::notification::{self, Notification};
use crate::error::Result;
use crate::store::{ObjectSummary, Store};

/// Objects listed at once; a folder is read whole for each time.
const PAGE: usize = 50_000;

/// The objects of a bucket with a prefix, in the order of their keys, page by page.
pub(super) struct Pages<'a> {
    store: &'a dyn Store,
    bucket: &'a str,
    prefix: &'a str,
    after: Option<String>,
    is_end: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn new(store: &'a dyn Store, bucket: &'a str, prefix: &'a str) -> Pages<'a> {
        Pages { store, bucket, prefix, after: None, is_end: false }
    }

    /// The next page; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<ObjectSummary>>> {
        if self.is_end {
            return Ok(None);
        }
        let listed = self.store.list(self.bucket, self.prefix, self.after.as_deref(), PAGE).await?;
        self.is_end = listed.len() < PAGE;
        self.after = listed.last().map(|last| last.key.clone());
        Ok(Some(listed))
    }
}

/// The photos that a message names; none for one that cannot be read, which gives no rows either.
pub(super) fn photos_named(body: &str, settings: &Settings) -> Vec<PhotoRef> {
    match notification::parse(body, settings.queue.key_encoding) {
        Ok(Notification::Photos { photos, .. }) => photos,
        Ok(Notification::Nothing { .. }) | Err(_) => Vec::new(),
    }
}

//! Objects as files in a folder.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::PhotoRef;
use crate::error::Result;

/// How the store tells the queue about uploads, exactly as S3 would. Wired in `app.rs`: the store knows no queue.
#[async_trait]
pub trait Announce: Send + Sync {
    /// Queues one notification per photo. With `only_new`, versions that were announced before (by anyone, ever) are
    /// left out; that is what the watcher and the scan at start ask, so that a photo which `put` announced is not
    /// announced again. When it returns, the notifications are in the queue.
    async fn announce(&self, photos: &[PhotoRef], only_new: bool) -> Result<()>;
}

/// Uploads to this bucket are announced.
#[derive(Clone)]
pub struct Announcement {
    /// The landing bucket.
    pub bucket: String,
    /// Who is told.
    pub to: Arc<dyn Announce>,
}

//! What turns the folder's uploads into the notifications S3 would send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::PhotoRef;
use crate::domain::notification::s3_event;
use crate::domain::photo::hash_128;
use crate::error::{Class, Error, Result};
use crate::queue::sqlite::{Notice, SqliteQueue};
use crate::store::folder::Announce;
use crate::warehouse::{Value, Warehouse, passing_reasons};

/// Announces through the embedded queue, which keeps a record of what was announced.
pub(super) struct Notifier {
    queue: Arc<SqliteQueue>,
    warehouse: Arc<dyn Warehouse>,
    /// Whether it was said that the warehouse cannot be asked.
    is_told: AtomicBool,
}

impl Notifier {
    pub(super) fn new(queue: Arc<SqliteQueue>, warehouse: Arc<dyn Warehouse>) -> Notifier {
        Notifier { queue, warehouse, is_told: AtomicBool::new(false) }
    }

    /// Forgets the announcement of photos whose standing row is a rejection of the moment: from an engine that ended
    /// before it could forget them itself, or from the load.
    async fn forget_rejected_for_now(&self, ids: Vec<String>) -> Result<()> {
        let known = self.queue.announced(ids).await?;
        if known.is_empty() {
            return Ok(());
        }
        match self.rejected_for_now(known).await {
            Ok(ids) if ids.is_empty() => Ok(()),
            Ok(ids) => self.queue.forget_announced(ids).await,
            // No tables: nothing was rejected.
            Err(error) if error.class() == Class::Missing => Ok(()),
            Err(error) => {
                // New photos do not wait for a warehouse that is down.
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    let hint = "`scanmill gaps --enqueue` finds them once the warehouse answers";
                    tracing::warn!(%error, hint, "photos rejected for a passing cause are not announced again");
                }
                Ok(())
            }
        }
    }

    async fn rejected_for_now(&self, ids: Vec<String>) -> Result<Vec<String>> {
        let places: Vec<String> = (1..=ids.len()).map(|place| format!("?{place}")).collect();
        let sql = format!(
            "SELECT photo_id FROM rejections WHERE photo_id IN ({}) AND reason IN ({})",
            places.join(", "),
            passing_reasons()
        );
        let bound: Vec<Value> = ids.into_iter().map(Value::from).collect();
        let rows = self.warehouse.query(&sql, &bound).await?.rows;
        let id = |row: Vec<Value>| row.first().and_then(Value::as_str).map(str::to_owned);
        let ids: Option<Vec<String>> = rows.into_iter().map(id).collect();
        ids.ok_or_else(|| Error::bug("a photo_id that is not text"))
    }
}

#[async_trait]
impl Announce for Notifier {
    async fn announce(&self, photos: &[PhotoRef], only_new: bool) -> Result<()> {
        let now = Timestamp::now();
        let notice = |photo: &PhotoRef| Notice {
            object: hash_128(&[&photo.bucket, &photo.key]),
            version: photo.id().0,
            sequencer: photo.sequencer.clone(),
            body: s3_event(photo, photo.uploaded_at.unwrap_or(now)),
        };
        let notices: Vec<Notice> = photos.iter().map(notice).collect();
        if only_new {
            self.forget_rejected_for_now(notices.iter().map(|notice| notice.version.clone()).collect()).await?;
        }
        self.queue.send_announced(&notices, only_new).await.map(drop)
    }

    async fn forget(&self, photos: &[PhotoRef]) -> Result<()> {
        self.queue.forget_announced(photos.iter().map(|photo| photo.id().0).collect()).await
    }
}

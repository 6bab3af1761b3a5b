//! The adapters of S3, SQS and Redshift, by the settings.

use std::sync::Arc;

use super::lease_rules;
use crate::aws::Account;
use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};
use crate::error::{Error, Result};
use crate::probe::Probe;
use crate::queue::Queue;
use crate::queue::sqs::{SqsOptions, SqsQueue};
use crate::store::Store;
use crate::store::s3::{S3Probe, S3Store};
use crate::warehouse::Warehouse;
use crate::warehouse::redshift::RedshiftWarehouse;

pub(super) use crate::aws::Poster;
pub use crate::aws::is_about_credentials;

/// The way to AWS that the settings describe: one for all adapters that are opened together, so that region and
/// credentials are looked up once.
pub(super) struct Aws<'a> {
    settings: &'a Settings,
    account: Account,
}

impl Aws<'_> {
    /// Nothing is looked up before the first call.
    pub(super) fn new(settings: &Settings) -> Aws<'_> {
        Aws { settings, account: Account::new(settings.aws.clone()) }
    }

    /// The queue of photos.
    pub(super) fn queue(&self) -> Result<Arc<dyn Queue>> {
        Ok(Arc::new(self.photos()?))
    }

    /// The queue of stamps.
    ///
    /// # Errors
    /// When nobody says which.
    pub(super) fn stamp_queue(&self) -> Result<Arc<dyn Queue>> {
        let url = &self.settings.pump.stamp_queue_url;
        if url.is_empty() {
            return Err(Error::permanent("queue.kind is `sqs` and pump.stamp_queue_url is empty").with_hint(
                "make a queue for stamps, not that of the photos, and set its URL: config/aws/pipeline.yaml has one",
            ));
        }
        Ok(Arc::new(self.sqs(url)?))
    }

    /// The store of photos and batches.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.s3()))
    }

    /// The warehouse.
    pub(super) fn warehouse(&self) -> Result<Arc<dyn Warehouse>> {
        Ok(Arc::new(self.redshift()))
    }

    /// What each adapter that the settings choose can say of itself.
    pub(super) fn probes(&self) -> Result<Vec<Arc<dyn Probe>>> {
        let mut probes: Vec<Arc<dyn Probe>> = Vec::new();
        let settings = self.settings;
        let is_sqs = settings.queue.kind == QueueKind::Sqs;
        if settings.store.kind == StoreKind::S3 {
            probes.push(Arc::new(self.s3().probed(S3Probe {
                inbox: settings.store.inbox.clone(),
                results: settings.store.results.clone(),
                queue_url: is_sqs.then(|| settings.sqs.queue_url.clone()),
                prefix: settings.filter.prefix.clone(),
                suffixes: settings.filter.suffixes.clone(),
            })));
        }
        if settings.warehouse.kind == WarehouseKind::Redshift {
            let redshift = self.redshift().probed(settings.store.results.clone(), settings.load.interval);
            probes.push(Arc::new(redshift));
        }
        if is_sqs {
            probes.push(Arc::new(self.photos()?));
        }
        Ok(probes)
    }

    fn photos(&self) -> Result<SqsQueue> {
        self.sqs(&self.settings.sqs.queue_url)
    }

    fn sqs(&self, queue_url: &str) -> Result<SqsQueue> {
        let options = SqsOptions { queue_url: queue_url.to_owned(), ..self.settings.sqs.clone() };
        SqsQueue::new(self.account.clone(), options, lease_rules(self.settings))
    }

    fn s3(&self) -> S3Store {
        S3Store::new(self.account.clone(), self.settings.s3.clone())
    }

    fn redshift(&self) -> RedshiftWarehouse {
        RedshiftWarehouse::new(self.account.clone(), self.settings.redshift.clone())
    }
}

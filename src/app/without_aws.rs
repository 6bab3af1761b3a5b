//! In place of `aws.rs` in a build without the feature `aws`: whoever asks for an adapter of AWS is told what lacks.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};
use crate::error::{Error, Result};
use crate::probe::Probe;
use crate::queue::Queue;
use crate::store::Store;
use crate::warehouse::Warehouse;

/// No error is about credentials where none are looked for.
pub fn is_about_credentials(_: &Error) -> bool {
    false
}

fn lacks<T>(what: &str) -> Result<T> {
    Err(Error::permanent(format!("{what} is not part of this build"))
        .with_hint("it was built without the feature `aws`: build it with, as `cargo build --release` does"))
}

/// See `aws.rs`.
pub(super) struct Aws<'a> {
    settings: &'a Settings,
}

impl Aws<'_> {
    pub(super) fn new(settings: &Settings) -> Aws<'_> {
        Aws { settings }
    }

    pub(super) fn queue(&self) -> Result<Arc<dyn Queue>> {
        lacks("queue.kind `sqs`")
    }

    pub(super) fn stamp_queue(&self) -> Result<Arc<dyn Queue>> {
        lacks("queue.kind `sqs`")
    }

    pub(super) fn store(&self) -> Result<Arc<dyn Store>> {
        lacks("store.kind `s3`")
    }

    pub(super) fn warehouse(&self) -> Result<Arc<dyn Warehouse>> {
        lacks("warehouse.kind `redshift`")
    }

    /// An error where the settings choose what is not there, so that neither `check` nor a start passes it.
    pub(super) fn probes(&self) -> Result<Vec<Arc<dyn Probe>>> {
        let Settings { store, queue, warehouse, .. } = self.settings;
        match (store.kind, queue.kind, warehouse.kind) {
            (StoreKind::S3, ..) => lacks("store.kind `s3`"),
            (_, QueueKind::Sqs, _) => lacks("queue.kind `sqs`"),
            (.., WarehouseKind::Redshift) => lacks("warehouse.kind `redshift`"),
            _ => Ok(Vec::new()),
        }
    }
}

/// An answer that never comes.
pub(super) struct Posted {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// There is none: traces go by the SDK's HTTP client.
pub(super) enum Poster {}

impl Poster {
    pub(super) fn new(_: &str, _: Vec<(String, String)>, _: Duration) -> Result<Poster> {
        lacks("sending traces (otel.endpoint)")
    }

    pub(super) async fn post(&self, _: Vec<u8>) -> Result<Posted> {
        match *self {}
    }
}

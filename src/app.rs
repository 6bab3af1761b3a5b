//! The only place that chooses adapters and wires actors.

use std::sync::Arc;

use crate::config::Settings;
use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::store::Store;
use crate::warehouse::Warehouse;

/// The three ports, open.
#[derive(Clone)]
pub struct Ports {
    /// Where notifications wait.
    pub queue: Arc<dyn Queue>,
    /// Where photos and batches are.
    pub store: Arc<dyn Store>,
    /// Where rows end.
    pub warehouse: Arc<dyn Warehouse>,
}

/// Opens the adapters the settings ask for, making the local folder and files where they are missing.
pub fn open(settings: &Settings) -> Result<Ports> {
    let _ = settings;
    Err(Error::bug("not wired yet"))
}

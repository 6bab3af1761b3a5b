//! The control plane: one actor a `stage`, each with its data worker on the I/O runtime.
//!
//! An actor's mailbox carries small control messages only ([`messages`]); photos and rows move on bounded channels
//! between the workers. actix mailboxes bound nothing and a panicking actor is not restarted (measured), so a
//! worker's end, good or bad, is told to the [`supervisor`], which restarts the whole generation.
//!
//! Drain is the closing of channels from source to sink: told to, the poller stops and drops its sender, so the fetcher
//! ends when it is empty, and so on down to the loader.

pub mod admission;
pub mod autoscaler;
pub mod backlog;
pub mod batch_writer;
mod comers;
pub mod decoder_pool;
#[cfg(test)]
#[path = "../../tests/support/faulty_ports.rs"]
mod faulty_ports;
pub mod fetcher;
pub mod heic_lane;
pub mod holdup;
pub mod in_flight;
pub mod lease_keeper;
mod leases;
pub mod loader;
pub mod messages;
mod movement;
pub mod observed;
pub mod outage;
pub mod pipeline_context;
pub mod poller;
mod receive_limiter;
mod seal;
pub use loader::{MANIFEST_PREFIX, read_batch};
pub use seal::{BATCH_PREFIX, PHOTO_PREFIX, gzip};
mod settling;
#[cfg(test)]
mod simulation;
mod stage;
pub mod state;
pub mod supervisor;
pub mod uploads;
pub mod watchdog;
mod worker;

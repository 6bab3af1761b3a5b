//! The ports of the engine, queue, store and warehouse, and their adapters: SQLite and folders, SQS, S3 and Redshift.
//!
//! Ports never see each other, and nobody names an adapter but the one who chooses it; `tests/repository/layering.rs`
//! holds that.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "aws")]
pub mod aws;
pub mod aws_options;
pub mod probe;
pub mod queue;
mod sqlite;
pub mod store;
pub mod warehouse;

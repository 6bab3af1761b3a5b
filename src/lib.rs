//! scanmill turns a bucketful of QR code photos into rows an analyst can query minutes later.
//!
//! One process: queue → poller → fetcher → decoder pool → batch writer → sealed batch → loader → warehouse. The layers
//! and who may import whom are fixed in `tests/repository/layering.rs`.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// The tests of the engine and those in here share doubles, which name it as others do.
#[cfg(test)]
extern crate self as scanmill;

pub mod actors;
pub mod app;
pub mod cli;
pub mod config;
pub mod console;

pub use scanmill_core::{diagnostics, domain, error, quantile, section};
pub use scanmill_decode as decode;
pub use scanmill_flow as flow;
pub use scanmill_loadtest as pump;
#[cfg(feature = "aws")]
pub use scanmill_ports::aws;
pub use scanmill_ports::{aws_options, probe, queue, store, warehouse};
pub use scanmill_scale as scale;
pub use scanmill_telemetry as telemetry;

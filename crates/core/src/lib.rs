//! What every other crate of scanmill speaks: the pure rules of the domain, the one error type, and the clock of CPU time.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod closed_list;
pub mod cpu;
pub mod diagnostics;
pub mod domain;
pub mod error;
pub mod hex;
pub mod quantile;
pub mod section;

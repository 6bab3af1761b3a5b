//! The engine in process, on its embedded adapters, with faults injected at the ports.

mod faults;
mod flow;
#[cfg(feature = "heic")]
mod heic;
#[cfg(feature = "heic")]
#[path = "../../crates/decode/tests/support/heic.rs"]
mod heic_files;
mod leases;
mod limits;
mod outages;
mod restart;
mod support;

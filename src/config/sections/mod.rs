//! The engine's own sections. Those of the cloud adapters and of the load report are with them.

mod engine;
mod places;

pub use engine::{Batch, Decode, Limits, Load, Log, Memory, Metrics, Otel, Output, Retention, Run, Scale};
pub use places::{Filter, Local, Pump, Queue, Store, Warehouse};

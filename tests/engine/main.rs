//! The engine, in process and as the real binary, on its embedded adapters: what it reads, what it
//! holds back, what it survives.

#[path = "../support/faulty_ports.rs"]
mod faulty_ports;
#[cfg(feature = "heic")]
#[path = "../../crates/decode/tests/support/heic.rs"]
mod heic_files;
#[path = "../process/mod.rs"]
mod process;

mod backfill;
mod erase;
mod faults;
mod flow;
#[cfg(feature = "heic")]
mod heic;
mod hung;
mod inbox;
mod intake;
mod kill;
mod leases;
mod limits;
mod original_defects;
mod otel;
mod outages;
mod passing_causes;
mod passing_faults;
mod prune;
mod reload;
mod restart;
mod supervision;
mod support;
mod time_place;

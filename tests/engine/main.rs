//! The engine in process, on its embedded adapters, with faults planted at the ports.

mod faults;
mod flow;
mod leases;
mod limits;
mod restart;
mod support;

//! The warehouse: its schema and marts on SQLite and on the stand-in for Redshift, reports, exports and what BI tools
//! are given.

#[path = "../repository/docs/pages.rs"]
#[allow(dead_code, reason = "its other half is for tests of the pages")]
mod pages;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../warehouse_support/mod.rs"]
mod warehouse_support;

mod bi;
mod export;
mod warehouse_file;
mod warehouse_load;
mod warehouse_redshift;
mod warehouse_report;
mod warehouse_supersede;

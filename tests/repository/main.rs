//! What the repository promises beside the code: documents, dashboards, layers, dependencies.

#[path = "../process/mod.rs"]
mod process;
#[path = "../rig/mod.rs"]
mod rig;

mod dashboards;
mod docs;
mod glossary;
mod layering;
mod supply_chain;
mod type_names;

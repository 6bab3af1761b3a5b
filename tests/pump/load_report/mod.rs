//! The load report: rules and costs by table, samples with gaps and restarts, the page, and a real run.

mod costs;
mod page;
mod rules;
mod run;
mod scene;
mod watch;

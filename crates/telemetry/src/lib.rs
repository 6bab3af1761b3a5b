//! What scanmill says about itself: metrics, logs, stage times and the state of every actor.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod busy;
pub mod calls;
pub mod events;
mod handles;
pub mod history;
pub mod labels;
pub mod logging;
pub mod metric;
pub mod names;
pub mod process;
pub mod recorder;
pub mod rejected;
pub mod seldom;
pub mod stages;
pub mod state;
pub mod totals;
pub mod traces;

use std::sync::Arc;

pub use busy::{BusyTimes, Workers};
pub use history::History;
pub use stages::{Stage, StageTimes};
pub use state::StateBoard;
pub use totals::{Totals, TotalsSnapshot};
pub use traces::Tracer;

/// What outlives a generation of the pipeline: figures since the start of the process. Clones share it.
#[derive(Clone, Default)]
pub struct Telemetry {
    /// Times of every stage.
    pub stages: Arc<StageTimes>,
    /// Time each stage's workers were at work.
    pub busy: Arc<BusyTimes>,
    /// Calls under way, for the watchdog.
    pub calls: Arc<calls::Calls>,
    /// State of every actor, for `/state`.
    pub board: Arc<StateBoard>,
    /// The last quarter of an hour, for the console.
    pub history: Arc<History>,
    /// The latest rejections, for the console.
    pub rejected: Arc<rejected::Rejected>,
    /// Counts for the console and the closing report.
    pub totals: Arc<Totals>,
    /// Traces of photos.
    pub tracer: Tracer,
}

//! `scanmill report`, and what the commands that only ask the warehouse share.

use std::future::Future;

use clap::Args;
use jiff::Timestamp;

use super::progress::Progress;
use super::{Exit, GlobalArgs, out, settings};
use crate::error::Result;
use crate::warehouse::Warehouse;
use crate::warehouse::report::report;

/// Prints what the warehouse holds: rates, latencies, rungs, products, days, places
///
/// Reads only, and may run beside the engine. Latencies and decode times are per photo, over all photos or an even
/// sample of 20,000.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill report
  scanmill report --root /srv/scanmill --json | jq .throughput.photos_per_second")]
pub struct ReportArgs {
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &ReportArgs, global: &GlobalArgs) -> Result<Exit> {
    let warehouse = crate::app::existing_warehouse(&settings::load(global)?)?;
    let progress = Progress::new(global, "asking the warehouse", None);
    let text = block_on(report_text(warehouse.as_ref(), args.json))?;
    drop(progress);
    out::print_text(&text)?;
    Ok(Exit::Success)
}

/// The report as it is printed.
pub async fn report_text(warehouse: &dyn Warehouse, json: bool) -> Result<String> {
    let report = report(warehouse).await?;
    if json { out::json_line(&report) } else { Ok(report.to_text(Timestamp::now())) }
}

/// Runs a command's work on a small runtime of its own.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    crate::app::io_runtime(1)?.block_on(work)
}

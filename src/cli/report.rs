//! `scanmill report`, and what the commands that only ask the warehouse share.

use std::future::Future;
use std::io::{ErrorKind, Write};

use clap::Args;
use jiff::Timestamp;

use super::progress::Progress;
use super::{Exit, GlobalArgs, settings};
use crate::error::{Error, Result};
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
    print(&text)
}

/// The report as it is printed.
pub async fn report_text(warehouse: &dyn Warehouse, json: bool) -> Result<String> {
    let report = report(warehouse).await?;
    if json { json_line(&report) } else { Ok(report.to_text(Timestamp::now())) }
}

/// Runs a command's work on a small runtime of its own.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::transient("cannot start the async runtime").source(error))?;
    runtime.block_on(work)
}

/// One value as a line of JSON.
pub(super) fn json_line(value: &impl serde::Serialize) -> Result<String> {
    let mut line =
        serde_json::to_string(value).map_err(|error| Error::bug("cannot write the answer as JSON").source(error))?;
    line.push('\n');
    Ok(line)
}

/// Prints data on stdout. A reader that has seen enough, `head` for example, is no failure.
pub(super) fn print(text: &str) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(error) => Err(Error::transient("cannot write to stdout").source(error)),
    }
}

//! `scanmill report`, and what the commands that only ask the warehouse share.

use std::future::Future;

use clap::Args;
use jiff::Timestamp;

use super::exit::usage;
use super::moment;
use super::progress::Progress;
use super::{Exit, GlobalArgs, out, settings};
use crate::error::Result;
use crate::warehouse::Warehouse;
use crate::warehouse::report::{Between, report};

/// Prints a summary of the warehouse: rates, latencies, rungs, products, days, places
///
/// Reads only, and may run beside the engine. Latencies and decode times are per photo, over all photos or an even
/// sample of 20,000. Products, places and campaigns are the first ten, days the latest 31; `query` and `export` have all.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  scanmill report
  scanmill report --since 7d --csv > week.csv
  scanmill report --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z
  scanmill report --root /srv/scanmill --json | jq .throughput.photos_per_second")]
pub struct ReportArgs {
    /// Only photos processed since then: a day or time (UTC where it names no zone), or a time ago like 90m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub since: Option<Timestamp>,
    /// Only photos processed before then, in the same form
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub until: Option<Timestamp>,
    /// Print CSV instead of tables: section, row, field, value
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &ReportArgs, global: &GlobalArgs) -> Result<Exit> {
    let warehouse = crate::app::existing_warehouse(&settings::load(global)?)?;
    let progress = Progress::new(global, "asking the warehouse", None);
    let text = block_on(printed(warehouse.as_ref(), args))?;
    drop(progress);
    out::print_text(&text)?;
    Ok(Exit::Success)
}

/// The report as it is printed.
///
/// # Errors
/// When the warehouse does not answer, or the span ends before it begins.
pub async fn printed(warehouse: &dyn Warehouse, args: &ReportArgs) -> Result<String> {
    let report = report(warehouse, between(args.since, args.until)?).await?;
    match (args.csv, args.json) {
        (true, _) => report.to_csv(),
        (_, true) => out::json_line(&report),
        _ => Ok(report.to_text(Timestamp::now())),
    }
}

/// The span of `--since` and `--until`.
///
/// # Errors
/// One that ends before it begins.
pub(super) fn between(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<Between> {
    match since.zip(until).is_some_and(|(since, until)| since >= until) {
        true => Err(usage("--until must be later than --since")),
        false => Ok(Between { since, until }),
    }
}

/// Runs a command's work on a small runtime of its own.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    crate::app::io_runtime(1)?.block_on(work)
}

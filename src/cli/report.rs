//! `scanmill report`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Prints what the warehouse holds: rates, latencies, rungs, products, days, cities
#[derive(Debug, Args)]
pub struct ReportArgs {}

/// Runs the command.
pub fn run(args: &ReportArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

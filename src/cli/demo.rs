//! `scanmill demo`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Runs everything at once: story in, engine, warehouse, verify, report
#[derive(Debug, Args)]
pub struct DemoArgs {}

/// Runs the command.
pub fn run(args: &DemoArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

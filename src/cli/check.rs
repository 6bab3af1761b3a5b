//! `scanmill check`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Checks configuration, folders, queue and warehouse without changing anything
#[derive(Debug, Args)]
pub struct CheckArgs {}

/// Runs the command.
pub fn run(args: &CheckArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

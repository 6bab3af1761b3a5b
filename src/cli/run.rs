//! `scanmill run`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Runs the engine until it is stopped
#[derive(Debug, Args)]
pub struct RunArgs {}

/// Runs the command.
pub fn run(args: &RunArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

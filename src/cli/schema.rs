//! `scanmill schema`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Prints or creates the warehouse's tables and marts
#[derive(Debug, Args)]
pub struct SchemaArgs {}

/// Runs the command.
pub fn run(args: &SchemaArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

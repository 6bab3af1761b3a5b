//! `scanmill decode`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Reads photos and prints one JSON object a line
#[derive(Debug, Args)]
pub struct DecodeArgs {}

/// Runs the command.
pub fn run(args: &DecodeArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

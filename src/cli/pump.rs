//! `scanmill pump`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Makes photos by a story and puts them into the inbox
#[derive(Debug, Args)]
pub struct PumpArgs {}

/// Runs the command.
pub fn run(args: &PumpArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

//! `scanmill verify`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Compares the warehouse with an answer key: lost, doubled and wrong rows
#[derive(Debug, Args)]
pub struct VerifyArgs {}

/// Runs the command.
pub fn run(args: &VerifyArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

//! `scanmill rejections`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Lists photos that gave no scan, or sends them through again
#[derive(Debug, Args)]
pub struct RejectionsArgs {}

/// Runs the command.
pub fn run(args: &RejectionsArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

//! `scanmill completions`.

use clap::Args;

use super::{Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Prints a shell completion script
#[derive(Debug, Args)]
pub struct CompletionsArgs {}

/// Runs the command.
pub fn run(args: &CompletionsArgs, global: &GlobalArgs) -> Result<Exit> {
    let _ = (args, global);
    Err(Error::bug("not implemented"))
}

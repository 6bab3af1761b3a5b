//! `scanmill man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Cli, Exit, GlobalArgs};
use crate::error::{Error, Result};

/// Writes the manual: a page for the program and one for each command
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scanmill man ~/.local/share/man/man1 && man scanmill-run")]
pub struct ManArgs {
    /// An existing folder
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Runs the command.
pub fn run(args: &ManArgs, _global: &GlobalArgs) -> Result<Exit> {
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .map_err(|error| Error::io("cannot write the manual to", &args.folder, error))?;
    Ok(Exit::Success)
}

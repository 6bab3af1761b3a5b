//! `scanmill completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit, GlobalArgs, out};
use crate::error::Result;

/// Prints a shell completion script
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scanmill completions bash > ~/.local/share/bash-completion/completions/scanmill")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs the command.
pub fn run(args: &CompletionsArgs, _global: &GlobalArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scanmill", &mut script);
    out::print_line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Success)
}

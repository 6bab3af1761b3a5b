//! The `scanmill` binary: see [`scanmill::cli`].

use std::process::ExitCode;

use clap::Parser;
use scanmill::cli;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    ExitCode::from(cli::exit::settle(cli::run(&arguments)).code())
}

//! The `scanmill` binary: see [`scanmill::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = scanmill::cli::Cli::parse();
    match scanmill::cli::run(&cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            eprintln!("error: {}", error.report());
            ExitCode::from(scanmill::cli::Exit::Failure.code())
        }
    }
}

//! The command line: arguments, one file per command, exit codes.
//!
//! Data goes to stdout, everything else to stderr.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::error::Result;

pub mod check;
pub mod completions;
pub mod decode;
pub mod demo;
pub mod pump;
pub mod rejections;
pub mod report;
pub mod run;
pub mod schema;
pub mod verify;

/// How a command ended, as the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Success,
    /// 1: done, and the answer is no: `verify` found a difference, `check` found a problem.
    Differences,
    /// 2: the arguments or the configuration are wrong.
    Usage,
    /// 3: it failed; the message says on what and why.
    Failure,
    /// 130: stopped by a second Ctrl-C or SIGTERM before the drain ended. Nothing is lost.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Differences => 1,
            Exit::Usage => 2,
            Exit::Failure => 3,
            Exit::Interrupted => 130,
        }
    }
}

/// scanmill: photos of QR codes in, rows out.
#[derive(Debug, Parser)]
#[command(name = "scanmill", version)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct GlobalArgs {
    /// Configuration file (TOML); without it the built-in defaults apply
    #[arg(long, global = true, value_name = "FILE", env = "SCANMILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Sets one configuration key, like `batch.max_rows=100`; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder that holds buckets, queue and warehouse (`local.root`)
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's own Args type has the text that `--help` shows")]
pub enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Decode(decode::DecodeArgs),
    Pump(pump::PumpArgs),
    Report(report::ReportArgs),
    Verify(verify::VerifyArgs),
    Check(check::CheckArgs),
    Schema(schema::SchemaArgs),
    Rejections(rejections::RejectionsArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs one command.
pub fn run(cli: &Cli) -> Result<Exit> {
    match &cli.command {
        Command::Demo(args) => demo::run(args, &cli.global),
        Command::Run(args) => run::run(args, &cli.global),
        Command::Decode(args) => decode::run(args, &cli.global),
        Command::Pump(args) => pump::run(args, &cli.global),
        Command::Report(args) => report::run(args, &cli.global),
        Command::Verify(args) => verify::run(args, &cli.global),
        Command::Check(args) => check::run(args, &cli.global),
        Command::Schema(args) => schema::run(args, &cli.global),
        Command::Rejections(args) => rejections::run(args, &cli.global),
        Command::Completions(args) => completions::run(args, &cli.global),
    }
}

//! The command line: arguments, one file per command, exit codes.
//!
//! Data goes to stdout, everything else to stderr.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::error::Result;

pub mod arguments;
mod at_work;
pub mod backfill;
pub mod backup;
pub mod check;
pub mod completions;
pub mod decode;
pub mod demo;
pub mod distribute;
pub mod engine_file;
pub mod erase;
pub mod exit;
pub mod export;
pub mod freed_memory;
pub mod gaps;
pub mod health;
pub mod man;
mod moment;
pub mod orchestrate;
pub mod out;
mod photo_source;
pub mod progress;
pub mod prune;
pub mod pump;
pub mod query;
pub mod queue;
pub mod rejections;
pub mod reload;
mod removal;
pub mod report;
pub mod run;
pub mod schema;
pub mod service;
pub mod serving;
pub mod settings;
mod shell;
pub mod signals;
pub mod top;
pub mod unanswered;
pub mod verify;

pub use exit::Exit;

const EXAMPLE: &str = "\
Examples:
  scanmill demo                        see it all at work in about a minute
  scanmill run --root data             run the engine on the folder `data`
  cp photos/*.jpg data/inbox/          hand it photos
  scanmill report --root data          see what it read
  scanmill decode photo.jpg            read one photo, JSON on stdout";

/// Photos of QR codes in, warehouse rows out
#[derive(Debug, Parser)]
#[command(name = "scanmill", version, after_help = format!("{EXAMPLE}\n\n{}", exit::EXIT_CODES))]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command: in its help last, under a heading of their own.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
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
    /// More logs; twice for everything
    #[arg(long, short, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Warnings only, and no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's own Args type has the text that `--help` shows")]
pub enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Decode(decode::DecodeArgs),
    Pump(Box<pump::PumpArgs>),
    Orchestrate(Box<orchestrate::OrchestrateArgs>),
    Distribute(distribute::DistributeArgs),
    Report(report::ReportArgs),
    Query(query::QueryArgs),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Check(check::CheckArgs),
    Schema(schema::SchemaArgs),
    Rejections(rejections::RejectionsArgs),
    Queue(queue::QueueArgs),
    Prune(prune::PruneArgs),
    Erase(erase::EraseArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Backfill(backfill::BackfillArgs),
    Gaps(gaps::GapsArgs),
    Health(health::HealthArgs),
    Top(top::TopArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs one command.
pub fn run(cli: &Cli) -> Result<Exit> {
    settings::guess_form(&cli.global);
    // Before the limits that follow from it are chosen.
    crate::app::raise_open_files();
    match &cli.command {
        Command::Demo(args) => demo::run(args, &cli.global),
        Command::Run(args) => run::run(args, &cli.global),
        Command::Decode(args) => decode::run(args, &cli.global),
        Command::Pump(args) => pump::run(args, &cli.global),
        Command::Orchestrate(args) => orchestrate::run(args, &cli.global),
        Command::Distribute(args) => distribute::run(args, &cli.global),
        Command::Report(args) => report::run(args, &cli.global),
        Command::Query(args) => query::run(args, &cli.global),
        Command::Export(args) => export::run(args, &cli.global),
        Command::Verify(args) => verify::run(args, &cli.global),
        Command::Check(args) => check::run(args, &cli.global),
        Command::Schema(args) => schema::run(args, &cli.global),
        Command::Rejections(args) => rejections::run(args, &cli.global),
        Command::Erase(args) => erase::run(args, &cli.global),
        Command::Prune(args) => prune::run(args, &cli.global),
        Command::Backup(args) => backup::backup(args, &cli.global),
        Command::Restore(args) => backup::restore(args, &cli.global),
        Command::Queue(args) => queue::run(args, &cli.global),
        Command::Backfill(args) => backfill::run(args, &cli.global),
        Command::Gaps(args) => gaps::run(args, &cli.global),
        Command::Health(args) => health::run(args, &cli.global),
        Command::Top(args) => top::run(args, &cli.global),
        Command::Completions(args) => completions::run(args, &cli.global),
        Command::Man(args) => man::run(args, &cli.global),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn each(command: &mut clap::Command, look: &mut impl FnMut(&mut clap::Command)) {
        // What clap itself makes has no options.
        let own = command.get_subcommands_mut().filter(|below| below.get_name() != "help");
        own.for_each(|below| each(below, look));
        look(command);
    }

    #[test]
    fn options_of_every_command_are_last_under_their_heading() {
        let mut root = Cli::command();
        root.build();
        each(&mut root, &mut |command| {
            let (name, help) = (command.get_name().to_owned(), command.render_long_help().to_string());
            let (own, global) = help.split_once("Options of every command:\n").expect(&name);
            for flag in ["--config", "--set <", "--root", "--verbose", "--quiet"] {
                assert!(global.contains(flag) && !own.contains(&format!("  {flag}")), "{name}: {flag}\n{help}");
            }
            for flag in command.get_arguments().filter(|flag| !flag.is_global_set() && !flag.is_hide_set()) {
                let flag = flag.get_long().filter(|long| !["help", "version"].contains(long));
                let is_after = flag.is_some_and(|long| global.contains(&format!("      --{long}")));
                assert!(!is_after, "{name}: {flag:?}\n{help}");
            }
        });
    }

    #[test]
    fn what_stands_after_the_options_is_wrapped_by_the_terminal_alone() {
        let mut root = Cli::command();
        root.build();
        each(&mut root, &mut |command| {
            let tail = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let is_prose = |line: &&str| !line.is_empty() && !line.starts_with(' ');
            let lines: Vec<&str> = tail.lines().collect();
            let wrapped = lines.windows(2).find(|two| two.iter().all(is_prose));
            assert_eq!(wrapped, None, "{}", command.get_name());
        });
    }
}

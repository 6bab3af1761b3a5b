//! The arguments as the process got them.

use std::any::TypeId;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Command, CommandFactory, FromArgMatches};

use super::Cli;
use crate::config::home;

/// Reads the arguments of this process.
///
/// # Errors
/// What is wrong with them, or what `--help` and `--version` ask for.
pub fn read() -> Result<Cli, clap::Error> {
    read_from(std::env::args_os())
}

fn read_from(arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>) -> Result<Cli, clap::Error> {
    let mut command = expanding(Cli::command());
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Each path with `~` as the home folder: shells do that for a word of its own only, not behind `=` or in quotes.
fn expanding(command: Command) -> Command {
    let command = command.mut_args(|argument| match argument.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
        true => argument.value_parser(PathBufValueParser::new().try_map(home::expand)),
        false => argument,
    });
    command.mut_subcommands(expanding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Command;

    #[test]
    fn every_path_may_begin_at_home() {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let read = |line: &str| read_from(line.split(' ').map(str::to_owned)).unwrap();
        let cli = read("scanmill --root=~/scan --config ~/c.toml export scans --to ~/scans.csv");
        assert_eq!((cli.global.root, cli.global.config), (Some(home.join("scan")), Some(home.join("c.toml"))));
        let Command::Export(export) = cli.command else { panic!("another command") };
        assert_eq!(export.to, home.join("scans.csv"));
        let Command::Verify(verify) = read("scanmill verify --key ~/a ./~/b --root ~").command else {
            panic!("another")
        };
        assert_eq!(verify.key, [home.join("a"), "./~/b".into()]);
    }
}

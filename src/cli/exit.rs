//! How a command ended, as the process's exit code.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use super::out;
use crate::app::is_about_credentials;
use crate::cli::settings::likely_form;
use crate::config::Problems;
use crate::config::home;
use crate::error::{Class, Error, Result};
use crate::telemetry::logging::{self, LogForm};

/// How a command ended, as the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Success,
    /// 1: done, and the answer is no: `verify` found a difference, `check` a problem, `gaps` a gap, `decode`
    /// a file that cannot be opened, and `run --until-empty` nothing that the filter lets pass, or a photo that may not be read.
    Differences,
    /// 2: the arguments or the configuration are wrong, or a permission is refused: starting again does not help.
    Usage,
    /// 3: it failed; the message says on what and why.
    Failure,
    /// 130: stopped by Ctrl-C or SIGTERM before the end: the engine by the second; `backfill`, `gaps`, `verify` and a
    /// pump by the first. Nothing is lost.
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

/// What `--help` says about exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    done, and the answer is no: verify found a difference, check a problem, gaps a gap,
       decode a file that cannot be opened; the filter passed all over
  2    the arguments or the configuration are wrong, or a permission is refused
  3    failed; the message on stderr says what and why
  130  stopped by Ctrl-C before the end (a draining engine by the second); nothing is lost";

/// The marker that makes an error end the process with [`Exit::Usage`].
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Usage {}

/// An error about the arguments: the process ends with [`Exit::Usage`].
pub fn usage(message: impl Into<String>) -> Error {
    Error::permanent("wrong usage").with_source(Usage(message.into()))
}

/// Tells the outcome on stderr and picks the exit code.
pub fn settle(result: Result<Exit>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    out::fail(&error);
    // Credentials may come by themselves, as an instance's do some seconds after its start; a permission does not.
    let is_not_allowed = error.class() == Class::Refused && !is_about_credentials(&error);
    match caused_by::<Usage>(&error) || caused_by::<Problems>(&error) || is_not_allowed {
        true => Exit::Usage,
        false => Exit::Failure,
    }
}

/// Tells what is wrong with the arguments, or what `--help` and `--version` ask for.
pub fn refuse(error: &clap::Error) -> ExitCode {
    // One that is not UTF-8 may be what is wrong.
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let flags = arguments.iter().map(|argument| argument.strip_prefix("--set=").unwrap_or(argument));
    let form = likely_form(flags, config_file(&arguments).as_deref());
    if error.use_stderr() && form != LogForm::Text {
        logging::set_form(form);
        out::note(error.to_string().trim_end());
    } else {
        // As `clap::Parser::parse` does.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
}

/// The configuration file that the arguments name, as far as they can be read, or the environment.
fn config_file(arguments: &[String]) -> Option<PathBuf> {
    let named = arguments.iter().zip(arguments.iter().skip(1)).find_map(|(flag, next)| match flag.as_str() {
        "--config" => Some(next.as_str()),
        _ => flag.strip_prefix("--config="),
    });
    let last = arguments.last().and_then(|last| last.strip_prefix("--config="));
    let file = named.or(last).map(PathBuf::from).or_else(|| std::env::var_os("SCANMILL_CONFIG").map(PathBuf::from));
    home::expand(file?).ok()
}

fn caused_by<T: StdError + 'static>(error: &Error) -> bool {
    let mut cause = StdError::source(error);
    while let Some(found) = cause {
        if found.is::<T>() {
            return true;
        }
        cause = found.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_choose_the_code_by_what_caused_them() {
        assert_eq!(settle(Ok(Exit::Differences)), Exit::Differences);
        assert_eq!(settle(Err(usage("--rate must be above 0").with_context("pump"))), Exit::Usage);
        assert_eq!(settle(Err(Error::permanent("configuration").with_source(Problems(Vec::new())))), Exit::Usage);
        assert_eq!(settle(Err(Error::transient("disk"))), Exit::Failure);
        assert_eq!(settle(Err(Error::refused("AccessDenied"))), Exit::Usage);
    }
}

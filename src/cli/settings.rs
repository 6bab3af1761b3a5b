//! From arguments, environment and file to checked settings: the one entry for every command.

use std::ffi::OsString;

use clap::Args;

use super::{GlobalArgs, exit, progress};
use crate::section::{SectionValues, Value};

use crate::config::settings::{Log, LogFormat};
use crate::config::{self, FlagValue, LoadedConfig, Problem, Problems, Settings, Sources};
use crate::error::{Error, Result};
use crate::telemetry::logging;

/// `--metrics`, for the commands that run the engine or the pump.
#[derive(Clone, Debug, Default, Args)]
pub struct MetricsArgs {
    /// Address of the page and metrics (`metrics.listen`): `localhost:0` picks a free port, `off` serves nothing
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<String>,
}

/// The settings, with every mistake of file, environment and flags reported at once. Starts logging.
///
/// # Errors
/// The mistakes; the process then ends with [`super::Exit::Usage`].
pub fn load(global: &GlobalArgs) -> Result<Settings> {
    load_with(global, &MetricsArgs::default())
}

/// [`load`], for commands with [`MetricsArgs`].
///
/// # Errors
/// As [`load`].
pub fn load_with(global: &GlobalArgs, metrics: &MetricsArgs) -> Result<Settings> {
    Ok(load_whole(global, metrics)?.settings)
}

/// [`load_with`], with what the settings were made of.
///
/// # Errors
/// As [`load`].
pub fn load_whole(global: &GlobalArgs, metrics: &MetricsArgs) -> Result<LoadedConfig> {
    let LoadedConfig { settings, warnings, given } =
        read(global, metrics)?.map_err(|problems| Error::permanent("configuration").with_source(problems))?;
    logging::init(form(settings.log.format), &settings.log.filter, |line| {
        progress::around(|| {
            // A log that nobody can read any more is not a reason to stop.
            let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line);
        });
    });
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(settings.local.umask));
    warnings.iter().for_each(warn);
    Ok(LoadedConfig { settings, warnings, given })
}

/// Logs what is allowed but looks unintended.
pub fn warn(warning: &Problem) {
    tracing::warn!(key = warning.key, origin = %warning.origin, hint = warning.hint, "{}", warning.message);
}

fn form(format: LogFormat) -> logging::LogForm {
    match format {
        LogFormat::Text => logging::LogForm::Text,
        LogFormat::Json => logging::LogForm::Json,
        LogFormat::Logfmt => logging::LogForm::Logfmt,
    }
}

/// Has what goes wrong before the settings are read, or in a command that needs none, told in the form of the log.
pub(super) fn guess_form(global: &GlobalArgs) {
    logging::set_form(likely_form(global.set.iter().map(String::as_str), global.config.as_deref()));
}

/// The form of the log, as far as can be seen before arguments and settings are checked: their mistakes are told in it.
/// `flags`: what `--set` gives, of which the last wins.
pub(super) fn likely_form<'a>(
    flags: impl DoubleEndedIterator<Item = &'a str>,
    file: Option<&std::path::Path>,
) -> logging::LogForm {
    let of_variable = || named(&std::env::var("SCANMILL_LOG_FORMAT").ok()?);
    let of_file = || of_text(&std::fs::read_to_string(file?).ok()?);
    form(flags.rev().find_map(of_pair).or_else(of_variable).or_else(of_file).unwrap_or(LogFormat::Text))
}

fn named(word: &str) -> Option<LogFormat> {
    let mut log = Log::default();
    log.set("format", Value::Text(word.to_owned())).ok().map(|()| log.format)
}

/// What `log.format = "json"  # a comment` says.
fn of_pair(pair: &str) -> Option<LogFormat> {
    let (key, value) = pair.split_once('=')?;
    let value = matches!(key.trim(), "log.format" | "format").then(|| value.split('#').next())??;
    named(value.trim().trim_matches(['"', '\'']))
}

/// What a configuration file says, also one that is no TOML for a mistake elsewhere in it.
fn of_text(text: &str) -> Option<LogFormat> {
    match text.parse::<toml::Table>() {
        Ok(table) => named(table.get("log")?.get("format")?.as_str()?),
        Err(_) => text.lines().find_map(of_pair),
    }
}

/// The settings or all mistakes, and nothing started.
///
/// # Errors
/// A `--set` that is not `KEY=VALUE`.
pub fn read(global: &GlobalArgs, metrics: &MetricsArgs) -> Result<Result<LoadedConfig, Problems>> {
    Ok(config::load(&sources(global, metrics)?))
}

/// File, environment and flags.
///
/// # Errors
/// As [`read`].
pub fn sources<'a>(global: &'a GlobalArgs, metrics: &MetricsArgs) -> Result<Sources<'a>> {
    let mut flags = Vec::new();
    let mut give = |flag, key: &str, value: OsString| flags.push(FlagValue { flag, key: key.to_owned(), value });
    if global.quiet {
        give("--quiet", "log.filter", "warn".into());
    }
    match global.verbose {
        0 => {}
        1 => give("--verbose", "log.filter", "info,scanmill=debug".into()),
        _ => give("--verbose", "log.filter", "info,scanmill=trace".into()),
    }
    for pair in &global.set {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            exit::usage(format!("--set {pair}: expected KEY=VALUE")).with_hint("like --set batch.max_rows=100")
        })?;
        give("--set", key.trim(), value.trim().into());
    }
    if let Some(root) = &global.root {
        give("--root", "local.root", root.clone().into_os_string());
    }
    if let Some(address) = &metrics.metrics {
        give("--metrics", "metrics.listen", address.into());
    }
    let environment = std::env::vars_os().collect();
    Ok(Sources { file: global.config.as_deref(), environment, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_log_is_seen_however_toml_writes_it() {
        for text in [
            "[log]\nformat = \"json\"\n",
            "[log]\nformat='json' # for the collector\n",
            "log.format = \"json\"\r\n",
            "log = { filter = \"info\", format = \"json\" }\n",
            // Broken elsewhere.
            "[batch\n[log]\nformat = 'json' # for the collector\n",
        ] {
            assert_eq!(of_text(text), Some(LogFormat::Json), "{text}");
        }
        for text in ["", "[log]\n# format = \"json\"\n", "[other]\nformat = \"json\"\n", "[log]\nformat = 7\n"] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }
}

//! `scanmill check`.

use clap::Args;
use serde::Serialize;

use super::settings::{self, MetricsArgs};
use super::{Exit, GlobalArgs, out};
use crate::config::keys::grouped;
use crate::config::{LoadedConfig, reference};
use crate::diagnostics::counted;
use crate::error::Result;

mod machine;
mod place;
mod ports;

/// Checks configuration, folders, queue and warehouse without changing anything
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scanmill check --config config/local.toml --root /srv/scanmill")]
pub struct CheckArgs {
    /// One JSON object on stdout instead of lines for people
    #[arg(long)]
    pub json: bool,
    /// Prints the commented configuration file with every default, and checks nothing
    #[arg(long, conflicts_with = "json")]
    pub defaults: bool,
    /// See [`MetricsArgs`].
    #[command(flatten)]
    pub metrics: MetricsArgs,
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warn,
    Fail,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }
}

/// One check and how it went.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    message: String,
    hint: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Check {
        Check { name, status: Status::Ok, message: message.into(), hint: None }
    }
    fn warn(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Check {
        Check { name, status: Status::Warn, message: message.into(), hint: Some(hint.into()) }
    }
    fn fail(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Check {
        Check { name, status: Status::Fail, message: message.into(), hint: Some(hint.into()) }
    }
}

/// Runs the command.
pub fn run(args: &CheckArgs, global: &GlobalArgs) -> Result<Exit> {
    if args.defaults {
        out::print_line(reference::commented().trim_end())?;
        return Ok(Exit::Success);
    }
    let mut checks = Vec::new();
    match settings::read(global, &args.metrics)? {
        Err(problems) => checks.extend(
            problems.0.iter().map(|problem| Check::fail("configuration", problem.to_string(), problem.hint.clone())),
        ),
        Ok(LoadedConfig { settings, warnings, .. }) => {
            let source = match &global.config {
                Some(path) => format!("{} is right", path.display()),
                None => "no file, built-in defaults".to_owned(),
            };
            checks.push(Check::ok("configuration", source));
            checks.extend(settings.chosen.iter().map(|choice| {
                let value = grouped(choice.value);
                Check::ok("auto limit", format!("{} = {value}: {}", choice.key, choice.reason))
            }));
            checks.extend(warnings.iter().map(|w| Check::warn("configuration", w.to_string(), w.hint.clone())));
            place::check(&settings, &mut checks);
            ports::check(&settings, &mut checks);
            machine::check(&settings, &mut checks);
        }
    }
    let failed = checks.iter().any(|check| check.status == Status::Fail);
    if args.json {
        out::print_json(&serde_json::json!({ "ok": !failed, "checks": checks }))?;
    } else {
        print(&checks)?;
    }
    Ok(if failed { Exit::Differences } else { Exit::Success })
}

fn print(checks: &[Check]) -> Result<()> {
    for check in checks {
        out::print_line(&format!("{:<4}  {:<15}  {}", check.status.as_str(), check.name, check.message))?;
        if let Some(hint) = &check.hint {
            out::print_line(&format!("{:<4}  {:<15}  hint: {hint}", "", ""))?;
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (ok, warn, fail) = (count(Status::Ok), count(Status::Warn), count(Status::Fail));
    let warnings = counted(warn as u64, "warning");
    out::print_line(&format!("{ok} ok, {warnings}, {fail} failed"))
}

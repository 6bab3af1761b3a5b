//! `scanmill health`.

use clap::Args;

use super::engine_file::{self, Readiness};
use super::{Exit, GlobalArgs, out, settings};
use crate::error::Result;

/// Asks the engine on this root whether it takes work
///
/// For containers and scripts that have no other program to ask with. It goes by the engine's `/readyz`, which says no
/// in an outage too; with --live any answer will do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill health --root data    ends with 0 when the engine takes work, else with 1 and the reason on stderr
  scanmill health --live         ends with 0 when the engine answers")]
pub struct HealthArgs {
    /// Ask only whether it answers
    #[arg(long)]
    pub live: bool,
}

/// Runs the command.
pub fn run(args: &HealthArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let why = match engine_file::readiness(&settings.local.root) {
        Readiness::Ready => return Ok(Exit::Success),
        Readiness::NotReady(_) if args.live => return Ok(Exit::Success),
        Readiness::NotReady(why) => why,
        Readiness::Silent => format!("no engine answers on `{}`", settings.local.root.display()),
    };
    out::note(&why);
    Ok(Exit::Differences)
}

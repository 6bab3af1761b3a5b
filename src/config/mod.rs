//! Typed settings: raw → merged (defaults < file < environment < flags) → checked. What reaches the engine needs no
//! further validation.
//!
//! One table, [`keys::all`], drives parsing, the environment's names, the commented `config/local.toml` and the tests
//! that hold them together. Every mistake is found in one go and says where it is and what would be right.

use std::ffi::OsString;
use std::path::Path;

mod forms;
pub mod home;
pub mod keys;
mod kinds;
pub mod machine;
mod merge;
pub mod raw;
pub mod reference;
pub mod reload;
mod roots;
mod rules;
mod sections;
pub mod settings;

pub use crate::diagnostics::{Origin, Problem, Problems};
pub use settings::Settings;

/// What may set a key, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Sources<'a> {
    /// The TOML file, if one is named.
    pub file: Option<&'a Path>,
    /// The process's environment; names that do not start with `SCANMILL_` are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// Values given on the command line; a later one wins.
    pub flags: Vec<FlagValue>,
}

/// One key as a flag sets it.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagValue {
    /// The flag as people type it: `--set`, `--root`.
    pub flag: &'static str,
    /// The key, like `local.root`.
    pub key: String,
    /// Its value, not yet parsed.
    pub value: OsString,
}

/// Settings that hold, and what is allowed but worth a word.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The settings.
    pub settings: Settings,
    /// What is allowed but looks unintended.
    pub warnings: Vec<Problem>,
    /// The values they were made of, for [`reload::reload`].
    pub given: Vec<raw::Given>,
}

/// Reads all sources and checks them.
///
/// # Errors
/// Every mistake of every source, and of their combination.
pub fn load(sources: &Sources<'_>) -> Result<LoadedConfig, Problems> {
    let (given, problems) = raw::collect(sources);
    checked(given, problems)
}

/// Merges and checks what was given.
fn checked(given: Vec<raw::Given>, mut problems: Vec<Problem>) -> Result<LoadedConfig, Problems> {
    let merged = merge::merge(given.clone(), &mut problems);
    let warnings = rules::check(&merged, &mut problems);
    if problems.is_empty() {
        Ok(LoadedConfig { settings: merged.settings, warnings, given })
    } else {
        Err(Problems(problems))
    }
}

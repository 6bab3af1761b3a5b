//! What the commands that remove things have in common: without `--yes` nothing goes, and what would go is said.

use clap::Args;
use serde::Serialize;

use super::out;
use crate::error::Result;

/// Whether to remove, and how to say what.
#[derive(Debug, Args)]
pub struct RemovalArgs {
    /// Remove it
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct RemovalReport<'a, T> {
    dry_run: bool,
    #[serde(flatten)]
    removed: &'a T,
}

impl RemovalArgs {
    /// Whether things are only counted.
    pub fn is_dry(&self) -> bool {
        !self.yes
    }

    /// Prints what was removed, or would be; `words` follow that.
    pub fn print<T: Serialize>(&self, removed: &T, words: impl FnOnce(&T) -> String) -> Result<()> {
        let done = if self.is_dry() { "would be removed" } else { "removed" };
        out::print_text(&match self.json {
            true => out::json_line(&RemovalReport { dry_run: self.is_dry(), removed })?,
            false => format!("{done}: {}", words(removed)),
        })
    }

    /// Says that nothing was removed, where that is so.
    pub fn note_dry(&self) {
        if self.is_dry() {
            out::note("nothing was removed; --yes removes it");
        }
    }
}

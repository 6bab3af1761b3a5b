//! `scanmill prune`.

use clap::Args;

use super::removal::RemovalArgs;
use super::report::block_on;
use super::{Exit, GlobalArgs, exit, settings};
use crate::app::{self, Pruned};
use crate::diagnostics::counted;
use crate::error::Result;

/// Removes old data that the embedded queue and store no longer need, by the ages in `retention.*`
///
/// Batches that the warehouse has taken and the manifests of its loads, records of announcements of photos that are no
/// longer in the inbox, dead letters. Says what would go; removes it with --yes. Works beside a running engine, which
/// does the same by itself with `retention.every_hours`. What is not loaded yet is never removed, and a photo in the
/// inbox is not read again because of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill prune --root data --set retention.batch_days=30
  scanmill prune --root data --set retention.batch_days=30 --set retention.announced_days=90 --yes

Room that is freed in queue.sqlite is used again; the file does not shrink.")]
pub struct PruneArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub removal: RemovalArgs,
}

/// Runs the command.
pub fn run(args: &PruneArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    if !app::prunes_anything(&settings) {
        return Err(exit::usage("[retention] keeps everything that is embedded here for ever").with_hint(
            "set ages, like --set retention.batch_days=30; S3 and SQS keep and expire by themselves: see docs/guides/aws-operations.md",
        ));
    }
    let ports = app::open_for_command(&settings)?;
    let pruned = block_on(app::prune(&settings, &ports, args.removal.is_dry()))?;
    args.removal.print(&pruned, in_words)?;
    if !pruned.is_nothing() {
        args.removal.note_dry();
    }
    Ok(Exit::Success)
}

fn in_words(pruned: &Pruned) -> String {
    let Pruned { batches, batch_bytes, manifests, announced, dead_letters, dead_letters_kept } = pruned;
    let mut text = format!(
        "{} ({batch_bytes} bytes), {}, {} of announcements, {}\n",
        counted(*batches, "batch"),
        counted(*manifests, "manifest"),
        counted(*announced, "record"),
        counted(*dead_letters, "dead letter"),
    );
    if *dead_letters_kept > 0 {
        text.push_str(&format!(
            "kept: {} about photos without rows; `scanmill queue dead redrive` sends them back\n",
            counted(*dead_letters_kept, "old dead letter")
        ));
    }
    text
}

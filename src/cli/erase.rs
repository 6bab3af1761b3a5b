//! `scanmill erase`.

use clap::{ArgGroup, Args};

use super::removal::RemovalArgs;
use super::report::block_on;
use super::{Exit, GlobalArgs, exit, out, settings};
use crate::app::{self, Erased, Erasing};
use crate::diagnostics::counted;
use crate::error::Result;

/// Removes everything held about a photo: rows, lines in batches, its own JSON, rejection, dead letters
///
/// Says what would go; removes it with --yes. Loading the batches again, as for a new warehouse, does not bring it back.
/// Works beside a running engine and refuses, with code 3, while such a photo is queued, in work or not loaded yet. A photo that is
/// still in the inbox would be read again some day: remove it first, or give --photos.
///
/// Not in reach: copies made by `backup` or by others, logs, and what SQLite has freed in queue.sqlite until it is
/// written over.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["key", "prefix"]))]
#[command(after_help = "\
Examples:
  scanmill erase --root data --key 2026/11/29/p-17.jpg
  scanmill erase --root data --prefix users/4711/ --photos --yes --json")]
pub struct EraseArgs {
    /// The photo's key: its path below the inbox
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// All photos whose keys begin with this
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Bucket of the photos [default: the inbox]
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// Also remove the photos themselves from the inbox
    #[arg(long)]
    pub photos: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "described by its own type")]
    pub removal: RemovalArgs,
}

/// Runs the command.
pub fn run(args: &EraseArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let (key, is_prefix) = match (&args.key, &args.prefix) {
        (Some(key), _) => (key, false),
        (None, Some(prefix)) => (prefix, true),
        (None, None) => return Err(exit::usage("--key or --prefix is needed")),
    };
    if key.is_empty() {
        return Err(exit::usage("an empty key or prefix").with_hint("everything goes with the root folder itself"));
    }
    let what = Erasing {
        bucket: args.bucket.clone().unwrap_or_else(|| settings.store.inbox.clone()),
        key: key.clone(),
        is_prefix,
        with_photos: args.photos,
    };
    let is_dry = args.removal.is_dry();
    let ports = app::open_for_command(&settings)?;
    let erased = block_on(app::erase(&settings, &ports, &what, is_dry))?;
    args.removal.print(&erased, in_words)?;
    args.removal.note_dry();
    if is_nothing(&erased) {
        let bucket = &what.bucket;
        let of = if is_prefix { "no photo has a key that begins with" } else { "no photo has the key" };
        out::note(&format!("{of} `{key}`: nothing is there to remove"));
        if let Some(rest) = key.strip_prefix(bucket.as_str()).and_then(|rest| rest.strip_prefix('/')) {
            out::note(&format!("`{bucket}` is the bucket, which is no part of a key: try `{rest}`"));
        }
    }
    if is_dry && erased.photos > 0 && !args.photos {
        out::note("the photos are still in the inbox: --photos is needed, or remove them first");
    }
    if erased.is_in_log {
        out::note("warning: a program that reads the warehouse keeps the rows in its log until it ends its read");
    }
    Ok(Exit::Success)
}

fn is_nothing(erased: &Erased) -> bool {
    let Erased {
        scans,
        rejections,
        batches: _,
        batch_rows,
        photo_objects,
        dead_letters,
        announced,
        photos,
        is_in_log: _,
    } = erased;
    [scans, rejections, batch_rows, photo_objects, dead_letters, announced, photos].into_iter().all(|count| *count == 0)
}

fn in_words(erased: &Erased) -> String {
    let Erased { scans, rejections, batches, batch_rows, photo_objects, dead_letters, announced, photos, is_in_log: _ } =
        erased;
    format!(
        "{} and {} in the warehouse, {} in {}, {}, {}, {} of announcements, {} in the inbox\n",
        counted(*scans, "scan"),
        counted(*rejections, "rejection"),
        counted(*batch_rows, "row"),
        counted(*batches, "batch"),
        counted(*photo_objects, "JSON object"),
        counted(*dead_letters, "dead letter"),
        counted(*announced, "record"),
        counted(*photos, "photo"),
    )
}

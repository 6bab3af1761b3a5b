//! `scanmill backfill`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::unanswered::{SearchCounts, SearchScope, Sender, Unread, Window, search_in};
use super::{Exit, GlobalArgs, at_work, moment, out, pump};
use crate::app;
use crate::config::Settings;
use crate::diagnostics::counted;
use crate::domain::photo::hash_128;
use crate::error::{Error, Result};

/// Queues photos that are already in a bucket and have no row, such as those uploaded before its notifications were set up
///
/// Lists the bucket and sends a notification for every object that has neither row nor final rejection (a rejection
/// whose cause may have passed, like `missing_object` or `timed_out`, is not final), with the photo's own identity: if its real notification comes too, it is still read into the warehouse once. After Ctrl-C the same
/// command goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill backfill                          everything in the inbox
  scanmill backfill s3://photos/2026/11/ --rate 200
  scanmill backfill inbox/2026/ --since 2026-11-01T00:00:00Z --dry-run")]
pub struct BackfillArgs {
    /// Where: s3://BUCKET/PREFIX or BUCKET/PREFIX [default: the inbox, under filter.prefix]
    #[arg(value_name = "PLACE")]
    pub place: Option<String>,
    /// Only objects written since then: a day or time (UTC where it names no zone), or a time ago like 90m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub since: Option<Timestamp>,
    /// Only objects written until then
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub until: Option<Timestamp>,
    /// Photos per second [default: as fast as possible]
    #[arg(long, value_name = "N", value_parser = pump::rate)]
    pub rate: Option<f64>,
    /// Begin at the first key, whatever an interrupted backfill left
    #[arg(long)]
    pub restart: bool,
    /// Count, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

/// What a backfill did.
#[derive(Debug, Serialize)]
struct BackfillResult {
    #[serde(flatten)]
    place: SearchScope,
    #[serde(flatten)]
    counts: SearchCounts,
    /// Notifications sent; zero in a dry run.
    sent: u64,
    dry_run: bool,
    /// The key an earlier backfill had reached.
    resumed_after: Option<String>,
    /// False when it was interrupted.
    complete: bool,
}

/// How far an interrupted backfill came. One file for each place, in the root.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Saved {
    #[serde(flatten)]
    place: SearchScope,
    #[serde(flatten)]
    window: Window,
    /// Everything up to this key was sent or had rows.
    after: String,
}

/// Runs the command.
pub fn run(args: &BackfillArgs, global: &GlobalArgs) -> Result<Exit> {
    let stopping = "stopping: what is being sent is finished, then the position is saved";
    let outcome = search_in(args.place.as_deref(), global, stopping, async |settings, ports, place, cancel| {
        fill(args, global, settings, ports, place, cancel).await
    })?;
    out::print_text(&if args.json { out::json_line(&outcome)? } else { outcome.to_text() })?;
    Ok(if outcome.complete { Exit::Success } else { Exit::Interrupted })
}

async fn fill(
    args: &BackfillArgs,
    global: &GlobalArgs,
    settings: &Settings,
    ports: &app::Ports,
    place: SearchScope,
    cancel: &CancellationToken,
) -> Result<BackfillResult> {
    let window = Window { since: args.since, until: args.until };
    let file = Saved::file(&settings.local.root, &place);
    let after = if args.restart || args.dry_run { None } else { Saved::find(&file, &window)? };
    if let Some(after) = &after {
        out::note(&format!("continuing after `{after}`; --restart begins at the first key"));
    }
    let resumed_after = after.clone();
    let mut unread = Unread::begin(ports, settings, place.clone(), window, after).await?;
    let mut sender = Sender::new(ports.queue.as_ref(), args.rate);
    let progress = Progress::new(global, "listed", None);
    let mut complete = true;
    let note = |after: &str| Saved { place: place.clone(), window, after: after.to_owned() }.write(&file);
    'pages: loop {
        // A page that is being looked at is cheap to look at again.
        let Some(page) = cancel.run_until_cancelled(unread.next()).await.transpose()? else {
            complete = false;
            break;
        };
        let Some(photos) = page else { break };
        progress.set(unread.counts().objects);
        if !args.dry_run {
            for chunk in photos.chunks(sender.chunk()) {
                if cancel.is_cancelled() {
                    complete = false;
                    break 'pages;
                }
                sender.send(chunk).await?;
                if let Some(last) = chunk.last() {
                    note(&last.photo.key)?;
                }
                progress.say(format!("{} sent, {} had rows", sender.sent(), unread.counts().known));
            }
            if let Some(after) = unread.after() {
                note(after)?;
            }
        }
    }
    if complete && !args.dry_run {
        Saved::remove(&file)?;
    }
    drop(progress);
    let (counts, sent) = (unread.counts(), sender.sent());
    if sent > 0 {
        at_work::note_if_none(settings);
    }
    Ok(BackfillResult { place, counts, sent, dry_run: args.dry_run, resumed_after, complete })
}

impl Saved {
    fn file(root: &Path, place: &SearchScope) -> PathBuf {
        let name: String = hash_128(&[&place.bucket, &place.prefix]).chars().take(16).collect();
        root.join(format!("backfill-{name}.json"))
    }

    /// The key to go on after, if the place was being filled for at least this window.
    fn find(file: &Path, window: &Window) -> Result<Option<String>> {
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("cannot read", file, error)),
        };
        let saved: Saved = serde_json::from_slice(&text).map_err(|error| {
            Error::permanent(format!("`{}` is not the saved position of a backfill", file.display()))
                .with_hint("use --restart to begin at the first key")
                .with_source(error)
        })?;
        if !saved.window.covers(window) {
            out::note("an interrupted backfill of this place asked for other times: beginning at the first key");
            return Ok(None);
        }
        Ok(Some(saved.after))
    }

    /// Replaces the file as a whole: a crash leaves the one before.
    fn write(&self, file: &Path) -> Result<()> {
        let text =
            serde_json::to_vec(self).map_err(|error| Error::bug("a note does not serialise").with_source(error))?;
        let failed = |error| Error::io("cannot write", file, error);
        // Never through a symbolic link that somebody put there.
        let mut fresh = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(file)).map_err(failed)?;
        fresh.write_all(&text).map_err(failed)?;
        fresh.persist(file).map(drop).map_err(|error| failed(error.into()))
    }

    fn remove(file: &Path) -> Result<()> {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("cannot remove", file, error)),
            _ => Ok(()),
        }
    }
}

impl BackfillResult {
    fn to_text(&self) -> String {
        let SearchCounts {
            objects,
            too_old,
            too_young,
            passed_over,
            known,
            gone,
            unread,
            rejected_for_now,
            left_out,
            ..
        } = self.counts;
        let done = match self.dry_run {
            true => format!("{} would be queued", counted(unread, "photo")),
            false => format!("{} queued", counted(self.sent, "photo")),
        };
        let (objects, place) = (counted(objects, "object"), &self.place);
        let mut text = format!("{done}, {known} had rows; {objects} in {}/{}", place.bucket, place.prefix);
        for (count, why) in [
            (rejected_for_now, "rejected before for a cause that may have passed"),
            (too_young, "too young to compare (--until)"),
            (too_old, "older than --since"),
            (passed_over, "passed over by [filter]"),
            (left_out, "left out because they are not objects (`scanmill gaps` lists them)"),
            (gone, "deleted meanwhile"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {why}"));
            }
        }
        if !self.complete {
            text.push_str("\ninterrupted: run the same command again to continue from here");
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_found_again_for_its_place_and_window() {
        let root = tempfile::tempdir().unwrap();
        let place = SearchScope { bucket: "inbox".into(), prefix: "a/".into() };
        let file = Saved::file(root.path(), &place);
        let (all, some) =
            (Window::default(), Window { since: Some("2026-01-01T00:00:00Z".parse().unwrap()), until: None });
        assert_eq!(Saved::find(&file, &all).unwrap(), None);
        Saved { place: place.clone(), window: some, after: "a/b \"ü".into() }.write(&file).unwrap();
        assert_eq!(Saved::find(&file, &some).unwrap().as_deref(), Some("a/b \"ü"));
        assert_eq!(Saved::find(&file, &all).unwrap(), None, "more is asked for than was being done");
        assert_ne!(Saved::file(root.path(), &SearchScope { prefix: "b/".into(), ..place }), file);
        std::fs::write(&file, "{").unwrap();
        assert!(Saved::find(&file, &all).unwrap_err().report().contains("--restart"));
        Saved::remove(&file).unwrap();
        Saved::remove(&file).unwrap();
    }

    #[test]
    fn a_note_is_not_written_through_a_symbolic_link() {
        let root = tempfile::tempdir().unwrap();
        let place = SearchScope { bucket: "inbox".into(), prefix: String::new() };
        let (file, victim) = (Saved::file(root.path(), &place), root.path().join("victim"));
        std::fs::write(&victim, "mine").unwrap();
        for link in [file.clone(), file.with_extension("json.partial")] {
            std::os::unix::fs::symlink(&victim, link).unwrap();
        }
        Saved { place, window: Window::default(), after: "a".into() }.write(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
        assert_eq!(Saved::find(&file, &Window::default()).unwrap().as_deref(), Some("a"));
    }
}

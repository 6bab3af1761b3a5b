//! `scanmill rejections list` and `scanmill rejections replay`.

use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::moment;
use super::report::block_on;
use super::shell::quoted;
use super::{Exit, GlobalArgs, at_work, out, settings};
use crate::app;
use crate::config::Settings;
use crate::diagnostics::counted;
use crate::domain::notification::s3_event_with_revision;
use crate::domain::{PhotoRef, Reason};
use crate::error::Result;
use crate::queue::Queue;
use crate::warehouse::report::{rows_as, text};
use crate::warehouse::{Value, Warehouse, schema};

/// Rejections read and notifications sent at a time.
const PAGE: usize = 1_000;

/// Lists photos that gave no scan, or sends them through again
#[derive(Debug, Args)]
pub struct RejectionsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: RejectionsCommand,
}

/// What to do with rejections.
#[derive(Debug, Subcommand)]
pub enum RejectionsCommand {
    /// Lists rejected photos, the latest first
    #[command(after_help = "\
Examples:
  scanmill rejections list --reason no_code --since 2h
  scanmill rejections list --json --limit 100000 | jq -r .object_key")]
    List(ListArgs),
    /// Sends rejected photos through the engine again
    ///
    /// Each gets a new notification with a higher revision, so that what comes out replaces the rejection, be it scans or
    /// another rejection. Sending the same photo twice before it is processed does no harm.
    #[command(after_help = "\
Examples:
  scanmill rejections replay --reason timed_out --since 3d --dry-run
  scanmill rejections replay --reason no_code --key-prefix 2026/11/")]
    Replay(ReplayArgs),
}

/// How one rejected photo is sent through again, as text for a shell.
#[derive(Clone, Debug)]
pub(super) struct ReplayCommand {
    /// The options that lead to the same queue and warehouse, from whatever folder.
    places: String,
}

impl ReplayCommand {
    /// For these settings, which were read from this file.
    pub(super) fn new(settings: &Settings, config: Option<&Path>) -> ReplayCommand {
        let quoted = |path: &Path| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            quoted(&absolute.to_string_lossy())
        };
        let config = config.map_or(String::new(), |file| format!("--config={} ", quoted(file)));
        ReplayCommand { places: format!("{config}--root={}", quoted(&settings.local.root)) }
    }

    /// For this photo.
    pub(super) fn of(&self, reason: &str, key: &str) -> String {
        format!("scanmill rejections replay {} --reason={} --key-prefix={}", self.places, quoted(reason), quoted(key))
    }
}

/// Which rejections.
#[derive(Clone, Debug, Default, Args)]
pub struct Filter {
    /// Only this reason; may be repeated
    #[arg(long = "reason", value_name = "REASON", value_parser = reason_parser())]
    pub reasons: Vec<Reason>,
    /// Only photos processed since then: a day or time (UTC where it names no zone), or a time ago like 90m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub since: Option<Timestamp>,
    /// Only photos whose key begins with this
    #[arg(long, value_name = "PREFIX")]
    pub key_prefix: Option<String>,
}

/// Arguments of `rejections list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Which.
    #[command(flatten)]
    pub filter: Filter,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// Print one JSON object a line, with every detail, instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rejections replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// Which; without any filter every rejection.
    #[command(flatten)]
    pub filter: Filter,
    /// Count them and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Rejections that match.
    pub matched: u64,
    /// Notifications sent; zero in a dry run.
    pub sent: u64,
    /// Rejections that name no photo to be sent again, a message that was not a notification for example.
    pub skipped: u64,
    /// Whether it was a dry run.
    pub dry_run: bool,
}

/// Runs the command.
pub fn run(args: &RejectionsArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let warehouse = app::existing_warehouse(&settings)?;
    let warehouse = warehouse.as_ref();
    match &args.command {
        RejectionsCommand::List(args) => {
            let (text, more) = block_on(list(warehouse, args))?;
            if more {
                out::note(&format!("there are more than {}; --limit shows more", args.limit));
            }
            out::print_text(&text)?;
        }
        RejectionsCommand::Replay(args) => {
            let queue = app::open_queue(&settings)?;
            let replayed = block_on(replay(warehouse, queue.as_ref(), args))?;
            out::print_text(&if args.json { out::json_line(&replayed)? } else { replayed.to_text() })?;
            if replayed.sent > 0 {
                at_work::note_if_none(&settings);
            }
        }
    }
    Ok(Exit::Success)
}

/// The rejections that match, as printed, and whether there are more than the limit.
pub async fn list(warehouse: &dyn Warehouse, args: &ListArgs) -> Result<(String, bool)> {
    schema::require_current(warehouse).await?;
    let (condition, mut parameters) = args.filter.condition(warehouse);
    parameters.push((u64::from(args.limit) + 1).into());
    let sql = format!(
        "SELECT photo_id, bucket, object_key, version_id, etag, size_bytes, uploaded_at, processed_at, revision,
                engine_version, stage, reason, detail
         FROM rejections WHERE {condition} ORDER BY processed_at DESC, photo_id LIMIT ?{}",
        parameters.len()
    );
    let mut found = warehouse.query(&sql, &parameters).await?;
    let more = found.rows.len() > args.limit as usize;
    found.rows.truncate(args.limit as usize);
    let rejections: Vec<RejectionEntry> = rows_as(found)?;
    if args.json {
        let lines = rejections.iter().map(out::json_line).collect::<Result<String>>()?;
        return Ok((lines, more));
    }
    if rejections.is_empty() {
        return Ok(("no rejections match\n".into(), false));
    }
    let rows: Vec<Vec<String>> = rejections
        .into_iter()
        .map(|row| {
            vec![row.processed_at, row.reason, format!("{}/{}", row.bucket, out::name(&row.object_key)), row.detail]
        })
        .collect();
    Ok((text::table(&["processed at", "reason", "photo", "detail"], &rows), more))
}

#[derive(Debug, Serialize, Deserialize)]
struct RejectionEntry {
    photo_id: String,
    bucket: String,
    object_key: String,
    version_id: Option<String>,
    etag: Option<String>,
    size_bytes: Option<u64>,
    uploaded_at: Option<String>,
    processed_at: String,
    revision: i64,
    engine_version: String,
    stage: String,
    reason: String,
    detail: String,
}

/// Sends a notification for every rejection that matches, a page at a time in the order of photo ids.
pub async fn replay(warehouse: &dyn Warehouse, queue: &dyn Queue, args: &ReplayArgs) -> Result<Replayed> {
    schema::require_current(warehouse).await?;
    let (condition, parameters) = args.filter.condition(warehouse);
    let after = parameters.len() + 1;
    let sql = format!(
        "SELECT photo_id, bucket, object_key, version_id, etag, size_bytes, sequencer, uploaded_at, revision
         FROM rejections WHERE {condition} AND photo_id > ?{after} ORDER BY photo_id LIMIT {PAGE}"
    );
    let mut replayed = Replayed { dry_run: args.dry_run, ..Replayed::default() };
    let mut last_id = String::new();
    loop {
        let mut parameters = parameters.clone();
        parameters.push(last_id.into());
        let page: Vec<Rejected> = rows_as(warehouse.query(&sql, &parameters).await?)?;
        let Some(last) = page.last() else { return Ok(replayed) };
        last_id = last.photo_id.clone();
        let mut bodies = Vec::with_capacity(page.len());
        for rejected in page {
            replayed.matched += 1;
            let revision = rejected.revision + 1;
            match rejected.into_photo() {
                Some((photo, uploaded_at)) => bodies.push(s3_event_with_revision(&photo, uploaded_at, revision)),
                None => replayed.skipped += 1,
            }
        }
        if !args.dry_run && !bodies.is_empty() {
            queue.send(&bodies).await.map_err(|error| {
                error.with_context(format!("sending notifications, {} of them sent before", replayed.sent))
            })?;
            replayed.sent += bodies.len() as u64;
        }
    }
}

#[derive(Debug, Deserialize)]
struct Rejected {
    photo_id: String,
    bucket: String,
    object_key: String,
    version_id: Option<String>,
    etag: Option<String>,
    size_bytes: Option<u64>,
    sequencer: Option<String>,
    uploaded_at: Option<String>,
    revision: i64,
}

impl Rejected {
    /// The photo as its first notification named it, and when it was uploaded; or `None` when the row names no photo: a
    /// message that was not a notification leaves one whose id does not follow from bucket and key.
    fn into_photo(self) -> Option<(PhotoRef, Timestamp)> {
        let uploaded_at = self.uploaded_at.and_then(|at| at.parse().ok());
        let photo = PhotoRef {
            bucket: self.bucket,
            key: self.object_key,
            version_id: self.version_id,
            etag: self.etag,
            size_bytes: self.size_bytes,
            sequencer: self.sequencer,
            uploaded_at,
        };
        let named = !photo.bucket.is_empty() && !photo.key.is_empty() && photo.id().as_str() == self.photo_id;
        named.then(|| (photo, uploaded_at.unwrap_or_else(Timestamp::now)))
    }
}

impl Replayed {
    fn to_text(self) -> String {
        let done = match self.dry_run {
            true => format!("{} would be sent again", counted(self.matched - self.skipped, "photo")),
            false => format!("{} sent again", counted(self.sent, "photo")),
        };
        let skipped = match self.skipped {
            0 => String::new(),
            skipped => format!("; skipped {} without a photo's name", counted(skipped, "rejection")),
        };
        format!("{done}{skipped}\n")
    }
}

impl Filter {
    /// A condition over `rejections` and what is bound in it, from `?1`.
    fn condition(&self, warehouse: &dyn Warehouse) -> (String, Vec<Value>) {
        let mut parts = vec!["1 = 1".to_owned()];
        let mut bound: Vec<Value> = Vec::new();
        if !self.reasons.is_empty() {
            let places: Vec<String> = (1..=self.reasons.len()).map(|place| format!("?{place}")).collect();
            parts.push(format!("reason IN ({})", places.join(", ")));
            bound.extend(self.reasons.iter().map(|reason| Value::from(reason.as_str())));
        }
        if let Some(since) = self.since {
            bound.push(warehouse.instant(since));
            parts.push(format!("processed_at >= ?{}", bound.len()));
        }
        if let Some(prefix) = &self.key_prefix {
            // Not LIKE: SQLite's ignores case, and keys hold its wildcards.
            bound.push(prefix.as_str().into());
            let place = bound.len();
            parts.push(format!("substr(object_key, 1, length(?{place})) = ?{place}"));
        }
        (parts.join(" AND "), bound)
    }
}

fn reason_parser() -> impl TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::ALL.iter().map(|reason| reason.as_str()))
        .try_map(|text| Reason::parse(&text).ok_or_else(|| format!("unknown reason `{text}`")))
}

/// The body S3 would send, with the revision that the load goes by.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_parse() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: RejectionsArgs,
        }
        let parse = |line: &str| <Line as clap::Parser>::try_parse_from(line.split(' ')).map(|line| line.args.command);
        let Ok(RejectionsCommand::Replay(args)) =
            parse("x replay --reason no_code --reason truncated --since 2h --key-prefix a/ --dry-run")
        else {
            panic!("does not parse")
        };
        assert_eq!(args.filter.reasons, [Reason::NoCode, Reason::Truncated]);
        assert!(args.dry_run && args.filter.since.is_some());
        let refused = parse("x list --reason nonsense").unwrap_err().to_string();
        assert!(refused.contains("no_code"), "{refused}");
    }
}

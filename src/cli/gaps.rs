//! `scanmill gaps`.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::unanswered::{Gap, NotCompared, SearchCounts, SearchScope, Sender, Unread, Window, search_in};
use super::{Exit, GlobalArgs, at_work, moment, out, pump};
use crate::app;
use crate::config::Settings;
use crate::diagnostics::counted;
use crate::domain::Reason;
use crate::domain::row::utc_millis;
use crate::error::Result;

/// Compares a bucket with the warehouse: objects that have neither row nor final rejection
///
/// Notifications are not a log: one that was lost, or sent before the queue was there, leaves a photo that nobody reads.
/// A photo rejected for a cause that may have passed (`missing_object`, `retries_exhausted`, `timed_out`…) is listed with it.
/// What is left out (links, names that are not UTF-8, files that may not be read) and what `[filter]` passes over is listed
/// too. Exits with 0 when there is no gap, or when --enqueue has queued them all, and with 1 when gaps are left or files
/// cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill gaps
  scanmill gaps s3://photos/2026/11/ --since 7d --enqueue
  scanmill gaps --json | jq -r 'select(.kind == \"gap\") | .object_key'")]
pub struct GapsArgs {
    /// Where: s3://BUCKET/PREFIX or BUCKET/PREFIX [default: the inbox, under filter.prefix]
    #[arg(value_name = "PLACE")]
    pub place: Option<String>,
    /// Only objects written since then: a day or time (UTC where it names no zone), or a time ago like 90m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub since: Option<Timestamp>,
    /// Only objects written until then: younger ones may be on their way
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = moment::since)]
    pub until: Timestamp,
    /// Queue them, to be read now
    #[arg(long)]
    pub enqueue: bool,
    /// With --enqueue: photos per second [default: as fast as possible]
    #[arg(long, value_name = "N", requires = "enqueue", value_parser = pump::rate)]
    pub rate: Option<f64>,
    /// Print one JSON object a line: each gap, and a summary at the end
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct GapLine<'a> {
    kind: &'static str,
    bucket: &'a str,
    object_key: &'a str,
    version_id: Option<&'a str>,
    etag: Option<&'a str>,
    size_bytes: Option<u64>,
    modified_at: Option<String>,
    photo_id: String,
    rejected_for: Option<&'static str>,
}

#[derive(Serialize)]
struct Summary {
    kind: &'static str,
    #[serde(flatten)]
    place: SearchScope,
    #[serde(flatten)]
    counts: SearchCounts,
    /// What was not compared, by reason.
    not_compared: BTreeMap<&'static str, u64>,
    /// Gaps that --enqueue sent.
    enqueued: u64,
    /// False when it was interrupted.
    complete: bool,
}

/// Runs the command.
pub fn run(args: &GapsArgs, global: &GlobalArgs) -> Result<Exit> {
    let stopping = "stopping";
    let summary = search_in(args.place.as_deref(), global, stopping, async |settings, ports, place, cancel| {
        find(args, global, settings, ports, place, cancel).await
    })?;
    out::print_text(&if args.json { out::json_line(&summary)? } else { summary.to_text() })?;
    // What cannot be read may be a photo that has no row.
    let gaps_left = summary.counts.unread - summary.enqueued + summary.counts.unreadable;
    Ok(match (summary.complete, gaps_left) {
        (false, _) => Exit::Interrupted,
        (true, 0) => Exit::Success,
        (true, _) => Exit::Differences,
    })
}

async fn find(
    args: &GapsArgs,
    global: &GlobalArgs,
    settings: &Settings,
    ports: &app::Ports,
    place: SearchScope,
    cancel: &CancellationToken,
) -> Result<Summary> {
    let window = Window { since: args.since, until: Some(args.until) };
    let mut unread = Unread::begin(ports, settings, place.clone(), window, None).await?;
    let mut sender = Sender::new(ports.queue.as_ref(), args.rate);
    let progress = Progress::new(global, "compared", None);
    let mut complete = true;
    let mut not_compared = NotComparedLines::default();
    'pages: loop {
        let Some(page) = cancel.run_until_cancelled(unread.next()).await.transpose()? else {
            complete = false;
            break;
        };
        not_compared.print(&place.bucket, args.json, unread.take_not_compared())?;
        let Some(gaps) = page else { break };
        progress.set(unread.counts().objects);
        for chunk in gaps.chunks(sender.chunk()) {
            if cancel.is_cancelled() {
                complete = false;
                break 'pages;
            }
            let lines = chunk.iter().map(|gap| line(gap, args.json)).collect::<Result<String>>()?;
            out::print_text(&lines)?;
            if args.enqueue {
                sender.send(chunk).await?;
            }
        }
        progress.say(counted(unread.counts().unread, "gap"));
    }
    drop(progress);
    let waiting = ports.queue.depth().await.map_or(0, |depth| depth.ready + depth.in_flight);
    if unread.counts().unread > sender.sent() && waiting > 0 {
        let messages = counted(waiting, "message");
        out::note(&format!("{messages} in the queue: some of these gaps may be about to be read"));
    }
    if sender.sent() > 0 {
        at_work::note_if_none(settings);
    }
    let not_compared = not_compared.by_why;
    Ok(Summary { kind: "summary", place, counts: unread.counts(), not_compared, enqueued: sender.sent(), complete })
}

fn line(gap: &Gap, json: bool) -> Result<String> {
    let Gap { photo, rejected_for } = gap;
    let rejected_for = rejected_for.map(Reason::as_str);
    let modified_at = photo.uploaded_at.map(utc_millis);
    if !json {
        let at = modified_at.as_deref().unwrap_or("-");
        let why = rejected_for.map(|reason| format!("  ({reason})")).unwrap_or_default();
        return Ok(format!(
            "{at}  {:>10}  {}/{}{why}\n",
            photo.size_bytes.unwrap_or(0),
            photo.bucket,
            out::name(&photo.key)
        ));
    }
    out::json_line(&GapLine {
        kind: "gap",
        bucket: &photo.bucket,
        object_key: &photo.key,
        version_id: photo.version_id.as_deref(),
        etag: photo.etag.as_deref(),
        size_bytes: photo.size_bytes,
        modified_at,
        photo_id: photo.id().0,
        rejected_for,
    })
}

/// Prints what is not compared: in JSON all of it; for people all that is not an object, and of what the filter passes over
/// a few names, for that may be everything.
#[derive(Default)]
struct NotComparedLines {
    by_why: BTreeMap<&'static str, u64>,
    passed_over: u64,
}

impl NotComparedLines {
    fn print(&mut self, bucket: &str, json: bool, found: Vec<NotCompared>) -> Result<()> {
        let mut lines = String::new();
        for NotCompared { key, why, is_passed_over, detail } in found {
            *self.by_why.entry(why).or_default() += 1;
            self.passed_over += u64::from(is_passed_over);
            if json {
                let kind = if is_passed_over { "passed_over" } else { "left_out" };
                lines.push_str(&out::json_line(&SkippedLine { kind, bucket, object_key: &key, why, detail: &detail })?);
            } else if !is_passed_over {
                lines.push_str(&format!("left out: {bucket}/{}  ({why})\n", out::name(&key)));
            } else if self.passed_over <= PASSED_OVER_SHOWN {
                lines.push_str(&format!("passed over: {bucket}/{}  ({detail})\n", out::name(&key)));
            }
        }
        out::print_text(&lines)
    }
}

/// Names that [filter] passes over, of which people see this many.
const PASSED_OVER_SHOWN: u64 = 10;

#[derive(Serialize)]
struct SkippedLine<'a> {
    kind: &'static str,
    bucket: &'a str,
    object_key: &'a str,
    why: &'static str,
    detail: &'a str,
}

impl Summary {
    fn to_text(&self) -> String {
        let SearchCounts {
            objects, too_old, too_young, passed_over, known, unread, rejected_for_now, left_out, ..
        } = self.counts;
        let (objects, gaps, place) = (counted(objects, "object"), counted(unread, "gap"), &self.place);
        let mut text = format!("{objects} in {}/{}: {gaps}", place.bucket, place.prefix);
        if self.enqueued > 0 {
            text.push_str(&format!(", {} queued", self.enqueued));
        }
        if rejected_for_now > 0 {
            text.push_str(&format!(", {rejected_for_now} rejected before for a cause that may have passed"));
        }
        text.push_str(&format!("; {known} have rows"));
        for (count, why) in [
            (too_young, "too young to compare (--until)"),
            (too_old, "older than --since"),
            (passed_over, "passed over by [filter]"),
            (left_out, "left out because they are not objects"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {why}"));
            }
        }
        if !self.not_compared.is_empty() {
            let counts: Vec<String> = self.not_compared.iter().map(|(why, count)| format!("{why} {count}")).collect();
            text.push_str(&format!(" ({})", counts.join(", ")));
        }
        if !self.complete {
            text.push_str("; interrupted before the end");
        }
        text.push('\n');
        text
    }
}

//! `scanmill verify`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{Exit, GlobalArgs, out, settings, signals};
use crate::app;
use crate::config::Settings;
use crate::diagnostics::counted;
use crate::error::Result;
use crate::pump::answer_key::KeyReader;
use crate::pump::key_files::{key_files, keys_of_root};
use crate::pump::latency::{Latencies, LatencyRecorder, LatencySummary};
use crate::pump::verify::{Difference, DifferenceKind, Observer, Verdict, VerifyOptions, verify_with};
use crate::quantile::told;
use crate::warehouse::schema::require_current;

/// What is below the options.
const NOTES: &str = "\
JSON (--json), one object; the figures count rows where nothing else is said:
  photos       photos in the keys
  repeated     lines that named a photo once more (a message delivered twice)
  expected     rows the keys ask for
  rows         scan rows in the warehouse under the keys' prefixes
  rejections   rejection rows there
  lost         rows that are not there
  doubled      rows too many
  wrong        rows that are not as they should be, unexpected photos among them
  unexpected   photos that no key names
  fields       differences by column; `outcome`: scans instead of a rejection or the reverse, `photo_id`: another photo's row
  differences  the first ones: kind (lost, doubled, wrong, unexpected), bucket, key, payload, field, expected, found
  not_listed   differences beyond --max-listed
  latencies    with --latency: upload_to_durable, put_to_durable and upload_to_row in ms, and photos by second

Examples:
  scanmill pump --count 500
  scanmill run --until-empty
  scanmill verify
  scanmill verify --key keys/ --json     # several pumps with --key-file, into one warehouse";

/// Compares the warehouse with an answer key: lost, duplicated and wrong rows
///
/// Keys of any length take the same memory; a long one is sorted in a temporary folder beside it, or in TMPDIR. Exits
/// with 0 when every row is there once and right, and with 1 when any is lost, duplicated or wrong.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct VerifyArgs {
    /// Answer key that `pump` wrote, or a folder of them; may be given more than once [default: all of the root: answer-key.jsonl, answer-key-2.jsonl, …]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub key: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// List at most this many differences
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_listed: usize,
    /// Say also how long photos took from when they were due until they were durable, and until their row
    #[arg(long)]
    pub latency: bool,
}

#[derive(Serialize)]
struct VerifyResult<'o> {
    #[serde(flatten)]
    verdict: &'o Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    latencies: Option<&'o Latencies>,
}

/// Runs the command.
pub fn run(args: &VerifyArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let keys = match args.key.as_slice() {
        [] => keys_in_root(&settings)?,
        named => key_files(named)?,
    };
    // A mistyped key is found before any database is opened or made.
    keys.iter().try_for_each(|key| KeyReader::open(key).map(drop))?;
    let mut recorder = args.latency.then(LatencyRecorder::new).transpose()?;
    let verdict = app::io_runtime(settings.run.io_threads)?.block_on(async {
        let cancel = CancellationToken::new();
        signals::cancel_on_signal(&cancel, "stopping: the warehouse was not compared to the end")?;
        let warehouse = app::existing_warehouse(&settings)?;
        let work = async {
            require_current(warehouse.as_ref()).await?;
            let progress = Progress::new(global, "verified", None);
            let options = VerifyOptions { max_listed: args.max_listed, ..VerifyOptions::default() };
            let mut observers: Vec<&mut dyn Observer> = Vec::new();
            observers.extend(recorder.as_mut().map(|recorder| recorder as &mut dyn Observer));
            verify_with(&keys, warehouse.as_ref(), &options, &mut observers, |photos| progress.set(photos)).await
        };
        cancel.run_until_cancelled(work).await.transpose()
    })?;
    let Some(verdict) = verdict else { return Ok(Exit::Interrupted) };
    let latencies = recorder.map(|recorder| recorder.finish());
    if args.json {
        out::print_json(&VerifyResult { verdict: &verdict, latencies: latencies.as_ref() })?;
    } else {
        let latencies = latencies.as_ref().map(latency_text).unwrap_or_default();
        out::print_line((report(&verdict) + &latencies).trim_end())?;
    }
    Ok(if verdict.is_clean() { Exit::Success } else { Exit::Differences })
}

/// The keys of every pump into this root.
fn keys_in_root(settings: &Settings) -> Result<Vec<PathBuf>> {
    let (keys, unsealed) = keys_of_root(&settings.local.root)?;
    if keys.len() > 1 {
        let count = counted(keys.len() as u64, "answer key");
        out::note(&format!("verifying against {count} in `{}`", settings.local.root.display()));
    }
    for key in unsealed.iter().filter(|key| !keys.contains(key)) {
        let name = key.display();
        out::note(&format!("answer key `{name}` is not sealed: its pump is at work or was killed; it is left out"));
    }
    Ok(keys)
}

/// The verdict for people: one line per difference, the figures last.
pub fn report(verdict: &Verdict) -> String {
    let mut text = String::new();
    for difference in &verdict.differences {
        text.push_str(&sentence(difference));
        text.push('\n');
    }
    if verdict.not_listed > 0 {
        text.push_str(&format!("… and {} (--max-listed lists more)\n", counted(verdict.not_listed, "more difference")));
        let fields: Vec<String> = verdict.fields.iter().map(|(field, count)| format!("{field} {count}")).collect();
        if !fields.is_empty() {
            text.push_str(&format!("by column: {}\n", fields.join(", ")));
        }
    }
    text.push_str(&format!(
        "{}, {} expected: {} lost, {} duplicated, {} wrong",
        counted(verdict.photos, "photo"),
        counted(verdict.expected, "row"),
        verdict.lost,
        verdict.doubled,
        verdict.wrong
    ));
    if verdict.unexpected > 0 {
        text.push_str(&format!(" ({} of them photos that the key does not name)", verdict.unexpected));
    }
    text.push('\n');
    text
}

fn sentence(difference: &Difference) -> String {
    let Difference { kind, bucket, key, payload, field, expected, found } = difference;
    let code = payload.as_ref().map(|payload| format!(" code `{payload}`")).unwrap_or_default();
    let kind_word = match kind {
        DifferenceKind::Lost => "lost",
        DifferenceKind::Doubled => "doubled",
        DifferenceKind::Wrong => "wrong",
        DifferenceKind::Unexpected => "unexpected",
    };
    let what = match (kind, field) {
        (DifferenceKind::Unexpected, _) => format!(" no photo of this key was sent, found {found}"),
        (_, Some("photo_id")) => format!("{code} the row of another photo: photo_id {found} where {expected} belongs"),
        (DifferenceKind::Lost, _) => format!("{code} expected {expected}"),
        (_, Some(field)) => format!("{code} {field} expected {expected}, found {found}"),
        (_, None) => format!("{code} expected {expected}, found {found}"),
    };
    format!("{kind_word:<11} {bucket}/{key}:{what}")
}

/// Latencies for people, with all that is not as one would expect.
fn latency_text(latencies: &Latencies) -> String {
    let line = |name: &str, summary: &LatencySummary| {
        let LatencySummary { count, p50_ms, p90_ms, p99_ms, p999_ms, p9999_ms, max_ms, .. } = summary;
        let quantiles = [
            ("p50", 0.5, p50_ms),
            ("p90", 0.9, p90_ms),
            ("p99", 0.99, p99_ms),
            ("p99.9", 0.999, p999_ms),
            ("p99.99", 0.9999, p9999_ms),
        ];
        let mut text = format!("{name}, ms: ");
        for (quantile, share, value) in quantiles {
            if told(share, *count, *value as f64).is_some() {
                text.push_str(&format!("{quantile} {value}, "));
            }
        }
        text.push_str(&format!("max {max_ms} ({}", counted(*count, "photo")));
        if summary.negative > 0 {
            let by = summary.most_negative_ms;
            text.push_str(&format!(
                ", {} of them before their time, by up to {by} ms: clocks differ",
                summary.negative
            ));
        }
        text + ")\n"
    };
    let mut text = format!("measured from {}\n", latencies.measured_from.words());
    text.push_str(&line("until durable", &latencies.upload_to_durable));
    text.push_str(&line("from the end of its upload until durable", &latencies.put_to_durable));
    text.push_str(&line("until the row", &latencies.upload_to_row));
    for (photos, what) in [
        (latencies.photos_without_row, "photos have no row and are in no figure"),
        (latencies.photos_without_sealed_at, "photos came in adopted batches: when those became durable is not known"),
        (latencies.photos_without_ledger, "photos came in batches that the ledger does not have"),
    ] {
        if photos > 0 {
            text.push_str(&format!("{photos} {what}\n"));
        }
    }
    text
}

//! `scanmill verify`.

use std::path::PathBuf;

use clap::Args;

use super::progress::Progress;
use super::{Exit, GlobalArgs, out, pump, settings};
use crate::error::Result;
use crate::pump::verify::{Difference, Kind, Verdict, verify};
use crate::warehouse::schema::require_current;
use crate::{app, pump::answer_key::KeyReader};

/// Compares the warehouse with an answer key: lost, doubled and wrong rows
///
/// Exits with 0 when every row is there once and right, and with 1 when any is lost, doubled or wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scanmill pump --count 500\n  scanmill run --until-empty\n  scanmill verify")]
pub struct VerifyArgs {
    /// Answer key that `pump` wrote [default: answer-key.jsonl in the root]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print one JSON object: expected, lost, doubled, wrong and the differences
    #[arg(long)]
    pub json: bool,
    /// List at most this many differences
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_listed: usize,
}

/// Runs the command.
pub fn run(args: &VerifyArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let key = args.key.clone().unwrap_or_else(|| settings.local.root.join(pump::KEY_FILE));
    // A mistyped key is found before any database is opened or made.
    KeyReader::open(&key)?;
    let verdict = app::io_runtime(settings.run.io_threads)?.block_on(async {
        let warehouse = app::existing_warehouse(&settings)?;
        require_current(warehouse.as_ref()).await?;
        let progress = Progress::new(global, "verified", None);
        verify(&key, warehouse.as_ref(), args.max_listed, |photos| progress.set(photos)).await
    })?;
    if args.json {
        out::print_json(&verdict)?;
    } else {
        out::print_line(report(&verdict).trim_end())?;
    }
    Ok(if verdict.is_clean() { Exit::Success } else { Exit::Differences })
}

/// The verdict for people: one line per difference, the figures last.
pub fn report(verdict: &Verdict) -> String {
    let mut text = String::new();
    for difference in &verdict.differences {
        text.push_str(&sentence(difference));
        text.push('\n');
    }
    if verdict.not_listed > 0 {
        text.push_str(&format!("… and {} more differences (--max-listed lists more)\n", verdict.not_listed));
    }
    text.push_str(&format!(
        "{} photos, {} rows expected: {} lost, {} doubled, {} wrong",
        verdict.photos, verdict.expected, verdict.lost, verdict.doubled, verdict.wrong
    ));
    if verdict.unexpected > 0 {
        text.push_str(&format!(" ({} of them photos that the key does not name)", verdict.unexpected));
    }
    text.push('\n');
    text
}

fn sentence(difference: &Difference) -> String {
    let Difference { bucket, key, payload, field, expected, found, .. } = difference;
    let code = payload.as_ref().map(|payload| format!(" code `{payload}`")).unwrap_or_default();
    let field = field.map(|field| format!(" {field}")).unwrap_or_default();
    let place = format!("{bucket}/{key}:{code}{field}");
    match difference.kind {
        Kind::Lost => format!("lost        {place} expected {expected}"),
        Kind::Doubled => format!("doubled     {place} expected {expected}, found {found}"),
        Kind::Wrong => format!("wrong       {place} expected {expected}, found {found}"),
        Kind::Unexpected => format!("unexpected  {place} no photo of this key was sent"),
    }
}

//! `scanmill pump story`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::{Exit, GlobalArgs, out};
use crate::error::{Error, Result};
use crate::pump::story::original::parse_orchestrator;
use crate::pump::story::summary::{Summary, summary};
use crate::pump::story::{Span, Story, StoryOptions, StorySource};

/// Prints a story's totals without making a photo: photos by month, product, place, hour, look, fault…
///
/// Beside each count is what the story's weights let expect, and how far the two are apart in standard deviations.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  scanmill pump story --story retail-year --count 40000\n  scanmill pump story --story story-specification.json --spec orchestrator-specification.json"
)]
pub struct StoryArgs {
    /// The story: story, product-launch, retail-year, counterfeit-outbreak, or a file (.toml, or the original's .json)
    #[arg(long, value_name = "NAME|FILE", default_value = "story")]
    pub story: String,
    /// Photos [default: 2000]; with --spec, stamps in place of its count
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Offers the stamps of this orchestrator's file (`start_date`, `end_date`, `count`), for the story to accept or not
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// Another seed, another story
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// The JSON object.
#[derive(Debug, Serialize)]
struct StoryFigures {
    story: String,
    seed: u64,
    span: Span,
    /// Photos per second of the story's own time.
    mean_per_second: f64,
    peak_per_second: f64,
    #[serde(flatten)]
    summary: Summary,
}

/// Runs the command.
///
/// # Errors
/// A story or an orchestrator's file that cannot be read.
pub fn run(args: &StoryArgs, _global: &GlobalArgs) -> Result<Exit> {
    let source = StorySource::find(&args.story)?;
    let order = args
        .spec
        .as_ref()
        .map(|path| {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::io("cannot read the orchestrator's specification", path, error))?;
            parse_orchestrator(&text)
        })
        .transpose()?;
    let count = args.count.or(order.map(|order| order.count)).unwrap_or(StoryOptions::default().count);
    let options = StoryOptions { seed: args.seed, count, ..StoryOptions::default() };
    let story = Story::new(&source, options, String::new())?;
    let span = order.map_or(story.span(), |order| Span { from: order.from, to: order.to });
    let summary = if order.is_some() {
        story.covers(span)?;
        summary(&story, (0..count).map(|index| story.candidate(index, count, span)))
    } else {
        summary(&story, (0..count).map(|index| story.stamp(index)))
    };
    let (mean, peak) = (story.mean_per_second(), story.peak_rate());
    if args.json {
        let story = source.name;
        let outcome =
            StoryFigures { story, seed: args.seed, span, mean_per_second: mean, peak_per_second: peak, summary };
        out::print_json(&outcome)?;
    } else {
        let (from, to) = (span.from, span.to);
        let head =
            format!("story `{}`, seed {}, {from} to {to}: {mean:.4}/s, at most {peak:.4}/s", source.name, args.seed);
        out::print_text(&format!("{head}\n{}", summary.to_text()))?;
    }
    Ok(Exit::Success)
}

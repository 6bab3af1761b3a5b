//! The options that choose a story and how it is told: the same for `pump` and `orchestrate`.

use clap::Args;

use super::arrival::ArrivalArgs;
use crate::config::Settings;
use crate::error::Result;
use crate::pump::run_plan::{RunPlan, prefix};
use crate::pump::scene::PhotoSize;
use crate::pump::stamps::Stamps;
use crate::pump::story::{Story, StoryOptions, StorySource};

/// Which story, and how it is told.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which photos")]
pub struct StoryArgs {
    /// Story: the name of one built in, or a file (TOML, or JSON in the original's rule language)
    #[arg(long = "story", value_name = "NAME|FILE")]
    pub source: Option<String>,
    /// Random seed: the same seed gives the same photos
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Size of the photos
    #[arg(long, value_enum, default_value_t = PhotoSize::Mixed)]
    pub size: PhotoSize,
    /// Inject faults (the default)
    #[arg(long, overrides_with = "no_faults")]
    pub faults: bool,
    /// Inject no faults
    #[arg(long)]
    pub no_faults: bool,
    /// Pictures per printed address [default: one for each thousand photos, 1 to 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pictures: Option<u32>,
}

impl StoryArgs {
    /// The plan that these and the arrival's options come to, into the settings' inbox.
    ///
    /// # Errors
    /// A story that cannot be read or told; options that do not go together.
    pub fn plan(&self, arrival: &ArrivalArgs, settings: &Settings) -> Result<RunPlan> {
        let source = self.source.as_deref().map_or_else(|| Ok(StorySource::default()), StorySource::find)?;
        let told = |count: u64| StoryOptions {
            seed: self.seed,
            count,
            size: self.size,
            faults: !self.no_faults,
            // Drawing is nearly all that making costs: a small story draws fewer, so that making stays cheaper than
            // reading.
            scene_variants: self.pictures.unwrap_or((count / 1_000).clamp(1, 3) as u32),
        };
        let first = Story::new(&source, told(1), String::new())?;
        let asked = arrival.resolve(first.span())?;
        if let Stamps::Candidates { span, .. } | Stamps::Rhythm { span } = asked.stamps {
            first.covers(span)?;
        }
        let story = told(asked.count());
        // What the engine filters away would never become a row.
        let prefix = format!("{}{}", settings.filter.prefix, prefix(&source, &story, &asked.stamps));
        let plan = RunPlan::new(source, story, settings.store.inbox.clone());
        Ok(RunPlan { prefix, stamps: asked.stamps, arrival: asked.arrival, ..plan })
    }
}

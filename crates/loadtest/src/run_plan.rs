//! The plan of a run: all that decides its photos, as one object that travels with the stamps. Whoever has it and a
//! stamp makes the same photo, byte for byte.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arrival::Arrival;
use super::stamps::{Stamps, story_seconds};
use super::story::{Story, StoryOptions, StorySource};
use scanmill_core::domain::photo::hash_128;
use scanmill_core::error::{Class, Error, Result};
use scanmill_ports::store::{Put, PutMode, Store};

/// Version of the object.
const VERSION: u32 = 1;
/// A story is a few pages of text; a larger object is something else.
const MAX_BYTES: u64 = 8 << 20;

/// All that decides the photos of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Version of the object.
    pub version: u32,
    /// The run's name; `None` when one process does everything.
    pub run: Option<String>,
    /// Where the story comes from.
    pub source: StorySource,
    /// How it is told.
    pub story: StoryOptions,
    /// Bucket the photos go to.
    pub bucket: String,
    /// What their keys begin with; no other photo's key may begin so.
    pub prefix: String,
    /// Which stamps there are.
    pub stamps: Stamps,
    /// When they are due.
    pub arrival: Arrival,
    /// Due times count from here. The clocks of all machines of a run should agree.
    pub starts_at: Timestamp,
}

impl RunPlan {
    /// The plan of one process's run: all photos of the story, as soon as possible.
    pub fn new(source: StorySource, story: StoryOptions, bucket: impl Into<String>) -> Self {
        let stamps = Stamps::Photos { count: story.count };
        Self {
            version: VERSION,
            run: None,
            prefix: prefix(&source, &story, &stamps),
            source,
            story,
            bucket: bucket.into(),
            stamps,
            arrival: Arrival::Unpaced,
            starts_at: Timestamp::now(),
        }
    }

    /// The same with other stamps, under a prefix of their own.
    #[cfg(test)]
    pub(super) fn with_stamps(mut self, stamps: Stamps) -> Self {
        self.prefix = prefix(&self.source, &self.story, &stamps);
        self.stamps = stamps;
        self
    }

    /// Works out the story.
    ///
    /// # Errors
    /// A source that is not a story.
    pub fn tell(&self) -> Result<Story> {
        Story::new(&self.source, self.story, self.prefix.clone())
    }

    /// How long its schedule lasts; `None` without one.
    pub fn window(&self, story: &Story) -> Option<Duration> {
        match (&self.arrival, self.stamps) {
            (Arrival::Unpaced, _) => None,
            (Arrival::Paced(schedule), stamps) => Some(schedule.due(stamps.count().unwrap_or(0))),
            (Arrival::Replay { speed_up }, stamps) => {
                let span = match stamps {
                    Stamps::Photos { .. } => story.span(),
                    Stamps::Candidates { span, .. } | Stamps::Rhythm { span } => span,
                };
                Duration::try_from_secs_f64(story_seconds(span.from, span.to) / speed_up).ok()
            }
        }
    }

    /// Writes the plan into `bucket` and returns its key there.
    ///
    /// # Errors
    /// A put that failed; a run of this name that is there already.
    pub async fn write(&self, store: &dyn Store, bucket: &str) -> Result<String> {
        let run = self.run.as_deref().ok_or_else(|| Error::bug("a plan without a run's name cannot travel"))?;
        let key = format!("pump/{run}/plan.json");
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| Error::bug("no JSON for the plan").with_source(error))?;
        let text = Bytes::from(text);
        match store.put(bucket, &key, text.clone(), PutMode::CreateOnce).await? {
            Put::Written { .. } => Ok(key),
            // Our own, of a first try whose answer was lost.
            Put::AlreadyThere if store.get(bucket, &key, None, MAX_BYTES).await?.bytes == text => Ok(key),
            Put::AlreadyThere => Err(Error::permanent(format!("there is a plan `{bucket}/{key}` already"))
                .with_hint("another run has this name: start again and get a new one")),
        }
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// One that is not there, of another version, or damaged.
    pub async fn read(store: &dyn Store, bucket: &str, key: &str) -> Result<Self> {
        let object = store.get(bucket, key, None, MAX_BYTES).await.map_err(|error| match error.class() {
            Class::Missing => error.with_context("a stamp names a plan that is not there").with_hint(
                "this worker must have the store that `orchestrate` wrote the plan to: compare store.results, and \
                 --root or s3.endpoint",
            ),
            _ => error.with_context("reading the plan of a run"),
        })?;
        Self::parse(&object.bytes).map_err(|error| error.with_context(format!("plan `{bucket}/{key}`")))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |error: serde_json::Error| {
            Error::permanent("it is damaged")
                .with_source(error)
                .with_hint("its stamps are of no use any more: run `scanmill orchestrate` again")
        };
        let value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => {
                Err(Error::permanent(format!("it has version {version}, this binary reads {VERSION}"))
                    .with_hint("let the same scanmill distribute that ran `orchestrate`"))
            }
            _ => serde_json::from_value(value).map_err(damaged),
        }
    }
}

/// What the keys of a run's photos begin with. Runs whose photos differ in anything never share it, so that one photo
/// never overwrites another; when they are due changes no photo.
pub fn prefix(source: &StorySource, story: &StoryOptions, stamps: &Stamps) -> String {
    let name: String = source
        .name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .take(24)
        .collect();
    let StoryOptions { seed, count, size, faults, scene_variants } = story;
    let size = size.as_str();
    let clean = if *faults { "" } else { "-clean" };
    let which = match stamps {
        Stamps::Photos { .. } => String::new(),
        Stamps::Candidates { span, .. } => format!("-c{}", short_hash(&[&span.from.to_string(), &span.to.to_string()])),
        Stamps::Rhythm { span } => format!("-r{}", short_hash(&[&span.from.to_string(), &span.to.to_string()])),
    };
    format!("{name}-{}-{seed}-{count}-{size}{clean}-v{scene_variants}{which}/", source.tag())
}

fn short_hash(parts: &[&str]) -> String {
    hash_128(parts).chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::PhotoSize;
    use crate::story::Span;

    fn plan() -> RunPlan {
        RunPlan::new(StorySource::default(), StoryOptions::default(), "inbox")
    }

    #[test]
    fn a_plan_reads_back_as_it_was_and_another_version_is_refused() {
        let plan = RunPlan { run: Some("r".into()), arrival: Arrival::Replay { speed_up: 1440.0 }, ..plan() };
        let text = serde_json::to_vec(&plan).unwrap();
        assert_eq!(RunPlan::parse(&text).unwrap(), plan);
        let newer = String::from_utf8(text).unwrap().replace("\"version\":1", "\"version\":2");
        let error = RunPlan::parse(newer.as_bytes()).unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.to_string().contains("version 2, this binary reads 1"), "{error}");
        for damaged in ["", "{}", "[1]", "{\"version\":1}"] {
            let error = RunPlan::parse(damaged.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("damaged"), "{damaged}: {error}");
        }
    }

    #[test]
    fn runs_that_differ_in_anything_share_no_prefix() {
        let base = plan();
        let other = |change: fn(&mut StoryOptions)| {
            let mut story = StoryOptions::default();
            change(&mut story);
            RunPlan::new(StorySource::default(), story, "inbox").prefix
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let span = Span { from: at("2026-03-02T00:00:00Z"), to: at("2026-03-09T00:00:00Z") };
        let later = Span { to: at("2026-03-10T00:00:00Z"), ..span };
        let text = StorySource { text: "x".into(), ..StorySource::default() };
        let mut prefixes = vec![
            base.prefix.clone(),
            other(|story| story.seed = 2),
            other(|story| story.count = 7),
            other(|story| story.size = PhotoSize::Small),
            other(|story| story.faults = false),
            other(|story| story.scene_variants = 1),
            RunPlan::new(text, StoryOptions::default(), "inbox").prefix,
            plan().with_stamps(Stamps::Candidates { count: 2_000, span }).prefix,
            plan().with_stamps(Stamps::Candidates { count: 2_000, span: later }).prefix,
            plan().with_stamps(Stamps::Rhythm { span }).prefix,
        ];
        let all = prefixes.len();
        // None is the beginning of another either.
        assert!(prefixes.iter().all(|prefix| prefix.matches('/').count() == 1 && prefix.ends_with('/')));
        prefixes.sort();
        prefixes.dedup();
        assert_eq!(prefixes.len(), all);
        let faster = RunPlan { arrival: Arrival::steady(5.0), ..plan() };
        assert_eq!(faster.prefix, base.prefix, "when they are due changes no photo");
    }
}

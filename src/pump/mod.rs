//! The pump: photos by a story, into the inbox, with the rows they must lead to.
//!
//! Story → orchestrator (which photo, when it is due) → makers (threads) → distributor (puts, answer key). [`verify`]
//! compares the key with the warehouse afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::store::Store;

pub mod answer_key;
pub mod bomb;
pub mod cities;
mod compare;
pub mod distribute;
pub mod exif;
pub mod orchestrate;
pub mod photo;
pub mod preview;
pub mod scene;
mod splice;
pub mod story;
pub mod verify;
pub mod wait;

use answer_key::{Expectation, ExpectedPhoto, KeyWriter};
use distribute::Workshop;
use orchestrate::{Orchestrator, Pace};
use photo::PhotoMaker;
use story::{Story, StoryOptions, StorySource};

/// What to pump.
#[derive(Clone, Debug, PartialEq)]
pub struct PumpPlan {
    /// Where the story comes from.
    pub source: StorySource,
    /// Which story of that source.
    pub story: StoryOptions,
    /// Bucket the photos go to.
    pub bucket: String,
    /// What their keys begin with; no other photo's key may begin so. [`StoryOptions::default_prefix`] is right.
    pub prefix: String,
    /// Photos per second, open loop; `None` is as fast as possible.
    pub per_second: Option<f64>,
    /// Threads that make photos, at least 1.
    pub threads: usize,
    /// Where the answer key goes.
    pub key_file: PathBuf,
    /// Bytes of encoded pictures to keep.
    pub scene_cache_bytes: usize,
}

impl PumpPlan {
    /// A plan for this story with one maker thread, no rate and a cache that holds every picture but the largest.
    pub fn new(story: StoryOptions, bucket: impl Into<String>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            prefix: story.default_prefix(),
            source: StorySource::default(),
            story,
            bucket: bucket.into(),
            per_second: None,
            threads: 1,
            key_file: key_file.into(),
            scene_cache_bytes: 96 << 20,
        }
    }
}

/// What was pumped.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PumpReport {
    /// Photos put (or only made).
    pub photos: u64,
    /// Whether those are all photos of the story.
    pub complete: bool,
    /// Scan rows they must lead to.
    pub expected_scans: u64,
    /// Rejection rows they must lead to.
    pub expected_rejections: u64,
    /// Photos by what was planted in them.
    pub faults: BTreeMap<&'static str, u64>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// CPU time of the maker threads in seconds, drawing included.
    pub make_cpu_seconds: f64,
    /// The part of it that drew and encoded pictures, each once.
    pub draw_cpu_seconds: f64,
    /// Pictures drawn.
    pub pictures_drawn: u64,
    /// Photos per second asked for.
    pub per_second_asked: Option<f64>,
    /// Photos per second put.
    pub per_second: f64,
}

impl PumpReport {
    /// CPU milliseconds to make one photo, drawing included.
    pub fn make_cpu_ms_per_photo(&self) -> f64 {
        self.make_cpu_seconds * 1_000.0 / self.photos.max(1) as f64
    }

    fn count(&mut self, expected: &ExpectedPhoto, bytes: usize) {
        self.photos += 1;
        self.bytes += bytes as u64;
        match expected.expect {
            Expectation::Scans { .. } => self.expected_scans += expected.expect.rows(),
            Expectation::Rejected(_) => self.expected_rejections += expected.expect.rows(),
        }
        if let Some(fault) = expected.fault {
            *self.faults.entry(fault.as_str()).or_default() += 1;
        }
    }

    fn finish(&mut self, plan: &PumpPlan, workshop: &Workshop, began: Instant, make_cpu: Duration) {
        self.complete = self.photos == plan.story.count;
        self.seconds = began.elapsed().as_secs_f64();
        self.make_cpu_seconds = make_cpu.as_secs_f64();
        self.draw_cpu_seconds = workshop.maker.draw_cpu().as_secs_f64();
        self.pictures_drawn = workshop.maker.drawn();
        self.per_second_asked = plan.per_second;
        self.per_second = self.photos as f64 / self.seconds.max(1e-9);
    }
}

/// Puts a story's photos into the store, which notifies, and writes the answer key. `progress` is called with the
/// photos put so far. A cancel ends it early: the key is then sealed for what was put, and the report is not complete.
///
/// # Errors
/// A put that failed for good, or a key file that cannot be written. The key is sealed then too, where it can be.
pub async fn run(
    plan: &PumpPlan,
    (store, queue): (Arc<dyn Store>, Arc<dyn Queue>),
    progress: impl Fn(u64),
    cancel: CancellationToken,
) -> Result<PumpReport> {
    let began = Instant::now();
    let workshop = Arc::new(workshop(plan)?);
    let header = answer_key::header(&plan.source.name, &plan.story, &plan.bucket, &plan.prefix);
    let mut key = KeyWriter::create(&plan.key_file, header)?;
    let stop = cancel.child_token();
    let threads = plan.threads.max(1);
    let (sender, made) = mpsc::channel(threads * 2);
    let makers = (0..threads).map(|_| workshop.start(&stop, sender.clone())).collect::<Result<Vec<_>>>();
    drop(sender);
    let makers = makers.inspect_err(|_| stop.cancel())?;
    let mut report = PumpReport::default();
    let pace = Pace::new(plan.per_second);
    let distributed = distribute::distribute(made, &*store, &*queue, pace, &mut key, &stop, |expected, bytes| {
        report.count(expected, bytes);
        progress(report.photos);
    })
    .await;
    // The receiver is gone, so every maker ends with the photo it is at.
    let mut make_cpu = Duration::ZERO;
    let mut making = Ok(());
    for maker in makers {
        match maker.join() {
            Ok(Ok(cpu)) => make_cpu += cpu,
            Ok(Err(error)) => making = Err(error),
            Err(_) => making = Err(Error::bug("a maker thread panicked")),
        }
    }
    report.finish(plan, &workshop, began, make_cpu);
    let sealed = key.seal(report.complete);
    distributed.and(making).and(sealed)?;
    Ok(report)
}

/// Makes a story's photos and throws them away: what making costs.
///
/// # Errors
/// A photo that cannot be made (a bug).
pub fn make_only(plan: &PumpPlan, progress: impl Fn(u64) + Sync, cancel: &CancellationToken) -> Result<PumpReport> {
    let began = Instant::now();
    let workshop = workshop(plan)?;
    let report = std::sync::Mutex::new(PumpReport::default());
    let cpu = std::thread::scope(|scope| {
        let work = || {
            workshop.work(cancel, |photo| {
                let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                report.count(&photo.expected, photo.bytes.len());
                progress(report.photos);
                true
            })
        };
        let makers: Vec<_> = (0..plan.threads.max(1)).map(|_| scope.spawn(work)).collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap_or_else(|_| Err(Error::bug("a maker thread panicked"))))
            .sum::<Result<Duration>>()
    })?;
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.finish(plan, &workshop, began, cpu);
    Ok(report)
}

fn workshop(plan: &PumpPlan) -> Result<Workshop> {
    Ok(Workshop {
        story: Story::new(&plan.source, plan.story, plan.prefix.clone())?,
        orchestrator: Orchestrator::new(plan.story.count),
        maker: PhotoMaker::new(plan.scene_cache_bytes),
        bucket: plan.bucket.clone(),
    })
}

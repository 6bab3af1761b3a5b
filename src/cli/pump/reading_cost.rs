//! What the engine's reader costs on the photos that a pump makes: making must stay below it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::actors::pipeline_context::decode_limits;
use crate::config::Settings;
use crate::decode::decode;
use crate::diagnostics::counted;
use crate::error::Result;
use crate::pump::PumpPlan;
use crate::pump::photo::PhotoMaker;
use crate::telemetry::process::thread_cpu;

/// Photos that are read, from all over the story.
const SAMPLE: u64 = 200;
/// Reading ends after this long, however few were read.
const LONGEST: Duration = Duration::from_secs(20);

/// CPU time of reading a sample of a story's photos.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReadingCost {
    /// Photos read.
    pub photos: u64,
    /// CPU milliseconds a photo.
    pub cpu_ms_per_photo: f64,
    /// The same by format and size, like `jpeg 640x480`.
    pub by_kind: BTreeMap<String, KindCost>,
}

/// CPU time of reading photos of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KindCost {
    /// Photos read.
    pub photos: u64,
    /// CPU milliseconds a photo.
    pub cpu_ms_per_photo: f64,
}

/// Makes photos from all over the story again and reads each with the engine's decoder and its limits, on this thread.
///
/// # Errors
/// A source that is not a story, or a photo that cannot be made (a bug).
pub fn cost(plan: &PumpPlan, settings: &Settings, cancel: &CancellationToken) -> Result<ReadingCost> {
    let story = plan.run.tell()?;
    let maker = PhotoMaker::new(plan.scene_cache_bytes);
    let limits = decode_limits(settings);
    let began = Instant::now();
    let mut kinds: BTreeMap<String, (u64, Duration)> = BTreeMap::new();
    let sample = SAMPLE.min(plan.run.story.count);
    for nth in 0..sample {
        if cancel.is_cancelled() || began.elapsed() > LONGEST {
            break;
        }
        // Not the first ones: a story begins slowly, with few products.
        let index = (u128::from(nth) * u128::from(plan.run.story.count) / u128::from(sample)) as u64;
        let photo = story.photo(story.stamp(index));
        let bytes = maker.make(&photo)?;
        let before = thread_cpu();
        let reading = decode(&bytes, &limits);
        let cpu = thread_cpu().saturating_sub(before);
        let size = match (reading.width, reading.height) {
            (Some(width), Some(height)) => format!(" {}x{}", width.max(height), width.min(height)),
            _ => String::new(),
        };
        let format = reading.format.map_or("refused", |format| format.as_str());
        let (photos, sum) = kinds.entry(format!("{format}{size}")).or_default();
        *photos += 1;
        *sum += cpu;
    }
    let mean = |photos: u64, sum: Duration| sum.as_secs_f64() * 1_000.0 / photos.max(1) as f64;
    let photos = kinds.values().map(|(photos, _)| photos).sum();
    let sum = kinds.values().map(|(_, sum)| sum).sum();
    let by_kind = kinds
        .into_iter()
        .map(|(kind, (photos, sum))| (kind, KindCost { photos, cpu_ms_per_photo: mean(photos, sum) }))
        .collect();
    Ok(ReadingCost { photos, cpu_ms_per_photo: mean(photos, sum), by_kind })
}

impl ReadingCost {
    /// One line that compares it with making, and one for each kind.
    pub fn summary(&self, make_cpu_ms_per_photo: f64) -> String {
        let ratio = make_cpu_ms_per_photo / self.cpu_ms_per_photo.max(1e-9);
        let mut text = format!(
            "making {make_cpu_ms_per_photo:.2} ms, reading {:.2} ms a photo: {ratio:.2} ({} read)\n",
            self.cpu_ms_per_photo,
            counted(self.photos, "photo")
        );
        for (kind, cost) in &self.by_kind {
            let photos = counted(cost.photos, "photo");
            text.push_str(&format!("  {kind}: {:.2} ms to read, {photos}\n", cost.cpu_ms_per_photo));
        }
        text
    }
}

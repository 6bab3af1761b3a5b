//! Pictures drawn before the clock starts: drawing one costs as much as a hundred photos of it, and a schedule should
//! not wait for that.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::make::MakerTimes;
use super::orchestrate::Orchestrator;
use super::photo::PhotoMaker;
use super::run_plan::RunPlan;
use super::scene::SceneSpec;
use super::story::{PlannedPhoto, Story};
use scanmill_core::cpu::thread_cpu;
use scanmill_core::error::{Error, Result};

/// Photos looked at: a run's pictures come up long before.
const LOOKED_AT: usize = 100_000;

/// Draws the pictures of a run's photos, those of most photos first, as far as they fit into the cache. `progress` is
/// called with how many are drawn, of how many.
///
/// # Errors
/// A picture that cannot be drawn (a bug).
pub(crate) fn warm_up(
    plan: &RunPlan,
    story: &Arc<Story>,
    maker: &PhotoMaker,
    (threads, cache_bytes): (usize, usize),
    progress: impl Fn(u64, u64) + Sync,
    cancel: &CancellationToken,
) -> Result<MakerTimes> {
    let mut scenes: HashMap<SceneSpec, (u64, PlannedPhoto)> = HashMap::new();
    for photo in Orchestrator::new(plan, story.clone()).take(LOOKED_AT).filter_map(|turn| turn.photo) {
        scenes.entry(photo.scene.clone()).or_insert_with(|| (0, photo)).0 += 1;
        if cancel.is_cancelled() {
            return Ok(MakerTimes::default());
        }
    }
    let mut scenes: Vec<(u64, PlannedPhoto)> = scenes.into_values().collect();
    scenes.sort_by_key(|(photos, first)| (std::cmp::Reverse(*photos), first.index));
    let (next, drawn, bytes) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicUsize::new(0));
    let work = || {
        let (cpu_before, began) = (thread_cpu(), Instant::now());
        while !cancel.is_cancelled() && bytes.load(Ordering::Relaxed) < cache_bytes {
            let Some((_, photo)) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            bytes.fetch_add(maker.make(photo)?.len(), Ordering::Relaxed);
            progress(drawn.fetch_add(1, Ordering::Relaxed) + 1, scenes.len() as u64);
        }
        Ok(MakerTimes { cpu: thread_cpu().saturating_sub(cpu_before), busy: began.elapsed() })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::bug("a thread that draws pictures panicked"))))
            .sum()
    })
}

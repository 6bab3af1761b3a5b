//! The lane of HEIC photos: each takes as long as twenty others, so they wait by themselves, a few are decoded at once,
//! and on threads of their own.
//!
//! A photo that waits here holds its lease and its place in flight and nothing else: its bytes are fetched when its turn
//! has come. Those whose names say HEIC come before they were fetched, the others once their bytes told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::comers::{Comer, Comers};
use super::decoder_pool::{DecodeCounters, Decoder, DecoderPool, DecoderPoolState, Pixels};
use super::fetcher::{self, FetchCounters, FetchTurn, Fetcher, Got};
use super::in_flight::{Finished, PhotoInFlight};
use super::observed::Observed;
use super::pipeline_context::PipelineContext;
use super::stage::{Jobs, Stage};
use crate::error::Result;
use crate::flow::CpuPool;
use crate::telemetry::Workers;
use crate::telemetry::calls::Watched;

/// Both ends of the lane.
pub struct HeicChannels {
    /// Photos that wait for their turn.
    pub photos: mpsc::Receiver<PhotoInFlight>,
    /// Photos with their rows.
    pub finished: mpsc::Sender<Finished>,
}

/// Fetches and reads HEIC photos.
pub(super) enum HeicLane {}

impl Stage for HeicLane {
    const NAME: &'static str = "heic_lane";
    const WATCHED: Watched = Watched::Heic;
    type Channels = HeicChannels;
    type Counters = HeicCounters;

    fn jobs(line: &PipelineContext) -> Option<Jobs> {
        Some(Jobs { budget: line.budgets.heic_decodes.clone(), threads: Some(line.settings.decode.heic_at_once) })
    }

    fn steps(counters: &HeicCounters) -> u64 {
        Fetcher::steps(&counters.fetched) + DecoderPool::steps(&counters.decoded)
    }

    async fn run(line: PipelineContext, channels: HeicChannels, counters: Arc<HeicCounters>) -> Result<()> {
        decode_all(line, channels, counters.fetched.clone(), counters.decoded.clone()).await
    }
}

/// What the two halves of the lane count.
#[derive(Default)]
pub(super) struct HeicCounters {
    fetched: Arc<FetchCounters>,
    decoded: Arc<DecodeCounters>,
}

/// What was fetched and decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeicLaneState {
    /// Photos fetched.
    pub fetched: u64,
    /// What came of them.
    #[serde(flatten)]
    pub decoded: DecoderPoolState,
}

impl Observed for HeicCounters {
    type State = HeicLaneState;

    fn observe(&self) -> HeicLaneState {
        HeicLaneState { fetched: self.fetched.fetched.load(Ordering::Relaxed), decoded: self.decoded.observe() }
    }
}

/// Whether a key ends as HEIC photos are named. Only a hint: the bytes decide.
pub(super) fn is_named_heic(key: &str) -> bool {
    let ending = key.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["heic", "heif", "hif"].iter().any(|name| ending.eq_ignore_ascii_case(name))
}

async fn decode_all(
    line: PipelineContext,
    mut ends: HeicChannels,
    fetched: Arc<FetchCounters>,
    decoded: Arc<DecodeCounters>,
) -> Result<()> {
    let threads = line.settings.decode.heic_at_once;
    let pool = CpuPool::start("heic", threads, threads)?;
    let decoder = Decoder::new(line.clone(), Workers::Heic, pool, ends.finished.clone(), decoded);
    let mut comers = Comers::new(threads);
    while let Some(next) = comers.next(&mut ends.photos).await {
        // At a drain, photos not yet started go back to the queue at once.
        let turn = line.draining.run_until_cancelled(line.budgets.heic_decodes.acquire(1)).await;
        let Some(job) = turn.filter(|_| !line.draining.is_cancelled()) else { continue };
        let (photo, again) = match next {
            Comer::New(photo, again) => (photo, Some(again)),
            Comer::Again(photo) => (photo, None),
        };
        let Some(photo) = fetch(&line, photo, &ends.finished, &fetched).await else { continue };
        let Some((photo, header)) = decoder.inspect(photo).await else { continue };
        let bytes = if again.is_some() { header.first_bytes } else { header.decode_bytes };
        // Without its bytes: the lane may stand still until there is memory for those of another, which these would hold.
        let again = move |fetched: fetcher::Fetched, _| {
            drop((fetched.bytes, fetched.memory));
            if let Some(again) = again {
                again.come(fetched.photo);
            }
        };
        // Their own share first, so that whoever is behind them in line for the rest waits for no other HEIC photo.
        let share = line.budgets.heic_bytes.acquire(bytes).await;
        let pixels = line.budgets.decode_bytes.acquire(bytes).await;
        if !decoder.submit(photo, header, Pixels::of_heic(pixels, share), job, again).await? {
            break;
        }
    }
    Ok(())
}

/// The photo with its bytes; the lane stands still while its bucket cannot be read.
async fn fetch(
    line: &PipelineContext,
    photo: PhotoInFlight,
    finished: &mpsc::Sender<Finished>,
    seen: &FetchCounters,
) -> Option<fetcher::Fetched> {
    let mut turn = FetchTurn::new(photo);
    loop {
        let pass = turn.pass(line).await?;
        match fetcher::fetch_one(line, Workers::Heic, turn, pass, finished, seen).await {
            Got::Photo(photo) => return Some(*photo),
            Got::Ended => return None,
            Got::Waits(waits) => turn = waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_their_endings() {
        for key in ["IMG_1.HEIC", "a/b.c/1.heif", "x.hif"] {
            assert!(is_named_heic(key), "{key}");
        }
        for key in ["heic", "a.heic/1.jpg", "IMG_1.heic.jpg", ""] {
            assert!(!is_named_heic(key), "{key}");
        }
    }
}

//! Hands fetched photos to the CPU pool, as many at once as the limit and the pixel budget allow.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::comers::{Comer, Comers};
use super::fetcher::{self, Fetched};
use super::in_flight::{Finished, PhotoInFlight};
use super::observed::observed;
use super::pipeline_context::{PipelineContext, decode_limits, heic_is_on};
use super::stage::{Jobs, Stage};
use crate::decode::{self, DecodeLimits, Header, Room};
use crate::domain::row::{rejection_of, rows_of};
use crate::domain::{Format, Reason, Rejection, Row};
use crate::error::{Error, Result};
use crate::flow::pool::panic_text;
use crate::flow::{CpuPool, Permit};
use crate::telemetry::Workers;
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{DecodeStalled, PhotoDecoded};
use crate::telemetry::rejected::Sight;
use crate::telemetry::traces::Step;

/// Both ends of the stage.
pub struct DecodeChannels {
    /// Photos to decode.
    pub fetched: mpsc::Receiver<Fetched>,
    /// HEIC photos that only their bytes tell.
    pub heic: mpsc::Sender<PhotoInFlight>,
    /// Photos with their rows.
    pub finished: mpsc::Sender<Finished>,
}

/// Reads the codes of photos in the CPU pool.
pub(super) enum DecoderPool {}

impl Stage for DecoderPool {
    const NAME: &'static str = "decoder_pool";
    const WATCHED: Watched = Watched::Decode;
    type Channels = DecodeChannels;
    type Counters = DecodeCounters;

    fn jobs(line: &PipelineContext) -> Option<Jobs> {
        Some(Jobs { budget: line.budgets.decodes.clone(), threads: Some(line.settings.decode.threads) })
    }

    fn steps(
        DecodeCounters { decoded, rejected_by_header, faults, read_again_with_more_memory }: &DecodeCounters,
    ) -> u64 {
        let done = [decoded, rejected_by_header, faults, read_again_with_more_memory];
        done.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    async fn run(line: PipelineContext, channels: DecodeChannels, counters: Arc<DecodeCounters>) -> Result<()> {
        decode_all(line, channels, counters).await
    }
}

observed! {
    /// What was decoded.
    DecodeCounters shown as DecoderPoolState {
        /// Photos read, with or without a code.
        decoded: AtomicU64,
        /// Photos whose header said enough.
        rejected_by_header: AtomicU64,
        /// Photos that made the decoder panic.
        faults: AtomicU64,
        /// Photos that found no memory for more than their first look.
        read_again_with_more_memory: AtomicU64,
    }
}

async fn decode_all(line: PipelineContext, mut ends: DecodeChannels, seen: Arc<DecodeCounters>) -> Result<()> {
    // One more than the largest limit: an oversized photo may pass alone while the limit is lower.
    let most = line.settings.scale.max_decodes + 1;
    let pool = CpuPool::start("decode", line.settings.decode.threads, most)?;
    let has_lane = heic_is_on(&line.settings);
    let decoder = Decoder::new(line, Workers::Decode, pool, ends.finished, seen);
    let mut comers: Comers<(Fetched, Header)> = Comers::new(most);
    while let Some(next) = comers.next(&mut ends.fetched).await {
        let (fetched, header, bytes, again) = match next {
            Comer::New(fetched, again) => {
                let Some((fetched, header)) = decoder.inspect(fetched).await else { continue };
                if has_lane && header.format == Format::Heic {
                    // Without its bytes: its lane fetches it again when its turn comes.
                    if ends.heic.send(fetched.photo).await.is_err() {
                        break;
                    }
                    continue;
                }
                (fetched, header, header.first_bytes, Some(again))
            }
            Comer::Again((fetched, header)) => (fetched, header, header.decode_bytes, None),
        };
        let again = move |fetched, header| {
            if let Some(again) = again {
                again.come((fetched, header));
            }
        };
        let pixels = decoder.line.budgets.decode_bytes.acquire(bytes).await;
        let job = decoder.line.budgets.decodes.acquire(1).await;
        if !decoder.submit(fetched, header, Pixels::of_all(pixels), job, again).await? {
            break;
        }
    }
    Ok(())
}

/// The memory that is reserved for a photo's pixels.
pub(super) struct Pixels {
    all: Permit,
    /// The same of what HEIC photos may take together.
    of_heic: Option<Permit>,
}

impl Pixels {
    fn of_all(all: Permit) -> Pixels {
        Pixels { all, of_heic: None }
    }

    pub(super) fn of_heic(all: Permit, share: Permit) -> Pixels {
        Pixels { all, of_heic: Some(share) }
    }

    /// All of it, or nothing.
    fn grow_to(&mut self, bytes: u64) -> bool {
        let before = self.all.amount();
        if !self.all.grow_to(bytes) {
            return false;
        }
        let is_granted = self.of_heic.as_mut().is_none_or(|share| share.grow_to(bytes));
        if !is_granted {
            self.all.shrink_to(before);
        }
        is_granted
    }
}

/// What came of a photo on its thread.
enum DecodeOutcome {
    /// Its rows, and of a rejected photo what else is known.
    Rows(Vec<Row>, Option<Box<Sight>>),
    /// Nothing: it is left to be received again.
    Left,
    /// Nothing: there is no memory for more than its first look.
    NoRoom(Bytes, Permit),
}

/// A pool of threads, and what a photo needs to go through it.
pub(super) struct Decoder {
    line: PipelineContext,
    workers: Workers,
    pool: CpuPool,
    limits: DecodeLimits,
    finished: mpsc::Sender<Finished>,
    seen: Arc<DecodeCounters>,
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Behind a thread that hangs they would wait for ever, and the next generation needs their memory.
        if self.line.generation.stopped().is_cancelled() {
            self.pool.drop_waiting();
        }
    }
}

impl Decoder {
    pub(super) fn new(
        line: PipelineContext,
        workers: Workers,
        pool: CpuPool,
        finished: mpsc::Sender<Finished>,
        seen: Arc<DecodeCounters>,
    ) -> Decoder {
        let limits = decode_limits(&line.settings);
        Decoder { line, workers, pool, limits, finished, seen }
    }

    /// The photo with its header; `None` when its header rejects it.
    pub(super) async fn inspect(&self, fetched: Fetched) -> Option<(Fetched, Header)> {
        // Contained here too: a header that panics its parser costs its photo, not the pipeline.
        let inspected = catch_unwind(AssertUnwindSafe(|| decode::inspect(&fetched.bytes, &self.limits)))
            .unwrap_or_else(|panic| Err(Rejection::new(Reason::DecoderFault, panic_text(panic.as_ref()))));
        match inspected {
            Ok(header) => Some((fetched, header)),
            Err(why) => {
                self.seen.rejected_by_header.fetch_add(1, Ordering::Relaxed);
                let Fetched { photo, bytes, memory, .. } = fetched;
                let reading = decode::refused(&bytes, why, &self.limits);
                drop((bytes, memory));
                let rows = rows_of(&photo.photo, &reading, photo.revision, Timestamp::now());
                // Whoever takes rows is gone only at the end; then the photo is delivered again.
                let _ = self.finished.send(Finished { photo, rows, sight: None, finished_at: Instant::now() }).await;
                None
            }
        }
    }

    /// Hands the photo to a thread. `pixels` is given back when it was read, `job` when its rows are on their way; where it
    /// finds no memory for more than its first look it goes to `again`, and where there is none it has all that it may need.
    /// False when nobody takes rows any more.
    pub(super) async fn submit(
        &self,
        fetched: Fetched,
        header: Header,
        pixels: Pixels,
        job: Permit,
        again: impl FnOnce(Fetched, Header) + Send + 'static,
    ) -> Result<bool> {
        let Fetched { photo, bytes, memory, fetched_at } = fetched;
        // The place in the next channel is reserved now, so that a CPU thread never waits and never finds it full.
        let Ok(place) = self.finished.clone().reserve_owned().await else { return Ok(false) };
        let (telemetry, seen, limits) = (self.line.telemetry.clone(), self.seen.clone(), self.limits);
        let stopped = self.line.generation.stopped().clone();
        let (workers, read_photo) = (self.workers, self.line.host.read_photo);
        let is_console_on = self.line.settings.metrics.listen.is_some();
        let (named, revision, trace) = (photo.photo.clone(), photo.revision, photo.trace.clone());
        let (subject, budgets) = (fetcher::subject(&photo.photo), &self.line.settings.limits);
        // The budget is CPU time, and others want the cores too.
        let (stage, budget) = match workers {
            Workers::Heic => (Watched::Heic, budgets.heic_time_budget),
            _ => (Watched::Decode, budgets.photo_time_budget),
        };
        let (due, grace) = (4 * budget, self.line.settings.run.hung_after);
        // Threads that hang begin nothing: whoever waits for one may wait for as many readings as can be before it.
        let ahead = (self.line.settings.scale.max_decodes / self.line.settings.decode.threads.max(1)) as u32;
        let queued =
            self.line.telemetry.calls.begin(stage, "wait for a thread", (due + grace) * ahead + due, grace, None);
        let is_last = photo.message().receive_count() >= self.line.settings.queue.max_receives;
        let work = move || {
            drop(queued);
            // Whoever waited for it is gone; the next generation needs the threads and the memory.
            if stopped.is_cancelled() {
                return DecodeOutcome::Left;
            }
            // It would take one thread after the other.
            if telemetry.calls.hangs(subject) {
                let why = Rejection::new(Reason::TimedOut, "reading it hung twice");
                return DecodeOutcome::Rows(vec![rejection_of(&named, &why, revision, Timestamp::now())], None);
            }
            let _at_work = telemetry.busy.begin(workers);
            let _call = telemetry.calls.begin(stage, "read", due, grace, Some(subject));
            let (waited, started) = (fetched_at.elapsed(), Instant::now());
            trace.stamp_until_now(Step::DecodeWait);
            let pixels = RefCell::new(pixels);
            let reserved = pixels.borrow().all.amount();
            let grow = |bytes| pixels.borrow_mut().grow_to(bytes);
            let reading = read_photo(&bytes, &header, &limits, &Room::new(reserved, header.decode_bytes, &grow));
            trace.stamp_until_now(Step::Decode);
            let Some(reading) = reading else { return DecodeOutcome::NoRoom(bytes, memory) };
            let is_shown = is_console_on && reading.reject.is_some() && !reading.is_stalled;
            let sight = is_shown.then(|| {
                let is_slow = decode::is_slow(header.format);
                // What had no time for its pixels has none for a copy of them.
                let is_in_time = !is_slow || reading.reject.as_ref().is_none_or(|why| why.reason != Reason::TimedOut);
                let is_wanted = is_in_time && telemetry.rejected.wants_picture(is_slow, Instant::now());
                let room = Room::new(pixels.borrow().all.amount(), header.decode_bytes, &grow);
                let picture = is_wanted.then(|| decode::thumbnail(&bytes, &header, &limits, &room)).flatten();
                Box::new(Sight::of(&reading.capture, picture))
            });
            drop((pixels, bytes, memory));
            trace.note(|facts| {
                facts.cpu_ms = Some(reading.decode_ms);
                facts.rung = reading.rungs.iter().find(|run| run.won > 0).map(|run| run.name.as_str());
            });
            PhotoDecoded { photo: &named, reading: &reading, waited, took: started.elapsed() }.emit(&telemetry);
            if reading.is_stalled {
                DecodeStalled { photo: &named, cpu_ms: reading.decode_ms, took: started.elapsed(), is_last }.emit();
                // Its last receive ends with what there is: else the photo would end in the dead letters, without a row.
                if !is_last {
                    return DecodeOutcome::Left;
                }
            }
            DecodeOutcome::Rows(rows_of(&named, &reading, revision, Timestamp::now()), sight)
        };
        let deliver = move |outcome: std::result::Result<DecodeOutcome, String>| {
            let (rows, sight) = match outcome {
                Ok(DecodeOutcome::Left) => return,
                Ok(DecodeOutcome::NoRoom(bytes, memory)) => {
                    seen.read_again_with_more_memory.fetch_add(1, Ordering::Relaxed);
                    // Its place and its job are free before it joins the line for them again.
                    drop((place, job));
                    again(Fetched { photo, bytes, memory, fetched_at }, header);
                    return;
                }
                Ok(DecodeOutcome::Rows(rows, sight)) => {
                    seen.decoded.fetch_add(1, Ordering::Relaxed);
                    (rows, sight)
                }
                Err(panic) => {
                    let PhotoInFlight { photo: named, revision, .. } = &photo;
                    seen.faults.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(
                        bucket = named.bucket,
                        key = named.key,
                        panic,
                        "the decoder panicked, photo rejected"
                    );
                    let why = Rejection::new(Reason::DecoderFault, panic);
                    (vec![rejection_of(named, &why, *revision, Timestamp::now())], None)
                }
            };
            place.send(Finished { photo, rows, sight, finished_at: Instant::now() });
            drop(job);
        };
        self.pool
            .submit(work, deliver)
            .map_err(|error: Error| error.with_context("handing a photo to the decoder pool"))?;
        Ok(true)
    }
}

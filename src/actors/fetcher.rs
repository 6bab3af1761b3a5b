//! Gets photo bytes, as many at once as the limit and the byte budget allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::heic_lane;
use super::in_flight::{Finished, PhotoInFlight};
use super::observed::observed;
use super::outage::{Pass, Verdict};
use super::pipeline_context::{PipelineContext, heic_is_on};
use super::poller::reject;
use super::stage::{Jobs, Stage};
use crate::domain::{PhotoRef, Reason, Rejection};
use crate::error::{Class, Error, Result};
use crate::flow::{Permit, RetryPolicy};
use crate::store::Object;
use crate::telemetry::Workers;
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{CallFailed, PhotoAgain, PhotoFetched};
use crate::telemetry::traces::Step;

/// How one lease goes on trying before the photo is given back: long enough for a throttled bucket to recover, short
/// enough that other work gets the place.
const GETS: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(5),
    tries: None,
    within: Some(Duration::from_secs(20)),
};

/// A photo with its bytes.
#[derive(Debug)]
pub struct Fetched {
    /// The photo, its eTag that of the bytes.
    pub photo: PhotoInFlight,
    /// The whole file.
    pub bytes: Bytes,
    /// Its share of the byte budget.
    pub memory: Permit,
    /// When it arrived.
    pub fetched_at: Instant,
}

/// Both ends of the stage.
pub struct FetchChannels {
    /// Photos to fetch.
    pub photos: mpsc::Receiver<PhotoInFlight>,
    /// Photos to decode.
    pub fetched: mpsc::Sender<Fetched>,
    /// HEIC photos by their names, not fetched yet.
    pub heic: mpsc::Sender<PhotoInFlight>,
    /// Rejections.
    pub finished: mpsc::Sender<Finished>,
}

/// Gets the bytes of photos.
pub(super) enum Fetcher {}

impl Stage for Fetcher {
    const NAME: &'static str = "fetcher";
    const WATCHED: Watched = Watched::Fetch;
    type Channels = FetchChannels;
    type Counters = FetchCounters;

    fn jobs(line: &PipelineContext) -> Option<Jobs> {
        Some(Jobs { budget: line.budgets.fetches.clone(), threads: None })
    }

    fn steps(counters: &FetchCounters) -> u64 {
        counters.fetched.load(Ordering::Relaxed) + counters.rejected.load(Ordering::Relaxed)
    }

    async fn run(line: PipelineContext, channels: FetchChannels, counters: Arc<FetchCounters>) -> Result<()> {
        fetch_all(line, channels, counters).await
    }
}

observed! {
    /// What was fetched.
    FetchCounters shown as FetcherState {
        /// Photos.
        fetched: AtomicU64,
        /// Their bytes.
        bytes: AtomicU64,
        /// Photos that cannot be had.
        rejected: AtomicU64,
        /// Photos that are left for later.
        again: AtomicU64,
    }
}

async fn fetch_all(line: PipelineContext, mut ends: FetchChannels, seen: Arc<FetchCounters>) -> Result<()> {
    let mut running = JoinSet::new();
    let has_lane = heic_is_on(&line.settings);
    // One count for each photo instead of one for each thing that the line shares.
    let line = Arc::new(line);
    while let Some(photo) = ends.photos.recv().await {
        while let Some(joined) = running.try_join_next() {
            note_panic(joined);
        }
        // At a drain, photos not yet started go back to the queue at once.
        if line.draining.is_cancelled() {
            continue;
        }
        if has_lane && heic_lane::is_named_heic(&photo.photo.key) {
            // Its lane fetches it when its turn comes: bytes that wait behind slow photos would take the others' room.
            if ends.heic.send(photo).await.is_err() {
                break;
            }
            continue;
        }
        // A photo that will wait for its bucket takes no place from those of other buckets.
        let job = match line.outages.is_down(&photo.photo.bucket) {
            true => None,
            false => Some(line.budgets.fetches.acquire(1).await),
        };
        let (line, fetched, finished, seen) = (line.clone(), ends.fetched.clone(), ends.finished.clone(), seen.clone());
        running.spawn(async move {
            if let Some((photo, job)) = fetch(&line, photo, job, &finished, &seen).await {
                let _ = fetched.send(photo).await;
                drop(job);
            }
        });
    }
    while let Some(joined) = running.join_next().await {
        note_panic(joined);
    }
    Ok(())
}

/// A panic costs its own photo one delivery; the others go on.
fn note_panic(joined: std::result::Result<(), JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "fetching a photo panicked, it is left for later");
    }
}

/// Fetches a photo, under a place among the fetches, waiting for its bucket as often as need be; `None` when it ended
/// here.
async fn fetch(
    line: &PipelineContext,
    photo: PhotoInFlight,
    mut job: Option<Permit>,
    finished: &mpsc::Sender<Finished>,
    seen: &FetchCounters,
) -> Option<(Fetched, Permit)> {
    let mut turn = FetchTurn::new(photo);
    loop {
        let pass = match turn.try_pass(line) {
            Some(pass) => pass,
            None => {
                // Whoever waits here holds no place: the photo that is tried next needs one.
                drop(job.take());
                turn.pass(line).await?
            }
        };
        let held = match job.take() {
            Some(job) => job,
            None => line.budgets.fetches.acquire(1).await,
        };
        match fetch_one(line, Workers::Fetch, turn, pass, finished, seen).await {
            Got::Photo(photo) => return Some((*photo, held)),
            Got::Ended => return None,
            Got::Waits(waits) => turn = waits,
        }
    }
}

/// A photo that is to be read, and how often it was tried while its bucket was down.
#[derive(Debug)]
pub(super) struct FetchTurn {
    photo: PhotoInFlight,
    trials: u32,
}

impl FetchTurn {
    pub(super) fn new(photo: PhotoInFlight) -> FetchTurn {
        FetchTurn { photo, trials: 0 }
    }

    /// Leave to read it at once, if it need not wait.
    pub(super) fn try_pass(&self, line: &PipelineContext) -> Option<Pass> {
        line.outages.try_pass(&self.photo.photo.bucket, subject(&self.photo.photo), self.trials)
    }

    /// Leave to read it; `None` when the drain comes first.
    pub(super) async fn pass(&self, line: &PipelineContext) -> Option<Pass> {
        let bucket = &self.photo.photo.bucket;
        line.outages.pass(bucket, subject(&self.photo.photo), self.trials, &line.draining).await
    }
}

/// Half of the photo's id: tells photos apart as well as the whole.
pub(super) fn subject(photo: &PhotoRef) -> u64 {
    let id = photo.id();
    id.as_str().get(..16).and_then(|half| u64::from_str_radix(half, 16).ok()).unwrap_or(0)
}

/// What came of one attempt to fetch a photo.
pub(super) enum Got {
    /// The photo with its bytes, under its share of the byte budget.
    Photo(Box<Fetched>),
    /// It ended here, rejected or left for later.
    Ended,
    /// Its bucket cannot be read: it waits for that.
    Waits(FetchTurn),
}

/// Why there are no bytes.
enum Failed {
    /// The photo's own failure; how many deliveries or trials failed by now, this one included.
    Own(Error, u32),
    /// The bucket cannot be read.
    Outage,
}

pub(super) async fn fetch_one(
    line: &PipelineContext,
    workers: Workers,
    turn: FetchTurn,
    mut pass: Pass,
    finished: &mpsc::Sender<Finished>,
    seen: &FetchCounters,
) -> Got {
    let FetchTurn { mut photo, .. } = turn;
    let limit = line.settings.limits.max_file_bytes;
    let declared = photo.photo.size_bytes;
    if let Some(size) = declared.filter(|size| *size > limit) {
        seen.rejected.fetch_add(1, Ordering::Relaxed);
        reject(finished, photo, too_large(Some(size), limit)).await;
        return Got::Ended;
    }
    let mut room = declared.unwrap_or(limit).max(1);
    let mut memory = line.budgets.fetched_bytes.acquire(room).await;
    let waited = photo.message().received_at().elapsed();
    photo.trace.stamp_until_now(Step::QueueWait);
    let started = Instant::now();
    let mut got = get(line, workers, &photo, room, &mut pass).await;
    // Larger than its notification says (replaced since, or the notification lies): the memory comes first here too.
    if matches!(&got, Err(Failed::Own(error, _)) if error.class() == Class::TooLarge) && room < limit {
        room = limit;
        drop(memory);
        memory = line.budgets.fetched_bytes.acquire(room).await;
        got = get(line, workers, &photo, room, &mut pass).await;
    }
    photo.trace.stamp_until_now(Step::Fetch);
    match got {
        Ok(object) => {
            pass.answered();
            let bytes = object.bytes.len() as u64;
            PhotoFetched { bytes, waited, took: started.elapsed() }.emit(&line.telemetry);
            seen.fetched.fetch_add(1, Ordering::Relaxed);
            seen.bytes.fetch_add(bytes, Ordering::Relaxed);
            memory.shrink_to(bytes.max(1));
            // The photo is the version that was read. If the object was replaced after the notification, this is the
            // newer version, which its own notification names too; the load keeps one of them.
            if photo.photo.version_id.is_none() {
                if photo.photo.etag.as_ref().is_some_and(|announced| *announced != object.etag) {
                    // What was announced was not read: a file that its writer was at again, say. If it comes back, that
                    // must be announced, though it was before.
                    let _call = line.call(Watched::Fetch, "forget_announcement", Duration::ZERO);
                    if let Err(error) = line.store.forget_announcement(&photo.photo).await {
                        CallFailed { what: "forget_announcement", error: &error }.emit();
                    }
                }
                photo.photo.etag = Some(object.etag);
            }
            photo.photo.size_bytes = Some(bytes);
            photo.trace.note(|facts| facts.size_bytes = Some(bytes));
            Got::Photo(Box::new(Fetched { photo, bytes: object.bytes, memory, fetched_at: Instant::now() }))
        }
        Err(Failed::Outage) => Got::Waits(FetchTurn { photo, trials: pass.trials() }),
        Err(Failed::Own(error, failures)) => {
            let is_answer =
                matches!(error.class(), Class::Permanent | Class::TooLarge | Class::Poison | Class::Missing);
            match outcome(&error, declared, limit, failures, line) {
                Some(why) => {
                    seen.rejected.fetch_add(1, Ordering::Relaxed);
                    reject(finished, photo, why).await;
                }
                None => {
                    seen.again.fetch_add(1, Ordering::Relaxed);
                    PhotoAgain { photo: &photo.photo, error: &error }.emit();
                }
            }
            if is_answer {
                pass.answered();
            }
            Got::Ended
        }
    }
}

/// GET, tried again while the class allows it and the time lasts.
async fn get(
    line: &PipelineContext,
    workers: Workers,
    photo: &PhotoInFlight,
    max_bytes: u64,
    pass: &mut Pass,
) -> Result<Object, Failed> {
    let _at_work = line.telemetry.busy.begin(workers);
    // Not `retry`: between two tries the bucket's outage decides, and a drain ends the wait.
    let mut tries = GETS.start();
    let started = tries.started();
    let PhotoInFlight { photo, .. } = photo;
    loop {
        let (call, began) = (line.call(Watched::Fetch, "get", Duration::ZERO), Instant::now());
        let got = line.store.get(&photo.bucket, &photo.key, photo.version_id.as_deref(), max_bytes).await;
        drop(call);
        line.gets.count(got.as_ref().err().map(Error::class), began.elapsed());
        let error = match got {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        let class = error.class();
        match class {
            Class::Transient | Class::Throttled | Class::Refused => CallFailed { what: "get", error: &error }.emit(),
            Class::Permanent | Class::TooLarge | Class::Poison => return Err(Failed::Own(error, 0)),
            Class::Bug => return Err(Failed::Own(error, pass.failed_by_itself())),
            // A bucket that is gone says the same of every photo.
            Class::Missing => {
                let is_there = pass.is_witnessed(started).await;
                return Err(if is_there { Failed::Own(error, 0) } else { Failed::Outage });
            }
        }
        // A refusal is the same a moment later; somebody has to change it.
        let wait = tries.next_wait(error.wait()).filter(|_| class != Class::Refused);
        // A store that asks for less answers, until it asked for too long.
        if class != Class::Throttled || wait.is_none() || pass.is_trial() {
            match pass.failed(&error) {
                Verdict::Outage => return Err(Failed::Outage),
                // What failed in every trial is not held for ever.
                Verdict::Own(failures) if failures >= line.settings.queue.max_receives => {
                    return Err(Failed::Own(error, failures));
                }
                Verdict::Own(_) => return Err(Failed::Outage),
                Verdict::Unknown => {}
            }
        }
        let Some(wait) = wait else {
            return Err(match pass.judge(started).await {
                Verdict::Own(failures) => Failed::Own(error, failures),
                Verdict::Outage | Verdict::Unknown => Failed::Outage,
            });
        };
        let waits = line.gets.wait_for_try();
        if line.draining.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return Err(Failed::Own(error, 0));
        }
        drop(waits);
        if line.outages.is_down(&photo.bucket) {
            return Err(Failed::Outage);
        }
    }
}

/// The rejection an error means, or `None` when the photo is to be processed again. `failures` counts the photo's own,
/// those of an outage not among them.
fn outcome(
    error: &Error,
    declared: Option<u64>,
    limit: u64,
    failures: u32,
    line: &PipelineContext,
) -> Option<Rejection> {
    match error.class() {
        Class::Missing => Some(Rejection::new(Reason::MissingObject, error.to_string())),
        Class::TooLarge => Some(too_large(declared.filter(|size| *size > limit), limit)),
        Class::Permanent | Class::Poison => Some(Rejection::new(Reason::NotARegularFile, error.to_string())),
        // The photo may be well, and somebody may fix the permission: it comes again when its lease ends.
        Class::Refused => None,
        Class::Transient | Class::Throttled | Class::Bug => {
            let is_last = failures >= line.settings.queue.max_receives;
            let is_draining = line.draining.is_cancelled();
            (is_last && !is_draining).then(|| {
                let detail = format!(
                    "failed in {failures} deliveries or trials while the store answered others, the last failure: {error}"
                );
                Rejection::new(Reason::RetriesExhausted, detail)
            })
        }
    }
}

fn too_large(size: Option<u64>, limit: u64) -> Rejection {
    let size = size.map_or_else(|| "the object".to_owned(), |size| format!("{size} bytes"));
    Rejection::new(Reason::TooLarge, format!("{size} is over limits.max_file_bytes = {limit}"))
}

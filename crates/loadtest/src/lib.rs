//! The pump: photos by a story, into the inbox, with the rows they must lead to.
//!
//! Story → [`orchestrate`] (which stamp, when it is due) → [`make`] (threads) → [`distribute`] (puts) → answer key.
//! Between orchestrator and makers there is nothing, or a queue: then [`send`] puts stamps into it and any number of
//! [`worker`]s elsewhere take them out. [`verify`] compares the key with the warehouse afterwards.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// The story and its photos go by the same names whether one asks here or there.
pub use scanmill_photogen::{bomb, exif, photo, preview, scene, story};

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use scanmill_core::cpu::thread_cpu;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::{Error, Result};
use scanmill_ports::queue::Queue;
use scanmill_ports::store::Store;

pub mod answer_key;
pub mod arrival;
pub mod cities;
mod compare;
pub mod distribute;
pub mod key_files;
mod key_reader;
mod key_run;
pub mod latency;
mod load_ledger;
pub mod load_report;
pub mod make;
pub mod orchestrate;
mod photo_rows;
pub mod prices;
pub mod recorder;
mod row_pages;
pub mod run_plan;
pub mod run_report;
pub mod send;
mod sorted_key;
mod stamp_leases;
pub mod stamp_message;
pub mod stamps;
pub mod verify;
pub mod wait;
mod warm_up;
pub mod worker;

use answer_key::KeyWriter;
use arrival::Arrival;
use distribute::{Ended, put_all};
use make::{Job, Jobs, MakerTimes, Makers, Run};
use orchestrate::Orchestrator;
use photo::PhotoMaker;
use recorder::{Asked, Recorder};
use run_plan::RunPlan;
pub use run_report::PumpReport;
use story::Story;
use warm_up::warm_up;

/// Time between the end of the preparations and the first photo that is due by a schedule: makers get a little ahead.
const HEAD_START: Duration = Duration::from_millis(300);

/// What to pump, and with what.
#[derive(Clone, Debug, PartialEq)]
pub struct PumpPlan {
    /// The photos and when they are due.
    pub run: RunPlan,
    /// Threads that make photos, at least 1.
    pub threads: usize,
    /// Where the answer key goes.
    pub key_file: PathBuf,
    /// Bytes of encoded pictures to keep.
    pub scene_cache_bytes: usize,
}

/// Enough for every picture but the largest.
pub const SCENE_CACHE_BYTES: usize = 96 << 20;

impl PumpPlan {
    /// A plan with one maker thread.
    pub fn new(run: RunPlan, key_file: impl Into<PathBuf>) -> Self {
        Self { run, threads: 1, key_file: key_file.into(), scene_cache_bytes: SCENE_CACHE_BYTES }
    }
}

/// How far a pump is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many of so many pictures are drawn before the clock starts.
    Drawn(u64, u64),
    /// So many photos are put, or made.
    Photos(u64),
}

/// Puts a story's photos into the store, which notifies, and writes the answer key. A cancel ends it early: the key is
/// then sealed for what was put, and the report is not complete.
///
/// # Errors
/// A put that failed for good, or a key file that cannot be written. The key is sealed then too, where it can be.
pub async fn run(
    plan: &PumpPlan,
    (store, queue): (Arc<dyn Store>, Arc<dyn Queue>),
    progress: impl Fn(Step) + Send + Sync,
    cancel: CancellationToken,
) -> Result<PumpReport> {
    let story = Arc::new(plan.run.tell()?);
    let maker = Arc::new(PhotoMaker::new(plan.scene_cache_bytes));
    let mut key = KeyWriter::create(&plan.key_file, answer_key::header_of(&plan.run))?;
    let drawing = match plan.run.arrival {
        Arrival::Unpaced => Ok(MakerTimes::default()),
        // Nothing else is to be done meanwhile: the calling thread may well be blocked.
        Arrival::Paced(_) | Arrival::Replay { .. } => {
            let drawn = |drawn, all| progress(Step::Drawn(drawn, all));
            warm_up(&plan.run, &story, &maker, (plan.threads, plan.scene_cache_bytes), drawn, &cancel)
        }
    };
    let pumped = match drawing {
        Ok(drawing) => pump(plan, &story, &maker, (&*store, &*queue), &mut key, progress, &cancel, drawing).await,
        Err(error) => (Err(error), false),
    };
    let sealed = key.seal(pumped.1);
    let report = pumped.0?;
    sealed?;
    Ok(report)
}

/// The part with the clock running. Says also whether every photo was put.
#[allow(clippy::too_many_arguments, reason = "one caller, which made each of them for this")]
async fn pump(
    plan: &PumpPlan,
    story: &Arc<Story>,
    maker: &Arc<PhotoMaker>,
    (store, queue): (&dyn Store, &dyn Queue),
    key: &mut KeyWriter,
    progress: impl Fn(Step),
    cancel: &CancellationToken,
    drawing: MakerTimes,
) -> (Result<PumpReport>, bool) {
    let paced = plan.run.arrival != Arrival::Unpaced;
    let head_start = if paced { HEAD_START } else { Duration::ZERO };
    let start = Instant::now() + head_start;
    let starts_at = Timestamp::now() + SignedDuration::try_from(head_start).unwrap_or_default();
    let stop = cancel.child_token();
    let jobs = Arc::new(OwnJobs::new(plan, story, (start, starts_at), stop.clone()));
    let asked = plan.run.window(story).map(|window| Asked { words: plan.run.arrival.words(), window });
    let started = Recorder::new(start, asked).and_then(|recorder| {
        let jobs: Arc<dyn Jobs> = jobs.clone();
        Ok((recorder, Makers::start(&jobs, maker, plan.threads)?))
    });
    let (mut recorder, (makers, made)) = match started {
        Ok(started) => started,
        Err(error) => return (Err(error), false),
    };
    let put = put_all(made, store, queue, &stop, |ended| match ended {
        Ended::Put { delivered, .. } => {
            recorder.count_put(&delivered);
            progress(Step::Photos(recorder.photos()));
            key.push(delivered.expected)
        }
        Ended::Declined { .. } => {
            recorder.count_declined();
            Ok(())
        }
        Ended::Failed { error, .. } => Err(error),
    })
    .await;
    // Nobody listens to the makers any more, so every one of them ends with the photo it is at.
    let made = makers.join();
    let out = jobs.out();
    let complete = put.is_ok() && made.is_ok() && out.is_all && recorder.photos() == out.photos;
    let report = put.and(made).map(|times| {
        let times = [drawing, times].into_iter().sum();
        let mut report = recorder.finish(complete, plan.threads, times, out.photos_in_window);
        describe(&mut report, plan, maker);
        report.started_at = Some(utc_millis(starts_at));
        report
    });
    (report, complete)
}

/// Makes a story's photos and throws them away: what making costs.
///
/// # Errors
/// A photo that cannot be made (a bug).
pub fn make_only(plan: &PumpPlan, progress: impl Fn(Step) + Sync, cancel: &CancellationToken) -> Result<PumpReport> {
    let story = Arc::new(plan.run.tell()?);
    let maker = PhotoMaker::new(plan.scene_cache_bytes);
    let began = Instant::now();
    let jobs = OwnJobs::new(plan, &story, (began, Timestamp::now()), cancel.clone());
    let recorder = Mutex::new(Recorder::new(began, None)?);
    let times = std::thread::scope(|scope| {
        let work = || {
            let before = thread_cpu();
            while let Some(job) = jobs.next() {
                let made = job.make(&maker)?;
                let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
                match made {
                    Some((expected, bytes)) => recorder.count(&expected, bytes.len()),
                    None => recorder.count_declined(),
                }
                progress(Step::Photos(recorder.photos()));
            }
            Ok(MakerTimes { cpu: thread_cpu().saturating_sub(before), busy: began.elapsed() })
        };
        let makers: Vec<_> = (0..plan.threads.max(1)).map(|_| scope.spawn(work)).collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap_or_else(|_| Err(Error::bug("a maker thread panicked"))))
            .sum::<Result<MakerTimes>>()
    })?;
    let recorder = recorder.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = recorder.finish(jobs.out().is_all, plan.threads, times, 0);
    describe(&mut report, plan, &maker);
    Ok(report)
}

fn describe(report: &mut PumpReport, plan: &PumpPlan, maker: &PhotoMaker) {
    report.run.clone_from(&plan.run.run);
    report.story.clone_from(&plan.run.source.name);
    report.draw_cpu_seconds = maker.draw_cpu().as_secs_f64();
    report.pictures_drawn = maker.drawn();
}

/// What this process's own orchestrator has handed to its makers.
#[derive(Clone, Copy, Debug, Default)]
struct Out {
    photos: u64,
    photos_in_window: u64,
    is_all: bool,
}

/// The jobs of this process's own orchestrator.
struct OwnJobs {
    run: Arc<Run>,
    orchestrator: Mutex<(Orchestrator, Out)>,
    start: (Instant, Timestamp),
    window: Option<Duration>,
    stop: CancellationToken,
}

impl OwnJobs {
    fn new(plan: &PumpPlan, story: &Arc<Story>, start: (Instant, Timestamp), stop: CancellationToken) -> Self {
        Self {
            run: Arc::new(Run { story: story.clone(), bucket: plan.run.bucket.clone() }),
            orchestrator: Mutex::new((Orchestrator::new(&plan.run, story.clone()), Out::default())),
            start,
            window: plan.run.window(story),
            stop,
        }
    }

    fn out(&self) -> Out {
        self.orchestrator.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl Jobs for OwnJobs {
    fn next(&self) -> Option<Job> {
        let mut guard = self.orchestrator.lock().unwrap_or_else(PoisonError::into_inner);
        let (orchestrator, out) = &mut *guard;
        while !self.stop.is_cancelled() {
            let Some(turn) = orchestrator.next() else {
                out.is_all = true;
                break;
            };
            // What the story does not take needs no maker.
            let Some(photo) = turn.photo else { continue };
            out.photos += 1;
            out.photos_in_window +=
                u64::from(self.window.is_some_and(|window| turn.due.is_some_and(|due| due <= window)));
            let (start, starts_at) = self.start;
            let due = turn.due.map(|due| (start + due, starts_at + SignedDuration::try_from(due).unwrap_or_default()));
            let run = self.run.clone();
            return Some(Job { run, stamp: turn.stamp, photo: Some(photo), due, job_number: 0, came_late: false });
        }
        None
    }
}

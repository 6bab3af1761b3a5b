//! The distributor as a worker on a queue of stamps: takes stamps, has their photos made and put, and deletes each
//! stamp once its photo is durable. Killed at any moment it loses nothing: what it held comes again, and a photo made
//! again is the same object, byte for byte.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Step;
use super::arrival::Arrival;
use super::distribute::{Ended, put_all, retried};
use super::make::{Job, Jobs, MakerTimes, Makers, Run};
use super::photo::PhotoMaker;
use super::recorder::Recorder;
use super::run_report::PumpReport;
use super::stamp_leases::{DueJobs, Leases};
use super::stamp_message::StampMessage;
use scanmill_core::error::{Class, Error, Result};
use scanmill_ports::queue::{Message, Queue, ReceiptHandle};
use scanmill_ports::store::Store;

mod loading;
mod looks;

use loading::{Loaded, PlanName, load};
use looks::{LOOK_EVERY, Looks};

/// Most messages a receive brings.
const A_RECEIVE: usize = 10;
/// Most receives under way at once.
const RECEIVES: usize = 4;
/// A stamp due later than this is given back until shortly before: other workers may be free then.
const AHEAD: Duration = Duration::from_secs(10);
/// How long before it is due it comes again.
const AGAIN_BEFORE: Duration = Duration::from_secs(3);
/// How often done stamps are deleted.
const TICK: Duration = Duration::from_millis(50);
/// How long a stamp rests whose photo could not be put just now, or that is none.
const REST: Duration = Duration::from_secs(5);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The only bucket it puts photos into: the one the engine hears of.
    pub inbox: String,
    /// Threads that make photos, at least 1.
    pub threads: usize,
    /// Bytes of encoded pictures to keep.
    pub scene_cache_bytes: usize,
    /// How long the queue hides a stamp it handed out.
    pub visibility: Duration,
    /// How long a receive waits for a first stamp.
    pub wait: Duration,
    /// Most stamps held at once.
    pub max_held: usize,
    /// End once the queue is empty.
    pub until_empty: bool,
}

/// What a worker did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WorkReport {
    /// Stamps received and kept, those that came again included.
    pub stamps: u64,
    /// Of those, stamps that somebody had received before.
    pub received_again: u64,
    /// Stamps given back because they were due much later.
    pub too_early: u64,
    /// Messages that are not stamps; they end in the dead letters.
    pub no_stamps: u64,
    /// Photos that could not be put just then; their stamps came again.
    pub put_failures: u64,
    /// Stamps that were handed out elsewhere before they were deleted here.
    pub lost_leases: u64,
    /// Messages in the queue's dead letters at the end, where it tells.
    pub dead: Option<u64>,
    /// The photos.
    pub pump: PumpReport,
}

/// Takes stamps until `drain`, or with `until_empty` until there are none.
///
/// # Errors
/// A plan that cannot be used; a store or queue that fails for good. Stamps held then are given back.
pub async fn work(
    options: &WorkerOptions,
    (store, queue, stamps): (&Arc<dyn Store>, &dyn Queue, &dyn Queue),
    progress: Arc<dyn Fn(Step) + Send + Sync>,
    drain: &CancellationToken,
) -> Result<WorkReport> {
    let maker = Arc::new(PhotoMaker::new(options.scene_cache_bytes));
    let jobs = Arc::new(DueJobs::default());
    let makers_jobs: Arc<dyn Jobs> = jobs.clone();
    let (makers, made) = Makers::start(&makers_jobs, &maker, options.threads)?;
    let (events, ended) = mpsc::channel(options.max_held + A_RECEIVE);
    let stop = CancellationToken::new();
    let putting = put_all(made, &**store, queue, &stop, move |end| {
        // A stamp has one end, and there is room for one of each that is held.
        events.try_send(end).map_err(|_| Error::bug("a stamp ended twice"))
    });
    let mut worker = Worker {
        options,
        store,
        stamps,
        progress,
        drain,
        stop: stop.clone(),
        maker: maker.clone(),
        jobs,
        leases: Leases::new(options.visibility),
        runs: HashMap::new(),
        loading: FuturesUnordered::new(),
        receives: FuturesUnordered::new(),
        calls: FuturesUnordered::new(),
        done: Vec::new(),
        recorder: None,
        drawing: MakerTimes::default(),
        report: WorkReport::default(),
        failed: None,
    };
    let serving = async {
        let served = worker.serve(ended).await;
        (worker, served)
    };
    // The sender of events goes with `putting`, whose end is therefore the end of events.
    let (put, (mut worker, ())) = tokio::join!(putting, serving);
    let makers = makers.join();
    worker.give_back_all().await;
    let failed = worker.failed.take();
    let depth = stamps.depth().await;
    let mut report = std::mem::take(&mut worker.report);
    let times = [worker.drawing, makers?].into_iter().sum();
    let complete = failed.is_none() && !drain.is_cancelled();
    let recorder = worker.recorder.take().map_or_else(|| Recorder::new(Instant::now(), None), Ok)?;
    report.pump = recorder.finish(complete, options.threads, times, 0);
    report.pump.draw_cpu_seconds = maker.draw_cpu().as_secs_f64();
    report.pump.pictures_drawn = maker.drawn();
    report.dead = depth.ok().map(|depth| depth.dead);
    put?;
    failed.map_or(Ok(report), Err)
}

type Under<'a, T> = FuturesUnordered<Pin<Box<dyn Future<Output = T> + 'a>>>;

/// A run's plan: known, or being read while its stamps wait.
enum KnownRun {
    Loading(Vec<(StampMessage, u64, bool)>),
    Ready(Arc<Run>),
}

/// A call about done or held stamps.
enum Called {
    Deleted(Vec<ReceiptHandle>, Result<Vec<Result<()>>>),
    Extended(Result<Vec<Result<()>>>),
}

struct Worker<'a> {
    options: &'a WorkerOptions,
    store: &'a Arc<dyn Store>,
    stamps: &'a dyn Queue,
    progress: Arc<dyn Fn(Step) + Send + Sync>,
    drain: &'a CancellationToken,
    stop: CancellationToken,
    maker: Arc<PhotoMaker>,
    jobs: Arc<DueJobs>,
    leases: Leases,
    runs: HashMap<PlanName, KnownRun>,
    loading: Under<'a, (PlanName, Result<Loaded>)>,
    receives: Under<'a, Result<Vec<Message>>>,
    calls: Under<'a, Called>,
    /// Stamps to delete.
    done: Vec<ReceiptHandle>,
    recorder: Option<Recorder>,
    drawing: MakerTimes,
    report: WorkReport,
    failed: Option<Error>,
}

impl<'a> Worker<'a> {
    /// Works until there is no more to do, or until it is told to end or must, and then until every photo under way ended.
    async fn serve(&mut self, mut ended: mpsc::Receiver<Ended>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks = Looks::default();
        let mut is_ending = false;
        loop {
            if !is_ending {
                if self.failed.is_some() || self.drain.is_cancelled() {
                    // Photos whose put has not begun are left to whoever gets their stamps next.
                    self.stop.cancel();
                    is_ending = true;
                } else {
                    self.receive();
                }
                if is_ending {
                    self.end().await;
                }
            }
            tokio::select! {
                end = ended.recv() => match end {
                    Some(end) => self.settle(end),
                    None => break,
                },
                Some(received) = self.receives.next(), if !self.receives.is_empty() => {
                    looks.received(&received);
                    self.take(received);
                }
                Some((name, loaded)) = self.loading.next(), if !self.loading.is_empty() => self.loaded(name, loaded),
                Some(called) = self.calls.next(), if !self.calls.is_empty() => self.called(called),
                () = self.drain.cancelled(), if !is_ending => {}
                _ = tick.tick() => {
                    self.keep_up();
                    let idle = self.leases.len() == 0 && self.done.is_empty() && self.calls.is_empty();
                    if self.options.until_empty && !is_ending && looks.is_empty(self.stamps, idle).await {
                        is_ending = true;
                        self.end().await;
                    }
                }
            }
        }
        self.delete_done();
        while let Some(called) = self.calls.next().await {
            self.called(called);
        }
    }

    /// No more stamps; makers end with the photo they are at.
    async fn end(&mut self) {
        // Dropping a receive loses no message.
        self.receives.clear();
        self.jobs.close();
        self.stamps.release().await;
    }

    /// Starts as many receives as there is room for.
    fn receive(&mut self) {
        let most = RECEIVES.min(self.stamps.advice().receives_at_once);
        while self.receives.len() < most
            && self.leases.len() + (self.receives.len() + 1) * A_RECEIVE <= self.options.max_held.max(A_RECEIVE)
        {
            let wait = if self.options.until_empty { self.options.wait.min(LOOK_EVERY) } else { self.options.wait };
            self.receives.push(Box::pin(self.stamps.receive(A_RECEIVE, wait)));
        }
    }

    fn take(&mut self, received: Result<Vec<Message>>) {
        let messages = match received {
            Ok(messages) => messages,
            Err(error) if error.class().is_retryable() => {
                tracing::warn!(%error, "receiving stamps failed, trying again");
                let wait = error.wait().unwrap_or(LOOK_EVERY);
                let stamps = self.stamps;
                self.receives.push(Box::pin(async move {
                    tokio::time::sleep(wait).await;
                    stamps.receive(A_RECEIVE, Duration::ZERO).await
                }));
                return;
            }
            Err(error) => return self.fail(error.with_context("receiving stamps")),
        };
        let starved = self.jobs.is_empty();
        for message in messages {
            self.report.received_again += u64::from(message.receive_count > 1);
            match StampMessage::parse(&message.body) {
                Ok(stamp) => self.hold(&message, stamp, starved),
                Err(error) => {
                    let hint = error.hint_text().unwrap_or_default();
                    tracing::warn!(message_id = message.id, %error, hint, "left in the queue until it is a dead letter");
                    self.report.no_stamps += 1;
                    self.extend(vec![message.receipt], REST);
                }
            }
        }
    }

    fn hold(&mut self, message: &Message, stamp: StampMessage, starved: bool) {
        let ahead = stamp.due_at().map(|due_at| Timestamp::now().duration_until(due_at)).unwrap_or_default();
        let name = (stamp.plan_bucket.clone(), stamp.plan_key.clone());
        if ahead > signed(AHEAD) {
            // Also a stamp that is given back tells of its run: there is time to draw its pictures.
            self.runs.entry(name.clone()).or_insert_with(|| {
                self.loading.push(load(name, self.options, self.store, &self.maker, &self.progress, self.drain));
                KnownRun::Loading(Vec::new())
            });
            self.report.too_early += 1;
            let rest = Duration::try_from(ahead - signed(AGAIN_BEFORE)).unwrap_or(Duration::ZERO);
            return self.extend(vec![message.receipt.clone()], rest.min(Duration::from_secs(12 * 3_600)));
        }
        self.report.stamps += 1;
        let job_number = self.leases.hold(message);
        let came_late = starved && ahead.is_negative();
        match self.runs.get_mut(&name) {
            Some(KnownRun::Ready(run)) => self.jobs.add(job(run, &stamp, job_number, came_late)),
            Some(KnownRun::Loading(waiting)) => waiting.push((stamp, job_number, came_late)),
            None => {
                self.runs.insert(name.clone(), KnownRun::Loading(vec![(stamp, job_number, came_late)]));
                self.loading.push(load(name, self.options, self.store, &self.maker, &self.progress, self.drain));
            }
        }
    }

    fn loaded(&mut self, name: PlanName, loaded: Result<Loaded>) {
        let Loaded { run, plan, drawing } = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return self.fail(error),
        };
        self.drawing = [self.drawing, drawing].into_iter().sum();
        if self.recorder.is_none() {
            let start = match plan.arrival {
                Arrival::Unpaced => Instant::now(),
                Arrival::Paced(_) | Arrival::Replay { .. } => instant_of(plan.starts_at),
            };
            match Recorder::new(start, None) {
                Ok(recorder) => self.recorder = Some(recorder),
                Err(error) => return self.fail(error),
            }
            self.report.pump.run = plan.run;
        }
        if let Some(KnownRun::Loading(waiting)) = self.runs.insert(name, KnownRun::Ready(run.clone())) {
            for (stamp, job_number, came_late) in waiting {
                self.jobs.add(job(&run, &stamp, job_number, came_late));
            }
        }
    }

    fn settle(&mut self, end: Ended) {
        let job_number = match end {
            Ended::Put { job_number, delivered } => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.count_put(&delivered);
                    (self.progress)(Step::Photos(recorder.photos()));
                }
                job_number
            }
            Ended::Declined { job_number } => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.count_declined();
                }
                job_number
            }
            Ended::Failed { job_number, error } => {
                if error.class().is_retryable() {
                    tracing::warn!(%error, "its stamp comes again");
                    self.report.put_failures += 1;
                    let receipt = self.leases.release(job_number);
                    return self.extend(receipt.into_iter().collect(), REST);
                }
                return self.fail(error);
            }
        };
        self.done.extend(self.leases.release(job_number));
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    /// Deletes what is done and extends what is not.
    fn keep_up(&mut self) {
        self.delete_done();
        let short = self.leases.extend_short();
        self.extend(short, self.options.visibility);
    }

    fn delete_done(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let (receipts, stamps) = (std::mem::take(&mut self.done), self.stamps);
        self.calls.push(Box::pin(async move {
            let deleted = retried(|| stamps.delete(&receipts)).await;
            Called::Deleted(receipts, deleted)
        }));
    }

    fn extend(&mut self, receipts: Vec<ReceiptHandle>, visibility: Duration) {
        if !receipts.is_empty() {
            let stamps = self.stamps;
            self.calls.push(Box::pin(async move { Called::Extended(stamps.extend(&receipts, visibility).await) }));
        }
    }

    fn called(&mut self, called: Called) {
        match called {
            Called::Deleted(receipts, Ok(results)) => {
                for (receipt, result) in receipts.into_iter().zip(results) {
                    match result {
                        Ok(()) => {}
                        Err(error) if error.class() == Class::Missing => self.report.lost_leases += 1,
                        Err(error) if error.class().is_retryable() => self.done.push(receipt),
                        Err(error) => self.fail(error.with_context("deleting a stamp")),
                    }
                }
            }
            // Not deleted they come again, and lead to the same objects.
            Called::Deleted(_, Err(error)) if error.class().is_retryable() => {
                tracing::warn!(%error, "done stamps could not be deleted, they come again");
            }
            Called::Deleted(_, Err(error)) => self.fail(error.with_context("deleting stamps")),
            // A lease that was not extended ends, and its stamp comes again.
            Called::Extended(Err(error)) => tracing::debug!(%error, "stamps' leases were not extended"),
            Called::Extended(Ok(_)) => {}
        }
    }

    /// Gives back what is still held, so that others need not wait for the leases to end.
    async fn give_back_all(&mut self) {
        let held = self.leases.release_all();
        if let Err(error) = self.stamps.extend(&held, Duration::ZERO).await {
            tracing::debug!(%error, "stamps held at the end come again when their leases end");
        }
    }
}

fn job(run: &Arc<Run>, stamp: &StampMessage, job_number: u64, came_late: bool) -> Job {
    let due = stamp.due_at().map(|due_at| (instant_of(due_at), due_at));
    Job { run: run.clone(), stamp: stamp.stamp(), photo: None, due, job_number, came_late }
}

/// A moment on this process's clock.
fn instant_of(at: Timestamp) -> Instant {
    let (now, ahead) = (Instant::now(), Timestamp::now().duration_until(at));
    let moment = match Duration::try_from(ahead) {
        Ok(ahead) => now.checked_add(ahead),
        Err(_) => now.checked_sub(ahead.unsigned_abs()),
    };
    moment.unwrap_or(now)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

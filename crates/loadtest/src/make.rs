//! The makers: threads that turn stamps into files, ahead of when they are due.
//!
//! Making is CPU work on threads of its own. What is made and not yet put is held to a budget of bytes, so that memory
//! does not grow however slow the store is, and a channel carries it to the puts.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::answer_key::ExpectedPhoto;
use super::photo::PhotoMaker;
use super::story::{PlannedPhoto, Stamp, Story};
use scanmill_core::cpu::thread_cpu;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::{Error, Result};
use scanmill_flow::budget::{Budget, Permit};

/// Bytes of files that are made and not yet durable.
const AHEAD_BYTES: u64 = 64 << 20;
/// Made photos on their way to the puts; the budget holds them back before this does, unless they are tiny.
const AHEAD_PHOTOS: usize = 4_096;

/// What belongs to every photo of one run.
#[derive(Debug)]
pub struct Run {
    /// The story.
    pub story: Arc<Story>,
    /// Where its photos go.
    pub bucket: String,
}

/// A photo to make.
#[derive(Debug)]
pub struct Job {
    /// Whose photo it is.
    pub run: Arc<Run>,
    /// Its stamp.
    pub stamp: Stamp,
    /// The photo, where it is planned already.
    pub photo: Option<PlannedPhoto>,
    /// When it is due, on the two clocks.
    pub due: Option<(Instant, Timestamp)>,
    /// Which held stamp this is; 0 without a queue.
    pub job_number: u64,
    /// It came after it was due, and workers had been waiting for it.
    pub came_late: bool,
}

/// Where makers get their work.
pub trait Jobs: Send + Sync {
    /// The next job, waiting for one if need be; `None` when there will be no more.
    fn next(&self) -> Option<Job>;
}

/// What a maker gives to the puts.
#[derive(Debug)]
pub enum Made {
    /// A photo.
    Photo(Box<MadePhoto>),
    /// The story takes no photo at this stamp.
    Declined {
        /// Which job.
        job_number: u64,
    },
    /// It could not be made (a bug).
    Failed {
        /// Which job.
        job_number: u64,
        /// Why.
        error: Error,
    },
}

/// A photo, made and not yet put.
#[derive(Debug)]
pub struct MadePhoto {
    /// What must become of it.
    pub expected: ExpectedPhoto,
    /// The file.
    pub bytes: Bytes,
    /// When it is due.
    pub due: Option<Instant>,
    /// When it was made.
    pub at: Instant,
    /// Which job.
    pub job_number: u64,
    /// See [`Job::came_late`].
    pub came_late: bool,
    /// It waited for room in the budget.
    pub waited: bool,
    _room: Permit,
}

/// Time that maker threads spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MakerTimes {
    /// On a core.
    pub cpu: Duration,
    /// With work at hand: more than `cpu` where they had to share the cores.
    pub busy: Duration,
}

impl std::iter::Sum for MakerTimes {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), |sum, times| Self { cpu: sum.cpu + times.cpu, busy: sum.busy + times.busy })
    }
}

impl Job {
    /// Decides and makes. `None` when the story takes no photo.
    pub fn make(&self, maker: &PhotoMaker) -> Result<Option<(ExpectedPhoto, Bytes)>> {
        let story = &self.run.story;
        let photo = match &self.photo {
            Some(photo) => photo,
            None if self.stamp.certain || story.accepts(self.stamp) => &story.photo(self.stamp),
            None => return Ok(None),
        };
        let mut expected = ExpectedPhoto::of(&self.run.bucket, photo);
        expected.due_at = self.due.map(|(_, at)| utc_millis(at));
        Ok(Some((expected, maker.make(photo)?)))
    }
}

/// The running maker threads.
#[derive(Debug)]
pub struct Makers {
    threads: Vec<JoinHandle<MakerTimes>>,
}

impl Makers {
    /// Starts them. The receiver gets what they make until there is no more, or until it is dropped, which ends them.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start(
        jobs: &Arc<dyn Jobs>,
        maker: &Arc<PhotoMaker>,
        threads: usize,
    ) -> Result<(Makers, mpsc::Receiver<Made>)> {
        let (sender, receiver) = mpsc::channel(AHEAD_PHOTOS);
        let budget = Budget::new(AHEAD_BYTES);
        let threads = (0..threads.max(1))
            .map(|_| {
                let (jobs, maker, sender, budget) = (jobs.clone(), maker.clone(), sender.clone(), budget.clone());
                let runtime = Handle::current();
                std::thread::Builder::new()
                    .name("pump-maker".into())
                    .spawn(move || work(&*jobs, &maker, &sender, &budget, &runtime))
                    .map_err(|error| Error::transient("cannot start a maker thread").with_source(error))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok((Makers { threads }, receiver))
    }

    /// Waits for their end. The receiver must be empty or dropped by now.
    ///
    /// # Errors
    /// A thread that panicked.
    pub fn join(self) -> Result<MakerTimes> {
        self.threads.into_iter().map(|thread| thread.join().map_err(|_| Error::bug("a maker thread panicked"))).sum()
    }
}

fn work(
    jobs: &dyn Jobs,
    maker: &PhotoMaker,
    sender: &mpsc::Sender<Made>,
    budget: &Budget,
    runtime: &Handle,
) -> MakerTimes {
    let cpu_before = thread_cpu();
    let mut busy = Duration::ZERO;
    while let Some(job) = jobs.next() {
        let began = Instant::now();
        let made = job.make(maker);
        let at = Instant::now();
        busy += at - began;
        let made = match made {
            Err(error) => Made::Failed { job_number: job.job_number, error },
            Ok(None) => Made::Declined { job_number: job.job_number },
            Ok(Some((expected, bytes))) => {
                let size = bytes.len() as u64;
                let (room, waited) = match budget.try_acquire(size) {
                    Some(room) => (room, false),
                    None => (runtime.block_on(budget.acquire(size)), true),
                };
                let (due, job_number, came_late) = (job.due.map(|(due, _)| due), job.job_number, job.came_late);
                Made::Photo(Box::new(MadePhoto {
                    expected,
                    bytes,
                    due,
                    at,
                    job_number,
                    came_late,
                    waited,
                    _room: room,
                }))
            }
        };
        if sender.blocking_send(made).is_err() {
            break;
        }
    }
    MakerTimes { cpu: thread_cpu().saturating_sub(cpu_before), busy }
}

//! The stamps a worker holds: those that wait for a maker, by when they are due, and the leases of all of them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time;

use super::make::{Job, Jobs};
use scanmill_ports::queue::{Message, ReceiptHandle};

/// Jobs that wait for a maker, the earliest due first.
#[derive(Debug, Default)]
pub(super) struct DueJobs {
    waiting: Mutex<StampQueue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct StampQueue {
    jobs: BinaryHeap<Reverse<ByDue>>,
    is_closed: bool,
}

impl DueJobs {
    /// Adds a job.
    pub(super) fn add(&self, job: Job) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).jobs.push(Reverse(ByDue(job)));
        self.changed.notify_one();
    }

    /// Whether makers have nothing to do but what they are at.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).jobs.is_empty()
    }

    /// Ends the makers. What waits stays unmade.
    pub(super) fn close(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.changed.notify_all();
    }
}

impl Jobs for DueJobs {
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if waiting.is_closed {
                return None;
            }
            if let Some(Reverse(ByDue(job))) = waiting.jobs.pop() {
                return Some(job);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A job in the order it is to be made.
#[derive(Debug)]
struct ByDue(Job);

impl ByDue {
    fn key(&self) -> (Option<Instant>, u64, u64) {
        (self.0.due.map(|(due, _)| due), self.0.stamp.index, self.0.job_number)
    }
}

impl PartialEq for ByDue {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for ByDue {}
impl PartialOrd for ByDue {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ByDue {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The leases of the stamps a worker holds, by job.
#[derive(Debug)]
pub(super) struct Leases {
    held: HashMap<u64, (ReceiptHandle, time::Instant)>,
    visibility: Duration,
    next_job: u64,
}

impl Leases {
    /// Leases last `visibility`.
    pub(super) fn new(visibility: Duration) -> Self {
        Self { held: HashMap::new(), visibility, next_job: 1 }
    }

    /// Holds a message and gives it a number.
    pub(super) fn hold(&mut self, message: &Message) -> u64 {
        let job_number = self.next_job;
        self.next_job += 1;
        self.held.insert(job_number, (message.receipt.clone(), message.visible_again_at));
        job_number
    }

    /// Holds it no more.
    pub(super) fn release(&mut self, job_number: u64) -> Option<ReceiptHandle> {
        self.held.remove(&job_number).map(|(receipt, _)| receipt)
    }

    /// Holds none of them any more.
    pub(super) fn release_all(&mut self) -> Vec<ReceiptHandle> {
        self.held.drain().map(|(_, (receipt, _))| receipt).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Leases that have less than two thirds of their time left; they count as extended from now on.
    pub(super) fn extend_short(&mut self) -> Vec<ReceiptHandle> {
        let (now, visibility) = (time::Instant::now(), self.visibility);
        let short = self.held.values_mut().filter(|(_, until)| *until < now + visibility * 2 / 3);
        short
            .map(|(receipt, until)| {
                *until = now + visibility;
                receipt.clone()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::make::Run;
    use crate::story::{Stamp, Story, StoryOptions, StorySource};

    #[test]
    fn makers_get_the_earliest_first_and_end_when_closed() {
        let story = Story::new(&StorySource::default(), StoryOptions::default(), "p/".into()).unwrap();
        let run = Arc::new(Run { story: Arc::new(story), bucket: "inbox".into() });
        let now = Instant::now();
        let job = |index, seconds: Option<u64>| Job {
            run: run.clone(),
            stamp: Stamp { index, at: Timestamp::UNIX_EPOCH, certain: true },
            photo: None,
            due: seconds.map(|seconds| (now + Duration::from_secs(seconds), Timestamp::UNIX_EPOCH)),
            job_number: index,
            came_late: false,
        };
        let jobs = DueJobs::default();
        for (index, due) in [(4, Some(9)), (2, Some(3)), (3, Some(3)), (7, None)] {
            jobs.add(job(index, due));
        }
        let order: Vec<u64> = (0..4).map(|_| jobs.next().unwrap().stamp.index).collect();
        assert_eq!(order, [7, 2, 3, 4]);
        assert!(jobs.is_empty());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| jobs.next().is_none());
            jobs.close();
            assert!(waiting.join().unwrap());
        });
        jobs.add(job(1, None));
        assert!(jobs.next().is_none(), "what waits stays unmade");
    }

    #[test]
    fn a_lease_is_extended_once_a_third_of_it_is_over() {
        let visibility = Duration::from_secs(60);
        let mut leases = Leases::new(visibility);
        let message = |id: &str, left: u64| Message {
            trace: None,
            id: id.into(),
            body: String::new(),
            receipt: ReceiptHandle(id.into()),
            receive_count: 1,
            sent_at: Timestamp::UNIX_EPOCH,
            visible_again_at: time::Instant::now() + Duration::from_secs(left),
        };
        let (fresh, old) = (leases.hold(&message("fresh", 60)), leases.hold(&message("old", 20)));
        assert_eq!(leases.extend_short(), [ReceiptHandle("old".into())]);
        assert!(leases.extend_short().is_empty(), "it has its full time again");
        assert_eq!(leases.release(old), Some(ReceiptHandle("old".into())));
        assert_eq!(leases.release(old), None);
        assert_eq!((leases.len(), leases.release_all()), (1, vec![ReceiptHandle("fresh".into())]));
        assert_eq!(leases.release(fresh), None);
    }
}

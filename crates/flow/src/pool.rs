//! The hand-off from async code to a rayon pool of fixed size.
//!
//! Jobs wait on a bounded crossbeam channel that each of the pool's threads reads. Nobody blocks on sending: a blocking
//! send from a tokio worker, met by CPU threads that block on a tokio channel, deadlocks (measured). Callers hold a permit
//! for every job they submit, so the channel (as large as the permits can ever be) is never full; one job too many is
//! refused.
//!
//! The threads wait on the channel and not in the pool: one of rayon's that runs out of work looks into the lists of all
//! others again and again before it sleeps, and with 96 threads that took more CPU than all else beside the decode.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use scanmill_core::error::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of CPU threads. Dropping it lets queued jobs end and then ends the threads.
pub struct CpuPool {
    /// Its threads end when the last job is done after `jobs` is gone.
    _threads: rayon::ThreadPool,
    /// Jobs submitted and not begun.
    jobs: Sender<Job>,
    waiting: Receiver<Job>,
}

impl CpuPool {
    /// Starts `threads` workers that can have up to `capacity` jobs waiting.
    pub fn start(name: &'static str, threads: usize, capacity: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(move |index| format!("{name}-{index}"))
            .build()
            .map_err(|error| Error::transient(format!("cannot start {threads} {name} threads")).with_source(error))?;
        let (jobs, waiting) = bounded::<Job>(capacity);
        let read = waiting.clone();
        pool.spawn_broadcast(move |_| read.iter().for_each(|job| job()));
        Ok(Self { _threads: pool, jobs, waiting })
    }

    /// Drops the jobs that no worker has begun.
    pub fn drop_waiting(&self) {
        while self.waiting.try_recv().is_ok() {}
    }

    /// Runs `work` on a worker and hands its outcome to `deliver` on the same worker. A panic of `work` is an outcome
    /// (its message); it reaches neither the pool nor the process.
    ///
    /// # Errors
    /// [`scanmill_core::error::Class::Bug`] when too many wait: the caller holds no permit for this job.
    pub fn submit<T>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(std::result::Result<T, String>) + Send + 'static,
    ) -> Result<()> {
        let job: Job = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(panic.as_ref()));
            // `deliver` only sends on a reserved slot; should it panic all the same, the job's Drop guards have
            // already given everything back, and the process must live on.
            let _ = catch_unwind(AssertUnwindSafe(|| deliver(outcome)));
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::bug("more jobs wait for the cpu pool than there are permits"),
            TrySendError::Disconnected(_) => Error::transient("the cpu pool has stopped"),
        })
    }
}

/// The message of a panic, as far as it has one.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_and_panics_both_come_back() {
        let pool = CpuPool::start("test", 2, 16).unwrap();
        let (sender, outcomes) = std::sync::mpsc::sync_channel(10);
        for number in 0..10 {
            let sender = sender.clone();
            pool.submit(
                move || {
                    assert!(number != 3, "three is not wanted");
                    number
                },
                move |outcome| sender.send(outcome).unwrap(),
            )
            .unwrap();
        }
        drop(sender);
        let outcomes: Vec<_> = outcomes.iter().collect();
        assert_eq!(outcomes.len(), 10);
        let panics: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert_eq!(panics, ["three is not wanted"]);
    }

    #[test]
    fn one_job_too_many_is_refused_and_those_that_wait_are_done_before_the_end() {
        let pool = CpuPool::start("test", 1, 2).unwrap();
        let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let (begun, began) = std::sync::mpsc::sync_channel(1);
        let (done, outcomes) = std::sync::mpsc::sync_channel(2);
        let blocks = move || {
            begun.send(()).unwrap();
            wait.recv().unwrap();
        };
        pool.submit(blocks, |_| ()).unwrap();
        began.recv().unwrap();
        for number in 0..2 {
            let done = done.clone();
            pool.submit(move || number, move |outcome| done.send(outcome).unwrap()).unwrap();
        }
        assert_eq!(pool.submit(|| 3, |_| ()).unwrap_err().class(), scanmill_core::error::Class::Bug);
        drop((pool, done));
        go.send(()).unwrap();
        assert_eq!(outcomes.iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 1]);
    }
}

//! The photo's time budget: CPU time, with a guard on the wall clock.
//!
//! Wall time says little about a photo: a process that is suspended, swapped out or starved of cores would reject good
//! photos. So what counts is the CPU time of the thread. The wall clock is only a guard against a machine that gives
//! this process next to nothing: what it ends says nothing about the photo ([`Deadline::is_stalled`]).
//!
//! Deadlines are looked at very often, and a thread's CPU clock is a system call. But a thread cannot use more CPU time
//! than passes on the wall clock, so the CPU clock is asked only once the budget has passed on the wall.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scanmill_core::cpu::thread_cpu;

/// How many times its budget a photo may take on the wall clock, and how long at the least.
const WALL_FACTOR: u32 = 30;
const WALL_LEAST: Duration = Duration::from_secs(60);

/// When a photo's time budget ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// Unique in the process.
    number: u64,
    /// The thread it was made on.
    owner: u64,
    budget: Duration,
    /// That thread's CPU time at which the budget is used up.
    cpu_end: Duration,
    /// Not used up before then. `None`: too far away for the clock, never.
    not_before: Option<Instant>,
    /// The guard.
    wall_end: Option<Instant>,
}

impl Deadline {
    /// `budget` of this thread's CPU time from now.
    pub(crate) fn after(budget: Duration) -> Deadline {
        Deadline::since(thread_cpu(), budget)
    }

    /// `budget` from the moment at which this thread's CPU time was `cpu`, a moment ago.
    pub(crate) fn since(cpu: Duration, budget: Duration) -> Deadline {
        let now = Instant::now();
        let most = budget.saturating_mul(WALL_FACTOR).max(WALL_LEAST);
        Deadline {
            number: next_number(),
            owner: THREAD.with(|number| *number),
            budget,
            cpu_end: cpu.saturating_add(budget),
            not_before: now.checked_add(budget),
            wall_end: now.checked_add(most),
        }
    }

    /// Whether the time is over.
    pub(crate) fn is_over(&self) -> bool {
        let Some(not_before) = self.not_before else { return false };
        let now = Instant::now();
        now >= not_before && (self.is_past_guard(now) || self.is_used_up())
    }

    /// Whether the guard ended what had CPU time left: the machine was busy or asleep, and the photo deserves another
    /// try. To be asked on the thread the deadline was made on.
    pub(crate) fn is_stalled(&self) -> bool {
        self.is_past_guard(Instant::now()) && !self.is_used_up()
    }

    /// The earlier of this deadline and `budget` from now.
    pub(crate) fn at_most(&self, budget: Duration) -> Deadline {
        // What began before ends before.
        if budget >= self.budget && THREAD.with(|number| *number) == self.owner {
            return *self;
        }
        let other = Deadline::after(budget);
        Deadline {
            cpu_end: other.cpu_end.min(self.end_here()),
            not_before: earlier(self.not_before, other.not_before),
            // The guard is the photo's, not that of a part of its work.
            wall_end: self.wall_end,
            ..other
        }
    }

    fn is_past_guard(&self, now: Instant) -> bool {
        self.wall_end.is_some_and(|end| now >= end)
    }

    fn is_used_up(&self) -> bool {
        thread_cpu() >= self.end_here()
    }

    /// The calling thread's CPU time at which the budget is used up. A thread that helps with the photo has a clock of
    /// its own: it gets the budget anew when it first asks, which bounds it as well.
    fn end_here(&self) -> Duration {
        if THREAD.with(|number| *number) == self.owner {
            return self.cpu_end;
        }
        HELPED.with(|helped| match helped.get() {
            (number, end) if number == self.number => end,
            _ => {
                let end = thread_cpu().saturating_add(self.budget);
                helped.set((self.number, end));
                end
            }
        })
    }
}

thread_local! {
    static THREAD: u64 = next_number();
    /// The last deadline of another thread that this one looked at, and where its CPU time ends for it.
    static HELPED: Cell<(u64, Duration)> = const { Cell::new((0, Duration::ZERO)) };
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    fn work_for(cpu: Duration) {
        let end = thread_cpu() + cpu;
        while thread_cpu() < end {}
    }

    /// A deadline whose guard has passed.
    fn past_guard(budget: Duration) -> Deadline {
        Deadline { wall_end: Some(Instant::now()), not_before: Some(Instant::now()), ..Deadline::after(budget) }
    }

    #[test]
    fn only_cpu_time_uses_it_up() {
        let deadline = Deadline::after(SHORT);
        std::thread::sleep(SHORT * 2);
        assert!(!deadline.is_over(), "the thread slept");
        work_for(SHORT);
        assert!(deadline.is_over() && !deadline.is_stalled());
        assert!(Deadline::after(Duration::ZERO).is_over());
        assert!(!Deadline::after(Duration::MAX).is_over());
    }

    #[test]
    fn past_the_guard_it_is_over_and_stalled() {
        let deadline = past_guard(Duration::from_secs(60));
        assert!(deadline.is_over() && deadline.is_stalled());
        let part = deadline.at_most(Duration::from_secs(30));
        assert!(part.is_past_guard(Instant::now()), "the guard is the photo's");
    }

    #[test]
    fn a_part_ends_with_the_whole_or_before() {
        let whole = Deadline::after(SHORT);
        let (long, short) = (whole.at_most(Duration::from_secs(60)), Deadline::after(Duration::MAX).at_most(SHORT));
        work_for(SHORT);
        assert!(long.is_over() && short.is_over());
    }

    #[test]
    fn a_helping_thread_counts_its_own_time() {
        let deadline = Deadline::after(SHORT);
        work_for(SHORT);
        let helper = std::thread::spawn(move || {
            work_for(SHORT * 2);
            let at_first = deadline.is_over();
            work_for(SHORT);
            (at_first, deadline.is_over())
        });
        assert_eq!(helper.join().unwrap(), (false, true));
        assert!(deadline.is_over());
    }
}

//! CPU time: what work costs, whatever else the machine did meanwhile.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of all threads since the process started, user and system.
pub fn process_cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

thread_local! {
    static CHARGED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// CPU time of the calling thread since it started, with what it was [charged](charge). The difference of two readings on
/// one thread is what the work between them cost, whatever else the machine did.
pub fn thread_cpu() -> Duration {
    read(ClockId::ThreadCPUTime).saturating_add(CHARGED.get())
}

/// Counts what another thread spent on the calling thread's work as its own.
pub fn charge(spent: Duration) {
    CHARGED.set(CHARGED.get().saturating_add(spent));
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

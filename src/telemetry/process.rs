//! What this process costs: CPU time and memory.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of all threads since the process started, user and system.
pub fn process_cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// CPU time of the calling thread since it started. The difference of two readings on one thread is what the work
/// between them cost, whatever else the machine did.
pub fn thread_cpu() -> Duration {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Resident memory of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Now, in bytes.
    pub resident_bytes: u64,
    /// The most there ever was, in bytes.
    pub peak_resident_bytes: u64,
}

/// Resident memory, on Linux; `None` elsewhere.
pub fn memory() -> Option<Memory> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let kib = status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { resident_bytes: bytes("VmRSS:")?, peak_resident_bytes: bytes("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_file() {
        let status = "Name:\tscanmill\nVmHWM:\t  2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse(status), Some(Memory { resident_bytes: 1 << 20, peak_resident_bytes: 2 << 20 }));
        assert_eq!(parse("Name:\tkernel thread\n"), None);
        assert_eq!(parse("VmHWM:\t many kB\nVmRSS:\t1 kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_used_cpu() {
        let memory = memory().expect("Linux tells");
        assert!(memory.peak_resident_bytes >= memory.resident_bytes && memory.resident_bytes > 0);
        let before = thread_cpu();
        // Work until the clock moves: a condition, not a guess about speed.
        while thread_cpu() == before {
            std::hint::black_box((0..1_000).sum::<u64>());
        }
        assert!(process_cpu() >= thread_cpu() - before);
    }
}

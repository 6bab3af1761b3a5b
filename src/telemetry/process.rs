//! What this process costs: CPU time and memory.

pub use scanmill_core::cpu::{process_cpu, thread_cpu};

/// Ticks of a second in `/proc/stat`: the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

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

/// CPU seconds that all cores together have worked since the boot, on Linux.
pub fn machine_cpu_seconds() -> Option<f64> {
    busy(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// User, nice, system, interrupts; not idle, not waiting for disks, not what other machines took.
fn busy(stat: &str) -> Option<f64> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = all.split_whitespace().map_while(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, ..] = ticks.as_slice() else { return None };
    Some((user + nice + system + interrupts + soft_interrupts) / TICKS_PER_SECOND)
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

    #[test]
    fn adds_up_what_the_cores_worked() {
        assert_eq!(busy("cpu  100 20 30 9999 50 5 45 7 0 0\ncpu0 1 2 3\n"), Some(2.0));
        assert_eq!(busy("cpu  100 20\n"), None);
        assert_eq!(busy("intr 5\n"), None);
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

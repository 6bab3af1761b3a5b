//! What this process costs: CPU time and memory.

pub use scanmill_core::cpu::{process_cpu, thread_cpu};

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

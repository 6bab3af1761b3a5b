//! What this process costs: CPU time, memory, descriptors and threads.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

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
    parse(&read("self/status")?)
}

/// A file of `/proc`. They say that they are empty, so that without room for it all it is read in eight small pieces.
fn read(name: &str) -> Option<String> {
    let mut text = String::with_capacity(8 << 10);
    File::open(format!("/proc/{name}")).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

fn parse(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let kib = status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { resident_bytes: bytes("VmRSS:")?, peak_resident_bytes: bytes("VmHWM:")? })
}

/// What else `/proc` tells of this process, where it does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Footprint {
    /// Resident memory.
    pub memory: Option<Memory>,
    /// Address space, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// How many there may be.
    pub max_fds: Option<u64>,
    /// When it started, in seconds since 1970.
    pub started_at: Option<f64>,
}

/// Looks now.
pub fn footprint() -> Footprint {
    let status = read("self/status").unwrap_or_default();
    let number = |name: &str| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    Footprint {
        memory: parse(&status),
        virtual_bytes: number("VmSize:").and_then(|kib| kib.checked_mul(1024)),
        threads: number("Threads:"),
        // The handle that reads the folder is one of them.
        open_fds: std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as u64),
        max_fds: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        started_at: started_at(),
    }
}

/// When this process started: always the same, and on a machine of many cores a file of a thousand interrupts.
fn started_at() -> Option<f64> {
    static STARTED_AT: OnceLock<Option<f64>> = OnceLock::new();
    *STARTED_AT.get_or_init(|| {
        let boot: f64 = read("stat")?.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(boot + started_after_boot(&read("self/stat")?)?)
    })
}

/// Seconds from the boot to the start of a process, by its `stat`.
fn started_after_boot(stat: &str) -> Option<f64> {
    // The name before it may hold anything, spaces and brackets included.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().nth(19)?.parse::<f64>().ok()? / TICKS_PER_SECOND)
}

/// CPU seconds that all cores together have worked since the boot, on Linux.
pub fn machine_cpu_seconds() -> Option<f64> {
    busy(&read("stat")?)
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
    fn knows_when_a_process_started_whatever_its_name() {
        let stat = "7 (a) b (c)) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4200 99 88";
        assert_eq!(started_after_boot(stat), Some(42.0));
        assert_eq!(started_after_boot("7 (a"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_a_footprint() {
        let found = footprint();
        assert!(found.virtual_bytes > Some(0) && found.threads > Some(0) && found.open_fds > Some(2), "{found:?}");
        let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970");
        // The boot is told in whole seconds.
        let started_at = found.started_at.expect("Linux tells");
        assert!(started_at > 1.6e9 && started_at <= now.as_secs_f64() + 2.0, "{found:?}");
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

//! A thread that looks at the running engine once a second while the pump works and waits.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::cli::engine_file;
use crate::error::{Error, Result};
use crate::pump::load_report::watch::{EngineSide, Watch};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Ticks of a second in `/proc/stat`: the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The thread.
pub struct Sampler {
    stop: SyncSender<()>,
    thread: JoinHandle<Watch>,
}

impl Sampler {
    /// Begins to look at whatever engine runs on `root`, now and then once a second.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start(root: &Path) -> Result<Sampler> {
        let (stop, stopped) = sync_channel(1);
        let root = root.to_owned();
        let thread = std::thread::Builder::new()
            .name("sampler".into())
            .spawn(move || watch(&root, &stopped))
            .map_err(|error| Error::transient("cannot start the thread that looks at the engine").source(error))?;
        Ok(Sampler { stop, thread })
    }

    /// Looks a last time. Nothing when no engine ever answered.
    ///
    /// # Errors
    /// A thread that panicked (a bug).
    pub fn end(self) -> Result<Option<EngineSide>> {
        // It is gone only when it panicked, which its end tells.
        let _ = self.stop.send(());
        let watch = self.thread.join().map_err(|_| Error::bug("the thread that looks at the engine panicked"))?;
        Ok(watch.end())
    }
}

fn watch(root: &Path, stopped: &Receiver<()>) -> Watch {
    let began = Instant::now();
    let mut watch = Watch::default();
    for look in 0_u32.. {
        take(root, began, &mut watch);
        let next = EVERY * (look + 1);
        match stopped.recv_timeout(next.saturating_sub(began.elapsed())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    take(root, began, &mut watch);
    watch
}

fn take(root: &Path, began: Instant, watch: &mut Watch) {
    match engine_file::look(root) {
        Some(look) => watch.look(began.elapsed().as_secs_f64(), &look.state, &look.metrics, machine_cpu_seconds()),
        None => watch.missed(),
    }
}

/// CPU seconds that all cores together have worked since the boot, on Linux.
fn machine_cpu_seconds() -> Option<f64> {
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
    fn adds_up_what_the_cores_worked() {
        assert_eq!(busy("cpu  100 20 30 9999 50 5 45 7 0 0\ncpu0 1 2 3\n"), Some(2.0));
        assert_eq!(busy("cpu  100 20\n"), None);
        assert_eq!(busy("intr 5\n"), None);
    }

    #[test]
    fn no_engine_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let sampler = Sampler::start(root.path()).unwrap();
        assert_eq!(sampler.end().unwrap(), None);
    }
}

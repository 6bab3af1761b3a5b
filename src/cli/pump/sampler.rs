//! A thread that looks at the running engine once a second while the pump works and waits.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::cli::engine_file;
use crate::error::{Error, Result};
use crate::pump::load_report::watch::{EngineSide, Watch};
use crate::telemetry::process;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// The thread.
pub(super) struct Sampler {
    stop: SyncSender<()>,
    thread: JoinHandle<Watch>,
}

impl Sampler {
    /// Begins to look at whatever engine runs on `root`, now and then once a second.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(super) fn start(root: &Path) -> Result<Sampler> {
        let (stop, stopped) = sync_channel(1);
        let root = root.to_owned();
        let thread = std::thread::Builder::new()
            .name("sampler".into())
            .spawn(move || watch(&root, &stopped))
            .map_err(|error| Error::transient("cannot start the thread that samples the engine").with_source(error))?;
        Ok(Sampler { stop, thread })
    }

    /// Looks a last time. Nothing when no engine ever answered.
    ///
    /// # Errors
    /// A thread that panicked (a bug).
    pub(super) fn end(self) -> Result<Option<EngineSide>> {
        // It is gone only when it panicked, which its end tells.
        let _ = self.stop.send(());
        let watch = self.thread.join().map_err(|_| Error::bug("the thread that samples the engine panicked"))?;
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
        Some(look) => {
            watch.look(began.elapsed().as_secs_f64(), &look.state, &look.metrics, process::machine_cpu_seconds());
        }
        None => watch.missed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_engine_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let sampler = Sampler::start(root.path()).unwrap();
        assert_eq!(sampler.end().unwrap(), None);
    }
}

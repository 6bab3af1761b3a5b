//! Looks for calls that hang, from a thread of its own: what hangs may be any other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Recipient;
use tokio::sync::watch;

use super::messages::StageHung;
use super::supervisor::Phase;
use crate::error::{Error, Result};
use crate::telemetry::calls::Calls;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);

/// Looks until the last phase, and tells the supervisor.
///
/// # Errors
/// When the system gives no thread.
pub fn start(calls: Arc<Calls>, phase: watch::Receiver<Phase>, supervisor: Recipient<StageHung>) -> Result<()> {
    let look = move || {
        let mut looked_at = Instant::now();
        while phase.has_changed().is_ok() && !phase.borrow().is_end() {
            std::thread::sleep(EVERY);
            // At most two: what is beyond was not a time of this process.
            let since = looked_at.elapsed().min(2 * EVERY);
            looked_at = Instant::now();
            if let Some(hung) = calls.look(since) {
                supervisor.do_send(StageHung(hung));
            }
        }
    };
    let started = std::thread::Builder::new().name("watchdog".into()).spawn(look);
    started.map(drop).map_err(|error| Error::transient("cannot start the watchdog's thread").with_source(error))
}

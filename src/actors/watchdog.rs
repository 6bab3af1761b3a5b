//! Looks for calls that hang, from a thread of its own: what hangs may be any other.

use std::sync::Arc;
use std::time::Duration;

use actix::Recipient;
use tokio::runtime;
use tokio::sync::watch;
use tokio::time::Instant;

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
    let failed = |error| Error::transient("cannot start the watchdog's thread").with_source(error);
    // A runtime of its own: the timers of another one ring only while its threads do not hang.
    let timer = runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
    let look = move || timer.block_on(keep_looking(calls, phase, supervisor));
    std::thread::Builder::new().name("watchdog".into()).spawn(look).map(drop).map_err(failed)
}

/// The same by the clock of the runtime that this runs on.
pub(super) async fn keep_looking(calls: Arc<Calls>, phase: watch::Receiver<Phase>, supervisor: Recipient<StageHung>) {
    let mut looked_at = Instant::now();
    while phase.has_changed().is_ok() && !phase.borrow().is_end() {
        tokio::time::sleep(EVERY).await;
        // At most two: what is beyond was not a time of this process.
        let since = looked_at.elapsed().min(2 * EVERY);
        looked_at = Instant::now();
        if let Some(hung) = calls.look(since) {
            supervisor.do_send(StageHung(hung));
        }
    }
}

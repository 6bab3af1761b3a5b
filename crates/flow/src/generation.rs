//! One generation of the pipeline: cancelled as a whole, with the first fault kept as the root cause.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use scanmill_core::error::Error;

/// What ended a generation, and where.
#[derive(Debug)]
pub struct Fault {
    /// The actor that failed first.
    pub actor: &'static str,
    /// Why.
    pub error: Error,
}

/// Cancellation of one generation. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Generation {
    stop: CancellationToken,
    is_followed: Arc<AtomicBool>,
    first_fault: Arc<OnceLock<Fault>>,
}

impl Generation {
    /// Records a fault and stops the generation. Faults after the first are consequences and are dropped; the record
    /// is made before the stop is visible, so that nobody sees a stopped generation without its cause.
    pub fn fail(&self, actor: &'static str, error: Error) {
        let _ = self.first_fault.set(Fault { actor, error });
        self.stop.cancel();
    }

    /// Another generation follows this one's drain: what it shares with that one may be left to it.
    pub fn hand_over(&self) {
        self.is_followed.store(true, Ordering::Release);
    }

    /// Whether another generation follows this one's drain.
    pub fn is_followed(&self) -> bool {
        self.is_followed.load(Ordering::Acquire)
    }

    /// Another is no longer wanted: the drain is the last.
    pub fn end_here(&self) {
        self.is_followed.store(false, Ordering::Release);
    }

    /// Stops at once.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Cancelled when everything must stop now.
    pub fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// The first fault, if there was one.
    pub fn fault(&self) -> Option<&Fault> {
        self.first_fault.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_the_root_cause() {
        let generation = Generation::default();
        generation.clone().fail("fetcher", Error::transient("reset"));
        generation.fail("batch_writer", Error::transient("channel closed"));
        assert!(generation.stopped().is_cancelled());
        assert_eq!(generation.fault().map(|fault| fault.actor), Some("fetcher"));
    }
}

//! When a queue counts as empty.

use std::time::{Duration, Instant};

use scanmill_core::error::Result;
use scanmill_ports::queue::{Message, Queue};

/// Looks at an empty queue before it counts as empty, where its depth is only roughly right.
const LOOKS: u32 = 3;
/// The time between two.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether the queue is empty, by looks at it.
#[derive(Default)]
pub(super) struct Looks {
    empty: u32,
    last: Option<Instant>,
    brought: bool,
}

impl Looks {
    /// A receive ended.
    pub(super) fn received(&mut self, received: &Result<Vec<Message>>) {
        self.brought |= received.as_ref().is_ok_and(|messages| !messages.is_empty());
    }

    /// Whether it is empty. `idle` says that this worker holds none of its stamps.
    pub(super) async fn is_empty(&mut self, stamps: &dyn Queue, idle: bool) -> bool {
        if !idle || std::mem::take(&mut self.brought) {
            self.empty = 0;
            return false;
        }
        let is_approximate = stamps.advice().is_approximate;
        if is_approximate && self.last.is_some_and(|last| last.elapsed() < LOOK_EVERY) {
            return false;
        }
        self.last = Some(Instant::now());
        let is_empty = stamps.depth().await.is_ok_and(|depth| depth.ready == 0 && depth.in_flight == 0);
        self.empty = if is_empty { self.empty + 1 } else { 0 };
        self.empty >= if is_approximate { LOOKS } else { 1 }
    }
}

//! Which GETs of photos are told to slow down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Draws;
use crate::cases::{Case, Fault};

pub struct Faults {
    fault: Fault,
    began: Instant,
    left: AtomicU64,
    draws: Draws,
}

impl Faults {
    pub fn new(case: &Case) -> Faults {
        let left = match case.fault {
            Fault::Burst { count, .. } => count,
            Fault::None | Fault::Share(_) => 0,
        };
        Faults { fault: case.fault, began: Instant::now(), left: AtomicU64::new(left), draws: Draws::new() }
    }

    /// Whether the GET that begins now is throttled.
    pub fn is_throttled(&self) -> bool {
        match self.fault {
            Fault::None => false,
            Fault::Share(share) => self.draws.next() < share,
            Fault::Burst { at_second, .. } => {
                self.began.elapsed().as_secs_f64() >= at_second
                    && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            }
        }
    }
}

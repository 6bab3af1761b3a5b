//! Which leases are held and when each is to be extended. As large as what is in flight, and no larger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::queue::ReceiptHandle;

/// SQS ends a lease 12 hours after the receive whatever is asked; an extension that reaches past that is an error. The
/// receive began up to a long poll before its messages came.
const LEASE_CAP: Duration = Duration::from_secs(12 * 3600 - 60);

/// The least time between two tries, or a failing queue would be asked without a pause.
const PAUSE: Duration = Duration::from_millis(200);

/// All leases held.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: HashMap<ReceiptHandle, Lease>,
    due: BTreeSet<(Instant, ReceiptHandle)>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    held_since: Instant,
    deadline: Instant,
    due: Instant,
    is_deleting: bool,
}

impl Leases {
    /// Holds a lease that ends at `deadline`.
    pub(super) fn hold(&mut self, receipt: ReceiptHandle, now: Instant, deadline: Instant) {
        let lease = Lease { held_since: now, deadline, due: now, is_deleting: false };
        self.held.insert(receipt.clone(), lease);
        self.plan(&receipt, now);
    }

    /// Its delete is on the way: still extended until that is done, since a slow delete must not lose it.
    pub(super) fn deleting(&mut self, receipt: &ReceiptHandle) {
        if let Some(lease) = self.held.get_mut(receipt) {
            lease.is_deleting = true;
        }
    }

    /// Forgets a lease; whether it was held for more than its delete.
    pub(super) fn release(&mut self, receipt: &ReceiptHandle) -> bool {
        let Some(lease) = self.held.remove(receipt) else { return false };
        self.due.remove(&(lease.due, receipt.clone()));
        !lease.is_deleting
    }

    /// When the next lease is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes what is due, at most `max`, by how long each may be extended: `wanted`, or less where its 12 hours end
    /// sooner. Each must come back by [`Leases::extended`], [`Leases::failed`] or [`Leases::release`].
    pub(super) fn take_due(
        &mut self,
        now: Instant,
        max: usize,
        wanted: Duration,
    ) -> BTreeMap<Duration, Vec<ReceiptHandle>> {
        let mut taken: BTreeMap<Duration, Vec<ReceiptHandle>> = BTreeMap::new();
        let mut count = 0;
        while count < max && self.next_due().is_some_and(|due| due <= now) {
            let Some((_, receipt)) = self.due.pop_first() else { break };
            let Some(lease) = self.held.get(&receipt) else { continue };
            let left = LEASE_CAP.saturating_sub(now.duration_since(lease.held_since));
            // Whole seconds: leases that reach their end together share a call.
            let allowed = wanted.min(Duration::from_secs(left.as_secs()));
            if now + allowed > lease.deadline {
                taken.entry(allowed).or_default().push(receipt);
                count += 1;
            }
        }
        taken
    }

    /// The lease now ends at `deadline`.
    pub(super) fn extended(&mut self, receipt: &ReceiptHandle, now: Instant, deadline: Instant) {
        if let Some(lease) = self.held.get_mut(receipt) {
            lease.deadline = deadline;
            self.plan(receipt, now);
        }
    }

    /// Extending it failed: tried again while the lease lasts, then forgotten.
    pub(super) fn failed(&mut self, receipt: &ReceiptHandle, now: Instant) {
        match self.held.get(receipt).map(|lease| lease.deadline) {
            Some(deadline) if deadline > now => self.plan(receipt, now + PAUSE),
            _ => drop(self.release(receipt)),
        }
    }

    /// Plans the next extension at half of what is left, so that a failed call leaves time for more.
    fn plan(&mut self, receipt: &ReceiptHandle, now: Instant) {
        let Some(lease) = self.held.get_mut(receipt) else { return };
        lease.due = now + lease.deadline.saturating_duration_since(now) / 2;
        self.due.insert((lease.due, receipt.clone()));
    }

    /// Leases held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes every lease whose message is still wanted.
    pub(super) fn take_all(&mut self) -> Vec<ReceiptHandle> {
        self.due.clear();
        self.held.drain().filter(|(_, lease)| !lease.is_deleting).map(|(receipt, _)| receipt).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn receipt(name: &str) -> ReceiptHandle {
        ReceiptHandle(name.to_owned())
    }

    #[test]
    fn each_is_due_at_half_of_what_is_left_and_nothing_stays_behind() {
        let start = Instant::now();
        let mut leases = Leases::default();
        leases.hold(receipt("a"), start, start + LEASE);
        leases.hold(receipt("b"), start, start + LEASE / 2);
        assert_eq!(leases.next_due(), Some(start + LEASE / 4));
        assert_eq!(leases.take_due(start + LEASE / 4, 10, LEASE), [(LEASE, vec![receipt("b")])].into());
        let now = start + LEASE / 4;
        leases.extended(&receipt("b"), now, now + LEASE);
        assert_eq!(leases.next_due(), Some(start + LEASE / 2), "a");
        assert!(leases.release(&receipt("a")));
        assert_eq!(leases.next_due(), Some(now + LEASE / 2), "b");
        leases.deleting(&receipt("b"));
        assert!(!leases.release(&receipt("b")));
        // A settled lease leaves no entry: with long leases those would pile up by the million.
        assert_eq!((leases.len(), leases.due.len()), (0, 0));
    }

    #[test]
    fn a_failure_is_tried_again_while_the_lease_lasts() {
        let start = Instant::now();
        let mut leases = Leases::default();
        leases.hold(receipt("a"), start, start + LEASE);
        let mut now = start;
        let mut tries = 0;
        while let Some(due) = leases.next_due() {
            assert!(due >= now && due <= start + LEASE + PAUSE, "{:?}", due - start);
            now = due;
            for receipt in leases.take_due(now, 10, LEASE).into_values().flatten() {
                tries += 1;
                leases.failed(&receipt, now);
            }
        }
        assert!((5..400).contains(&tries), "{tries}");
        assert_eq!(leases.len(), 0);
    }

    #[test]
    fn past_the_cap_of_the_queue_a_lease_is_left_to_end() {
        let start = Instant::now();
        let mut leases = Leases::default();
        leases.hold(receipt("a"), start, start + LEASE);
        let (mut now, mut extensions) = (start, 0);
        while let Some(due) = leases.next_due() {
            now = due;
            for (allowed, receipts) in leases.take_due(now, 10, LEASE) {
                assert!(allowed <= LEASE && now + allowed <= start + LEASE_CAP, "{:?}", now - start);
                extensions += 1;
                receipts.iter().for_each(|receipt| leases.extended(receipt, now, now + allowed));
            }
        }
        assert!(extensions > 1_000, "every half minute for 12 hours: {extensions}");
        assert!(now + LEASE > start + LEASE_CAP, "used to its end");
        assert_eq!(leases.len(), 1, "and still to be settled");
    }
}

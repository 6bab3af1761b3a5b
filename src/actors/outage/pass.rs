//! Leave to read a photo of a bucket, and the line of those that wait for it.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Bucket, OutagesInner, show_held};
use crate::error::Error;
use crate::flow::BreakerState;
use crate::telemetry::events::StoreTried;

/// Leave to read one photo. Dropped without an outcome it gives its trial to another.
pub struct Pass {
    pub(super) shared: Arc<OutagesInner>,
    pub(super) bucket: String,
    pub(super) subject: u64,
    pub(super) trials: u32,
    pub(super) is_trial: bool,
}

/// What a photo does after a failed read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try it again, as far as its own patience goes.
    Unknown,
    /// The bucket cannot be read: wait for it.
    Outage,
    /// The photo's own failure, so many deliveries or trials by now.
    Own(u32),
}

impl Pass {
    /// The store answered with the photo, or that it is not one.
    pub fn answered(mut self) {
        self.forget_failures();
        self.answered_with_trial();
    }

    fn answered_with_trial(&mut self) {
        let (subject, is_trial) = (self.subject, std::mem::take(&mut self.is_trial));
        self.shared.with(&self.bucket, |bucket| {
            bucket.is_trial_out &= !is_trial;
            bucket.breaker.answered(subject, is_trial, Instant::now())
        });
    }

    fn forget_failures(&self) {
        self.shared.failures().remove(&self.subject);
    }

    /// Whether it is the one photo that finds out whether its bucket can be read again.
    pub fn is_trial(&self) -> bool {
        self.is_trial
    }

    /// How often the photo failed as a trial.
    pub fn trials(&self) -> u32 {
        self.trials
    }

    /// A read failed for a reason that may be the store's.
    pub fn failed(&mut self, error: &Error) -> Verdict {
        let (subject, is_trial) = (self.subject, std::mem::take(&mut self.is_trial));
        self.shared.with(&self.bucket, |bucket| {
            bucket.is_trial_out &= !is_trial;
            let change = bucket.breaker.failed(subject, is_trial, Instant::now());
            if change == Some(BreakerState::Open) {
                bucket.note_down(error);
            }
            change
        });
        if is_trial {
            self.trials += 1;
            StoreTried { bucket: &self.bucket, error }.emit();
            // The probe before the trial was answered: the photo may be at fault.
            return Verdict::Own(self.shared.count_failure(self.subject));
        }
        let is_down =
            self.shared.buckets().get(&self.bucket).is_some_and(|b| b.breaker.state() != BreakerState::Closed);
        if is_down { Verdict::Outage } else { Verdict::Unknown }
    }

    /// A delivery failed for a reason that cannot be the store's; how many did by now.
    pub fn failed_by_itself(&self) -> u32 {
        self.shared.count_failure(self.subject)
    }

    /// The photo's patience for this delivery is over, or the store says that it is not there. `since` is when its reads
    /// began: an answer to another since then, or to a probe now, makes the failure the photo's own.
    pub async fn judge(&mut self, since: Instant) -> Verdict {
        if self.is_witnessed(since).await {
            Verdict::Own(self.shared.count_failure(self.subject))
        } else {
            Verdict::Outage
        }
    }

    /// Whether the store is known to answer: see [`Pass::judge`]. Ends the trial if this photo is one.
    pub async fn is_witnessed(&mut self, since: Instant) -> bool {
        if let Some(known) = self.is_known(since) {
            return known;
        }
        let shared = self.shared.clone();
        let _alone = shared.probing.lock().await;
        if let Some(known) = self.is_known(since) {
            return known;
        }
        let outcome = shared.ask(&self.bucket).await;
        let is_answered = outcome.is_ok();
        shared.probed(&self.bucket, outcome);
        if is_answered && self.is_trial {
            self.answered_with_trial();
        }
        is_answered
    }

    /// What is known of the store without asking it.
    fn is_known(&self, since: Instant) -> Option<bool> {
        let buckets = self.shared.buckets();
        let breaker = &buckets.get(&self.bucket)?.breaker;
        match breaker.state() {
            BreakerState::Open => Some(false),
            BreakerState::HalfOpen => (!self.is_trial).then_some(false),
            BreakerState::Closed => breaker.has_answered_since(since).then_some(true),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_trial {
            self.shared.with(&self.bucket, |bucket| {
                bucket.is_trial_out = false;
                None
            });
            self.shared.tell();
        }
    }
}

/// A photo in line; leaves it when dropped.
pub(super) struct PhotoInLine<'a> {
    pub(super) shared: &'a OutagesInner,
    pub(super) bucket: &'a str,
    pub(super) of: (u32, u64),
    pub(super) is_listed: bool,
}

impl PhotoInLine<'_> {
    /// Whether the photo may be read now, and if so whether as a trial.
    pub(super) fn admitted(&mut self) -> Option<bool> {
        let mut buckets = self.shared.buckets();
        let bucket = buckets.entry(self.bucket.to_owned()).or_insert_with(Bucket::new);
        let admitted = match bucket.breaker.state() {
            BreakerState::Closed => Some(false),
            BreakerState::Open => None,
            BreakerState::HalfOpen => {
                let is_next = bucket.waiting.first().is_none_or(|first| self.of <= *first);
                (is_next && !bucket.is_trial_out).then(|| {
                    bucket.is_trial_out = true;
                    true
                })
            }
        };
        match admitted {
            Some(_) if self.is_listed => {
                bucket.waiting.remove(&self.of);
                self.is_listed = false;
            }
            None if !self.is_listed => {
                bucket.waiting.insert(self.of);
                self.is_listed = true;
                self.shared.receiving.notify_one();
            }
            _ => return admitted,
        }
        show_held(&buckets);
        admitted
    }
}

impl Drop for PhotoInLine<'_> {
    fn drop(&mut self) {
        if self.is_listed {
            let mut buckets = self.shared.buckets();
            if let Some(bucket) = buckets.get_mut(self.bucket) {
                bucket.waiting.remove(&self.of);
            }
            show_held(&buckets);
        }
    }
}

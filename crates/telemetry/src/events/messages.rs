//! Events of messages and their leases.

use std::sync::Once;

use jiff::Timestamp;
use scanmill_core::domain::{PhotoRef, SkipReason};

use crate::labels::{Extension, Receives, Settled};
use crate::seldom::{self, cause_of};
use crate::{Telemetry, names};

/// Messages came from the queue.
pub struct MessagesReceived<'a> {
    /// Of each: how often it was received, this time included, and when it was sent.
    pub messages: &'a [(u32, Timestamp)],
    /// When they came.
    pub now: Timestamp,
}

impl MessagesReceived<'_> {
    /// Counts.
    pub fn emit(self) {
        let redelivered = self.messages.iter().filter(|(receives, _)| *receives > 1).count();
        names::MESSAGES_RECEIVED.add(self.messages.len() as u64);
        names::MESSAGES_REDELIVERED.add(redelivered as u64);
        for (receives, sent_at) in self.messages {
            // From the third receive on SQS leaves a message out of its own age metric.
            let receives = if *receives > 2 { Receives::ThreeOrMore } else { Receives::OneOrTwo };
            let age = self.now.duration_since(*sent_at).as_secs_f64();
            names::MESSAGE_AGE_SECONDS.observe(receives, age.max(0.0));
        }
    }
}

/// So many photos passed over, and none read, are not a coincidence.
const TELL_ALL_PASSED_OVER: u64 = 10;

/// A photo that is not to be read.
pub struct PhotoPassedOver<'a> {
    /// Which.
    pub photo: &'a PhotoRef,
    /// Why.
    pub why: SkipReason,
}

impl PhotoPassedOver<'_> {
    /// Counts and logs; what somebody has to fix loudly, one line a bucket and minute, and once a filter that nothing has
    /// passed yet.
    pub fn emit(self, telemetry: &Telemetry) {
        static SAID_ALL: Once = Once::new();
        let Self { photo: PhotoRef { bucket, key, .. }, why: cause } = self;
        let why = cause.as_str();
        names::PHOTOS_SKIPPED.add(cause, 1);
        telemetry.totals.passed_over();
        if telemetry.totals.all_passed_over() >= TELL_ALL_PASSED_OVER {
            let hint = "check [filter]; once it is right, `scanmill backfill` queues them again";
            let say = || tracing::warn!(bucket, key, why, hint, "every photo so far was passed over by the filter");
            SAID_ALL.call_once(say);
        }
        tracing::debug!(bucket, key, why, "photo passed over");
        let hint = match cause {
            SkipReason::OwnOutput => {
                "these are our own results, which are never read: send only the landing bucket's events to the queue"
            }
            SkipReason::ForeignBucket => {
                "list the bucket in `store.accept` if its photos are wanted, or send its events elsewhere"
            }
            _ => return,
        };
        if let Some(more_like_it) = seldom::ask(format!("passed over {why} {bucket}")) {
            tracing::warn!(
                bucket,
                key,
                why,
                hint,
                more_like_it,
                "photo passed over: its message is acknowledged and it gives no row"
            );
        }
    }
}

/// A message that names no photo to read.
pub struct MessageIgnored<'a> {
    /// The queue's id of it.
    pub message_id: &'a str,
    /// The event it tells of.
    pub event: &'a str,
}

impl MessageIgnored<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::MESSAGES_IGNORED.add(1);
        tracing::debug!(message_id = self.message_id, event = self.event, "message names no photo to read");
    }
}

/// A message no notification format fits.
pub struct MessageNotUnderstood<'a> {
    /// The queue's id of it.
    pub message_id: &'a str,
    /// What is wrong with it.
    pub detail: &'a str,
}

impl MessageNotUnderstood<'_> {
    /// Logs one line a cause and minute; the rejection row that follows counts.
    pub fn emit(self) {
        let Self { message_id, detail } = self;
        let Some(more_like_it) = seldom::ask(format!("not understood {}", cause_of(detail))) else { return };
        tracing::warn!(message_id, detail, more_like_it, "message is not a notification, rejecting it");
    }
}

/// Messages were deleted or given back.
pub struct MessagesSettled {
    /// Deleted.
    pub deleted: u64,
    /// Given back.
    pub given_back: u64,
}

impl MessagesSettled {
    /// Counts.
    pub fn emit(self) {
        names::MESSAGES_SETTLED.add(Settled::Deleted, self.deleted);
        names::MESSAGES_SETTLED.add(Settled::GivenBack, self.given_back);
    }
}

/// Messages could not be deleted or given back: they are received again once their leases end. Rows of what was to be deleted are
/// durable, and the load drops what is then read twice.
pub struct MessagesLeft {
    /// What was to be done.
    pub what: &'static str,
    /// How many.
    pub count: u64,
}

impl MessagesLeft {
    /// Counts; logs one line a call and minute.
    pub fn emit(self) {
        let Self { what, count } = self;
        names::MESSAGES_SETTLED.add(Settled::Left, count);
        let Some(more_like_it) = seldom::ask(format!("messages left {what}")) else { return };
        tracing::warn!(what, messages = count, more_like_it, "messages are left to their redelivery");
    }
}

/// Leases were extended, or not.
pub struct LeasesExtended {
    /// Extended.
    pub ok: u64,
    /// Another receiver has the message by now.
    pub lost: u64,
    /// The call failed; it is tried again while there is time.
    pub failed: u64,
}

impl LeasesExtended {
    /// Counts, and logs lost leases.
    pub fn emit(self) {
        names::LEASE_EXTENSIONS.add(Extension::Ok, self.ok);
        names::LEASE_EXTENSIONS.add(Extension::Lost, self.lost);
        names::LEASE_EXTENSIONS.add(Extension::Failed, self.failed);
        if let Some(more_like_it) = (self.lost > 0).then(|| seldom::ask("leases lost".to_owned())).flatten() {
            tracing::warn!(
                leases = self.lost,
                more_like_it,
                "leases lost: these messages are processed twice, and the load drops the duplicates"
            );
        }
    }
}

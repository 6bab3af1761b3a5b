//! The queue port: who has which message, and until when.
//!
//! At least once, unordered. A received message is invisible until its visibility timeout ends; then it is handed out
//! again with a new receipt handle, and the old handle no longer deletes or extends it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use scanmill_core::error::{Error, Result};
use scanmill_telemetry::traces::Parent;

pub mod sqlite;
#[cfg(feature = "aws")]
pub mod sqs;
mod sqs_options;

pub use sqs_options::{SqsOptions, calls_at_once};

/// How long a message is leased, and when the queue gives it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRules {
    /// How long a received message stays invisible.
    pub visibility_timeout: Duration,
    /// A message received this often is a dead letter instead of being handed out again. At least 1. In SQS its redrive
    /// policy decides, which should not give a message up earlier.
    pub dead_letter_after: u32,
}

/// What deletes or extends one receive of one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptHandle(pub String);

/// A message as received.
#[derive(Clone, Debug)]
pub struct Message {
    /// Stable over redeliveries; for logs.
    pub id: String,
    /// The body, as sent.
    pub body: String,
    /// Handle of this receive.
    pub receipt: ReceiptHandle,
    /// How often the message was handed out, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The trace that it belongs to, where it says so.
    pub trace: Option<Parent>,
    /// When the lease ends; measured before the call, so it is never later than the queue's own deadline.
    pub visible_again_at: Instant,
}

/// How much is in the queue. Approximate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be received.
    pub ready: u64,
    /// Received and not yet deleted.
    pub in_flight: u64,
    /// In the dead-letter queue.
    pub dead: u64,
}

/// What whoever drives a queue should know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How many receives may usefully be under way at once.
    pub receives_at_once: usize,
    /// Most messages that one receive brings.
    pub messages_per_receive: usize,
    /// Its depth is only roughly right, and each look costs a call: seldom to be asked, and an empty queue is one that
    /// was empty at several looks in a row.
    pub is_approximate: bool,
    /// Most messages in flight at once, of all receivers together; `None` when there is no limit.
    pub in_flight_limit: Option<u64>,
    /// How many entries one delete or extension takes in one call to the server.
    pub entries_per_call: usize,
    /// How many such calls may usefully be under way at once.
    pub calls_at_once: usize,
}

/// A queue of notifications.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Receives up to `max` messages (more than [`Advice::messages_per_receive`] count as that), waiting up to `wait` for the first. Empty when none
    /// came. Dropping the future loses no message: one handed out meanwhile becomes visible again by its timeout.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>>;

    /// Deletes messages, any number. One result per handle, in order. A handle that lost its lease is
    /// [`scanmill_core::error::Class::Missing`] (SQS may say `Ok` and keep the message, which then comes again); a message
    /// already deleted is `Ok`.
    async fn delete(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>>;

    /// Sets the time until each message becomes visible again, counted from now; zero gives it back at once. One
    /// result per handle, in order; a lost lease is [`scanmill_core::error::Class::Missing`].
    async fn extend(&self, receipts: &[ReceiptHandle], visibility: Duration) -> Result<Vec<Result<(), Error>>>;

    /// Gives messages back at once, as if they had not been received: where the queue can, this receive does not count.
    /// One result per handle, in order; a lost lease is [`scanmill_core::error::Class::Missing`].
    async fn put_back(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        self.extend(receipts, Duration::ZERO).await
    }

    /// Sends message bodies, any number. When it returns `Ok` every one of them is in the queue.
    async fn send(&self, bodies: &[String]) -> Result<()>;

    /// Approximate numbers of messages.
    async fn depth(&self) -> Result<Depth>;

    /// How it wants to be used.
    fn advice(&self) -> Advice {
        // An embedded queue writes one transaction at a time, and the larger it is the less each message costs.
        Advice {
            receives_at_once: 1,
            messages_per_receive: 100,
            is_approximate: false,
            in_flight_limit: None,
            entries_per_call: 256,
            calls_at_once: 2,
        }
    }

    /// Ends receives that nobody waits for any more and gives back what they brought. Called when nothing more is to be
    /// received; a queue that gives back by itself has nothing to do.
    async fn release(&self) {}
}

//! Photos and messages in flight, as values that cannot be forgotten: dropping one gives it back.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::domain::message_progress::{MessageProgress, PhotoEnd, Settlement};
use crate::domain::{PhotoRef, Row};
use crate::flow::Permit;
use crate::queue::ReceiptHandle;
use crate::telemetry::rejected::Sight;
use crate::telemetry::traces::{Step, Trace};

/// What the lease keeper is told.
#[derive(Debug)]
pub enum LeaseCommand {
    /// Keep this lease alive.
    Hold {
        /// The receive.
        receipt: ReceiptHandle,
        /// When the lease ends if nothing is done.
        deadline: Instant,
    },
    /// Every photo of the message ended.
    Settle {
        /// The receive.
        receipt: ReceiptHandle,
        /// What to do with the message.
        settlement: Settlement,
        /// How often the message was received; the back-off of a give-back grows with it.
        receive_count: u32,
        /// The message's place in flight, free once it is settled.
        permit: Option<Permit>,
        /// Traces of its photos that are sampled.
        traces: Vec<Trace>,
    },
}

/// What a message's photos have come to.
#[derive(Debug)]
struct MessageState {
    progress: MessageProgress,
    permit: Option<Permit>,
    traces: Vec<Trace>,
}

/// One received message whose photos are on their way.
#[derive(Debug)]
pub struct MessageInFlight {
    receipt: ReceiptHandle,
    receive_count: u32,
    received_at: Instant,
    ends: Mutex<MessageState>,
    leases: mpsc::Sender<LeaseCommand>,
}

impl MessageInFlight {
    /// A message with `photos` photos (at least one), received at `received_at`: it may have waited since.
    pub fn new(
        receipt: ReceiptHandle,
        receive_count: u32,
        received_at: Instant,
        photos: usize,
        permit: Permit,
        leases: mpsc::Sender<LeaseCommand>,
    ) -> Arc<Self> {
        let ends = Mutex::new(MessageState {
            progress: MessageProgress::new(photos),
            permit: Some(permit),
            traces: Vec::new(),
        });
        Arc::new(Self { receipt, receive_count, received_at, ends, leases })
    }

    /// How often the message was received, this time included.
    pub fn receive_count(&self) -> u32 {
        self.receive_count
    }

    /// When it was received this time.
    pub fn received_at(&self) -> Instant {
        self.received_at
    }

    fn end(&self, end: PhotoEnd, trace: Option<Trace>) {
        let settled = {
            let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            ends.traces.extend(trace);
            let settled = ends.progress.end(end);
            settled.map(|settlement| (settlement, ends.permit.take(), std::mem::take(&mut ends.traces)))
        };
        let Some((settlement, permit, traces)) = settled else { return };
        let command = LeaseCommand::Settle {
            receipt: self.receipt.clone(),
            settlement,
            receive_count: self.receive_count,
            permit,
            traces,
        };
        // The channel has room for two commands per permit, so it is never full; it is closed only when the generation
        // stopped, and then the lease runs out by itself.
        if self.leases.try_send(command).is_err() {
            tracing::debug!("the lease keeper has ended; the message returns when its visibility timeout expires");
        }
    }
}

/// One photo on its way. Ends as durable, or else (also when dropped) as one to process again.
#[derive(Debug)]
pub struct PhotoInFlight {
    /// The photo; its eTag becomes that of the bytes read.
    pub photo: PhotoRef,
    /// Revision that its rows get.
    pub revision: i64,
    /// Its trace, if it is sampled.
    pub trace: Trace,
    message: Arc<MessageInFlight>,
    ended: bool,
}

impl PhotoInFlight {
    /// One of its photos.
    pub fn new(photo: PhotoRef, revision: i64, message: Arc<MessageInFlight>) -> Self {
        Self { photo, revision, trace: Trace::default(), message, ended: false }
    }

    /// The same with its trace, whose first step ends here.
    pub fn traced(mut self, trace: Trace) -> Self {
        trace.note(|facts| {
            facts.bucket.clone_from(&self.photo.bucket);
            facts.key.clone_from(&self.photo.key);
            facts.size_bytes = self.photo.size_bytes;
            facts.receive_count = self.message.receive_count;
            facts.revision = self.revision;
        });
        trace.stamp_until_now(Step::Receive);
        self.trace = trace;
        self
    }

    /// Its message.
    pub fn message(&self) -> &MessageInFlight {
        &self.message
    }

    /// Its rows are durable.
    pub fn durable(mut self) {
        self.ended = true;
        let trace = Some(std::mem::take(&mut self.trace)).filter(Trace::is_sampled);
        self.message.end(PhotoEnd::Durable, trace);
    }
}

impl Drop for PhotoInFlight {
    fn drop(&mut self) {
        if !self.ended {
            crate::telemetry::names::PHOTOS_RETRIED.add(1);
            self.message.end(PhotoEnd::Again, None);
        }
    }
}

/// A photo with its rows, on the way to a batch.
#[derive(Debug)]
pub struct Finished {
    /// The photo.
    pub photo: PhotoInFlight,
    /// All its rows: scans, or one rejection.
    pub rows: Vec<Row>,
    /// What is known of a rejected photo beside its row.
    pub sight: Option<Box<Sight>>,
    /// When they were made.
    pub finished_at: Instant,
}

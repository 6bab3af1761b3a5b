//! Receives messages as far as the in-flight budget goes and turns them into photos on their way.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Recipient};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;

use super::in_flight::{Finished, LeaseCommand, OpenTicket, PhotoInFlight};
use super::line::Line;
use super::messages::{Drain, Ended};
use super::worker;
use crate::domain::notification::{self, Notification};
use crate::domain::photo::hash_128;
use crate::domain::row::rejection_of;
use crate::domain::{PhotoRef, Reason, Reject};
use crate::error::{Error, Result};
use crate::flow::pool::panic_text;
use crate::flow::{Backoff, Permit};
use crate::queue::Message;
use crate::telemetry::events::{CallFailed, MessageIgnored, MessageNotUnderstood, MessagesReceived};

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "poller";

/// SQS hands out at most ten messages a call; the embedded queue does the same.
const RECEIVE_MAX: usize = 10;

/// The least time between two receives that bring nothing.
const EMPTY_PAUSE: Duration = Duration::from_millis(100);

/// How long a receive that is under way at a drain is waited for, so that its messages can be given back at once.
const LAST_RECEIVE: Duration = Duration::from_millis(300);

/// Where the poller's output goes.
pub struct Outlets {
    /// Photos to fetch.
    pub fetch: mpsc::Sender<PhotoInFlight>,
    /// Rejections of messages that are no notifications.
    pub finished: mpsc::Sender<Finished>,
    /// Leases to keep.
    pub leases: mpsc::Sender<LeaseCommand>,
}

/// The actor.
pub struct Poller {
    line: Line,
    ended: Recipient<Ended>,
    outlets: Option<Outlets>,
}

impl Poller {
    /// A poller that starts with its actor.
    pub fn new(line: Line, ended: Recipient<Ended>, outlets: Outlets) -> Self {
        Self { line, ended, outlets: Some(outlets) }
    }
}

impl Actor for Poller {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        let Some(outlets) = self.outlets.take() else { return };
        let seen = Arc::new(Seen::default());
        let shown = seen.clone();
        self.line.telemetry.board.register(NAME, Arc::new(move || shown.state()));
        worker::start(NAME, &self.line, self.ended.clone(), poll(self.line.clone(), outlets, seen));
    }
}

impl Handler<Drain> for Poller {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.line.generation.drain();
    }
}

#[derive(Default)]
struct Seen {
    receives: AtomicU64,
    messages: AtomicU64,
    photos: AtomicU64,
    failures: AtomicU64,
}

impl Seen {
    fn state(&self) -> serde_json::Value {
        json!({
            "receives": self.receives.load(Ordering::Relaxed),
            "messages": self.messages.load(Ordering::Relaxed),
            "photos": self.photos.load(Ordering::Relaxed),
            "failures": self.failures.load(Ordering::Relaxed),
        })
    }
}

async fn poll(line: Line, outlets: Outlets, seen: Arc<Seen>) -> Result<()> {
    let draining = line.generation.draining().clone();
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
    while let Some(mut permits) = draining.run_until_cancelled(free_places(&line)).await {
        let asked_at = Instant::now();
        let mut receive = line.queue.receive(permits.len(), line.settings.queue.wait);
        let received = tokio::select! {
            received = &mut receive => received,
            () = draining.cancelled() => match tokio::time::timeout(LAST_RECEIVE, receive).await {
                Ok(received) => received,
                Err(_) => break,
            },
        };
        seen.receives.fetch_add(1, Ordering::Relaxed);
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                seen.failures.fetch_add(1, Ordering::Relaxed);
                CallFailed { what: "receive", error: &error }.emit();
                if !error.class().is_retryable() {
                    return Err(error.context("receiving messages"));
                }
                let wait = error.wait().unwrap_or_else(|| backoff.next_wait());
                drop(permits);
                if draining.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                    break;
                }
                continue;
            }
        };
        backoff.reset();
        if messages.is_empty() {
            // A queue that does not wait by itself is not asked again at once.
            let pause = EMPTY_PAUSE.saturating_sub(asked_at.elapsed());
            if draining.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
        } else {
            let redelivered = messages.iter().filter(|message| message.receive_count > 1).count() as u64;
            MessagesReceived { count: messages.len() as u64, redelivered }.emit();
        }
        // All leases are held before the first message is opened: opening one may wait for room further down.
        let mut held = Vec::with_capacity(messages.len());
        for message in messages {
            // A queue that hands out more than was asked for breaks its contract; the message then waits for a place.
            let permit = match permits.pop() {
                Some(permit) => permit,
                None => line.budgets.tickets.acquire(1).await,
            };
            let hold = LeaseCommand::Hold { receipt: message.receipt.clone(), deadline: message.visible_again_at };
            if outlets.leases.send(hold).await.is_err() {
                return Err(Error::transient("the lease keeper is gone"));
            }
            held.push((message, permit));
        }
        for (message, permit) in held {
            seen.messages.fetch_add(1, Ordering::Relaxed);
            let photos = open(&line, &outlets, message, permit).await;
            seen.photos.fetch_add(photos, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Waits for one free place in flight, then takes up to ten that are free.
async fn free_places(line: &Line) -> Vec<Permit> {
    let mut permits = vec![line.budgets.tickets.acquire(1).await];
    while permits.len() < RECEIVE_MAX {
        match line.budgets.tickets.try_acquire(1) {
            Some(permit) => permits.push(permit),
            None => break,
        }
    }
    permits
}

/// Sends one message's photos on their way and returns how many. When a send fails the stage after this one is gone;
/// dropping the photos then gives the message back.
async fn open(line: &Line, outlets: &Outlets, message: Message, permit: Permit) -> u64 {
    let ticket = |photos: usize| {
        OpenTicket::new(message.receipt.clone(), message.receive_count, photos, permit, outlets.leases.clone())
    };
    // Contained: a body that panics its reader is one rejection, not a pipeline that restarts on it again and again.
    let read = catch_unwind(|| notification::parse(&message.body))
        .unwrap_or_else(|panic| Err(format!("reading it panicked: {}", panic_text(panic.as_ref()))));
    match read {
        Ok(Notification::Photos { photos, revision }) if !photos.is_empty() => {
            let ticket = ticket(photos.len());
            let photos: Vec<PhotoInFlight> =
                photos.into_iter().map(|photo| PhotoInFlight::new(photo, revision, ticket.clone())).collect();
            let count = photos.len() as u64;
            for photo in photos {
                if line.generation.draining().is_cancelled() || !send_photo(line, outlets, photo).await {
                    break;
                }
            }
            count
        }
        Ok(Notification::Photos { .. }) => {
            PhotoInFlight::new(unnamed(&message.body), 0, ticket(1)).durable();
            0
        }
        Ok(Notification::Nothing { event }) => {
            MessageIgnored { message_id: &message.id, event: &event }.emit();
            PhotoInFlight::new(unnamed(&message.body), 0, ticket(1)).durable();
            0
        }
        Err(detail) => {
            MessageNotUnderstood { message_id: &message.id, detail: &detail }.emit();
            let photo = PhotoInFlight::new(unnamed(&message.body), 0, ticket(1));
            let detail = format!("message {}: {detail}", message.id);
            reject(&outlets.finished, photo, Reject::new(Reason::BadNotification, detail)).await;
            1
        }
    }
}

/// Sends one photo to the fetcher, or straight to the batch when its message came so often that the photo is suspected
/// of taking the process down each time.
async fn send_photo(line: &Line, outlets: &Outlets, photo: PhotoInFlight) -> bool {
    let received = photo.ticket().receive_count();
    if received >= line.settings.queue.dead_letter_after {
        let detail = format!("received {received} times without an end; it may be taking the process down");
        return reject(&outlets.finished, photo, Reject::new(Reason::GaveUp, detail)).await;
    }
    outlets.fetch.send(photo).await.is_ok()
}

/// Stands for the photo of a message that names none: the body's hash is its version, so that a redelivered message
/// gives the same rejection.
fn unnamed(body: &str) -> PhotoRef {
    PhotoRef {
        bucket: String::new(),
        key: String::new(),
        version_id: None,
        etag: Some(hash_128(&[body])),
        size_bytes: None,
        sequencer: None,
        uploaded_at: None,
    }
}

/// Sends a rejection row to the batch writer; `false` when it is gone (the photo is then given back).
pub(super) async fn reject(finished: &mpsc::Sender<Finished>, photo: PhotoInFlight, reject: Reject) -> bool {
    let row = rejection_of(&photo.photo, &reject, photo.revision, Timestamp::now());
    finished.send(Finished { photo, rows: vec![row], finished_at: Instant::now() }).await.is_ok()
}

//! Receives messages as far as the in-flight budget goes and turns them into photos on their way.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::admission::skip_reason;
use super::in_flight::{Finished, LeaseCommand, MessageInFlight, PhotoInFlight};
use super::observed::observed;
use super::pipeline_context::PipelineContext;
use super::receive_limiter::ReceiveLimiter;
use super::stage::Stage;
use super::worker;
use crate::domain::notification::{self, Notification};
use crate::domain::photo::hash_128;
use crate::domain::row::rejection_of;
use crate::domain::{PhotoRef, Reason, Rejection};
use crate::error::{Error, Result};
use crate::flow::Permit;
use crate::flow::pool::panic_text;
use crate::queue::Message;
use crate::scale::receive;
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{CallFailed, MessageIgnored, MessageNotUnderstood, MessagesReceived, PhotoPassedOver};
use crate::telemetry::traces::Parent;

/// How long receives that are under way at a drain are waited for, so that their messages can be given back at once.
const LAST_RECEIVE: Duration = Duration::from_millis(300);

/// Where the poller's output goes.
pub struct PollChannels {
    /// Photos to fetch.
    pub fetch: mpsc::Sender<PhotoInFlight>,
    /// Rejections of messages that are not notifications.
    pub finished: mpsc::Sender<Finished>,
    /// Leases to keep.
    pub leases: mpsc::Sender<LeaseCommand>,
}

/// Receives messages and opens them.
pub(super) enum Poller {}

impl Stage for Poller {
    const NAME: &'static str = "poller";
    const WATCHED: Watched = Watched::Receive;
    type Channels = PollChannels;
    type Counters = PollCounters;

    fn steps(counters: &PollCounters) -> u64 {
        counters.messages.load(Ordering::Relaxed)
    }

    async fn run(line: PipelineContext, channels: PollChannels, counters: Arc<PollCounters>) -> Result<()> {
        poll(line, channels, counters).await
    }
}

observed! {
    /// What was received.
    PollCounters shown as PollerState {
        /// Receives that were answered, well or not.
        receives: AtomicU64,
        /// Messages opened.
        messages: AtomicU64,
        /// Photos that they named.
        photos: AtomicU64,
        /// Receives that failed.
        failures: AtomicU64,
    }
}

/// Receiving and opening go on beside each other: opening may wait for room further down, and then other receives must
/// still find their leases held.
async fn poll(line: PipelineContext, outlets: PollChannels, seen: Arc<PollCounters>) -> Result<()> {
    // Each message has a permit, so the channel is never full.
    let (received, mut to_open) =
        mpsc::channel::<ReceivedMessage>(line.settings.queue.max_in_flight + line.queue.advice().messages_per_receive);
    let receiving = async {
        let ended = receive_all(&line, &outlets.leases, received, &seen).await;
        line.queue.release().await;
        ended
    };
    let opening = async {
        while let Some(held) = to_open.recv().await {
            seen.messages.fetch_add(1, Ordering::Relaxed);
            let photos = open(&line, &outlets, held).await;
            seen.photos.fetch_add(photos, Ordering::Relaxed);
        }
        Ok(())
    };
    tokio::try_join!(receiving, opening).map(|_| ())
}

/// A message that waits to be opened, its lease kept and its place in flight taken.
struct ReceivedMessage {
    message: Message,
    permit: Permit,
    received_at: Instant,
}

/// One receive, and how it went.
struct Received {
    permits: Vec<Permit>,
    asked_at: Instant,
    messages: Result<Vec<Message>>,
}

async fn receive(line: &PipelineContext, permits: Vec<Permit>) -> Received {
    let asked_at = Instant::now();
    let _call = line.call(Watched::Receive, "receive", line.settings.queue.wait);
    let messages = line.queue.receive(permits.len(), line.settings.queue.wait).await;
    Received { permits, asked_at, messages }
}

/// Keeps as many receives under way as the pace and the free places in flight allow, until the drain.
async fn receive_all(
    line: &PipelineContext,
    leases: &mpsc::Sender<LeaseCommand>,
    received: mpsc::Sender<ReceivedMessage>,
    seen: &PollCounters,
) -> Result<()> {
    let draining = line.draining.clone();
    let advice = line.queue.advice();
    let mut pace = ReceiveLimiter::new(advice.receives_at_once);
    let mut under_way = FuturesUnordered::new();
    let (mut ahead, mut asked_for) = (Ahead::default(), 0);
    loop {
        let now = Instant::now();
        let pause = pace.pause(now).or_else(|| ahead.pause(line, seen, asked_for, now));
        line.outages.set_messages(line.budgets.messages.state().limit);
        let is_more_wanted = pause.is_none() && !line.outages.pauses_receiving() && under_way.len() < pace.wanted();
        tokio::select! {
            biased;
            () = draining.cancelled() => break,
            Some(ended) = under_way.next() => {
                let Received { permits, asked_at, messages } = ended;
                let (asked, now) = (permits.len(), Instant::now());
                asked_for -= asked;
                line.behind.receiving(asked_for);
                seen.receives.fetch_add(1, Ordering::Relaxed);
                match messages {
                    Ok(messages) => {
                        line.outages.call_went_well("receive");
                        if messages.len() == asked {
                            ahead.round_trip(now - asked_at);
                        }
                        ahead.received += messages.len() as u64;
                        pace.received(asked, messages.len(), advice.messages_per_receive, asked_at, now);
                        hold(line, leases, &received, messages, permits).await?;
                    }
                    Err(error) => {
                        seen.failures.fetch_add(1, Ordering::Relaxed);
                        CallFailed { what: "receive", error: &error }.emit();
                        if pace.failed(error.wait(), now) {
                            line.outages.call_failed("receive", &error);
                        }
                        if !error.class().is_retryable() {
                            return Err(error.with_context("receiving messages"));
                        }
                    }
                }
            }
            permits = free_places(line, advice.messages_per_receive), if is_more_wanted => {
                asked_for += permits.len();
                line.behind.receiving(asked_for);
                under_way.push(receive(line, permits));
            }
            () = worker::sleep_until(pause), if pause.is_some() => {}
            () = line.outages.receiving_changed() => {}
        }
    }
    let until = Instant::now() + LAST_RECEIVE;
    while let Ok(Some(ended)) = tokio::time::timeout_at(until, under_way.next()).await {
        if let Ok(messages) = ended.messages {
            hold(line, leases, &received, messages, ended.permits).await?;
        }
    }
    line.behind.receiving(0);
    Ok(())
}

/// Has the leases of what was received kept, all of them, before the first message is opened.
async fn hold(
    line: &PipelineContext,
    leases: &mpsc::Sender<LeaseCommand>,
    received: &mpsc::Sender<ReceivedMessage>,
    messages: Vec<Message>,
    mut permits: Vec<Permit>,
) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let ages: Vec<_> = messages.iter().map(|message| (message.receive_count, message.sent_at)).collect();
    MessagesReceived { messages: &ages, now: Timestamp::now() }.emit();
    let received_at = Instant::now();
    let mut held = Vec::with_capacity(messages.len());
    for message in messages {
        // A queue that hands out more than was asked for breaks its contract; the message then waits for a place.
        let permit = match permits.pop() {
            Some(permit) => permit,
            None => line.budgets.messages.acquire(1).await,
        };
        let hold = LeaseCommand::Hold { receipt: message.receipt.clone(), deadline: message.visible_again_at };
        if leases.send(hold).await.is_err() {
            return Err(Error::transient("the lease keeper is gone"));
        }
        held.push(ReceivedMessage { message, permit, received_at });
    }
    for one in held {
        if received.send(one).await.is_err() {
            return Err(Error::transient("nobody opens messages any more"));
        }
    }
    Ok(())
}

/// How far receiving may be ahead of opening: see [`receive::most_ahead`].
#[derive(Debug, Default)]
struct Ahead {
    round_trip: Duration,
    /// Messages received so far.
    received: u64,
    opened_per_second: f64,
    looked_at: Option<(Instant, u64)>,
}

impl Ahead {
    /// How often to look again while enough is there, and how often the rate is measured.
    const LOOK_EVERY: Duration = Duration::from_millis(5);
    const MEASURE_EVERY: Duration = Duration::from_millis(500);

    /// A receive that was filled at once took this long: a smoothed value, since one may wait for a retry.
    fn round_trip(&mut self, took: Duration) {
        self.round_trip = if self.round_trip.is_zero() { took } else { (self.round_trip * 7 + took) / 8 };
    }

    /// Until when nothing is to be received because enough waits to be opened.
    fn pause(
        &mut self,
        line: &PipelineContext,
        seen: &PollCounters,
        asked_for: usize,
        now: Instant,
    ) -> Option<Instant> {
        let opened = seen.messages.load(Ordering::Relaxed);
        match self.looked_at {
            Some((at, before)) if now - at >= Self::MEASURE_EVERY => {
                self.opened_per_second = (opened - before) as f64 / (now - at).as_secs_f64();
                self.looked_at = Some((now, opened));
            }
            None => self.looked_at = Some((now, opened)),
            Some(_) => {}
        }
        let unopened = self.received.saturating_sub(opened);
        let fetch_limit = line.budgets.fetches.state().limit;
        let most = receive::most_ahead(self.opened_per_second, self.round_trip, fetch_limit);
        (unopened + asked_for as u64 >= most).then(|| now + Self::LOOK_EVERY)
    }
}

/// Waits for one free place in flight, then takes up to `most` that are free.
async fn free_places(line: &PipelineContext, most: usize) -> Vec<Permit> {
    let mut permits = vec![line.budgets.messages.acquire(1).await];
    while permits.len() < most {
        match line.budgets.messages.try_acquire(1) {
            Some(permit) => permits.push(permit),
            None => break,
        }
    }
    permits
}

/// Sends one message's photos on their way and returns how many. When a send fails the stage after this one is gone;
/// dropping the photos then gives the message back.
async fn open(line: &PipelineContext, outlets: &PollChannels, held: ReceivedMessage) -> u64 {
    let ReceivedMessage { message, permit, received_at } = held;
    let held = |photos: usize| {
        MessageInFlight::new(
            message.receipt.clone(),
            message.receive_count,
            received_at,
            photos,
            permit,
            outlets.leases.clone(),
        )
    };
    // Contained: a body that panics its reader is one rejection, not a pipeline that restarts on it again and again.
    let keys = line.settings.queue.key_encoding;
    let read = catch_unwind(|| notification::parse(&message.body, keys))
        .unwrap_or_else(|panic| Err(format!("reading it panicked: {}", panic_text(panic.as_ref()))));
    match read {
        Ok(Notification::Photos { photos, revision }) => {
            let photos: Vec<PhotoRef> = photos.into_iter().filter(|photo| is_admitted(line, photo)).collect();
            if photos.is_empty() {
                PhotoInFlight::new(unnamed(&message.body), 0, held(1)).durable();
                return 0;
            }
            let of_message = held(photos.len());
            let photos: Vec<PhotoInFlight> =
                photos.into_iter().map(|photo| in_flight(line, photo, revision, &of_message, message.trace)).collect();
            let count = photos.len() as u64;
            for photo in photos {
                if line.draining.is_cancelled() || !send_photo(line, outlets, photo).await {
                    break;
                }
            }
            count
        }
        Ok(Notification::Nothing { event }) => {
            MessageIgnored { message_id: &message.id, event: &event }.emit();
            PhotoInFlight::new(unnamed(&message.body), 0, held(1)).durable();
            0
        }
        Err(detail) => {
            MessageNotUnderstood { message_id: &message.id, detail: &detail }.emit();
            let photo = in_flight(line, unnamed(&message.body), 0, &held(1), message.trace);
            let detail = format!("message {}: {detail}", message.id);
            reject(&outlets.finished, photo, Rejection::new(Reason::BadNotification, detail)).await;
            1
        }
    }
}

/// A photo of the message, with its trace where it is sampled.
fn in_flight(
    line: &PipelineContext,
    photo: PhotoRef,
    revision: i64,
    of_message: &Arc<MessageInFlight>,
    parent: Option<Parent>,
) -> PhotoInFlight {
    let trace = line.telemetry.tracer.begin(parent, of_message.received_at());
    PhotoInFlight::new(photo, revision, of_message.clone()).traced(trace)
}

/// Whether to read the photo; one that is passed over is counted.
fn is_admitted(line: &PipelineContext, photo: &PhotoRef) -> bool {
    let why = skip_reason(photo, &line.settings);
    match why {
        Some(why) => PhotoPassedOver { photo, why }.emit(&line.telemetry),
        None => line.telemetry.totals.admitted(),
    }
    why.is_none()
}

/// Sends one photo to the fetcher, or straight to the batch when its message came so often that the photo is suspected
/// of taking the process down each time.
async fn send_photo(line: &PipelineContext, outlets: &PollChannels, photo: PhotoInFlight) -> bool {
    let received = photo.message().receive_count();
    if received >= line.settings.queue.dead_letter_after {
        let detail = format!("received {received} times and never finished; it may be crashing the process");
        return reject(&outlets.finished, photo, Rejection::new(Reason::RetriesExhausted, detail)).await;
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
pub(super) async fn reject(finished: &mpsc::Sender<Finished>, photo: PhotoInFlight, reject: Rejection) -> bool {
    let row = rejection_of(&photo.photo, &reject, photo.revision, Timestamp::now());
    finished.send(Finished { photo, rows: vec![row], sight: None, finished_at: Instant::now() }).await.is_ok()
}

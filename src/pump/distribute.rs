//! The distributor: decides, makes and puts each photo, and writes the answer key for what it put.
//!
//! Making is CPU work on threads of its own; a short channel between them and the puts keeps only a few photos in
//! memory however slow the store is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::answer_key::{ExpectedPhoto, KeyWriter};
use super::orchestrate::{Orchestrator, Pace};
use super::photo::PhotoMaker;
use super::story::{Fault, Story};
use crate::domain::{PhotoRef, notification};
use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::store::{Put, PutMode, Store};
use crate::telemetry::process::thread_cpu;

/// Puts under way at once.
const PUTS: usize = 16;
/// How often a put is tried while its error says that trying again may help.
const TRIES: u32 = 6;

/// A photo, made and not yet put.
#[derive(Debug)]
pub struct MadePhoto {
    /// What must become of it.
    pub expected: ExpectedPhoto,
    /// The file.
    pub bytes: Bytes,
}

/// Where the makers get their work.
#[derive(Debug)]
pub struct Workshop {
    /// The story.
    pub story: Story,
    /// Which photo is next.
    pub orchestrator: Orchestrator,
    /// Makes the files.
    pub maker: PhotoMaker,
    /// Where they will go.
    pub bucket: String,
}

impl Workshop {
    /// Makes photos on the calling thread and gives them to `take` until the story ends, `take` says stop or `cancel`
    /// does. Returns the thread's CPU time for it.
    pub fn work(&self, cancel: &CancellationToken, mut take: impl FnMut(MadePhoto) -> bool) -> Result<Duration> {
        let before = thread_cpu();
        while !cancel.is_cancelled() {
            let Some(stamp) = self.orchestrator.next(&self.story) else { break };
            let plan = self.story.photo(stamp);
            let bytes = self.maker.make(&plan)?;
            if !take(MadePhoto { expected: ExpectedPhoto::of(&self.bucket, &plan), bytes }) {
                break;
            }
        }
        Ok(thread_cpu().saturating_sub(before))
    }

    /// Starts a maker thread that sends what it makes.
    pub fn start(
        self: &Arc<Self>,
        cancel: &CancellationToken,
        made: mpsc::Sender<MadePhoto>,
    ) -> Result<std::thread::JoinHandle<Result<Duration>>> {
        let (workshop, cancel) = (Arc::clone(self), cancel.clone());
        std::thread::Builder::new()
            .name("pump-maker".into())
            .spawn(move || workshop.work(&cancel, |photo| made.blocking_send(photo).is_ok()))
            .map_err(|error| Error::transient("cannot start a maker thread").source(error))
    }
}

/// Puts every photo that comes and writes its key line once it is put. On cancel, and after the first error, puts
/// under way end and no new one starts, so that the key is right for what was put.
///
/// # Errors
/// The first put, send or write that failed for good.
pub async fn distribute(
    mut made: mpsc::Receiver<MadePhoto>,
    store: &dyn Store,
    queue: &dyn Queue,
    pace: Pace,
    key: &mut KeyWriter,
    stop: &CancellationToken,
    mut put: impl FnMut(&ExpectedPhoto, usize),
) -> Result<()> {
    let mut puts = FuturesUnordered::new();
    let mut nth = 0;
    let mut more = true;
    let mut first_error = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if more => more = false,
            Some(ended) = puts.next(), if !puts.is_empty() => {
                let written = match ended {
                    Ok(Some((expected, bytes))) => {
                        put(&expected, bytes);
                        key.push(expected)
                    }
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                if let Err(error) = written {
                    stop.cancel();
                    first_error.get_or_insert(error);
                }
            }
            photo = made.recv(), if more && puts.len() < PUTS => match photo {
                Some(photo) => {
                    puts.push(deliver(photo, store, queue, pace.due(nth), stop));
                    nth += 1;
                }
                None => more = false,
            },
            else => break,
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Puts one photo when it is due. `None` when it was stopped before.
async fn deliver(
    photo: MadePhoto,
    store: &dyn Store,
    queue: &dyn Queue,
    due: Option<tokio::time::Instant>,
    stop: &CancellationToken,
) -> Result<Option<(ExpectedPhoto, usize)>> {
    if let Some(due) = due {
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
    let ExpectedPhoto { bucket, key, fault, .. } = &photo.expected;
    let size = photo.bytes.len();
    let put = retried(|| store.put(bucket, key, photo.bytes.clone(), PutMode::Overwrite)).await;
    let put = put.map_err(|error| error.context(format!("putting photo `{key}`")))?;
    if *fault == Some(Fault::DuplicateDelivery) {
        let etag = match put {
            Put::Written { etag } => Some(etag),
            Put::AlreadyThere => None,
        };
        let again = PhotoRef {
            bucket: bucket.clone(),
            key: key.clone(),
            version_id: None,
            etag,
            size_bytes: Some(size as u64),
            sequencer: None,
            uploaded_at: None,
        };
        let body = [notification::s3_event(&again, Timestamp::now())];
        let sent = retried(|| queue.send(&body)).await;
        sent.map_err(|error| error.context(format!("notifying again about `{key}`")))?;
    }
    Ok(Some((photo.expected, size)))
}

/// Tries again, slower each time, while the error says that it may help.
async fn retried<T, F: Future<Output = Result<T>>>(call: impl Fn() -> F) -> Result<T> {
    let mut wait = Duration::from_millis(50);
    for _ in 1..TRIES {
        match call().await {
            Err(error) if error.class().is_retryable() => {
                tokio::time::sleep(error.wait().unwrap_or(wait)).await;
                wait *= 2;
            }
            ended => return ended,
        }
    }
    call().await
}

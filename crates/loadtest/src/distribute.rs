//! The puts: each made photo goes to the store when it is due, as many at once as it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::make::{Made, MadePhoto};
use super::recorder::Delivered;
use super::run_report::Limit;
use super::story::InjectedFault;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::domain::{PhotoRef, notification};
use scanmill_core::error::{Error, Result};
use scanmill_ports::queue::Queue;
use scanmill_ports::store::{Put, PutMode, Store};

/// Most puts under way at once.
const PUTS: usize = 256;
/// How often a put is tried while its error says that trying again may help.
const TRIES: u32 = 6;
/// A photo later than this was held up by something; what is less is the clock's and the scheduler's.
const LATE: Duration = Duration::from_millis(20);

/// How one made photo, or a stamp without one, ended.
#[derive(Debug)]
pub enum Ended {
    /// It is durable, and whoever is to hear of it has been told.
    Put {
        /// Which job.
        job_number: u64,
        /// What was put.
        delivered: Box<Delivered>,
    },
    /// The story took none.
    Declined {
        /// Which job.
        job_number: u64,
    },
    /// It could not be made or put.
    Failed {
        /// Which job.
        job_number: u64,
        /// Why.
        error: Error,
    },
}

/// Puts every photo that comes and tells `ended` of each. On cancel, and once `ended` fails, puts under way end and no
/// new one starts.
///
/// # Errors
/// The first error of `ended`.
pub async fn put_all(
    mut made: mpsc::Receiver<Made>,
    store: &dyn Store,
    queue: &dyn Queue,
    stop: &CancellationToken,
    mut ended: impl FnMut(Ended) -> Result<()>,
) -> Result<()> {
    let slots = Arc::new(Semaphore::new(PUTS));
    let mut puts = FuturesUnordered::new();
    let mut more = true;
    let mut first_error = None;
    loop {
        let end = tokio::select! {
            biased;
            () = stop.cancelled(), if more => {
                more = false;
                // Makers that wait to hand something over go on to their end.
                made.close();
                continue;
            }
            Some(end) = puts.next(), if !puts.is_empty() => end,
            came = made.recv(), if more => match came {
                Some(Made::Photo(photo)) => {
                    puts.push(deliver(*photo, store, queue, slots.clone(), stop));
                    continue;
                }
                Some(Made::Declined { job_number }) => Some(Ended::Declined { job_number }),
                Some(Made::Failed { job_number, error }) => Some(Ended::Failed { job_number, error }),
                None => {
                    more = false;
                    continue;
                }
            },
            else => break,
        };
        if let Some(end) = end
            && let Err(error) = ended(end)
        {
            stop.cancel();
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Puts one photo when it is due. `None` when it was stopped before.
async fn deliver(
    photo: MadePhoto,
    store: &dyn Store,
    queue: &dyn Queue,
    slots: Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<Ended> {
    if let Some(due) = photo.due {
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            () = stop.cancelled() => return None,
        }
    }
    let at_once = slots.clone().try_acquire_owned();
    let waited = at_once.is_err();
    let slot = match at_once {
        Ok(slot) => Ok(slot),
        Err(_) => tokio::select! {
            slot = slots.acquire_owned() => slot,
            () = stop.cancelled() => return None,
        },
    };
    if stop.is_cancelled() {
        return None;
    }
    let job_number = photo.job_number;
    let began = Instant::now();
    let held_up = photo.due.filter(|due| began.saturating_duration_since(*due) > LATE).map(|due| {
        if photo.came_late {
            Limit::Stamps
        } else if waited || (photo.waited && photo.at > due) {
            Limit::Store
        } else {
            Limit::Makers
        }
    });
    let put = put(&photo, store, queue).await;
    drop(slot);
    let (bytes, due) = (photo.bytes.len(), photo.due);
    Some(match put {
        Ok(()) => {
            let mut expected = photo.expected;
            expected.put_at = Some(utc_millis(Timestamp::now()));
            let ended = Instant::now();
            Ended::Put { job_number, delivered: Box::new(Delivered { expected, bytes, due, began, ended, held_up }) }
        }
        Err(error) => Ended::Failed { job_number, error },
    })
}

async fn put(photo: &MadePhoto, store: &dyn Store, queue: &dyn Queue) -> Result<()> {
    let (bucket, key) = (&photo.expected.bucket, &photo.expected.key);
    let put = retried(|| store.put(bucket, key, photo.bytes.clone(), PutMode::Overwrite)).await;
    let put = put.map_err(|error| error.with_context(format!("putting photo `{key}`")))?;
    if photo.expected.fault == Some(InjectedFault::DuplicateDelivery) {
        let etag = match put {
            Put::Written { etag } => Some(etag),
            Put::AlreadyThere => None,
        };
        let again = PhotoRef {
            bucket: bucket.clone(),
            key: key.clone(),
            version_id: None,
            etag,
            size_bytes: Some(photo.bytes.len() as u64),
            sequencer: None,
            uploaded_at: None,
        };
        let body = [notification::s3_event(&again, Timestamp::now())];
        let sent = retried(|| queue.send(&body)).await;
        sent.map_err(|error| error.with_context(format!("notifying again about `{key}`")))?;
    }
    Ok(())
}

/// Tries again, slower each time, while the error says that it may help.
pub(super) async fn retried<T, F: Future<Output = Result<T>>>(call: impl Fn() -> F) -> Result<T> {
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

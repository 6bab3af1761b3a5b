//! Gets photo bytes, as many at once as the limit and the byte budget allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Recipient};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::heic_lane;
use super::in_flight::{Finished, PhotoInFlight};
use super::line::{Line, heic_is_on};
use super::messages::{Ended, SetLimit};
use super::poller::reject;
use super::worker;
use crate::domain::{Reason, Reject};
use crate::error::{Class, Error, Result};
use crate::flow::{Backoff, Permit};
use crate::store::Object;
use crate::telemetry::Workers;
use crate::telemetry::events::{CallFailed, PhotoAgain, PhotoFetched};

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "fetcher";

/// How long one lease goes on trying before the photo is given back: long enough for a throttled bucket to recover,
/// short enough that other work gets the place.
const KEEP_TRYING: Duration = Duration::from_secs(20);

/// A photo with its bytes.
#[derive(Debug)]
pub struct Fetched {
    /// The photo, its eTag that of the bytes.
    pub photo: PhotoInFlight,
    /// The whole file.
    pub bytes: Bytes,
    /// Its share of the byte budget.
    pub memory: Permit,
    /// When it arrived.
    pub fetched_at: Instant,
}

/// The actor.
pub struct Fetcher {
    line: Line,
    ended: Recipient<Ended>,
    ends: Option<Ends>,
}

/// Both ends of the stage.
pub struct Ends {
    /// Photos to fetch.
    pub photos: mpsc::Receiver<PhotoInFlight>,
    /// Photos to decode.
    pub fetched: mpsc::Sender<Fetched>,
    /// HEIC photos by their names, not fetched yet.
    pub heic: mpsc::Sender<PhotoInFlight>,
    /// Rejections.
    pub finished: mpsc::Sender<Finished>,
}

impl Fetcher {
    /// A fetcher that starts with its actor.
    pub fn new(line: Line, ended: Recipient<Ended>, ends: Ends) -> Self {
        Self { line, ended, ends: Some(ends) }
    }
}

impl Actor for Fetcher {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        let Some(ends) = self.ends.take() else { return };
        let seen = Arc::new(Seen::default());
        let (shown, budget) = (seen.clone(), self.line.budgets.fetches.clone());
        self.line.telemetry.board.register(NAME, Arc::new(move || shown.state(budget.state())));
        worker::start(NAME, &self.line, self.ended.clone(), fetch_all(self.line.clone(), ends, seen));
    }
}

impl Handler<SetLimit> for Fetcher {
    type Result = ();

    fn handle(&mut self, SetLimit(limit): SetLimit, _: &mut Self::Context) {
        self.line.budgets.fetches.set_limit(limit);
    }
}

/// What was fetched.
#[derive(Default)]
pub(super) struct Seen {
    fetched: AtomicU64,
    bytes: AtomicU64,
    rejected: AtomicU64,
    again: AtomicU64,
}

impl Seen {
    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    fn state(&self, jobs: crate::flow::BudgetState) -> serde_json::Value {
        json!({
            "jobs": jobs,
            "fetched": self.fetched.load(Ordering::Relaxed),
            "bytes": self.bytes.load(Ordering::Relaxed),
            "rejected": self.rejected.load(Ordering::Relaxed),
            "again": self.again.load(Ordering::Relaxed),
        })
    }
}

async fn fetch_all(line: Line, mut ends: Ends, seen: Arc<Seen>) -> Result<()> {
    let mut running = JoinSet::new();
    let has_lane = heic_is_on(&line.settings);
    while let Some(photo) = ends.photos.recv().await {
        while let Some(joined) = running.try_join_next() {
            note_panic(joined);
        }
        // At a drain, photos not yet started go back to the queue at once.
        if line.generation.draining().is_cancelled() {
            continue;
        }
        if has_lane && heic_lane::is_named_heic(&photo.photo.key) {
            // Its lane fetches it when its turn comes: bytes that wait behind slow photos would take the others' room.
            if ends.heic.send(photo).await.is_err() {
                break;
            }
            continue;
        }
        let job = line.budgets.fetches.acquire(1).await;
        let (line, fetched, finished, seen) = (line.clone(), ends.fetched.clone(), ends.finished.clone(), seen.clone());
        running.spawn(async move {
            if let Some(photo) = fetch_one(&line, Workers::Fetch, photo, &finished, &seen).await {
                let _ = fetched.send(photo).await;
            }
            drop(job);
        });
    }
    while let Some(joined) = running.join_next().await {
        note_panic(joined);
    }
    Ok(())
}

/// A panic costs its own photo one delivery; the others go on.
fn note_panic(joined: std::result::Result<(), JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "fetching a photo panicked, it is left for later");
    }
}

/// A photo with its bytes, under its share of the byte budget; `None` when it ended here, rejected or left for later.
pub(super) async fn fetch_one(
    line: &Line,
    workers: Workers,
    mut photo: PhotoInFlight,
    finished: &mpsc::Sender<Finished>,
    seen: &Seen,
) -> Option<Fetched> {
    let limit = line.settings.limits.max_file_bytes;
    let declared = photo.photo.size_bytes;
    if let Some(size) = declared.filter(|size| *size > limit) {
        seen.rejected.fetch_add(1, Ordering::Relaxed);
        reject(finished, photo, too_large(Some(size), limit)).await;
        return None;
    }
    let mut room = declared.unwrap_or(limit).max(1);
    let mut memory = line.budgets.fetched_bytes.acquire(room).await;
    let waited = photo.ticket().received_at().elapsed();
    let started = Instant::now();
    let mut got = get(line, workers, &photo, room).await;
    // Larger than its notification says (replaced since, or the notification lies): the memory comes first here too.
    if got.as_ref().is_err_and(|error| error.class() == Class::Poison) && room < limit {
        room = limit;
        drop(memory);
        memory = line.budgets.fetched_bytes.acquire(room).await;
        got = get(line, workers, &photo, room).await;
    }
    match got {
        Ok(object) => {
            let bytes = object.bytes.len() as u64;
            PhotoFetched { bytes, waited, took: started.elapsed() }.emit(&line.telemetry);
            seen.fetched.fetch_add(1, Ordering::Relaxed);
            seen.bytes.fetch_add(bytes, Ordering::Relaxed);
            memory.shrink_to(bytes.max(1));
            // The photo is the version that was read. If the object was replaced after the notification, this is the
            // newer version, which its own notification names too; the load keeps one of them.
            if photo.photo.version_id.is_none() {
                photo.photo.etag = Some(object.etag);
            }
            photo.photo.size_bytes = Some(bytes);
            Some(Fetched { photo, bytes: object.bytes, memory, fetched_at: Instant::now() })
        }
        Err(error) => {
            match outcome(&error, declared, limit, photo.ticket().receive_count(), line) {
                Some(why) => {
                    seen.rejected.fetch_add(1, Ordering::Relaxed);
                    reject(finished, photo, why).await;
                }
                None => {
                    seen.again.fetch_add(1, Ordering::Relaxed);
                    PhotoAgain { photo: &photo.photo, error: &error }.emit();
                }
            }
            None
        }
    }
}

/// GET, tried again while the class allows it and the time lasts.
async fn get(line: &Line, workers: Workers, photo: &PhotoInFlight, max_bytes: u64) -> Result<Object> {
    let _at_work = line.telemetry.busy.begin(workers);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let started = Instant::now();
    let PhotoInFlight { photo, .. } = photo;
    loop {
        let got = line.store.get(&photo.bucket, &photo.key, photo.version_id.as_deref(), max_bytes).await;
        line.gets.count(got.as_ref().err().map(Error::class));
        let error = match got {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        let wait = error.wait().unwrap_or_else(|| backoff.next_wait());
        match error.class() {
            Class::Transient | Class::Throttled => {}
            // Of the bucket, not of this photo: somebody has to hear of it.
            Class::Refused => {
                CallFailed { what: "get", error: &error }.emit();
                return Err(error);
            }
            Class::Permanent | Class::Missing | Class::Poison | Class::Bug => return Err(error),
        }
        CallFailed { what: "get", error: &error }.emit();
        let is_over = started.elapsed() + wait > KEEP_TRYING;
        if is_over || line.generation.draining().run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return Err(error);
        }
    }
}

/// The rejection an error means, or `None` when the photo is to be processed again.
fn outcome(error: &Error, declared: Option<u64>, limit: u64, receive_count: u32, line: &Line) -> Option<Reject> {
    match error.class() {
        Class::Missing => Some(Reject::new(Reason::MissingObject, error.to_string())),
        Class::Poison => Some(too_large(declared.filter(|size| *size > limit), limit)),
        Class::Permanent => Some(Reject::new(Reason::NotAnObject, error.to_string())),
        // The photo may be well, and somebody may mend the permission: it comes again when its lease ends.
        Class::Refused => None,
        Class::Transient | Class::Throttled | Class::Bug => {
            let last = receive_count >= line.settings.queue.max_receives;
            let draining = line.generation.draining().is_cancelled();
            (last && !draining).then(|| {
                Reject::new(Reason::GaveUp, format!("received {receive_count} times, the last failure: {error}"))
            })
        }
    }
}

fn too_large(size: Option<u64>, limit: u64) -> Reject {
    let size = size.map_or_else(|| "the object".to_owned(), |size| format!("{size} bytes"));
    Reject::new(Reason::TooLarge, format!("{size} is over limits.max_file_bytes = {limit}"))
}

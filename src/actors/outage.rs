//! Outages of the store: a bucket that cannot be read is not the fault of the photos in it.
//!
//! Each bucket has a circuit breaker. While one is open its photos wait here, with their leases kept, and receiving
//! pauses; a probe of the bucket, then one photo as a trial, find out when it is over. What a photo's own failures are is
//! decided by witnesses: a failed delivery counts against the photo only if the store answered somebody else meanwhile,
//! or answers a probe.

mod pass;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::pass::PhotoInLine;
pub use self::pass::{Pass, Verdict};
use super::state::{BucketState, StoreState};
use super::worker;
use crate::error::{Error, Result};
use crate::flow::{Breaker, BreakerState};
use crate::scale::bottleneck::{self, Stopped};
use crate::store::Store;
use crate::telemetry::events::{CallFailed, StoreDown, StoreUp};
use crate::telemetry::names;

/// Name in `/state`.
pub const NAME: &str = "store";

/// A probe that takes longer says that the store does not answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the first probe at a start.
const FIRST_PROBE: Duration = Duration::from_secs(3);
/// The call that writes a batch: the others of [`Outages::call_failed`] are the queue's, but for [`LOAD`].
pub(super) const PUT: &str = "put";
/// Loading batches into the warehouse, which stops rows and no intake.
pub(super) const LOAD: &str = "load";
/// Failures in a row of other intake calls until they are an outage.
const MANY: u32 = 3;
/// Photos whose failures are remembered. More at once is an outage, which counts none.
const MAX_FAILING: usize = 65_536;

/// What stops intake. Clones share it; it outlives the generations.
#[derive(Clone)]
pub struct Outages {
    shared: Arc<OutagesInner>,
}

struct OutagesInner {
    store: Arc<dyn Store>,
    prefix: Mutex<String>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    /// Moves on whenever a breaker or a trial did.
    changes: watch::Sender<u64>,
    /// A photo began to wait, or a breaker changed: receiving may have to pause.
    receiving: Notify,
    /// One probe at a time; who waited for another's probe takes its answer.
    probing: tokio::sync::Mutex<()>,
    /// Deliveries that failed although the store answered others, by photo.
    failures: Mutex<HashMap<u64, u32>>,
    /// Calls beside the store's reads that fail over and over: what, how often in a row, since when, why.
    others: Mutex<BTreeMap<&'static str, Failing>>,
    /// What keeps photos of the inbox folder from being announced.
    inbox: Mutex<Option<Stopped>>,
    is_running: AtomicBool,
    messages: AtomicU64,
}

struct Bucket {
    breaker: Breaker,
    /// Since when it cannot be read, and what was said last.
    down: Option<Down>,
    /// Photos that wait, those with the fewest trials first: a photo that spoils each trial must not be the only one tried.
    waiting: BTreeSet<(u32, u64)>,
    is_trial_out: bool,
}

struct Down {
    since: Instant,
    cause: String,
}

struct Failing {
    times: u32,
    since: Instant,
    cause: String,
}

impl Outages {
    /// No outage. `prefix` is where photos lie in their buckets.
    pub fn new(store: Arc<dyn Store>, prefix: &str) -> Outages {
        let shared = OutagesInner {
            store,
            prefix: Mutex::new(prefix.to_owned()),
            buckets: Mutex::default(),
            changes: watch::Sender::new(0),
            receiving: Notify::new(),
            probing: tokio::sync::Mutex::default(),
            failures: Mutex::default(),
            others: Mutex::default(),
            inbox: Mutex::default(),
            is_running: AtomicBool::new(false),
            messages: AtomicU64::new(0),
        };
        Outages { shared: Arc::new(shared) }
    }

    /// Photos lie under another prefix from now on.
    pub fn set_prefix(&self, prefix: &str) {
        prefix.clone_into(&mut self.shared.prefix.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks the inbox before the first message is received: each start during an outage would cost messages one of their
    /// deliveries.
    pub async fn look_first(&self, inbox: &str) {
        self.shared.with(inbox, |_| None);
        show_states(&self.shared.buckets());
        let prefix = self.shared.prefix();
        let probe = tokio::time::timeout(FIRST_PROBE, self.shared.store.probe(inbox, &prefix)).await;
        let outcome = probe.unwrap_or_else(|_| Err(Error::transient(format!("bucket `{inbox}` does not answer"))));
        self.shared.probed(inbox, outcome);
    }

    /// Asks buckets that are down again and again, until `stopped`.
    pub async fn keep_probing(self, stopped: impl Future<Output = ()>) {
        let mut changes = self.shared.changes.subscribe();
        let probing = async {
            loop {
                changes.borrow_and_update();
                let due = self.shared.next_due();
                tokio::select! {
                    () = worker::sleep_until(due.as_ref().map(|(at, _)| *at)) => {
                        let Some((_, bucket)) = due else { continue };
                        let outcome = self.shared.probe(&bucket).await;
                        self.shared.probed(&bucket, outcome);
                    }
                    // The sender lives as long as this.
                    _ = changes.changed() => {}
                }
            }
        };
        tokio::select! {
            () = probing => {}
            () = stopped => {}
        }
    }

    /// Leave to read a photo of `bucket`: at once, or once it can be read again; `None` when `ended` comes first. `trials`
    /// is how often the photo failed as a trial.
    pub async fn pass(&self, bucket: &str, subject: u64, trials: u32, ended: &CancellationToken) -> Option<Pass> {
        let mut changes = self.shared.changes.subscribe();
        let mut waiting = PhotoInLine { shared: &self.shared, bucket, of: (trials, subject), is_listed: false };
        loop {
            changes.borrow_and_update();
            if let Some(is_trial) = waiting.admitted() {
                let (shared, bucket) = (self.shared.clone(), bucket.to_owned());
                return Some(Pass { shared, bucket, subject, trials, is_trial });
            }
            tokio::select! {
                () = ended.cancelled() => return None,
                _ = changes.changed() => {}
            }
        }
    }

    /// Leave to read a photo at once, if it need not wait: see [`Outages::pass`].
    pub fn try_pass(&self, bucket: &str, subject: u64, trials: u32) -> Option<Pass> {
        let mut waiting = PhotoInLine { shared: &self.shared, bucket, of: (trials, subject), is_listed: false };
        let is_trial = waiting.admitted()?;
        Some(Pass { shared: self.shared.clone(), bucket: bucket.to_owned(), subject, trials, is_trial })
    }

    /// Whether photos of the bucket have to wait.
    pub fn is_down(&self, bucket: &str) -> bool {
        self.shared.buckets().get(bucket).is_some_and(|bucket| bucket.breaker.state() != BreakerState::Closed)
    }

    /// Whether nothing is to be received now: every bucket is down, or half of the places in flight are taken by photos
    /// that wait. During a trial receiving goes on, so that not only the photos that wait are tried.
    pub fn pauses_receiving(&self) -> bool {
        let buckets = self.shared.buckets();
        let waiting: usize = buckets.values().map(|bucket| bucket.waiting.len()).sum();
        let is_open = |bucket: &Bucket| bucket.breaker.state() == BreakerState::Open;
        let all_open = !buckets.is_empty() && buckets.values().all(is_open);
        let many_wait = waiting as u64 * 2 >= self.shared.messages.load(Ordering::Relaxed).max(1);
        all_open || (many_wait && buckets.values().any(is_open))
    }

    /// Waits until [`Outages::pauses_receiving`] may have changed.
    pub async fn receiving_changed(&self) {
        self.shared.receiving.notified().await;
    }

    /// How many messages may be in flight.
    pub fn set_messages(&self, limit: u64) {
        self.shared.messages.store(limit, Ordering::Relaxed);
    }

    /// The pipeline runs, or does not.
    pub fn set_running(&self, is_running: bool) {
        self.shared.is_running.store(is_running, Ordering::Relaxed);
        self.shared.show_ready();
    }

    /// A call that rows need went well.
    pub fn call_went_well(&self, what: &'static str) {
        if self.shared.others().remove(what).is_some_and(|failing| failing.times >= MANY) {
            tracing::info!(call = what, "works again");
            self.shared.show_ready();
        }
    }

    /// A call that rows need failed. Several in a row are an outage.
    pub fn call_failed(&self, what: &'static str, error: &Error) {
        let mut others = self.shared.others();
        let now = Instant::now();
        let failing = others.entry(what).or_insert_with(|| Failing { times: 0, since: now, cause: String::new() });
        failing.times = failing.times.saturating_add(1);
        failing.cause = error.to_string();
        drop(others);
        self.shared.show_ready();
    }

    /// What keeps photos of the inbox folder from being announced, if something does.
    pub fn note_inbox(&self, trouble: Option<Stopped>) {
        *self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        self.shared.show_ready();
    }

    /// Why nothing is taken in, if so.
    pub fn why(&self) -> Option<String> {
        self.shared.stopped().map(|stopped| stopped.why)
    }

    /// What is down and keeps anything from being taken in, if so.
    pub fn stopped(&self) -> Option<Stopped> {
        self.shared.stopped()
    }

    /// Why no batch gets into the warehouse, if so: photos are taken in meanwhile, and their rows wait.
    pub fn loads_fail(&self) -> Option<String> {
        self.shared.failing(|what| what == LOAD).map(|(_, why)| why)
    }

    /// For `/state`.
    pub fn state(&self) -> StoreState {
        let stopped_by = self.why();
        let shown = |(name, bucket): (&String, &Bucket)| {
            let state = BucketState {
                breaker: bucket.breaker.state().as_str().to_owned(),
                photos_waiting_for_store: bucket.waiting.len(),
                down_seconds: bucket.down.as_ref().map(|down| down.since.elapsed().as_secs()),
                cause: bucket.down.as_ref().map(|down| down.cause.clone()),
            };
            (name.clone(), state)
        };
        StoreState { buckets: self.shared.buckets().iter().map(shown).collect(), stopped_by }
    }
}

impl Bucket {
    fn new() -> Bucket {
        Bucket { breaker: Breaker::new(Instant::now()), down: None, waiting: BTreeSet::new(), is_trial_out: false }
    }

    fn note_down(&mut self, error: &Error) {
        let cause = error.report();
        match &mut self.down {
            Some(down) => down.cause = cause,
            None => self.down = Some(Down { since: Instant::now(), cause }),
        }
    }
}

impl OutagesInner {
    fn prefix(&self) -> String {
        self.prefix.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn others(&self) -> MutexGuard<'_, BTreeMap<&'static str, Failing>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to a bucket's breaker, and tells everybody if that changed it.
    fn with(&self, name: &str, work: impl FnOnce(&mut Bucket) -> Option<BreakerState>) {
        let mut buckets = self.buckets();
        let bucket = buckets.entry(name.to_owned()).or_insert_with(Bucket::new);
        let change = work(bucket);
        let waiting = bucket.waiting.len();
        let ended = if change == Some(BreakerState::Closed) { bucket.down.take() } else { None };
        let down = bucket.down.as_ref().map(|down| (down.since, down.cause.clone()));
        let Some(change) = change else { return };
        names::STORE_BREAKER_CHANGES.add(change, 1);
        show_states(&buckets);
        drop(buckets);
        match (change, ended, down) {
            (BreakerState::Open, _, Some((since, cause))) => StoreDown { bucket: name, cause: &cause, since }.emit(),
            (BreakerState::Closed, Some(ended), _) => {
                StoreUp { bucket: name, down: ended.since.elapsed(), waiting }.emit();
            }
            _ => {}
        }
        self.show_ready();
        self.tell();
    }

    fn tell(&self) {
        self.changes.send_modify(|version| *version += 1);
        self.receiving.notify_one();
    }

    /// When the next probe is due, and of which bucket.
    fn next_due(&self) -> Option<(Instant, String)> {
        let buckets = self.buckets();
        let due = buckets.iter().filter_map(|(name, bucket)| Some((bucket.breaker.retry_at()?, name.clone())));
        due.min()
    }

    async fn probe(&self, bucket: &str) -> Result<()> {
        let _alone = self.probing.lock().await;
        self.ask(bucket).await
    }

    async fn ask(&self, bucket: &str) -> Result<()> {
        let prefix = self.prefix();
        match tokio::time::timeout(PROBE_TIMEOUT, self.store.probe(bucket, &prefix)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::transient(format!("bucket `{bucket}` does not answer a probe"))),
        }
    }

    /// What a probe means: down, or as far as it can tell well again.
    fn probed(&self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.with(name, |bucket| {
                let now = Instant::now();
                bucket.breaker.probe_answered(now);
                let half_open = bucket.breaker.try_half_open(now)?;
                if bucket.waiting.is_empty() { bucket.breaker.close_without_trial(now) } else { Some(half_open) }
            }),
            Err(error) => {
                CallFailed { what: "probe", error: &error }.emit();
                self.with(name, |bucket| {
                    bucket.note_down(&error);
                    bucket.breaker.probe_failed(Instant::now())
                });
                // Also when it was down before: its next probe is due at another time now.
                self.tell();
            }
        }
    }

    fn count_failure(&self, subject: u64) -> u32 {
        let mut failures = self.failures();
        if failures.len() >= MAX_FAILING && !failures.contains_key(&subject) {
            failures.clear();
        }
        let count = failures.entry(subject).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    fn stopped(&self) -> Option<Stopped> {
        let stopped = |stage, why| Stopped { stage, why };
        let buckets = self.buckets();
        let down = buckets.iter().find_map(|(name, bucket)| {
            let down = bucket.down.as_ref()?;
            let seconds = down.since.elapsed().as_secs();
            let why = format!("bucket `{name}` cannot be read for {seconds} s: {}", down.cause);
            Some(stopped(bottleneck::Stage::StoreDown, why))
        });
        drop(buckets);
        let failing = || {
            let (what, why) = self.failing(|what| what != LOAD)?;
            Some(stopped(if what == PUT { bottleneck::Stage::ResultsDown } else { bottleneck::Stage::QueueDown }, why))
        };
        let inbox = || self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone();
        down.or_else(failing).or_else(inbox)
    }

    /// The first of `these` calls that failed several times in a row, and why.
    fn failing(&self, these: impl Fn(&str) -> bool) -> Option<(&'static str, String)> {
        let others = self.others();
        let (what, failing) = others.iter().find(|(what, failing)| failing.times >= MANY && these(what))?;
        let (times, seconds) = (failing.times, failing.since.elapsed().as_secs());
        Some((what, format!("{what} failed {times} times in a row, for {seconds} s: {}", failing.cause)))
    }

    fn show_ready(&self) {
        let is_ready = self.is_running.load(Ordering::Relaxed)
            && self.stopped().is_none()
            && self.failing(|what| what == LOAD).is_none();
        names::READY.set(f64::from(u8::from(is_ready)));
    }
}

fn show_states(buckets: &BTreeMap<String, Bucket>) {
    for &state in BreakerState::ALL {
        let count = buckets.values().filter(|bucket| bucket.breaker.state() == state).count();
        names::STORE_BREAKER.set(state, count as f64);
    }
}

fn show_held(buckets: &BTreeMap<String, Bucket>) {
    let held: usize = buckets.values().map(|bucket| bucket.waiting.len()).sum();
    names::PHOTOS_WAITING.set(held as f64);
}

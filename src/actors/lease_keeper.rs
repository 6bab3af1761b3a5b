//! Keeps the leases of what is in flight and settles messages: the only caller of extend and delete.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Recipient};
use serde_json::json;
use tokio::sync::mpsc;

use super::in_flight::LeaseCommand;
use super::line::Line;
use super::messages::Ended;
use super::worker;
use crate::domain::ticket::Settlement;
use crate::error::{Class, Error, Result};
use crate::flow::{Backoff, Permit};
use crate::queue::ReceiptHandle;
use crate::telemetry::events::{CallFailed, LeasesExtended, MessagesSettled};

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "lease_keeper";

/// Commands taken at once: their deletes go out in one call.
const GATHER: usize = 256;

/// Tries of one settle call before it is left to redelivery.
const SETTLE_TRIES: u32 = 4;

/// SQS ends a lease 12 hours after the receive whatever is asked; extending past that is an error (facts/aws.md §2.1).
const LEASE_CAP: Duration = Duration::from_secs(12 * 3600 - 60);

/// How long leases are given back at a stop before they are left to their timeout.
const LAST_GIVE_BACK: Duration = Duration::from_secs(2);

/// The actor.
pub struct LeaseKeeper {
    line: Line,
    ended: Recipient<Ended>,
    commands: Option<mpsc::Receiver<LeaseCommand>>,
}

impl LeaseKeeper {
    /// A keeper that starts with its actor.
    pub fn new(line: Line, ended: Recipient<Ended>, commands: mpsc::Receiver<LeaseCommand>) -> Self {
        Self { line, ended, commands: Some(commands) }
    }
}

impl Actor for LeaseKeeper {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        let Some(commands) = self.commands.take() else { return };
        let seen = Arc::new(Seen::default());
        let shown = seen.clone();
        self.line.telemetry.board.register(NAME, Arc::new(move || shown.state()));
        let keeper = Keeper { line: self.line.clone(), seen, leases: HashMap::new(), due: BinaryHeap::new() };
        worker::start(NAME, &self.line, self.ended.clone(), keeper.keep(commands));
    }
}

#[derive(Default)]
struct Seen {
    held: AtomicU64,
    extended: AtomicU64,
    lost: AtomicU64,
    deleted: AtomicU64,
    given_back: AtomicU64,
}

impl Seen {
    fn state(&self) -> serde_json::Value {
        json!({
            "held": self.held.load(Ordering::Relaxed),
            "extended": self.extended.load(Ordering::Relaxed),
            "lost": self.lost.load(Ordering::Relaxed),
            "deleted": self.deleted.load(Ordering::Relaxed),
            "given_back": self.given_back.load(Ordering::Relaxed),
        })
    }
}

#[derive(Clone, Copy)]
struct Lease {
    held_since: Instant,
    deadline: Instant,
}

struct Keeper {
    line: Line,
    seen: Arc<Seen>,
    leases: HashMap<ReceiptHandle, Lease>,
    /// When to extend which; entries of settled leases are skipped when they come up.
    due: BinaryHeap<Reverse<(Instant, String)>>,
}

/// Messages to settle in one go; their permits free their places in flight afterwards.
#[derive(Default)]
struct Settle {
    delete: Vec<ReceiptHandle>,
    give_back: Vec<(ReceiptHandle, Duration)>,
    permits: Vec<Option<Permit>>,
}

impl Keeper {
    async fn keep(mut self, mut commands: mpsc::Receiver<LeaseCommand>) -> Result<()> {
        let mut gathered = Vec::new();
        loop {
            let next_due = self.due.peek().map(|Reverse((at, _))| *at);
            tokio::select! {
                taken = commands.recv_many(&mut gathered, GATHER) => {
                    if taken == 0 {
                        return Ok(());
                    }
                    self.obey(&mut gathered).await;
                }
                () = worker::sleep_until(next_due) => self.extend_due().await,
            }
            self.seen.held.store(self.leases.len() as u64, Ordering::Relaxed);
        }
    }

    async fn obey(&mut self, commands: &mut Vec<LeaseCommand>) {
        let mut settle = Settle::default();
        for command in commands.drain(..) {
            match command {
                LeaseCommand::Hold { receipt, deadline } => self.hold(receipt, deadline),
                LeaseCommand::Settle { receipt, settlement, receive_count, permit } => {
                    self.leases.remove(&receipt);
                    settle.permits.push(permit);
                    match settlement {
                        Settlement::Delete => settle.delete.push(receipt),
                        Settlement::GiveBack => settle.give_back.push((receipt, self.give_back_wait(receive_count))),
                    }
                }
            }
        }
        self.settle(settle).await;
    }

    fn hold(&mut self, receipt: ReceiptHandle, deadline: Instant) {
        let now = Instant::now();
        self.plan(&receipt, now, deadline);
        self.leases.insert(receipt, Lease { held_since: now, deadline });
    }

    /// Plans the next extension at half of what is left, so that a failed call leaves time for more.
    fn plan(&mut self, receipt: &ReceiptHandle, now: Instant, deadline: Instant) {
        let left = deadline.saturating_duration_since(now);
        self.due.push(Reverse((now + left / 2, receipt.0.clone())));
    }

    /// A message given back at a drain is wanted at once; one that failed waits longer each time.
    fn give_back_wait(&self, receive_count: u32) -> Duration {
        if self.line.generation.draining().is_cancelled() {
            return Duration::ZERO;
        }
        Duration::from_secs(1 << receive_count.min(6)).min(self.line.settings.queue.visibility_timeout)
    }

    async fn extend_due(&mut self) {
        let now = Instant::now();
        let mut receipts = Vec::new();
        while let Some(Reverse((at, _))) = self.due.peek() {
            if *at > now || receipts.len() >= GATHER {
                break;
            }
            let Some(Reverse((_, receipt))) = self.due.pop() else { break };
            let receipt = ReceiptHandle(receipt);
            let within_cap =
                self.leases.get(&receipt).is_some_and(|lease| now.duration_since(lease.held_since) < LEASE_CAP);
            if within_cap {
                receipts.push(receipt);
            }
        }
        if receipts.is_empty() {
            return;
        }
        let visibility = self.line.settings.queue.visibility_timeout;
        let results = self.line.queue.extend(&receipts, visibility).await;
        let deadline = now + visibility;
        let mut event = LeasesExtended { ok: 0, lost: 0, failed: 0 };
        let results = results.unwrap_or_else(|error| {
            CallFailed { what: "extend", error: &error }.emit();
            receipts.iter().map(|_| Err(Error::transient("the call failed"))).collect()
        });
        for (receipt, result) in receipts.into_iter().zip(results) {
            match result.map_err(|error| error.class()) {
                Ok(()) => {
                    event.ok += 1;
                    if let Some(lease) = self.leases.get_mut(&receipt) {
                        lease.deadline = deadline;
                    }
                    self.plan(&receipt, now, deadline);
                }
                Err(Class::Missing) => {
                    event.lost += 1;
                    self.leases.remove(&receipt);
                }
                Err(_) => {
                    event.failed += 1;
                    let left = self.leases.get(&receipt).map(|lease| lease.deadline).filter(|at| *at > Instant::now());
                    match left {
                        // At least a little later, or a failing queue would be asked without a pause.
                        Some(deadline) => self.plan(&receipt, Instant::now() + Duration::from_millis(200), deadline),
                        None => drop(self.leases.remove(&receipt)),
                    }
                }
            }
        }
        self.seen.extended.fetch_add(event.ok, Ordering::Relaxed);
        self.seen.lost.fetch_add(event.lost, Ordering::Relaxed);
        event.emit();
    }

    async fn settle(&self, settle: Settle) {
        let (deleted, given_back) = (settle.delete.len() as u64, settle.give_back.len() as u64);
        if !settle.delete.is_empty() {
            let delete = || self.line.queue.delete(&settle.delete);
            self.try_settle("delete", delete).await;
        }
        let mut by_wait: HashMap<Duration, Vec<ReceiptHandle>> = HashMap::new();
        for (receipt, wait) in settle.give_back {
            by_wait.entry(wait).or_default().push(receipt);
        }
        for (wait, receipts) in by_wait {
            self.try_settle("give back", || self.line.queue.extend(&receipts, wait)).await;
        }
        drop(settle.permits);
        self.seen.deleted.fetch_add(deleted, Ordering::Relaxed);
        self.seen.given_back.fetch_add(given_back, Ordering::Relaxed);
        MessagesSettled { deleted, given_back }.emit();
    }

    /// Tries a settle call a few times. Where it fails for good the messages come again by their timeout; the rows are
    /// durable, so the load drops what is then read twice.
    async fn try_settle<F, Fut>(&self, what: &'static str, call: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Vec<Result<()>>>>,
    {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            let error = match call().await {
                Ok(results) => {
                    let lost = results.iter().filter(|result| result.is_err()).count() as u64;
                    self.seen.lost.fetch_add(lost, Ordering::Relaxed);
                    if lost > 0 {
                        tracing::debug!(messages = lost, call = what, "leases ended before they were settled");
                    }
                    return;
                }
                Err(error) => error,
            };
            CallFailed { what, error: &error }.emit();
            if !error.class().is_retryable() || backoff.attempts() + 1 >= SETTLE_TRIES {
                return;
            }
            tokio::time::sleep(error.wait().unwrap_or_else(|| backoff.next_wait())).await;
        }
    }
}

impl Drop for Keeper {
    /// Gives back at once what is still held when the generation stops on a fault; otherwise nothing is held any more.
    fn drop(&mut self) {
        let receipts: Vec<ReceiptHandle> = self.leases.drain().map(|(receipt, _)| receipt).collect();
        if receipts.is_empty() {
            return;
        }
        let queue = self.line.queue.clone();
        self.line.io.spawn(async move {
            let call = queue.extend(&receipts, Duration::ZERO);
            if !matches!(tokio::time::timeout(LAST_GIVE_BACK, call).await, Ok(Ok(_))) {
                tracing::debug!(messages = receipts.len(), "leases are left to their timeout");
            }
        });
    }
}

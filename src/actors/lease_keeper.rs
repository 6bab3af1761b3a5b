//! Keeps the leases of what is in flight and settles messages: the only caller of extend and delete.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Recipient};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::in_flight::LeaseCommand;
use super::leases::Leases;
use super::line::Line;
use super::messages::Ended;
use super::worker;
use crate::domain::ticket::Settlement;
use crate::error::{Class, Error, Result};
use crate::flow::{Backoff, Permit};
use crate::queue::{Queue, ReceiptHandle};
use crate::telemetry::events::{CallFailed, LeasesExtended, MessagesSettled};

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "lease_keeper";

/// Commands taken, and leases extended, at once.
const GATHER: usize = 256;

/// Tries of one settle call before it is left to redelivery.
const SETTLE_TRIES: u32 = 4;

/// Settle calls under way at once. Few, so that what ends meanwhile shares one call.
const SETTLING_MAX: usize = 2;

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
        let keeper = Keeper {
            line: self.line.clone(),
            seen,
            leases: Leases::default(),
            ended: Settle::default(),
            settling: JoinSet::new(),
        };
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

/// Messages to settle in one go.
#[derive(Default)]
struct Settle {
    delete: Vec<ReceiptHandle>,
    give_back: Vec<(ReceiptHandle, Duration)>,
    /// Their places in flight, free once this is dropped.
    permits: Vec<Option<Permit>>,
}

/// What a settle call did.
#[derive(Default)]
struct Settled {
    deleted: u64,
    given_back: u64,
    lost: u64,
    /// No longer to be extended, whether the delete worked or not.
    released: Vec<ReceiptHandle>,
}

struct Keeper {
    line: Line,
    seen: Arc<Seen>,
    leases: Leases,
    ended: Settle,
    /// Settle calls run beside the loop, for a slow one must not keep leases from being extended.
    settling: JoinSet<Settled>,
}

impl Keeper {
    async fn keep(mut self, mut commands: mpsc::Receiver<LeaseCommand>) -> Result<()> {
        let mut gathered = Vec::new();
        let mut is_open = true;
        while is_open || !self.settling.is_empty() {
            let next_due = self.leases.next_due();
            tokio::select! {
                // Leases first: a late extension costs a second delivery, a late settle nothing.
                biased;
                () = worker::sleep_until(next_due) => self.extend_due().await,
                Some(settled) = self.settling.join_next() => self.settled(settled)?,
                taken = commands.recv_many(&mut gathered, GATHER), if is_open => {
                    is_open = taken > 0;
                    gathered.drain(..).for_each(|command| self.obey(command));
                }
            }
            self.settle();
            self.seen.held.store(self.leases.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn obey(&mut self, command: LeaseCommand) {
        match command {
            LeaseCommand::Hold { receipt, deadline } => self.leases.hold(receipt, Instant::now(), deadline),
            LeaseCommand::Settle { receipt, settlement, receive_count, permit } => {
                self.ended.permits.push(permit);
                match settlement {
                    Settlement::Delete => {
                        self.leases.deleting(&receipt);
                        self.ended.delete.push(receipt);
                    }
                    Settlement::GiveBack => {
                        // Released first: an extension after the give-back would hide the message again.
                        self.leases.release(&receipt);
                        self.ended.give_back.push((receipt, self.give_back_wait(receive_count)));
                    }
                }
            }
        }
    }

    /// A message given back at a drain is wanted at once; one that failed waits longer each time.
    fn give_back_wait(&self, receive_count: u32) -> Duration {
        if self.line.generation.draining().is_cancelled() {
            return Duration::ZERO;
        }
        Duration::from_secs(1 << receive_count.min(6)).min(self.line.settings.queue.visibility_timeout)
    }

    async fn extend_due(&mut self) {
        let wanted = self.line.settings.queue.visibility_timeout;
        let due = self.leases.take_due(Instant::now(), GATHER, wanted);
        for (visibility, receipts) in due {
            self.extend(receipts, visibility).await;
        }
    }

    async fn extend(&mut self, receipts: Vec<ReceiptHandle>, visibility: Duration) {
        let now = Instant::now();
        let results = self.line.queue.extend(&receipts, visibility).await;
        let mut event = LeasesExtended { ok: 0, lost: 0, failed: 0 };
        let results = results.unwrap_or_else(|error| {
            CallFailed { what: "extend", error: &error }.emit();
            receipts.iter().map(|_| Err(Error::transient("the call failed"))).collect()
        });
        for (receipt, result) in receipts.into_iter().zip(results) {
            match result.map_err(|error| error.class()) {
                Ok(()) => {
                    event.ok += 1;
                    self.leases.extended(&receipt, now, now + visibility);
                }
                // Not lost when its delete was faster.
                Err(Class::Missing) => event.lost += u64::from(self.leases.release(&receipt)),
                Err(_) => {
                    event.failed += 1;
                    self.leases.failed(&receipt, Instant::now());
                }
            }
        }
        self.seen.extended.fetch_add(event.ok, Ordering::Relaxed);
        self.seen.lost.fetch_add(event.lost, Ordering::Relaxed);
        event.emit();
    }

    /// Starts to settle what ended. What ends while [`SETTLING_MAX`] calls are under way goes out together in the next.
    fn settle(&mut self) {
        if self.ended.permits.is_empty() || self.settling.len() >= SETTLING_MAX {
            return;
        }
        self.settling.spawn(settle(self.line.queue.clone(), std::mem::take(&mut self.ended)));
    }

    fn settled(&mut self, settled: std::result::Result<Settled, JoinError>) -> Result<()> {
        let settled = settled.map_err(|error| Error::bug("settling messages panicked").source(error))?;
        for receipt in &settled.released {
            self.leases.release(receipt);
        }
        self.seen.deleted.fetch_add(settled.deleted, Ordering::Relaxed);
        self.seen.given_back.fetch_add(settled.given_back, Ordering::Relaxed);
        self.seen.lost.fetch_add(settled.lost, Ordering::Relaxed);
        MessagesSettled { deleted: settled.deleted, given_back: settled.given_back }.emit();
        Ok(())
    }
}

async fn settle(queue: Arc<dyn Queue>, settle: Settle) -> Settled {
    let Settle { delete, give_back, permits } = settle;
    let mut settled = Settled { released: delete.clone(), ..Settled::default() };
    settled.deleted = try_settle(queue.as_ref(), None, delete, &mut settled.lost).await;
    let mut by_wait: HashMap<Duration, Vec<ReceiptHandle>> = HashMap::new();
    for (receipt, wait) in give_back {
        by_wait.entry(wait).or_default().push(receipt);
    }
    for (wait, receipts) in by_wait {
        settled.given_back += try_settle(queue.as_ref(), Some(wait), receipts, &mut settled.lost).await;
    }
    drop(permits);
    settled
}

/// Deletes, or gives back after a wait, a few times if need be; returns for how many that worked. Where it fails for
/// good the messages come again by their timeout; the rows are durable, so the load drops what is then read twice.
async fn try_settle(
    queue: &dyn Queue,
    give_back: Option<Duration>,
    mut receipts: Vec<ReceiptHandle>,
    lost: &mut u64,
) -> u64 {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    let mut done = 0;
    while !receipts.is_empty() {
        let (what, called) = match give_back {
            None => ("delete", queue.delete(&receipts).await),
            Some(wait) => ("give back", queue.extend(&receipts, wait).await),
        };
        let error = match called {
            Err(error) => error,
            Ok(results) => {
                let mut failed = None;
                let mut again = Vec::new();
                for (receipt, result) in receipts.into_iter().zip(results) {
                    match result {
                        Ok(()) => done += 1,
                        Err(error) if error.class().is_retryable() => {
                            again.push(receipt);
                            failed = Some(error);
                        }
                        Err(error) => {
                            *lost += 1;
                            tracing::debug!(call = what, %error, "a lease ended before its message was settled");
                        }
                    }
                }
                receipts = again;
                match failed {
                    None => break,
                    Some(error) => error,
                }
            }
        };
        CallFailed { what, error: &error }.emit();
        if !error.class().is_retryable() || backoff.attempts() + 1 >= SETTLE_TRIES {
            break;
        }
        tokio::time::sleep(error.wait().unwrap_or_else(|| backoff.next_wait())).await;
    }
    done
}

impl Drop for Keeper {
    /// Gives back at once what is still held when the generation stops on a fault; otherwise nothing is held any more.
    fn drop(&mut self) {
        let receipts = self.leases.take_all();
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

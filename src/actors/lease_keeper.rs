//! Keeps the leases of what is in flight and settles messages: the only caller of extend and delete.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::in_flight::LeaseCommand;
use super::leases::Leases;
use super::observed::observed;
use super::pipeline_context::PipelineContext;
use super::settling::{Action, EndedMessage, MessagesToSettle, Settled, settle};
use super::stage::Stage;
use super::worker;
use crate::domain::message_progress::Settlement;
use crate::error::{Class, Error, Result};
use crate::queue::{Advice, ReceiptHandle};
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{CallFailed, LeasesExtended, MessagesLeft, MessagesSettled};

/// Commands taken at once.
const GATHER: usize = 256;

/// As an outage is named.
const DELETE: &str = "delete";

/// How long a stop waits for a queue that answers nothing.
const LAST_SETTLE: Duration = Duration::from_secs(2);

/// How long leases are given back at a stop before they are left to their timeout.
const LAST_GIVE_BACK: Duration = Duration::from_secs(2);

/// Extends leases and acknowledges messages.
pub(super) enum LeaseKeeper {}

impl Stage for LeaseKeeper {
    const NAME: &'static str = "lease_keeper";
    const WATCHED: Watched = Watched::Settle;
    type Channels = mpsc::Receiver<LeaseCommand>;
    type Counters = LeaseCounters;

    fn steps(counters: &LeaseCounters) -> u64 {
        counters.deleted.load(Ordering::Relaxed)
    }

    async fn run(
        line: PipelineContext,
        channels: mpsc::Receiver<LeaseCommand>,
        counters: Arc<LeaseCounters>,
    ) -> Result<()> {
        Keeper::new(line, counters).keep(channels).await
    }
}

observed! {
    /// What became of leases.
    LeaseCounters shown as LeaseKeeperState {
        /// Leases that are kept.
        held: AtomicU64,
        /// Extensions.
        extended: AtomicU64,
        /// Leases that ended before they were extended.
        lost: AtomicU64,
        /// Messages deleted.
        deleted: AtomicU64,
        /// Messages given back.
        given_back: AtomicU64,
        /// Deletes and give-backs under way.
        calls_under_way: AtomicU64,
    }
}

struct Keeper {
    line: PipelineContext,
    seen: Arc<LeaseCounters>,
    advice: Advice,
    leases: Leases,
    waiting: MessagesToSettle,
    /// Calls run beside the loop, for a slow one must not keep leases from being extended.
    settling: JoinSet<Settled>,
    /// Messages in those calls.
    in_calls: usize,
    extending: JoinSet<Extension>,
    /// Leases whose extension is under way, and what is to be given back once it is answered: the other way round the
    /// extension would hide the message again.
    in_extension: HashMap<ReceiptHandle, Option<(Action, EndedMessage)>>,
}

/// An answered extension.
struct Extension {
    receipts: Vec<ReceiptHandle>,
    visibility: Duration,
    asked_at: Instant,
    results: Result<Vec<Result<()>>>,
}

impl Keeper {
    fn new(line: PipelineContext, seen: Arc<LeaseCounters>) -> Keeper {
        let advice = line.queue.advice();
        // Of another generation, which took what it waited for with it.
        line.outages.call_went_well(DELETE);
        Keeper {
            line,
            seen,
            advice,
            leases: Leases::default(),
            waiting: MessagesToSettle::default(),
            settling: JoinSet::new(),
            in_calls: 0,
            extending: JoinSet::new(),
            in_extension: HashMap::new(),
        }
    }

    async fn keep(mut self, mut commands: mpsc::Receiver<LeaseCommand>) -> Result<()> {
        let mut gathered = Vec::new();
        let mut is_open = true;
        let mut stopping_since = None;
        while is_open || !self.settling.is_empty() || !self.extending.is_empty() || !self.waiting.is_empty() {
            let is_place_free = self.extending.len() < self.advice.calls_at_once;
            let next_due = self.leases.next_due().filter(|_| is_place_free);
            let wake_at = self.waiting.wake_at().filter(|_| self.settling.len() < self.advice.calls_at_once);
            tokio::select! {
                // Leases first: a late extension costs a second delivery, a late delete nothing.
                biased;
                () = worker::sleep_until(next_due) => self.extend_due(),
                Some(extension) = self.extending.join_next() => self.extended(extension)?,
                Some(settled) = self.settling.join_next() => self.settled(settled, !is_open)?,
                taken = commands.recv_many(&mut gathered, GATHER), if is_open => {
                    is_open = taken > 0;
                    gathered.drain(..).for_each(|command| self.handle_command(command));
                }
                () = worker::sleep_until(wake_at), if wake_at.is_some() => {}
            }
            if !is_open && self.waiting.is_unanswered() {
                let since = *stopping_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= LAST_SETTLE {
                    let left = self.waiting.take_all();
                    self.leave("settle", left);
                }
            }
            self.start_settling();
            self.seen.held.store(self.leases.len() as u64, Ordering::Relaxed);
            let calls = self.settling.len() as u64;
            self.seen.calls_under_way.store(calls, Ordering::Relaxed);
            self.line.behind.deleting((self.waiting.len() + self.in_calls) as u64, calls);
        }
        Ok(())
    }

    fn handle_command(&mut self, command: LeaseCommand) {
        match command {
            LeaseCommand::Hold { receipt, deadline } => self.leases.hold(receipt, Instant::now(), deadline),
            LeaseCommand::Settle { receipt, settlement, receive_count, permit, traces } => match settlement {
                Settlement::Delete => {
                    self.leases.deleting(&receipt);
                    self.waiting.push(Action::Delete, EndedMessage::new(receipt, permit, traces));
                }
                Settlement::GiveBack => {
                    // Released first: an extension after the give-back would hide the message again.
                    self.leases.release(&receipt);
                    let action = self.how_to_give_back(receive_count);
                    match self.in_extension.get_mut(&receipt) {
                        Some(parked) => *parked = Some((action, EndedMessage::new(receipt, permit, traces))),
                        None => self.waiting.push(action, EndedMessage::new(receipt, permit, traces)),
                    }
                }
            },
        }
    }

    /// A message given back at a drain is wanted at once; one that failed waits longer each time.
    fn how_to_give_back(&self, receive_count: u32) -> Action {
        if self.line.draining.is_cancelled() {
            return Action::PutBack;
        }
        let wait = Duration::from_secs(1 << receive_count.min(6));
        Action::GiveBack(wait.min(self.line.settings.queue.visibility_timeout))
    }

    /// Starts the extensions that are due, as far as calls may be under way.
    fn extend_due(&mut self) {
        let visibility_timeout = self.line.settings.queue.visibility_timeout;
        while self.extending.len() < self.advice.calls_at_once {
            let asked_at = Instant::now();
            let due = self.leases.take_due(asked_at, self.advice.entries_per_call, visibility_timeout);
            if due.is_empty() {
                break;
            }
            for (visibility, receipts) in due {
                self.in_extension.extend(receipts.iter().map(|receipt| (receipt.clone(), None)));
                let (queue, call) =
                    (self.line.queue.clone(), self.line.call(Watched::Settle, "extend", Duration::ZERO));
                self.extending.spawn(async move {
                    let _call = call;
                    let results = queue.extend(&receipts, visibility).await;
                    Extension { receipts, visibility, asked_at, results }
                });
            }
        }
    }

    fn extended(&mut self, extension: std::result::Result<Extension, JoinError>) -> Result<()> {
        let extension = extension.map_err(|error| Error::bug("extending leases panicked").with_source(error))?;
        let Extension { receipts, visibility, asked_at, results } = extension;
        let mut event = LeasesExtended { ok: 0, lost: 0, failed: 0 };
        let results = results.unwrap_or_else(|error| {
            CallFailed { what: "extend", error: &error }.emit();
            receipts.iter().map(|_| Err(Error::transient("the call failed"))).collect()
        });
        for (receipt, result) in receipts.into_iter().zip(results) {
            match result.map_err(|error| error.class()) {
                Ok(()) => {
                    event.ok += 1;
                    self.leases.extended(&receipt, asked_at, asked_at + visibility);
                }
                // Not lost when its delete was faster.
                Err(Class::Missing) => event.lost += u64::from(self.leases.release(&receipt)),
                Err(_) => {
                    event.failed += 1;
                    self.leases.failed(&receipt, Instant::now());
                }
            }
            if let Some(Some((action, message))) = self.in_extension.remove(&receipt) {
                self.waiting.push(action, message);
            }
        }
        self.seen.extended.fetch_add(event.ok, Ordering::Relaxed);
        self.seen.lost.fetch_add(event.lost, Ordering::Relaxed);
        event.emit();
        Ok(())
    }

    fn start_settling(&mut self) {
        while self.settling.len() < self.advice.calls_at_once {
            let (most, under_way) = (self.advice.entries_per_call, self.settling.len());
            let Some(call) = self.waiting.next_call(most, under_way, Instant::now()) else { break };
            self.in_calls += call.messages.len();
            self.settling.spawn(settle(self.line.clone(), call));
        }
    }

    fn settled(&mut self, settled: std::result::Result<Settled, JoinError>, is_stopping: bool) -> Result<()> {
        let settled = settled.map_err(|error| Error::bug("acknowledging messages panicked").with_source(error))?;
        let now = Instant::now();
        self.in_calls = self.in_calls.saturating_sub(settled.messages);
        match &settled.unanswered {
            Some(error) => {
                // What is given back does not wait for an answer for ever, so that nobody would say that there are some again.
                if self.waiting.unanswered(error.wait(), now) && settled.action == Action::Delete {
                    self.line.outages.call_failed(DELETE, error);
                }
            }
            None => {
                self.waiting.answered();
                self.line.outages.call_went_well(DELETE);
            }
        }
        let left = self.waiting.again(settled.action, settled.again, is_stopping, now);
        self.leave(settled.action.as_str(), left);
        for receipt in &settled.released {
            self.leases.release(receipt);
        }
        self.seen.deleted.fetch_add(settled.deleted, Ordering::Relaxed);
        self.seen.given_back.fetch_add(settled.given_back, Ordering::Relaxed);
        self.seen.lost.fetch_add(settled.lost, Ordering::Relaxed);
        MessagesSettled { deleted: settled.deleted, given_back: settled.given_back }.emit();
        Ok(())
    }

    /// Leaves messages to their redelivery.
    fn leave(&mut self, what: &'static str, messages: Vec<EndedMessage>) {
        if messages.is_empty() {
            return;
        }
        MessagesLeft { what, count: messages.len() as u64 }.emit();
        for message in messages {
            self.leases.release(&message.receipt);
        }
    }
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

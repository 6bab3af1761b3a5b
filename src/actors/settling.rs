//! What ended and waits to be deleted or given back, cut into calls of the size the queue takes.
//!
//! A full call goes out at once, however many are under way; a partial one only while few are, so that at a low rate what
//! ends meanwhile shares a paid call. A message's place in flight is freed by its own answer: neither a slow call nor an
//! entry that has to be tried again holds the others.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::pipeline_context::PipelineContext;
use crate::error::Error;
use crate::flow::{Permit, RetryPolicy};
use crate::queue::ReceiptHandle;
use crate::telemetry::calls::Watched;
use crate::telemetry::events::CallFailed;
use crate::telemetry::traces::{Step, Trace};

/// Tries of one message before it is left to redelivery.
const TRIES: u32 = 4;

/// Calls under way at which a partial call waits for more.
const PARTIAL_CALLS: usize = 2;

/// A message whose photos all ended, with its place in flight.
#[derive(Debug)]
pub(super) struct EndedMessage {
    pub(super) receipt: ReceiptHandle,
    /// Its place in flight: free when this is dropped.
    pub(super) _permit: Option<Permit>,
    /// Traces of its photos that are sampled.
    pub(super) traces: Vec<Trace>,
}

/// What is to become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    /// Its rows are durable.
    Delete,
    /// It is to be received again after this time: its photo failed.
    GiveBack(Duration),
    /// It is to be received again at once, this receive uncounted: the engine stops, which is not the photo's doing.
    PutBack,
}

/// One call to make.
#[derive(Debug)]
pub(super) struct SettleCall {
    pub(super) action: Action,
    pub(super) messages: Vec<EndedMessage>,
}

/// Messages that wait for a call, by what is to become of them.
#[derive(Debug, Default)]
pub(super) struct MessagesToSettle {
    by_action: BTreeMap<Action, VecDeque<EndedMessage>>,
}

impl MessagesToSettle {
    pub(super) fn push(&mut self, action: Action, message: EndedMessage) {
        self.by_action.entry(action).or_default().push_back(message);
    }

    pub(super) fn len(&self) -> usize {
        self.by_action.values().map(VecDeque::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_action.is_empty()
    }

    /// The next call of at most `most` messages that may start beside `under_way` others.
    pub(super) fn next_call(&mut self, most: usize, under_way: usize) -> Option<SettleCall> {
        let is_partial_fine = under_way < PARTIAL_CALLS;
        let (&action, _) = self.by_action.iter().find(|(_, waiting)| is_partial_fine || waiting.len() >= most)?;
        let waiting = self.by_action.get_mut(&action)?;
        let count = most.max(1).min(waiting.len());
        let messages = waiting.drain(..count).collect();
        if waiting.is_empty() {
            self.by_action.remove(&action);
        }
        Some(SettleCall { action, messages })
    }
}

/// What a call did.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) deleted: u64,
    pub(super) given_back: u64,
    /// Leases that had ended before.
    pub(super) lost: u64,
    /// Leases no longer to be extended, whether the call worked or not.
    pub(super) released: Vec<ReceiptHandle>,
}

/// Makes the call; what may work later is tried a few times. A delete that fails for good is left to redelivery: its rows
/// are durable, so the load drops what is then read twice.
pub(super) async fn settle(line: PipelineContext, call: SettleCall) -> Settled {
    let SettleCall { action, mut messages } = call;
    let mut settled = Settled::default();
    let policy = RetryPolicy {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(2),
        tries: Some(TRIES),
        within: None,
    };
    let mut tries = policy.start();
    while !messages.is_empty() {
        let receipts: Vec<ReceiptHandle> = messages.iter().map(|message| message.receipt.clone()).collect();
        let began = Instant::now();
        let what = match action {
            Action::Delete => "delete",
            Action::GiveBack(_) => "give back",
            Action::PutBack => "put back",
        };
        let (queue, under_way) = (&line.queue, line.call(Watched::Settle, what, Duration::ZERO));
        let answer = match action {
            Action::Delete => queue.delete(&receipts).await,
            Action::GiveBack(wait) => queue.extend(&receipts, wait).await,
            Action::PutBack => queue.put_back(&receipts).await,
        };
        drop(under_way);
        let error = match answer {
            Err(error) => error,
            Ok(results) => {
                let answered = Instant::now();
                for trace in messages.iter().flat_map(|message| &message.traces).filter(|_| action == Action::Delete) {
                    trace.stamp(Step::Acknowledge, began, answered);
                }
                let (unsettled, failed) = sort(&mut settled, action, messages, results);
                messages = unsettled;
                match failed {
                    None => break,
                    Some(error) => error,
                }
            }
        };
        CallFailed { what, error: &error }.emit();
        if !error.class().is_retryable() || !tries.another(error.wait()).await {
            break;
        }
    }
    settled.released.extend(messages.into_iter().map(|message| message.receipt));
    settled
}

/// Counts what was answered and frees its places; returns what is to be tried again and why.
fn sort(
    settled: &mut Settled,
    action: Action,
    messages: Vec<EndedMessage>,
    results: Vec<Result<(), Error>>,
) -> (Vec<EndedMessage>, Option<Error>) {
    let (mut again, mut failed) = (Vec::new(), None);
    for (message, result) in messages.into_iter().zip(results) {
        match result {
            Ok(()) => match action {
                Action::Delete => settled.deleted += 1,
                Action::GiveBack(_) | Action::PutBack => settled.given_back += 1,
            },
            Err(error) if error.class().is_retryable() => {
                again.push(message);
                failed = Some(error);
                continue;
            }
            Err(error) => {
                settled.lost += 1;
                tracing::debug!(?action, %error, "a lease ended before its message was acknowledged or given back");
            }
        }
        settled.released.push(message.receipt);
    }
    (again, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize) -> EndedMessage {
        EndedMessage { receipt: ReceiptHandle(number.to_string()), _permit: None, traces: Vec::new() }
    }

    #[test]
    fn full_calls_never_wait_and_partial_ones_share() {
        let mut waiting = MessagesToSettle::default();
        assert!(waiting.is_empty() && waiting.next_call(10, 0).is_none());
        (0..25).for_each(|number| waiting.push(Action::Delete, message(number)));
        waiting.push(Action::GiveBack(Duration::ZERO), message(25));
        let mut lengths = Vec::new();
        while let Some(call) = waiting.next_call(10, 500) {
            assert_eq!(call.action, Action::Delete);
            lengths.push(call.messages.len());
        }
        assert_eq!(lengths, [10, 10], "the rest is partial, and many calls are under way");
        assert_eq!(waiting.next_call(10, 1).map(|call| call.messages.len()), Some(5));
        assert_eq!(waiting.next_call(10, 2).map(|call| call.messages.len()), None);
        let last = waiting.next_call(10, 0).expect("one is left");
        assert_eq!((last.action, last.messages.len()), (Action::GiveBack(Duration::ZERO), 1));
        assert!(waiting.is_empty());
    }
}

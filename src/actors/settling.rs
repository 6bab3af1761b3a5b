//! What ended and waits to be deleted or given back, cut into calls of the size the queue takes.
//!
//! A full call goes out at once, however many are under way; a partial one only while few are, so that at a low rate what
//! ends meanwhile shares a paid call. A message's place in flight is freed by its own answer: neither a slow call nor an
//! entry that has to be tried again holds the others. While the queue answers nothing one call at a time asks whether it does
//! again. What is durable is deleted however long that takes, for each redelivery costs a read and one of the receives after
//! which the queue gives a message up.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::pipeline_context::PipelineContext;
use crate::error::Error;
use crate::flow::{Backoff, Permit};
use crate::queue::ReceiptHandle;
use crate::telemetry::calls::Watched;
use crate::telemetry::events::{CallFailed, MessagesLeft};
use crate::telemetry::traces::{Step, Trace};

/// Tries of a message that is only given back: its lease ends by itself.
const TRIES: u32 = 4;

/// Calls under way at which a partial call waits for more.
const PARTIAL_CALLS: usize = 2;

/// First and longest wait for another try.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// A message whose photos all ended, with its place in flight.
#[derive(Debug)]
pub(super) struct EndedMessage {
    pub(super) receipt: ReceiptHandle,
    /// Its place in flight: free when this is dropped.
    pub(super) _permit: Option<Permit>,
    /// Traces of its photos that are sampled.
    pub(super) traces: Vec<Trace>,
    /// How often it was tried without an answer that settled it.
    pub(super) tries: u32,
}

impl EndedMessage {
    /// One that nothing was tried with yet.
    pub(super) fn new(receipt: ReceiptHandle, permit: Option<Permit>, traces: Vec<Trace>) -> EndedMessage {
        EndedMessage { receipt, _permit: permit, traces, tries: 0 }
    }
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

impl Action {
    /// As a call is named.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Action::Delete => "delete",
            Action::GiveBack(_) => "give back",
            Action::PutBack => "put back",
        }
    }
}

/// One call to make.
#[derive(Debug)]
pub(super) struct SettleCall {
    pub(super) action: Action,
    pub(super) messages: Vec<EndedMessage>,
}

/// Messages that wait for a call, by what is to become of them.
#[derive(Debug)]
pub(super) struct MessagesToSettle {
    by_action: BTreeMap<Action, VecDeque<EndedMessage>>,
    /// Refused, with when they are tried again.
    later: Vec<(Instant, Action, EndedMessage)>,
    /// The last call that was answered, or not, was not.
    is_unanswered: bool,
    /// No call until then.
    resume_at: Option<Instant>,
    backoff: Backoff,
}

impl Default for MessagesToSettle {
    fn default() -> Self {
        let (by_action, later) = (BTreeMap::new(), Vec::new());
        Self { by_action, later, is_unanswered: false, resume_at: None, backoff: Backoff::new(WAITS.0, WAITS.1) }
    }
}

impl MessagesToSettle {
    pub(super) fn push(&mut self, action: Action, message: EndedMessage) {
        self.by_action.entry(action).or_default().push_back(message);
    }

    pub(super) fn len(&self) -> usize {
        self.by_action.values().map(VecDeque::len).sum::<usize>() + self.later.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_action.is_empty() && self.later.is_empty()
    }

    /// Whether the queue answers nothing.
    pub(super) fn is_unanswered(&self) -> bool {
        self.is_unanswered
    }

    /// When there may be another call to make, if nothing else happens.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let later = self.later.iter().map(|(at, ..)| *at);
        later.chain(self.resume_at.filter(|_| !self.by_action.is_empty())).min()
    }

    /// The next call of at most `most` messages that may start beside `under_way` others.
    pub(super) fn next_call(&mut self, most: usize, under_way: usize, now: Instant) -> Option<SettleCall> {
        for (_, action, message) in self.later.extract_if(.., |(at, ..)| *at <= now) {
            self.by_action.entry(action).or_default().push_front(message);
        }
        self.resume_at = self.resume_at.filter(|at| *at > now);
        if self.resume_at.is_some() || (self.is_unanswered && under_way > 0) {
            return None;
        }
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

    /// A call was answered, whatever for: the queue is there.
    pub(super) fn answered(&mut self) {
        self.is_unanswered = false;
        self.resume_at = None;
        self.backoff.reset();
    }

    /// A call was not: all wait, longer each time, or as long as the queue `asks`. Those that were under way together count once;
    /// whether this is the first of them.
    pub(super) fn unanswered(&mut self, asks: Option<Duration>, now: Instant) -> bool {
        self.is_unanswered = true;
        let is_first = self.resume_at.is_none_or(|at| at <= now);
        if is_first {
            self.resume_at = Some(now + self.backoff.wait_after(asks));
        }
        is_first
    }

    /// Takes back what a call left undone. Those that are not worth another try are returned.
    pub(super) fn again(
        &mut self,
        action: Action,
        messages: Vec<EndedMessage>,
        is_stopping: bool,
        now: Instant,
    ) -> Vec<EndedMessage> {
        let mut left = Vec::new();
        for mut message in messages {
            message.tries = message.tries.saturating_add(1);
            if message.tries >= TRIES && (is_stopping || action != Action::Delete) {
                left.push(message);
            } else if self.is_unanswered {
                self.by_action.entry(action).or_default().push_front(message);
            } else {
                let wait = WAITS.0.saturating_mul(1 << message.tries.min(10)).min(WAITS.1);
                self.later.push((now + wait, action, message));
            }
        }
        left
    }

    /// Takes all that waits.
    pub(super) fn take_all(&mut self) -> Vec<EndedMessage> {
        let later = self.later.drain(..).map(|(.., message)| message);
        later.chain(std::mem::take(&mut self.by_action).into_values().flatten()).collect()
    }
}

/// What a call did.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) action: Action,
    /// How many it was for.
    pub(super) messages: usize,
    pub(super) deleted: u64,
    pub(super) given_back: u64,
    /// Leases that had ended before.
    pub(super) lost: u64,
    /// Leases no longer to be extended.
    pub(super) released: Vec<ReceiptHandle>,
    /// To be tried again.
    pub(super) again: Vec<EndedMessage>,
    /// Why no message was answered, where another try may be.
    pub(super) unanswered: Option<Error>,
}

/// Makes the call, once. A delete that fails for good is left to redelivery: its rows are durable, so the load drops what is then
/// read twice.
pub(super) async fn settle(line: PipelineContext, call: SettleCall) -> Settled {
    let SettleCall { action, messages } = call;
    let mut settled = Settled {
        action,
        messages: messages.len(),
        deleted: 0,
        given_back: 0,
        lost: 0,
        released: Vec::new(),
        again: Vec::new(),
        unanswered: None,
    };
    let receipts: Vec<ReceiptHandle> = messages.iter().map(|message| message.receipt.clone()).collect();
    let began = Instant::now();
    let what = action.as_str();
    let (queue, under_way) = (&line.queue, line.call(Watched::Settle, what, Duration::ZERO));
    let answer = match action {
        Action::Delete => queue.delete(&receipts).await,
        Action::GiveBack(wait) => queue.extend(&receipts, wait).await,
        Action::PutBack => queue.put_back(&receipts).await,
    };
    drop(under_way);
    match answer {
        Ok(results) => {
            let answered = Instant::now();
            for trace in messages.iter().flat_map(|message| &message.traces).filter(|_| action == Action::Delete) {
                trace.stamp(Step::Acknowledge, began, answered);
            }
            if let Some(error) = sort(&mut settled, action, messages, results) {
                CallFailed { what, error: &error }.emit();
                // One that is refused is its own affair. Where all are, whoever answers is not the queue at work.
                if settled.messages > 1 && settled.again.len() == settled.messages {
                    settled.unanswered = Some(error);
                }
            }
        }
        Err(error) => {
            CallFailed { what, error: &error }.emit();
            if error.class().is_retryable() {
                settled.unanswered = Some(error);
                settled.again = messages;
            } else {
                MessagesLeft { what, count: messages.len() as u64 }.emit();
                settled.released.extend(messages.into_iter().map(|message| message.receipt));
            }
        }
    }
    settled
}

/// Counts what was answered and frees its places; what is to be tried again stays, with one of the reasons.
fn sort(
    settled: &mut Settled,
    action: Action,
    messages: Vec<EndedMessage>,
    results: Vec<Result<(), Error>>,
) -> Option<Error> {
    let mut failed = None;
    for (message, result) in messages.into_iter().zip(results) {
        match result {
            Ok(()) => match action {
                Action::Delete => settled.deleted += 1,
                Action::GiveBack(_) | Action::PutBack => settled.given_back += 1,
            },
            Err(error) if error.class().is_retryable() => {
                settled.again.push(message);
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
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize) -> EndedMessage {
        EndedMessage::new(ReceiptHandle(number.to_string()), None, Vec::new())
    }

    #[test]
    fn full_calls_never_wait_and_partial_ones_share() {
        let (mut waiting, now) = (MessagesToSettle::default(), Instant::now());
        assert!(waiting.is_empty() && waiting.next_call(10, 0, now).is_none());
        (0..25).for_each(|number| waiting.push(Action::Delete, message(number)));
        waiting.push(Action::GiveBack(Duration::ZERO), message(25));
        let mut lengths = Vec::new();
        while let Some(call) = waiting.next_call(10, 500, now) {
            assert_eq!(call.action, Action::Delete);
            lengths.push(call.messages.len());
        }
        assert_eq!(lengths, [10, 10], "the rest is partial, and many calls are under way");
        assert_eq!(waiting.next_call(10, 1, now).map(|call| call.messages.len()), Some(5));
        assert_eq!(waiting.next_call(10, 2, now).map(|call| call.messages.len()), None);
        let last = waiting.next_call(10, 0, now).expect("one is left");
        assert_eq!((last.action, last.messages.len()), (Action::GiveBack(Duration::ZERO), 1));
        assert!(waiting.is_empty());
    }

    #[test]
    fn while_nothing_is_answered_one_call_at_a_time_asks() {
        let (mut waiting, mut now) = (MessagesToSettle::default(), Instant::now());
        (0..100).for_each(|number| waiting.push(Action::Delete, message(number)));
        let calls: Vec<SettleCall> = (0..3).filter_map(|under_way| waiting.next_call(10, under_way, now)).collect();
        for call in calls {
            waiting.unanswered(None, now);
            assert!(waiting.again(Action::Delete, call.messages, false, now).is_empty());
        }
        assert!(waiting.len() == 100 && !waiting.unanswered(None, now), "they count once");
        let mut last = Duration::ZERO;
        for round in 0..60 {
            assert!(waiting.next_call(10, 0, now).is_none(), "round {round}");
            let at = waiting.wake_at().expect("it is tried again");
            assert!(at > now && at - now >= last / 2 && at - now <= WAITS.1, "round {round}");
            (last, now) = (at - now, at);
            let call = waiting.next_call(10, 0, now).expect("one asks");
            assert!(waiting.next_call(10, 1, now).is_none() && waiting.wake_at().is_none(), "alone");
            waiting.unanswered(None, now);
            assert!(waiting.again(Action::Delete, call.messages, false, now).is_empty(), "however long it takes");
        }
        assert!(last >= WAITS.1 / 2);
        let at = waiting.wake_at().expect("it is tried again");
        let call = waiting.next_call(10, 0, at).expect("one asks");
        waiting.answered();
        drop(call);
        assert_eq!((1..).map_while(|under_way| waiting.next_call(10, under_way, at)).count(), 9);
    }

    #[test]
    fn what_is_refused_by_itself_holds_no_other() {
        let (mut waiting, now) = (MessagesToSettle::default(), Instant::now());
        (0..20).for_each(|number| waiting.push(Action::Delete, message(number)));
        let mut call = waiting.next_call(10, 0, now).expect("a full call");
        waiting.answered();
        assert!(waiting.again(Action::Delete, call.messages.split_off(7), false, now).is_empty());
        assert_eq!(waiting.next_call(10, 5, now).map(|call| call.messages.len()), Some(10));
        assert!(waiting.next_call(10, 0, now).is_none() && waiting.len() == 3);
        let at = waiting.wake_at().expect("they are tried again");
        assert_eq!(waiting.next_call(10, 0, at).map(|call| call.messages.len()), Some(3));
    }

    #[test]
    fn a_message_that_is_given_back_or_deleted_at_a_stop_is_left_after_some_tries() {
        for (action, is_stopping) in [(Action::GiveBack(Duration::ZERO), false), (Action::Delete, true)] {
            let (mut waiting, mut now) = (MessagesToSettle::default(), Instant::now());
            waiting.push(action, message(0));
            let mut tries = 0;
            while let Some(call) = waiting.next_call(10, 0, now) {
                tries += 1;
                let left = waiting.again(action, call.messages, is_stopping, now);
                assert_eq!(left.len(), usize::from(tries == TRIES));
                now = waiting.wake_at().unwrap_or(now);
            }
            assert!(tries == TRIES && waiting.is_empty());
        }
    }
}

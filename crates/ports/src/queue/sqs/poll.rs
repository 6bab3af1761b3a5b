//! Receives that outlive whoever asked.
//!
//! A long poll that is cut off may have been answered already: its messages would stay invisible, unknown to anybody,
//! until their timeout. So each receive runs in a task of its own. When the caller goes away the task stays here for the
//! next caller; [`SqsQueue::give_back_unclaimed`] ends what is left.

use std::collections::{HashMap, VecDeque};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::types::{Message as SqsMessage, MessageAttributeValue, MessageSystemAttributeName};
use jiff::Timestamp;
use md5::{Digest, Md5};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::write::seconds;
use super::{MAX_WAIT, SqsInner, SqsQueue, failed};
use crate::aws::Call;
use crate::queue::{Message, ReceiptHandle};
use scanmill_core::error::{Error, Result};
use scanmill_core::hex::hex;
use scanmill_telemetry::traces::Parent;

/// The attribute in which a sender names its trace, as W3C has it.
const TRACEPARENT: &str = "traceparent";

/// A poll whose wait ends this much after the next caller's is still worth waiting for.
const SLACK: Duration = Duration::from_secs(2);

/// How long messages are given back when the last handle goes.
const LAST_GIVE_BACK: Duration = Duration::from_secs(2);

/// A receive under way.
struct Poll {
    task: JoinHandle<Result<Vec<Message>>>,
    /// When SQS answers at the latest.
    ends_at: Instant,
}

/// What waits for the next caller.
#[derive(Default)]
pub(super) struct ReceiveBuffer {
    /// Messages that came when nobody waited.
    messages: VecDeque<Message>,
    /// Polls whose caller went away; no more than there were callers at once.
    polls: VecDeque<Poll>,
}

impl Drop for ReceiveBuffer {
    /// The last handle is gone: no poll is left behind. Messages wait for their visibility timeout.
    fn drop(&mut self) {
        for poll in self.polls.drain(..) {
            poll.task.abort();
        }
    }
}

/// A caller that waits. Dropped while it does, it leaves its poll at the desk.
struct Waiting<'a> {
    shared: &'a SqsInner,
    poll: Option<Poll>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(poll) = self.poll.take() else { return };
        let mut desk = self.shared.desk();
        desk.polls.push_back(poll);
        if desk.polls.len() > self.shared.calls_at_once {
            // Cannot be by the engine's receives, which take up what is here first.
            if let Some(oldest) = desk.polls.pop_front() {
                oldest.task.abort();
            }
        }
    }
}

impl SqsInner {
    /// Held for a few instructions that cannot panic.
    fn desk(&self) -> MutexGuard<'_, ReceiveBuffer> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceiveBuffer {
    /// Up to `max` messages whose lease lasts; others are in the queue again.
    fn take(&mut self, max: usize) -> Vec<Message> {
        let now = Instant::now();
        self.messages.retain(|message| message.visible_again_at > now);
        let count = max.min(self.messages.len());
        self.messages.drain(..count).collect()
    }

    /// A poll that is done, or will be when the caller's wait ends.
    fn adopt(&mut self, until: Instant) -> Option<Poll> {
        let found = self.polls.iter().position(|poll| poll.task.is_finished() || poll.ends_at <= until + SLACK)?;
        self.polls.remove(found)
    }
}

impl SqsQueue {
    pub(super) async fn poll(&self, max: usize, wait: Duration) -> Result<Vec<Message>> {
        let until = Instant::now() + wait;
        loop {
            let adopted = {
                let mut desk = self.shared.desk();
                let messages = desk.take(max);
                if !messages.is_empty() {
                    return Ok(messages);
                }
                desk.adopt(until)
            };
            let (poll, is_mine) = match adopted {
                Some(poll) => (poll, false),
                None => (self.start(max, wait).await?, true),
            };
            let mut waiting = Waiting { shared: &self.shared, poll: Some(poll) };
            let Some(poll) = &mut waiting.poll else { return Ok(Vec::new()) };
            let ended = (&mut poll.task).await;
            waiting.poll = None;
            let received = ended.unwrap_or_else(|error| Err(Error::bug("a receive panicked").with_source(error)));
            match received {
                Ok(mut messages) => {
                    // An adopted poll may have asked for more.
                    let more = messages.split_off(max.min(messages.len()));
                    self.shared.desk().messages.extend(more);
                    if is_mine || !messages.is_empty() {
                        return Ok(messages);
                    }
                }
                Err(error) if is_mine => return Err(error),
                // Of a call that nobody waits for any more; ours will say how it is now.
                Err(error) => tracing::debug!(%error, "a receive whose caller went away failed"),
            }
        }
    }

    async fn start(&self, max: usize, wait: Duration) -> Result<Poll> {
        let client = self.clients().await?.polls.clone();
        let shared = &self.shared;
        let visibility = shared.rules.visibility_timeout;
        // The lease is counted from before the call. Half of it must be left whenever the answer comes.
        let wait = wait.min(visibility / 2);
        let ends_at = Instant::now() + wait;
        // Not all that is shared, or no handle would be the last while a poll is under way.
        let (direct, url) = (shared.direct.clone(), shared.url.sent.clone());
        let timeout = shared.account.options().attempt_timeout + MAX_WAIT;
        let task = tokio::spawn(async move {
            let asked_at = Instant::now();
            let request = asking(&client, &url, max, wait, visibility);
            let call = Call { doing: "receiving from", what: &url, action: "sqs:ReceiveMessage" };
            let said = direct.receive(request, timeout).await.map_err(|error| failed(call, error))?;
            let read = |message: SqsMessage| read(message, asked_at + visibility);
            Ok(said.messages.unwrap_or_default().into_iter().filter_map(read).collect())
        });
        Ok(Poll { task, ends_at })
    }

    /// Ends polls that nobody waits for and makes their messages visible again.
    pub(super) async fn give_back_unclaimed(&self) {
        let (mut messages, polls) = {
            let mut desk = self.shared.desk();
            (std::mem::take(&mut desk.messages), std::mem::take(&mut desk.polls))
        };
        for poll in polls {
            poll.task.abort();
            if let Ok(Ok(received)) = poll.task.await {
                messages.extend(received);
            }
        }
        if messages.is_empty() {
            return;
        }
        let receipts: Vec<ReceiptHandle> = messages.into_iter().map(|message| message.receipt).collect();
        let back = tokio::time::timeout(LAST_GIVE_BACK, self.extend_all(&receipts, Duration::ZERO)).await;
        if !matches!(back, Ok(Ok(_))) {
            tracing::debug!(messages = receipts.len(), "messages nobody took wait for their visibility timeout");
        }
    }
}

/// A receive, not sent yet.
fn asking(client: &Client, url: &str, max: usize, wait: Duration, visibility: Duration) -> ReceiveMessageFluentBuilder {
    client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(i32::try_from(max).unwrap_or(1))
        // Whole seconds, down: see the wait's bound.
        .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(0))
        .visibility_timeout(seconds(visibility))
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
        .message_attribute_names(TRACEPARENT)
}

/// A message as the port has it; `None`, with a line in the log, when it did not arrive whole. It then comes again.
fn read(message: SqsMessage, visible_again_at: Instant) -> Option<Message> {
    let id = message.message_id.unwrap_or_default();
    let (Some(body), Some(receipt)) = (message.body, message.receipt_handle) else {
        tracing::warn!(
            message_id = id,
            "a message came without body or receipt handle: left to its visibility timeout"
        );
        return None;
    };
    // The SDK does not compare them.
    let is_whole = message.md5_of_body.is_none_or(|expected| expected.eq_ignore_ascii_case(&md5_hex(&body)));
    if !is_whole {
        tracing::warn!(message_id = id, "a message's body is not what was sent: left to its visibility timeout");
        return None;
    }
    let attributes = message.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|text| text.parse::<i64>().ok());
    let receive_count = number(MessageSystemAttributeName::ApproximateReceiveCount);
    let sent_at = number(MessageSystemAttributeName::SentTimestamp);
    Some(Message {
        id,
        body,
        receipt: ReceiptHandle(receipt),
        receive_count: receive_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        sent_at: sent_at.and_then(|millis| Timestamp::from_millisecond(millis).ok()).unwrap_or_else(Timestamp::now),
        trace: parent(message.message_attributes, &attributes),
        visible_again_at,
    })
}

/// The trace that a message belongs to. What its sender says itself comes before what X-Ray added on the way.
fn parent(
    sent: Option<HashMap<String, MessageAttributeValue>>,
    system: &HashMap<MessageSystemAttributeName, String>,
) -> Option<Parent> {
    let w3c = sent.as_ref().and_then(|sent| sent.get(TRACEPARENT)?.string_value()).and_then(Parent::of_w3c);
    w3c.or_else(|| Parent::of_xray(system.get(&MessageSystemAttributeName::AwsTraceHeader)?))
}

fn md5_hex(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str, md5: Option<&str>) -> SqsMessage {
        let message = SqsMessage::builder().message_id("m").receipt_handle("r").body(body);
        message
            .set_md5_of_body(md5.map(str::to_owned))
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "3")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1700000000123")
            .build()
    }

    #[test]
    fn a_message_that_did_not_arrive_whole_is_left_out() {
        let end = Instant::now();
        let whole = read(message("hello", Some("5d41402abc4b2a76b9719d911017c592")), end).unwrap();
        assert_eq!((whole.receive_count, whole.sent_at.as_millisecond()), (3, 1_700_000_000_123));
        assert_eq!((whole.id.as_str(), whole.receipt.0.as_str(), whole.visible_again_at), ("m", "r", end));
        assert_eq!(whole.trace, None);
        assert!(read(message("hello", None), end).is_some());
        assert!(read(message("hallo", Some("5d41402abc4b2a76b9719d911017c592")), end).is_none());
        assert!(read(SqsMessage::builder().message_id("m").body("x").build(), end).is_none());
    }

    #[test]
    fn a_message_that_belongs_to_a_trace_says_so() {
        let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let message = || {
            let message = SqsMessage::builder().message_id("m").receipt_handle("r").body("hello");
            message.attributes(MessageSystemAttributeName::AwsTraceHeader, xray)
        };
        let attribute =
            |text: &str| MessageAttributeValue::builder().data_type("String").string_value(text).build().unwrap();
        let read =
            |message: aws_sdk_sqs::types::builders::MessageBuilder| read(message.build(), Instant::now()).unwrap();
        assert_eq!(read(message()).trace, Parent::of_xray(xray));
        let w3c = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(read(message().message_attributes(TRACEPARENT, attribute(w3c))).trace, Parent::of_w3c(w3c));
        assert_eq!(read(message().message_attributes(TRACEPARENT, attribute("none"))).trace, Parent::of_xray(xray));
    }
}

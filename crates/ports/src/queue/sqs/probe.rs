//! Tries every call the engine will make, in a form that changes nothing.
//!
//! A refusal for lack of permission is told from a refusal of what was asked for: a receipt handle that never was, a
//! batch of nothing and a receive of eleven messages concern no message, so whoever may make the call is told
//! what is wrong with it. Where a server looks at the request before it looks at permissions, a missing one shows only
//! at the engine's first real call, which names it as well.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::depth::{Attributes, Redrive, number, redrive};
use super::{MAX_BATCH, SqsQueue, failed};
use crate::aws::{Call, bare_code};
use crate::probe::{Finding, Probe};
use scanmill_core::error::{Error, Result};

/// A receipt handle that SQS never gave to anybody.
const NO_HANDLE: &str = "scanmill-check-of-permissions";

/// What a server says that looked at the request: it would have done it.
const LOOKED_AT: &[&str] = &[
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "InvalidParameterValueException",
    "EmptyBatchRequest",
    "ReadCountOutOfRange",
    "MessageNotInflight",
    "InvalidIdFormat",
    "MissingParameter",
    "ValidationException",
    "ValidationError",
];

#[async_trait]
impl Probe for SqsQueue {
    async fn probe(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let attributes = match self.look().await {
            Ok(attributes) => attributes,
            // Everything else would say the same once more, or hide it.
            Err(error) => return vec![Finding { name: "queue", outcome: Err(error) }],
        };
        findings.push(Finding { name: "queue", outcome: self.settings_fit(&attributes) });
        findings.push(Finding { name: "dead letters", outcome: self.dead_letters_fit(&attributes).await });
        findings.push(Finding { name: "queue receive", outcome: self.may_receive().await });
        findings.push(Finding { name: "queue lease", outcome: self.may_extend().await });
        findings.push(Finding { name: "queue delete", outcome: self.may_delete().await });
        findings.push(Finding { name: "queue send", outcome: self.may_send().await });
        findings
    }
}

/// What the answer to a call tells of its permission.
fn allowed<T, E>(call: Call<'_>, said: Result<T, SdkError<E, HttpResponse>>) -> Result<String>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_allowed = match &said {
        Ok(_) => true,
        Err(error) => error.code().is_some_and(|code| LOOKED_AT.contains(&bare_code(code))),
    };
    match said {
        Err(error) if !is_allowed => Err(failed(call, error)),
        _ => Ok(format!("{} is allowed", call.action)),
    }
}

impl SqsQueue {
    /// The queue's attributes, unless the URL cannot be right.
    async fn look(&self) -> Result<Attributes> {
        let (url, account) = (&self.shared.url, &self.shared.account);
        let region = account.config().await?.region().map(ToString::to_string).unwrap_or_default();
        if let Some(other) = url.region.as_ref().filter(|other| **other != region) {
            return Err(Error::permanent(format!(
                "queue {} is in {other}, and the region in use is {region}",
                url.sent
            ))
            .with_hint(format!("set `aws.region` to {other}, or `sqs.queue_url` to a queue in {region}")));
        }
        let found = self.attributes(&url.sent, &[QueueAttributeName::All]).await?;
        let owner = found.get(&QueueAttributeName::QueueArn).and_then(|arn| arn.split(':').nth(4));
        match owner.filter(|owner| *owner != url.account) {
            Some(owner) => {
                Err(Error::permanent(format!("queue {} belongs to account {owner}, not to {}", url.sent, url.account))
                    .with_hint("set `sqs.queue_url` to the URL the queue's own account shows for it"))
            }
            None => Ok(found),
        }
    }

    /// Whether the queue's own settings and ours go together.
    fn settings_fit(&self, found: &Attributes) -> Result<String> {
        let (shared, url) = (&self.shared, &self.shared.url.sent);
        if found.get(&QueueAttributeName::FifoQueue).is_some_and(|fifo| fifo == "true") {
            return Err(Error::permanent(format!("{url} is a FIFO queue, and S3 sends to standard queues only"))
                .with_hint("make a standard queue and set `sqs.queue_url` to it"));
        }
        let lease = shared.rules.visibility_timeout;
        let tries = lease.saturating_mul(shared.rules.dead_letter_after);
        let retention = Duration::from_secs(number(found, &QueueAttributeName::MessageRetentionPeriod));
        if !retention.is_zero() && retention < tries {
            return Err(Error::permanent(format!(
                "{url} keeps messages for {} s, less than {} receives of {} s may take: photos would be lost",
                retention.as_secs(),
                shared.rules.dead_letter_after,
                lease.as_secs(),
            ))
            .with_hint(format!("set its MessageRetentionPeriod to at least {}, better to 1209600", tries.as_secs())));
        }
        let own = number(found, &QueueAttributeName::VisibilityTimeout);
        Ok(format!(
            "{} ready, {} in flight, kept for {} s; leases of {} s are asked for at each receive, its own are {own} s",
            number(found, &QueueAttributeName::ApproximateNumberOfMessages),
            number(found, &QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            retention.as_secs(),
            lease.as_secs(),
        ))
    }

    /// Whether the engine rejects a photo, with a row, before the queue puts its message away.
    async fn dead_letters_fit(&self, found: &Attributes) -> Result<String> {
        let after = self.shared.rules.dead_letter_after;
        let Some(Redrive { max_receive_count, arn }) = redrive(found) else {
            return Ok(format!("no dead-letter queue; a photo received {after} times is rejected, with a row"));
        };
        if after > max_receive_count {
            return Err(Error::permanent(format!(
                "the queue gives a message up after {max_receive_count} receives, before queue.dead_letter_after ({after}) rejects its photo with a row"
            ))
            .with_hint(format!(
                "set maxReceiveCount in its redrive policy to at least {after}, or `queue.dead_letter_after` to at most {max_receive_count}"
            )));
        }
        let url = self.shared.url.beside(&arn);
        let waiting = match &url {
            Some(url) => self.attributes(url, &[QueueAttributeName::ApproximateNumberOfMessages]).await,
            None => {
                return Ok(format!("{arn} after {max_receive_count} receives; not counted, that is not a queue's ARN"));
            }
        };
        match waiting {
            Ok(waiting) => {
                let count = number(&waiting, &QueueAttributeName::ApproximateNumberOfMessages);
                Ok(format!("{count} in {arn}, after {max_receive_count} receives"))
            }
            Err(error) if error.class().is_retryable() => Err(error),
            Err(_) => Ok(format!(
                "{arn} after {max_receive_count} receives; not counted: allow `sqs:GetQueueAttributes` on it to see how many"
            )),
        }
    }

    async fn may_receive(&self) -> Result<String> {
        let call = self.call("receiving from", "sqs:ReceiveMessage");
        let client = &self.clients().await?.calls;
        let request = client.receive_message().queue_url(call.what);
        // One too many. Should a server hand some out all the same, they are visible again at once.
        let too_many = i32::try_from(MAX_BATCH + 1).unwrap_or(i32::MAX);
        let request = request.max_number_of_messages(too_many).visibility_timeout(0).wait_time_seconds(0);
        allowed(call, request.send().await)
    }

    async fn may_extend(&self) -> Result<String> {
        let call = self.call("extending leases of", "sqs:ChangeMessageVisibility");
        let client = &self.clients().await?.calls;
        let request = client.change_message_visibility().queue_url(call.what);
        allowed(call, request.receipt_handle(NO_HANDLE).visibility_timeout(0).send().await)
    }

    async fn may_delete(&self) -> Result<String> {
        let call = self.call("deleting from", "sqs:DeleteMessage");
        let client = &self.clients().await?.calls;
        allowed(call, client.delete_message().queue_url(call.what).receipt_handle(NO_HANDLE).send().await)
    }

    async fn may_send(&self) -> Result<String> {
        let call = self.call("sending to", "sqs:SendMessage");
        let client = &self.clients().await?.calls;
        allowed(call, client.send_message_batch().queue_url(call.what).set_entries(Some(Vec::new())).send().await)
    }
}

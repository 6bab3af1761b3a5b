//! How much is in the queue and in its dead-letter queue.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_sqs::types::QueueAttributeName;
use tokio::sync::OnceCell;

use super::{SqsQueue, failed};
use crate::aws::Call;
use crate::queue::Depth;
use scanmill_core::error::{Error, Result};

/// A queue's attributes.
pub(super) type Attributes = HashMap<QueueAttributeName, String>;

/// What each look asks for.
const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
];

/// Where dead letters go, looked up at the first count.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    /// URL of the queue; `None` when there is none, or none that may be looked at.
    url: OnceCell<Option<String>>,
    /// As last counted.
    count: AtomicU64,
}

/// When SQS gives a message up, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redrive {
    /// Receives after which it is given up.
    pub(super) max_receive_count: u32,
    /// The dead-letter queue.
    pub(super) arn: String,
}

/// Reads the redrive policy, a JSON text whose count may be a number or a text.
pub(super) fn redrive(attributes: &Attributes) -> Option<Redrive> {
    let policy = attributes.get(&QueueAttributeName::RedrivePolicy)?;
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?.to_owned();
    Some(Redrive { max_receive_count: u32::try_from(count).unwrap_or(u32::MAX), arn })
}

/// A number among the attributes; 0 when it is not there.
pub(super) fn number(attributes: &Attributes, name: &QueueAttributeName) -> u64 {
    attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl SqsQueue {
    /// Attributes of a queue: this one's URL, or that of its dead letters.
    pub(super) async fn attributes(&self, url: &str, names: &[QueueAttributeName]) -> Result<Attributes> {
        let call = Call { doing: "looking at", what: url, action: "sqs:GetQueueAttributes" };
        let client = &self.clients().await?.calls;
        let request = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let said = request.send().await.map_err(|error| failed(call, error))?;
        Ok(said.attributes.unwrap_or_default())
    }

    /// Messages by state. Those that the queue still delays count as ready: they are on their way.
    pub(super) async fn count(&self) -> Result<Depth> {
        let mut names = COUNTS.to_vec();
        if !self.shared.dead.url.initialized() {
            names.push(QueueAttributeName::RedrivePolicy);
        }
        let found = self.attributes(&self.shared.url.sent, &names).await?;
        let dead = self.count_dead(&found).await;
        let of = |name| number(&found, &name);
        Ok(Depth {
            ready: of(QueueAttributeName::ApproximateNumberOfMessages)
                + of(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
            in_flight: of(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            dead,
        })
    }

    /// Dead letters; nobody waits for them, so a look that fails leaves the last count.
    async fn count_dead(&self, found: &Attributes) -> u64 {
        let dead = &self.shared.dead;
        let look = || async {
            let Some(url) = redrive(found).and_then(|redrive| self.shared.url.beside(&redrive.arn)) else {
                return Ok(None);
            };
            match self.attributes(&url, &COUNTS[..1]).await {
                Ok(_) => Ok(Some(url)),
                Err(error) if error.class().is_retryable() => Err(error),
                // Said once: from now on nobody asks again.
                Err(error) => {
                    let hint = error.hint_text();
                    tracing::warn!(%error, hint, "dead letters are not counted");
                    Ok(None)
                }
            }
        };
        let counted: Result<u64, Error> = async {
            let Some(url) = dead.url.get_or_try_init(look).await? else { return Ok(0) };
            let found = self.attributes(url, &COUNTS[..1]).await?;
            Ok(number(&found, &QueueAttributeName::ApproximateNumberOfMessages))
        }
        .await;
        match counted {
            Ok(count) => dead.count.store(count, Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "dead letters could not be counted this time"),
        }
        dead.count.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redrive_policy_is_read_with_either_kind_of_number() {
        for text in [
            r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":5}"#,
            r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":"5"}"#,
        ] {
            let attributes = Attributes::from([(QueueAttributeName::RedrivePolicy, text.to_owned())]);
            assert_eq!(
                redrive(&attributes),
                Some(Redrive { max_receive_count: 5, arn: "arn:aws:sqs:r:1:dead".into() })
            );
        }
        assert_eq!(redrive(&Attributes::new()), None);
        let odd = Attributes::from([(QueueAttributeName::RedrivePolicy, "{}".to_owned())]);
        assert_eq!(redrive(&odd), None);
    }
}

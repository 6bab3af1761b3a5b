//! Deletes, extensions and sends.

use std::time::Duration;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    SendMessageBatchRequestEntry,
};
use aws_smithy_types::error::operation::BuildError;

use super::batch::{self, BatchAnswer, MAX_BYTES};
use super::{SqsQueue, failed, fault};
use crate::aws::Call;
use crate::queue::ReceiptHandle;
use scanmill_core::error::{Error, Result};

/// Of an entry that is deleted or extended: whoever keeps the lease knows how long another try is worth it, and what it must not
/// hold up.
const ONE_TRY: u32 = 1;

/// Entries are named by their place in the whole list.
fn answer<'a>(call: Call<'_>, done: impl Iterator<Item = &'a str>, refused: &[BatchResultErrorEntry]) -> BatchAnswer {
    let refused = refused.iter().filter_map(|entry| {
        let place = entry.id().parse().ok()?;
        let message = entry.message().unwrap_or_default();
        Some((place, fault::refused(call, entry.code(), message, entry.sender_fault())))
    });
    BatchAnswer { done: done.filter_map(|id| id.parse().ok()).collect(), refused: refused.collect() }
}

fn unbuilt(error: BuildError) -> Error {
    Error::bug("an entry of an SQS call lacks a field").with_source(error)
}

/// Whole seconds, up: a lease may last longer than asked, never shorter.
pub(super) fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs() + u64::from(time.subsec_nanos() > 0)).unwrap_or(i32::MAX)
}

impl SqsQueue {
    pub(super) async fn delete_all(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<()>>> {
        let (client, direct) = (&self.clients().await?.calls, &self.shared.direct);
        let call = self.call("deleting from", "sqs:DeleteMessage");
        batch::run(
            receipts.len(),
            ONE_TRY,
            |_| 0,
            |places| {
                Box::pin(async move {
                    let entry = |place: usize| {
                        let receipt = receipts[place].0.as_str();
                        DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(receipt).build()
                    };
                    let entries = places.into_iter().map(entry).collect::<Result<Vec<_>, _>>().map_err(unbuilt)?;
                    let request = client.delete_message_batch().queue_url(call.what).set_entries(Some(entries));
                    let said = direct.delete(client, request).await.map_err(|error| failed(call, error))?;
                    Ok(answer(call, said.successful().iter().map(|entry| entry.id()), said.failed()))
                })
            },
        )
        .await
    }

    pub(super) async fn extend_all(&self, receipts: &[ReceiptHandle], visibility: Duration) -> Result<Vec<Result<()>>> {
        let client = &self.clients().await?.calls;
        let call = self.call("extending leases of", "sqs:ChangeMessageVisibility");
        let visibility = seconds(visibility);
        batch::run(
            receipts.len(),
            ONE_TRY,
            |_| 0,
            |places| {
                Box::pin(async move {
                    let entry = |place: usize| {
                        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
                        entry.receipt_handle(receipts[place].0.as_str()).visibility_timeout(visibility).build()
                    };
                    let entries = places.into_iter().map(entry).collect::<Result<Vec<_>, _>>().map_err(unbuilt)?;
                    let request =
                        client.change_message_visibility_batch().queue_url(call.what).set_entries(Some(entries));
                    let said = request.send().await.map_err(|error| failed(call, error))?;
                    Ok(answer(call, said.successful().iter().map(|entry| entry.id()), said.failed()))
                })
            },
        )
        .await
    }

    pub(super) async fn send_all(&self, bodies: &[String]) -> Result<()> {
        let call = self.call("sending to", "sqs:SendMessage");
        if let Some(body) = bodies.iter().find(|body| body.len() > MAX_BYTES) {
            let what = format!("{} {}: a message of {} bytes", call.doing, call.what, body.len());
            return Err(Error::permanent(format!("{what} is above SQS's limit of {MAX_BYTES}")));
        }
        let client = &self.clients().await?.calls;
        let results = batch::run(
            bodies.len(),
            batch::TRIES,
            |place| bodies[place].len(),
            |places| {
                Box::pin(async move {
                    let entry = |place: usize| {
                        let body = bodies[place].as_str();
                        SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body).build()
                    };
                    let entries = places.into_iter().map(entry).collect::<Result<Vec<_>, _>>().map_err(unbuilt)?;
                    let request = client.send_message_batch().queue_url(call.what).set_entries(Some(entries));
                    let said = request.send().await.map_err(|error| failed(call, error))?;
                    Ok(answer(call, said.successful().iter().map(|entry| entry.id()), said.failed()))
                })
            },
        )
        .await?;
        let failures: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
        let count = failures.len();
        match failures.into_iter().next() {
            None => Ok(()),
            Some(error) => Err(error.with_context(format!("{count} of {} messages were not sent", bodies.len()))),
        }
    }
}

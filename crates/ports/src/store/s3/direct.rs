//! Reads without the SDK's orchestration, which for a small object costs more than everything else about its read.
//!
//! The first read of a bucket goes the SDK's way, and the request it sent is the template of those that follow: the
//! endpoint, the region, the user agent and the connections stay; key, version, time and signature change. Credentials
//! are those of the SDK's provider, and its signer signs. What is not answered by the object, or by a refusal that
//! another try would get too, is the SDK's again, with one attempt less.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObject, GetObjectError};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use super::body::{self, BodyTimeouts, ExpectedBody};
use super::clients::Answer;
use super::head::Head;
use super::template::RequestTemplate;
use crate::aws::{Account, FIRST_BACKOFF, SentRequest};

/// The most of a refusal that is read.
const MAX_REFUSAL: u64 = 64 << 10;

/// Which object.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub version_id: Option<&'a str>,
}

/// The templates of all buckets.
pub(super) struct Direct {
    account: Account,
    /// Whether the bytes come encrypted.
    is_encrypted: bool,
    /// `None` for a bucket whose requests have another form.
    lanes: RwLock<HashMap<String, Option<Arc<Lane>>>>,
}

/// The way to one bucket.
struct Lane {
    template: RequestTemplate,
    connector: SharedHttpConnector,
}

impl Direct {
    pub(super) fn new(account: Account, is_encrypted: bool) -> Direct {
        Direct { account, is_encrypted, lanes: RwLock::default() }
    }

    /// Gets an object: the head of the answer, and its body still to be read.
    pub(super) async fn get(&self, client: Client, wanted: Wanted<'_>) -> Answer<Head, GetObjectError> {
        let attempts = self.account.options().attempts;
        let known = self.lanes.read().unwrap_or_else(PoisonError::into_inner).get(wanted.bucket).cloned();
        match known {
            Some(Some(lane)) if attempts > 1 => {
                let timeout = self.account.options().attempt_timeout;
                match tokio::time::timeout(timeout, self.attempt(&lane, wanted, timeout)).await {
                    Ok(Attempt::Answered(answer)) => return answer,
                    // The SDK may know better how to ask, by now: its next request is the template.
                    Ok(Attempt::Refused) => self.forget(wanted.bucket, &lane),
                    Ok(Attempt::Failed) | Err(_) => {}
                }
                let wait = FIRST_BACKOFF.mul_f64(rand::random());
                tokio::time::sleep(wait).await;
                Box::pin(self.send(&client, wanted, attempts - 1, None)).await
            }
            Some(_) => Box::pin(self.send(&client, wanted, attempts, None)).await,
            None => {
                let sent = SentRequest::default();
                let answer = Box::pin(self.send(&client, wanted, attempts, Some(sent.clone()))).await;
                if answer.is_ok() {
                    let lane = sent.get().and_then(|(request, connector)| {
                        let template = RequestTemplate::of(request, wanted, SystemTime::now())?;
                        Some(Arc::new(Lane { template, connector: connector.clone() }))
                    });
                    let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
                    lanes.insert(wanted.bucket.to_owned(), lane);
                }
                answer
            }
        }
    }

    /// The SDK's way. Its future is boxed where it is awaited: tens of kilobytes, which each read would move about.
    async fn send(
        &self,
        client: &Client,
        wanted: Wanted<'_>,
        attempts: u32,
        sent: Option<SentRequest>,
    ) -> Answer<Head, GetObjectError> {
        let Wanted { bucket, key, version_id } = wanted;
        let get = client.get_object().bucket(bucket).key(key).set_version_id(version_id.map(str::to_owned));
        let output = match sent {
            Some(sent) => get.customize().interceptor(sent).send().await?,
            None if attempts < self.account.options().attempts => {
                let retries = client.config().retry_config().cloned().unwrap_or_else(RetryConfig::standard);
                let fewer = aws_sdk_s3::config::Builder::new().retry_config(retries.with_max_attempts(attempts));
                get.customize().config_override(fewer).send().await?
            }
            None => get.send().await?,
        };
        Ok(Head::of_output(output, self.is_encrypted))
    }

    /// Forgets the way to a bucket, unless another has been found meanwhile.
    fn forget(&self, bucket: &str, refused: &Arc<Lane>) {
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        if lanes.get(bucket).is_some_and(|lane| lane.as_ref().is_some_and(|lane| Arc::ptr_eq(lane, refused))) {
            lanes.remove(bucket);
        }
    }

    /// One attempt.
    async fn attempt(&self, lane: &Lane, wanted: Wanted<'_>, timeout: Duration) -> Attempt {
        let Some(request) = self.request(lane, wanted).await else { return Attempt::Failed };
        let Ok(answer) = lane.connector.call(request).await else { return Attempt::Failed };
        let status = answer.status().as_u16();
        if status == 200 {
            let head = Head::of_answer(answer, self.is_encrypted, lane.template.is_checksum_asked());
            return Attempt::Answered(Ok(head));
        }
        let Some(answer) = whole(answer, timeout).await else { return Attempt::Failed };
        self.account.watch("s3").see(&answer, false);
        match refusal(answer) {
            Some(error) => Attempt::Answered(Err(error)),
            None if (400..500).contains(&status) => Attempt::Refused,
            None => Attempt::Failed,
        }
    }

    /// The request for an object; `None` without credentials.
    async fn request(&self, lane: &Lane, wanted: Wanted<'_>) -> Option<HttpRequest> {
        let credentials = self.account.credentials().await?;
        lane.template.request(wanted, &credentials)
    }
}

/// How one attempt ended.
#[allow(clippy::large_enum_variant, reason = "nearly every one is the largest")]
enum Attempt {
    /// With the object, or with a refusal that another attempt would get too.
    Answered(Answer<Head, GetObjectError>),
    /// By a refusal of how it was asked, as far as can be told.
    Refused,
    /// In a way that another attempt may not.
    Failed,
}

/// An answer with its body in memory.
async fn whole(mut answer: HttpResponse, timeout: Duration) -> Option<HttpResponse> {
    let body = ByteStream::new(answer.take_body());
    let bytes =
        body::read(body, &ExpectedBody::default(), MAX_REFUSAL, BodyTimeouts::of(timeout), "a refusal").await.ok()?;
    *answer.body_mut() = SdkBody::from(bytes);
    Some(answer)
}

/// A refusal that every further attempt would get too, as the SDK reads it.
fn refusal(answer: HttpResponse) -> Option<SdkError<GetObjectError, HttpResponse>> {
    let plugin = GetObject::new().config()?;
    let read = plugin.load::<SharedResponseDeserializer>()?;
    let refused = read.deserialize_nonstreaming_with_config(&answer, &ConfigBag::base()).err()?;
    let mut found = None;
    let _ = refused.map_operation_error(|error| found = error.downcast::<GetObjectError>().ok());
    let error = found?;
    let is_final = matches!(error.code(), Some("AccessDenied" | "InvalidObjectState" | "NoSuchKey" | "NoSuchVersion"));
    is_final.then(|| SdkError::service_error(error, answer))
}

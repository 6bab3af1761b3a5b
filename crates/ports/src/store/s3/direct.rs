//! Reads without the SDK's orchestration, which for a small object costs more than everything else about its read.
//!
//! The first read of a bucket goes the SDK's way, and the request it sent is the template of those that follow: the
//! endpoint, the region, the user agent and the connections stay; key, version, time and signature change. Credentials
//! are those of the SDK's provider, and its signer signs. What is not answered by the object, or by a refusal that
//! another try would get too, is the SDK's again, with one attempt less.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObject, GetObjectError};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::body::{self, BodyTimeouts, Expected};
use super::clients::Answer;
use super::head::Head;
use super::template::Template;
use crate::aws::{Account, FIRST_BACKOFF};

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
    template: Template,
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
                let tried = tokio::time::timeout(timeout, self.attempt(&lane, wanted, timeout)).await;
                if let Ok(Some(answer)) = tried {
                    return answer;
                }
                let wait = FIRST_BACKOFF.mul_f64(rand::random());
                tokio::time::sleep(wait).await;
                Box::pin(self.send(&client, wanted, attempts - 1, None)).await
            }
            Some(_) => Box::pin(self.send(&client, wanted, attempts, None)).await,
            None => {
                let sent = Sent::default();
                let answer = Box::pin(self.send(&client, wanted, attempts, Some(sent.clone()))).await;
                if answer.is_ok() {
                    let lane = sent.0.get().and_then(|(request, connector)| {
                        let template = Template::of(request, wanted)?;
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
        sent: Option<Sent>,
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

    /// One attempt; `None` where another is worth it.
    async fn attempt(
        &self,
        lane: &Lane,
        wanted: Wanted<'_>,
        timeout: Duration,
    ) -> Option<Answer<Head, GetObjectError>> {
        let provider = self.account.config().await.ok()?.credentials_provider()?;
        let credentials =
            aws_credential_types::provider::ProvideCredentials::provide_credentials(&provider).await.ok()?;
        let request = lane.template.request(wanted, &credentials)?;
        let answer = lane.connector.call(request).await.ok()?;
        if answer.status().as_u16() == 200 {
            return Some(Ok(Head::of_answer(answer, self.is_encrypted, lane.template.is_checksum_asked())));
        }
        let answer = whole(answer, timeout).await?;
        self.account.watch("s3").see(&answer);
        refusal(answer).map(Err)
    }
}

/// An answer with its body in memory.
async fn whole(mut answer: HttpResponse, timeout: Duration) -> Option<HttpResponse> {
    let body = ByteStream::new(answer.take_body());
    let bytes =
        body::read(body, &Expected::default(), MAX_REFUSAL, BodyTimeouts::of(timeout), "a refusal").await.ok()?;
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

/// What the SDK sent, and by which connections.
#[derive(Clone, Debug, Default)]
struct Sent(Arc<OnceLock<(HttpRequest, SharedHttpConnector)>>);

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let timeouts = bag.load::<TimeoutConfig>();
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.and_then(TimeoutConfig::connect_timeout));
        settings.set_read_timeout(timeouts.and_then(TimeoutConfig::read_timeout));
        if let (Some(request), Some(client)) = (context.request().try_clone(), components.http_client()) {
            let _ = self.0.set((request, client.http_connector(&settings.build(), components)));
        }
        Ok(())
    }
}

//! One client per region: a bucket may be in another than the one configured.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::S3Options;
use crate::aws::Account;
use scanmill_core::error::Result;

/// What a call gives: the answer, or the error as the SDK has it.
pub(super) type Answer<O, E> = std::result::Result<O, SdkError<E, HttpResponse>>;

/// The clients. All share one connection pool, which keeps every connection for a while: as many as calls run at once.
pub(super) struct Clients {
    account: Account,
    options: S3Options,
    known: Mutex<KnownRegions>,
}

#[derive(Default)]
struct KnownRegions {
    by_region: HashMap<String, Client>,
    /// Regions of the buckets that are in another than the account's.
    region_of: HashMap<String, String>,
}

impl Clients {
    pub(super) fn new(account: Account, options: S3Options) -> Clients {
        Clients { account, options, known: Mutex::default() }
    }

    /// The region calls to `bucket` go to, as far as is known.
    pub(super) async fn region_of(&self, bucket: &str) -> Result<String> {
        let config = self.account.config().await?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let own = || config.region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
        Ok(known.region_of.get(bucket).cloned().unwrap_or_else(own))
    }

    /// Makes a call about `bucket`, and once more in the region the first answer names, if that is another.
    pub(super) async fn send<O, E, F, W>(&self, bucket: &str, make: F) -> Result<Answer<O, E>>
    where
        E: ProvideErrorMetadata,
        F: Fn(Client) -> W,
        W: Future<Output = Answer<O, E>>,
    {
        let region = self.region_of(bucket).await?;
        let first = make(self.client(&region).await?).await;
        match first.as_ref().err().and_then(|error| other_region(error, &region)) {
            Some(other) => {
                tracing::info!(bucket, region = other, "the bucket is in another region than `aws.region`");
                self.known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .region_of
                    .insert(bucket.to_owned(), other.clone());
                Ok(make(self.client(&other).await?).await)
            }
            None => Ok(first),
        }
    }

    async fn client(&self, region: &str) -> Result<Client> {
        let config = self.account.config().await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let mut builder = Builder::from(config)
                .interceptor(self.account.watch("s3"))
                .region(Region::new(region.to_owned()))
                .force_path_style(self.options.path_style)
                // `body` has its own rule for a body that stalls.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
            if let Some(endpoint) = &self.options.endpoint {
                builder = builder.endpoint_url(endpoint);
            }
            Client::from_conf(builder.build())
        };
        Ok(known.by_region.entry(region.to_owned()).or_insert_with(make).clone())
    }
}

/// The region a failed answer sends us to, if it is another than the one asked.
fn other_region<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, asked: &str) -> Option<String> {
    let SdkError::ServiceError(answer) = error else { return None };
    let told = answer.raw().headers().get("x-amz-bucket-region").map(str::to_owned);
    let region = told.or_else(|| match answer.err().code() {
        // "the region 'us-east-1' is wrong; expecting 'eu-west-1'"
        Some("AuthorizationHeaderMalformed") => {
            let (_, rest) = answer.err().message()?.split_once("expecting '")?;
            rest.split('\'').next().map(str::to_owned)
        }
        _ => None,
    })?;
    (!region.is_empty() && region != asked).then_some(region)
}

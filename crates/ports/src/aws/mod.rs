//! What the S3, SQS and Redshift adapters share: one configuration of the SDK, one reading of its errors.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use tokio::sync::OnceCell;

use scanmill_core::error::{Error, Result};

pub use crate::aws_options::AccountOptions;

mod answers;
mod credentials;
mod failure;
mod network;
mod post;
mod sent;
mod sign;

pub use answers::AnswerWatch;
use credentials::{CredentialSearch, Renewed, profile_files};
pub use failure::{Call, answered, bare_code, failed, is_about_credentials};
pub use post::{Posted, Poster};
pub use sent::SentRequest;
pub use sign::{Signer, ToSign};

/// First wait between two attempts of the SDK, at the most: a random part of it.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// Longest wait between two attempts of the SDK. What lasts longer is the engine's to wait for.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Longest wait for a connection, before the SDK tries again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The way to AWS. Nothing is looked up before the first call. Clones share credentials and connections.
#[derive(Clone, Debug)]
pub struct Account {
    shared: Arc<AccountInner>,
}

#[derive(Debug)]
struct AccountInner {
    options: AccountOptions,
    given: Option<Credentials>,
    way: OnceCell<Way>,
}

#[derive(Debug)]
struct Way {
    config: SdkConfig,
    /// `None` where keys were given.
    credentials: Option<Renewed>,
}

impl Account {
    /// An account by its options.
    pub fn new(options: AccountOptions) -> Account {
        Account { shared: Arc::new(AccountInner { options, given: None, way: OnceCell::new() }) }
    }

    /// An account with these keys instead of those found in the environment, the profile or the instance.
    pub fn with_keys(options: AccountOptions, access_key: &str, secret_key: &str) -> Account {
        let given = Some(Credentials::new(access_key, secret_key, None, None, "given"));
        Account { shared: Arc::new(AccountInner { options, given, way: OnceCell::new() }) }
    }

    /// The options it was made with.
    pub fn options(&self) -> &AccountOptions {
        &self.shared.options
    }

    /// The SDK's configuration: region, credentials, retries, timeouts and HTTP client. Retries are of the standard mode:
    /// the adaptive one throttles the whole client by itself after each answer that asks for less, a second controller
    /// beside the engine's own that nobody sees.
    ///
    /// # Errors
    /// Permanent when no region is found.
    pub async fn config(&self) -> Result<&SdkConfig> {
        Ok(&self.shared.way.get_or_try_init(|| load(&self.shared)).await?.config)
    }

    /// The credentials of now, for who signs by itself; `None` where there are none, which the SDK's next call then tells.
    pub async fn credentials(&self) -> Option<Credentials> {
        self.config().await.ok()?.credentials_provider()?.provide_credentials().await.ok()
    }

    /// Watches the answers that a client of this account gets.
    pub fn watch(&self, service: &'static str) -> AnswerWatch {
        let credentials = self.shared.way.get().and_then(|way| way.credentials.clone());
        AnswerWatch { service, credentials }
    }
}

/// What the SDK finds by itself, every file read anew.
async fn found(options: &AccountOptions, region: Option<Region>, http: &SharedHttpClient) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        // `Renewed` keeps them, and knows when they are no longer good.
        .identity_cache(IdentityCache::no_cache())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(options.attempts)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(MAX_BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(options.attempt_timeout)
                .build(),
        );
    if let Some(region) = region {
        loader = loader.region(region);
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// The certificates that the profile says to trust. Where its files cannot be read, who looks for credentials tells that.
async fn ca_bundle(options: &AccountOptions) -> Option<PathBuf> {
    let profile = options.profile.clone().map(Cow::Owned);
    // The usual files, or those that the environment names.
    let files = Default::default();
    let profiles = aws_config::profile::load(&Fs::real(), &Env::real(), &files, profile).await.ok()?;
    profiles.get("ca_bundle").map(PathBuf::from)
}

async fn load(shared: &AccountInner) -> Result<Way> {
    let options = &shared.options;
    let http = network::http_client(ca_bundle(options).await)?;
    let config = found(options, options.region.clone().map(Region::new), &http).await;
    let Some(region) = config.region().cloned() else {
        return Err(
            Error::permanent("no AWS region is set").with_hint("set `aws.region`, AWS_REGION or a profile's region")
        );
    };
    let (provider, credentials) = match &shared.given {
        Some(given) => (SharedCredentialsProvider::new(given.clone()), None),
        None => {
            let search = CliCredentials { options: options.clone(), region, http };
            let renewed = Renewed::new(search, profile_files());
            (SharedCredentialsProvider::new(renewed.clone()), Some(renewed))
        }
    };
    let config = config.into_builder().credentials_provider(provider).build();
    Ok(Way { config, credentials })
}

/// Credentials where the AWS CLI finds them, and those of the role to act as.
#[derive(Debug)]
struct CliCredentials {
    options: AccountOptions,
    region: Region,
    http: SharedHttpClient,
}

#[async_trait]
impl CredentialSearch for CliCredentials {
    async fn begin(&self) -> std::result::Result<SharedCredentialsProvider, CredentialsError> {
        let config = found(&self.options, Some(self.region.clone()), &self.http).await;
        match &self.options.assume_role {
            None => config.credentials_provider().ok_or_else(CredentialsError::not_loaded_no_source),
            Some(role) => {
                let acting = aws_config::sts::AssumeRoleProvider::builder(role).session_name("scanmill");
                Ok(SharedCredentialsProvider::new(acting.configure(&config).build().await))
            }
        }
    }
}

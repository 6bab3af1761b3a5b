//! Objects in Amazon S3, or in a store that speaks its language.
//!
//! What is verified of a read: its length; the checksum the store keeps of the whole object, as S3 does of every object
//! that was put since the end of 2024; where there is none and the connection is not encrypted, the MD5 that an eTag is
//! when the object was put in one part and is not encrypted with a key of one's own. Under TLS no byte can change on the
//! way, and an MD5 costs more than everything else about a read: there it is not asked for. Of an object put in several
//! parts nothing but the length is known here (TLS aside).

use async_trait::async_trait;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use jiff::Timestamp;

pub use super::s3_options::S3Options;
use super::{Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store};
use crate::aws::{Account, Call};
use body::BodyTimeouts;
use clients::Clients;
use direct::{Direct, Wanted};
use failure::failed;
use head::Head;
use scanmill_core::error::{Error, Result};

mod body;
mod clients;
mod direct;
mod events;
mod failure;
mod head;
mod listing;
mod probe;
mod template;

pub use probe::{Probed, S3Probe};

/// A store in S3. Nothing is asked before the first call.
pub struct S3Store {
    clients: Clients,
    direct: Direct,
    pace: BodyTimeouts,
}

impl S3Store {
    /// A store reached by `account`.
    pub fn new(account: Account, options: S3Options) -> S3Store {
        let pace = BodyTimeouts::of(account.options().attempt_timeout);
        let is_encrypted = options.endpoint.as_ref().is_none_or(|endpoint| !endpoint.starts_with("http://"));
        S3Store { direct: Direct::new(account.clone(), is_encrypted), clients: Clients::new(account, options), pace }
    }
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object> {
        let what = name_of(bucket, key, version_id);
        let action = if version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let call = Call { doing: "reading", what: &what, action };
        let wanted = Wanted { bucket, key, version_id };
        let sent = self.clients.send(bucket, |client| self.direct.get(client, wanted));
        let Head { etag, modified_at, expected, body } = sent.await?.map_err(|error| failed(call, error))?;
        let etag = given_by_store(call, etag)?;
        let bytes = body::read(body, &expected, max_bytes, self.pace, &what).await?;
        Ok(Object { bytes, etag, modified_at })
    }

    async fn probe(&self, bucket: &str, prefix: &str) -> Result<()> {
        let key = super::absent_key(prefix);
        let what = name_of(bucket, &key, None);
        let call = Call { doing: "asking for", what: &what, action: "s3:GetObject" };
        let sent = self.clients.send(bucket, |client| client.get_object().bucket(bucket).key(&key).send());
        match sent.await? {
            Ok(output) => given_by_store(call, plain_etag(output.e_tag())).map(drop),
            Err(error) if code_of(&error) == Some("NoSuchBucket") => {
                Err(super::no_bucket(format_args!("the bucket s3://{bucket}")))
            }
            Err(error) => super::answers(Err(failed(call, error))),
        }
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMetadata> {
        let what = name_of(bucket, key, None);
        let call = Call { doing: "looking at", what: &what, action: "s3:GetObject" };
        let sent = self.clients.send(bucket, |client| client.head_object().bucket(bucket).key(key).send());
        let output = sent.await?.map_err(|error| failed(call, error))?;
        Ok(ObjectMetadata {
            size_bytes: output.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            etag: given_by_store(call, plain_etag(output.e_tag()))?,
            version_id: output.version_id().filter(|id| *id != "null").map(str::to_owned),
            modified_at: output.last_modified().and_then(timestamp),
        })
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        let what = name_of(bucket, key, None);
        let call = Call { doing: "writing", what: &what, action: "s3:PutObject" };
        let condition = match mode {
            PutMode::Overwrite => None,
            PutMode::CreateOnce => Some("*".to_owned()),
        };
        let sent = self.clients.send(bucket, |client| {
            let body = ByteStream::from(bytes.clone());
            client.put_object().bucket(bucket).key(key).set_if_none_match(condition.clone()).body(body).send()
        });
        match sent.await? {
            Ok(output) => Ok(Put::Written { etag: given_by_store(call, plain_etag(output.e_tag()))? }),
            // Somebody else's, or our own whose answer was lost.
            Err(error) if condition.is_some() && is_taken(&error) => Ok(Put::AlreadyThere),
            Err(error) if condition.is_some() && is_not_implemented(&error) => Err(Error::permanent(format!(
                "writing {what}: this store knows no `If-None-Match`"
            ))
            .with_hint("batches are written once or not at all, which needs that condition: use a store that has it")),
            Err(error) => Err(failed(call, error)),
        }
    }

    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<ObjectSummary>> {
        listing::list(&self.clients, bucket, prefix, after, max).await
    }
}

fn is_taken<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code_of(error) == Some("PreconditionFailed")
}

fn is_not_implemented<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code_of(error) == Some("NotImplemented")
}

fn code_of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn name_of(bucket: &str, key: &str, version_id: Option<&str>) -> String {
    match version_id {
        Some(version) => format!("s3://{bucket}/{key} version {version}"),
        None => format!("s3://{bucket}/{key}"),
    }
}

/// The eTag of an answer. Every object has one: a `200 OK` without it is not the store's, but of something on the way to it,
/// a proxy or a sign-in page, which has stored and read nothing.
fn given_by_store(call: Call<'_>, etag: String) -> Result<String> {
    if !etag.is_empty() {
        return Ok(etag);
    }
    Err(Error::transient(format!("{} {}: the answer has no eTag, so it is not the store's", call.doing, call.what))
        .with_hint("look for a proxy, a sign-in page or another server between here and the store"))
}

fn plain_etag(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_start_matches("W/").trim_matches('"').to_owned()
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}

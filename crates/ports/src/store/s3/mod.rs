//! Objects in Amazon S3, or in a store that speaks its language.
//!
//! What is verified of a read: its length; the checksum the store keeps of the whole object, as S3 does of every object
//! that was put since the end of 2024; where there is none and the connection is not encrypted, the MD5 that an eTag is
//! when the object was put in one part and is not encrypted with a key of one's own. Under TLS no byte can change on the
//! way, and an MD5 costs more than everything else about a read: there it is not asked for. Of an object put in several
//! parts nothing but the length is known here (TLS aside).

use async_trait::async_trait;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store};
use crate::aws::{Account, Call};
use body::{BodyTimeouts, Expected};
use clients::Clients;
use failure::failed;
use scanmill_core::error::{Error, Result};

mod body;
mod clients;
mod events;
mod failure;
mod listing;
mod probe;

pub use probe::{Probed, S3Probe};

/// How to reach the store.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// URL of another S3 server; `None` is Amazon's.
    pub endpoint: Option<String>,
    /// The bucket in the path instead of the host name.
    pub path_style: bool,
}

/// A store in S3. Nothing is asked before the first call.
pub struct S3Store {
    clients: Clients,
    pace: BodyTimeouts,
    /// Bytes come as they were sent.
    is_encrypted: bool,
}

impl S3Store {
    /// A store reached by `account`.
    pub fn new(account: Account, options: S3Options) -> S3Store {
        let pace = BodyTimeouts::of(account.options().attempt_timeout);
        let is_encrypted = options.endpoint.as_ref().is_none_or(|endpoint| !endpoint.starts_with("http://"));
        S3Store { clients: Clients::new(account, options), pace, is_encrypted }
    }
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object> {
        let what = name_of(bucket, key, version_id);
        let action = if version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let call = Call { doing: "reading", what: &what, action };
        let sent = self.clients.send(bucket, |client| {
            client.get_object().bucket(bucket).key(key).set_version_id(version_id.map(str::to_owned)).send()
        });
        let output = sent.await?.map_err(|error| failed(call, error))?;
        let (etag, modified_at) = (plain_etag(output.e_tag()), output.last_modified().and_then(timestamp));
        let expected = expected(&output, self.is_encrypted);
        let bytes = body::read(output.body, &expected, max_bytes, self.pace, &what).await?;
        Ok(Object { bytes, etag, modified_at })
    }

    async fn probe(&self, bucket: &str, prefix: &str) -> Result<()> {
        let key = super::absent_key(prefix);
        let what = name_of(bucket, &key, None);
        let call = Call { doing: "asking for", what: &what, action: "s3:GetObject" };
        let sent = self.clients.send(bucket, |client| client.get_object().bucket(bucket).key(&key).send());
        match sent.await? {
            Ok(_) => Ok(()),
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
            etag: plain_etag(output.e_tag()),
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
            Ok(output) => Ok(Put::Written { etag: plain_etag(output.e_tag()) }),
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

/// What tells whether the bytes that come are those that were written.
fn expected(output: &GetObjectOutput, is_encrypted: bool) -> Expected {
    let checksums = [
        output.checksum_crc64_nvme(),
        output.checksum_crc32(),
        output.checksum_crc32_c(),
        output.checksum_sha256(),
        output.checksum_sha1(),
    ];
    // One with a dash is of the parts. One of the whole object is verified by the SDK while the body is read.
    let is_verified = checksums.into_iter().flatten().any(|checksum| !checksum.contains('-'));
    let is_plain = output.server_side_encryption().is_none_or(|kind| kind.as_str() == "AES256")
        && output.sse_customer_algorithm().is_none();
    let etag = plain_etag(output.e_tag());
    let is_md5 = etag.len() == 32 && etag.bytes().all(|digit| digit.is_ascii_hexdigit());
    Expected {
        length: output.content_length().and_then(|length| u64::try_from(length).ok()),
        md5: (!is_verified && !is_encrypted && is_plain && is_md5).then_some(etag),
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

fn plain_etag(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_start_matches("W/").trim_matches('"').to_owned()
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}

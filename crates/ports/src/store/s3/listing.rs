//! Listing keys, page by page.

use aws_sdk_s3::types::{EncodingType, Object};
use percent_encoding::percent_decode_str;

use super::clients::Clients;
use super::{plain_etag, timestamp};
use crate::aws::{self, Call};
use crate::store::ObjectSummary;
use scanmill_core::error::{Error, Result};

/// The most keys S3 gives in one answer.
const PAGE: usize = 1_000;

pub(super) async fn list(
    clients: &Clients,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
    max: usize,
) -> Result<Vec<ObjectSummary>> {
    let what = format!("s3://{bucket}/{prefix}");
    let call = Call { doing: "listing", what: &what, action: "s3:ListBucket" };
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    while found.len() < max {
        let page = i32::try_from(PAGE.min(max - found.len())).unwrap_or(1);
        let sent = clients.send(bucket, |client| {
            client
                .list_objects_v2()
                .bucket(bucket)
                .set_prefix(Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
                .set_start_after(after.filter(|_| token.is_none()).map(str::to_owned))
                .set_continuation_token(token.clone())
                .max_keys(page)
                // A key may hold what XML cannot.
                .encoding_type(EncodingType::Url)
                .send()
        });
        let output = sent.await?.map_err(|error| aws::failed(call, error))?;
        let is_encoded = output.encoding_type().is_some();
        for object in output.contents() {
            found.push(listed(object, is_encoded).map_err(|error| error.with_context(&what))?);
        }
        token = output.next_continuation_token().map(str::to_owned).filter(|_| output.is_truncated() == Some(true));
        if token.is_none() {
            break;
        }
    }
    // A store may give more than it was asked for.
    found.truncate(max);
    Ok(found)
}

fn listed(object: &Object, is_encoded: bool) -> Result<ObjectSummary> {
    let key = object.key().unwrap_or_default();
    let key = match is_encoded {
        // As forms are: a space is a plus, a plus is %2B.
        true => percent_decode_str(&key.replace('+', " "))
            .decode_utf8()
            .map_err(|error| Error::permanent(format!("the key `{key}` is not UTF-8")).with_source(error))?
            .into_owned(),
        false => key.to_owned(),
    };
    Ok(ObjectSummary {
        key,
        size_bytes: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        modified_at: object.last_modified().and_then(timestamp),
        etag: Some(plain_etag(object.e_tag())).filter(|etag| !etag.is_empty()),
    })
}

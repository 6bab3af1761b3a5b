//! What S3's refusals mean for an object.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::code_of;
use crate::aws::{self, Call};
use scanmill_core::error::{Class, Error};

/// The error of a failed call about one object.
pub(super) fn failed<E>(call: Call<'_>, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let subject = format!("{} {}", call.doing, call.what);
    let answer = error.raw_response();
    let is_delete_marker = answer.is_some_and(|answer| answer.headers().get("x-amz-delete-marker") == Some("true"));
    match code_of(&error) {
        Some("InvalidObjectState") => {
            return Error::permanent(format!("{subject}: it is archived in a cold storage class"))
                .with_hint("restore it with `aws s3api restore-object`, then `scanmill rejections replay`");
        }
        _ if is_delete_marker => return Error::missing(format!("{subject}: it was deleted")),
        // How S3 says that no version can have such an id.
        Some("InvalidArgument") if message_of(&error).is_some_and(|message| message.contains("version id")) => {
            return Error::missing(format!("{subject}: no such version"));
        }
        _ => {}
    }
    let is_denied = code_of(&error).is_none_or(|code| code == "AccessDenied");
    let made = aws::failed(call, error);
    if made.class() == Class::Refused && is_denied && call.action.starts_with("s3:GetObject") {
        let hint = made.hint_text().unwrap_or_default().to_owned();
        return made.with_hint(format!(
            "{hint}; without `s3:ListBucket` on its bucket S3 says the same of an object that is not there"
        ));
    }
    made
}

fn message_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::message)
}

//! SQS's errors in scanmill's classes.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::{self, Call};
use scanmill_core::error::Error;

/// Codes of a queue that is not there, in both of the API's languages.
const NO_QUEUE: &[&str] = &["QueueDoesNotExist", "NonExistentQueue"];

/// Codes of a receipt handle that no longer leads to a message in flight.
const LEASE_OVER: &[&str] = &["ReceiptHandleIsInvalid", "MessageNotInflight"];

/// What SQS says of one in the text of `InvalidParameterValue`.
const LEASE_OVER_TEXTS: &[&str] = &["receipt handle", "receipthandle", "not available for visibility timeout change"];

/// The error of a failed call.
pub(super) fn failed<E>(call: Call<'_>, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    with_hint(code.as_deref(), aws::failed(call, error))
}

fn with_hint(code: Option<&str>, error: Error) -> Error {
    match code {
        Some(code) if NO_QUEUE.contains(&aws::bare_code(code)) => error.with_hint(
            "is `sqs.queue_url` that of a queue in this account and in `aws.region`? The queue of another account must \
             name this role in its policy",
        ),
        Some(code) if !error.class().is_retryable() && code.to_ascii_lowercase().starts_with("kms") => error
            .with_hint("allow `kms:Decrypt`, and `kms:GenerateDataKey` to send, on the key that encrypts the queue"),
        _ => error,
    }
}

/// The error of one entry of a batch that was answered.
pub(super) fn refused(call: Call<'_>, code: &str, message: &str, is_our_fault: bool) -> Error {
    let says = message.to_ascii_lowercase();
    let is_lease_over = LEASE_OVER.contains(&aws::bare_code(code))
        || (code.ends_with("InvalidParameterValue") && LEASE_OVER_TEXTS.iter().any(|text| says.contains(text)));
    if is_lease_over {
        return Error::missing(format!("{} {}: the lease is over ({code}: {message})", call.doing, call.what));
    }
    let status = if is_our_fault { 400 } else { 500 };
    with_hint(Some(code), aws::answered(call, status, Some(code), Some(message)))
}

/// The same error once more, for the next of the entries that shared a call.
pub(super) fn copy(error: &Error) -> Error {
    let made = Error::new(error.class(), error.to_string());
    let made = error.wait().into_iter().fold(made, Error::retry_after);
    error.hint_text().into_iter().fold(made, Error::with_hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::error::Class;

    #[test]
    fn an_entry_is_classed_by_code_and_text() {
        let call = Call { doing: "extending", what: "the queue", action: "sqs:ChangeMessageVisibility" };
        let gone = "Value x for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available \
                    for visibility timeout change.";
        let table = [
            ("ReceiptHandleIsInvalid", "no", true, Class::Missing),
            ("AWS.SimpleQueueService.MessageNotInflight", "", true, Class::Missing),
            ("InvalidParameterValue", gone, true, Class::Missing),
            ("InvalidParameterValue", "The receipt handle has expired.", true, Class::Missing),
            (
                "InvalidParameterValue",
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
                true,
                Class::Permanent,
            ),
            ("RequestThrottled", "slower", true, Class::Throttled),
            ("OverLimit", "", true, Class::Throttled),
            ("InternalError", "oops", false, Class::Transient),
            ("Whatever", "oops", false, Class::Transient),
            ("InvalidMessageContents", "#x0", true, Class::Permanent),
        ];
        for (code, message, is_our_fault, class) in table {
            let error = refused(call, code, message, is_our_fault);
            assert_eq!(error.class(), class, "{code} {message}");
            assert!(error.to_string().contains(code), "{error}");
        }
        let denied = refused(call, "KmsAccessDenied", "no", true);
        assert!(denied.hint_text().unwrap_or("").contains("kms:Decrypt"));
        assert_eq!(copy(&denied).report(), denied.report());
    }
}

//! How an answer of AWS becomes an error with a class.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::date_time::{DateTime, Format};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use scanmill_core::error::{Class, Error};

/// A call as errors speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What was being done: `reading`, `receiving from`.
    pub doing: &'a str,
    /// To what: `s3://inbox/a.jpg`, the queue's URL.
    pub what: &'a str,
    /// The IAM action it needs: `s3:GetObject`.
    pub action: &'static str,
}

/// Codes that ask for less. Data API throttling comes as HTTP 400, so the status does not tell.
pub(super) const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "TooManyRequests",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "KmsThrottled",
    "SlowDown",
    "OverLimit",
    "ActiveStatementsExceededException",
    "ActiveSessionsExceededException",
    "ActiveWaitingRequestsExceededException",
];

/// Codes that recover by themselves: fresh credentials come, a clock is set, another request ends.
const TRANSIENT: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "InternalFailure",
    "InternalServerException",
    "ServiceUnavailable",
    "ConditionalRequestConflict",
    "OperationAborted",
];

/// Codes of a request whose time AWS does not believe.
const SKEWED: &[&str] = &["RequestTimeTooSkewed", "RequestExpired"];

/// How the JSON services say the same under a code for wrong signatures.
const SKEWED_WORDS: &[&str] = &["Signature expired", "Signature not yet current"];

const MISSING: &[&str] = &[
    "NoSuchKey",
    "NoSuchBucket",
    "NoSuchVersion",
    "NotFound",
    "QueueDoesNotExist",
    "NonExistentQueue",
    "ResourceNotFoundException",
];

const NOT_ALLOWED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AccountProblem",
    "AuthFailure",
    "UnauthorizedOperation",
    "NotAuthorized",
];

pub(super) const UNKNOWN_CREDENTIALS: &[&str] = &[
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "UnrecognizedClientException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];

const OTHER_REGION: &[&str] =
    &["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

const NO_CREDENTIALS: &str = "give the instance a role, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in `aws.profile`; in \
     a container, allow the metadata service 2 hops (`aws ec2 modify-instance-metadata-options \
     --http-put-response-hop-limit 2`)";

/// The error of a failed call: its class by the service's code, its hint by what one can do about it.
pub fn failed<E>(call: Call<'_>, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let subject = format!("{} {}", call.doing, call.what);
    if let Some(found) = credentials_error(&error) {
        let class = match found {
            CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => Class::Refused,
            _ => Class::Transient,
        };
        let hint = sign_in(found).unwrap_or(NO_CREDENTIALS);
        return Error::new(class, format!("{subject}: no AWS credentials")).with_hint(hint).with_source(cause(error));
    }
    match &error {
        SdkError::ConstructionFailure(_) => Error::permanent(subject).with_source(cause(error)),
        SdkError::TimeoutError(_) => {
            Error::transient(format!("{subject}: no answer in time")).with_source(cause(error))
        }
        SdkError::DispatchFailure(_) => Error::transient(format!("{subject}: no connection")).with_source(cause(error)),
        // A success whose body was cut off or changed on the way: what the call did is not known.
        SdkError::ServiceError(service) if service.raw().status().is_success() => {
            Error::transient(format!("{subject}: no readable answer")).with_source(cause(error))
        }
        SdkError::ServiceError(service) => {
            let wait = retry_after(service.raw());
            let (code, message) = (service.err().code(), service.err().message());
            let mut made = answered(call, service.raw().status().as_u16(), code, message);
            if is_skewed(code, message) {
                made = made.with_hint(clock_hint(service.raw().headers().get("date"), SystemTime::now()));
            }
            wait.into_iter().fold(made, Error::retry_after)
        }
        _ => Error::transient(format!("{subject}: no readable answer")).with_source(cause(error)),
    }
}

/// An answer with an error code (or, where there is no body to hold one, only a status).
pub fn answered(call: Call<'_>, status: u16, code: Option<&str>, message: Option<&str>) -> Error {
    let is = |codes: &[&str]| code.is_some_and(|code| codes.contains(&bare_code(code)));
    let said = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => format!("HTTP {status}"),
    };
    let text = format!("{} {}: {said}", call.doing, call.what);
    if is(THROTTLED) || status == 429 || (status == 503 && code.is_none()) {
        Error::throttled(text)
    } else if is_skewed(code, message) {
        Error::transient(text).with_hint(SET_CLOCK)
    } else if is(TRANSIENT) || status >= 500 {
        Error::transient(text)
    } else if is(UNKNOWN_CREDENTIALS) {
        Error::refused(text).with_hint(format!("AWS does not know these credentials: {NO_CREDENTIALS}"))
    } else if is(OTHER_REGION) || (300..400).contains(&status) {
        Error::refused(text).with_hint("it is in another region: set `aws.region` to that one")
    } else if is(MISSING) || status == 404 {
        Error::missing(text)
    } else if is(NOT_ALLOWED) || status == 403 || status == 401 {
        let action = message.and_then(named_action).unwrap_or(call.action);
        Error::refused(text).with_hint(format!("allow `{action}` on it, in the policy of the role in use"))
    } else if code.is_some_and(|code| code.starts_with("KMS.")) {
        Error::refused(text).with_hint("fix the KMS key it is encrypted with: it is disabled, deleted or not found")
    } else {
        Error::permanent(text)
    }
}

const SET_CLOCK: &str = "set this machine's clock";

fn is_skewed(code: Option<&str>, message: Option<&str>) -> bool {
    code.is_some_and(|code| SKEWED.contains(&bare_code(code)))
        || message.is_some_and(|message| SKEWED_WORDS.iter().any(|words| message.contains(words)))
}

/// How wrong the clock is by the `Date` of the answer, in words.
fn clock_hint(date: Option<&str>, now: SystemTime) -> String {
    let theirs = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
    let ours = now.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs() as i64);
    let (Some(theirs), Ok(ours)) = (theirs, ours) else { return SET_CLOCK.to_owned() };
    let seconds = ours - theirs.secs();
    let (by, way) = (seconds.unsigned_abs(), if seconds > 0 { "ahead of" } else { "behind" });
    let by = if by >= 120 { format!("{} min", by / 60) } else { format!("{by} s") };
    format!("{SET_CLOCK}: it is {by} {way} that of AWS (`chronyc tracking` says why)")
}

/// The action a refusal names, which may be another than the call's own: `kms:Decrypt` for an encrypted object.
fn named_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("is not authorized to perform: ")?;
    rest.split_whitespace().next().filter(|action| action.contains(':'))
}

/// A code without the prefix that SQS puts before those of its older language.
pub fn bare_code(code: &str) -> &str {
    code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code)
}

/// How long the service asked us to wait.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let number = |name: &str| answer.headers().get(name).and_then(|text| text.trim().parse::<u64>().ok());
    let most = Duration::from_secs(300);
    let asked = number("x-amz-retry-after").map(Duration::from_millis);
    asked.or_else(|| number("retry-after").map(Duration::from_secs)).map(|wait| wait.min(most))
}

/// What a profile that people sign in to asks for once its session is over, or was never begun.
fn sign_in(error: &CredentialsError) -> Option<&'static str> {
    let text = with_causes(error);
    if text.contains("login/cache") || text.contains("login_session") || text.contains("LoginToken") {
        Some("sign in with `aws login` (with --profile, if `aws.profile` is set); scanmill notices it automatically")
    } else if text.to_ascii_lowercase().contains("sso") {
        Some(
            "sign in with `aws sso login` (with --profile, if `aws.profile` is set); scanmill notices it automatically",
        )
    } else {
        None
    }
}

/// Whether an error is that no credentials were found, which an instance's own may be some seconds after its start.
pub fn is_about_credentials(error: &Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if error.is::<CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}

fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

fn credentials_error<E>(error: &SdkError<E, HttpResponse>) -> Option<&CredentialsError>
where
    E: StdError + 'static,
{
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<CredentialsError>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The cause without the SDK's own first line, which says only "dispatch failure".
fn cause<E>(error: SdkError<E, HttpResponse>) -> Box<dyn StdError + Send + Sync>
where
    E: StdError + Send + Sync + 'static,
{
    match error.into_source() {
        Ok(source) => source,
        Err(error) => Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides_the_class_and_the_hint() {
        let table: &[(u16, Option<&str>, Class, &str)] = &[
            (400, Some("ThrottlingException"), Class::Throttled, ""),
            (503, Some("SlowDown"), Class::Throttled, ""),
            (503, None, Class::Throttled, ""),
            (400, Some("ActiveStatementsExceededException"), Class::Throttled, ""),
            (403, Some("OverLimit"), Class::Throttled, ""),
            (403, Some("AWS.SimpleQueueService.OverLimit"), Class::Throttled, ""),
            (400, Some("AWS.SimpleQueueService.RequestThrottled"), Class::Throttled, ""),
            (400, Some("ExpiredToken"), Class::Transient, ""),
            (403, Some("ExpiredTokenException"), Class::Transient, ""),
            (403, Some("RequestTimeTooSkewed"), Class::Transient, "clock"),
            (500, Some("InternalError"), Class::Transient, ""),
            (502, None, Class::Transient, ""),
            (409, Some("ConditionalRequestConflict"), Class::Transient, ""),
            (404, Some("NoSuchKey"), Class::Missing, ""),
            (404, None, Class::Missing, ""),
            (400, Some("AWS.SimpleQueueService.NonExistentQueue"), Class::Missing, ""),
            (403, Some("AccessDenied"), Class::Refused, "s3:GetObject"),
            (403, None, Class::Refused, "s3:GetObject"),
            (400, Some("AccessDeniedException"), Class::Refused, "s3:GetObject"),
            (400, Some("KMS.DisabledException"), Class::Refused, "KMS key"),
            (403, Some("InvalidAccessKeyId"), Class::Refused, "does not know these credentials"),
            (301, Some("PermanentRedirect"), Class::Refused, "aws.region"),
            (400, Some("AuthorizationHeaderMalformed"), Class::Refused, "aws.region"),
            (400, Some("ValidationException"), Class::Permanent, ""),
        ];
        for &(status, code, class, hint) in table {
            let call = Call { doing: "reading", what: "s3://inbox/a.jpg", action: "s3:GetObject" };
            let error = answered(call, status, code, Some("no"));
            assert_eq!(error.class(), class, "{status} {code:?}");
            assert!(error.hint_text().unwrap_or("").contains(hint), "{status} {code:?}: {:?}", error.hint_text());
            assert!(error.to_string().starts_with("reading s3://inbox/a.jpg: "), "{error}");
        }
    }

    #[test]
    fn missing_credentials_are_told_from_missing_permissions() {
        let none = Error::refused("x").with_source(CredentialsError::not_loaded_no_source()).with_context("preflight");
        assert!(is_about_credentials(&none) && !is_about_credentials(&Error::refused("AccessDenied")));
    }

    #[test]
    fn a_wrong_clock_is_told_in_words() {
        let call = Call { doing: "receiving from", what: "queue", action: "sqs:ReceiveMessage" };
        let message = "Signature expired: 20130516T000000Z is now earlier than 20130516T001000Z";
        let error = answered(call, 403, Some("InvalidSignatureException"), Some(message));
        assert_eq!((error.class(), error.hint_text()), (Class::Transient, Some(SET_CLOCK)));
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        // 1445412480 s after the epoch, by RFC 9110's own example of the form.
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert!(clock_hint(date, at(1_445_412_480 + 600)).contains("10 min ahead of that of AWS"));
        assert!(clock_hint(date, at(1_445_412_480 - 90)).contains("90 s behind that of AWS"));
        assert_eq!(clock_hint(None, at(0)), SET_CLOCK);
    }

    #[test]
    fn the_action_a_refusal_names_is_the_one_to_allow() {
        let call = Call { doing: "reading", what: "s3://inbox/a.jpg", action: "s3:GetObject" };
        let message = "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: kms:Decrypt on resource: \
                       arn:aws:kms:eu-central-1:1:key/k because no identity-based policy allows it";
        let error = answered(call, 403, Some("AccessDenied"), Some(message));
        assert_eq!(error.hint_text(), Some("allow `kms:Decrypt` on it, in the policy of the role in use"));
    }
}

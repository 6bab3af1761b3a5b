//! Sees every answer of AWS, also where a second attempt then worked: who sets the pace must hear of each that asked for
//! less, and who holds the credentials of each that refused them.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::credentials::Renewed;
use super::failure::{THROTTLED, UNKNOWN_CREDENTIALS};
use scanmill_telemetry::events::AnswersThrottled;

/// Codes of credentials whose time is over.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"];

/// Counts throttled attempts of every call of a client, and has refused credentials looked for again. A call that fails
/// in the end is told by whoever made it, so its last attempt is not counted here.
#[derive(Debug)]
pub struct AnswerWatch {
    pub(super) service: &'static str,
    pub(super) credentials: Option<Renewed>,
}

impl AnswerWatch {
    /// Sees an answer that a client got in another way. Whether it is the call's last: else another attempt follows where it is
    /// throttled.
    pub fn see(&self, answer: &HttpResponse, is_last: bool) {
        self.doubt_if_refused(answer);
        if !is_last && is_throttled(answer) {
            AnswersThrottled { service: self.service, count: 1 }.emit();
        }
    }

    fn doubt_if_refused(&self, answer: &HttpResponse) {
        if let Some(credentials) = self.credentials.as_ref().filter(|_| refuses_credentials(answer)) {
            credentials.doubt();
        }
    }
}

/// Throttled attempts of one call so far.
#[derive(Clone, Copy, Debug, Default)]
struct Throttled(u64);

impl Storable for Throttled {
    type Storer = StoreReplace<Throttled>;
}

impl Intercept for AnswerWatch {
    fn name(&self) -> &'static str {
        "AnswerWatch"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(answer) = context.response() else { return Ok(()) };
        self.doubt_if_refused(answer);
        if is_throttled(answer) {
            let Throttled(before) = bag.load::<Throttled>().copied().unwrap_or_default();
            bag.interceptor_state().store_put(Throttled(before + 1));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Throttled(attempts) = bag.load::<Throttled>().copied().unwrap_or_default();
        let is_told_by_caller = context.response().is_some_and(is_throttled);
        let count = attempts - u64::from(is_told_by_caller && attempts > 0);
        if count > 0 {
            AnswersThrottled { service: self.service, count }.emit();
        }
        Ok(())
    }
}

fn is_throttled(answer: &HttpResponse) -> bool {
    says_throttled(answer.status().as_u16(), answer.body().bytes().unwrap_or_default())
}

fn refuses_credentials(answer: &HttpResponse) -> bool {
    let codes = [EXPIRED, UNKNOWN_CREDENTIALS];
    answer.status().as_u16() >= 400
        && has_word(answer.body().bytes().unwrap_or_default(), |word| codes.iter().any(|codes| codes.contains(&word)))
}

/// The rule of [`super::answered`], for an answer that nobody has read yet. Some services throttle with HTTP 400.
fn says_throttled(status: u16, body: &[u8]) -> bool {
    if status < 400 {
        return false;
    }
    status == 429 || (status == 503 && body.trim_ascii().is_empty()) || has_word(body, |word| THROTTLED.contains(&word))
}

/// Whole words only: `SlowDown` as in `<Code>SlowDown</Code>` or `"__type":"…#SlowDown"`.
fn has_word(body: &[u8], is_it: impl Fn(&str) -> bool) -> bool {
    let body = String::from_utf8_lossy(body.get(..4_096).unwrap_or(body));
    body.split(|letter: char| !letter.is_ascii_alphanumeric()).any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_is_told_from_other_failures() {
        for (status, body, expected) in [
            (503, "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>", true),
            (503, "", true),
            (429, "", true),
            (400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slower"}"#, true),
            (400, r#"{"__type":"ThrottlingException"}"#, true),
            (403, "<Code>AWS.SimpleQueueService.OverLimit</Code>", true),
            (503, "<Code>ServiceUnavailable</Code>", false),
            (500, "<Code>InternalError</Code>", false),
            (404, "<Code>NoSuchKey</Code><Key>NotSlowDownAtAll.jpg</Key>", false),
            (200, "SlowDown", false),
        ] {
            assert_eq!(says_throttled(status, body.as_bytes()), expected, "{status} {body}");
        }
    }
}

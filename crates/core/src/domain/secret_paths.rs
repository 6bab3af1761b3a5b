//! Secrets in the path of an address: keys of what is shared, tokens of mailed links, webhooks, values of parameters.

use super::secret_names::{is_secret_if_opaque, is_secret_name};
use super::secret_shapes::{is_opaque, is_random};
use super::secrets::{ParameterGroup, REDACTED, redact_parameter};
use super::text::{find_ignoring_case, holds_any};

/// Letters of the shortest key behind the route of a shared file. Ids of some databases are drawn at random too, and shorter.
const SHORTEST_KEY: usize = 22;

/// A route in a fragment, whose segments may be the key of what is shared: `#/send/ID/KEY`, `#!ID!KEY`.
pub(super) fn redact_route(route: &str, group: ParameterGroup) -> String {
    let is_key = |part: &str| part.len() >= SHORTEST_KEY && is_random(part);
    let hide = |segment: &str| {
        let parts: Vec<&str> = segment.split('!').map(|part| if is_key(part) { REDACTED } else { part }).collect();
        parts.join("!")
    };
    redact_path(&route.split('/').map(hide).collect::<Vec<_>>().join("/"), group)
}

/// A path, with or without what is before it.
pub(super) fn redact_path(path: &str, group: ParameterGroup) -> String {
    let mut before = "";
    let mut is_hook = false;
    let segments = path.split('/').map(|segment| {
        let is_named = || is_secret_name(before) || is_secret_if_opaque(before) || is_link_of_mail(before);
        let (name, value) = segment.split_once(':').unwrap_or_default();
        if is_opaque(value) && group.is_secret(name, value) {
            return format!("{name}:{REDACTED}");
        }
        let is_secret = is_opaque(segment) && is_named() || is_hook && !is_hook_name(segment) && is_hook_part(segment);
        is_hook |= is_hook_name(segment);
        before = segment;
        if is_secret { REDACTED.to_owned() } else { redact_segment(segment, group) }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// What is in a path before the token of a link that was mailed to one person. `verify` and `activate` alone are none:
/// behind them stand the serial numbers of goods.
const LINKS_OF_MAIL: &[&str] = &[
    "autologin",
    "confirm-email",
    "email-confirmation",
    "email-verification",
    "invitation",
    "invite",
    "login",
    "magic",
    "magic-link",
    "magiclink",
    "password-reset",
    "passwordless",
    "reset",
    "reset-password",
    "signin",
    "token",
    "unsubscribe",
    "verify-email",
];

/// Whether what follows in a path is the token of a link that was mailed to one person.
fn is_link_of_mail(segment: &str) -> bool {
    LINKS_OF_MAIL.iter().any(|name| segment.eq_ignore_ascii_case(name))
}

/// Whether what follows in a path is the secret of a webhook: whoever knows it may post (Slack, Discord, Teams, Zapier).
pub(super) fn is_hook_name(segment: &str) -> bool {
    let begins = |word: &str| find_ignoring_case(segment, word) == Some(0);
    segment.eq_ignore_ascii_case("hook")
        || segment.eq_ignore_ascii_case("hooks")
        || begins("hooks.")
        || begins("hook.")
        || holds_any(segment, &["webhook"])
}

/// Whether a segment behind [`is_hook_name`] may be a part of the secret: no plain word.
fn is_hook_part(segment: &str) -> bool {
    segment.len() >= 20 && segment != REDACTED
        || segment.len() >= 8 && segment.bytes().any(|byte| byte.is_ascii_digit())
}

/// A path segment without the values of secret parameters (`42;jsessionid=…`) and without ASP.NET's `(S(…))`.
fn redact_segment(segment: &str, group: ParameterGroup) -> String {
    let bytes = segment.as_bytes();
    if bytes.len() > 6 && matches!(bytes, [b'(', b'A' | b'F' | b'S', b'(', .., b')', b')']) {
        return REDACTED.to_owned();
    }
    segment.split(';').map(|part| redact_parameter(part, group)).collect::<Vec<_>>().join(";")
}

//! What must not reach a warehouse: passwords and tokens inside payloads.
//!
//! There is one redactor, [`redact`]. Every column is made from a text that went through it, so what is hidden in one
//! column cannot show in another. It works on the raw text, so that what it leaves is exactly what the code said. Where
//! a text is odd it takes away too much rather than too little. [`REDACTED`] needs no escaping in any place.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::secret_accounts::redact_accounts;
use super::secret_json::redact_json;
pub use super::secret_names::is_secret_name;
use super::secret_names::{is_secret_if_opaque, is_secret_in_group, is_secret_parameter, is_signature_name};
use super::secret_paths::{is_hook_name, redact_path, redact_route};
use super::secret_sentences::redact_sentences;
use super::secret_shapes::{SHORTEST as SHORTEST_TOKEN, is_opaque, is_random, is_secret_shape};
use super::secret_users::redact_user;
use super::text::holds_any;
use super::wifi::redact_networks;

/// What stands where a secret was.
pub const REDACTED: &str = "REDACTED";

/// How often a text is looked through after something was taken out of it.
const MOST_PASSES: usize = 4;

/// How often a value is unescaped in search of a secret inside it.
const MAX_UNESCAPE: usize = 3;

/// What parts one parameter from the next, inside a value that may be an address, a list or JSON. Brackets are part of
/// names (`user[password]`).
const SEPARATORS: [char; 10] = ['?', '&', '#', ';', '/', ',', '|', ' ', '\n', '+'];

/// A text without user names and passwords of addresses, values of secret parameters and anything shaped like a token.
/// Redacting twice changes nothing more.
pub fn redact(text: &str) -> String {
    let mut redacted = text.to_owned();
    if is_harmless(text) {
        return redacted;
    }
    // What took a secret's place may join what was around it, as the password of an address. Most texts hold none, and
    // are looked through once.
    for _ in 0..=MOST_PASSES {
        let next = redact_once(&redacted);
        if next == redacted {
            break;
        }
        redacted = next;
    }
    redacted
}

/// Whether a text is a word too short for a token, with no sign in it that could make a part of it a name or a value: the
/// numbers and names of products, say, each of which would be looked through for every kind of secret.
fn is_harmless(text: &str) -> bool {
    text.len() < SHORTEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn redact_once(text: &str) -> String {
    let text = redact_networks(text);
    let text = redact_accounts(&text);
    let text = redact_user(&text);
    let text = redact_json(&text);
    let text = redact_sentences(&text);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while !rest.is_empty() {
        let end = rest.find(is_word_end).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let redacted = redact_word(word);
        let mark = behind.chars().next().map_or(0, char::len_utf8);
        rest = behind.get(mark..).unwrap_or_default();
        // A value in quotes, or JSON, goes on behind the quote that ended the word.
        let is_open = redacted != word && redacted.ends_with(REDACTED) && word.ends_with(['{', '[', '(', '=', ':']);
        out.push_str(&redacted);
        if is_open && behind.starts_with(['"', '`', '<']) {
            rest = rest.get(rest.find(char::is_whitespace).unwrap_or(rest.len())..).unwrap_or_default();
        } else {
            out.push_str(behind.get(..mark).unwrap_or_default());
        }
    }
    out
}

/// Whether a value holds a secret, escaped or not: `https%3A%2F%2Fx%2F%3Ftoken%3Dabc`, `api_key=abc`,
/// `{"password":"abc"}`.
pub fn holds_secret(value: &str) -> bool {
    let mut value = Cow::Borrowed(value);
    for _ in 0..=MAX_UNESCAPE {
        if holds_plain_secret(&value) {
            return true;
        }
        let plain = percent_decode_str(&value).decode_utf8_lossy().into_owned();
        if plain == value {
            return false;
        }
        value = Cow::Owned(plain);
    }
    // Escaped more often than any honest sender does.
    value.contains('%')
}

pub(super) fn is_word_end(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '<' | '>' | '"' | '`')
}

/// [`holds_secret`] without unescaping. It looks at every `name=` and `name:` there is instead of following the
/// nesting, so that its cost does not grow with the depth.
fn holds_plain_secret(value: &str) -> bool {
    if value == REDACTED {
        return false;
    }
    let parts = || value.split(SEPARATORS);
    let group = ParameterGroup::of(parts().filter_map(|part| part.split_once('=')).map(|(name, _)| name));
    parts().any(|part| {
        let mut named = part.split(['=', ':']);
        // The last piece is a value.
        named.next_back();
        named.any(|name| group.is_secret(name, "")) || is_secret_shape(part)
    }) || redact_accounts(value) != value
        || matches!(redact_user(value), Cow::Owned(_))
        || matches!(redact_json(value), Cow::Owned(_))
}

/// The parameters that stand together in one address: some are secret only in company.
#[derive(Clone, Copy, Default)]
pub(super) struct ParameterGroup {
    /// `state` and the like: `code` is an authorization code.
    is_oauth_return: bool,
    /// The path is that of a webhook: `key` is its secret.
    is_hook: bool,
    /// A signature: what it signs is of no use without it, and must not be reused with it.
    is_signed: bool,
}

impl ParameterGroup {
    fn of<'a>(names: impl Iterator<Item = &'a str>) -> ParameterGroup {
        let mut group = ParameterGroup::default();
        for name in names {
            let name = unescape(name).to_ascii_lowercase();
            group.is_oauth_return |= matches!(&*name, "state" | "session_state" | "scope" | "iss");
            group.is_signed |= is_signature_name(&name);
        }
        group
    }

    /// Of an address: its query and fragment, and the path, which may say that this is a sign-in's return.
    fn of_address(path: &str, tail: &str) -> ParameterGroup {
        let names = tail.split(['?', '#', '&', ';']).filter_map(|part| part.split_once('='));
        let mut group = ParameterGroup::of(names.map(|(name, _)| name));
        group.is_hook = path.split('/').any(is_hook_name);
        group.is_oauth_return |= holds_any(path, &["oauth", "oidc", "callback", "signin"]);
        group
    }

    pub(super) fn is_secret(self, name: &str, value: &str) -> bool {
        is_secret_parameter(name, value)
            || is_secret_in_group(&unescape(name), self.is_oauth_return, self.is_signed)
            || ((self.is_hook && value != REDACTED || is_opaque(value)) && is_secret_if_opaque(&unescape(name)))
    }
}

/// A word: an address, or anything else without space in it.
fn redact_word(word: &str) -> String {
    let tail = word.find(['?', '#']).unwrap_or(word.len());
    let (path, tail) = word.split_at(tail);
    let group = ParameterGroup::of_address(path, tail);
    let mut out = redact_path(path, group);
    for part in tail.split_inclusive(['?', '#', '&']) {
        let end = part.trim_end_matches(['?', '#', '&']);
        // What a browser sends to no server is where shared files and chats carry their key.
        if out.ends_with('#') && is_random(end) {
            out.push_str(REDACTED);
        } else if out.ends_with('#') && end.starts_with(['/', '!']) && !end.contains(['=', ':']) {
            out.push_str(&redact_route(end, group));
        } else if end.contains('=') {
            out.push_str(&redact_parameter(end, group));
        } else if let Some((name, value)) =
            end.split_once(':').filter(|(name, value)| is_named_by_colon(name, value, group))
        {
            out.push_str(&format!("{name}:{}", if value.is_empty() { "" } else { REDACTED }));
        } else {
            // A fragment may be a route with a path of its own.
            out.push_str(&redact_path(end, group));
        }
        out.push_str(part.get(end.len()..).unwrap_or_default());
    }
    out
}

/// Whether a part of a query is a secret with a colon where others have an equals sign: `?token:abc`.
fn is_named_by_colon(name: &str, value: &str, group: ParameterGroup) -> bool {
    !name.contains(['/', '.']) && !value.starts_with("//") && group.is_secret(name, value)
}

/// One `name=value`; a part without `=` is a value.
pub(super) fn redact_parameter(part: &str, group: ParameterGroup) -> String {
    match part.split_once('=') {
        Some((name, value)) if group.is_secret(name, value) || holds_secret(value) => {
            // Text after `;` may be a parameter's name too, and before it a value.
            if holds_secret(name) { REDACTED.to_owned() } else { format!("{name}={REDACTED}") }
        }
        Some((name, _)) if holds_secret(name) => REDACTED.to_owned(),
        None if holds_secret_value(part) => REDACTED.to_owned(),
        _ => part.to_owned(),
    }
}

/// [`holds_secret`] for what has no name. `mailto:` and `https:` are not names of parameters, so a `:` counts only where
/// it is escaped.
fn holds_secret_value(part: &str) -> bool {
    let plain = unescape(part);
    is_secret_shape(part) || (plain != part && holds_secret(&plain))
}

fn unescape(text: &str) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(text);
    for _ in 0..MAX_UNESCAPE {
        if !plain.contains('%') {
            break;
        }
        plain = Cow::Owned(percent_decode_str(&plain).decode_utf8_lossy().into_owned());
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_for_harmless_would_not_be_changed(text in "[A-Za-z0-9._-]{0,24}") {
            prop_assert_eq!(is_harmless(&text), text.len() < SHORTEST_TOKEN);
            prop_assert!(!is_harmless(&text) || redact_once(&text) == text, "{}", text);
        }
    }

    #[test]
    fn a_short_word_of_these_signs_is_no_secret_whatever_it_begins_with() {
        for word in ["password", "ghp_abc", "eyJhbGciOiJIUzI1Ni", "-p-hunter2", "token.abc", "AKIA0123456789abcd", ""] {
            assert!(is_harmless(word));
            assert_eq!(redact_once(word), word);
        }
        for text in ["1$smdp", "a:b", "a b", "a=b", "a/b", "é", "a@b", "0123456789012345678"] {
            assert!(!is_harmless(text), "{text}");
        }
    }

    #[test]
    fn addresses_lose_their_secrets_and_nothing_else() {
        for (uri, expected) in [
            ("https://x.de/a?b=1&c=2#d", "https://x.de/a?b=1&c=2#d"),
            ("https://me:pw@x.de/a", "https://REDACTED@x.de/a"),
            ("https://ghp_abc@x.de/a@b", "https://REDACTED@x.de/a@b"),
            ("https://a@b:c@x.de", "https://REDACTED@x.de"),
            ("https://me:my pw@x.de/a", "https://REDACTED@x.de/a"),
            ("https:me:pw@x.de", "https:REDACTED@x.de"),
            ("https:\\\\me:pw@x.de\\a", "https:\\\\REDACTED@x.de\\a"),
            ("ftp://me:pw@x.de/a", "ftp://REDACTED@x.de/a"),
            ("see https:\\\\me:pw@x.de\\a", "see https:\\\\REDACTED@x.de\\a"),
            ("http://me:p/w@x.de/a", "http://REDACTED@x.de/a"),
            ("http://me:p?w@x.de/a b", "http://REDACTED@x.de/a b"),
            ("http://me:p#w@x.de", "http://REDACTED@x.de"),
            ("http://x.de:80/a@b", "http://x.de:80/a@b"),
            ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
            ("https://x.de/?token={\"a\":\"s3cret\"} b", "https://x.de/?token=REDACTED b"),
            ("https://x.de/?token=\"s3cret\" b", "https://x.de/?token=REDACTED b"),
            ("<a href=\"https://x.de/?token=s3cret\">b</a>", "<a href=\"https://x.de/?token=REDACTED\">b</a>"),
            ("https://x.de/#/send/id/kL9mN2pQ4rS6tU8vW0xY1z", "https://x.de/#/send/id/REDACTED"),
            ("https://x.de/#!abcdefgh!kL9mN2pQ4rS6tU8vW0xY1z", "https://x.de/#!abcdefgh!REDACTED"),
            ("https://x.de/#/p/kL9mN2pQ4rS6tU8vW0xY", "https://x.de/#/p/kL9mN2pQ4rS6tU8vW0xY"),
            ("https://x.de/?oobCode=abc&mode=signIn", "https://x.de/?oobCode=REDACTED&mode=signIn"),
            ("https://x.de/scl/fi/a/b?rlkey=abc&dl=0", "https://x.de/scl/fi/a/b?rlkey=REDACTED&dl=0"),
            ("https://x.de/a?token=s3cr/et==&b=1", "https://x.de/a?token=REDACTED&b=1"),
            ("https://x.de/?Access-Token=s&API_KEY=s&b", "https://x.de/?Access-Token=REDACTED&API_KEY=REDACTED&b"),
            ("https://x.de/?%74oken=s", "https://x.de/?%74oken=REDACTED"),
            ("https://x.de/?a=1&amp;sig=s", "https://x.de/?a=1&amp;sig=REDACTED"),
            ("https://x.de/?a=1;token=s", "https://x.de/?a=REDACTED"),
            ("https://x.de/#access_token=s&state=1", "https://x.de/#access_token=REDACTED&state=1"),
            ("https://x.de/#/login?pwd=s", "https://x.de/#/login?pwd=REDACTED"),
            ("https://x.de/p/42;jsessionid=s/q", "https://x.de/p/42;jsessionid=REDACTED/q"),
            ("https://x.de/(S(lit3py55t21z5v55vlm25s55))/p/1", "https://x.de/REDACTED/p/1"),
            ("https://x.de/?to=https%3A%2F%2Fy.de%2F%3Ftoken%3Ds", "https://x.de/?to=REDACTED"),
            ("https://x.de/?to=https%253A%252F%252Fme%253Apw%2540y.de", "https://x.de/?to=REDACTED"),
            ("https://x.de/go/https://me:pw@y.de/", "https://x.de/go/https://REDACTED@y.de/"),
            ("https://x.de/p%3Ftoken%3Ds", "https://x.de/REDACTED"),
            ("https://x.de/?data=api_key=s", "https://x.de/?data=REDACTED"),
            ("https://x.de/?data=api_key:s", "https://x.de/?data=REDACTED"),
            (
                "https://x.de/?q={\"a\":\"b\",\"password\":\"s t\"}",
                "https://x.de/?q={\"a\":\"b\",\"password\":\"REDACTED\"}",
            ),
            ("https://x.de/?q=%7B%22pin%22%3A%2212%22%7D", "https://x.de/?q=REDACTED"),
            ("https://x.de/cb?code=s&state=1", "https://x.de/cb?code=REDACTED&state=1"),
            ("https://x.de/sale?code=SUMMER", "https://x.de/sale?code=SUMMER"),
            ("https://x.de/oauth2/return?code=s", "https://x.de/oauth2/return?code=REDACTED"),
            (
                "https://x.de/?X-Amz-Credential=s&X-Amz-Signature=s",
                "https://x.de/?X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED",
            ),
            (
                "https://x.de/a.jpg?se=2026&sp=r&sv=1&sig=s&id=4",
                "https://x.de/a.jpg?se=REDACTED&sp=REDACTED&sv=REDACTED&sig=REDACTED&id=4",
            ),
            ("https://x.de/?se=1&sp=2&sv=3", "https://x.de/?se=1&sp=2&sv=3"),
            ("https://x.de/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1/b", "https://x.de/REDACTED/b"),
            ("https://x.de/?v=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "https://x.de/?v=REDACTED"),
            ("https://x.de/reset/token/a1b2c3d4e5f6a7b8", "https://x.de/reset/token/REDACTED"),
            ("https://x.de/auth/login", "https://x.de/auth/login"),
            ("https://x.de/?key=AIzaSyA1234567890abcdefghijklmnopqrstuv", "https://x.de/?key=REDACTED"),
            ("https://x.de/?key=42&author=me", "https://x.de/?key=42&author=me"),
            ("https://x.de/?sign=a1b2c3d4e5f6a7b8&id=4", "https://x.de/?sign=REDACTED&id=4"),
            ("https://x.de/?sign=virgo&ticket=2", "https://x.de/?sign=virgo&ticket=2"),
            ("https://x.de/?ticket=ST-1-a1b2c3d4e5f6a7b8-cas", "https://x.de/?ticket=REDACTED"),
            ("https://x.de/p/ST-1234567890123", "https://x.de/p/ST-1234567890123"),
            ("https://x.de/magic-link/a1b2c3d4e5f6a7b8", "https://x.de/magic-link/REDACTED"),
            ("https://x.de/verify-email/a1b2c3d4e5f6a7b8c9d0", "https://x.de/verify-email/REDACTED"),
            ("https://x.de/invite/a1b2c3d4e5f6a7b8/ok", "https://x.de/invite/REDACTED/ok"),
            ("https://x.de/login/a1b2c3d4e5f6a7b8", "https://x.de/login/REDACTED"),
            ("https://x.de/api/token/a1b2c3d4e5f6a7b8/", "https://x.de/api/token/REDACTED/"),
            ("https://x.de/login/2026-spring", "https://x.de/login/2026-spring"),
            ("https://x.de/verify/A1B2C3D4E5F6A7B8", "https://x.de/verify/A1B2C3D4E5F6A7B8"),
            ("//me:pw@x.de/a", "//REDACTED@x.de/a"),
            ("See //me:pw@x.de/a and //y.de/@b", "See //REDACTED@x.de/a and //y.de/@b"),
            ("https://x.de/go//a:b@c", "https://x.de/go//REDACTED@c"),
            (
                "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/aBcDeFgHiJkLmNoPqRsTuVwX",
                "https://hooks.slack.com/services/REDACTED/REDACTED/REDACTED",
            ),
            (
                "https://discord.com/api/webhooks/123456789012345678/a-b_cDeFgHiJkLmNoPqRsTu",
                "https://discord.com/api/webhooks/REDACTED/REDACTED",
            ),
            (
                "https://x.webhook.office.com/webhookb2/1a-2b@3c-4d/IncomingWebhook/0123456789abcdef/5e-6f7a8",
                "https://x.webhook.office.com/webhookb2/REDACTED/IncomingWebhook/REDACTED/REDACTED",
            ),
            (
                "https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-pM/send",
                "https://api.telegram.org/REDACTED/send",
            ),
            ("https://chat.x.de/hooks/abcdefghijklmnopqrstuvwxyz", "https://chat.x.de/hooks/REDACTED"),
            ("https://x.de/cgi-bin/webhook/send?key=ab-cd", "https://x.de/cgi-bin/webhook/send?key=REDACTED"),
            (
                "https://x.de/?psk=abc&sort_key=price&iban=DE1",
                "https://x.de/?psk=REDACTED&sort_key=price&iban=REDACTED",
            ),
            (
                "https://x.de/?session=summer2024&pass=vip&product_key=shirt&password=vip",
                "https://x.de/?session=summer2024&pass=vip&product_key=shirt&password=REDACTED",
            ),
            ("https://x.de/?session=9f8a7b6c&pass=vip7", "https://x.de/?session=REDACTED&pass=REDACTED"),
            ("https://x.de/docs/webhooks/overview", "https://x.de/docs/webhooks/overview"),
            (
                "https://maker.ifttt.com/trigger/x/with/key/a1b2c3d4e5f6a7b8c9",
                "https://maker.ifttt.com/trigger/x/with/key/REDACTED",
            ),
            (
                "https://d.de/file/1a/view?usp=sharing&resourcekey=0-abc",
                "https://d.de/file/1a/view?usp=sharing&resourcekey=REDACTED",
            ),
            ("https://x.de/file/ab#Kq3vX9pLm2Rt7Zw0Yb5c", "https://x.de/file/ab#REDACTED"),
            ("https://x.de/#section-2-of-the-manual", "https://x.de/#section-2-of-the-manual"),
            ("https://x.de/?token:s3cret&a=1", "https://x.de/?token:REDACTED&a=1"),
            ("https://x.de/?a=1&api_key:s#pin:12", "https://x.de/?a=1&api_key:REDACTED#pin:REDACTED"),
            ("https://x.de/token:a1b2c3d4e5f6a7b8/p", "https://x.de/token:REDACTED/p"),
            ("https://x.de/wiki/Token:Ring?page:2#key:note", "https://x.de/wiki/Token:Ring?page:2#key:note"),
            ("https://x.de/?a:token=s", "https://x.de/?a:token=REDACTED"),
            (
                "https://x.de/?pin_code=4711&onetime=k3yx&seed=9f8a7b6c5d4e3f2a1b&private=9f8a7b6c5d4e3f2a1b",
                "https://x.de/?pin_code=REDACTED&onetime=REDACTED&seed=REDACTED&private=REDACTED",
            ),
            ("https://x.de/?pincode=4711&pinCode=12", "https://x.de/?pincode=REDACTED&pinCode=REDACTED"),
            (
                "https://x.de/?pincode=110001&onetime=true&one_time=1&seed=tomato&seed=42&private=1",
                "https://x.de/?pincode=110001&onetime=true&one_time=1&seed=tomato&seed=42&private=1",
            ),
            ("https://x.de/?q=1 password: s", "https://x.de/?q=1 password: REDACTED"),
            ("https://x.de/?tokens_left=3&pinned=1&design=2", "https://x.de/?tokens_left=3&pinned=1&design=2"),
        ] {
            assert_eq!(redact(uri), expected, "{uri}");
            assert_eq!(redact(expected), expected, "twice");
        }
    }

    #[test]
    fn texts_keep_their_words() {
        for (text, expected) in [
            ("See https://x.de/?token=s\nor  call 112", "See https://x.de/?token=REDACTED\nor  call 112"),
            ("https://x.de/a b&token=s", "https://x.de/a b&token=REDACTED"),
            ("https://x.de:8443 me@y.de", "https://x.de:8443 me@y.de"),
            ("My token: none", "My token: none"),
            ("login password=1 now", "login password=REDACTED now"),
            ("{\"token\": 17, \"a\": \"b\"}", "{\"token\": \"REDACTED\", \"a\": \"b\"}"),
            ("\"a\" \"token\" \"b\"", "\"a\" \"token\" \"b\""),
        ] {
            assert_eq!(redact(text), expected);
            assert_eq!(redact(expected), expected, "twice");
        }
    }
}

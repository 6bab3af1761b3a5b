//! Texts that are secrets by their shape, whatever they are called.

use super::secrets::REDACTED;

/// Beginnings of access tokens and keys, each with how many letters follow at least. From the vendors' own
/// documentation, as secret scanners use them.
const TOKENS: &[(&str, usize)] = &[
    ("AGE-SECRET-KEY-", 40),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("EAACEdEose0cBA", 10),
    ("SG.", 20),
    ("dop_v1_", 20),
    ("eyJ", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghr_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("hf_", 30),
    ("npm_", 30),
    ("nsec1", 50),
    ("pypi-", 30),
    ("rk_live_", 16),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("shpat_", 20),
    ("shpss_", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("tprv", 80),
    ("xapp-", 16),
    ("xoxa-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xoxs-", 16),
    ("xprv", 80),
    ("yprv", 80),
    ("zprv", 80),
    ("ya29.", 16),
];

/// Letters of the shortest token.
pub(super) const SHORTEST: usize = 19;

/// Whether a token is in the text. `eyJ` is how base 64 of a JSON object begins: a JSON web token, or a state that
/// may hold anything.
pub fn is_secret_shape(text: &str) -> bool {
    if text.len() < SHORTEST {
        return false;
    }
    // One look at each place instead of one search for each beginning: this is asked of every part of every payload.
    let bytes = text.as_bytes();
    let mut is_start = true;
    let is_token = bytes.iter().enumerate().any(|(at, byte)| {
        let is_word = byte.is_ascii_alphanumeric();
        let begins = std::mem::replace(&mut is_start, !is_word) && is_word;
        begins && bytes.get(at..).is_some_and(begins_token)
    });
    is_token || holds_bot_token(text)
}

fn begins_token(text: &[u8]) -> bool {
    TOKENS.iter().any(|(beginning, more)| {
        text.strip_prefix(beginning.as_bytes()).is_some_and(|rest| {
            rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count() >= *more
        })
    })
}

/// Telegram's: the bot's number, a colon, and 35 letters of which the first two are `AA`.
fn holds_bot_token(text: &str) -> bool {
    text.match_indices(":AA").any(|(at, _)| {
        let (before, token) = text.split_at(at);
        let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
        let len = token.bytes().skip(1).take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count();
        digits >= 6 && len >= 30
    })
}

/// Whether the text looks drawn at random: long, of letters and digits.
pub fn is_opaque(text: &str) -> bool {
    text.len() >= 16
        && !text.contains(REDACTED)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%=+".contains(&byte))
}

/// Whether the text can only be drawn at random: long, and letters of both cases mixed with digits.
pub fn is_random(text: &str) -> bool {
    text.len() >= 20
        && is_opaque(text)
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_words() {
        for text in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_0123456789abcdefghij0123456789abcdef",
            "a=sk_live_0123456789abcdef",
        ] {
            assert!(is_secret_shape(text), "{text}");
        }
        for text in ["", "eyJ", "eyJewel", "SLOVAKIA-0123456789abcdef", "keyJhbGciOiJIUzI1NiJ9abcdef", "ST-1", "AKIA"] {
            assert!(!is_secret_shape(text), "{text}");
        }
    }

    #[test]
    fn no_token_is_shorter_than_the_shortest_and_each_begins_a_word() {
        for (beginning, more) in TOKENS {
            assert!(
                beginning.len() + more >= SHORTEST
                    && beginning.starts_with(|first: char| first.is_ascii_alphanumeric())
            );
            let token = format!("{beginning}{}", "x".repeat(*more));
            assert!(is_secret_shape(&token) && is_secret_shape(&format!("é {token}")), "{token}");
            assert!(!is_secret_shape(&token[..token.len() - 1]) && !is_secret_shape(&format!("x{token}")), "{token}");
        }
    }

    #[test]
    fn what_is_drawn_at_random_is_told_from_words() {
        assert!(is_opaque("a1b2c3d4e5f6a7b8"));
        for text in ["login", "4006381333931", "the-green-tea-of-the-year", "a1 b2 c3 d4 e5 f6 g7"] {
            assert!(!is_opaque(text), "{text}");
        }
    }
}

//! The access to a wireless network as codes write it: `WIFI:T:WPA;S:net;P:password;;`.

use std::borrow::Cow;

use super::secrets::REDACTED;
use super::text::find_ignoring_case;

const SCHEME: &str = "wifi:";

/// Fields that say nothing secret: kind of authentication, network's name, whether it is hidden, and the EAP methods.
const OPEN: [&str; 6] = ["T", "S", "H", "R", "E", "PH2"];

/// The fields behind `WIFI:` with only those kept that hold no secret. A password with a `;` that nobody escaped falls
/// into parts, which are then fields of no known name.
pub fn redact_fields(text: &str) -> String {
    let kept = fields(text).into_iter().map(|field| match field.split_once(':') {
        Some((name, _)) if is_open(name) => field.to_owned(),
        Some((name, _)) if name.eq_ignore_ascii_case("P") => format!("{name}:{REDACTED}"),
        _ if field.is_empty() => String::new(),
        _ => REDACTED.to_owned(),
    });
    kept.collect::<Vec<_>>().join(";")
}

/// A text without the passwords of networks that stand anywhere in it. What is about Wi-Fi and has no fields is prose.
pub fn redact_networks(text: &str) -> Cow<'_, str> {
    if find_ignoring_case(text, SCHEME).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = find_ignoring_case(rest, SCHEME) {
        let (before, behind) = rest.split_at(at + SCHEME.len());
        out.push_str(before);
        let end = network_end(behind);
        let network = behind.get(..end).unwrap_or_default();
        let is_network = fields(network)
            .first()
            .and_then(|field| field.split_once(':'))
            .is_some_and(|(name, _)| is_open(name) || name.eq_ignore_ascii_case("P"));
        if is_network {
            out.push_str(&redact_fields(network));
            rest = behind.get(end..).unwrap_or_default();
        } else {
            rest = behind;
        }
    }
    out.push_str(rest);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// The fields of a `NAME:value;NAME:value;;` text, split at every `;` that no `\` escapes.
pub fn fields(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(|letter: char| {
        let splits = letter == ';' && !escaped;
        escaped = letter == '\\' && !escaped;
        splits
    })
    .collect()
}

fn is_open(name: &str) -> bool {
    OPEN.iter().any(|open| open.eq_ignore_ascii_case(name))
}

/// Where a network's fields end: behind `;;`, else with the line.
fn network_end(text: &str) -> usize {
    let end = text.find(";;").map_or(text.len(), |at| at + 2);
    text.find(['\r', '\n']).map_or(end, |line| line.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_in_a_sentence_keeps_its_name_alone() {
        for (text, expected) in [
            ("WIFI:T:WPA;S:Cafe;P:geheim;;", "WIFI:T:WPA;S:Cafe;P:REDACTED;;"),
            ("Join: wifi:S:Cafe;P:ge\\;heim 1;T:WPA;; Enjoy", "Join: wifi:S:Cafe;P:REDACTED;T:WPA;; Enjoy"),
            ("Grüße WIFI:P:abc;S:Cafe\nroom 4; floor 2", "Grüße WIFI:P:REDACTED;S:Cafe\nroom 4; floor 2"),
            ("WIFI:S:a;P:b;; WIFI:S:c;P:d;e;;", "WIFI:S:a;P:REDACTED;; WIFI:S:c;P:REDACTED;REDACTED;;"),
        ] {
            assert_eq!(redact_networks(text), expected);
            assert_eq!(redact_networks(expected), expected, "twice");
        }
        for prose in ["WIFI: ask at the bar; P: 2 hours", "Free WiFi: yes", "wifi:", ""] {
            assert_eq!(redact_networks(prose), prose);
        }
    }
}

//! Secret members of JSON objects.

use std::borrow::Cow;

use super::secret_names::is_secret_name;
use super::secrets::REDACTED;

/// The text with the values of secret members of JSON objects replaced: `"token": "abc"`. Borrowed when there is none.
pub(super) fn redact_json(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(open) = rest.find('"') {
        let (before, quoted) = rest.split_at(open + 1);
        out.push_str(before);
        rest = quoted;
        let Some((name, after)) = quoted.split_once('"') else { break };
        let value = after.trim_start();
        let Some(value) = value.strip_prefix(':').map(str::trim_start).filter(|_| is_secret_name(name)) else {
            // What ends one text may begin the next.
            out.push_str(name);
            rest = quoted.get(name.len()..).unwrap_or_default();
            if after.trim_start().starts_with(':') {
                out.push('"');
                rest = after;
            }
            continue;
        };
        out.push_str(quoted.get(..quoted.len() - value.len()).unwrap_or_default());
        let (value, left) = json_value(value);
        found |= value != REDACTED && value != format!("\"{REDACTED}\"");
        out.push_str(&format!("\"{REDACTED}\""));
        rest = left;
    }
    if !found {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Splits a JSON value off: a text with its quotes, or anything up to what ends a member.
fn json_value(text: &str) -> (&str, &str) {
    let end = match text.strip_prefix('"') {
        Some(inner) => {
            let mut escaped = false;
            let close = inner.find(|letter: char| {
                let closes = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                closes
            });
            close.map_or(text.len(), |close| close + 2)
        }
        None => text.find([',', '}', ']']).unwrap_or(text.len()),
    };
    text.split_at(end)
}

//! Counts in sentences: "1 photo", "2 photos", "1 batch", "2 batches".

use std::borrow::Cow;

/// So many of what one of them is called.
pub fn counted(count: u64, one: &str) -> String {
    format!("{count} {}", noun(count, one))
}

/// What so many of them are called, for a count that is written in a form of its own.
pub fn noun(count: u64, one: &str) -> Cow<'_, str> {
    if count == 1 { Cow::Borrowed(one) } else { Cow::Owned(plural(one)) }
}

/// The plural of an English noun of a regular kind.
fn plural(one: &str) -> String {
    let is_vowel = |letter: u8| b"aeiou".contains(&letter);
    match one.as_bytes() {
        [.., before, b'y'] if !is_vowel(*before) => format!("{}ies", one.trim_end_matches('y')),
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{one}es"),
        _ => format!("{one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_else_is_not() {
        assert_eq!(counted(1, "photo"), "1 photo");
        assert_eq!(counted(0, "photo"), "0 photos");
        assert_eq!(counted(2, "batch"), "2 batches");
        assert_eq!(counted(1, "batch"), "1 batch");
        assert_eq!(counted(3, "answer key"), "3 answer keys");
        assert_eq!(counted(2, "copy"), "2 copies");
        assert_eq!(counted(2, "pass"), "2 passes");
        assert_eq!(noun(1_000, "row"), "rows");
    }
}

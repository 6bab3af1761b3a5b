//! Text as a warehouse takes it: within its column's cap, and without NUL.

/// `text` cut to at most `cap` bytes between two characters, each NUL made U+FFFD.
///
/// SQLite keeps a NUL but most tools stop reading there, and Redshift's COPY refuses it; every other character is
/// taken by both, so nothing else is touched.
pub fn fit(text: &str, cap: usize) -> String {
    let clean = text.replace('\0', "\u{FFFD}");
    if clean.len() <= cap {
        return clean;
    }
    let end = clean.char_indices().map(|(at, _)| at).take_while(|at| *at <= cap).last().unwrap_or(0);
    clean.get(..end).unwrap_or_default().to_owned()
}

/// [`fit`], and `None` for what is empty.
pub fn fit_some(text: &str, cap: usize) -> Option<String> {
    (!text.is_empty()).then(|| fit(text, cap)).filter(|text| !text.is_empty())
}

/// Where `word`, of ASCII letters and signs, begins in a text, in any case. Payloads are short: a searcher that prepares
/// itself for each word, as the standard library's does, takes longer than the search.
pub fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let (first, rest) = word.split_first()?;
    let last = text.len().checked_sub(word.len())?;
    text.get(..=last)?.iter().enumerate().find_map(|(at, letter)| {
        let is_there = letter.eq_ignore_ascii_case(first)
            && text.get(at + 1..at + word.len()).is_some_and(|behind| behind.eq_ignore_ascii_case(rest));
        is_there.then_some(at)
    })
}

/// Whether any of these words of ASCII is in a text, in any case.
pub fn holds_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| find_ignoring_case(text, word).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_between_characters_and_replaces_nul() {
        assert_eq!(fit("häuser", 2), "h");
        assert_eq!(fit("häuser", 3), "hä");
        assert_eq!(fit("a\0b", 16), "a\u{FFFD}b");
        assert_eq!(fit("a\0b", 3), "a");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_some("", 5), None);
        assert_eq!(fit_some("é", 1), None);
    }

    #[test]
    fn words_are_found_in_any_case() {
        for (text, word, at) in [
            ("a WiFi:", "wifi:", Some(2)),
            ("wifi", "wifi:", None),
            ("wifi:", "wifi:", Some(0)),
            ("", "a", None),
            ("éA", "a", Some(2)),
            ("aab", "ab", Some(1)),
        ] {
            assert_eq!(find_ignoring_case(text, word), at, "{text} {word}");
            assert_eq!(holds_any(text, &["none of them", word]), at.is_some());
        }
    }

    proptest! {
        #[test]
        fn never_over_the_cap_and_longest_that_fits(text in any::<String>(), cap in 0usize..64) {
            let cut = fit(&text, cap);
            let clean = text.replace('\0', "\u{FFFD}");
            prop_assert!(cut.len() <= cap && clean.starts_with(&cut) && !cut.contains('\0'));
            if let Some(next) = clean[cut.len()..].chars().next() {
                prop_assert!(cut.len() + next.len_utf8() > cap);
            }
        }
    }
}

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

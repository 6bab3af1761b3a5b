//! What a text says, known from a moment ago: the code of one poster or product is in many photos, and a text is read in far
//! more time than it is found again.

use std::cell::RefCell;
use std::collections::HashMap;

use super::payload::Payload;

/// Texts that a thread keeps, and the longest of them: some hundred kilobytes in all.
const MOST: usize = 128;
const LONGEST: usize = 512;

thread_local! {
    static KNOWN: RefCell<HashMap<String, Payload>> = RefCell::default();
}

/// What `read` makes of the text, or made of it on this thread. A text in which anything is hidden is not kept.
pub(super) fn remembered(text: &str, read: impl FnOnce(&str) -> Payload) -> Payload {
    if text.len() > LONGEST {
        return read(text);
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(text).cloned()) {
        return known;
    }
    let payload = read(text);
    if payload.stored == text {
        KNOWN.with_borrow_mut(|known| {
            // All at once: which of them comes again is not known, and to keep account costs more than a few readings.
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(text.to_owned(), payload.clone());
        });
    }
    payload
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn kept() -> usize {
        KNOWN.with_borrow(HashMap::len)
    }

    #[test]
    fn a_text_is_read_once_and_a_secret_is_not_kept() {
        let times = Cell::new(0);
        let read = |stored: &str| {
            times.set(times.get() + 1);
            Payload { stored: stored.to_owned(), kind: "text", ..Payload::default() }
        };
        let first = remembered("a", read);
        assert_eq!((remembered("a", read), times.get()), (first, 1));
        let hide = |_: &str| read("REDACTED");
        assert_eq!(
            (remembered("pw", hide).stored, remembered("pw", hide).stored),
            ("REDACTED".into(), "REDACTED".into())
        );
        assert_eq!((times.get(), kept()), (3, 1));
        let long = "x".repeat(LONGEST + 1);
        assert_eq!((remembered(&long, read).stored == long, kept()), (true, 1));
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        for number in 0..3 * MOST {
            let text = number.to_string();
            let payload = remembered(&text, |text| Payload { stored: text.to_owned(), ..Payload::default() });
            assert!(payload.stored == text && kept() <= MOST);
        }
    }
}

//! One log line a cause and minute: an outage that hits a million photos must not make a million lines.
//!
//! [`Seldom::ask`] says whether a line is due and how many were held back since the last one. What is held back when the
//! cause goes away is told by [`tell_rest`], so that no count is lost.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time between two lines of one cause.
pub const PAUSE: Duration = Duration::from_secs(60);
/// Causes that are told apart; all others share one line a minute.
const MAX_CAUSES: usize = 256;
/// Bytes of a cause that tell it from others.
const MAX_CAUSE: usize = 240;
const OTHERS: &str = "other causes";

/// When each cause was last told.
#[derive(Debug, Default)]
pub struct Seldom {
    causes: Mutex<HashMap<String, Told>>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    held_back: u64,
}

static PROCESS: LazyLock<Seldom> = LazyLock::new(Seldom::default);

/// Whether a line about `cause` is due now in this process, see [`Seldom::ask`].
pub fn ask(cause: String) -> Option<u64> {
    PROCESS.ask(cause, Instant::now())
}

/// Logs how many lines were held back of causes that have been silent since. Called every few seconds at most.
pub fn tell_rest() {
    tell(PROCESS.take_rest(Instant::now()));
}

/// The same of every cause, for the end of the engine: after it there is no later.
pub fn tell_all() {
    tell(PROCESS.take_rest(Instant::now() + PAUSE));
}

fn tell(rest: Vec<(String, u64)>) {
    for (cause, held_back) in rest {
        tracing::warn!(cause, more_like_it = held_back, "held back in the last minute");
    }
}

impl Seldom {
    /// `Some` when a line about `cause` is due, with the number of those held back since its last one.
    pub fn ask(&self, mut cause: String, now: Instant) -> Option<u64> {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        cause.truncate(cause.floor_char_boundary(MAX_CAUSE));
        if !causes.contains_key(&cause) && causes.len() >= MAX_CAUSES {
            OTHERS.clone_into(&mut cause);
        }
        match causes.get_mut(&cause) {
            None => {
                causes.insert(cause, Told { at: now, held_back: 0 });
                Some(0)
            }
            Some(told) if now.saturating_duration_since(told.at) < PAUSE => {
                told.held_back += 1;
                None
            }
            Some(told) => {
                told.at = now;
                Some(std::mem::take(&mut told.held_back))
            }
        }
    }

    /// Forgets causes whose minute is over, and returns those of which lines were held back.
    pub fn take_rest(&self, now: Instant) -> Vec<(String, u64)> {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let over = causes.extract_if(|_, told| now.saturating_duration_since(told.at) >= PAUSE);
        let mut rest: Vec<_> =
            over.map(|(cause, told)| (cause, told.held_back)).filter(|(_, held)| *held > 0).collect();
        rest.sort();
        rest
    }
}

/// What of an error's text is its cause: without names in backticks, without words that hold a path, a URL or a number.
/// Errors about a thousand objects then have one cause.
pub fn cause_of(text: &str) -> String {
    let mut outside = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        outside.push_str(if index % 2 == 0 { part } else { "…" });
    }
    let is_name = |word: &str| word.contains('/') || word.bytes().any(|byte| byte.is_ascii_digit());
    let words = outside.split_whitespace().map(|word| if is_name(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_cause_and_minute_and_no_count_lost() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let mut lines = 0;
        let mut counted = 0;
        for second in 0..600 {
            for _ in 0..100 {
                if let Some(held_back) = seldom.ask("store".into(), start + Duration::from_secs(second)) {
                    lines += 1;
                    counted += held_back + 1;
                }
            }
        }
        assert_eq!(lines, 10);
        assert_eq!(seldom.take_rest(start + Duration::from_secs(599)), [], "its minute is not over");
        let rest = seldom.take_rest(start + Duration::from_secs(700));
        assert_eq!(rest.len(), 1);
        assert_eq!(counted + rest[0].1, 60_000);
        assert_eq!(seldom.take_rest(start + Duration::from_secs(700)), []);
        assert_eq!(seldom.ask("store".into(), start + Duration::from_secs(701)), Some(0), "a new one is told at once");
    }

    #[test]
    fn causes_without_number_take_no_memory_without_bound() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        let said = (0..10_000).filter(|index| seldom.ask(format!("cause é{index}"), now).is_some()).count();
        assert_eq!(said, MAX_CAUSES + 1);
        assert_eq!(seldom.causes.lock().unwrap().len(), MAX_CAUSES + 1);
        let long = "é".repeat(MAX_CAUSE);
        assert!(Seldom::default().ask(long, now).is_some());
    }

    #[test]
    fn names_are_no_causes() {
        for (text, cause) in [
            ("reading s3://inbox/a.jpg: SlowDown: reduce your rate", "reading … SlowDown: reduce your rate"),
            (
                "cannot open `/data/in box/a b.jpg`: Permission denied (os error 13)",
                "cannot open …: Permission denied (os error …",
            ),
            ("", ""),
        ] {
            assert_eq!(cause_of(text), cause);
        }
    }
}

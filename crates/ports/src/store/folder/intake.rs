//! What of the inbox is not read, and why: the watch keeps it, page, metrics and `/state` show it.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::Serialize;

use scanmill_core::domain::WhyLeftOut;
use scanmill_core::error::Error;
use scanmill_telemetry::labels::{InboxWaiting, InboxWatch};
use scanmill_telemetry::names;
use scanmill_telemetry::seldom::{self, cause_of};

/// Names kept; more are only counted.
const MAX_NAMED: usize = 10_000;

/// What the watch leaves out and waits for, for people and programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntakeState {
    /// Names in the inbox that are left out, by reason; a folder counts as one.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Some of those that somebody should look at, with the reason.
    pub examples: BTreeMap<String, &'static str>,
    /// Files that changed a moment ago, or that somebody has open for writing.
    pub waiting: u64,
    /// Of them, those that somebody has open for writing.
    pub being_written: u64,
    /// How new files are found: `following`, `scanning` or, while nothing finds them, `failing`.
    pub watch: &'static str,
    /// What keeps photos from being announced, if something does.
    pub trouble: Option<String>,
}

/// What keeps photos of the inbox from being announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxTrouble {
    /// The queue takes no messages; otherwise the folder is not seen.
    pub is_of_queue: bool,
    /// For how long, and what was said last.
    pub why: String,
}

/// What the watch does that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// Listing the inbox.
    Listing,
    /// Opening what was found.
    Opening,
    /// Telling the queue.
    Announcing,
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Doing::Listing => "the inbox cannot be listed",
            Doing::Opening => "files of the inbox cannot be opened",
            Doing::Announcing => "photos of the inbox cannot be announced",
        }
    }

    /// Failures in a row until it is trouble: another's lock on the queue may cost one.
    fn patience(self) -> u32 {
        match self {
            Doing::Listing | Doing::Opening => 1,
            Doing::Announcing => 2,
        }
    }
}

struct Failing {
    since: Instant,
    times: u32,
    report: String,
}

/// What was left out, by name.
#[derive(Default)]
struct Names {
    named: HashMap<String, WhyLeftOut>,
    more: BTreeMap<WhyLeftOut, u64>,
}

impl Names {
    fn add(&mut self, key: &str, why: WhyLeftOut) {
        if self.named.len() < MAX_NAMED || self.named.contains_key(key) {
            self.named.insert(key.to_owned(), why);
        } else {
            *self.more.entry(why).or_default() += 1;
        }
    }

    fn counts(&self) -> BTreeMap<WhyLeftOut, u64> {
        let mut counts = self.more.clone();
        self.named.values().for_each(|why| *counts.entry(*why).or_default() += 1);
        counts
    }
}

/// The watch's own account. A scan of everything replaces what was known before it.
#[derive(Default)]
pub(super) struct Intake {
    known: Names,
    scanning: Option<Names>,
    waiting: u64,
    being_written: u64,
    failing: BTreeMap<Doing, Failing>,
    is_blind: bool,
    /// The metrics do not show all of it yet.
    is_news: bool,
}

impl Intake {
    /// A scan of everything begins.
    pub(super) fn begin_scan(&mut self) {
        self.scanning = Some(Names::default());
    }

    /// It ended; `is_whole` unless it broke off.
    pub(super) fn end_scan(&mut self, is_whole: bool) {
        if let Some(found) = self.scanning.take().filter(|_| is_whole) {
            self.known = found;
        }
        self.is_news = true;
        self.publish();
    }

    pub(super) fn leave_out(&mut self, key: &str, why: WhyLeftOut) {
        self.known.add(key, why);
        self.is_news = true;
        if let Some(scanning) = &mut self.scanning {
            scanning.add(key, why);
        }
    }

    /// It is read after all.
    pub(super) fn take_in(&mut self, key: &str) {
        self.is_news |= self.known.named.remove(key).is_some();
        if let Some(scanning) = &mut self.scanning {
            scanning.named.remove(key);
        }
    }

    pub(super) fn wait(&mut self, waiting: usize, being_written: usize) {
        let now = (waiting as u64, being_written as u64);
        self.is_news |= now != (self.waiting, self.being_written);
        (self.waiting, self.being_written) = now;
    }

    /// What the watch does failed. Logs one line a cause and minute.
    pub(super) fn fails(&mut self, doing: Doing, error: &Error) {
        let failing = self.failing.entry(doing).or_insert_with(|| Failing {
            since: Instant::now(),
            times: 0,
            report: String::new(),
        });
        failing.times = failing.times.saturating_add(1);
        failing.report = error.report();
        self.is_news = true;
        let words = doing.words();
        if let Some(more_like_it) = seldom::ask(format!("{words} {}", cause_of(&error.to_string()))) {
            let hint = error.hint_text().unwrap_or_default();
            tracing::error!(%error, hint, more_like_it, "{words}; trying again");
        }
    }

    /// It went well.
    pub(super) fn works(&mut self, doing: Doing) {
        if let Some(failing) = self.failing.remove(&doing) {
            self.is_news = true;
            let seconds = failing.since.elapsed().as_secs();
            tracing::info!(seconds, "over: {}", doing.words());
        }
    }

    /// The kernel reports changes, or does not.
    pub(super) fn set_blind(&mut self, is_blind: bool) {
        (self.is_blind, self.is_news) = (is_blind, true);
    }

    /// What keeps photos from being announced, if something does.
    pub(super) fn trouble(&self) -> Option<InboxTrouble> {
        let (doing, failing) = self.failing.iter().find(|(doing, failing)| failing.times >= doing.patience())?;
        let why = format!("{} for {} s: {}", doing.words(), failing.since.elapsed().as_secs(), failing.report);
        Some(InboxTrouble { is_of_queue: *doing == Doing::Announcing, why })
    }

    fn watch(&self) -> InboxWatch {
        match (self.trouble().is_some(), self.is_blind) {
            (true, _) => InboxWatch::Failing,
            (false, true) => InboxWatch::Scanning,
            (false, false) => InboxWatch::Following,
        }
    }

    /// Shows it in the metrics.
    pub(super) fn publish(&mut self) {
        if !std::mem::take(&mut self.is_news) {
            return;
        }
        let counts = self.known.counts();
        for &why in WhyLeftOut::ALL {
            let count = counts.get(&why).copied().unwrap_or(0);
            names::INBOX_LEFT_OUT.set(why, count as f64);
        }
        names::INBOX_WAITING.set(InboxWaiting::Open, self.being_written as f64);
        let rest = self.waiting.saturating_sub(self.being_written) as f64;
        let is_announced = !self.failing.contains_key(&Doing::Announcing);
        names::INBOX_WAITING.set(InboxWaiting::Changing, if is_announced { rest } else { 0.0 });
        names::INBOX_WAITING.set(InboxWaiting::Unannounced, if is_announced { 0.0 } else { rest });
        for &state in InboxWatch::ALL {
            names::INBOX_WATCH.set(state, f64::from(u8::from(state == self.watch())));
        }
    }

    pub(super) fn state(&self) -> IntakeState {
        let surprising = self.known.named.iter().filter(|(_, why)| why.is_surprising());
        let examples: BTreeMap<&String, &WhyLeftOut> = surprising.collect();
        IntakeState {
            left_out: self.known.counts().into_iter().map(|(why, count)| (why.as_str(), count)).collect(),
            examples: examples.into_iter().take(20).map(|(key, why)| (key.clone(), why.as_str())).collect(),
            waiting: self.waiting,
            being_written: self.being_written,
            watch: self.watch().as_str(),
            trouble: self.trouble().map(|trouble| trouble.why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_scan_replaces_what_was_known_and_a_broken_one_does_not() {
        let mut intake = Intake::default();
        intake.leave_out("link", WhyLeftOut::Symlink);
        intake.begin_scan();
        intake.leave_out("fifo", WhyLeftOut::Fifo);
        intake.end_scan(false);
        assert_eq!(intake.state().left_out, BTreeMap::from([("fifo", 1), ("symlink", 1)]));
        intake.begin_scan();
        intake.leave_out("fifo", WhyLeftOut::Fifo);
        intake.leave_out("secret", WhyLeftOut::Unreadable);
        intake.take_in("secret");
        intake.leave_out(".hidden", WhyLeftOut::Hidden);
        intake.end_scan(true);
        assert_eq!(intake.state().left_out, BTreeMap::from([("fifo", 1), ("hidden", 1)]));
        assert_eq!(intake.state().examples, BTreeMap::from([("fifo".to_owned(), "fifo")]));
    }

    #[test]
    fn trouble_is_told_until_it_is_over() {
        let mut intake = Intake::default();
        assert_eq!((intake.state().watch, intake.state().trouble), ("following", None));
        intake.set_blind(true);
        let full = Error::transient("queue `q` cannot grow").with_hint("free some space");
        intake.fails(Doing::Announcing, &full);
        assert_eq!(intake.state().watch, "scanning", "another's lock may cost one");
        intake.fails(Doing::Announcing, &full);
        let InboxTrouble { is_of_queue, why: trouble } = intake.trouble().unwrap();
        assert!(
            is_of_queue && trouble.contains("cannot be announced") && trouble.contains("free some space"),
            "{trouble}"
        );
        assert_eq!(intake.state().watch, "failing");
        intake.works(Doing::Announcing);
        assert_eq!((intake.state().watch, intake.state().trouble), ("scanning", None));
    }

    #[test]
    fn more_than_can_be_named_is_counted() {
        let mut intake = Intake::default();
        for number in 0..MAX_NAMED + 5 {
            intake.leave_out(&number.to_string(), WhyLeftOut::Symlink);
        }
        intake.leave_out("0", WhyLeftOut::Symlink);
        assert_eq!(intake.state().left_out, BTreeMap::from([("symlink", MAX_NAMED as u64 + 5)]));
        assert_eq!(intake.state().examples.len(), 20);
    }
}

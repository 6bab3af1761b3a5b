//! What of the inbox is not read, and why: the watch keeps it, page, metrics and `/state` show it.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::store::WhyLeftOut;
use crate::telemetry::names;

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

    /// Shows it in the metrics.
    pub(super) fn publish(&mut self) {
        if !std::mem::take(&mut self.is_news) {
            return;
        }
        let counts = self.known.counts();
        for why in WhyLeftOut::ALL {
            let count = counts.get(&why).copied().unwrap_or(0);
            names::INBOX_LEFT_OUT.set(Some(why.as_str()), count as f64);
        }
        names::INBOX_WAITING.set(Some("open"), self.being_written as f64);
        names::INBOX_WAITING.set(Some("changing"), self.waiting.saturating_sub(self.being_written) as f64);
    }

    pub(super) fn state(&self) -> IntakeState {
        let surprising = self.known.named.iter().filter(|(_, why)| why.is_surprising());
        let examples: BTreeMap<&String, &WhyLeftOut> = surprising.collect();
        IntakeState {
            left_out: self.known.counts().into_iter().map(|(why, count)| (why.as_str(), count)).collect(),
            examples: examples.into_iter().take(20).map(|(key, why)| (key.clone(), why.as_str())).collect(),
            waiting: self.waiting,
            being_written: self.being_written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_a_value_of_the_label() {
        let label = names::INBOX_LEFT_OUT.label.unwrap();
        assert_eq!(WhyLeftOut::ALL.map(WhyLeftOut::as_str), label.values);
    }

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

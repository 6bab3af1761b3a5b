//! Series, each looked up once a thread. A lookup makes a key of names, hashes it and takes a lock, and a photo is counted
//! some thirty times on its way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::LocalKey;

/// A label's name and value.
type LabelPair = (&'static str, &'static str);

/// Where name and value lie, not what they say: the same constants each time, or else the series is looked up once more.
type LabelKey = (*const str, Option<*const str>);

type Known<T> = RefCell<HashMap<LabelKey, T>>;

/// Whether there is a recorder. What is looked up before counts nowhere, and must not be kept.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static COUNTERS: Known<metrics::Counter> = RefCell::default();
    static GAUGES: Known<metrics::Gauge> = RefCell::default();
    static HISTOGRAMS: Known<metrics::Histogram> = RefCell::default();
}

/// From now on series are kept: the recorder that has them lives as long as the process.
pub(super) fn keep() {
    IS_INSTALLED.store(true, Ordering::Release);
}

pub(super) fn counter(name: &'static str, label: Option<LabelPair>) -> metrics::Counter {
    known(&COUNTERS, name, label, |labels| metrics::counter!(name, labels))
}

pub(super) fn gauge(name: &'static str, label: Option<LabelPair>) -> metrics::Gauge {
    known(&GAUGES, name, label, |labels| metrics::gauge!(name, labels))
}

pub(super) fn histogram(name: &'static str, label: Option<LabelPair>) -> metrics::Histogram {
    known(&HISTOGRAMS, name, label, |labels| metrics::histogram!(name, labels))
}

fn known<T: Clone>(
    series: &'static LocalKey<Known<T>>,
    name: &'static str,
    label: Option<LabelPair>,
    look_up: impl Fn(&[LabelPair]) -> T,
) -> T {
    let look_up = || look_up(label.as_slice());
    if !IS_INSTALLED.load(Ordering::Acquire) {
        return look_up();
    }
    let key: LabelKey = (name, label.map(|(_, value)| std::ptr::from_ref(value)));
    let of_thread = series.try_with(|series| series.borrow_mut().entry(key).or_insert_with(look_up).clone());
    // A thread that ends has none left.
    of_thread.unwrap_or_else(|_| look_up())
}

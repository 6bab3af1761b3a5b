//! What a metric is, and the one way to count: by its kind and by the enum of its label, so that a value nobody listed,
//! or a label left out, does not compile.

use std::marker::PhantomData;

use super::handles;

/// What kind of series a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows. In seconds it grows by fractions.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets of observations.
    Histogram,
}

/// One label and every value it can take.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: &'static [&'static str],
}

/// One metric family, as described to whoever lists them.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name with prefix, unit and `_total` where it belongs.
    pub name: &'static str,
    /// Kind.
    pub kind: MetricKind,
    /// Unit of the value.
    pub unit: &'static str,
    /// Help text.
    pub help: &'static str,
    /// Its one label, if it has one.
    pub label: Option<Label>,
}

impl Metric {
    /// Whether it is a counter that grows by fractions. The recorder knows whole counters only, so it is kept there as a
    /// gauge and shown as what it is.
    pub fn is_fractional(&self) -> bool {
        self.kind == MetricKind::Counter && self.unit == "seconds"
    }
}

/// What a label can be: a closed list.
///
/// ```compile_fail
/// scanmill::telemetry::names::LOADS.add("fine", 1);
/// ```
/// ```compile_fail
/// scanmill::telemetry::names::LOADS.add(1);
/// ```
pub trait LabelValue: Copy {
    /// Every value, as exported.
    const TEXTS: &'static [&'static str];
    /// This value, as exported.
    fn text(self) -> &'static str;
}

/// A kind as a type.
pub trait IsKind {
    /// The kind.
    const KIND: MetricKind;
}

/// Kinds as types.
pub mod kinds {
    use super::{IsKind, MetricKind};

    /// A counter of whole things.
    #[derive(Clone, Copy, Debug)]
    pub enum Counts {}
    /// A counter of seconds.
    #[derive(Clone, Copy, Debug)]
    pub enum CountsSeconds {}
    /// A gauge.
    #[derive(Clone, Copy, Debug)]
    pub enum Gauges {}
    /// A histogram.
    #[derive(Clone, Copy, Debug)]
    pub enum Observes {}

    impl IsKind for Counts {
        const KIND: MetricKind = MetricKind::Counter;
    }
    impl IsKind for CountsSeconds {
        const KIND: MetricKind = MetricKind::Counter;
    }
    impl IsKind for Gauges {
        const KIND: MetricKind = MetricKind::Gauge;
    }
    impl IsKind for Observes {
        const KIND: MetricKind = MetricKind::Histogram;
    }
}

/// A metric of kind `K` whose label is the enum `L`; `()` for none.
#[derive(Clone, Copy, Debug)]
pub struct Family<K, L = ()> {
    metric: Metric,
    types: PhantomData<fn(K, L)>,
}

/// Counts whole things.
pub type Counter<L = ()> = Family<kinds::Counts, L>;
/// Counts seconds: told how far it has come.
pub type SecondsCounter<L = ()> = Family<kinds::CountsSeconds, L>;
/// Goes up and down.
pub type Gauge<L = ()> = Family<kinds::Gauges, L>;
/// Buckets of observations.
pub type Histogram<L = ()> = Family<kinds::Observes, L>;

/// A metric without a label.
pub(super) const fn plain<K: IsKind>(name: &'static str, unit: &'static str, help: &'static str) -> Family<K> {
    Family { metric: Metric { name, kind: K::KIND, unit, help, label: None }, types: PhantomData }
}

/// A metric by a label of this name.
pub(super) const fn by<K: IsKind, L: LabelValue>(
    label: &'static str,
    name: &'static str,
    unit: &'static str,
    help: &'static str,
) -> Family<K, L> {
    let label = Some(Label { name: label, values: L::TEXTS });
    Family { metric: Metric { name, kind: K::KIND, unit, help, label }, types: PhantomData }
}

impl<K, L> Family<K, L> {
    /// Its description.
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.metric.name
    }
}

impl<K, L: LabelValue> Family<K, L> {
    fn label(&self, value: L) -> (&'static str, &'static str) {
        // `by` gave it one: there is no other way to make such a family.
        (self.metric.label.map_or("", |label| label.name), value.text())
    }
}

impl Counter {
    /// Adds.
    pub fn add(&self, amount: u64) {
        handles::counter(self.metric.name, None).increment(amount);
    }
}

impl<L: LabelValue> Counter<L> {
    /// Adds.
    pub fn add(&self, value: L, amount: u64) {
        handles::counter(self.metric.name, Some(self.label(value))).increment(amount);
    }
}

impl SecondsCounter {
    /// Tells how far it has come.
    pub fn set(&self, seconds: f64) {
        handles::gauge(self.metric.name, None).set(seconds);
    }
}

impl<L: LabelValue> SecondsCounter<L> {
    /// Tells how far it has come.
    pub fn set(&self, value: L, seconds: f64) {
        handles::gauge(self.metric.name, Some(self.label(value))).set(seconds);
    }
}

impl Gauge {
    /// Sets.
    pub fn set(&self, amount: f64) {
        handles::gauge(self.metric.name, None).set(amount);
    }
}

impl<L: LabelValue> Gauge<L> {
    /// Sets.
    pub fn set(&self, value: L, amount: f64) {
        handles::gauge(self.metric.name, Some(self.label(value))).set(amount);
    }
}

impl Histogram {
    /// Adds an observation.
    pub fn observe(&self, seconds: f64) {
        self.observe_many(seconds, 1);
    }

    /// Adds an observation, so many times.
    pub fn observe_many(&self, seconds: f64, times: usize) {
        handles::histogram(self.metric.name, None).record_many(seconds, times);
    }
}

impl<L: LabelValue> Histogram<L> {
    /// Adds an observation.
    pub fn observe(&self, value: L, seconds: f64) {
        handles::histogram(self.metric.name, Some(self.label(value))).record(seconds);
    }
}

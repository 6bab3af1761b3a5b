//! The figures of a report by name: what the text lists, the page shows and two reports are compared by.

use super::LoadReport;
use super::format::Unit;
use super::measured::Quantiles;
use scanmill_core::quantile::told;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More.
    More,
    /// Less.
    Less,
    /// Neither: it says what was, not how good.
    Neither,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it belongs to.
    pub group: &'static str,
    /// Its name within the group.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// In.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
}

/// All figures that the report has.
pub fn figures(report: &LoadReport) -> Vec<Figure> {
    let mut all = Figures::default();
    let pump = &report.pump;
    all.group = "pump";
    all.add("photos", Some(pump.photos as f64), Unit::Count, Better::Neither);
    all.add("asked", pump.pace.as_ref().map(|pace| pace.asked_per_second), Unit::PerSecond, Better::Neither);
    let achieved = pump.pace.as_ref().map(|pace| pace.achieved_per_second);
    all.add("put in the time asked for", achieved, Unit::PerSecond, Better::More);
    all.add("put", Some(pump.put_per_second), Unit::PerSecond, Better::More);
    all.add("CPU to make a photo", Some(pump.make_cpu_ms()), Unit::Millis, Better::Less);
    all.add("bytes a photo", Some(pump.bytes as f64 / pump.photos.max(1) as f64), Unit::Bytes, Better::Neither);
    all.quantiles("lateness", pump.lateness.as_ref());
    all.quantiles("put time", pump.put_time.as_ref());
    let durable = report.engine.as_ref().and_then(|engine| engine.durable_per_second());
    all.group = "rate";
    all.add("durable", durable, Unit::PerSecond, Better::More);
    all.add("until all loaded", report.loaded_per_second(), Unit::PerSecond, Better::More);
    all.group = "until durable";
    all.quantiles("", report.durable.as_ref().map(|latency| &latency.quantiles));
    all.group = "until row";
    all.quantiles("", report.row.as_ref().map(|latency| &latency.quantiles));
    if let Some(engine) = &report.engine {
        all.group = "engine";
        all.add("CPU a photo", engine.cpu_ms(), Unit::Millis, Better::Less);
        all.add("decode CPU a photo", engine.decode_cpu_ms(), Unit::Millis, Better::Less);
        let peak = (engine.peak_resident_bytes > 0).then_some(engine.peak_resident_bytes as f64);
        all.add("most memory", peak, Unit::Bytes, Better::Less);
        all.add("batches", Some(engine.batches() as f64), Unit::Count, Better::Neither);
        all.add("redelivered", Some(engine.redelivered as f64), Unit::Count, Better::Less);
        all.add("errors", Some(engine.errors as f64), Unit::Count, Better::Less);
        all.group = "stage";
        for time in engine.stages.iter().filter(|time| time.count > 0) {
            let name = time.stage.replace('_', " ");
            all.add(&format!("{name} mean"), Some(time.mean), Unit::Millis, Better::Less);
            all.add(&format!("{name} p99"), Some(time.p99), Unit::Millis, Better::Less);
        }
        all.group = "limit";
        for track in &engine.limits {
            all.add(&format!("{} most", track.stage), Some(track.max as f64), Unit::Count, Better::Neither);
        }
    }
    if let Some(verdict) = &report.verdict {
        all.group = "rows";
        all.add("scans", Some(verdict.rows as f64), Unit::Count, Better::Neither);
        all.add("rejections", Some(verdict.rejections as f64), Unit::Count, Better::Neither);
        all.add("lost", Some(verdict.lost as f64), Unit::Count, Better::Less);
        all.add("doubled", Some(verdict.doubled as f64), Unit::Count, Better::Less);
        all.add("wrong", Some(verdict.wrong as f64), Unit::Count, Better::Less);
    }
    if let Some(costs) = &report.costs {
        all.group = "a million photos";
        for way in &costs.ways {
            all.add(&way.name, Some(way.usd), Unit::Dollars, Better::Less);
        }
        all.add("break-even a day", costs.break_even.photos_per_day, Unit::Count, Better::Less);
    }
    all.figures
}

#[derive(Default)]
struct Figures {
    group: &'static str,
    figures: Vec<Figure>,
}

impl Figures {
    fn add(&mut self, name: &str, value: Option<f64>, unit: Unit, better: Better) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        self.figures.push(Figure { group: self.group, name: name.to_owned(), value, unit, better });
    }

    fn quantiles(&mut self, name: &str, quantiles: Option<&Quantiles>) {
        let Some(quantiles) = quantiles.filter(|quantiles| quantiles.count > 0) else { return };
        for (quantile, value) in by_name(quantiles) {
            self.add(format!("{name} {quantile}").trim(), value, Unit::Millis, Better::Less);
        }
    }
}

/// Quantiles with their names; without a value where too few times were recorded for it.
pub fn by_name(quantiles: &Quantiles) -> [(&'static str, Option<f64>); 6] {
    let told = |quantile, value| told(quantile, quantiles.count, value);
    [
        ("p50", told(0.5, quantiles.p50)),
        ("p90", told(0.9, quantiles.p90)),
        ("p99", told(0.99, quantiles.p99)),
        ("p99.9", told(0.999, quantiles.p999)),
        ("p99.99", told(0.9999, quantiles.p9999)),
        ("max", Some(quantiles.max)),
    ]
}

//! Counts what is put and when, for the report.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::answer_key::{Expectation, ExpectedPhoto};
use super::make::MakerTimes;
use super::run_report::{Limit, PaceReport, PumpReport, Quantiles, Series};
use scanmill_core::error::{Error, Result};
use scanmill_telemetry::process::process_cpu;

/// Microseconds: an hour. What takes longer counts as that.
const LONGEST_US: u64 = 3_600_000_000;
/// How far the achieved rate may be from the asked one.
const TOLERANCE: f64 = 0.01;
/// Shares of the curve of a distribution.
const CURVE: [f64; 22] = [
    0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995,
    0.9999, 0.99999, 1.0,
];

/// One photo that is durable now.
#[derive(Debug)]
pub struct Delivered {
    /// What must become of it.
    pub expected: ExpectedPhoto,
    /// Its size.
    pub bytes: usize,
    /// When it was due.
    pub due: Option<Instant>,
    /// When its put began.
    pub began: Instant,
    /// When it was durable.
    pub ended: Instant,
    /// What held it up, where it was late.
    pub held_up: Option<Limit>,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// In words: `500/s`.
    pub words: String,
    /// How long the schedule lasts.
    pub window: Duration,
}

/// Counts while a run goes on.
#[derive(Debug)]
pub struct Recorder {
    /// Due times and the series count from here.
    start: Instant,
    cpu_before: Duration,
    asked: Option<Asked>,
    report: PumpReport,
    put_us: Histogram<u64>,
    late_us: Histogram<u64>,
    durable_us: Histogram<u64>,
    in_window: u64,
    /// Late photos by what held them up: makers, store, stamps.
    held_up: [u64; 3],
}

impl Recorder {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// Only a bug.
    pub fn new(start: Instant, asked: Option<Asked>) -> Result<Self> {
        let histogram = || {
            Histogram::new_with_bounds(1, LONGEST_US, 3).map_err(|error| Error::bug("a histogram").with_source(error))
        };
        Ok(Self {
            start,
            cpu_before: process_cpu(),
            asked,
            report: PumpReport { series: Series::new(), ..PumpReport::default() },
            put_us: histogram()?,
            late_us: histogram()?,
            durable_us: histogram()?,
            in_window: 0,
            held_up: [0; 3],
        })
    }

    /// Photos so far.
    pub fn photos(&self) -> u64 {
        self.report.photos
    }

    /// Counts a photo that was made.
    pub fn count(&mut self, expected: &ExpectedPhoto, bytes: usize) {
        let report = &mut self.report;
        report.photos += 1;
        report.bytes += bytes as u64;
        match expected.expect {
            Expectation::Scans { .. } => report.expected_scans += expected.expect.rows(),
            Expectation::Rejected(_) => report.expected_rejections += expected.expect.rows(),
        }
        if let Some(fault) = expected.fault {
            *report.faults.entry(fault.as_str().to_owned()).or_default() += 1;
        }
    }

    /// Counts a stamp whose photo the story does not take.
    pub fn count_declined(&mut self) {
        self.report.declined += 1;
    }

    /// Counts a photo that was put.
    pub fn count_put(&mut self, put: &Delivered) {
        self.count(&put.expected, put.bytes);
        self.put_us.saturating_record(micros(put.ended - put.began));
        self.report.series.count_put(put.ended.saturating_duration_since(self.start).as_secs_f64());
        let Some(due) = put.due else { return };
        self.late_us.saturating_record(micros(put.began.saturating_duration_since(due)));
        self.durable_us.saturating_record(micros(put.ended.saturating_duration_since(due)));
        self.report.series.count_due(due.saturating_duration_since(self.start).as_secs_f64());
        let window = self.asked.as_ref().map(|asked| asked.window);
        self.in_window += u64::from(window.is_some_and(|window| put.began <= self.start + window));
        match put.held_up {
            Some(Limit::Makers) => self.held_up[0] += 1,
            Some(Limit::Store) => self.held_up[1] += 1,
            Some(Limit::Stamps) => self.held_up[2] += 1,
            Some(Limit::Stopped) | None => {}
        }
    }

    /// The report. `asked_photos` are those that were due within the window.
    pub fn finish(mut self, complete: bool, threads: usize, makers: MakerTimes, asked_photos: u64) -> PumpReport {
        let mut report = std::mem::take(&mut self.report);
        report.complete = complete;
        report.seconds = self.start.elapsed().as_secs_f64();
        report.threads = threads;
        report.cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        report.process_cpu_seconds = process_cpu().saturating_sub(self.cpu_before).as_secs_f64();
        report.make_cpu_seconds = makers.cpu.as_secs_f64();
        report.per_second = report.photos as f64 / report.seconds.max(1e-9);
        report.put_ms = quantiles(&self.put_us);
        report.late_ms = quantiles(&self.late_us);
        report.durable_ms = quantiles(&self.durable_us);
        report.pace = self.asked.as_ref().map(|asked| self.pace(asked, &report, makers, asked_photos));
        report
    }

    fn pace(&self, asked: &Asked, report: &PumpReport, makers: MakerTimes, asked_photos: u64) -> PaceReport {
        let seconds = asked.window.as_secs_f64().max(1e-9);
        let missing = asked_photos.saturating_sub(self.in_window) as f64;
        let held = missing <= asked_photos as f64 * TOLERANCE;
        let limit = (!held).then_some(match self.held_up {
            _ if !report.complete => Limit::Stopped,
            [makers, store, stamps] if stamps > makers && stamps > store => Limit::Stamps,
            [makers, store, _] if store > makers => Limit::Store,
            _ => Limit::Makers,
        });
        let mut pace = PaceReport {
            asked: asked.words.clone(),
            window_seconds: seconds,
            asked_photos,
            achieved_photos: self.in_window,
            asked_per_second: asked_photos as f64 / seconds,
            achieved_per_second: self.in_window as f64 / seconds,
            held,
            limit,
            verdict: String::new(),
        };
        pace.verdict = verdict(&pace, report, makers);
        pace
    }
}

fn verdict(pace: &PaceReport, report: &PumpReport, makers: MakerTimes) -> String {
    let rates = format!("{:.1}/s of {:.1}/s asked", pace.achieved_per_second, pace.asked_per_second);
    let Some(limit) = pace.limit else { return format!("held within 1 %: {rates}") };
    let (cores, threads) = (report.cores, report.threads);
    let busy = report.process_cpu_seconds / report.seconds.max(1e-9);
    let why = match limit {
        Limit::Stopped => format!("it was stopped after {:.1} s", report.seconds),
        Limit::Stamps => "stamps came after they were due: the orchestrator or the queue was the limit".to_owned(),
        Limit::Store => format!(
            "the store was the limit (half the puts took more than {:.0} ms, one in a hundred more than {:.0} ms)",
            report.put_ms.p50, report.put_ms.p99
        ),
        Limit::Makers => {
            let remedy = if threads < cores {
                format!("use --threads {cores}")
            } else if makers.cpu.as_secs_f64() < 0.7 * makers.busy.as_secs_f64() {
                "other processes use these cores: stop them, or share the work out with `scanmill orchestrate` and \
                 `distribute` on other machines"
                    .to_owned()
            } else {
                "share the work out with `scanmill orchestrate` and `distribute` on more machines".to_owned()
            };
            format!("making photos was the limit ({busy:.1} of {cores} cores busy, {threads} maker threads): {remedy}")
        }
    };
    format!("not held: {rates}; {why}")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn quantiles(histogram: &Histogram<u64>) -> Quantiles {
    if histogram.is_empty() {
        return Quantiles::default();
    }
    let ms = |us: u64| us as f64 / 1_000.0;
    let at = |share| ms(histogram.value_at_quantile(share));
    Quantiles {
        count: histogram.len(),
        min: ms(histogram.min()),
        mean: histogram.mean() / 1_000.0,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        p9999: at(0.9999),
        max: ms(histogram.max()),
        curve: CURVE.iter().map(|&share| (share, at(share))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Story, StoryOptions, StorySource};

    fn expected() -> ExpectedPhoto {
        let story = Story::new(&StorySource::default(), StoryOptions::default(), "p/".into()).unwrap();
        ExpectedPhoto::of("inbox", &story.photo(story.stamp(0)))
    }

    /// A hundred photos due within a second; `late` of them begin after it.
    fn report(late: u64, held_up: Option<Limit>, complete: bool) -> PumpReport {
        let start = Instant::now();
        let asked = Asked { words: "100/s".into(), window: Duration::from_secs(1) };
        let mut recorder = Recorder::new(start, Some(asked)).unwrap();
        for nth in 0..100 {
            let due = start + Duration::from_millis(nth * 10);
            let began = if nth < late { start + Duration::from_millis(1_500) } else { due + Duration::from_millis(1) };
            let (ended, due) = (began + Duration::from_millis(4), Some(due));
            let held_up = held_up.filter(|_| nth < late);
            recorder.count_put(&Delivered { expected: expected(), bytes: 10, due, began, ended, held_up });
        }
        recorder.finish(complete, 1, MakerTimes::default(), 100)
    }

    #[test]
    fn a_schedule_is_held_when_at_most_one_in_a_hundred_begins_too_late() {
        let report = report(1, Some(Limit::Makers), true);
        let pace = report.pace.unwrap();
        assert!(pace.held && pace.limit.is_none());
        assert_eq!(pace.verdict, "held within 1 %: 99.0/s of 100.0/s asked");
        assert_eq!((report.put_ms.count, report.late_ms.count), (100, 100));
        assert!((report.late_ms.p50 - 1.0).abs() < 0.01 && report.late_ms.max > 1_000.0, "{:?}", report.late_ms);
        assert!((report.durable_ms.p50 - 5.0).abs() < 0.01);
        assert!(report.late_ms.curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        assert_eq!(report.series.due, [100]);
    }

    #[test]
    fn a_schedule_that_is_not_held_says_so_and_why() {
        for (limit, word) in [
            (Limit::Makers, "making photos was the limit"),
            (Limit::Store, "the store was the limit (half the puts took more than 4 ms"),
            (Limit::Stamps, "stamps came after they were due"),
        ] {
            let pace = report(30, Some(limit), true).pace.unwrap();
            assert_eq!((pace.held, pace.limit), (false, Some(limit)));
            assert!(pace.verdict.starts_with("not held: 70.0/s of 100.0/s asked; "), "{}", pace.verdict);
            assert!(pace.verdict.contains(word), "{}", pace.verdict);
        }
        let pace = report(30, Some(Limit::Makers), false).pace.unwrap();
        assert_eq!(pace.limit, Some(Limit::Stopped));
    }
}

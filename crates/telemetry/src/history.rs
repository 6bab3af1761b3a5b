//! The last quarter of an hour as the console draws it, kept by the engine: a page that is opened later shows it too.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Stage, StageTimes, Totals};

/// Time between two points.
const EVERY: Duration = Duration::from_secs(5);
/// How long a point is kept.
const SPAN: Duration = Duration::from_secs(15 * 60);
/// Points at most.
const POINTS: usize = (SPAN.as_secs() / EVERY.as_secs()) as usize;

/// A ring of points, 180 at most.
#[derive(Debug, Default)]
pub struct History {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    points: VecDeque<Point>,
    /// When the last point was made, and how many photos were done by then.
    last: Option<(Instant, u64)>,
}

#[derive(Debug)]
struct Point {
    at: Instant,
    photos_per_second: f64,
    /// From upload to durable rows, of the photos since the point before; none where there were none.
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// Messages in the queue when it last answered; none before.
    waiting: Option<u64>,
}

impl History {
    /// Makes a point if it is time for one. Called often, by the control plane.
    pub fn look(&self, now: Instant, totals: &Totals, stages: &StageTimes, waiting: Option<u64>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let photos = totals.photos();
        let Some((last, before)) = ring.last else {
            ring.last = Some((now, photos));
            // Of photos before the first look nobody knows when they were done.
            stages.take_recent();
            return;
        };
        let since = now.saturating_duration_since(last);
        if since < EVERY {
            return;
        }
        let recent = stages.take_recent();
        let time_of = |time: f64| (recent.count > 0).then_some(time);
        let point = Point {
            at: now,
            photos_per_second: photos.saturating_sub(before) as f64 / since.as_secs_f64(),
            p50_ms: time_of(recent.p50_ms),
            p99_ms: time_of(recent.p99_ms),
            waiting,
        };
        debug_assert_eq!(recent.stage, Stage::UploadToDurable);
        ring.points.push_back(point);
        if ring.points.len() > POINTS {
            ring.points.pop_front();
        }
        ring.last = Some((now, photos));
    }

    /// The points, oldest first, as `/history` answers them. Ages and no times of day: a clock may be set meanwhile.
    pub fn to_json(&self, now: Instant) -> Value {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |point: &Point| now.saturating_duration_since(point.at);
        let points: Vec<Value> = ring
            .points
            .iter()
            .filter(|point| age(point) <= SPAN)
            .map(|point| {
                json!({
                    "age_seconds": age(point).as_secs(),
                    "photos_per_second": (point.photos_per_second * 100.0).round() / 100.0,
                    "p50_ms": point.p50_ms,
                    "p99_ms": point.p99_ms,
                    "waiting": point.waiting,
                })
            })
            .collect();
        json!({ "every_seconds": EVERY.as_secs(), "span_seconds": SPAN.as_secs(), "points": points })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos(totals: &Totals, stages: &StageTimes, count: u64, time: Duration) {
        for _ in 0..count {
            totals.photo(1, None);
            stages.record(Stage::UploadToDurable, time);
        }
    }

    #[test]
    fn a_point_tells_of_the_time_since_the_one_before() {
        let (history, totals, stages) = (History::default(), Totals::default(), StageTimes::new());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        photos(&totals, &stages, 7, Duration::from_secs(9));
        history.look(at(0), &totals, &stages, None);
        assert_eq!(history.to_json(at(0))["points"], json!([]));
        photos(&totals, &stages, 43, Duration::from_secs(9));
        history.look(at(4), &totals, &stages, None);
        history.look(at(5), &totals, &stages, Some(12));
        photos(&totals, &stages, 10, Duration::from_millis(500));
        history.look(at(10), &totals, &stages, Some(0));
        history.look(at(15), &totals, &stages, None);
        let answer = history.to_json(at(16));
        let points = answer["points"].as_array().expect("a list");
        let of = |field: &str| points.iter().map(|point| point[field].clone()).collect::<Vec<_>>();
        assert_eq!(of("age_seconds"), [11, 6, 1]);
        assert_eq!(of("photos_per_second"), [8.6, 2.0, 0.0]);
        assert_eq!(of("waiting"), [json!(12), json!(0), Value::Null]);
        // Slow photos of before are not told of again.
        let p99: Vec<Option<f64>> = of("p99_ms").iter().map(Value::as_f64).collect();
        assert!(p99[0].is_some_and(|time| time > 8_900.0) && p99[1].is_some_and(|time| time < 510.0), "{p99:?}");
        assert_eq!(p99[2], None);
    }

    #[test]
    fn it_keeps_a_quarter_of_an_hour_and_no_more() {
        let (history, totals, stages) = (History::default(), Totals::default(), StageTimes::new());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..3_600 {
            history.look(at(second), &totals, &stages, None);
        }
        assert_eq!(history.to_json(at(3_600))["points"].as_array().map(Vec::len), Some(POINTS));
        // The control plane was away: what is older than the span is not shown as if it were of the span.
        assert_eq!(history.to_json(at(3_600 + 450))["points"].as_array().map(Vec::len), Some(POINTS / 2));
        assert_eq!(history.to_json(at(9_000))["points"], json!([]));
    }
}

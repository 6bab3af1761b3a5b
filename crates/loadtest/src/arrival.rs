//! When photos are due: at once, by a schedule of rates, or in the story's own rhythm.
//!
//! A schedule is open loop: when the n-th photo is due follows from n alone. A store that falls behind shows as late
//! photos, never as a lower load.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When photos are due.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// As soon as possible.
    #[default]
    Unpaced,
    /// By a schedule: the n-th photo at the n-th place of it.
    Paced(Schedule),
    /// When the story has them uploaded, its clock running this much faster than ours.
    Replay {
        /// Story seconds in one of ours.
        speed_up: f64,
    },
}

impl Arrival {
    /// A steady rate of photos per second.
    pub fn steady(per_second: f64) -> Self {
        Arrival::Paced(Schedule { phases: vec![Phase { seconds: 1.0, from: per_second, to: per_second }] })
    }

    /// What was asked for, in words: `500/s`.
    pub fn words(&self) -> String {
        match self {
            Arrival::Unpaced => "as soon as possible".to_owned(),
            Arrival::Replay { speed_up } => format!("the story's rhythm, {speed_up} times as fast"),
            Arrival::Paced(schedule) => {
                let words = |phase: &Phase| match phase {
                    Phase { from, to, .. } if from == to => format!("{from}/s"),
                    Phase { from, to, .. } => format!("{from}/s to {to}/s"),
                };
                match schedule.phases.as_slice() {
                    [only] => words(only),
                    phases => {
                        let parts: Vec<String> =
                            phases.iter().map(|phase| format!("{} for {} s", words(phase), phase.seconds)).collect();
                        format!("{}, again and again", parts.join(", then "))
                    }
                }
            }
        }
    }
}

/// A stretch of time in which the rate goes evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// How long it lasts.
    pub seconds: f64,
    /// Photos per second at its beginning.
    pub from: f64,
    /// Photos per second at its end.
    pub to: f64,
}

impl Phase {
    /// Photos due in its first `seconds`.
    fn photos(&self, seconds: f64) -> f64 {
        self.from * seconds + (self.to - self.from) * seconds * seconds / (2.0 * self.seconds)
    }

    /// Seconds until that many are due.
    fn seconds_until(&self, photos: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        // The root of slope/2 t² + from t = photos, in the form that a small slope does not spoil.
        let root = (self.from * self.from + 2.0 * slope * photos).max(0.0).sqrt();
        if root + self.from > 0.0 { 2.0 * photos / (root + self.from) } else { 0.0 }
    }
}

/// Phases one after the other, again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// At least one, and in one of them the rate is above zero.
    pub phases: Vec<Phase>,
}

impl Schedule {
    /// The rate rises (or falls) evenly over `over`.
    pub fn ramp(from: f64, to: f64, over: Duration) -> Self {
        Self { phases: vec![Phase { seconds: over.as_secs_f64(), from, to }] }
    }

    /// `base` photos per second, and at the end of every `every` a burst of `burst` per second that lasts `lasts`.
    pub fn bursts(base: f64, burst: f64, lasts: Duration, every: Duration) -> Self {
        let calm = every.saturating_sub(lasts).as_secs_f64();
        let steady = |seconds, rate| Phase { seconds, from: rate, to: rate };
        Self { phases: vec![steady(calm, base), steady(lasts.as_secs_f64(), burst)] }
    }

    /// Whether photos ever become due by it, each at a time that can be told.
    pub fn is_sound(&self) -> bool {
        let fits = |phase: &Phase| {
            [phase.seconds, phase.from, phase.to].iter().all(|number| number.is_finite() && *number >= 0.0)
        };
        self.phases.iter().all(fits) && self.round().1 > 0.0
    }

    /// Seconds and photos of one round of all phases.
    fn round(&self) -> (f64, f64) {
        let whole = |phase: &Phase| if phase.seconds > 0.0 { phase.photos(phase.seconds) } else { 0.0 };
        self.phases.iter().fold((0.0, 0.0), |(seconds, photos), phase| (seconds + phase.seconds, photos + whole(phase)))
    }

    /// When the `nth` photo, counted from 0, is due after the start.
    pub fn due(&self, nth: u64) -> Duration {
        let (round_seconds, round_photos) = self.round();
        if round_photos <= 0.0 {
            return Duration::ZERO;
        }
        let rounds = (nth as f64 / round_photos).floor();
        let mut left = nth as f64 - rounds * round_photos;
        let mut at = rounds * round_seconds;
        for phase in self.phases.iter().filter(|phase| phase.seconds > 0.0) {
            let photos = phase.photos(phase.seconds);
            if left < photos {
                at += phase.seconds_until(left);
                break;
            }
            left -= photos;
            at += phase.seconds;
        }
        Duration::try_from_secs_f64(at).unwrap_or(Duration::ZERO)
    }

    /// Photos due before `time` has gone by.
    pub fn photos_within(&self, time: Duration) -> u64 {
        let (round_seconds, round_photos) = self.round();
        let time = time.as_secs_f64();
        let rounds = (time / round_seconds).floor();
        let mut left = time - rounds * round_seconds;
        let mut photos = rounds * round_photos;
        for phase in self.phases.iter().filter(|phase| phase.seconds > 0.0) {
            photos += phase.photos(left.min(phase.seconds));
            left = (left - phase.seconds).max(0.0);
        }
        // A hair less, so that a sum that rounded up does not count a photo due at the very end.
        (photos - 1e-6).ceil().max(0.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Photos due in each second of the first `until`.
    fn by_second(schedule: &Schedule, until: u64) -> Vec<u64> {
        let mut counts = vec![0; until as usize];
        for nth in 0..schedule.photos_within(seconds(until)) {
            counts[schedule.due(nth).as_secs() as usize] += 1;
        }
        counts
    }

    fn steady(rate: f64) -> Schedule {
        let Arrival::Paced(schedule) = Arrival::steady(rate) else { panic!("paced") };
        schedule
    }

    #[test]
    fn a_steady_rate_has_the_same_number_in_every_second() {
        let schedule = steady(50.0);
        assert_eq!(by_second(&schedule, 20), [50; 20]);
        assert_eq!((schedule.due(0), schedule.due(1)), (Duration::ZERO, Duration::from_millis(20)));
        assert_eq!(schedule.due(30_000), seconds(600));
        assert_eq!(steady(1e-4).due(1), seconds(10_000));
        assert_eq!(steady(500.0).photos_within(seconds(600)), 300_000);
        assert_eq!(steady(0.5).photos_within(seconds(3)), 2);
    }

    #[test]
    fn a_ramp_rises_evenly_and_has_the_area_under_its_line() {
        let schedule = Schedule::ramp(10.0, 500.0, seconds(10));
        assert_eq!(schedule.photos_within(seconds(10)), 2_550);
        let counts = by_second(&schedule, 10);
        assert_eq!(counts.iter().sum::<u64>(), 2_550);
        for (second, count) in counts.iter().enumerate() {
            let middle = 10.0 + 49.0 * (second as f64 + 0.5);
            assert!((*count as f64 - middle).abs() <= 1.0, "second {second}: {count}, expected {middle}");
        }
        let falling = by_second(&Schedule::ramp(100.0, 0.0, seconds(10)), 10);
        assert!(falling.windows(2).all(|pair| pair[0] > pair[1]), "{falling:?}");
    }

    #[test]
    fn a_burst_ends_every_period_over_the_base_rate() {
        let schedule = Schedule::bursts(20.0, 200.0, seconds(2), seconds(5));
        let period = [20, 20, 20, 200, 200];
        assert_eq!(by_second(&schedule, 15), period.repeat(3));
        let alone = Schedule::bursts(0.0, 10.0, seconds(1), seconds(4));
        assert_eq!(by_second(&alone, 8), [0, 0, 0, 10, 0, 0, 0, 10]);
    }

    #[test]
    fn a_schedule_that_never_has_a_photo_due_is_not_sound() {
        assert!(steady(1.0).is_sound() && Schedule::ramp(0.0, 1.0, seconds(1)).is_sound());
        assert!(!steady(0.0).is_sound() && !Schedule { phases: Vec::new() }.is_sound());
        assert!(!steady(f64::NAN).is_sound() && !steady(f64::INFINITY).is_sound() && !steady(-1.0).is_sound());
    }

    proptest! {
        #[test]
        fn due_times_rise_and_agree_with_the_count(
            from in 0.0_f64..300.0, to in 0.0_f64..300.0, base in 0.1_f64..100.0, over in 1_u64..50, nth in 0_u64..20_000,
        ) {
            let schedule = Schedule { phases: vec![
                Phase { seconds: over as f64, from, to },
                Phase { seconds: 3.0, from: base, to: base },
            ] };
            prop_assert!(schedule.is_sound());
            let (due, next) = (schedule.due(nth), schedule.due(nth + 1));
            prop_assert!(due <= next, "{due:?} {next:?}");
            // Everything before it is due before it, nothing behind it is.
            let before = schedule.photos_within(due);
            prop_assert!(before.abs_diff(nth) <= 1, "photo {nth} is due when {before} were");
        }
    }
}

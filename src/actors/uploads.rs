//! When the photos of one batch were uploaded, in little memory however many they are.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Times told apart; with more, those that lie close together become one.
const MOST: usize = 128;
/// What is told apart at first, in milliseconds.
const FINEST: i64 = 50;

/// Counts of photos by the time of their upload.
#[derive(Debug)]
pub struct UploadTimes {
    step: i64,
    /// By the time, in steps since 1970.
    counts: BTreeMap<i64, usize>,
}

impl Default for UploadTimes {
    fn default() -> UploadTimes {
        UploadTimes { step: FINEST, counts: BTreeMap::new() }
    }
}

impl UploadTimes {
    /// Notes one photo.
    pub fn add(&mut self, at: Timestamp) {
        *self.counts.entry(at.as_millisecond().div_euclid(self.step)).or_default() += 1;
        while self.counts.len() > MOST {
            self.step *= 2;
            let finer = std::mem::take(&mut self.counts);
            finer.into_iter().for_each(|(at, count)| *self.counts.entry(at.div_euclid(2)).or_default() += count);
        }
    }

    /// Seconds from upload to `now`, each with how many photos; exact to one part in about a hundred of their spread.
    pub fn ages(&self, now: Timestamp) -> impl Iterator<Item = (f64, usize)> {
        let (now, step) = (now.as_millisecond(), self.step);
        self.counts.iter().map(move |(at, count)| {
            let middle = at * step + step / 2;
            ((now - middle).max(0) as f64 / 1_000.0, *count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_photo_counts_and_memory_is_bounded() {
        let at = |millis: i64| Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap();
        let mut times = UploadTimes::default();
        // Uploads over a minute, and some of a day before.
        (0..6_000).for_each(|number| times.add(at(number * 10)));
        times.add(at(-86_400_000));
        assert!(times.counts.len() <= MOST);
        let ages: Vec<(f64, usize)> = times.ages(at(60_000)).collect();
        assert_eq!(ages.iter().map(|(_, count)| count).sum::<usize>(), 6_001);
        let longest = ages.iter().map(|(age, _)| *age).fold(0.0, f64::max);
        assert!((86_000.0..=87_000.0).contains(&longest), "{longest}");
    }

    #[test]
    fn ages_of_a_few_seconds_are_exact_to_a_tenth() {
        let at = |millis: i64| Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap();
        let mut times = UploadTimes::default();
        times.add(at(0));
        times.add(at(1_500));
        let ages: Vec<(f64, usize)> = times.ages(at(2_000)).collect();
        assert!((ages[0].0 - 2.0).abs() < 0.1 && (ages[1].0 - 0.5).abs() < 0.1, "{ages:?}");
    }
}
